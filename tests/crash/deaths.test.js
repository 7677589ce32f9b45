// What a death, a standstill or a want of descriptors and processes may cost, and what it may not.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { getJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { isAlive, signal } from '../lib/processes.js';
import { BIN, serverTest } from '../lib/server.js';
import { atMost, sleep, until } from '../lib/until.js';

const run = promisify(execFile);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function checkItems(s, id, n) {
  const [row] = await s.sqlite(`SELECT count(*) AS n, sum(status = 'ok') AS ok, count(DISTINCT result_no) AS results FROM job_items WHERE job_id = '${id}'`);
  assert.deepEqual(row, { n, ok: n, results: n });
  assert.deepEqual(await s.sqlite('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
}

const leases = (s, pid) => s.sqlite(`SELECT job_id, seq, attempts, lease_owner FROM job_items WHERE status = 'leased' AND lease_owner LIKE '%:${pid}:%'`);

serverTest('recovery after kill -9 of the owning worker: the gap in finished items', { workers: 2, threads: 2 }, async (s, t) => {
  const KILLS = 10;
  const id = await startNoop(s.workerClient(0), 10000, 30);
  const gaps = [];
  for (let i = 0; i < KILLS; i++) {
    const victim = await until('two workers that run items', 10, async () => {
      const all = s.workers();
      if (all.length < 2) return false;
      const held = await Promise.all(all.map((w) => leases(s, w.pid)));
      return held.every((l) => l.length > 0) && { ...all[i % 2], held: held[i % 2] };
    });
    signal(victim.pid, 'SIGKILL');
    const died = Date.now();
    const seqs = victim.held.map((l) => l.seq).join();
    // From the death until each item that the dead worker held has ended elsewhere.
    const ended = await until('its items to end', 20, async () => {
      const rows = await s.sqlite(`SELECT max(finished_at) AS last, count(finished_at) AS n FROM job_items WHERE job_id = '${id}' AND seq IN (${seqs})`);
      return rows[0].n === victim.held.length && rows[0].last * 1000;
    }, 5);
    gaps.push(Math.max(0, Math.round(ended - died)));
  }
  t.diagnostic(`note: items of a killed worker have ended elsewhere after: median ${median(gaps)} ms, worst ${Math.max(...gaps)} ms (${KILLS} kills)`);
  assert.ok(Math.max(...gaps) < 10000, `${gaps}`); // a third of a lease
  const job = await getJob(s.client(), id, '?results=0');
  assert.equal(job.status, 'processing', 'it was running at every kill');
  await s.client().post(`/api/jobs/${id}/cancel`);
});

// Stops a worker at a moment when it does not hold a gate: the others go on. Gives the worker and what it holds.
async function stopHolding(s, slot, id) {
  for (let i = 0; i < 20; i++) {
    const worker = s.workers().find((w) => w.slot === slot);
    signal(worker.pid, 'SIGSTOP');
    const held = await leases(s, worker.pid);
    const other = s.workerClient(1 - slot);
    const before = await getJob(other, id, '?results=0');
    const goesOn = (job) => job.processed_items > before.processed_items || job.processed_items === job.total_items - held.length;
    const moves = held.length && await atMost(2, async () => goesOn(await getJob(other, id, '?results=0')));
    other.close();
    if (moves) return { ...worker, held };
    signal(worker.pid, 'SIGCONT');
    await sleep(20); // stopped at another moment the next time
  }
  throw new Error('the worker held no item whenever it was stopped');
}

const STILL_ITEMS = 120;
const STILL = { lease_ms: 1000, lease_renew_ms: 200, worker_timeout_s: 3600 };

serverTest('a worker that stands still longer than its lease keeps its items, and each is counted once', { workers: 2, threads: 2, set: STILL }, async (s) => {
  const id = await startNoop(s.workerClient(1), STILL_ITEMS, 50);
  const stopped = await stopHolding(s, 0, id);
  await until('everything else to be done', 30, async () => (await getJob(s.workerClient(1), id, '?results=0')).processed_items === STILL_ITEMS - stopped.held.length);
  await sleep(1500); // more than a lease
  assert.equal((await leases(s, stopped.pid)).length, stopped.held.length, 'a living owner loses nothing');
  signal(stopped.pid, 'SIGCONT');
  await waitCompleted(s.client(), id, 10);
  await checkItems(s, id, STILL_ITEMS);
  const [row] = await s.sqlite(`SELECT max(attempts) AS most FROM job_items WHERE job_id = '${id}'`);
  assert.equal(row.most, 1);
});

serverTest('late writes of a worker whose leases were taken away change nothing', { workers: 2, threads: 2, set: STILL }, async (s) => {
  const id = await startNoop(s.workerClient(1), STILL_ITEMS, 50);
  const stopped = await stopHolding(s, 0, id);
  // By hand, because nothing but its death takes them.
  await run('sqlite3', ['-cmd', '.timeout 5000', path.join(s.state, 'jobs.db'), `BEGIN IMMEDIATE;
    UPDATE job_items SET status = 'queued', lease_owner = NULL WHERE status = 'leased' AND lease_owner LIKE '%:${stopped.pid}:%';
    DELETE FROM owners WHERE owner LIKE '%:${stopped.pid}:%'; COMMIT;`]);
  await waitCompleted(s.workerClient(1), id, 30);
  const sql = `SELECT group_concat(seq || ' ' || attempts || ' ' || result_no || ' ' || finished_at) AS all_items FROM job_items WHERE job_id = '${id}'`;
  const before = await s.sqlite(sql);
  const job = await getJob(s.workerClient(1), id, '?results=0');
  signal(stopped.pid, 'SIGCONT');
  const next = await startNoop(s.workerClient(0), 20, 5); // its writer has written since
  await waitCompleted(s.client(), next, 10);
  assert.deepEqual(await s.sqlite(sql), before, 'no row of the job was touched');
  const later = await getJob(s.workerClient(0), id, '?results=0');
  assert.deepEqual([later.version, later.processed_items], [job.version, job.processed_items]);
  await checkItems(s, id, STILL_ITEMS);
  assert.ok(isAlive(stopped.pid));
});

serverTest('a worker that stands still for longer than worker_timeout dies, and its items run elsewhere', { workers: 2, threads: 2, set: { ...STILL, worker_timeout_s: 5 } }, async (s) => {
  const id = await startNoop(s.workerClient(1), STILL_ITEMS, 50);
  const stopped = await stopHolding(s, 0, id);
  await waitCompleted(s.workerClient(1), id, 30);
  assert.ok(!isAlive(stopped.pid));
  await checkItems(s, id, STILL_ITEMS);
  const rows = await s.sqlite(`SELECT attempts FROM job_items WHERE job_id = '${id}' AND seq IN (${stopped.held.map((l) => l.seq).join()})`);
  assert.ok(rows.every((r) => r.attempts === 2), JSON.stringify(rows));
});

serverTest('50 streams of a worker that is killed go on at another one and lose nothing', { workers: 2, threads: 2, set: { streams_per_address: 500 } }, async (s) => {
  const STREAMS = 50;
  const first = await Promise.all(Array.from({ length: STREAMS }, () => s.stream({ slot: 0 })));
  const id = await startNoop(s.workerClient(1), 20000, 20); // never done before the streams are back
  await until('events on all streams', 20, () => first.every((x) => x.events.length > 10));
  signal(s.workers().find((w) => w.slot === 0).pid, 'SIGKILL');
  const second = await Promise.all(first.map(async (x) => {
    await until('the end of the stream', 10, () => x.ended);
    return s.stream({ slot: 1, lastEventId: x.events[x.events.length - 1].id });
  }));
  await Promise.all(second.map((x) => x.waitJob(id, 30, () => true)));
  await s.workerClient(1).post(`/api/jobs/${id}/cancel`, {});
  await Promise.all(second.map((x) => x.waitJob(id, 30)));
  const told = (await s.sqlite(`SELECT id FROM events WHERE job_id = '${id}' ORDER BY id`)).map((r) => r.id);
  for (let i = 0; i < STREAMS; i++) {
    const ids = [...first[i].events, ...second[i].events].filter((f) => f.message.data.job_id === id).map((f) => Number(f.id));
    assert.deepEqual(ids, told, `stream ${i}`);
    const versions = [...first[i].jobEvents(id), ...second[i].jobEvents(id)].map((j) => j.version);
    assert.ok(versions.every((v, k) => k === 0 || v > versions[k - 1]), `versions of stream ${i}: ${versions}`);
  }
});

const cpuTicks = (pid) => {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
};

serverTest('a worker without free descriptors: requests are answered, the job ends, and it is well again afterwards', { workers: 2, threads: 2 }, async (s, t) => {
  const poor = s.workers()[0];
  const other = s.workerClient(1);
  await other.get('/api/version');
  const open = fs.readdirSync(`/proc/${poor.pid}/fd`).map(Number);
  await run('prlimit', ['--pid', String(poor.pid), `--nofile=${Math.max(...open) + 1}:4096`]);
  const id = await startNoop(other, 100, 20); // whose threads have read nothing so far
  const before = cpuTicks(poor.pid);
  const began = Date.now();
  const answers = await Promise.all(Array.from({ length: 30 }, () => s.client().get('/api/jobs?limit=1')));
  for (const r of answers) assert.equal(r.status, 200, r.text.slice(0, 300));
  await waitCompleted(s.client(), id, 30);
  await checkItems(s, id, 100);
  const busy = (cpuTicks(poor.pid) - before) * 10 / (Date.now() - began);
  t.diagnostic(`note: the worker without descriptors used ${Math.round(busy * 100)} % of a processor`);
  assert.ok(isAlive(poor.pid));
  await run('prlimit', ['--pid', String(poor.pid), '--nofile=4096:4096']);
  assert.equal((await s.workerClient(0).get('/api/version')).status, 200);
  const next = await startNoop(s.workerClient(0), 40, 5);
  await waitCompleted(s.workerClient(0), next, 20);
});

const forkFails = path.join(BIN, '..', 'crash', 'fork_shim.so');
const flag = path.join(fs.mkdtempSync(path.join(process.env.TMPDIR || '/tmp', 'lb-fork-')), 'fails');
process.on('exit', () => fs.rmSync(path.dirname(flag), { recursive: true, force: true }));

serverTest('no process can be made: the others go on, and the slot is filled when it can', {
  workers: 2, threads: 2, env: { LD_PRELOAD: forkFails, LB_FORK_FAILS: flag, ASAN_OPTIONS: 'verify_asan_link_order=0' },
}, async (s) => {
  fs.writeFileSync(flag, '');
  const id = await startNoop(s.workerClient(0), 150, 20);
  const victim = s.workers()[0];
  signal(victim.pid, 'SIGKILL');
  await waitCompleted(s.workerClient(1), id, 30);
  await checkItems(s, id, 150);
  assert.match(s.log(), /event="worker not started" slot=0 error=.*Resource temporarily unavailable/);
  assert.equal(s.workers().length, 1);
  fs.rmSync(flag);
  await until('the second worker', 35, () => s.workers().length === 2);
  assert.equal((await s.workerClient(0).get('/api/version')).status, 200);
});
