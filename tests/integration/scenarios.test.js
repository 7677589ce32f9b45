// The seed scenarios as a client without a page sees them, each with both workers involved. Those that need a page are
// in page.test.js, under the same names.
import assert from 'node:assert/strict';
import { activeJob, followJob, getJob, startJob, startNoop, waitCompleted, waitStatus } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

for (const n of [1, 3, 10]) {
  serverTest(`seed: a job of ${n} over real books completes without a refresh, every k of ${n} seen on the other worker`, { books: n }, async (s) => {
    for (const [maker, watcher, what] of [[0, 1, 'process-all'], [1, 0, 'normalize-all']]) {
      const stream = await s.stream({ slot: watcher });
      const { job_id: id, total_items: total } = await startJob(s.workerClient(maker), what);
      assert.equal(total, n);
      const last = await stream.waitJob(id, 20);
      assert.equal(last.status, 'completed');
      const steps = [...new Set(stream.jobEvents(id).map((j) => j.progress.processed))];
      assert.deepEqual(steps, Array.from({ length: n + 1 }, (_, k) => k));
      assert.equal((await activeJob(s.workerClient(watcher))).job_id, null);
    }
  });
}

serverTest('seed: refresh in the middle finds the job, its counts and its stream', {}, async (s) => {
  const id = await startNoop(s.workerClient(0), 60, 100);
  const before = await until('the middle', 10, async () => {
    const j = await getJob(s.workerClient(0), id);
    return j.processed_items >= 10 && j;
  });
  const fresh = s.workerClient(1); // a new page asks the other worker
  assert.equal((await activeJob(fresh)).job_id, id);
  const found = await getJob(fresh, id);
  assert.ok(found.processed_items >= before.processed_items);
  const stream = await s.stream({ slot: 1 });
  assert.equal((await stream.waitJob(id, 20)).progress.processed, 60);
});

serverTest('seed: refresh at once after the start finds the job', { books: 40 }, async (s) => {
  for (let i = 0; i < 10; i++) {
    const { job_id: id } = await startJob(s.workerClient(i % 2), 'normalize-all');
    const fresh = s.workerClient(1 - (i % 2));
    const [active, job] = await Promise.all([activeJob(fresh), getJob(fresh, id)]);
    assert.ok(active.job_id === id || (active.job_id === null && (await getJob(fresh, id)).status === 'completed'));
    assert.equal(job.total_items, 40);
    await followJob([fresh], id, { pauseMs: 5 });
  }
});

serverTest('seed: two tabs on two workers see the same', {}, async (s) => {
  const tabs = [await s.stream({ slot: 0 }), await s.stream({ slot: 1 })];
  const id = await startNoop(s.workerClient(1), 40, 50);
  for (const tab of tabs) await tab.waitJob(id, 20);
  const [a, b] = tabs.map((t) => t.jobEvents(id).map((j) => [j.version, j.status, j.progress.processed]));
  assert.deepEqual(a, b);
});

serverTest('seed: cancel in the middle, from the other worker, is seen by all', {}, async (s) => {
  const tabs = [await s.stream({ slot: 0 }), await s.stream({ slot: 1 })];
  const id = await startNoop(s.workerClient(0), 200, 100);
  await tabs[1].waitJob(id, 10, (j) => j.progress.processed >= 8);
  assert.equal((await s.workerClient(1).post(`/api/jobs/${id}/cancel`)).status, 200);
  for (const tab of tabs) assert.equal((await tab.waitJob(id, 10)).status, 'cancelled');
  const job = await waitStatus(s.api, id, 'cancelled');
  assert.ok(job.processed_items >= 8 && job.processed_items < 200);
  const done = async () => (await s.sqlite(`SELECT count(*) AS n FROM job_items WHERE job_id = '${id}' AND status IN ('ok', 'error')`))[0].n;
  assert.equal(await done(), job.processed_items, 'work has stopped');
});

serverTest('seed: a job that finished while nobody watched is there with its results', { books: 10 }, async (s) => {
  const { job_id: id } = await startJob(s.workerClient(0), 'process-all');
  s.closeClients(); // every connection is gone
  await until('the end, as the store has it', 20, async () => (await s.sqlite(`SELECT status FROM jobs WHERE job_id = '${id}'`))[0].status === 'completed');
  const job = await getJob(s.workerClient(1), id);
  assert.equal(job.results.length, 10);
  assert.equal((await activeJob(s.workerClient(0))).job_id, null);
});

serverTest('seed: a stream that is never available: polls alone finish', {}, async (s) => {
  const id = await startNoop(s.workerClient(0), 30, 50);
  const answers = await followJob([s.workerClient(1)], id, { pauseMs: 100 });
  assert.equal(answers[answers.length - 1].status, 'completed');
});

serverTest('seed: a client that lost everything finds its job in the list', {}, async (s) => {
  const id = await startNoop(s.workerClient(0), 40, 100);
  s.closeClients();
  const list = (await s.workerClient(1).get('/api/jobs?status=active')).json.jobs;
  assert.deepEqual(list.map((j) => j.job_id), [id]);
  await waitCompleted(s.workerClient(1), id);
});
