/* windows.js: what of a long list is read, kept and shown. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { SIZE, createWindows } from '../../htdocs/js/windows.js';

const settle = () => new Promise((done) => setImmediate(done));
const files = (offset, total, by = 0) => Array.from({ length: Math.max(0, Math.min(SIZE, total - offset)) }, (_, i) => ({ file_id: `id:${offset + i - by}` }));

/* Windows over a list that the test answers by hand. */
function lab() {
  const asked = [];
  const took = [];
  const failed = [];
  const read = (offset, limit, signal) => new Promise((resolve, reject) => {
    const question = { offset, answer: (list) => resolve({ files: list, total_files: 1000 }), fail: reject, aborted: false };
    signal.addEventListener('abort', () => {
      question.aborted = true;
      reject(new Error('aborted'));
    });
    asked.push(question);
  });
  const windows = createWindows({ read, took: (answer, facts) => took.push(facts), failed: (error) => failed.push(error.message) });
  const open = () => asked.filter((q) => !q.done && !q.aborted);
  const answer = async (by = 0, total = 10000) => {
    for (const q of open()) {
      q.done = true;
      q.answer(files(q.offset, total, by));
    }
    await settle();
  };
  return { windows, asked, took, failed, open, answer };
}
const offsets = (list) => list.map((q) => q.offset);

test('only what is wanted is read, two windows at once, and what is passed by is not waited for', async () => {
  const { windows, asked, open, answer } = lab();
  windows.ask(0);
  windows.want(0, 350);
  assert.deepEqual(offsets(open()), [0, 100]);
  windows.want(5000, 5020);
  assert.deepEqual(offsets(open()), [5000]);
  assert.deepEqual(asked.map((q) => q.aborted), [true, true, false]);
  await answer();
  assert.equal(windows.row(5019).file_id, 'id:5019');
  assert.equal(windows.row(4), null);
  windows.want(5080, 5120);
  assert.deepEqual(offsets(open()), [5100], 'what is there is not read again');
});

test('the windows that were used last are kept', async () => {
  const { windows, asked, answer } = lab();
  windows.ask(0);
  for (let i = 0; i < 40; i += 1) {
    windows.want(i * SIZE, i * SIZE + 10);
    await answer();
    windows.want(0, 10);
  }
  assert.ok(windows.row(0), 'used all the time');
  assert.ok(windows.row(39 * SIZE) && windows.row(20 * SIZE));
  assert.equal(windows.row(5 * SIZE), null, 'forgotten');
  assert.equal(asked.length, 40);
});

test('a changed list is exchanged at once, and the row that shall stay is found again', async () => {
  const { windows, took, open, answer } = lab();
  windows.ask(100);
  windows.want(100, 250);
  await answer();
  assert.deepEqual(took.splice(0), [{ first: true, moved: 0 }, { first: false, moved: 0 }]);
  windows.renew(150);
  const [one, two] = open();
  one.done = true;
  one.answer(files(100, 10000, 2));
  await settle();
  assert.equal(windows.row(150).file_id, 'id:150', 'the half of it is not shown');
  two.done = true;
  two.answer(files(200, 10000, 2));
  await settle();
  assert.equal(windows.row(150).file_id, 'id:148');
  assert.equal(windows.row(250).file_id, 'id:248');
  assert.deepEqual(took, [{ first: true, moved: 0 }, { first: false, moved: 2 }]);
});

test('another list stays away until its first window is there; answers to the old one are dropped', async () => {
  const { windows, asked, answer } = lab();
  windows.ask(0);
  await answer();
  windows.renew(-1);
  const old = asked[1];
  windows.ask(0);
  assert.ok(old.aborted);
  assert.equal(windows.row(3).file_id, 'id:3');
  await answer(50);
  assert.equal(windows.row(3).file_id, 'id:-47');
});

test('a failure ends the reading until it is tried again', async () => {
  const { windows, asked, failed, open, answer } = lab();
  windows.ask(0);
  open()[0].fail(new Error('away'));
  await settle();
  windows.want(300, 310);
  assert.deepEqual([failed, asked.length], [['away'], 1]);
  windows.again();
  assert.deepEqual(offsets(asked), [0, 300]);
  await answer();
  assert.ok(windows.row(305));
});
