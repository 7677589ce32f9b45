// Batches as tests drive them: one call for each item, and what must hold for every answer.
import assert from 'node:assert/strict';
import { names } from './jobs.js';
import { sleep } from './until.js';

// Makes a batch of n items that do nothing for `ms` each. Gives its id.
export async function makeBatch(client, n, ms = 0, more = {}) {
  const options = { ...(ms ? { ms } : {}), ...more.options };
  const r = await client.post('/api/batch-jobs', { name: 'A batch', operation: 'noop', items: names(n), ...more, options });
  assert.equal(r.status, 201, r.text.slice(0, 500));
  assert.deepEqual(r.json, { id: r.json.id, jobId: r.json.id, status: 'queued', totalItems: n });
  return r.json.id;
}

export async function getBatch(client, id, query = '') {
  const r = await client.get(`/api/batch-jobs/${id}${query}`);
  assert.equal(r.status, 200, r.text.slice(0, 500));
  assert.equal(r.headers['cache-control'], 'no-store');
  checkProgress(r.json.progress);
  if (r.json.status === 'completed') assert.equal(r.json.progress.percentage, 100);
  if (r.json.status === 'processing') assert.ok(r.json.progress.completed < r.json.progress.total);
  return r.json;
}

export function checkProgress(p) {
  assert.deepEqual(Object.keys(p), ['total', 'completed', 'successful', 'failed', 'percentage']);
  assert.equal(p.completed, p.successful + p.failed);
  assert.ok(p.completed <= p.total);
  assert.equal(p.percentage, Math.round((10000 * p.completed) / p.total) / 100);
}

// What holds for every answer of process-next, whoever gives it.
export function checkAnswer(a) {
  checkProgress(a.progress);
  assert.ok(['processed', 'job_completed', 'job_cancelled', 'no_items', 'processing', 'waiting'].includes(a.status), a.status);
  if (a.status === 'job_completed') {
    assert.equal(a.remainingItems, 0);
    assert.equal(a.progress.percentage, 100);
  }
  if (a.status === 'processed') {
    assert.ok(a.remainingItems > 0, 'the last item is never only "processed"');
    assert.equal(typeof a.success, 'boolean');
    assert.equal(typeof a.itemId, 'string');
  }
  if (['no_items', 'waiting'].includes(a.status)) assert.equal(a.itemId, null);
}

export async function processNext(client, id, status = 200) {
  const r = await client.post(`/api/batch-jobs/${id}/process-next`);
  assert.equal(r.status, status, r.text.slice(0, 500));
  if (status < 300) checkAnswer(r.json);
  return r.json;
}

// Drives until the job has ended, as a client does that survives a dying server. Gives the answers.
export async function drive(client, id, seen = () => {}) {
  const answers = [];
  for (;;) {
    let r;
    try {
      r = await client.post(`/api/batch-jobs/${id}/process-next`);
    } catch {
      r = { status: 502 }; // the connection went with its worker
    }
    if (r.status === 502 || r.status === 503) {
      await sleep(20);
      continue;
    }
    assert.ok(r.status === 200 || r.status === 202, `${r.status} ${r.text}`);
    checkAnswer(r.json);
    answers.push(r.json);
    await seen(r.json, r.worker);
    if (['job_completed', 'job_cancelled'].includes(r.json.status)) return answers;
  }
}
