/*
 * routes.js - the addresses of the page, and how it goes from one to another without being loaded again.
 *
 * The front end answers each of them with the same page (etc/h2o.conf.in). Addresses are relative to the base that
 * the page was loaded with, which may lie below a path of another server and never changes while the page is open.
 *
 * A route is {view, id}: the view's name, and the last part of an address that names one thing, decoded, else null.
 */
const VIEWS = { '': 'library', jobs: 'jobs', history: 'history', settings: 'settings', logs: 'logs', server: 'server' };
const WITH_ID = { jobs: 'job' };

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/* The route of an address below `base`, or null when the page has none for it. Both are URL objects. */
export function routeOf(url, base) {
  if (url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return null;
  const [first, ...rest] = url.pathname.slice(base.pathname.length).split('/');
  if (!Object.hasOwn(VIEWS, first)) return null;
  const id = rest.join('/');
  if (!id) return { view: VIEWS[first], id: null };
  return Object.hasOwn(WITH_ID, first) && rest.length === 1 ? { view: WITH_ID[first], id: decoded(id) } : null;
}

/* Whether a click is one that the browser would open in this tab, in the common way. */
const isPlain = (event) => event.button === 0 && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

/*
 * createRoutes({window, changed}) gives {href, go}
 *   changed(route, url)   at the start and after each change; null for an address that is none of ours
 *   href(path)            the whole address of a path such as 'jobs'
 *   go(path)              goes there
 * Links of the page to such addresses are followed here; those with `target` or `download`, and those to other
 * pages, are the browser's.
 */
export function createRoutes({ window, changed }) {
  const { document, history, location } = window;
  const base = new URL('.', document.baseURI); /* without <base> it is the page's own address */
  const href = (path) => new URL(path, base).href;
  const tell = () => {
    const url = new URL(location.href);
    changed(routeOf(url, base), url);
  };

  function go(path) {
    const to = href(path);
    if (to !== location.href) history.pushState(null, '', to);
    tell();
    window.scrollTo(0, 0);
  }

  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    if (!link || !isPlain(event) || link.target || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (!routeOf(url, base)) return;
    event.preventDefault();
    go(url.href);
  });
  window.addEventListener('popstate', tell);
  tell();
  return { href, go };
}
