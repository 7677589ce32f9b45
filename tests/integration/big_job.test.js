// A job of 100,000 items: it completes, and a status poll costs what it costs for a job of 10.
import assert from 'node:assert/strict';
import { checkLater, getJob, names, startNoop, waitCompleted } from '../lib/jobs.js';
import { SANITIZED, serverTest } from '../lib/server.js';

const ITEMS = SANITIZED ? 10000 : 100000;
const FACTOR = 3;
const SLACK_MS = 2;

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function timed(work) {
  const from = process.hrtime.bigint();
  const value = await work();
  return { value, ms: Number(process.hrtime.bigint() - from) / 1e6 };
}

serverTest('100,000 items complete, and a poll takes as long as for 10', { seconds: 280 }, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  const small = await startNoop(clients[0], 10);
  await waitCompleted(clients[0], small);
  const r = await clients[1].post('/api/jobs', { operation: 'noop', files: names(ITEMS, 'a string to work on, number') });
  assert.equal(r.status, 201, r.text.slice(0, 300));
  const big = r.json.job_id;
  assert.equal(r.json.total_items, ITEMS);
  const times = { small: [], big: [] };
  let last = r.json;
  // Both jobs are asked in turn under the same load, so that only the size of the job differs.
  for (let i = 0; last.status !== 'completed'; i++) {
    const client = clients[i % 2];
    times.small.push((await timed(() => getJob(client, small, '?results=0'))).ms);
    const poll = await timed(() => getJob(client, big, '?results=0'));
    times.big.push(poll.ms);
    checkLater(last, poll.value);
    assert.ok(!['failed', 'cancelled'].includes(poll.value.status), poll.value.error);
    last = poll.value;
  }
  assert.equal(last.success_items, ITEMS);
  assert.ok(times.big.length >= 50, `${times.big.length} polls during the job`);
  const [fast, slow] = [median(times.small), median(times.big)];
  assert.ok(slow <= fast * FACTOR + SLACK_MS, `median ${slow.toFixed(2)} ms, ${fast.toFixed(2)} ms for 10 items`);
  await checkPaging(clients[0], big);
  assert.deepEqual(await s.sqlite(`SELECT count(*) AS n FROM job_items WHERE job_id = '${big}' AND status = 'ok'`), [{ n: ITEMS }]);
});

async function checkPaging(client, id) {
  const r = await client.get(`/api/jobs/${id}`);
  assert.equal(r.json.results.length, 1000, 'the default page');
  assert.equal(r.json.results_total, ITEMS);
  assert.ok(r.text.length < 1000000, `${r.text.length} bytes`);
  const seen = new Set();
  for (let after = '', pages = 0; pages <= 100; pages++) {
    const page = (await client.get(`/api/jobs/${id}/results?limit=1000${after}`)).json;
    for (const x of page.results) seen.add(x.item);
    if (page.next === null) break;
    after = `&after=${page.next}`;
  }
  assert.equal(seen.size, ITEMS, 'every result once');
}

serverTest('a small job is not stuck behind a big one', {}, async (s) => {
  const big = await startNoop(s.workerClient(0), 20000, 50);
  await waitCompleted(s.api, await startNoop(s.workerClient(1), 10, 50), 30);
  assert.equal((await getJob(s.api, big, '?results=0')).status, 'processing');
});
