import test from 'node:test';
import assert from 'node:assert/strict';
import { createStream } from '../../htdocs/js/events.js';
import { fakeClock, fakeEventSource } from './fakes.js';

const CONNECTING = 0;
const CLOSED = 2;

function rig({ random = () => 1, lastId } = {}) {
  const clock = fakeClock();
  const es = fakeEventSource();
  const got = Object.assign([], { ids: [] });
  const states = [];
  const stream = createStream({
    url: 'http://h/api/events/stream',
    EventSource: es.Source,
    clock,
    random,
    firstDelayMs: () => 5000,
    lastId,
    onMessage: (message, id) => got.push(message) && got.ids.push(id),
    onState: (state) => states.push(state),
  });
  return { clock, es, got, states, stream };
}

test('messages arrive parsed; what is not JSON is dropped', () => {
  const { es, got, stream } = rig();
  stream.resume();
  es.last().opens();
  es.last().says({ type: 'job_updated' });
  es.last().says('no json');
  es.last().says({ type: 'watcher_status' });
  assert.deepEqual(got.map((message) => message.type), ['job_updated', 'watcher_status']);
});

test('the browser reconnects by itself while CONNECTING; no second source is made', async () => {
  const { clock, es, states, stream } = rig();
  stream.resume();
  es.last().opens();
  es.last().fails(CONNECTING);
  await clock.advance(600000);
  assert.equal(es.made.length, 1);
  es.last().opens();
  assert.deepEqual(states, ['open', 'lost', 'open']);
});

test('a CLOSED source is replaced after the delay, which doubles up to 30 s', async () => {
  const { clock, es, stream } = rig();
  stream.resume();
  for (const delay of [5000, 10000, 20000, 30000, 30000]) {
    const before = es.made.length;
    es.last().fails(CLOSED);
    await clock.advance(delay - 1);
    assert.equal(es.made.length, before, `too early at ${delay}`);
    await clock.advance(1);
    assert.equal(es.made.length, before + 1, `not at ${delay}`);
  }
});

test('jitter takes up to half of the delay away', async () => {
  const { clock, es, stream } = rig({ random: () => 0 });
  stream.resume();
  es.last().fails(CLOSED);
  await clock.advance(2499);
  assert.equal(es.made.length, 1);
  await clock.advance(1);
  assert.equal(es.made.length, 2);
});

test('the delay starts again only after a message, not after an empty opening', async () => {
  const { clock, es, stream } = rig();
  stream.resume();
  es.last().fails(CLOSED);
  await clock.advance(5000);
  es.last().opens();
  es.last().fails(CLOSED);
  await clock.advance(9999);
  assert.equal(es.made.length, 2);
  await clock.advance(1);
  assert.equal(es.made.length, 3);
  es.last().opens();
  es.last().says({});
  es.last().fails(CLOSED);
  await clock.advance(5000);
  assert.equal(es.made.length, 4);
});

test('a replaced source can say nothing more', () => {
  const { es, got, states, stream } = rig();
  stream.resume();
  const old = es.last();
  old.opens();
  stream.restart();
  old.says({ type: 'late' });
  old.fails(CLOSED);
  assert.equal(got.length, 0);
  assert.deepEqual(states, ['open', 'lost']);
  assert.equal(old.readyState, CLOSED);
});

test('paused: closed, no timer left; resume opens at once', async () => {
  const { clock, es, states, stream } = rig();
  stream.resume();
  es.last().opens();
  es.last().fails(CLOSED);
  stream.pause();
  assert.equal(clock.pending(), 0);
  await clock.advance(100000);
  stream.restart();
  await clock.advance(100000);
  assert.equal(es.made.length, 1);
  stream.resume();
  assert.equal(es.made.length, 2);
  assert.deepEqual(states, ['open', 'lost', 'paused', 'lost']);
});

test('resume leaves an open source alone and hurries a waiting one', async () => {
  const { es, stream } = rig();
  stream.resume();
  es.last().opens();
  stream.resume();
  assert.equal(es.made.length, 1);
  es.last().fails(CLOSED);
  stream.resume();
  assert.equal(es.made.length, 2);
});

test('one that is being opened is left alone by resume; one that failed and tries by itself is made anew', () => {
  const { es, stream } = rig();
  stream.resume();
  stream.resume();
  assert.equal(es.made.length, 1);
  es.last().opens();
  es.last().fails(CONNECTING);
  stream.resume();
  assert.equal(es.made.length, 2);
});

test('a new source goes on behind the last id', async () => {
  let last = '';
  const { clock, es, got, stream } = rig({ lastId: () => last });
  stream.resume();
  assert.equal(es.last().url, 'http://h/api/events/stream');
  es.last().opens();
  es.last().onmessage({ data: '{"type":"x"}', lastEventId: '17' });
  assert.deepEqual(got.ids, ['17']);
  last = '17';
  es.last().fails(CLOSED);
  await clock.advance(5000);
  assert.equal(es.last().url, 'http://h/api/events/stream?last_event_id=17');
});

test('without EventSource there is no stream and no error', () => {
  const stream = createStream({ url: 'x', EventSource: undefined, clock: fakeClock(), firstDelayMs: () => 1, onMessage() {}, onState() {} });
  stream.resume();
  stream.pause();
  stream.resume();
});
