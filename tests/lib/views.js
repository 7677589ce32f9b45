// Every view of the page, once: where it is, and how to get it to what is to be looked at. The checks for accessibility
// and the screenshots go through this table, over a library of more than 100 books.
//
//   { name, path, ready, act }   path: the address below the page's own, or a function (facts of prepareViews, server)
//                                ready: a selector of what must be seen; act(page, server): what is done first
import assert from 'node:assert/strict';
import { names, startJob, startNoop, waitCompleted } from './jobs.js';
import { until } from './until.js';

const rows = '#file-table tbody tr:not(.blank)';
const press = async (page) => {
  await page.locator(rows).first().waitFor();
  await page.locator('#btn-process-all').click();
};
const processAll = async (page) => {
  await press(page);
  await page.locator('#btn-confirm').click();
};
const running = async (page, server) => {
  await server.api.post('/api/jobs', { operation: 'noop', files: names(4000), options: { ms: 250, fail_every: 9 }, max_threads: 2 });
  await until('the job to run', 20, () => page.evaluate(() => document.body.dataset.jobStatus === 'processing' && Number(document.body.dataset.processed) > 20));
};

const startDialog = async (page) => {
  await page.locator(rows).first().waitFor();
  await page.locator('#btn-more').click();
  await page.locator('#start-operation').waitFor();
};
const preview = async (page) => {
  await startDialog(page);
  await page.selectOption('#start-operation', 'rename');
  await page.selectOption('#start-scope', 'all');
  await page.locator('#btn-preview').click();
};
const editMany = async (page) => {
  await page.locator(rows).first().waitFor();
  await page.locator('#select-page').check();
  await page.locator('#btn-edit-many').click();
};
const trySamples = async (page) => {
  await page.locator('#btn-samples').click();
  await page.locator('#samples tbody tr').first().waitFor();
};
const newBatch = async (facts, server) => {
  const r = await server.api.post('/api/batch-jobs', { operation: 'noop', name: 'New arrivals', items: names(8, 'Book'), options: { ms: 400, fail_every: 3 } });
  assert.equal(r.status, 201, r.text);
  return `batch-jobs/${r.json.id}`;
};

export const VIEWS = [
  { name: 'library', path: '', ready: rows },
  { name: 'book', path: '', ready: '#book .facts', act: (page) => page.locator('button.open').nth(2).click() },
  { name: 'tags', path: '', ready: '#many-title', act: editMany },
  { name: 'question', path: '', ready: '#confirm-dialog[open]', act: press },
  { name: 'start', path: '', ready: '#start-operation', act: startDialog },
  { name: 'preview', path: '', ready: '.preview-table tbody tr', act: preview },
  { name: 'progress', path: '', ready: '#progress-dialog', act: running, ends: true },
  { name: 'ended', path: '', ready: '#summary', act: processAll, ends: true },
  { name: 'batch', path: newBatch, ready: '#batch-items li', ends: true },
  { name: 'jobs', path: 'jobs', ready: '#jobs .job-row' },
  { name: 'job', path: (facts) => `jobs/${facts.job}`, ready: '#reasons' },
  { name: 'history', path: 'history', ready: '#history li' },
  { name: 'settings', path: 'settings', ready: '.settings[data-read=yes]', act: trySamples },
  { name: 'logs', path: 'logs', ready: '.log-line' },
  { name: 'server', path: 'server', ready: '.server[data-read=yes]' },
];

// What the views have to show: an ended job with failures, a history. Gives the id of that job.
export async function prepareViews(server) {
  const job = await startNoop(server.api, 60, 1, { options: { ms: 1, fail_every: 7 } });
  await waitCompleted(server.api, job);
  const files = (await server.api.get('/api/files?per_page=10')).json.files.map((file) => file.file_id);
  await waitCompleted(server.api, (await startJob(server.api, 'normalize-selected', { files })).job_id);
  await server.api.post('/api/preferences', { perPage: 25 }); // more rows of the same kind show nothing new
  return { job };
}

// Opens a view in a new page and waits until it shows what it is for.
export async function openView(view, browser, server, facts, { base = '' } = {}) {
  const path = typeof view.path === 'function' ? await view.path(facts, server) : view.path;
  const page = await browser.open(`${server.url.replace(/\/$/, '')}${base}/${path}`);
  const ready = page.locator(view.ready).first();
  if (view.act) {
    await page.locator('main').waitFor();
    await view.act(page, server);
  }
  await ready.waitFor({ timeout: 20000 }).catch(() => {});
  assert.equal(await page.locator('#nowhere').count(), 0, `${view.name}: there is no such view`);
  assert.ok(await ready.isVisible(), `${view.name}: ${view.ready} is not seen`);
  return page;
}

// Ends what a view began, so that the next one begins from rest.
export async function closeView(view, page, server) {
  if (view.ends) {
    const jobs = (await server.api.get('/api/jobs?limit=50')).json.jobs.filter((job) => job.status === 'queued' || job.status === 'processing');
    for (const job of jobs) await server.api.post(`/api/jobs/${job.job_id}/cancel`);
    const shown = page.locator('#progress-dialog #summary'); // is put away, or the next page would show it as news
    if (await page.locator('#progress-dialog').count()) await shown.waitFor().then(() => page.locator('#btn-close').click());
    await until('its jobs to end', 20, async () => (await server.api.get('/api/active-job')).json.job_id === null);
  }
  await page.close();
}
