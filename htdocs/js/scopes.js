/*
 * scopes.js - on which files an operation is started. Pure.
 *
 * A scope is `selected`, `shown` (what the list shows, on all its pages), or a filter of the list.
 */
import * as Selection from './selection.js';

const FILTERS = ['all', 'unmarked', 'marked', 'duplicates', 'problems'];

/* The question of the list, without what says how it is shown; null when a filter alone says it. */
function questionOf(view) {
  const { filter = 'all', search = '', folder = '' } = view ?? {};
  return search || folder ? { filter, ...(search && { search }), ...(folder && { folder }) } : null;
}

/* [{name, count}]; `count` is null where it is not known. `totals` is {all, unmarked}. */
export function scopesOf(selection, view, totals) {
  const selected = Selection.sizeOf(selection);
  return [
    ...(selected > 0 ? [{ name: 'selected', count: selected }] : []),
    ...(questionOf(view) ? [{ name: 'shown', count: null }] : []),
    ...FILTERS.map((name) => ({ name, count: totals[name] ?? null })),
  ];
}

/* What names the scope in the body of POST api/jobs. */
export function scopeBody(scope, selection, view) {
  if (scope === 'selected') return Selection.bodyOf(selection);
  if (scope === 'shown') return { select: questionOf(view) ?? { filter: view?.filter ?? 'all' } };
  return { select: { filter: scope } };
}
