// The job API: the nine starts, the general start, status, results, list, cancel, delete (API.md, Jobs).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { listBooks, makeBook, readTags } from '../lib/books.js';
import { UUID7, activeJob, followJob, getJob, names, startJob, startNoop, waitCompleted, waitStatus } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const JOB_KEYS = ['job_id', 'status', 'total_items', 'processed_items', 'progress', 'results', 'error', 'created_at',
  'started_at', 'completed_at', 'success_items', 'error_items', 'cancelled_items', 'cancelling', 'version', 'operation',
  'title', 'owner', 'paused', 'priority', 'rate', 'eta_seconds', 'results_total', 'results_next', 'parent', 'dry_run'];

serverTest('process-all names, tags and marks every book', { books: 12 }, async (s) => {
  const started = await startJob(s.api, 'process-all');
  assert.deepEqual(Object.keys(started).sort(), ['job_id', 'total_items']);
  assert.equal(started.total_items, 12);
  const job = await waitCompleted(s.api, started.job_id);
  assert.equal(job.success_items, 12);
  const files = listBooks(s.library);
  assert.deepEqual(files, Array.from({ length: 12 }, (_, i) => `Iron Meridian/Iron Meridian - Chapter ${String(i + 1).padStart(4, '0')}.cbz`));
  const tags = readTags(path.join(s.library, files[4]));
  assert.equal(tags.Title, 'Chapter 005');
  assert.equal(tags.Series, 'Iron Meridian');
  const marked = await s.api.get('/api/files?filter=marked');
  assert.equal(marked.json.total_files, 12);
});

serverTest('the job object has every member of the contract, each of its type', { books: 3 }, async (s) => {
  const { job_id: id } = await startJob(s.api, 'process-all');
  const job = await waitCompleted(s.api, id);
  for (const key of JOB_KEYS) assert.ok(key in job, `member ${key}`);
  assert.match(job.job_id, UUID7);
  assert.equal(job.progress, 1);
  assert.equal(job.error, null);
  assert.equal(job.operation, 'process');
  assert.equal(job.title, 'Processing Files...');
  assert.equal(job.cancelling, false);
  assert.equal(job.paused, false);
  assert.equal(job.priority, 'normal');
  assert.equal(job.parent, null);
  assert.equal(job.dry_run, false);
  assert.equal(job.results_total, 3);
  assert.equal(job.results_next, null);
  for (const key of ['created_at', 'started_at', 'completed_at', 'version']) assert.equal(typeof job[key], 'number', key);
});

serverTest('a result holds the base name and the absolute paths before and after', { books: 1 }, async (s) => {
  const { job_id: id } = await startJob(s.api, 'process-all');
  const [r] = (await waitCompleted(s.api, id)).results;
  assert.equal(r.item, 'Iron Meridian 001 (2014).cbz');
  assert.equal(r.success, true);
  assert.equal(r.error, null);
  const folder = path.join(fs.realpathSync(s.library), 'Iron Meridian');
  assert.equal(r.details.original, path.join(folder, 'Iron Meridian 001 (2014).cbz'));
  assert.equal(r.details.final, path.join(folder, 'Iron Meridian - Chapter 0001.cbz'));
});

const TITLES = {
  'process-all': 'Processing Files...', 'rename-all': 'Renaming Files...', 'normalize-all': 'Normalizing Files...',
  'process-selected': 'Processing Selected Files...', 'rename-selected': 'Renaming Selected Files...',
  'normalize-selected': 'Normalizing Selected Files...', 'process-unmarked': 'Processing Unmarked Files...',
  'rename-unmarked': 'Renaming Unmarked Files...', 'normalize-unmarked': 'Normalizing Unmarked Files...',
};

for (const [what, title] of Object.entries(TITLES)) {
  serverTest(`${what} runs and is called "${title}"`, { books: 4 }, async (s) => {
    const [operation, which] = what.split('-');
    const body = which === 'selected' ? { files: s.books.slice(0, 2) } : undefined;
    const { job_id: id, total_items: total } = await startJob(s.api, what, body);
    assert.equal(total, which === 'selected' ? 2 : 4);
    const job = await waitCompleted(s.api, id);
    assert.equal(job.title, title);
    assert.equal(job.operation, operation);
    assert.equal(job.success_items, total);
    const renamed = listBooks(s.library).filter((n) => / - Chapter \d{4}\.cbz$/.test(n)).length;
    assert.equal(renamed, operation === 'normalize' ? 0 : total);
  });
}

serverTest('unmarked leaves out what was marked, and says when nothing is left', { books: 5 }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-selected', { files: s.books.slice(0, 2) })).job_id);
  const rest = await startJob(s.api, 'process-unmarked');
  assert.equal(rest.total_items, 3);
  await waitCompleted(s.api, rest.job_id);
  for (const operation of ['process', 'rename', 'normalize']) {
    const r = await s.api.post(`/api/jobs/${operation}-unmarked`);
    assert.equal(r.status, 400);
    assert.equal(r.json.code, 'nothing_to_do');
    assert.equal(r.json.error, `No unmarked files to ${operation}`);
  }
});

serverTest('selected takes absolute paths inside the library, and keeps the number asked for', { books: 3 }, async (s) => {
  const files = [path.join(s.library, s.books[0]), s.books[1], 'Iron Meridian/not there.cbz'];
  const { job_id: id, total_items: total } = await startJob(s.api, 'process-selected', { files });
  assert.equal(total, 3);
  const job = await waitCompleted(s.api, id);
  assert.equal(job.success_items, 2);
  assert.equal(job.error_items, 1);
  const bad = job.results.find((r) => !r.success);
  assert.equal(bad.item, 'not there.cbz');
  assert.ok(bad.error.length > 0);
});

serverTest('a second run finds every book right and changes no byte', { books: 6 }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  const bytes = () => listBooks(s.library).map((n) => fs.statSync(path.join(s.library, n), { bigint: true })).map((f) => `${f.ino} ${f.mtimeNs}`);
  const before = bytes();
  const job = await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  assert.equal(job.success_items, 6);
  assert.deepEqual(bytes(), before);
});

serverTest('a taken name makes a duplicate; nothing is overwritten', {
  books: (dir) => {
    makeBook(dir, 'Wolf/Wolf 3.cbz', { tags: { Number: 3 } });
    makeBook(dir, 'Wolf/Wolf 003 copy.cbz', { tags: { Number: 3 } });
  },
}, async (s) => {
  const job = await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  assert.equal(job.success_items, 2);
  assert.equal(job.results.filter((r) => r.details.duplicate === true).length, 1);
  const files = listBooks(s.library);
  assert.equal(files.length, 2);
  assert.ok(files.includes('Wolf/Wolf - Chapter 0003.cbz'), files.join());
  await until('one duplicate in the list', 10, async () => (await s.api.get('/api/files?filter=duplicates')).json.total_files === 1);
});

serverTest('POST /api/jobs answers 201 with Location and the job object', {}, async (s) => {
  const r = await s.api.post('/api/jobs', { operation: 'noop', files: names(5), title: 'Five things' });
  assert.equal(r.status, 201, r.text);
  assert.match(r.headers.location, new RegExp(`/api/jobs/${r.json.job_id}$`));
  assert.equal(r.json.total_items, 5);
  assert.equal(r.json.title, 'Five things');
  for (const key of JOB_KEYS) if (!key.startsWith('results')) assert.ok(key in r.json, `member ${key}`);
  await waitCompleted(s.api, r.json.job_id);
});

serverTest('an Idempotency-Key makes one job of two posts', {}, async (s) => {
  const post = (client) => client.post('/api/jobs', { operation: 'noop', files: names(3) }, { 'idempotency-key': 'press-1' });
  const answers = await Promise.all([post(s.workerClient(0)), post(s.workerClient(1))]);
  assert.equal(answers[0].json.job_id, answers[1].json.job_id);
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, 1);
});

serverTest('any worker answers for any job, with the same truth', { books: 2 }, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  for (const [k, client] of clients.entries()) {
    const r = await client.post('/api/jobs', { operation: 'noop', files: names(20), options: { ms: 20 } });
    assert.equal(r.worker, k);
    const answers = await followJob([clients[1 - k], client], r.json.job_id);
    assert.equal(answers[answers.length - 1].status, 'completed');
  }
});

serverTest('the items of one job run on the threads of both workers', {}, async (s) => {
  const id = await startNoop(s.workerClient(0), 160, 100);
  const leased = `SELECT count(*) AS items, count(DISTINCT lease_owner) AS owners FROM job_items WHERE job_id = '${id}' AND status = 'leased'`;
  await until('eight items at once, leased to two owners', 10, async () => {
    const [row] = await s.sqlite(leased);
    return row.items >= 8 && row.owners === 2;
  });
  await waitCompleted(s.api, id);
});

serverTest('results are paged, in the order of completion, and can be filtered', {
  books: (dir) => {
    for (let i = 1; i <= 6; i++) makeBook(dir, `Comet/Comet ${i}.cbz`);
    fs.writeFileSync(path.join(dir, 'Comet/Comet 7.cbz'), 'no archive');
  },
}, async (s) => {
  const { job_id: id } = await startJob(s.api, 'process-all');
  await waitCompleted(s.api, id);
  const all = await getJob(s.api, id);
  assert.equal(all.results.length, 7);
  assert.equal((await getJob(s.api, id, '?results=0')).results.length, 0);
  const two = await getJob(s.api, id, '?results=2');
  assert.equal(two.results_total, 7);
  assert.deepEqual(two.results, all.results.slice(-2), 'newest last');
  const errors = await getJob(s.api, id, '?outcome=error');
  assert.deepEqual(errors.results.map((r) => r.item), ['Comet 7.cbz']);
  const seen = [];
  let after = '';
  for (;;) {
    const r = await s.api.get(`/api/jobs/${id}/results?limit=3${after}`);
    assert.equal(r.status, 200, r.text);
    assert.ok(r.json.results.length <= 3);
    seen.push(...r.json.results.map((x) => x.item));
    if (r.json.next === null) break;
    after = `&after=${r.json.next}`;
  }
  assert.deepEqual(seen, all.results.map((r) => r.item));
});

serverTest('If-None-Match answers 304 until the job changes', {}, async (s) => {
  const id = await startNoop(s.api, 2);
  await waitCompleted(s.api, id);
  const first = await s.api.get(`/api/jobs/${id}`);
  assert.ok(first.headers.etag);
  const again = await s.api.get(`/api/jobs/${id}`, { 'if-none-match': first.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.text, '');
  assert.equal((await s.api.get(`/api/jobs/${id}`, { 'if-none-match': '"0"' })).status, 200);
});

serverTest('the list has the newest job first, without results, and can be filtered and paged', {}, async (s) => {
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push(await startNoop(s.api, 1));
  for (const id of ids) await waitCompleted(s.api, id);
  const running = await startNoop(s.api, 100, 200);
  const list = (await s.api.get('/api/jobs')).json.jobs;
  assert.deepEqual(list.map((j) => j.job_id), [running, ...ids.reverse()]);
  assert.ok(list.every((j) => !('results' in j)));
  const active = (await s.api.get('/api/jobs?status=active')).json.jobs;
  assert.deepEqual(active.map((j) => j.job_id), [running]);
  assert.equal((await s.api.get('/api/jobs?status=completed')).json.jobs.length, 3);
  const page = (await s.api.get('/api/jobs?limit=2')).json;
  assert.equal(page.jobs.length, 2);
  const rest = (await s.api.get(`/api/jobs?limit=2&before=${page.next}`)).json;
  assert.deepEqual(rest.jobs.map((j) => j.job_id), ids.slice(1));
  assert.equal(rest.next, null);
});

serverTest('cancel stops the job: what was done stays counted, the rest is cancelled', {}, async (s) => {
  const [one, other] = [s.workerClient(0), s.workerClient(1)];
  const id = await startNoop(one, 200, 100);
  await until('some items done', 10, async () => (await getJob(one, id)).processed_items >= 8);
  const r = await other.post(`/api/jobs/${id}/cancel`);
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json, { success: true });
  const job = await waitStatus(one, id, 'cancelled', 10);
  assert.equal(job.processed_items + job.cancelled_items, 200);
  assert.ok(job.cancelled_items > 100, `${job.cancelled_items} cancelled`);
  assert.equal((await activeJob(one)).job_id, null);
  const again = await other.post(`/api/jobs/${id}/cancel`);
  assert.equal(again.status, 400);
  assert.equal(again.json.error, 'Job not found or already completed');
});

serverTest('delete removes an ended job, and cancels a running one first', {}, async (s) => {
  const ended = await startNoop(s.api, 2);
  await waitCompleted(s.api, ended);
  const running = await startNoop(s.api, 200, 100);
  for (const id of [ended, running]) {
    const r = await s.api.del(`/api/jobs/${id}`);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(r.json, { success: true });
    await until('the job to be gone', 10, async () => (await s.api.get(`/api/jobs/${id}`)).status === 404);
  }
  assert.equal((await s.api.del(`/api/jobs/${running}`)).status, 404);
  assert.equal((await activeJob(s.api)).job_id, null);
  await until('no row to be left', 10, async () => (await s.sqlite('SELECT count(*) AS n FROM job_items'))[0].n === 0);
});

serverTest('the inspections that users know work from the sqlite3 shell', { books: 2 }, async (s) => {
  const { job_id: id } = await startJob(s.api, 'process-all');
  await waitCompleted(s.api, id);
  const jobs = await s.sqlite('SELECT * FROM jobs ORDER BY created_at DESC LIMIT 5;');
  assert.equal(jobs[0].job_id, id);
  assert.equal(jobs[0].status, 'completed');
  const results = await s.sqlite(`SELECT * FROM job_results WHERE job_id = '${id}';`);
  assert.equal(results.length, 2);
  for (const key of ['id', 'job_id', 'item', 'success', 'error', 'details']) assert.ok(key in results[0], key);
  assert.equal((await s.sqlite('SELECT * FROM active_job;', 'preferences.db')).length <= 1, true);
});

serverTest('every answer carries the headers of the contract', {}, async (s) => {
  for (const p of ['/api/jobs', '/api/files', '/api/jobs/none', '/api/version', '/api/nothing']) {
    const r = await s.api.get(p);
    assert.equal(r.headers['cache-control'], 'no-store', p);
    assert.match(r.headers['x-longbox-worker'], /^\d+$/, p);
    assert.ok(r.headers['x-request-id'], p);
    assert.ok(r.headers['content-length'], p);
  }
});
