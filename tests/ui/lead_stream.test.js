import test from 'node:test';
import assert from 'node:assert/strict';
import { createLead } from '../../htdocs/js/lead.js';
import { createLeadStream } from '../../htdocs/js/lead_stream.js';
import { createMemory } from '../../htdocs/js/memory.js';
import { createStream } from '../../htdocs/js/events.js';
import { fakeChannels, fakeClock, fakeEventSource, fakeStorage, randomFrom } from './fakes.js';

const CLOSED = 2;

/* Tabs of a browser that has no SharedWorker, and a server that numbers what it says. */
function browser({ storage = fakeStorage() } = {}) {
  const clock = fakeClock();
  const channels = fakeChannels(clock);
  const es = fakeEventSource();
  const random = randomFrom(3);
  const streams = () => es.made.filter((source) => source.readyState !== CLOSED);
  let id = 0;

  function tab(name) {
    const window = new EventTarget();
    const document = new EventTarget();
    const own = { alive: true, words: [], ids: [], state: null, channel: null };
    const ownClock = { ...clock, setTimeout: (work, ms) => clock.setTimeout(() => own.alive && work(), ms) };
    own.stream = createLeadStream({
      lead: (options) =>
        createLead({
          key: 'stream', tab: name, memory: createMemory(() => storage), clock: ownClock, random, page: { window, document },
          openChannel: () => (own.channel = channels()), ...options,
        }),
      stream: (callbacks) => createStream({ url: 'x', EventSource: es.Source, clock: ownClock, random: () => 1, firstDelayMs: () => 1000, ...callbacks }),
      hear(word) {
        own.words.push(word);
        if (word.state) own.state = word.state;
        else own.ids.push(word.id);
      },
    });
    own.fire = (type) => (type === 'pagehide' ? window : document).dispatchEvent(new Event(type));
    own.kill = () => {
      own.alive = false;
      own.channel.close();
    };
    return own;
  }
  const says = (message = { type: 'x' }) => {
    id += 1;
    for (const source of streams()) source.onmessage({ data: JSON.stringify(message), lastEventId: String(id) });
  };
  /* The sources that are asked for now open. */
  const opens = () => streams().forEach((source) => source.readyState === 0 && source.opens());
  return { clock, es, tab, streams, says, opens };
}

async function twelve(r) {
  const tabs = Array.from({ length: 12 }, (_, i) => r.tab(`t${i}`));
  for (const t of tabs) t.stream.resume();
  await r.clock.advance(1500);
  r.opens();
  await r.clock.advance(10);
  return tabs;
}

test('twelve tabs, one stream; all hear everything', async () => {
  const r = browser();
  const tabs = await twelve(r);
  assert.equal(r.streams().length, 1);
  r.says();
  await r.clock.advance(10);
  for (const t of tabs) assert.deepEqual([t.state, t.ids], ['open', ['1']]);
  await r.clock.advance(60000);
  assert.equal(r.es.made.length, 1);
});

test('a tab that comes later is told what runs', async () => {
  const r = browser();
  await twelve(r);
  const message = { type: 'job_updated', data: { job_id: 'a', status: 'processing', version: 1 } };
  r.says(message);
  const late = r.tab('late');
  late.stream.resume();
  await r.clock.advance(10);
  assert.deepEqual(late.words, [{ message, id: '' }, { state: 'open' }]);
  assert.equal(r.streams().length, 1);
});

for (const how of ['pause', 'pagehide', 'freeze', 'kill']) {
  test(`the leader goes (${how}): another tab goes on behind the last message, and all know that there was a gap`, async () => {
    const r = browser();
    const tabs = await twelve(r);
    r.says();
    await r.clock.advance(10);
    const [source] = r.streams();
    const leader = tabs[leaderOf(r, tabs)];
    if (how === 'kill') leader.kill();
    else if (how === 'pause') leader.stream.pause();
    else leader.fire(how);
    if (how === 'kill') source.close();
    assert.equal(source.readyState, CLOSED);
    const left = tabs.filter((t) => t !== leader);
    await r.clock.advance(how === 'kill' ? 6000 : 600);
    assert.equal(r.streams().length, 1);
    assert.match(r.streams()[0].url, /last_event_id=1$/);
    for (const t of left) assert.equal(t.state, 'lost');
    r.opens();
    r.says();
    await r.clock.advance(10);
    for (const t of left) assert.deepEqual([t.state, t.ids.at(-1)], ['open', '2']);
  });
}

/* The index of the tab whose own stream it is: it hears at once, the others over the channel. */
function leaderOf(r, tabs) {
  const before = tabs.map((t) => t.words.length);
  r.streams()[0].onmessage({ data: '{}', lastEventId: '1' });
  return tabs.findIndex((t, i) => t.words.length > before[i]);
}

test('all hidden: no stream; the first that is back opens it behind the last message', async () => {
  const r = browser();
  const tabs = await twelve(r);
  r.says();
  await r.clock.advance(10);
  for (const t of tabs) t.stream.pause();
  await r.clock.advance(10000);
  assert.equal(r.streams().length, 0);
  tabs[7].stream.resume();
  await r.clock.advance(200);
  assert.match(r.streams()[0].url, /last_event_id=1$/);
});

test('a follower that finds the stream dead has the leader make another one; twelve make no more', async () => {
  const r = browser();
  const tabs = await twelve(r);
  for (const t of tabs) t.stream.restart();
  await r.clock.advance(1100);
  assert.equal(r.es.made.length, 2);
  assert.equal(r.streams().length, 1);
});

test('a tab that comes back hurries a stream that waits', async () => {
  const r = browser();
  const tabs = await twelve(r);
  for (let i = 0; i < 4; i += 1) {
    r.streams()[0].fails(CLOSED);
    await r.clock.advance(1000 * 2 ** i);
  }
  r.streams()[0].fails(CLOSED);
  const made = r.es.made.length;
  tabs[3].stream.resume();
  await r.clock.advance(10);
  assert.equal(r.es.made.length, made + 1);
});

test('without storage each tab has its own stream', async () => {
  const broken = { getItem() { throw new Error('denied'); }, setItem() { throw new Error('denied'); }, removeItem() { throw new Error('denied'); } };
  const r = browser({ storage: broken });
  const tabs = [r.tab('a'), r.tab('b')];
  for (const t of tabs) t.stream.resume();
  await r.clock.advance(1500);
  assert.equal(r.streams().length, 2);
  r.opens();
  r.says();
  await r.clock.advance(10);
  for (const t of tabs) assert.deepEqual(t.ids, ['1'], 'once, not again from the other');
});
