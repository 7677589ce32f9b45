// 2,000 status polls of a running job, spread over both workers.
import assert from 'node:assert/strict';
import { checkJob, checkLater, startNoop, waitCompleted } from '../lib/jobs.js';
import { makeBooks } from '../lib/books.js';
import { serverTest } from '../lib/server.js';
import { startJob } from '../lib/jobs.js';

const POLLS = 2000;

// One poll after the other, worker by worker, so that each must be at least as new as the one before.
async function pollRunning(s, id) {
  const clients = [s.workerClient(0), s.workerClient(1)];
  const seen = { answers: 0, running: 0, steps: new Set() };
  for (let last = null; ; seen.answers++) {
    const slot = seen.answers % 2;
    const r = await clients[slot].get(`/api/jobs/${id}?results=10`);
    assert.equal(r.status, 200, `poll ${seen.answers} on worker ${slot}: ${r.text.slice(0, 200)}`);
    assert.equal(r.worker, slot);
    checkJob(r.json);
    if (last) checkLater(last, r.json);
    last = r.json;
    seen.steps.add(last.processed_items);
    if (last.status === 'processing') seen.running++;
    if (last.status === 'completed') return seen;
    assert.ok(['queued', 'processing'].includes(last.status), last.status);
  }
}

serverTest('2,000 polls of a running job: no 404, no count that falls, never "processing" with all done', {}, async (s) => {
  let total = 0;
  for (let n = 1500; total < POLLS; n *= 2) { // a slow machine polls less in the same time
    const seen = await pollRunning(s, await startNoop(s.workerClient(1), n, 15));
    assert.ok(seen.steps.size > 50, `${seen.steps.size} different counts`);
    total += seen.running;
  }
});

serverTest('2,000 polls through the front end, eight at a time, while books are processed', { books: (dir) => makeBooks(dir, 400) }, async (s) => {
  const { job_id: id } = await startJob(s.api, 'process-all');
  let answers = 0;
  const poll = async (client) => {
    let last = null;
    while (answers < POLLS || !last || last.status === 'processing') {
      const r = await client.get(`/api/jobs/${id}`);
      assert.equal(r.status, 200, r.text.slice(0, 200));
      checkJob(r.json);
      if (last) checkLater(last, r.json);
      last = r.json;
      answers++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, () => poll(s.client())));
  const job = await waitCompleted(s.api, id);
  assert.equal(job.success_items, 400);
});
