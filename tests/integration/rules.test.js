// DESIGN.md section 2, the five rules: each has a test of its name here.
import assert from 'node:assert/strict';
import { activeJob, checkLater, followJob, getJob, isEnded, names, startJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';
import { watchStore } from '../lib/watch_store.js';

serverTest('rule 1: a job is answered only after its row, its items and the active job are committed', { books: 30 }, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  for (let i = 0; i < 12; i++) {
    const maker = clients[i % 2];
    const other = clients[1 - (i % 2)];
    const r = await maker.post('/api/jobs', { operation: 'noop', files: names(30), options: { ms: 100 } });
    // Nothing is waited for here: the next request, on the other worker, must find all of it.
    const [active, job] = await Promise.all([other.get('/api/active-job'), other.get(`/api/jobs/${r.json.job_id}`)]);
    assert.equal(active.json.job_id, r.json.job_id);
    assert.equal(job.status, 200);
    assert.equal(job.json.total_items, 30);
    const [rows, cache] = await Promise.all([
      s.sqlite(`SELECT (SELECT count(*) FROM jobs WHERE job_id = '${r.json.job_id}') AS jobs,
                (SELECT count(*) FROM job_items WHERE job_id = '${r.json.job_id}') AS items`),
      s.sqlite('SELECT job_id FROM active_job', 'preferences.db'),
    ]);
    assert.deepEqual(rows, [{ jobs: 1, items: 30 }]);
    assert.deepEqual(cache, [{ job_id: r.json.job_id }]);
    await maker.post(`/api/jobs/${r.json.job_id}/cancel`);
  }
});

serverTest('rule 1: what was answered is there after a kill of everything in the same moment', {}, async (s) => {
  for (let i = 0; i < 3; i++) {
    const r = await s.api.post('/api/jobs', { operation: 'noop', files: names(500), options: { ms: 100 } });
    assert.equal(r.status, 201, r.text);
    await s.kill();
    await s.start();
    const job = await getJob(s.api, r.json.job_id);
    assert.equal(job.total_items, 500);
    assert.equal((await activeJob(s.api)).job_id, r.json.job_id);
    await s.api.post(`/api/jobs/${r.json.job_id}/cancel`);
  }
});

serverTest('rule 2: no reader sees all items done in a job that is still processing', { books: 20 }, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  const report = await watchStore(s, async () => {
    for (const n of [1, 2, 3, 5, 8, 13, 40]) {
      for (const maker of clients) {
        const id = await startNoop(maker, n);
        const answers = await followJob(clients, id); // each answer is checked
        assert.equal(answers[answers.length - 1].processed_items, n);
      }
    }
    const { job_id: id } = await startJob(clients[0], 'process-all');
    await followJob(clients, id);
  });
  assert.equal(report.jobs, 15);
});

serverTest('rule 2: outcome, counters and status change together, with many jobs at once', {}, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  const report = await watchStore(s, async () => {
    for (let round = 0; round < 5; round++) {
      const ids = await Promise.all(Array.from({ length: 10 }, (_, i) => startNoop(clients[i % 2], 1 + i * 3)));
      await Promise.all(ids.map((id, i) => followJob([clients[i % 2], clients[(i + 1) % 2]], id)));
    }
  });
  assert.equal(report.jobs, 50);
});

serverTest('rule 3: a terminal status is final, and counters and version never go down', {}, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  await watchStore(s, async () => {
    for (let i = 0; i < 20; i++) { // cancel races with the end of the job
      const id = await startNoop(clients[i % 2], 8, 5);
      const following = followJob(clients, id);
      await until('half of it done', 10, async () => (await getJob(clients[1], id)).processed_items >= 4, 1);
      await Promise.all([0, 1, 0].map((k) => clients[k].post(`/api/jobs/${id}/cancel`)));
      const answers = await following;
      const end = answers[answers.length - 1];
      assert.equal(end.processed_items + end.cancelled_items, 8);
      for (const client of clients) {
        const r = await client.post(`/api/jobs/${id}/cancel`);
        assert.equal(r.status, 400, 'an ended job cannot be cancelled');
        const later = await getJob(client, id);
        checkLater(end, later);
        assert.equal(later.completed_at, end.completed_at);
      }
    }
  });
});

serverTest('rule 4: the end of a job clears the active job if, and only if, it is this job', {}, async (s) => {
  const [one, other] = [s.workerClient(0), s.workerClient(1)];
  const early = await startNoop(one, 8, 300);
  const late = await startNoop(other, 100, 100);
  await waitCompleted(one, early, 30);
  assert.equal((await activeJob(one)).job_id, late, 'the end of another job does not clear it');
  assert.equal((await activeJob(other)).job_id, late);
  await one.post(`/api/jobs/${late}/cancel`);
  await until('the end of the cancelled job', 10, async () => isEnded((await getJob(other, late)).status));
  assert.equal((await activeJob(one)).job_id, null);
  const deleted = await startNoop(one, 100, 100);
  await other.del(`/api/jobs/${deleted}`);
  await until('the deleted job to be gone', 10, async () => (await one.get(`/api/jobs/${deleted}`)).status === 404);
  assert.equal((await activeJob(one)).job_id, null);
});

serverTest('rule 4: no reader is told of an active job that has ended', {}, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  const pollers = [s.workerClient(0), s.workerClient(1)];
  const ended = new Set();
  let going = true;
  let looks = 0;
  const poll = async (client) => {
    while (going) {
      const known = new Set(ended); // before the question is asked
      const { job_id: id } = await activeJob(client);
      assert.ok(!known.has(id), `job ${id} had ended, and is active`);
      looks++;
    }
  };
  const polling = Promise.all(pollers.map(poll));
  for (let i = 0; i < 60; i++) {
    const id = await startNoop(clients[i % 2], 1 + (i % 4));
    const answers = await followJob([clients[(i + 1) % 2]], id);
    assert.ok(isEnded(answers[answers.length - 1].status));
    ended.add(id);
  }
  going = false;
  await polling;
  assert.ok(looks > 100, `${looks} looks`);
});

serverTest('rule 5: times are Unix seconds with fractions, in the API and in the tables', { books: 2 }, async (s) => {
  const before = Date.now() / 1000;
  const { job_id: id } = await startJob(s.api, 'process-all');
  const job = await waitCompleted(s.api, id);
  const after = Date.now() / 1000;
  const times = [job.created_at, job.started_at, job.completed_at];
  for (const t of times) assert.ok(t >= before - 0.01 && t <= after + 0.01, `${before} <= ${t} <= ${after}`);
  assert.ok(times[0] <= times[1] && times[1] <= times[2], String(times));
  assert.ok(times.some((t) => !Number.isInteger(t)), 'with fractions');
  const [row] = await s.sqlite(`SELECT typeof(created_at) AS a, typeof(started_at) AS b, typeof(completed_at) AS c, created_at FROM jobs WHERE job_id = '${id}'`);
  assert.deepEqual([row.a, row.b, row.c], ['real', 'real', 'real']);
  assert.ok(Math.abs(row.created_at - job.created_at) < 0.001);
  await s.api.post('/api/preferences', { theme: 'dark' });
  assert.deepEqual(await s.sqlite('SELECT DISTINCT typeof(updated_at) AS t FROM preferences', 'preferences.db'), [{ t: 'real' }]);
});
