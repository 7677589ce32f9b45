import test from 'node:test';
import assert from 'node:assert/strict';
import { createItems, mergeItems, readItems, settleItem } from '../../htdocs/js/items.js';
import { fakeClock } from './fakes.js';

function rig(respond) {
  const clock = fakeClock();
  const seen = [];
  let calls = 0;
  const items = createItems({
    api: { get: async () => respond((calls += 1)) },
    path: 'api/batch-jobs/x',
    clock,
    changed: (answer) => seen.push(answer),
  });
  return { clock, items, seen, calls: () => calls };
}

test('many movements make few questions, and the last one is always answered', async () => {
  let at = 0;
  const { clock, items, seen, calls } = rig(() => ({ items: [{ id: '1', position: 1, path: `${at}`, status: 'completed', error: null }] }));
  for (at = 1; at <= 100; at += 1) {
    items.moved();
    await clock.advance(20);
  }
  at = 'last';
  items.moved();
  await clock.advance(1000);
  assert.ok(calls() <= 11, `${calls()} questions`);
  assert.equal(seen[seen.length - 1][0].name, 'last');
  const before = calls();
  await clock.advance(60000);
  assert.equal(calls(), before);
});

test('a failed question is no end: the next movement asks again', async () => {
  const { clock, items, seen } = rig((n) => (n <= 2 ? Promise.reject(new Error('away')) : { items: [] }));
  items.moved();
  await clock.settle();
  await clock.advance(1000);
  items.moved();
  await clock.settle();
  await clock.advance(1000);
  assert.equal(seen.length, 2);
});

test('what begins a moment after a movement is seen without another one', async () => {
  const { clock, items, seen } = rig((n) => ({ items: [{ id: '1', position: 1, path: 'a', status: n === 1 ? 'queued' : 'processing', error: null }] }));
  items.moved();
  await clock.settle();
  await clock.advance(1000);
  assert.deepEqual(seen.map((list) => list[0].state), ['waiting', 'running']);
});

test('an answer as the page draws it', () => {
  const items = [
    { id: '7', position: 7, path: 'A/a.cbz', status: 'completed', error: null },
    { id: '8', position: 8, path: 'b.cbz', status: 'failed', error: 'damaged' },
    { id: '9', position: 9, path: 'c.cbz', status: 'something new', error: null },
  ];
  assert.deepEqual(readItems({ items }), [
    { id: '7', name: 'A/a.cbz', state: 'done', error: null },
    { id: '8', name: 'b.cbz', state: 'failed', error: 'damaged' },
    { id: '9', name: 'c.cbz', state: 'waiting', error: null },
  ]);
});

const row = (id, state, error = null) => ({ id, name: id, state, error });

test('what is done stays done, whatever an older answer says; what ran may wait again', () => {
  const known = [row('1', 'done'), row('2', 'failed', 'damaged'), row('3', 'running')];
  assert.deepEqual(mergeItems(known, [row('1', 'running'), row('2', 'waiting'), row('3', 'waiting')]), [known[0], known[1], row('3', 'waiting')]);
  assert.deepEqual(mergeItems(null, known), known);
  assert.deepEqual(mergeItems(known, [row('3', 'done')]), [row('3', 'done')]);
});

test('an answer of process-next settles its item at once; one without an outcome does not', () => {
  const list = [row('1', 'running'), row('2', 'waiting')];
  assert.deepEqual(settleItem(list, { itemId: '1', success: true }), [row('1', 'done'), list[1]]);
  assert.deepEqual(settleItem(list, { itemId: '1', success: false, error: 'damaged' }), [row('1', 'failed', 'damaged'), list[1]]);
  assert.equal(settleItem(list, { itemId: '1', success: null }), list);
  assert.deepEqual(settleItem(list, { itemId: null, success: null }), list);
});
