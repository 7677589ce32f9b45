/* scopes.js: on which files an operation is started. */
import assert from 'node:assert/strict';
import test from 'node:test';
import * as Selection from '../../htdocs/js/selection.js';
import { scopeBody, scopesOf } from '../../htdocs/js/scopes.js';

const totals = { all: 9, unmarked: 4 };
const names = (list) => list.map(({ name, count }) => `${name} ${count ?? '?'}`);

test('the selection comes first when there is one, then what the list shows', () => {
  assert.deepEqual(names(scopesOf(Selection.none(), { filter: 'marked' }, totals)), ['all 9', 'unmarked 4', 'marked ?', 'duplicates ?', 'problems ?']);
  const some = Selection.put(Selection.none(), ['id:1', 'id:2'], true);
  assert.deepEqual(names(scopesOf(some, { filter: 'all', search: 'wolf' }, totals)).slice(0, 3), ['selected 2', 'shown ?', 'all 9']);
  assert.deepEqual(names(scopesOf(some, null, {})).slice(0, 2), ['selected 2', 'all ?']);
});

test('each scope has its body', () => {
  const some = Selection.put(Selection.none(), ['id:1'], true);
  const match = { kind: 'match', query: { filter: 'all', search: 'wolf', folder: '' }, except: new Set(['id:7']), total: 5 };
  assert.deepEqual(scopeBody('selected', some, null), { files: ['id:1'] });
  assert.deepEqual(scopeBody('selected', match, null), { select: { filter: 'all', search: 'wolf', folder: '', except: ['id:7'] } });
  assert.deepEqual(scopeBody('unmarked', some, null), { select: { filter: 'unmarked' } });
  assert.deepEqual(scopeBody('shown', some, { filter: 'marked', search: 'x', page: 3 }), { select: { filter: 'marked', search: 'x' } });
});
