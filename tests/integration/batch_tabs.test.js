// Several tabs of one batch, in headless Chromium against the real server: one drives, the others watch.
import assert from 'node:assert/strict';
import { address, lead, running, untilLead, untilWhole } from '../lib/batch_page.js';
import { makeBatch } from '../lib/batches.js';
import { look, pageTest, untilPage } from '../lib/browser.js';
import { until } from '../lib/until.js';

pageTest('batch tabs: one tab drives, the others watch; the leader is closed and another goes on', { seconds: 120 }, async (s, b) => {
  const id = await makeBatch(s.api, 24, 250);
  const tabs = [await b.open(address(s.url, id))];
  await untilLead(tabs[0], 'me');
  for (let i = 0; i < 2; i++) tabs.push(await b.open(address(s.url, id)));
  for (const tab of tabs.slice(1)) await untilLead(tab, 'other');
  assert.match(await tabs[1].innerText('#driver'), /Another tab/);
  const at = await running(tabs[1], 2);
  await tabs[0].close();
  b.pages.shift();
  const left = tabs.slice(1);
  await until('one of the others to lead', 5, async () => (await Promise.all(left.map(lead))).sort().join() === 'me,other');
  for (const tab of left) await untilPage('it to go on', tab, 10, (v) => v.processed > at.processed + 2);
  for (const tab of left) await untilWhole(tab, s, id, 24);
});

// Two tabs of one batch: the one that leads, and the one that watches.
async function twoTabs(s, b, id) {
  const [first, second] = [await b.open(address(s.url, id)), await b.open(address(s.url, id))];
  await until('one to lead', 10, async () => [await lead(first), await lead(second)].sort().join() === 'me,other');
  return (await lead(first)) === 'me' ? [first, second] : [second, first];
}

pageTest('batch tabs: the leader is frozen, and the other tab goes on; awake again it watches', {}, async (s, b) => {
  const id = await makeBatch(s.api, 24, 250);
  const [leader, watcher] = await twoTabs(s, b, id);
  await leader.evaluate(() => document.dispatchEvent(new Event('freeze')));
  await untilLead(watcher, 'me', 3); // at once, not when the lease is over
  const at = await look(watcher);
  await untilPage('it to go on', watcher, 10, (v) => v.processed > at.processed + 1);
  await leader.evaluate(() => document.dispatchEvent(new Event('resume')));
  await untilLead(leader, 'other');
  for (const page of [leader, watcher]) await untilWhole(page, s, id, 24);
});

pageTest("batch tabs: the leader's process dies without a word, and the other tab goes on", { expectCuts: true }, async (s, b) => {
  const id = await makeBatch(s.api, 24, 250);
  const [leader, watcher] = await twoTabs(s, b, id);
  b.pages = [watcher];
  const cdp = await b.context.newCDPSession(leader);
  const crashed = new Promise((done) => leader.once('crash', done));
  void cdp.send('Page.crash').catch(() => {}); // it cannot answer any more
  await crashed;
  await untilLead(watcher, 'me', 15);
  await untilWhole(watcher, s, id, 24);
});

pageTest('batch tabs: drives on plain HTTP under a LAN name', { set: { hosts: 'longbox.test' }, flags: ['--host-resolver-rules=MAP longbox.test 127.0.0.1'] }, async (s, b) => {
  const id = await makeBatch(s.api, 6, 300);
  const url = address(s.url.replace('127.0.0.1', 'longbox.test'), id);
  const [first, second] = [await b.open(url), await b.open(url)];
  assert.equal(await first.evaluate(() => isSecureContext), false);
  await until('one to lead', 10, async () => [await lead(first), await lead(second)].sort().join() === 'me,other');
  for (const page of [first, second]) await untilWhole(page, s, id, 6);
  b.errors = b.errors.filter((text) => !text.includes('Cross-Origin-Opener-Policy')); // a header that is of no use there
});
