import test from 'node:test';
import assert from 'node:assert/strict';
import { createPorts } from '../../htdocs/js/ports.js';
import { createStream } from '../../htdocs/js/events.js';
import { fakeClock, fakeEventSource } from './fakes.js';

const OPEN = 1;
const CLOSED = 2;

function rig() {
  const clock = fakeClock();
  const es = fakeEventSource();
  const ports = createPorts({ clock, stream: (callbacks) => createStream({ url: 'x', EventSource: es.Source, clock, random: () => 1, ...callbacks }) });
  /* A tab at its port; `answers`: to pings, as one that lives does. */
  function tab({ answers = true } = {}) {
    const made = { words: [], pings: 0, answers };
    const port = {
      postMessage(word) {
        if (word !== 'ping') made.words.push(word);
        else {
          made.pings += 1;
          if (made.answers) made.says('alive');
        }
      },
    };
    ports.connect(port);
    made.says = (data) => port.onmessage({ data });
    made.join = () => made.says({ join: true, delay_ms: 3000 });
    return made;
  }
  const streams = () => es.made.filter((source) => source.readyState !== CLOSED).length;
  return { clock, es, tab, streams };
}

test('twelve tabs share one stream, and all hear it', () => {
  const { es, tab, streams } = rig();
  const tabs = Array.from({ length: 12 }, () => tab());
  for (const t of tabs) t.join();
  assert.equal(es.made.length, 1);
  es.last().opens();
  es.last().says({ type: 'x' });
  for (const t of tabs) assert.deepEqual(t.words.slice(-2), [{ state: 'open' }, { message: { type: 'x' }, id: '' }]);
  assert.equal(streams(), 1);
});

test('the stream is given up with the last tab that wants it, and nothing is left to do', () => {
  const { clock, tab, streams } = rig();
  const [a, b] = [tab(), tab()];
  a.join();
  b.join();
  a.says('leave');
  assert.equal(streams(), 1);
  b.says('leave');
  assert.equal(streams(), 0);
  assert.equal(clock.pending(), 0);
  b.join();
  assert.equal(streams(), 1);
});

test('a tab that left hears nothing', () => {
  const { es, tab } = rig();
  const [a, b] = [tab(), tab()];
  a.join();
  b.join();
  es.last().opens();
  a.says('leave');
  const before = a.words.length;
  es.last().says({ type: 'x' });
  assert.equal(a.words.length, before);
});

test('a tab that died is forgotten within some seconds, and its stream with it', async () => {
  const { clock, tab, streams } = rig();
  const a = tab({ answers: false });
  a.join();
  await clock.advance(10000);
  assert.equal(streams(), 1);
  await clock.advance(2000);
  assert.equal(streams(), 0);
});

test('tabs that live keep the stream for hours; one that slept and was forgotten is back with its next word', async () => {
  const { clock, es, tab, streams } = rig();
  const [a, b] = [tab(), tab()];
  a.join();
  b.join();
  b.answers = false;
  await clock.advance(3600_000);
  assert.equal(streams(), 1);
  const asked = b.pings;
  a.says('leave');
  assert.equal(streams(), 0, 'nobody is left');
  b.says('alive');
  assert.equal(streams(), 1);
  assert.deepEqual(b.words[b.words.length - 1], { state: 'lost' });
  const before = b.words.length;
  es.last().opens();
  assert.deepEqual(b.words.slice(before), [{ state: 'open' }]);
  await clock.advance(5000);
  assert.ok(b.pings > asked);
});

test('a tab that slept while the stream was open for others is told of the gap', async () => {
  const { clock, es, tab } = rig();
  const [a, b] = [tab(), tab()];
  a.join();
  b.join();
  es.last().opens();
  b.answers = false;
  await clock.advance(20000);
  const before = b.words.length;
  b.says('alive');
  assert.deepEqual(b.words.slice(before), [{ state: 'lost' }, { state: 'open' }]);
});

test('a tab that comes back hurries a stream that waits, an answer to a ping does not', async () => {
  const { clock, es, tab } = rig();
  const [a, b] = [tab(), tab()];
  a.join();
  b.join();
  for (let i = 0; i < 5; i += 1) {
    es.last().fails(CLOSED);
    await clock.advance(3000 * 2 ** i);
  }
  es.last().fails(CLOSED);
  const made = es.made.length;
  await clock.advance(10000);
  assert.equal(es.made.length, made);
  a.join();
  assert.equal(es.made.length, made + 1);
});

test('the delay before a lost stream is opened again is the one the tabs know', async () => {
  const { clock, es, tab } = rig();
  const a = tab();
  a.join();
  es.last().fails(CLOSED);
  await clock.advance(2999);
  assert.equal(es.made.length, 1);
  await clock.advance(1);
  assert.equal(es.made.length, 2);
});

test('a tab that finds the stream dead gets another one', async () => {
  const { clock, es, tab } = rig();
  const a = tab();
  a.join();
  es.last().opens();
  a.says('restart');
  await clock.advance(3000);
  assert.equal(es.made.length, 2);
  assert.notEqual(es.last().readyState, OPEN);
});
