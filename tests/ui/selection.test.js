/* selection.js: ticked files, and all that match but for some. */
import assert from 'node:assert/strict';
import test from 'node:test';
import * as Selection from '../../htdocs/js/selection.js';

const of = (...keys) => Selection.put(Selection.none(), keys, true);
const keys = (selection) => [...selection.keys];

test('selecting a page keeps what is selected on others', () => {
  const one = Selection.toggleAll(of('x'), ['a', 'b']);
  assert.deepEqual(keys(one), ['x', 'a', 'b']);
  assert.deepEqual(keys(Selection.toggleAll(one, ['a', 'b'])), ['x']);
  assert.deepEqual(keys(Selection.toggleAll(of('a'), ['a', 'b'])), ['a', 'b']);
  assert.deepEqual(keys(Selection.toggleAll(of('a'), [])), ['a']);
});

test('selecting one makes a new selection', () => {
  const before = of('a');
  assert.deepEqual(keys(Selection.toggle(before, 'b')), ['a', 'b']);
  assert.deepEqual(keys(Selection.toggle(before, 'a')), []);
  assert.deepEqual(keys(before), ['a']);
});

test('all that match, but for those taken out', () => {
  const query = { filter: 'unmarked', search: 'x', folder: null };
  const all = { kind: 'match', query, except: new Set(), total: 100000 };
  const less = Selection.toggle(all, 'a');
  assert.equal(Selection.sizeOf(all), 100000);
  assert.equal(Selection.sizeOf(less), 99999);
  assert.ok(!Selection.has(less, 'a') && Selection.has(less, 'b') && Selection.has(all, 'a'));
  assert.equal(Selection.sizeOf(Selection.toggleAll(less, ['a', 'b'])), 100000, 'one of the page was out: now all are in');
  assert.deepEqual(Selection.bodyOf(less), { select: { ...query, except: ['a'] } });
  assert.deepEqual(Selection.bodyOf(of('b')), { files: ['b'] });
});
