/*
 * history.js - rows of the processing history as they are shown. Pure.
 */
export const PART = 50;

export function historyPath({ search, file }, offset, limit) {
  const query = new URLSearchParams({ limit: String(limit), offset: String(offset) });
  if (search.trim()) query.set('search', search.trim());
  if (file !== null) query.set('file', file);
  return `api/processing-history?${query}`;
}

/* The filter of an address of the page, and the address of a filter. */
export const filterOf = (params) => ({ search: params.get('search') || '', file: params.get('file') });
export function pathOf({ search, file }) {
  const query = new URLSearchParams();
  if (search.trim()) query.set('search', search.trim());
  if (file !== null) query.set('file', file);
  return `history${String(query) ? `?${query}` : ''}`;
}

/* With a further part; rows that were added meanwhile have moved some of it, which are there already. */
export function joined(rows, part) {
  const known = new Set(rows.map((row) => row.id));
  return [...rows, ...part.filter((row) => !known.has(row.id))];
}

const PAIRS = ['title', 'series', 'issue', 'publisher', 'year', 'volume'];
const capital = (word) => word[0].toUpperCase() + word.slice(1);

/* What changed in the tags: [{name, before, after}], null where the book had none. Older rows know six pairs. */
export function fieldsOf(row) {
  if (row.changes) return Object.entries(row.changes).map(([name, [before, after]]) => ({ name, before, after }));
  return PAIRS.map((name) => ({ name: capital(name), before: row[`before_${name}`] ?? null, after: row[`after_${name}`] ?? null })).filter(({ before, after }) => before !== after);
}

const lastPart = (path) => String(path ?? '').split('/').pop();

/* The names before and after; `after` is null for a file that was deleted. */
export function namesOf(row) {
  const before = row.before_filename ?? lastPart(row.filepath);
  return { before, after: row.operation_type === 'delete' ? null : row.after_filename ?? before };
}
