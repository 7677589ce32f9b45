// The page of a batch, as tests look at it.
import assert from 'node:assert/strict';
import { getBatch } from './batches.js';
import { appliedJobs, untilEnded, untilPage } from './browser.js';
import { until } from './until.js';

export const address = (url, id) => `${url}/batch-jobs/${id}`;
export const lead = (page) => page.evaluate(() => document.body.dataset.lead);
export const untilLead = (page, who, seconds = 10) => until(`data-lead to be "${who}"`, seconds, async () => (await lead(page)) === who);
export const running = (page, least = 1, seconds = 20) => untilPage(`${least} items done and the batch running`, page, seconds,
  (v) => v.status === 'processing' && v.processed >= least);
export const shot = async (page, name) => process.env.LB_SHOTS && page.screenshot({ path: `${process.env.LB_SHOTS}/${name}.png`, fullPage: true });
export const states = (page) => page.$$eval('#batch-items li', (list) => list.map((li) => li.dataset.state));

// What stood on the page since it was loaded: neither the count nor the bar ever fell. Gives the counts.
export async function shownCounts(page) {
  const seen = await page.evaluate(() => globalThis.seenTexts);
  const counts = seen.map(({ text }) => Number(text.split(' ')[0].replace(/,/g, '')));
  for (let i = 1; i < seen.length; i++) {
    assert.ok(counts[i] >= counts[i - 1] && seen[i].bar >= seen[i - 1].bar, `"${seen[i].text}" (${seen[i].bar} %) after "${seen[i - 1].text}" (${seen[i - 1].bar} %)`);
  }
  return [...new Set(counts)];
}

// The page shows the end, everything agrees with the server, and nothing fell on the way.
export async function untilWhole(page, s, id, n, seconds = 30) {
  const end = await untilEnded(page, seconds);
  assert.equal(end.text, `${n} of ${n}`);
  await until('every item to be listed as done', 20, async () => {
    const list = await states(page);
    return list.length === n && list.every((state) => state === 'done' || state === 'failed');
  });
  await appliedJobs(page, id);
  const batch = await getBatch(s.api, id);
  assert.equal(batch.status, 'completed');
  assert.equal(batch.progress.completed, n);
  return shownCounts(page);
}
