/*
 * selection.js - which files are selected: those that were ticked, or all that match a question. Pure.
 *
 *   {kind: 'keys', keys}                    `keys` a Set of fileKey() of query.js
 *   {kind: 'match', query, except, total}   all that match `query`, {filter, search, folder}, but for the keys in the Set
 *                                           `except`; `total` is how many matched when it was made
 */
export const none = () => ({ kind: 'keys', keys: new Set() });

export const sizeOf = (selection) => (selection.kind === 'keys' ? selection.keys.size : Math.max(0, selection.total - selection.except.size));

export const has = (selection, key) => (selection.kind === 'keys' ? selection.keys.has(key) : !selection.except.has(key));

/* The selection with `keys` in it, or out of it. */
export function put(selection, keys, inside) {
  const set = new Set(selection.kind === 'keys' ? selection.keys : selection.except);
  for (const key of keys) {
    if (inside === (selection.kind === 'keys')) set.add(key);
    else set.delete(key);
  }
  return selection.kind === 'keys' ? { ...selection, keys: set } : { ...selection, except: set };
}

export const toggle = (selection, key) => put(selection, [key], !has(selection, key));

/* All of `keys` selected: takes them out; else puts them in. */
export const toggleAll = (selection, keys) => put(selection, keys, !(keys.length > 0 && keys.every((key) => has(selection, key))));

/* What names the selection in the body of POST api/jobs. */
export const bodyOf = (selection) =>
  selection.kind === 'keys' ? { files: [...selection.keys] } : { select: { ...selection.query, except: [...selection.except] } };
