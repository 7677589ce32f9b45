// The dialog of a job: every result, priority, ways on, and what it says when jobs are held; in headless Chromium against the real server.
import assert from 'node:assert/strict';
import path from 'node:path';
import { look, pageTest, untilEnded, untilPage } from '../lib/browser.js';
import { makeBooks } from '../lib/books.js';
import { getJob, names, startNoop, waitCompleted } from '../lib/jobs.js';
import { makeBatch, processNext } from '../lib/batches.js';
import { NEEDS_ROOT, isRoot, smallDisk } from '../lib/trouble.js';
import { until } from '../lib/until.js';

const press = (page, id) => page.click(`#${id}`);
const shot = async (page, name) => process.env.LB_SHOTS && page.screenshot({ path: `${process.env.LB_SHOTS}/${name}.png` });
const results = (page) => page.$$eval('#latest-results li:not(.more):not(.dim)', (list) => list.map((li) => [li.dataset.ok, li.querySelector('bdi').textContent]));
const running = (page, id, least = 1) => untilPage(`${least} items of ${id} done`, page, 20, (v) => v.jobId === id && v.processed >= least);
const settled = (page) => until('the results to be read', 10, async () => (await page.getAttribute('#latest-results', 'aria-busy')) === 'false');

pageTest('progress: results stream in, the newest first, and can be filtered, searched and followed back', {}, async (s, b) => {
  const page = await b.open(s.url);
  const id = await makeBatch(s.api, 240, 0, { options: { fail_every: 7 } }); // goes on only when it is told to
  const go = async (n) => { for (let i = 0; i < n; i++) await processNext(s.api, id); };
  await go(120);
  await running(page, id, 120);
  await press(page, 'btn-details');
  await page.waitForSelector('#job-details .choices');
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('.choices')).display), 'flex', 'the style came along');
  await until('the newest hundred', 10, async () => (await results(page)).length === 100);
  assert.equal((await results(page))[0][1], 'item 120');
  await go(5);
  await until('five more', 10, async () => (await results(page)).length === 105);
  assert.equal((await results(page))[0][1], 'item 125');
  await shot(page, 'details-running');
  await press(page, 'btn-older');
  await until('the first one', 10, async () => (await results(page)).at(-1)[1] === 'item 1');
  assert.equal(await page.locator('#btn-older').count(), 0);
  await s.api.call('PATCH', `/api/jobs/${id}`, { drive: 'server' });
  await untilEnded(page, 30);
  await until('all of them', 10, async () => (await results(page)).length === 240);
  const order = (await s.api.get(`/api/jobs/${id}/results?limit=1000`)).json.results.map((r) => r.item).reverse();
  assert.deepEqual((await results(page)).map(([, name]) => name), order, 'in the order in which they finished, each once');
  await page.click('[data-outcome=error]');
  await until('the failed ones', 10, async () => (await results(page)).length === 34 && (await results(page)).every(([ok]) => ok === 'no'));
  await page.fill('#latest-search', 'item 7');
  await until('those of this name', 10, async () => { const list = await results(page); return list.length > 0 && list.every(([, name]) => name.startsWith('item 7')); });
  await settled(page);
  await shot(page, 'details-ended');
});

pageTest('progress: the priority can be changed, here and elsewhere', {}, async (s, b) => {
  const page = await b.open(s.url);
  const id = await startNoop(s.api, 400, 2000);
  await running(page, id);
  await press(page, 'btn-details');
  assert.equal(await page.inputValue('#followed-priority'), 'normal');
  await page.selectOption('#followed-priority', 'high');
  await until('the server to know', 10, async () => (await getJob(s.api, id)).priority === 'high');
  await s.api.call('PATCH', `/api/jobs/${id}`, { priority: 'low' });
  await until('the page to know', 10, async () => (await page.inputValue('#followed-priority')) === 'low');
  await press(page, 'btn-cancel');
  await untilEnded(page, 20, 'cancelled');
  assert.equal(await page.locator('#followed-priority').count(), 0);
});

pageTest('progress: what went well can be given to another operation, and the job has a page', { books: 3 }, async (s, b) => {
  const page = await b.open(s.url);
  await page.waitForSelector('#file-table tbody tr');
  await press(page, 'btn-normalize-all');
  const first = await untilEnded(page, 20);
  assert.equal(new URL(await page.getAttribute('#job-link', 'href')).pathname, `/jobs/${first.jobId}`);
  await page.waitForSelector('#follow-ups [data-operation=verify]');
  const offered = await page.$$eval('#follow-ups [data-operation]', (list) => list.map((e) => e.dataset.operation));
  assert.ok(!offered.includes('undo') && !offered.includes('tag') && !offered.includes('normalize'), offered.join());
  await shot(page, 'follow-ups');
  await page.dblclick('#follow-ups [data-operation=verify]');
  const second = await untilPage('what follows', page, 20, (v) => v.jobId !== first.jobId && v.status === 'completed' && v.summary);
  const job = await getJob(s.api, second.jobId);
  assert.deepEqual([job.operation, job.parent, job.parent_kind], ['verify', first.jobId, 'follow_up']);
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, 2);
});

pageTest('progress: the bar that stays says how fast it goes and how long yet', {}, async (s, b) => {
  const page = await b.open(s.url);
  const id = await startNoop(s.api, 3000, 1500, { options: { ms: 1500, fail_every: 9 } });
  await running(page, id, 9);
  await press(page, 'btn-close');
  await until('the pace', 30, async () => /^[\d.,]+ files\/s, .+ left$/.test(await page.innerText('.slim-pace')));
  assert.match(await page.innerText('#slim-text'), /^[\d,]+ of 3,000, \d+ failed$/);
  await shot(page, 'slim');
  await page.setViewportSize({ width: 360, height: 740 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await shot(page, 'slim-phone');
  await s.api.post(`/api/jobs/${id}/cancel`);
  await untilPage('the cancel', page, 20, (v) => v.status === 'cancelled');
});

// The library lies on a disk of its own, which is full.
pageTest('progress: a full disk is said in the dialog and the bar, and it goes on when there is room', {
  skip: isRoot ? false : NEEDS_ROOT,
  books: (dir) => makeBooks(dir, 1),
}, async (s, b) => {
  const folder = path.join(s.library, 'small');
  const disk = smallDisk(folder, 512);
  try {
    makeBooks(folder, 12, { pageBytes: 6000, copiedEvery: 1 });
    disk.fill();
    const page = await b.open(s.url);
    await page.waitForSelector('#file-table tbody tr');
    await press(page, 'btn-process-all');
    await until('the reason', 20, async () => /^On hold: library: disk full/.test(await page.innerText('#progress-pace').catch(() => '')));
    await shot(page, 'held');
    await press(page, 'btn-close');
    assert.match(await page.innerText('.slim-pace'), /^On hold: library: disk full/);
    await press(page, 'btn-reopen');
    disk.free();
    const end = await untilEnded(page, 40);
    assert.equal((await look(page)).processed, end.total);
    assert.equal((await getJob(s.api, end.jobId)).error_items, 0, 'nothing has failed');
  } finally {
    disk.unmount();
  }
});

pageTest('progress: hostile names are text in results, toasts and titles', {}, async (s, b) => {
  const page = await b.open(s.url);
  const bad = '"><img src=x onerror=alert(1)>\u202e';
  const id = await makeBatch(s.api, 3, 0, { name: `${bad}...`, items: names(3, bad), options: { fail_every: 2 } }); // goes on only when it is told to
  await processNext(s.api, id);
  await running(page, id);
  await press(page, 'btn-details');
  await page.waitForSelector('#latest-results li[data-ok]');
  await press(page, 'btn-close');
  assert.match(await page.title(), /^\(\d+ %\) Longbox$/);
  await processNext(s.api, id);
  await processNext(s.api, id);
  await page.waitForSelector('.notice');
  assert.match(await page.innerText('.notice p'), /"><img src=x onerror=alert\(1\)>/);
  assert.ok(!(await page.innerText('body')).includes('\u202e'));
  assert.equal(await page.locator('img[src=x]').count(), 0);
  await page.click('.notice button:has-text("Show")');
  await untilEnded(page, 10);
  await waitCompleted(s.api, id);
});
