// The list of jobs: what it can be searched for, and who started each job.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { startJob, startNoop, waitCompleted, waitStatus } from '../lib/jobs.js';
import { BIN, serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const run = promisify(execFile);
const listed = async (s, query) => {
  const r = await s.api.get(`/api/jobs?${query}`);
  assert.equal(r.status, 200, r.text);
  return r.json.jobs.map((j) => j.title);
};
const newest = async (s) => (await s.api.get('/api/jobs?limit=1')).json.jobs[0];

serverTest('the list of jobs is searched by title, operation and the beginning of the id', { books: 3 }, async (s) => {
  const first = await startNoop(s.api, 1, 0, { title: 'Nightly Check' });
  await startNoop(s.api, 1, 0, { title: '100 % of "it"_all' });
  const { job_id: rename } = await startJob(s.api, 'rename-all');
  await waitCompleted(s.api, rename);
  assert.deepEqual(await listed(s, 'search=nightly'), ['Nightly Check']);
  assert.deepEqual(await listed(s, 'search=RENAME'), ['Renaming Files...']);
  assert.deepEqual(await listed(s, `search=${encodeURIComponent('0 % of')}`), ['100 % of "it"_all']);
  assert.deepEqual(await listed(s, 'search=%25%5F'), [], '% and _ stand for themselves');
  assert.deepEqual(await listed(s, `search=${first.slice(0, 35).toUpperCase()}`), ['Nightly Check']);
  assert.deepEqual(await listed(s, `search=${first.slice(1, 12)}`), [], 'an id is known by how it begins');
  assert.equal((await listed(s, 'search=')).length, 3);
  assert.deepEqual(await listed(s, 'search=noop&operation=rename'), []);
  assert.deepEqual(await listed(s, `search=i&limit=1&before=${rename}`), ['100 % of "it"_all']);
  const slow = await startNoop(s.api, 50, 200, { title: 'Slow check' });
  assert.deepEqual(await listed(s, 'status=active&search=check'), ['Slow check']);
  assert.equal((await s.api.post(`/api/jobs/${slow}/cancel`)).status, 200);
});

serverTest('a job says who started it', { books: 3, workers: 1 }, async (s) => {
  const post = (p, body, client) => s.api.post(p, body, client === undefined ? {} : { 'x-longbox-client': client });
  const source = async () => (await newest(s)).source;
  await startNoop(s.api, 2, 0, { options: { fail_every: 2 } });
  assert.equal(await source(), 'api');
  const { job_id: failed } = await newest(s);
  await waitCompleted(s.api, failed);
  assert.equal((await post(`/api/jobs/${failed}/retry`, {}, 'page')).json.source, 'retry');
  const made = await post('/api/jobs', { operation: 'noop', files: ['a'] }, 'My script 1.0');
  assert.equal(made.json.source, 'My script 1.0');
  await startJob(s.api, 'normalize-all');
  assert.equal(await source(), 'old api');
  await waitCompleted(s.api, (await newest(s)).job_id);
  assert.equal((await post('/api/jobs/process-all', {}, 'page')).status, 200);
  const { job_id: process } = await newest(s);
  assert.equal(await source(), 'page');
  await waitCompleted(s.api, process);
  const undo = await post(`/api/jobs/${process}/undo`, {}, 'page');
  assert.equal(undo.json.source, 'undo', undo.text);
  await waitStatus(s.api, undo.json.job_id, 'completed');
  await post('/api/jobs', { operation: 'noop', files: ['a'], on_complete: ['noop'] }, 'page');
  await until('what follows', 10, async () => (await source()) === 'follow-up');
  await run(path.join(BIN, 'longbox'), ['submit', 'process', '--all', '--state', s.state, '--watch']);
  assert.equal(await source(), 'command line');
  assert.equal((await post('/api/batch-jobs', { operation: 'noop', items: ['a'] }, 'page')).status, 201);
  assert.equal(await source(), 'page');
});

serverTest('who started a job is short and printable, or no job is made', {}, async (s) => {
  const body = { operation: 'noop', files: ['a'] };
  for (const bad of ['', 'x'.repeat(41), 'caf\u00e9', 'a\tb']) {
    const r = await s.api.post('/api/jobs', body, { 'x-longbox-client': bad });
    assert.equal(r.status, 400, JSON.stringify(bad));
    assert.deepEqual([r.json.code, r.json.field], ['bad_field', 'X-Longbox-Client']);
  }
  assert.deepEqual(await listed(s, ''), []);
  const r = await s.api.post('/api/jobs', body, { 'x-longbox-client': 'x'.repeat(40) });
  assert.equal(r.json.source, 'x'.repeat(40));
});
