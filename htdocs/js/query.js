/*
 * query.js - what the library list shows: the question to the server, and what is kept of it. Pure.
 */
export const FILTERS = ['all', 'marked', 'unmarked', 'duplicates', 'problems'];
export const SORTS = ['name', 'date', 'size'];
export const PER_PAGE = [25, 50, 100, 250, 500];

export const firstView = () => ({ page: 1, perPage: 100, search: '', filter: 'all', sort: 'name', direction: 'asc' });

const oneOf = (list, value, otherwise) => (list.includes(value) ? value : otherwise);

/* Preferences of any origin (old pages stored -1 for "all") put over a view; what is not known is ignored. */
export function withPreferences(view, preferences) {
  const asked = Number(preferences.perPage);
  const perPage = asked === -1 || asked > 500 ? 500 : oneOf(PER_PAGE, asked, view.perPage);
  return {
    ...view,
    perPage,
    filter: oneOf(FILTERS, preferences.filterMode, view.filter),
    sort: oneOf(SORTS, preferences.sort, view.sort),
    direction: oneOf(['asc', 'desc'], preferences.direction, view.direction),
  };
}

export function filesPath({ page, perPage, search, filter, sort, direction }) {
  const query = new URLSearchParams({ page, per_page: perPage, search, filter, sort, direction });
  return `api/files?${query}`;
}

/* What names a file in a request: its path, or its id when the name is not valid text. */
const UNSENDABLE = /[\ufffd\u0000-\u001f\u007f]/;
export const fileKey = (file) => (file.file_id && UNSENDABLE.test(file.relative_path) ? file.file_id : file.relative_path);

/* Page numbers to offer: first, last and those around the current one; null stands for a gap. */
export function pageNumbers(page, pages) {
  const wanted = [1, page - 1, page, page + 1, pages].filter((n) => n >= 1 && n <= pages);
  const sorted = [...new Set(wanted)].sort((a, b) => a - b);
  return sorted.flatMap((n, i) => (i > 0 && n - sorted[i - 1] > 1 ? [null, n] : [n]));
}
