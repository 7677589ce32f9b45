// Pausing, retrying and several jobs at once in the page, in headless Chromium against the real server.
import assert from 'node:assert/strict';
import { appliedJobs, look, pageTest, untilEnded, untilLive, untilPage } from '../lib/browser.js';
import { getJob, startNoop } from '../lib/jobs.js';
import { sleep, until } from '../lib/until.js';

const press = (page, id) => page.click(`#${id}`);
const label = (page, id) => page.innerText(`#${id}`);
const running = (page, id, least = 1) => untilPage(`${least} items of ${id} done`, page, 20,
  (v) => v.dialog && v.jobId === id && v.status === 'processing' && v.processed >= least);
const shot = async (page, name) => process.env.LB_SHOTS && page.screenshot({ path: `${process.env.LB_SHOTS}/${name}.png` });
// What the page says of the pace from now on, each of it, however short it stands there.
async function watchPace(page) {
  await page.evaluate(() => {
    globalThis.seenPaces = [];
    const note = () => globalThis.seenPaces.push(document.getElementById('progress-pace')?.textContent);
    new MutationObserver(note).observe(document.getElementById('progress-dialog'), { subtree: true, childList: true, characterData: true });
  });
  return () => page.evaluate(() => globalThis.seenPaces);
}
const others = (page) => page.$$eval('#other-jobs button', (list) => list.map((b) => [b.dataset.jobId, b.querySelector('.count').textContent]));

for (const [size, viewport] of [['wide', { width: 1100, height: 800 }], ['narrow', { width: 360, height: 720 }]]) {
  pageTest(`page: Pause lets running files finish, Resume goes on, ${size}`, { books: 2 }, async (s, b) => {
    const page = await b.open(s.url);
    await page.setViewportSize(viewport);
    const id = await startNoop(s.api, 2000, 600, { title: 'Nightly check...' });
    await running(page, id, 5);
    const said = await watchPace(page);
    assert.equal(await label(page, 'btn-pause'), 'Pause');
    await press(page, 'btn-pause');
    await until('Resume', 20, async () => (await label(page, 'btn-pause')) === 'Resume');
    await until('Paused', 10, async () => (await label(page, 'progress-pace')) === 'Paused');
    assert.ok((await said()).includes('Pausing: running files finish'), `${await said()}`);
    assert.match(await label(page, 'progress-title'), /^Nightly check: paused$/);
    const still = await look(page);
    assert.equal(still.processed, (await getJob(s.api, id)).processed_items);
    await shot(page, `paused-${size}`);
    const box = await page.locator('#progress-dialog').boundingBox();
    const inner = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inner[0] <= inner[1] && box.x >= 0 && box.x + box.width <= viewport.width, 'nothing is cut off');
    await press(page, 'btn-pause');
    await running(page, id, still.processed + 5);
    assert.equal(await label(page, 'btn-pause'), 'Pause');
    await press(page, 'btn-cancel');
    await untilEnded(page, 20, 'cancelled');
    assert.equal(await page.locator('#btn-pause').count(), 0, 'what ended cannot be paused');
    await appliedJobs(page, id);
  });
}

pageTest('page: a pause made elsewhere is shown, and found again after a refresh', { books: 2 }, async (s, b) => {
  const page = await b.open(s.url);
  const id = await startNoop(s.api, 2000, 100);
  await running(page, id, 3);
  assert.equal((await s.api.post(`/api/jobs/${id}/pause`)).status, 200);
  await until('Resume', 20, async () => (await label(page, 'btn-pause')) === 'Resume');
  await page.reload({ waitUntil: 'domcontentloaded' });
  await untilPage('the job', page, 10, (v) => v.dialog && v.jobId === id);
  await until('Resume', 20, async () => (await label(page, 'btn-pause')) === 'Resume');
  const before = await look(page);
  await sleep(400); // four times an item's time
  assert.equal((await look(page)).processed, before.processed);
  await press(page, 'btn-cancel');
  await untilEnded(page, 10, 'cancelled');
});

pageTest('page: Retry failed makes one job of what failed and follows it', { books: 2 }, async (s, b) => {
  const page = await b.open(s.url);
  await untilLive(page);
  const id = await startNoop(s.api, 24, 20, { title: 'Weekly check...', options: { ms: 20, fail_every: 4 } });
  const first = await untilEnded(page, 20);
  assert.equal(first.jobId, id);
  assert.equal(await label(page, 'btn-retry'), 'Retry failed (6)');
  await until('the failures', 20, () => page.locator('#failures li').count());
  await shot(page, 'summary-wide');
  await page.dblclick('#btn-retry');
  const second = await untilPage('the second job', page, 20, (v) => v.jobId !== id && v.status === 'completed' && v.summary);
  assert.equal(second.total, 6);
  assert.equal((await getJob(s.api, second.jobId)).parent, id);
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, 2);
  await until('the way on', 20, async () => (await label(page, 'btn-retry')) === 'Retry failed (1)');
  await press(page, 'btn-retry');
  const third = await untilPage('the third job', page, 20, (v) => v.jobId !== second.jobId && v.status === 'completed' && v.summary);
  assert.equal(third.text, '1 of 1');
  assert.equal(await page.locator('#btn-retry').count(), 0, 'nothing is left to retry');
});

pageTest('page: what a cancel left can be run', { books: 2 }, async (s, b) => {
  const page = await b.open(s.url);
  const id = await startNoop(s.api, 300, 200);
  await running(page, id, 8);
  await press(page, 'btn-cancel');
  const end = await untilEnded(page, 20, 'cancelled');
  assert.equal(await label(page, 'btn-retry'), `Run the rest (${300 - end.processed})`);
  await press(page, 'btn-retry');
  const rest = await untilPage('the rest', page, 40, (v) => v.jobId !== id && v.status === 'completed' && v.summary);
  assert.equal(rest.total, 300 - end.processed);
});

pageTest('page: several jobs at once: each moves in the list, and one click follows it', { books: 2 }, async (s, b) => {
  const page = await b.open(s.url);
  const titles = ['Process the new ones...', 'Check everything that came in this week, and its neighbours...', 'Rename...'];
  const ids = [];
  for (const title of titles) ids.push(await startNoop(s.api, 900, 600, { title }));
  await untilPage('the newest', page, 10, (v) => v.dialog && v.jobId === ids[2]);
  await until('the two others', 10, async () => (await others(page)).length === 2);
  const before = await others(page);
  assert.deepEqual(before.map(([id]) => id), [ids[1], ids[0]]);
  await until('both to move', 10, async () => (await others(page)).every(([, count], i) => count !== before[i][1]));
  await shot(page, 'several-wide');
  await page.click(`#other-jobs button[data-job-id="${ids[0]}"]`);
  await running(page, ids[0], 3);
  assert.deepEqual((await others(page)).map(([id]) => id), [ids[2], ids[1]]);
  await press(page, 'btn-pause');
  await until('only this one to be paused', 10, async () => (await getJob(s.api, ids[0])).paused && !(await getJob(s.api, ids[2])).paused);
  await page.click(`#other-jobs button[data-job-id="${ids[1]}"]`);
  await running(page, ids[1], 3);
  assert.equal(await label(page, 'btn-pause'), 'Pause');
  assert.match(await page.innerText(`#other-jobs button[data-job-id="${ids[0]}"]`), /paused/);
  await page.setViewportSize({ width: 360, height: 720 });
  await shot(page, 'several-narrow');
  await press(page, 'btn-cancel');
  await untilEnded(page, 10, 'cancelled');
  assert.deepEqual((await others(page)).map(([id]) => id), [ids[2], ids[0]], 'the others go on');
});
