// Sixteen clients drive one batch while workers die: each item counts once, one answer ends the job, and no status is
// behind an answer that was given.
import assert from 'node:assert/strict';
import { drive, getBatch, makeBatch } from '../lib/batches.js';
import { getJob } from '../lib/jobs.js';
import { isAlive, signal } from '../lib/processes.js';
import { serverTest } from '../lib/server.js';
import { sleep, until } from '../lib/until.js';
import { random } from './random.js';

const SEED = 4711;
const ITEMS = 2000;
const DRIVERS = 16;
const KILLS = 20;

// Kills one worker after the other, each when both are there and run items; the last one well before the end.
async function killWorkers(s, id, rnd) {
  const enough = (k) => Math.floor(((k + 1) * ITEMS * 0.9) / KILLS);
  for (let k = 0; k < KILLS; k++) {
    await until(`${enough(k)} items`, 120, async () => {
      const [row] = await s.sqlite(`SELECT processed_items AS n FROM jobs WHERE job_id = '${id}'`);
      return row.n >= enough(k);
    }, 10);
    const victim = await until('two workers', 20, () => s.workers().length === 2 && rnd.pick(s.workers()));
    await sleep(rnd.below(30));
    signal(victim.pid, 'SIGKILL');
    await until('its end', 10, () => !isAlive(victim.pid));
  }
}

async function statusIsNotBehind(client, id, a) {
  let now;
  try {
    now = await getBatch(client, id, '?items=0');
  } catch (e) {
    if (e.code === 'ERR_ASSERTION' && ![502, 503].includes(e.actual)) throw e;
    return; // nobody was there to answer
  }
  assert.ok(now.progress.completed >= a.progress.completed, `${now.progress.completed} after ${a.progress.completed}`);
  if (a.status === 'job_completed') assert.equal(now.status, 'completed');
}

serverTest('16 drivers on both workers, 2,000 items, 20 kills of workers', { set: { max_attempts: 100 }, seconds: 180 }, async (s, t) => {
  const rnd = random(SEED);
  const id = await makeBatch(s.api, ITEMS, 30);
  const drivers = Array.from({ length: DRIVERS }, () => s.client());
  const slots = new Set();
  const [answers] = await Promise.all([
    Promise.all(drivers.map((c) => drive(c, id, (a, slot) => { slots.add(slot); return statusIsNotBehind(c, id, a); }))),
    killWorkers(s, id, rnd),
  ]);
  const withItem = answers.flat().filter((a) => a.itemId !== null && a.success !== null);
  const last = withItem.filter((a) => a.status === 'job_completed');
  assert.equal(last.length, 1, 'one answer with an item ends the job');
  assert.equal(last[0].progress.completed, ITEMS);
  assert.equal(new Set(withItem.map((a) => a.itemId)).size, withItem.length, 'no two answers have one item');
  assert.equal(new Set(withItem.map((a) => a.progress.completed)).size, withItem.length, 'each k of n is told at most once');
  assert.deepEqual([...slots].sort(), [0, 1]);
  const job = await getJob(s.api, id, '?results=0');
  assert.deepEqual([job.status, job.success_items, job.error_items], ['completed', ITEMS, 0]);
  const [row] = await s.sqlite(`SELECT count(*) AS n, sum(status = 'ok') AS ok, count(DISTINCT result_no) AS results FROM job_items WHERE job_id = '${id}'`);
  assert.deepEqual(row, { n: ITEMS, ok: ITEMS, results: ITEMS });
  assert.deepEqual(await s.sqlite('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
  t.diagnostic(`note: ${KILLS} workers killed, ${withItem.length} of ${ITEMS} answers arrived, ${answers.flat().length - withItem.length} others`);
});
