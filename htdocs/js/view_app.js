/*
 * view_app.js - the page: the view of the address within its frame, and what floats above.
 */
import { useEffect, useRef } from 'preact/hooks';
import { html } from './dom.js';
import { lazy } from './lazy.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { Actions, Confirm } from './view_actions.js';
import { Head, Notices, Spoken } from './view_frame.js';
import { Library } from './view_library.js';
import { Progress } from './view_progress.js';

/* Views that are loaded when they are first shown: name -> lazy(() => import(file)). */
const VIEWS = {
  jobs: lazy(() => import('./view_jobs.js'), { sheet: 'jobs' }),
  job: lazy(() => import('./view_job.js'), { sheet: 'job' }),
  history: lazy(() => import('./view_history.js'), { sheet: 'jobs' }),
  settings: lazy(() => import('./view_settings.js'), { sheet: 'settings' }),
  logs: lazy(() => import('./view_logs.js'), { sheet: 'settings' }),
  server: lazy(() => import('./view_server.js'), { sheet: 'settings' }),
};

const Book = lazy(() => import('./view_book.js'), { sheet: 'book' });
const Books = ({ app }) => (store.opened.value || store.editing.value || store.deleting.value) && html`<${Book} app=${app} />`;

function LibraryView({ app }) {
  return html`
    <h1 class="vh">${texts.nav.library}</h1>
    <${Actions} app=${app} />
    <${Library} library=${app.library} />
  `;
}

function Nowhere({ app }) {
  return html`
    <section class="sheet" id="nowhere">
      <h1>${texts.nowhere}</h1>
      <p><a href=${app.routes.href('./')}>${texts.allFiles}</a></p>
    </section>
  `;
}

/* The view of the address. After a change of the view its heading is where reading goes on. */
function Main({ app }) {
  const { view, id } = store.route.value;
  const place = useRef(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) place.current.focus({ preventScroll: true });
    first.current = false;
  }, [view, id]);
  const View = view === 'library' ? LibraryView : VIEWS[view] ?? Nowhere;
  return html`<main id="main" tabindex="-1" ref=${place} data-view=${view}><${View} key=${`${view} ${id}`} app=${app} id=${id} /></main>`;
}

export function App({ app }) {
  return html`
    <a class="skip" href="#main" onClick=${skip}>${texts.skip}</a>
    <${Head} preferences=${app.preferences} href=${app.routes.href} />
    <${Notices} />
    <${Main} app=${app} />
    ${!isShown() && html`<${Progress} app=${app} />`}
    <${Books} app=${app} />
    <${Confirm} />
    <${Spoken} />
  `;
}

/* The followed job has the page for itself. */
const isShown = () => store.route.value.view === 'job' && store.route.value.id === store.jobs.value.followed;

/* Past the head. The address stays, which names the view. */
function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}
