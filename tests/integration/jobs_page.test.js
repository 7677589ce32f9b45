// The pages of jobs, of one job and of the history, in headless Chromium against the real server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pageTest, untilLive } from '../lib/browser.js';
import { makeBook } from '../lib/books.js';
import { getJob, startJob, startNoop, waitCompleted, waitStatus } from '../lib/jobs.js';
import { sleep, until } from '../lib/until.js';

const HOSTILE = '"><img src=x onerror=alert(1)>.cbz';
const shot = async (page, name) => process.env.LB_SHOTS && page.screenshot({ path: `${process.env.LB_SHOTS}/${name}.png`, fullPage: true });
const titles = (page) => page.$$eval('#jobs .job-title', (list) => list.map((a) => a.textContent));
const untilTitles = (page, want) => until(`the list ${want}`, 20, async () => JSON.stringify(await titles(page)) === JSON.stringify(want));
const row = (id) => `#jobs [data-job-id="${id}"]`;
const text = (page, selector) => page.innerText(selector);
const fits = async (page) => {
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= screen, `${content} px on a screen of ${screen}`);
};
const closeDialog = (page) => page.evaluate(() => document.getElementById('btn-close')?.click());

pageTest('jobs page: lists, filters and searches; a row is paused, resumed, cancelled, retried and deleted', { books: 3 }, async (s, b) => {
  const done = await startNoop(s.api, 4, 0, { title: 'Weekly check...', options: { fail_every: 2 } });
  await waitCompleted(s.api, done);
  const { job_id: rename } = await startJob(s.api, 'rename-all');
  await waitCompleted(s.api, rename);
  const page = await b.open(`${s.url}/jobs`);
  await untilTitles(page, ['Renaming Files', 'Weekly check']);
  assert.match(await text(page, row(done)), /Finished[^]*Do Nothing by a program[^]*4 of 4, 2 failed/);
  await shot(page, 'jobs-wide');

  const run = await startNoop(s.api, 4000, 400, { title: 'Nightly check...' }); // comes by itself
  await untilTitles(page, ['Nightly check', 'Renaming Files', 'Weekly check']);
  await closeDialog(page);
  const numbers = () => text(page, `${row(run)} .job-numbers`).then((n) => Number(/^[\d,]+/.exec(n)[0].replace(',', '')));
  const first = await numbers();
  await until('more to be done', 20, async () => (await numbers()) > first);
  await page.click(`${row(run)} .job-pause`);
  await until('Paused', 20, async () => /^Paused/.test(await text(page, row(run))));
  assert.equal((await getJob(s.api, run)).paused, true);
  await page.click('#btn-resume-all');
  await until('Running', 20, async () => /^Running/.test(await text(page, row(run))));
  await page.click('#btn-pause-all');
  await until('the job to be paused', 20, async () => (await getJob(s.api, run)).paused);
  await page.click(`${row(run)} .job-cancel`);
  await until('Cancelled', 20, async () => /^Cancelled/.test(await text(page, row(run))));

  await page.selectOption('#jobs-status', 'completed');
  await untilTitles(page, ['Renaming Files', 'Weekly check']);
  await page.selectOption('#jobs-operation', 'noop');
  await untilTitles(page, ['Weekly check']);
  assert.match(page.url(), /\/jobs\?status=completed&operation=noop$/);
  await page.reload();
  await untilTitles(page, ['Weekly check']);
  await page.fill('#jobs-search', 'no such');
  await until('the word for it', 20, async () => (await page.locator('.empty').count()) === 1);
  await page.click('.empty button');
  await untilTitles(page, ['Nightly check', 'Renaming Files', 'Weekly check']);

  await page.click(`${row(done)} .job-retry`);
  await untilTitles(page, ['Weekly check', 'Nightly check', 'Renaming Files', 'Weekly check']);
  assert.match(await text(page, '#jobs > li:first-child'), /by a retry/);
  await page.click(`${row(done)} .job-delete`);
  await page.click('#ask-no');
  assert.equal((await titles(page)).length, 4);
  await page.click(`${row(done)} .job-delete`);
  await page.click('#ask-yes');
  await untilTitles(page, ['Weekly check', 'Nightly check', 'Renaming Files']);
  assert.equal((await s.api.get(`/api/jobs/${done}`)).status, 404);
  await page.setViewportSize({ width: 360, height: 740 });
  await fits(page);
  await shot(page, 'jobs-narrow');
});

pageTest('jobs page: news that comes while another filter is being read does not bring the old list back', {}, async (s, b) => {
  await waitCompleted(s.api, await startNoop(s.api, 4, 0, { title: 'Weekly check...' }));
  const page = await b.open(`${s.url}/jobs`);
  await untilTitles(page, ['Weekly check']);
  await untilLive(page);
  let asked = 0;
  let answered = 0;
  await page.route(/search=none/, async (route) => { // slower than the news
    asked += 1;
    await sleep(1500);
    await route.continue().catch(() => {}); // the page may have gone
    answered += 1;
  });
  await page.fill('#jobs-search', 'none');
  await until('the question', 20, () => asked > 0);
  await waitCompleted(s.api, await startNoop(s.api, 4, 0, { title: 'News...' }));
  await until('the end of the job in the page', 20, () => page.evaluate(() => globalThis.seenJobs.some((job) => job.status === 'completed')));
  await until('the empty list', 20, async () => (await page.locator('.empty button').count()) === 1);
  await until('no question to be open', 20, () => asked === answered);
  assert.deepEqual(await titles(page), []);
});

pageTest('jobs page: older ones by "more", and new ones do not move what is being read', {}, async (s, b) => {
  for (let i = 0; i < 60; i++) await startNoop(s.api, 1, 0, { title: `Job ${i}` });
  const page = await b.open(`${s.url}/jobs`);
  await until('the first part', 20, async () => (await titles(page)).length === 50);
  await closeDialog(page);
  await page.click('#btn-more');
  await until('all', 20, async () => (await titles(page)).length === 60);
  assert.deepEqual((await titles(page)).at(-1), 'Job 0');
  const before = await page.evaluate(() => (window.scrollTo(0, 1500), document.querySelector('#jobs').getBoundingClientRect().top));
  await startNoop(s.api, 1, 0, { title: 'The news' });
  await page.waitForSelector('#btn-news');
  assert.equal((await text(page, '#btn-news')).trim(), 'Show 1 new job');
  assert.equal((await titles(page)).length, 60);
  const now = await page.evaluate(() => document.querySelector('#jobs').getBoundingClientRect().top);
  assert.ok(Math.abs(now - before) < 60, `the list moved from ${before} to ${now}`);
  await page.click('#btn-news');
  await until('the news', 20, async () => (await titles(page))[0] === 'The news');
});

const untilIn = (page, what, test) => until(what, 20, () => page.evaluate(test));

pageTest('job page: a job that runs: counts and plot move, priority and limit are changed, the end is seen', {}, async (s, b) => {
  const run = await startNoop(s.api, 20000, 50, { title: 'Nightly check...', max_threads: 2 });
  const page = await b.open(`${s.url}/jobs/${run}`);
  await page.waitForSelector('#speed canvas');
  await untilIn(page, 'the style of the plot', () => getComputedStyle(document.querySelector('.u-over')).position === 'absolute');
  const numbers = () => text(page, '#job .job-numbers');
  const first = await numbers();
  await until('more to be done', 20, async () => (await numbers()) !== first);
  assert.equal(await page.locator('#progress-dialog').count(), 0, 'the dialog does not say the same once more');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await shot(page, 'job-running-wide');
  await page.selectOption('#job-priority', 'high');
  await until('the priority', 20, async () => (await getJob(s.api, run)).priority === 'high');
  for (const [value, want] of [['3', 3], ['', null]]) {
    await page.fill('#job-max', value);
    await page.press('#job-max', 'Enter');
    await until(`the limit ${want}`, 20, async () => (await getJob(s.api, run)).max_threads === want);
  }
  await page.click('#job .job-cancel');
  await until('the end', 20, async () => /Cancelled/.test(await text(page, '#job .job-state')));
  assert.match(await text(page, '#job-retry'), /^Run the rest/);
});

pageTest('job page: figures of a job, and its files by reason', { seconds: 120 }, async (s, b) => {
  const id = await startNoop(s.api, 500, 20, { title: 'Weekly check...', options: { ms: 20, fail_every: 5 } });
  await waitCompleted(s.api, id, 60);
  const page = await b.open(`${s.url}/jobs/${id}`);
  await page.waitForSelector('#speed canvas');
  assert.match(await text(page, '#job .job-numbers'), /^500 of 500, 100 failed/);
  assert.match(await text(page, '#reasons'), /100×/);
  assert.match(await text(page, '#facts'), /fail_every: 5/);
  assert.equal(await page.locator('#slowest li').count(), 20);
  const plotted = () => page.evaluate(() => document.querySelector('#speed canvas').width);
  const wide = await plotted();
  await page.setViewportSize({ width: 360, height: 740 });
  await until('a plot that fits', 20, async () => (await plotted()) < wide);
  await fits(page);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await shot(page, 'job-narrow');
  await page.emulateMedia({ colorScheme: 'light' });
  const sums = await page.$$eval('.plot-table tbody tr', (rows) => rows.map((r) => [...r.cells].slice(1, 3).map((c) => Number(c.textContent))));
  assert.deepEqual(sums.reduce((a, [ok, bad]) => [a[0] + ok, a[1] + bad], [0, 0]), [400, 100]);
  assert.match(await page.getAttribute('#speed [role=img]', 'aria-label'), /files\/s on average/);

  await page.click('#reasons button');
  await untilIn(page, 'only those', () => document.querySelectorAll('#results li[data-ok=no]').length === 50);
  assert.equal(await page.locator('#results li[data-ok=yes]').count(), 0);
  await page.click('#results-next');
  await until('the second page', 20, async () => /51 to 100/.test(await text(page, '#results .pages')));
  assert.equal(await page.isDisabled('#results-next'), true);
  await page.click('#results-back');
  await until('the first page', 20, async () => /1 to 50/.test(await text(page, '#results .pages')));
  await page.click('.chosen-reason button');
  await page.fill('#results-search', 'item 499');
  await untilIn(page, 'the one', () => document.querySelectorAll('#results li').length === 1);
});

pageTest('job page: hostile names do no harm, and the file to download has them all', {}, async (s, b) => {
  const files = [HOSTILE, 'line\nbreak.cbz', '\u202egnp.cbz', `${'\u00e9'.repeat(125)}.cbz`, '=1+1'];
  const r = await s.api.post('/api/jobs', { operation: 'noop', files, title: HOSTILE, options: { fail_every: 2 } },
    { 'x-longbox-client': '<b>me</b>' });
  await waitCompleted(s.api, r.json.job_id);
  const page = await b.open(`${s.url}/jobs`);
  page.on('dialog', () => assert.fail('a name ran as script'));
  await until('the row', 20, async () => (await titles(page))[0] === HOSTILE);
  assert.match(await text(page, '#jobs'), /by <b>me<\/b>/);
  await page.click('.job-title');
  await page.waitForSelector('#slowest li');
  await until('the results', 20, async () => (await page.locator('#results li').count()) === 5);
  assert.equal(await page.locator('main img').count(), 0);
  const shown = await text(page, 'main');
  assert.ok(shown.includes(HOSTILE) && shown.includes('line\ufffdbreak.cbz') && shown.includes('\ufffdgnp.cbz'), shown);
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 740 });
    await fits(page);
  }
  await shot(page, 'job-hostile');
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('#download-csv')]);
  assert.equal(file.suggestedFilename(), `longbox-${r.json.job_id}.csv`);
  const rows = JSON.parse(execFileSync('python3', ['-c', 'import csv,json,sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], encoding="utf-8", newline=""), strict=True))))', await file.path()]).toString());
  assert.deepEqual(rows.map((x) => x.original).sort(), files.map((f) => (f[0] === '=' ? `'${f}` : f)).sort());
});

pageTest('job page: undo of a whole job, after a question; a job that is not there says so', { books: 3, expectCuts: true }, async (s, b) => {
  const before = fs.readdirSync(path.join(s.library, path.dirname(s.books[0]))).sort();
  const { job_id: id } = await startJob(s.api, 'process-all');
  await waitCompleted(s.api, id);
  const page = await b.open(`${s.url}/jobs/${id}`);
  await page.click('#job-undo');
  assert.match(await text(page, '#ask'), /Undo Processing Files\?[^]*3 files/);
  await page.click('#ask-yes');
  await until('the page of the undo', 20, async () => new URL(page.url()).pathname !== `/jobs/${id}`);
  const undo = new URL(page.url()).pathname.split('/').pop();
  await waitStatus(s.api, undo, 'completed');
  assert.equal((await getJob(s.api, undo)).source, 'undo');
  assert.deepEqual(fs.readdirSync(path.join(s.library, path.dirname(s.books[0]))).sort(), before);
  await until('the end', 20, async () => /3 of 3/.test(await text(page, '#job .job-numbers')));
  for (const bad of ['00000000-0000-7000-8000-000000000000', 'no-such']) {
    await page.goto(`${s.url}/jobs/${bad}`);
    await page.waitForSelector('#missing');
    assert.match(await text(page, '#missing'), new RegExp(bad));
  }
});

const library = (dir) => {
  for (let i = 1; i <= 3; i++) makeBook(dir, `Wolf/Wolf ${i}.cbz`, { tags: { Number: i } });
  makeBook(dir, `Odd/${HOSTILE.replace('/', '')}`, { tags: { Number: 9 } });
};

pageTest('history page: what changed, searched, of one file, and undone', { books: library, expectCuts: true }, async (s, b) => {
  const { job_id: id } = await startJob(s.api, 'process-all');
  await waitCompleted(s.api, id);
  const page = await b.open(`${s.url}/history`);
  page.on('dialog', () => assert.fail('a name ran as script'));
  const rows = () => page.locator('#history > li').count();
  await until('four changes', 20, async () => (await rows()) === 4);
  assert.ok((await text(page, '#history')).includes(HOSTILE));
  assert.equal(await page.locator('main img').count(), 0);
  await shot(page, 'history-wide');
  await page.fill('#history-search', 'wolf 2');
  await until('one', 20, async () => (await rows()) === 1);
  assert.match(await text(page, '#history'), /Wolf 2\.cbz → Wolf - Chapter 0002\.cbz\nTitle\nnone → Chapter 2/);
  await page.fill('#history-search', '');
  await until('all', 20, async () => (await rows()) === 4);
  const change = page.locator('#history > li', { hasText: 'Wolf 3.cbz' });
  await change.locator('button.undo').evaluate((button) => button.click());
  await until('the undo', 20, async () => (await page.locator('#history > li[data-undone]').count()) === 1);
  assert.match(await text(page, '.notices'), /Wolf - Chapter 0003\.cbz: the change was undone/);
  assert.match(await text(page, '#history > li[data-undone]'), /Wolf 3\.cbz[^]*Undone/);
  assert.ok(fs.existsSync(path.join(s.library, 'Wolf/Wolf 3.cbz')));
  await until('the row of the undo', 20, async () => /Undo of an earlier change/.test(await text(page, '#history > li:first-child')));
  await page.locator('#history > li:first-child >> text=All changes of this file').evaluate((a) => a.click());
  await until('its two', 20, async () => (await rows()) === 2);
  assert.match(page.url(), /\/history\?file=/);
  await page.click('#history-all');
  await until('all', 20, async () => (await rows()) === 5);

  fs.writeFileSync(path.join(s.library, 'Wolf/Wolf 1.cbz'), 'in the way');
  await page.locator('#history > li', { hasText: 'Wolf 1.cbz' }).locator('button.undo').evaluate((button) => button.click());
  await until('why not', 20, async () => /was not undone/.test(await text(page, '.notices')));
  await page.setViewportSize({ width: 360, height: 740 });
  await fits(page);
  await shot(page, 'history-narrow');
  await page.locator('#history > li[data-undone] .links a', { hasText: 'Job' }).evaluate((a) => a.click()); // wherever the dialog lies
  await page.waitForSelector(`#job[data-job-id="${id}"]`);
});
