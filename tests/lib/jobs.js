// Jobs as tests need them: slow ones, waiting for the end, and what must hold for every answer.
import assert from 'node:assert/strict';
import { isEnded } from './sse.js';
import { sleep, until } from './until.js';

export { isEnded };
export const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const names = (n, prefix = 'item') => Array.from({ length: n }, (_, i) => `${prefix} ${i + 1}`);

// Starts a job of n items that do nothing for `ms` each. Gives its id.
export async function startNoop(client, n, ms = 0, more = {}) {
  const options = ms ? { ms } : {};
  const r = await client.post('/api/jobs', { operation: 'noop', files: names(n), options, ...more });
  assert.equal(r.status, 201, r.text.slice(0, 500));
  return r.json.job_id;
}

// Starts one of the nine, as "process-all"; gives {job_id, total_items}.
export async function startJob(client, what, body) {
  const r = await client.post(`/api/jobs/${what}`, body);
  assert.equal(r.status, 200, r.text.slice(0, 500));
  assert.match(r.json.job_id, UUID7);
  return r.json;
}

export async function getJob(client, id, query = '') {
  const r = await client.get(`/api/jobs/${id}${query}`);
  assert.equal(r.status, 200, r.text.slice(0, 500));
  checkJob(r.json);
  return r.json;
}

export function waitStatus(client, id, status, seconds = 30) {
  return until(`job ${id} to be ${status}`, seconds, async () => {
    const job = await getJob(client, id);
    if (job.status === status) return job;
    assert.ok(!isEnded(job.status), `job ${id} is ${job.status}: ${job.error}`);
    return null;
  });
}

export const waitCompleted = (client, id, seconds) => waitStatus(client, id, 'completed', seconds);

// What holds for every job object, whoever gives it (DESIGN.md section 2).
export function checkJob(job) {
  assert.equal(job.processed_items, job.success_items + job.error_items, 'processed = success + errors');
  assert.ok(job.processed_items <= job.total_items, `${job.processed_items} of ${job.total_items}`);
  const whole = job.processed_items === job.total_items;
  assert.ok(!(job.status === 'processing' && whole), `processing with ${job.processed_items} of ${job.total_items}`);
  if (job.status === 'completed') assert.ok(whole, `completed with ${job.processed_items} of ${job.total_items}`);
}

// Checks that a later answer about a job does not contradict an earlier one.
export function checkLater(earlier, later) {
  for (const key of ['version', 'processed_items', 'success_items', 'error_items', 'cancelled_items']) {
    assert.ok(later[key] >= earlier[key], `${key} went from ${earlier[key]} to ${later[key]}`);
  }
  if (isEnded(earlier.status)) assert.equal(later.status, earlier.status, 'a terminal status is final');
}

// Asks for the job again and again, through each client in turn, and checks every answer. Gives all answers.
export async function followJob(clients, id, { seconds = 60, pauseMs = 0, query = '?results=0' } = {}) {
  const answers = [];
  const end = Date.now() + seconds * 1000;
  for (let i = 0; ; i++) {
    const job = await getJob(clients[i % clients.length], id, query);
    if (answers.length) checkLater(answers[answers.length - 1], job);
    answers.push(job);
    if (isEnded(job.status)) return answers;
    assert.ok(Date.now() < end, `job ${id} has not ended in ${seconds} s: ${job.status} ${job.processed_items} of ${job.total_items}`);
    if (pauseMs) await sleep(pauseMs);
  }
}

export async function activeJob(client) {
  const r = await client.get('/api/active-job');
  assert.equal(r.status, 200, r.text);
  return r.json;
}
