import test from 'node:test';
import assert from 'node:assert/strict';
import { createWatch } from '../../htdocs/js/watch.js';
import { fakeClock } from './fakes.js';

const CONFIG = { watchdog_timeout_ms: 60000, watchdog_check_ms: 15000, silence_ms: 35000 };

function rig({ following = true, config = CONFIG } = {}) {
  const clock = fakeClock();
  const asked = [];
  const start = clock.now();
  const facts = { following, answer: { news: false, failed: false }, dead: 0 };
  const watch = createWatch({
    clock,
    config: () => config,
    following: () => facts.following,
    ask: async () => {
      asked.push(clock.now() - start);
      return facts.answer;
    },
    onDead: () => (facts.dead += 1),
  });
  watch.start();
  return { clock, asked, facts, watch };
}

const gaps = (times) => times.slice(1).map((time, i) => time - times[i]);

test('an open stream that speaks is not doubted', async () => {
  const { clock, asked, watch } = rig();
  watch.stream(true);
  for (let i = 0; i < 100; i += 1) {
    await clock.advance(10000);
    watch.heard(true);
  }
  assert.deepEqual(asked, []);
});

test('60 s without news of the job while other messages come: one question, then one each 60 s', async () => {
  const { clock, asked, watch } = rig();
  watch.stream(true);
  for (let i = 0; i < 18; i += 1) {
    await clock.advance(10000);
    watch.heard(false);
  }
  assert.deepEqual(asked, [60000, 120000, 180000]);
});

test('35 s without any message: a question, also when no job is followed', async () => {
  const { clock, asked, watch } = rig({ following: false });
  watch.stream(true);
  await clock.advance(35000);
  assert.deepEqual(asked, [35000]);
});

test('news that the open stream did not bring: the stream is dead', async () => {
  const { clock, facts, watch } = rig();
  watch.stream(true);
  facts.answer = { news: true, failed: false };
  await clock.advance(35000);
  assert.equal(facts.dead, 0);
  await clock.advance(2000);
  assert.equal(facts.dead, 1);
});

test('news that the stream brings a moment later: the stream lives', async () => {
  const { clock, facts, watch } = rig();
  watch.stream(true);
  facts.answer = { news: true, failed: false };
  await clock.advance(36000);
  watch.heard(true);
  await clock.advance(5000);
  assert.equal(facts.dead, 0);
});

test('a server that does not answer while the stream looks open: the stream is dead', async () => {
  const { clock, facts, watch } = rig();
  watch.stream(true);
  facts.answer = { news: false, failed: true };
  await clock.advance(37000);
  assert.equal(facts.dead, 1);
});

test('no stream: from 2 s on in doubling steps up to the watchdog time', async () => {
  const { clock, asked } = rig();
  await clock.advance(400000);
  assert.deepEqual([asked[0], ...gaps(asked)], [2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000, 60000]);
});

test('no stream and a job that moves: every 2 s', async () => {
  const { clock, asked, facts } = rig();
  facts.answer = { news: true, failed: false };
  await clock.advance(20000);
  assert.equal(asked.length, 10);
});

test('no answer either: up to 4 times the watchdog time', async () => {
  const { clock, asked, facts } = rig();
  facts.answer = { news: false, failed: true };
  await clock.advance(2000000);
  assert.equal(Math.max(...gaps(asked)), 240000);
});

test('the loss of the stream is noticed at once, its return ends the questions', async () => {
  const { clock, asked, watch } = rig();
  watch.stream(true);
  await clock.advance(10000);
  watch.stream(false);
  await clock.advance(2000);
  assert.deepEqual(asked, [12000]);
  watch.stream(true);
  await clock.advance(30000);
  assert.deepEqual(asked, [12000]);
});

test('a hidden page without a stream asks no more often than the check time', async () => {
  const { clock, asked, facts, watch } = rig();
  facts.answer = { news: true, failed: false };
  watch.hidden(true);
  await clock.advance(150000);
  assert.ok(asked.length <= 10 && asked.length >= 9, `${asked.length} questions`);
});

test('short times of a test configuration are kept', async () => {
  const { clock, asked } = rig({ config: { watchdog_timeout_ms: 400, watchdog_check_ms: 100, silence_ms: 35000 } });
  await clock.advance(2000);
  assert.deepEqual([...new Set(gaps(asked))], [400]);
});

test('a clock set back by a day does not silence the watchdog for a day', async () => {
  const { clock, asked, watch } = rig();
  watch.stream(true);
  await clock.advance(20000);
  clock.jump(-86400000);
  await clock.advance(60000);
  assert.ok(asked.length >= 1, 'asked nothing in 60 s');
});

test('one question at a time', async () => {
  const clock = fakeClock();
  let running = 0;
  let most = 0;
  const watch = createWatch({
    clock,
    config: () => CONFIG,
    following: () => true,
    onDead() {},
    ask: async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((done) => clock.setTimeout(done, 50000));
      running -= 1;
      return { news: true, failed: false };
    },
  });
  watch.start();
  for (let i = 0; i < 60; i += 1) {
    await clock.advance(5000);
    watch.soon();
  }
  assert.equal(most, 1);
});

test('stopped: nothing is asked', async () => {
  const { clock, asked, watch } = rig();
  watch.stop();
  await clock.advance(600000);
  assert.deepEqual(asked, []);
});
