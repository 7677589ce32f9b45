// The same in two browsers, as their users have them: tabs share one stream, a job is followed, cancelled, found again
// by the way back, and right when a worker dies. Firefox keeps no page with a SharedWorker in its page cache.
import assert from 'node:assert/strict';
import test from 'node:test';
import { untilEnded, untilPage } from '../lib/browser.js';
import { Firefox, hasFirefox } from '../lib/firefox.js';
import { getJob, startNoop } from '../lib/jobs.js';
import { PlainBrowser } from '../lib/plain_browser.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const streams = async (s) => (await s.api.get('/api/events/stats')).json.active_clients;
const live = (tab) => untilPage('the tab to be live', tab, 30, (v) => v.quality === 'live');
const press = (tab, id) => tab.evaluate((name) => document.getElementById(name).click(), id);

async function scenario(s, b) {
  const tabs = [];
  for (let i = 0; i < 4; i++) tabs.push(await b.open(s.url));
  for (const tab of tabs) await live(tab);
  await until('one stream', 60, async () => (await streams(s)) === 1); // a closed one may be counted until its next heartbeat
  await until('the list', 10, () => tabs[0].evaluate(() => document.querySelectorAll('#file-table tbody tr').length === 5));

  await press(tabs[0], 'btn-rename-all');
  for (const tab of tabs) {
    await tab.show(); // a hidden tab is drawn later
    assert.equal((await untilEnded(tab, 30)).text, '5 of 5');
    await press(tab, 'btn-close');
  }

  const id = await startNoop(s.api, 4000, 300);
  for (const tab of tabs) await untilPage('the job', tab, 20, (v) => v.jobId === id && v.processed > 0 && v.quality === 'live');
  for (const w of s.workers()) process.kill(w.pid, 'SIGKILL');
  const job = await until('the job to go on', 30, async () => {
    const now = await getJob(s.api, id).catch(() => null); // its worker has died with the answer
    return now && now.processed_items > 40 && now;
  });
  for (const tab of tabs) await untilPage('the tab to be right', tab, 10, (v) => v.version >= job.version);

  await tabs[3].show();
  await tabs[3].goto(`${s.url}/api/version`);
  await tabs[2].show();
  await press(tabs[2], 'btn-cancel');
  for (const tab of tabs.slice(0, 3)) await untilPage('the end', tab, 20, (v) => v.status === 'cancelled');
  await tabs[3].show();
  await tabs[3].back();
  const end = await untilEnded(tabs[3], 20, 'cancelled');
  assert.equal(end.processed, (await getJob(s.api, id)).processed_items);
  await live(tabs[3]);
  await until('one stream', 60, async () => (await streams(s)) === 1);
}

serverTest('browsers: four tabs in Chromium', { books: 5, seconds: 150 }, async (s) => {
  const browser = new PlainBrowser(s.dir);
  try {
    await scenario(s, browser);
  } finally {
    await browser.close();
  }
});

const inFirefox = async (s, script) => {
  const browser = new Firefox(s.dir, { script });
  try {
    await browser.start();
    await scenario(s, browser);
  } finally {
    await browser.close();
  }
};

if (hasFirefox) {
  serverTest('browsers: four tabs in Firefox', { books: 5, seconds: 200 }, (s) => inFirefox(s));
  serverTest('browsers: four tabs in Firefox, without a SharedWorker', { books: 5, seconds: 200 }, (s) => inFirefox(s, 'delete globalThis.SharedWorker'));
} else {
  test('browsers: four tabs in Firefox', { skip: 'firefox-esr is not installed; make soak installs it' });
}
