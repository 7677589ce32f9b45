// GET /api/status: what the page of the server shows, of all workers, whichever answers.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { getJob, startJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { checkpoint, damage } from '../lib/trouble.js';
import { until } from '../lib/until.js';

const status = async (client) => {
  const r = await client.get('/api/status');
  assert.equal(r.status, 200, r.text);
  return r.json;
};

serverTest('status: processes, streams, jobs, databases and disks, the same from each worker', { books: 3 }, async (s) => {
  const stream = await s.stream({ slot: 1 });
  await waitCompleted(s.api, await startNoop(s.api, 30, 1, { options: { ms: 1, fail_every: 3 } }));
  const sum = (list, name) => list.reduce((n, x) => n + x[name], 0);
  const now = await until('all figures', 10, async () => {
    const x = await status(s.workerClient(0));
    return sum(x.workers, 'items_done') === 30 && x.workers[1].clients === 1 && x;
  });
  assert.equal(now.status, 'healthy');
  assert.equal(now.held, null);
  assert.deepEqual(now.checks, (await s.api.get('/health')).json.checks);
  assert.deepEqual(now.workers.map((w) => w.pid), s.workers().map((w) => w.pid));
  for (const w of now.workers) {
    assert.equal(w.state, 'ready');
    assert.ok(w.uptime_s > 0 && w.uptime_s < 300 && w.resident_bytes > 1e6, JSON.stringify(w));
    assert.deepEqual([w.restarts, w.crashes, w.items_leased], [0, 0, 0]);
  }
  assert.ok(now.uptime_s >= now.workers[0].uptime_s, 'the master is older');
  assert.equal(sum(now.workers, 'items_failed'), 10);
  assert.ok(now.frontend.pid > 0 && now.frontend.crashes === 0);
  assert.deepEqual(now.jobs.by_status, { queued: 0, processing: 0, completed: 1, failed: 0, cancelled: 0 });
  assert.equal(now.library.files, 3);
  for (const x of now.stores) {
    assert.equal(x.bytes, fs.statSync(path.join(s.state, x.file)).size, x.file);
    assert.equal(x.damaged, false);
    assert.ok(x.writes > 0, x.file);
  }
  for (const d of now.disks) assert.ok(d.free_bytes > 0 && d.total_bytes >= d.free_bytes, d.name);
  assert.equal(now.disks[0].folder, fs.realpathSync(s.library));
  assert.equal(now.versions.longbox, (await s.api.get('/api/version')).json.version);
  const other = await status(s.workerClient(1));
  for (const name of ['pid', 'items_done', 'restarts']) assert.deepEqual(other.workers.map((w) => w[name]), now.workers.map((w) => w[name]), name);
  stream.destroy();
});

serverTest('status: items that run are named with their worker, and those that wait are counted', { threads: 2 }, async (s) => {
  const id = await startNoop(s.api, 40, 1, { options: { ms: 400 } });
  const now = await until('four items that run', 10, async () => {
    const x = await status(s.api);
    return x.jobs.items_leased === 4 && x;
  });
  assert.deepEqual(now.workers.map((w) => w.items_leased), [2, 2]);
  assert.ok(now.jobs.items_waiting > 0 && now.jobs.items_waiting <= 36, String(now.jobs.items_waiting));
  assert.equal(now.jobs.by_status.processing, 1);
  await s.api.post(`/api/jobs/${id}/pause`);
  await until('the pause', 5, async () => (await status(s.api)).jobs.paused === 1);
  await s.api.post(`/api/jobs/${id}/cancel`);
  await until('the end', 10, async () => (await getJob(s.api, id)).status === 'cancelled');
});

serverTest('status: a killed worker is there again, younger, with its restart counted', {}, async (s) => {
  const before = await status(s.api);
  const [victim] = s.workers();
  process.kill(victim.pid, 'SIGKILL');
  const after = await until('its successor', 10, async () => {
    const x = await status(s.workerClient(1));
    return x.workers[0].state === 'ready' && x.workers[0].pid !== victim.pid && x;
  });
  assert.deepEqual([after.workers[0].restarts, after.workers[0].crashes], [1, 1]);
  assert.deepEqual([after.workers[1].restarts, after.workers[1].crashes], [0, 0]);
  assert.equal(after.workers[1].pid, before.workers[1].pid);
  assert.ok(after.workers[0].uptime_s < after.workers[1].uptime_s, 'the new one is younger');
});

serverTest('status: answers when a database is damaged and the library is away, and says so', { books: 30, set: { scan_interval_s: 1 } }, async (s) => {
  checkpoint(s.state, 'library.db');
  const file = path.join(s.state, 'library.db');
  const { job_id: id } = await startJob(s.api, 'process-all');
  damage(file, { at: 100, bytes: fs.statSync(file).size - 100 });
  await waitCompleted(s.api, id, 30);
  fs.renameSync(s.library, `${s.library}.away`);
  const now = await until('both to be seen', 20, async () => {
    const x = await status(s.api);
    return x.checks.watched_dir === 'error' && x.checks.database === 'library.db is damaged' && x;
  });
  assert.equal(now.status, 'unhealthy');
  assert.deepEqual(now.stores.map((x) => x.damaged), [false, false, true]);
  assert.equal(now.jobs.by_status.completed, 1, 'the others are told of');
});

serverTest('status: a checkpoint is told with its age', { workers: 1 }, async (s) => {
  assert.equal((await status(s.api)).stores[0].checkpoint_age_s, null);
  await waitCompleted(s.api, await startNoop(s.api, 20000), 60); // some MB of log
  const x = (await status(s.api)).stores[0];
  assert.ok(x.file === 'jobs.db' && x.checkpoint_age_s >= 0 && x.checkpoint_age_s < 60, JSON.stringify(x));
});

serverTest('settings: the configuration is told with them, and says how it is changed', { set: { heartbeat_s: 7, name_policy: 'posix' } }, async (s) => {
  const { settings, fixed } = (await s.api.get('/api/settings')).json;
  const of = Object.fromEntries(fixed.map((x) => [x.key, x]));
  assert.deepEqual([of.heartbeat_s.value, of.heartbeat_s.default, of.heartbeat_s.applies], [7, 15, 'reload']);
  assert.deepEqual([of.library.value, of.library.applies], [fs.realpathSync(s.library), 'restart']);
  assert.deepEqual([of.compress.type, of.compress.value], ['boolean', true]);
  assert.equal(of.name_policy.value, 'posix');
  for (const x of settings) assert.equal(of[x.key], undefined, `${x.key} stands once`);
  const r = await s.api.call('PATCH', '/api/settings', { library: '/tmp' });
  assert.equal(r.status, 400);
  assert.deepEqual([r.json.field, r.json.error], ['library', 'library is changed in the configuration of the server, not here']);
});
