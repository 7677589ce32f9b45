// The three layers of the page, one taken away after the other, in headless Chromium against the real server with the
// times it has without any setting: a dead worker, a stream that is refused, silent or absent, a server that is gone.
//
// Under LB_TABS=long (make soak) the server is gone for 30 s.
import assert from 'node:assert/strict';
import { makeBooks } from '../lib/books.js';
import { appliedJobs, look, pageTest, untilEnded, untilPage } from '../lib/browser.js';
import { getJob, startNoop } from '../lib/jobs.js';
import { startProxy } from '../lib/proxy.js';
import { sleep, until } from '../lib/until.js';

const GONE_S = process.env.LB_TABS === 'long' ? 30 : 7;
const RIGHT_S = process.env.LB_TABS === 'long' ? 6 : 30; // 6 s are the promise; how long it took is printed

const live = (page) => untilPage('the page to be live', page, 20, (v) => v.quality === 'live');
const running = (page, id, least = 1) => untilPage(`${least} items of the job`, page, 20, (v) => v.jobId === id && v.status === 'processing' && v.processed >= least);
const notices = (page) => page.locator('.notice').allInnerTexts();
const press = (page, id) => page.click(`#${id}`);

// The page shows at least what the server says a moment from now. Gives the seconds since `at`.
async function untilRight(s, page, id, at, from) {
  const job = await until('the job to go on', 20, async () => {
    const now = await getJob(s.api, id).catch(() => null); // its worker may have died with the answer
    return now && now.processed_items > from && now;
  });
  await untilPage('the page to be right', page, 20, (v) => v.version >= job.version);
  return (Date.now() - at) / 1000;
}

pageTest('layers: the worker behind the stream is killed in the middle: the page is right within 6 s', { books: 2, expectCuts: true, seconds: 120 }, async (s, b, t) => {
  const page = await b.open(s.url);
  await live(page);
  const id = await startNoop(s.api, 200, 800);
  const { processed } = await running(page, id, 4);
  const { slot } = (await s.api.get('/api/events/stats')).json.workers.find((w) => w.clients > 0);
  const at = Date.now();
  process.kill(s.workers().find((w) => w.slot === slot).pid, 'SIGKILL');
  const seconds = await untilRight(s, page, id, at, processed + 8); // more than ran at the time
  t.diagnostic(`note: worker killed under the stream: page right after ${seconds.toFixed(1)} s`);
  assert.ok(seconds < RIGHT_S, `${seconds} s`);
  await live(page);
  await press(page, 'btn-cancel');
  await untilEnded(page, 20, 'cancelled');
  await appliedJobs(page, id);
});

pageTest('layers: the stream is answered with 502 for a while, in two tabs: right all the time, then live again', { books: 2, expectCuts: true, seconds: 120 }, async (s, b, t) => {
  const proxy = await startProxy(s);
  const pages = [await b.open(proxy.url), await b.open(proxy.url)];
  for (const page of pages) await live(page);
  const id = await startNoop(s.api, 200, 800);
  const { processed } = await running(pages[1], id, 4);
  const at = Date.now();
  proxy.breakStreams();
  for (const page of pages) {
    const seconds = await untilRight(s, page, id, at, processed + 8);
    t.diagnostic(`note: stream answered with 502: page right after ${seconds.toFixed(1)} s`);
    assert.ok(seconds < RIGHT_S, `${seconds} s`);
  }
  await until('the stream to be asked for again', 20, () => proxy.requests.some((r) => r.at > at && r.url.startsWith('/api/events/stream')));
  proxy.restoreStreams();
  for (const page of pages) await untilPage('the page to be live', page, 40, (v) => v.quality === 'live');
  const again = proxy.requests.filter((r) => r.at > at && r.url.startsWith('/api/events/stream'));
  assert.match(again.at(-1).url, /last_event_id=\d+$/, 'behind the last event');
  assert.equal((await s.api.get('/api/events/stats')).json.active_clients, 1);
});

pageTest(`layers: the server is gone for ${GONE_S} s and back: the mark counts, and the page goes on`, { books: 2, expectCuts: true, seconds: 180 }, async (s, b) => {
  const page = await b.open(s.url);
  await live(page);
  const id = await startNoop(s.api, 100, 1000); // 12 s
  await running(page, id, 3);
  await s.kill();
  await untilPage('a word that it is away', page, 15, (v) => v.quality === 'offline');
  const mark = () => page.innerText('.head .quality');
  await until('the mark to count', 15, async () => /^Offline\s+updated \d+\.?\d* s ago$/.test(await mark()));
  assert.match((await notices(page)).join(), /cannot be reached/);
  await sleep(GONE_S * 1000); // the length is the scenario
  assert.equal((await look(page)).status, 'processing');
  await s.start();
  const end = await untilEnded(page, 60);
  assert.equal(end.jobId, id);
  assert.equal(end.text, '100 of 100');
  await live(page);
  assert.equal(await mark(), 'Live');
  assert.deepEqual(await notices(page), []);
  await appliedJobs(page, id);
});

pageTest('layers: no stream for the whole job: it completes by polling, says so, and tells of the watchdog once', { books: 2, expectCuts: true, seconds: 120 }, async (s, b) => {
  const proxy = await startProxy(s, { streams: false });
  const page = await b.open(proxy.url);
  const id = await startNoop(s.api, 160, 1000); // 20 s
  await running(page, id);
  await until('the notice', 20, async () => /asks the server every few seconds/.test((await notices(page)).join()));
  assert.equal((await look(page)).quality, 'polling');
  assert.match(await page.innerText('.head .quality'), /^Polling/);
  await page.click('.notice [aria-label=Dismiss]');
  const begun = Date.now();
  const end = await untilEnded(page, 60); // the watchdog's time
  assert.equal(end.text, '160 of 160');
  assert.equal(end.quality, 'polling');
  assert.ok(Date.now() - begun > 2000, 'it was asked several times after that');
  assert.deepEqual(await notices(page), [], 'said once');
  assert.deepEqual(await page.evaluate(() => globalThis.seenEvents), []);
  proxy.restoreStreams();
  await untilPage('the page to be live', page, 40, (v) => v.quality === 'live');
});

pageTest('layers: a stream that is open and silent: the watchdog asks, says so, and has another one made', {
  books: 2, expectCuts: true, seconds: 120, set: { watchdog_timeout_ms: 2000, watchdog_check_ms: 500, reconnect_delay_ms: 1000 },
}, async (s, b) => {
  const proxy = await startProxy(s);
  const page = await b.open(proxy.url);
  await live(page);
  const id = await startNoop(s.api, 160, 1000);
  await running(page, id, 3);
  proxy.silenceStreams();
  await until('the notice', 20, async () => /had fallen silent/.test((await notices(page)).join()));
  assert.equal((await notices(page)).length, 1);
  const end = await untilEnded(page, 60);
  assert.equal(end.jobId, id);
  assert.equal(end.text, '160 of 160');
});

pageTest('layers: refreshed at every stage of a job, the page shows where it is', { books: (dir) => makeBooks(dir, 40), seconds: 120 }, async (s, b) => {
  const reload = (page) => page.reload({ waitUntil: 'domcontentloaded' });
  const page = await b.open(s.url);
  await live(page);
  // Starting: at the click, before any answer.
  await startNoop(s.api, 16, 1500); // holds the threads
  await page.evaluate(() => document.getElementById('btn-normalize-all').click());
  const confirm = page.locator('dialog button.strong, [role=alertdialog] button.strong');
  if (await confirm.count()) await confirm.first().click();
  const started = await until('the job to be made', 10, async () => (await s.api.get('/api/jobs')).json.jobs.find((j) => j.operation === 'normalize'));
  await reload(page);
  await untilPage('the job that was starting', page, 20, (v) => v.jobId === started.job_id);
  await untilEnded(page, 40);
  await press(page, 'btn-close');
  // Running.
  const id = await startNoop(s.api, 400, 300);
  const before = await running(page, id, 5);
  await reload(page);
  const after = await untilPage('the running job', page, 10, (v) => v.jobId === id && v.processed >= before.processed);
  assert.equal(after.status, 'processing');
  // Cancelling.
  await page.evaluate(() => document.getElementById('btn-cancel').click());
  await reload(page);
  await untilPage('the cancelled job', page, 20, (v) => v.jobId === id && (v.status === 'cancelled' || v.status === 'processing'));
  if ((await look(page)).status === 'processing' && !(await getJob(s.api, id)).cancelling) await press(page, 'btn-cancel'); // the click had no time
  const end = await untilEnded(page, 20, 'cancelled');
  assert.equal(end.processed, (await getJob(s.api, id)).processed_items);
  // Ended.
  await reload(page);
  const again = await untilEnded(page, 10, 'cancelled');
  assert.equal(again.jobId, id);
  assert.equal(again.processed, end.processed);
});
