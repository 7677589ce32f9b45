import test from 'node:test';
import assert from 'node:assert/strict';
import { createConnection } from '../../htdocs/js/connection.js';
import { createStream } from '../../htdocs/js/events.js';
import { createJobs } from '../../htdocs/js/jobs.js';
import { createMemory } from '../../htdocs/js/memory.js';
import { ApiError } from '../../htdocs/js/api.js';
import * as S from '../../htdocs/js/state.js';
import * as texts from '../../htdocs/js/strings.js';
import { asPoll, fakeClock, fakeEventSource, fakeStorage, jobStory } from './fakes.js';

const A = '01920000-0000-7000-8000-00000000000a';
const CLOSED = 2;
const CONNECTING = 0;

/* The whole of the three layers over a fake clock, stream and server. `server.job` is what polls see. */
function rig(config = {}, more = {}) {
  const clock = fakeClock();
  const es = fakeEventSource();
  const window = Object.assign(new EventTarget(), { navigator: { onLine: true } });
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const server = { job: null, away: false, gets: [] };
  const facts = [];
  const get = async (path) => {
    server.gets.push([path, clock.now()]);
    if (server.away) {
      connection.reach(false);
      throw new ApiError('network', 'Server not reachable');
    }
    connection.reach(true);
    if (path.startsWith('api/jobs?')) return { jobs: server.job && !S.ended(server.job) ? [server.job] : [] };
    if (path === 'api/active-job') return { job_id: null };
    if (server.job && path.startsWith(`api/jobs/${A}`)) return server.job;
    throw new ApiError('refused', 'Job not found', { status: 404 });
  };
  const other = [];
  const acts = [];
  const jobs = createJobs({ api: { get, post: async () => ({}) }, memory: createMemory(fakeStorage), changed: () => connection.news(), notify() {}, texts });
  const settings = { watchdog_timeout_ms: 60000, watchdog_check_ms: 15000, silence_ms: 35000, reconnect_delay_ms: 5000, ...config };
  const connection = createConnection({
    jobs,
    clock,
    config: () => settings,
    page: { window, document },
    stream: (callbacks) => createStream({ url: 'x', EventSource: es.Source, clock, random: () => 1, firstDelayMs: () => 5000, ...callbacks }),
    changed: (now) => facts.push(now),
    acted: (how) => acts.push(how),
    onOther: (message) => other.push(message),
    ...more,
  });
  connection.start();
  const quality = () => facts[facts.length - 1]?.quality ?? 'reconnecting';
  const visibility = (state) => {
    document.visibilityState = state;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  const event = (message) => es.last().says({ type: 'job_updated', data: message });
  return { clock, es, window, document, server, jobs, connection, other, acts, quality, visibility, event, job: () => jobs.state().jobs[A] };
}

const story = jobStory(A);
const last = story[story.length - 1];

test('layer 1: events alone bring a job to its end, and nothing is asked', async () => {
  const { clock, es, event, quality, server, job } = rig();
  es.last().opens();
  for (const message of story) {
    event(message);
    await clock.advance(1000);
  }
  assert.equal(job().status, 'completed');
  assert.equal(quality(), 'live');
  assert.deepEqual(server.gets, []);
});

test('layer 2: the end is missed while the stream is cut; the reopened stream fetches it', async () => {
  const { clock, es, event, quality, server, job } = rig();
  es.last().opens();
  event(story[2]);
  es.last().fails(CONNECTING);
  assert.equal(quality(), 'reconnecting');
  await clock.advance(1000);
  server.job = asPoll(last);
  es.last().opens();
  await clock.settle();
  assert.equal(job().status, 'completed');
  assert.equal(quality(), 'live');
});

test('layer 3: a stream that is open and dead; the job is right within the watchdog time', async () => {
  const { clock, es, event, server, job } = rig({ silence_ms: 1e9 });
  es.last().opens();
  event(story[2]);
  server.job = asPoll(last);
  await clock.advance(60000);
  assert.equal(job().status, 'completed');
  await clock.advance(2000 + 5000);
  assert.equal(es.made.length, 2, 'a stream that hid the end is replaced');
});

test('no stream ever: polling alone finishes, a moving job is read every 2 s', async () => {
  const { clock, es, server, quality, job } = rig();
  es.last().fails(CLOSED);
  for (const message of story) {
    server.job = asPoll(message);
    await clock.advance(2000);
    for (const source of es.made) if (source.readyState === CONNECTING) source.fails(CLOSED);
  }
  await clock.advance(2000);
  assert.equal(job().status, 'completed');
  assert.equal(quality(), 'polling');
});

test('the quality goes from live over reconnecting and offline back to live', async () => {
  const { clock, es, server, quality } = rig();
  es.last().opens();
  assert.equal(quality(), 'live');
  server.away = true;
  es.last().fails(CLOSED);
  assert.equal(quality(), 'reconnecting');
  await clock.advance(2000);
  assert.equal(quality(), 'offline');
  server.away = false;
  await clock.advance(3000);
  es.last().opens();
  assert.equal(quality(), 'live');
});

test('offline by the browser, then online: the stream is opened at once', async () => {
  const { es, window, quality } = rig();
  es.last().opens();
  window.navigator.onLine = false;
  es.last().fails(CLOSED);
  window.dispatchEvent(new Event('offline'));
  assert.equal(quality(), 'offline');
  window.navigator.onLine = true;
  window.dispatchEvent(new Event('online'));
  assert.equal(es.made.length, 2);
});

test('hidden for 60 s: the stream is given up, the job is followed by polls; visible: opened and caught up at once', async () => {
  const { clock, es, event, server, quality, visibility, job } = rig();
  es.last().opens();
  event(story[2]);
  server.job = asPoll(story[2]);
  visibility('hidden');
  await clock.advance(59000);
  assert.equal(es.last().readyState, 1);
  await clock.advance(1000);
  assert.equal(es.last().readyState, CLOSED);
  server.job = asPoll(last);
  await clock.advance(15000);
  assert.equal(job().status, 'completed');
  assert.equal(quality(), 'polling');
  visibility('visible');
  assert.equal(es.made.length, 2);
});

test('a page may give its stream up sooner', async () => {
  const { clock, es, visibility } = rig({}, { hidden_ms: 5000 });
  es.last().opens();
  visibility('hidden');
  await clock.advance(4000);
  assert.equal(es.last().readyState, 1);
  await clock.advance(1000);
  assert.equal(es.last().readyState, CLOSED);
});

test('hidden for a moment: the stream stays', async () => {
  const { clock, es, visibility } = rig();
  es.last().opens();
  visibility('hidden');
  await clock.advance(30000);
  visibility('visible');
  await clock.advance(30000);
  assert.equal(es.made.length, 1);
  assert.equal(es.last().readyState, 1);
});

for (const [name, wake] of [
  ['visible again', (r) => r.visibility('visible')],
  ['thawed', (r) => r.document.dispatchEvent(new Event('resume'))],
  ['online', (r) => r.window.dispatchEvent(new Event('online'))],
  ['back from the page cache', (r) => r.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))],
]) {
  test(`the end that came meanwhile is shown when the page is ${name}`, async () => {
    const r = rig();
    r.es.last().opens();
    r.event(story[2]);
    r.server.job = asPoll(last);
    wake(r);
    await r.clock.settle();
    assert.equal(r.job().status, 'completed');
  });
}

test('going into the page cache closes the stream', () => {
  const { es, window } = rig();
  es.last().opens();
  window.dispatchEvent(new Event('pagehide'));
  assert.equal(es.last().readyState, CLOSED);
});

test('messages about other things are handed on', () => {
  const { es, other } = rig();
  es.last().opens();
  es.last().says({ type: 'library_changed', data: {} });
  assert.deepEqual(other.map((message) => message.type), ['library_changed']);
});

test('a stream that was given up and is back: other things may have been missed; one that was only lost goes on', () => {
  const { es, other, window } = rig();
  es.last().opens();
  es.last().fails(CONNECTING);
  es.last().opens();
  assert.deepEqual(other, []);
  window.dispatchEvent(new Event('pagehide'));
  window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  assert.deepEqual(other, []);
  es.last().opens();
  assert.deepEqual(other, [{ type: 'missed' }]);
  es.last().fails(CONNECTING);
  es.last().opens();
  assert.equal(other.length, 1);
});

test('the watchdog acts on a stream that is open and silent: one word, taken back when the stream speaks', async () => {
  const { clock, es, event, server, acts } = rig({ silence_ms: 1e9 });
  es.last().opens();
  event(story[2]);
  server.job = asPoll(story[3]);
  await clock.advance(60000);
  assert.deepEqual(acts, []);
  await clock.advance(2000);
  assert.deepEqual(acts, ['silent']);
  await clock.advance(5000);
  es.last().opens();
  server.job = asPoll(story[4]);
  await clock.advance(62000);
  assert.deepEqual(acts, ['silent'], 'once for each incident');
  es.last().fails(CLOSED);
  server.job = asPoll(story[5]);
  await clock.advance(9000);
  server.job = asPoll(story[6]);
  await clock.advance(9000);
  assert.deepEqual(acts, ['silent'], 'also when it turns out to be lost');
  await clock.advance(60000);
  es.last().opens();
  event(story[2]);
  assert.deepEqual(acts, ['silent', null]);
});

test('a stream that looks open while the server is away: replaced without a word of the watchdog', async () => {
  const { clock, es, event, server, acts, quality } = rig();
  es.last().opens();
  event(story[2]);
  server.away = true;
  await clock.advance(37000);
  assert.equal(quality(), 'offline');
  assert.deepEqual(acts, []);
});

test('the watchdog acts while there is no stream: no word for a moment, one for longer', async () => {
  const { clock, es, server, acts } = rig();
  es.last().fails(CLOSED);
  for (const message of story) {
    server.job = asPoll(message);
    if (clock.now() < 1_000_000 + 9000) assert.deepEqual(acts, []);
    await clock.advance(3000);
    if (es.last().readyState === CONNECTING) es.last().fails(CLOSED);
  }
  assert.deepEqual(acts, ['lost']);
  server.away = true;
  await clock.advance(60000);
  assert.deepEqual(acts, ['lost', null], 'a server that is away is another matter');
});

test('a hidden page without a stream, and questions that bring nothing new: no word', async () => {
  const { clock, es, event, server, acts, visibility } = rig();
  es.last().opens();
  event(story[2]);
  server.job = asPoll(story[2]);
  visibility('hidden');
  await clock.advance(60000);
  for (const message of story) {
    server.job = asPoll(message);
    await clock.advance(20000);
  }
  visibility('visible');
  es.last().fails(CLOSED);
  await clock.advance(100000);
  assert.deepEqual(acts, []);
});

test('an idle page with a dead stream sees a job started elsewhere', async () => {
  const { clock, es, server, jobs } = rig();
  es.last().opens();
  server.job = asPoll(story[2]);
  await clock.advance(35000);
  assert.equal(jobs.state().followed, A);
});

test('stopped: no stream and no question, also when the page becomes visible', async () => {
  const { clock, es, server, connection, visibility } = rig();
  es.last().opens();
  connection.stop();
  assert.equal(es.last().readyState, CLOSED);
  visibility('hidden');
  visibility('visible');
  await clock.advance(300000);
  assert.equal(es.made.length, 1);
  assert.deepEqual(server.gets, []);
});
