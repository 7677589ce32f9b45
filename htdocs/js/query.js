/*
 * query.js - what the library list shows: the question to the server, and what is kept of it. Pure.
 *
 * A view is {search, filter, folder, sort, direction, perPage, page}; perPage 0 is one list of all.
 */
export const FILTERS = ['all', 'marked', 'unmarked', 'duplicates', 'problems'];
export const SORTS = ['name', 'date', 'size'];
export const PER_PAGE = [0, 25, 50, 100, 250, 500];
const DIRECTIONS = ['asc', 'desc'];

export const firstView = () => ({ search: '', filter: 'all', folder: '', sort: 'name', direction: 'asc', perPage: 0, page: 1 });

const oneOf = (list, value, otherwise) => (list.includes(value) ? value : otherwise);

/*
 * Preferences of any origin put over a view; what is not known is ignored. `perPage`, which other clients use too, is how
 * long a page is; whether there are numbered pages at all is `pages`, of this page alone.
 */
export function withPreferences(view, preferences) {
  return {
    ...view,
    perPage: preferences.pages === true ? oneOf(PER_PAGE, Number(preferences.perPage), 100) : 0,
    filter: oneOf(FILTERS, preferences.filterMode, view.filter),
    sort: oneOf(SORTS, preferences.sort, view.sort),
    direction: oneOf(DIRECTIONS, preferences.direction, view.direction),
  };
}

/* What follows the "?" of the address: what differs from the first view. How many a page has is not the address's. */
export function addressOf(view) {
  const first = firstView();
  const query = new URLSearchParams();
  for (const name of Object.keys(first)) if (name !== 'perPage' && view[name] !== first[name]) query.set(name, view[name]);
  return String(query);
}

/* What is kept of a changed view: a choice of one list leaves other clients their pages. */
export function toPreferences({ filter, sort, direction, perPage }) {
  const kept = { filterMode: filter, sort, direction };
  if (perPage !== undefined) Object.assign(kept, perPage ? { pages: true, perPage } : { pages: false });
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
}

/* The view of an address, put over one of which only perPage counts. */
export function fromAddress(view, query) {
  const page = Number(query.get('page'));
  return {
    search: query.get('search') ?? '',
    filter: oneOf(FILTERS, query.get('filter'), 'all'),
    folder: query.get('folder') ?? '',
    sort: oneOf(SORTS, query.get('sort'), 'name'),
    direction: oneOf(DIRECTIONS, query.get('direction'), 'asc'),
    perPage: view.perPage,
    page: Number.isInteger(page) && page > 0 ? page : 1,
  };
}

/* Whether two views ask for the same files in the same order. */
export const sameList = (a, b) => ['search', 'filter', 'folder', 'sort', 'direction'].every((name) => a[name] === b[name]);

/* `what` is 'files', or 'ids' for their ids alone. */
export function listPath({ search, filter, folder, sort, direction }, what, offset, limit) {
  const query = new URLSearchParams({ offset, limit, filter, sort, direction });
  if (search) query.set('search', search);
  if (folder) query.set('folder', folder);
  return `api/files${what === 'ids' ? '/ids' : ''}?${query}`;
}

/* What names a file in a request: it stays when the file is renamed, and is there for names that are no valid text. */
export const fileKey = (file) => file.file_id;

/* The rows of a page: [first, behind the last]. */
export function pageRange({ page, perPage }, total) {
  return perPage ? [Math.min((page - 1) * perPage, total), Math.min(page * perPage, total)] : [0, total];
}
export const pageCount = ({ perPage }, total) => (perPage ? Math.max(1, Math.ceil(total / perPage)) : 1);

/* Page numbers to offer: first, last and those around the current one; null stands for a gap. */
export function pageNumbers(page, pages) {
  const wanted = [1, page - 1, page, page + 1, pages].filter((n) => n >= 1 && n <= pages);
  const sorted = [...new Set(wanted)].sort((a, b) => a - b);
  return sorted.flatMap((n, i) => (i > 0 && n - sorted[i - 1] > 1 ? [null, n] : [n]));
}
