// What runs after a job: by itself or asked for, once, over what succeeded, linked both ways.
import assert from 'node:assert/strict';
import { drive, getBatch, makeBatch } from '../lib/batches.js';
import { getJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const both = (s) => [s.workerClient(0, 20), s.workerClient(1, 20)];
const follows = (client, id) => until(`a job to follow ${id}`, 10, async () => (await getJob(client, id)).follow_ups[0]);
const pathsOf = async (s, id) => (await s.sqlite(`SELECT path FROM job_items WHERE job_id = '${id}' ORDER BY seq`)).map((r) => r.path);

serverTest('a named follow-up runs by itself over what succeeded, and both jobs name each other', {}, async (s) => {
  const stream = await s.stream({ slot: 1 });
  const id = await makeBatch(s.api, 6, 0, { options: { fail_every: 3 }, follow_up: ['noop'] });
  assert.deepEqual((await getBatch(s.api, id)).followUp, { operation: 'noop', jobId: null, status: null });
  await drive(s.api, id);
  const made = await follows(s.api, id);
  const child = await waitCompleted(s.api, made.job_id);
  assert.deepEqual([child.parent, child.parent_kind, child.drive, child.operation], [id, 'follow_up', 'server', 'noop']);
  assert.deepEqual(await pathsOf(s, made.job_id), ['item 1', 'item 2', 'item 4', 'item 5']);
  assert.deepEqual((await getBatch(s.api, id)).followUp, { operation: 'noop', jobId: made.job_id, status: 'completed' });
  const of = (job) => stream.events.map((f) => f.message.data).filter((d) => d.job_id === job);
  assert.ok(await until('the event that links them', 20, () => of(id).find((d) => d.follow_ups.length === 1 && d.status === 'completed')));
  assert.ok(of(made.job_id).some((d) => d.parent === id));
});

serverTest('books are followed under the names that they got', { books: 4 }, async (s) => {
  const r = await s.api.post('/api/jobs', { operation: 'process', files: s.books, on_complete: ['normalize', 'rename'] });
  assert.equal(r.status, 201, r.text);
  assert.deepEqual(r.json.follow_up, ['normalize', 'rename']);
  const first = await follows(s.api, r.json.job_id);
  assert.equal(first.operation, 'normalize');
  const second = await follows(s.api, first.job_id);
  assert.equal(second.operation, 'rename');
  const end = await waitCompleted(s.api, second.job_id);
  assert.deepEqual([end.success_items, end.error_items, end.follow_up, end.follow_ups], [4, 0, [], []]);
  const renamed = (await getJob(s.api, r.json.job_id)).results.map((x) => x.details.final.slice(s.library.length + 1)).sort();
  assert.notDeepEqual(renamed, [...s.books].sort(), 'the first job renamed them');
  assert.deepEqual((await pathsOf(s, first.job_id)).sort(), renamed);
});

serverTest('asked for ten times at once, on both workers, it is made once', {}, async (s) => {
  const [a, b] = both(s);
  const id = await startNoop(a, 2500);
  await waitCompleted(b, id);
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) =>
    (i % 2 ? a : b).post(`/api/batch-jobs/${id}/follow-up`, { operation: 'noop' })));
  assert.ok(answers.every((r) => [200, 201, 503].includes(r.status)), answers.map((r) => r.text).join());
  assert.equal(answers.filter((r) => r.status === 201).length, 1);
  const again = await a.post(`/api/batch-jobs/${id}/follow-up`, { operation: 'noop' });
  assert.equal(again.status, 200);
  assert.equal(again.json.total_items, 2500);
  assert.equal((await s.sqlite(`SELECT count(*) AS n FROM jobs WHERE parent = '${id}'`))[0].n, 1);
  await waitCompleted(a, again.json.job_id);
  assert.equal((await a.del(`/api/jobs/${again.json.job_id}`)).status, 200);
  assert.equal((await b.post(`/api/batch-jobs/${id}/follow-up`, { operation: 'noop' })).status, 201, 'deleted, it can be made anew');
});

serverTest('nothing follows what did not complete, or had no success', {}, async (s) => {
  const none = await makeBatch(s.api, 2, 0, { options: { fail_every: 1 }, follow_up: ['noop'] });
  await drive(s.api, none);
  const empty = await s.api.post(`/api/batch-jobs/${none}/follow-up`, { operation: 'noop' });
  assert.deepEqual([empty.status, empty.json.code], [400, 'nothing_to_do']);
  const cancelled = await makeBatch(s.api, 3, 0, { follow_up: ['noop'] });
  await s.api.post(`/api/batch-jobs/${cancelled}/process-next`);
  const early = await s.api.post(`/api/batch-jobs/${cancelled}/follow-up`, { operation: 'noop' });
  assert.deepEqual([early.status, early.json.code], [409, 'conflict']);
  await s.api.post(`/api/batch-jobs/${cancelled}/cancel`);
  assert.equal((await s.api.post(`/api/batch-jobs/${cancelled}/follow-up`, { operation: 'noop' })).status, 409);
  await until('nothing to be due', 10, async () =>
    (await s.sqlite("SELECT count(*) AS n FROM jobs WHERE follow_up_due = 1 AND status = 'completed'"))[0].n === 0);
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, 2);
});

serverTest('what cannot follow is refused when it is named', { books: 1 }, async (s) => {
  const body = { operation: 'noop', items: ['a'] };
  for (const follow_up of ['noop', [1], ['nothing'], ['normalize'], Array(9).fill('noop')]) {
    const r = await s.api.post('/api/batch-jobs', { ...body, follow_up });
    assert.deepEqual([r.status, r.json.code, r.json.field], [400, 'bad_field', 'follow_up'], JSON.stringify(follow_up));
  }
  const id = await startNoop(s.api, 1);
  await waitCompleted(s.api, id);
  for (const [value, field] of [[{}, 'operation'], [{ operation: 'normalize' }, 'operation'], [{ operation: 'noop', x: 1 }, 'x']]) {
    const r = await s.api.post(`/api/batch-jobs/${id}/follow-up`, value);
    assert.deepEqual([r.status, r.json.field], [400, field], JSON.stringify(value));
  }
  assert.equal((await s.api.post('/api/batch-jobs/00000000-0000-7000-8000-000000000000/follow-up', { operation: 'noop' })).status, 404);
});
