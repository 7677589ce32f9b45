// Killed processes: the job goes on, and every item is counted once.
import assert from 'node:assert/strict';
import { activeJob, checkLater, followJob, getJob, names, startJob, waitCompleted, waitStatus } from '../lib/jobs.js';
import { libraryDifferences, libraryHashes, listBooks, makeBooks } from '../lib/books.js';
import { isAlive, signal, tree } from '../lib/processes.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const begin = async (client, n, ms) => {
  const r = await client.post('/api/jobs', { operation: 'noop', files: names(n), options: { ms } });
  assert.equal(r.status, 201, r.text);
  return r.json.job_id;
};

// Each item once, in a state of its own, and the counters say the same.
async function checkItems(s, id, n) {
  const [row] = await s.sqlite(`SELECT count(*) AS n, count(DISTINCT seq) AS seqs, sum(status = 'ok') AS ok FROM job_items WHERE job_id = '${id}'`);
  assert.deepEqual(row, { n, seqs: n, ok: n });
  const [results] = await s.sqlite(`SELECT count(*) AS n, count(DISTINCT item) AS items FROM job_results WHERE job_id = '${id}'`);
  assert.deepEqual(results, { n, items: n });
  assert.deepEqual(await s.sqlite('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
}

// Temporary files of the moment of the kill are no books yet.
const isBook = (name) => !name.split('/').pop().startsWith('.longbox-');

const someDone = (client, id, k = 10) => until(`${k} items done`, 15, async () => {
  const job = await getJob(client, id);
  return job.processed_items >= k && job;
});

serverTest('kill -9 of the worker that owns a running job: the job completes, all items counted once', {}, async (s) => {
  for (const slot of [0, 1]) {
    const id = await begin(s.workerClient(slot), 120, 100);
    const before = await someDone(s.api, id);
    assert.match(before.owner, /^worker \d+$/);
    const owner = s.workers().find((w) => w.slot === Number(before.owner.split(' ')[1]));
    signal(owner.pid, 'SIGKILL');
    const survivor = s.workerClient(1 - owner.slot);
    const answers = await followJob([survivor], id, { pauseMs: 20 });
    checkLater(before, answers[0]);
    const end = answers[answers.length - 1];
    assert.equal(end.status, 'completed');
    assert.equal(end.success_items, 120);
    await checkItems(s, id, 120);
    assert.equal((await activeJob(survivor)).job_id, null);
    await until('a new worker in the slot', 10, () => s.workers().some((w) => w.slot === owner.slot && w.pid !== owner.pid));
    await s.workerClient(owner.slot).get('/api/version'); // and it answers
  }
});

serverTest('the leases of a killed worker are given back at once, not after their time', { set: { lease_ms: 60000 } }, async (s) => {
  const id = await begin(s.workerClient(0), 40, 100);
  await someDone(s.api, id, 4);
  signal(s.workers()[0].pid, 'SIGKILL');
  await waitCompleted(s.workerClient(1), id, 30);
});

serverTest('kill -9 of one worker after the other during one job', {}, async (s) => {
  const id = await begin(s.api, 200, 100);
  for (let i = 0; i < 4; i++) {
    const victim = await until('two workers', 10, () => s.workers().length === 2 && s.workers()[i % 2]);
    const at = (await getJob(s.workerClient(1 - victim.slot), id)).processed_items;
    signal(victim.pid, 'SIGKILL');
    await someDone(s.workerClient(1 - victim.slot), id, Math.min(at + 5, 200));
  }
  await waitCompleted(s.client(), id, 60);
  await checkItems(s, id, 200);
});

serverTest('kill -9 of everything and a restart: the job continues by itself', {}, async (s) => {
  const id = await begin(s.workerClient(0), 150, 100);
  let before = await someDone(s.api, id);
  for (let i = 0; i < 2; i++) {
    await s.kill();
    await s.start();
    const after = await getJob(s.workerClient(i), id);
    checkLater(before, after);
    assert.equal((await activeJob(s.workerClient(1 - i))).job_id, id);
    before = await someDone(s.api, id, after.processed_items + 10);
  }
  const answers = await followJob([s.workerClient(0), s.workerClient(1)], id, { pauseMs: 20 });
  assert.equal(answers[answers.length - 1].success_items, 150);
  await checkItems(s, id, 150);
  assert.match(s.log(), /event="job resumed"/);
});

serverTest('a stop in order and a start: the job continues, no item is lost or tried in vain', {}, async (s) => {
  const id = await begin(s.workerClient(0), 150, 100);
  const before = await someDone(s.api, id);
  assert.equal(await s.stop(), 0);
  await s.start();
  const job = await waitCompleted(s.api, id, 60);
  checkLater(before, job);
  await checkItems(s, id, 150);
  const [row] = await s.sqlite(`SELECT max(attempts) AS most FROM job_items WHERE job_id = '${id}'`);
  assert.equal(row.most, 1, 'running items were finished before the stop');
});

serverTest('books are whole after kills of everything in the middle of a job', { books: (dir) => makeBooks(dir, 120), seconds: 150 }, async (s) => {
  const before = libraryHashes(s.library);
  const { job_id: id } = await startJob(s.api, 'process-all');
  for (let i = 1; i <= 3; i++) {
    const job = await until('more items done', 20, async () => {
      const j = await getJob(s.api, id);
      return (j.processed_items >= i * 25 || j.status === 'completed') && j;
    }, 1);
    if (job.status === 'completed') break;
    await s.kill();
    assert.deepEqual(libraryDifferences(before, libraryHashes(s.library, isBook)), []);
    await s.start();
  }
  const job = await waitCompleted(s.api, id, 60);
  assert.equal(job.success_items, 120);
  assert.deepEqual(libraryDifferences(before, libraryHashes(s.library)), []);
  const names120 = listBooks(s.library);
  assert.equal(names120.length, 120, 'no temporary file is left');
  assert.ok(names120.every((n) => / - Chapter 0\d\d\d\.cbz$/.test(n)));
});

serverTest('kill -9 of the front end: it is back, and the job never noticed', {}, async (s) => {
  const id = await begin(s.api, 100, 100);
  const h2o = tree(s.pid).find((p) => p.name === 'h2o');
  signal(h2o.pid, 'SIGKILL');
  await until('an answer through a new front end', 15, async () => {
    try {
      return (await s.client().get('/api/version')).status === 200;
    } catch {
      return false; // refused or cut while it starts
    }
  });
  await waitCompleted(s.client(), id, 30);
});

serverTest('kill -9 of the master ends everything it started', {}, async (s) => {
  const all = tree(s.pid);
  assert.ok(all.length >= 4, all.map((p) => p.name).join());
  signal(s.pid, 'SIGKILL');
  await until('its children to be gone', 15, () => all.every((p) => !isAlive(p.pid)));
  await s.start();
  assert.equal((await s.api.get('/health')).status, 200);
});

serverTest('a worker that stands still is replaced, and the job completes', { set: { worker_timeout_s: 2 } }, async (s) => {
  const id = await begin(s.workerClient(0), 100, 100);
  await someDone(s.api, id);
  const victim = s.workers()[0];
  signal(victim.pid, 'SIGSTOP');
  await until('another process in its slot', 20, () => s.workers().some((w) => w.slot === victim.slot && w.pid !== victim.pid));
  await waitCompleted(s.client(), id, 60);
  await checkItems(s, id, 100);
});

serverTest('cancel reaches the items of the other worker', {}, async (s) => {
  const id = await begin(s.workerClient(0), 16, 120000);
  await until('both to run', 10, async () => (await s.sqlite(`SELECT count(DISTINCT lease_owner) AS n FROM job_items WHERE job_id = '${id}' AND status = 'leased'`))[0].n === 2);
  await s.workerClient(1).post(`/api/jobs/${id}/cancel`);
  await waitStatus(s.api, id, 'cancelled', 30); // less than an item takes
});
