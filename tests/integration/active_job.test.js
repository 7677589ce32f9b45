// The active job: the one the page follows by default (API.md, Active job).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { activeJob, getJob, startJob, startNoop, waitCompleted, waitStatus } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const NONE = { job_id: null, job_title: null };

serverTest('there is none at first', {}, async (s) => {
  assert.deepEqual(await activeJob(s.api), NONE);
});

serverTest('a started job is active at once, on every worker, with its title', {}, async (s) => {
  const [one, other] = [s.workerClient(0), s.workerClient(1)];
  const id = await startNoop(one, 50, 100, { title: 'Fifty things' });
  assert.deepEqual(await activeJob(other), { job_id: id, job_title: 'Fifty things' });
  assert.deepEqual(await activeJob(one), { job_id: id, job_title: 'Fifty things' });
});

serverTest('the nine starts set it before they answer', { books: 40, threads: 1 }, async (s) => {
  const blocker = await startNoop(s.api, 20, 1000); // holds every thread, so that the next job cannot end at once
  const { job_id: id } = await startJob(s.workerClient(0), 'process-all');
  assert.deepEqual(await activeJob(s.workerClient(1)), { job_id: id, job_title: 'Processing Files...' });
  await s.api.post(`/api/jobs/${blocker}/cancel`);
  await waitCompleted(s.api, id);
});

serverTest('it is cleared when the job completes', {}, async (s) => {
  const id = await startNoop(s.api, 3, 50);
  await waitCompleted(s.workerClient(0), id);
  assert.deepEqual(await activeJob(s.workerClient(1)), NONE);
  await until('the cache to follow', 10, async () => (await s.sqlite('SELECT * FROM active_job', 'preferences.db')).every((r) => r.job_id === null));
});

serverTest('a client can set and clear it, seen by every worker', {}, async (s) => {
  const [one, other] = [s.workerClient(0), s.workerClient(1)];
  const first = await startNoop(one, 100, 200);
  const second = await startNoop(one, 100, 200);
  assert.equal((await activeJob(other)).job_id, second);
  const set = await one.post('/api/active-job', { job_id: first, job_title: 'The first one' });
  assert.equal(set.status, 200, set.text);
  assert.equal(set.json.success, true);
  assert.equal(typeof set.json.message, 'string');
  assert.deepEqual(await activeJob(other), { job_id: first, job_title: 'The first one' });
  const cleared = await other.del('/api/active-job');
  assert.equal(cleared.status, 200);
  assert.equal(cleared.json.success, true);
  assert.deepEqual(await activeJob(one), NONE);
  for (const id of [first, second]) assert.ok(['queued', 'processing'].includes((await getJob(one, id)).status), 'clearing stops no job');
});

serverTest('a late call does not revive an ended job', {}, async (s) => {
  const id = await startNoop(s.api, 1);
  await waitCompleted(s.api, id);
  const r = await s.api.post('/api/active-job', { job_id: id, job_title: 'late' });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.success, true);
  assert.deepEqual(await activeJob(s.api), NONE);
});

serverTest('a late call does not push a running job out either', {}, async (s) => {
  const ended = await startNoop(s.api, 1);
  await waitCompleted(s.api, ended);
  const running = await startNoop(s.api, 100, 200);
  await s.api.post('/api/active-job', { job_id: ended, job_title: 'late' });
  assert.equal((await activeJob(s.api)).job_id, running);
});

serverTest('wrong calls are refused with the known words', {}, async (s) => {
  const cases = [
    [{}, 400, 'job_id is required'],
    [{ job_title: 'x' }, 400, 'job_id is required'],
    [{ job_id: 'abc' }, 400, 'Invalid job_id format (must be UUID)'],
    [{ job_id: '01920000-0000-7000-8000-000000000000' }, 404, null],
  ];
  for (const [body, status, words] of cases) {
    const r = await s.api.post('/api/active-job', body);
    assert.equal(r.status, status, r.text);
    assert.equal(typeof r.json.code, 'string');
    if (words) assert.equal(r.json.error, words);
  }
  assert.deepEqual(await activeJob(s.api), NONE);
});

serverTest('it outlives a restart of everything', {}, async (s) => {
  const id = await startNoop(s.api, 400, 100);
  await until('the job to run', 10, async () => (await getJob(s.api, id)).processed_items > 0);
  await s.kill();
  await s.start();
  assert.equal((await activeJob(s.api)).job_id, id);
  await s.api.post(`/api/jobs/${id}/cancel`);
  await waitStatus(s.api, id, 'cancelled');
  assert.deepEqual(await activeJob(s.api), NONE);
});

serverTest('a cache that names an ended job tells nobody of it', {}, async (s) => {
  const id = await startNoop(s.api, 1);
  await waitCompleted(s.api, id);
  await s.stop();
  // What a crash between the two files leaves behind.
  execFileSync('sqlite3', [`${s.state}/preferences.db`,
    `INSERT INTO active_job (id, job_id, job_title, updated_at) VALUES (1, '${id}', 'stale', 1.5)
     ON CONFLICT (id) DO UPDATE SET job_id = excluded.job_id, job_title = excluded.job_title`]);
  await s.start();
  assert.deepEqual(await activeJob(s.api), NONE);
});
