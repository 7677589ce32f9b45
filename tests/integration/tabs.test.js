// Many tabs of one browser, as users have them (tests/lib/plain_browser.js): one stream for all, on plain HTTP; and what
// hiding, freezing, closing, crashing and the page cache do to it. With the SharedWorker, and without one.
//
// Under LB_TABS=long (make soak) the waits of the page are the real ones, and the tabs are hidden for six minutes.
import assert from 'node:assert/strict';
import { look, untilPage } from '../lib/browser.js';
import { getJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { plainTest } from '../lib/plain_browser.js';
import { sleep, until } from '../lib/until.js';

const LONG = process.env.LB_TABS === 'long';
const HIDDEN_MS = 60000; // after which a hidden tab gives the stream up
const set = LONG ? {} : { heartbeat_s: 3 }; // at a heartbeat the server sees that a stream was closed
const LAN = { set: { ...set, hosts: 'longbox.lan' }, flags: ['--host-resolver-rules=MAP longbox.lan 127.0.0.1'] };
const lan = (s) => s.url.replace('127.0.0.1', 'longbox.lan');

// Runs in each page before its own script.
function record(hidden_ms) {
  globalThis.seen = { life: [], sources: [], cancelledAt: null, hurries: false };
  const { seen } = globalThis;
  addEventListener('pageshow', (e) => seen.life.push(e.persisted ? 'restored' : 'loaded'));
  for (const type of ['freeze', 'resume']) document.addEventListener(type, () => seen.life.push(type));
  document.addEventListener('longbox:job', ({ detail }) => { // a hidden tab draws later
    if (detail.cancelling || detail.status === 'cancelled') seen.cancelledAt ||= Date.now();
  });
  globalThis.EventSource = class extends EventSource { // of a tab that leads
    constructor(url) {
      super(url);
      seen.sources.push(this);
    }
  };
  const real = setTimeout;
  globalThis.setTimeout = (work, ms, ...rest) => real(work, seen.hurries && ms === hidden_ms ? 1000 : ms, ...rest);
}

const WAYS = {
  SharedWorker: `(${record})(${HIDDEN_MS})`,
  lease: `(${record})(${HIDDEN_MS}); delete globalThis.SharedWorker;`,
};

const streams = async (s) => (await s.api.get('/api/events/stats')).json.active_clients;
const untilStreams = (s, n, seconds = 60) => until(`${n} streams`, seconds, async () => (await streams(s)) === n);
const hasStream = (tab) => tab.evaluate(() => globalThis.seen.sources.some((source) => source.readyState !== 2));
const live = (tab) => untilPage('the tab to be live', tab, 60, (v) => v.quality === 'live');

async function openTabs(s, b, n, url = s.url) {
  const tabs = [];
  for (let i = 0; i < n; i++) tabs.push(await b.open(url));
  for (const tab of tabs) await live(tab);
  return tabs;
}

// A tab that could not run for long may find only later that it has lost the lease.
const leaderOf = (tabs) => until('one tab to hold the stream', 60, async () => {
  const holds = await Promise.all(tabs.map(hasStream));
  return holds.filter(Boolean).length === 1 && tabs[holds.indexOf(true)];
});

// Hides all tabs, one after the other, behind one that wants no stream. In make check their 60 s last 1 s.
async function hideAll(b, tabs) {
  for (const tab of tabs) {
    await tab.evaluate((hurries) => { globalThis.seen.hurries = hurries; }, !LONG);
    await tab.show();
  }
  await (await b.open('about:blank')).show();
}

for (const [way, script] of Object.entries(WAYS)) {
  const thorough = LONG || way === 'SharedWorker' ? plainTest : () => {}; // make soak tries all of it both ways
  thorough(`tabs: twelve on plain HTTP under a LAN name, by ${way}: one stream, the same numbers, cancel from the last`, { ...LAN, script, books: 2, seconds: 350 }, async (s, b, t) => {
    const tabs = await openTabs(s, b, 12, lan(s));
    assert.equal(await tabs[0].evaluate(() => isSecureContext), false);
    await untilStreams(s, 1);
    const short = await startNoop(s.api, 40, 100); // as a script would
    for (const tab of tabs) await untilPage('the end of the job', tab, 30, (v) => v.jobId === short && v.status === 'completed' && v.quality === 'live');
    const { version } = await look(tabs[0]);
    for (const tab of tabs) {
      await tab.show(); // a hidden tab is drawn later
      await untilPage('the same numbers', tab, 10, (v) => v.text === '40 of 40' && v.version === version);
      await tab.evaluate(() => document.getElementById('btn-close').click());
    }

    const long = await startNoop(s.api, 40000, 200); // however long it takes to look into twelve tabs
    for (const tab of tabs) await untilPage('the second job', tab, 20, (v) => v.jobId === long && v.processed > 0);
    await untilStreams(s, 1);
    const clickedAt = await tabs.at(-1).evaluate(() => {
      document.getElementById('btn-cancel').click();
      return Date.now();
    });
    const times = [];
    for (const tab of tabs) times.push((await until('the answer', 60, () => tab.evaluate(() => globalThis.seen.cancelledAt))) - clickedAt);
    t.diagnostic(`note: cancel from the last of 12 tabs, by ${way}: known in the slowest after ${Math.max(...times)} ms`);
    assert.ok(Math.max(...times) < 30000, `${times} ms`);
    const counts = [];
    for (const tab of tabs) counts.push((await untilPage('the end', tab, 20, (v) => v.status === 'cancelled')).processed);
    assert.deepEqual([...new Set(counts)], [(await getJob(s.api, long)).processed_items]);
  });

  thorough(`tabs: all hidden, by ${way}: no stream; the first that is shown has one and is right`, { set, script, books: 2, seconds: 700 }, async (s, b) => {
    const tabs = await openTabs(s, b, 3);
    const id = await startNoop(s.api, 200, LONG ? 4000 : 400); // 100 s, or 10 s
    for (const tab of tabs) await untilPage('the job', tab, 10, (v) => v.jobId === id && v.processed > 0);
    await hideAll(b, tabs);
    await untilStreams(s, 0, 120);
    if (LONG) await sleep(360000 - HIDDEN_MS); // six minutes hidden are the scenario
    await waitCompleted(s.api, id, 60);
    await tabs[1].show();
    await untilPage('the end', tabs[1], 10, (v) => v.status === 'completed' && v.text === '200 of 200');
    await live(tabs[1]);
    await untilStreams(s, 1);
    await tabs[0].show();
    await live(tabs[0]);
    await untilStreams(s, 1);
  });

  plainTest(`tabs: frozen, by ${way}: the tab has no part in the stream, and is right when it wakes`, { set, script, books: 2 }, async (s, b) => {
    const tabs = await openTabs(s, b, 2);
    const frozen = way === 'lease' ? await leaderOf(tabs) : tabs[0];
    const [other] = tabs.filter((tab) => tab !== frozen);
    await other.show();
    const id = await startNoop(s.api, 60, 300);
    await untilPage('the job', frozen, 10, (v) => v.jobId === id && v.processed > 0);
    await frozen.send('Page.setWebLifecycleState', { state: 'frozen' });
    const before = await look(other);
    await untilPage('the other tab to go on', other, 10, (v) => v.processed > before.processed && v.quality === 'live');
    await untilStreams(s, 1);
    await untilPage('the end', other, 20, (v) => v.status === 'completed');
    await frozen.send('Page.setWebLifecycleState', { state: 'active' });
    await frozen.show();
    await untilPage('the end in the tab that slept', frozen, 5, (v) => v.jobId === id && v.status === 'completed' && v.text === '60 of 60');
    assert.deepEqual((await frozen.evaluate(() => globalThis.seen.life)).slice(-2), ['freeze', 'resume']);
    await live(frozen);
    await untilStreams(s, 1);
  });

  // Whether a page is kept is for the browser to say; a busy one loads it anew. Where it keeps none, it says why, and the
  // page must not be the reason.
  thorough(`tabs: the page cache, by ${way}: a page comes back from it, right and live`, { set, script, books: 2, seconds: 300 }, async (s, b, t) => {
    const [tab, other] = await openTabs(s, b, 2);
    await tab.show();
    let restored = false;
    for (let round = 0; round < 5 && !restored; round++) {
      const id = await startNoop(s.api, 1200, 30); // messages are on their way all the time
      await untilPage('the job', tab, 10, (v) => v.jobId === id && v.processed > 0);
      await tab.goto(`${s.url}/api/version`);
      await untilPage('the other tab to see the end', other, 20, (v) => v.jobId === id && v.status === 'completed');
      await untilStreams(s, 1);
      await tab.back();
      await untilPage('the end', tab, 10, (v) => v.jobId === id && v.status === 'completed' && v.text === '1,200 of 1,200');
      restored = (await tab.evaluate(() => globalThis.seen.life)).includes('restored');
      await live(tab);
      for (const each of [tab, other]) await each.evaluate(() => document.getElementById('btn-close').click());
    }
    if (!restored) {
      t.diagnostic(`note: the browser kept no page: ${JSON.stringify([...new Set(tab.notKept.map((e) => e.reason))])}`);
      assert.ok(tab.notKept.length > 0, 'the browser says why it kept no page');
      assert.deepEqual(tab.notKept.filter((e) => e.type !== 'Circumstantial'), [], 'the page is not the reason');
    }
    const next = await startNoop(s.api, 40, 200);
    await untilPage('a job over the stream', tab, 10, (v) => v.jobId === next && v.processed > 0 && v.quality === 'live');
  });
}

for (const how of ['closed', 'crashed']) {
  plainTest(`tabs: the one that holds the stream is ${how}, by lease: another goes on behind its last event`, { set, script: WAYS.lease, books: 2 }, async (s, b) => {
    const tabs = await openTabs(s, b, 4);
    const leader = await leaderOf(tabs);
    const left = tabs.filter((tab) => tab !== leader);
    await left[0].show();
    const id = await startNoop(s.api, 160, 600); // 12 s
    for (const tab of tabs) await untilPage('the job', tab, 10, (v) => v.jobId === id && v.processed > 0);
    if (how === 'closed') await leader.close();
    else void leader.send('Page.crash').catch(() => {}); // it cannot answer any more
    const next = await until('another tab to hold the stream', 30, async () => (await Promise.all(left.map(hasStream))).some(Boolean) && leaderOf(left));
    assert.match(await next.evaluate(() => globalThis.seen.sources[0].url), /last_event_id=\d+$/);
    for (const tab of left) await live(tab);
    await untilStreams(s, 1);
    for (const tab of left) {
      await tab.show(); // a hidden tab is drawn later
      await untilPage('the end', tab, 30, (v) => v.jobId === id && v.status === 'completed' && v.text === '160 of 160');
    }
  });
}

plainTest('tabs: one crashes, by SharedWorker, perhaps with the worker: the others go on, and no stream is held for it', { set, script: WAYS.SharedWorker, books: 2 }, async (s, b) => {
  const [first, second] = await openTabs(s, b, 2);
  await first.show();
  const id = await startNoop(s.api, 60, 200);
  await untilPage('the job', second, 10, (v) => v.jobId === id && v.processed > 0);
  void first.send('Page.crash').catch(() => {}); // it cannot answer any more
  await untilPage('the end', second, 20, (v) => v.status === 'completed' && v.quality === 'live');
  await untilStreams(s, 1);
  await hideAll(b, [second]); // who is left gives the stream up; who crashed cannot
  await untilStreams(s, 0, 150);
});

plainTest('tabs: a worker that cannot be loaded leaves the tabs to themselves', { set, books: 2,
  script: `(${record})(${HIDDEN_MS}); const Real = SharedWorker; globalThis.SharedWorker = function () { return new Real('static/gone.js'); };`,
}, async (s, b) => {
  const tabs = await openTabs(s, b, 3);
  await leaderOf(tabs);
  await untilStreams(s, 1);
});

plainTest('tabs: the page of a job shares the stream, and is driven to its end', { ...LAN, script: WAYS.SharedWorker, books: 2 }, async (s, b) => {
  const r = await s.api.post('/api/batch-jobs', { name: 'A batch', operation: 'noop', items: ['1', '2', '3', '4', '5', '6'], options: { ms: 300 } });
  const library = (await openTabs(s, b, 1, lan(s)))[0];
  const batches = await openTabs(s, b, 3, `${lan(s)}/batch-jobs/${r.json.id}`);
  await untilStreams(s, 1);
  for (const tab of [library, ...batches]) await untilPage('the end', tab, 20, (v) => v.jobId === r.json.id && v.status === 'completed');
});
