import test from 'node:test';
import assert from 'node:assert/strict';
import { createDriver } from '../../htdocs/js/drive.js';
import { ApiError } from '../../htdocs/js/api.js';
import { fakeClock } from './fakes.js';

const PATH = 'api/batch-jobs/x';
const progress = (completed, total) => ({ total, completed, successful: completed, failed: 0, percentage: (100 * completed) / total });

/* `answers`: one for each call, the last one for all later ones; an error is thrown, a promise awaited. */
function rig(answers) {
  const clock = fakeClock();
  const calls = [];
  const seen = [];
  const states = [];
  const facts = { may: true, looks: 0 };
  const gets = [];
  const items = []; /* answers about the item, the last one for all later ones */
  const api = {
    async get(path) {
      gets.push(path);
      const answer = items[Math.min(gets.length, items.length) - 1];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async post(path) {
      calls.push([path, clock.now()]);
      const answer = await answers[Math.min(calls.length, answers.length) - 1];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const driver = createDriver({
    api,
    path: PATH,
    clock,
    random: () => 1,
    may: () => facts.may,
    answered: (answer) => seen.push(answer),
    look: () => (facts.looks += 1),
    changed: (state) => states.push(state),
  });
  const start = clock.now();
  return { clock, driver, calls, gets, items, seen, states, facts, at: (n) => calls[n][1] - start };
}

const processed = (k, n) => ({ success: true, itemId: k, status: 'processed', remainingItems: n - k, progress: progress(k, n) });
const completed = (n) => ({ success: true, itemId: n, status: 'job_completed', remainingItems: 0, progress: progress(n, n) });
const noItems = { success: false, itemId: null, status: 'no_items', remainingItems: 0, progress: progress(2, 3) };

test('items are asked for one after the other, without a pause, until the batch is completed', async () => {
  const { clock, driver, calls, seen, states, facts } = rig([processed(1, 3), processed(2, 3), completed(3)]);
  driver.go();
  driver.go();
  await clock.settle();
  await clock.settle();
  assert.deepEqual(calls.map(([path]) => path), Array(3).fill(`${PATH}/process-next`));
  assert.deepEqual(seen.map((a) => a.status), ['processed', 'processed', 'job_completed']);
  assert.deepEqual(states, ['running', 'idle']);
  assert.equal(facts.looks, 1);
  await clock.advance(60000);
  assert.equal(calls.length, 3);
});

test('while one call runs there is no second one', async () => {
  const { clock, driver, calls } = rig([new Promise(() => {})]);
  driver.go();
  await clock.settle();
  await clock.advance(20000);
  driver.go();
  assert.equal(calls.length, 1);
});

test('cancelled: it stops, and the job is read', async () => {
  const { clock, driver, calls, facts } = rig([processed(1, 3), { success: false, itemId: null, status: 'job_cancelled', remainingItems: 0, progress: progress(1, 3) }]);
  driver.go();
  await clock.settle();
  await clock.advance(60000);
  assert.equal(calls.length, 2);
  assert.equal(facts.looks, 1);
});

test('no_items is waited out politely, and an item that comes back is taken', async () => {
  const { clock, driver, states, at, calls } = rig([noItems, noItems, noItems, noItems, noItems, completed(3)]);
  driver.go();
  await clock.settle();
  await clock.advance(60000);
  assert.equal(calls.length, 6);
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => at(n) - at(n - 1)), [1000, 2000, 4000, 5000, 5000]);
  assert.deepEqual(states, ['running', 'waiting', 'idle']);
});

test('a word that the batch moved cuts the polite wait short', async () => {
  const { clock, driver, calls } = rig([noItems, completed(3)]);
  driver.go();
  await clock.settle();
  driver.poke();
  await clock.settle();
  assert.equal(calls.length, 2);
});

test('answered before the item was done (202): it is waited for, and only then the next one asked for', async () => {
  const early = { success: null, itemId: '1', status: 'processing', remainingItems: 2, progress: progress(0, 2) };
  const { clock, driver, calls, states, gets, items } = rig([early, completed(2)]);
  items.push({ status: 'processing' }, new ApiError('network', 'away'), { status: 'processing' }, { status: 'completed' });
  driver.go();
  await clock.settle();
  await clock.advance(11000);
  assert.equal(calls.length, 1);
  driver.poke();
  await clock.settle();
  assert.deepEqual(gets, Array(4).fill(`${PATH}/items/1`));
  assert.equal(calls.length, 2);
  assert.deepEqual(states, ['running', 'waiting', 'idle']);
});

test('the server is away: tried again with longer pauses, at once when the network is back', async () => {
  const away = new ApiError('network', 'Server not reachable');
  const { clock, driver, states, at, calls } = rig([away, away, away, away, away, away, away]);
  driver.go();
  await clock.settle();
  await clock.advance(40000);
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => at(n) - at(n - 1)), [1000, 2000, 4000, 8000, 15000]);
  assert.deepEqual(states, ['running', 'away']);
  driver.poke();
  await clock.settle();
  assert.equal(calls.length, 7);
});

test('Retry-After is kept, and a poke does not cut it short', async () => {
  const busy = new ApiError('unreachable', 'busy', { status: 503, retryAfter_s: 7 });
  const { clock, driver, calls, at } = rig([busy, completed(1)]);
  driver.go();
  await clock.settle();
  await clock.advance(3000);
  driver.poke();
  await clock.advance(3000);
  assert.equal(calls.length, 1);
  await clock.advance(1000);
  assert.equal(at(1), 7000);
});

test('after an outage the first success sets the pauses back', async () => {
  const away = new ApiError('network', 'Server not reachable');
  const { clock, driver, states, at } = rig([away, away, processed(1, 2), away, completed(2)]);
  driver.go();
  await clock.settle();
  await clock.advance(20000);
  assert.equal(at(4) - at(3), 1000);
  assert.deepEqual(states, ['running', 'away', 'running', 'away', 'idle']);
});

test('refused: the job is read, and while it may go on it is asked again', async () => {
  const { clock, driver, calls, facts } = rig([new ApiError('refused', 'The batch is paused', { status: 409 }), new ApiError('refused', 'The batch is paused', { status: 409 }), completed(1)]);
  driver.go();
  await clock.settle();
  assert.equal(facts.looks, 1);
  await clock.advance(1000);
  assert.equal(calls.length, 2);
  facts.may = false;
  await clock.advance(60000);
  assert.equal(calls.length, 2);
  assert.equal(driver.state(), 'idle');
  facts.may = true;
  driver.go();
  await clock.settle();
  assert.equal(calls.length, 3);
});

test('unknown: nothing is asked again', async () => {
  const { clock, driver, calls, facts } = rig([new ApiError('refused', 'Job not found', { status: 404 })]);
  driver.go();
  await clock.settle();
  await clock.advance(60000);
  assert.equal(calls.length, 1);
  assert.equal(facts.looks, 1);
});

test('one that may not go on any more ends after the call it made', async () => {
  let answer;
  const { clock, driver, calls, facts, seen } = rig([new Promise((done) => (answer = done))]);
  driver.go();
  facts.may = false;
  answer(processed(1, 3));
  await clock.settle();
  assert.equal(calls.length, 1);
  assert.equal(seen.length, 1, 'what it had made is counted');
  assert.equal(driver.state(), 'idle');
});
