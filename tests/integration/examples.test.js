// docs/examples: each program that drives a batch, against a server that answers as the test says, and against the real one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { getBatch, makeBatch } from '../lib/batches.js';
import { pageTest } from '../lib/browser.js';
import { getJob } from '../lib/jobs.js';
import { ROOT, serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const EXAMPLES = path.join(ROOT, 'docs/examples');
const PROGRAMS = ['drive-batch.sh', 'longbox_batch.py', 'longbox-batch.mjs'];
const ID = '01a20000-0000-7000-8000-000000000001';

// Runs a program; `said` grows while it runs.
function start(program, args, env = {}) {
  const child = spawn(path.join(EXAMPLES, program), args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const run = { child, said: '', errors: '' };
  child.stdout.on('data', (text) => { run.said += text; });
  child.stderr.on('data', (text) => { run.errors += text; });
  run.exit = new Promise((done) => { child.on('close', done); });
  run.lines = () => run.said.trim().split('\n').filter(Boolean);
  return run;
}

const steps = (run) => run.lines().filter((line) => / of /.test(line));

// A server that gives these answers, one for each request: {status, headers, json, text} or 'cut'.
async function scripted(t, answers) {
  const requests = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (part) => { body += part; });
    req.on('end', () => {
      requests.push({ at: Date.now(), method: req.method, url: req.url, headers: req.headers, body: body ? JSON.parse(body) : null });
      const answer = answers[Math.min(requests.length, answers.length) - 1];
      if (answer === 'cut') return req.socket.destroy();
      res.writeHead(answer.status ?? 200, { 'Content-Type': answer.text ? 'text/html' : 'application/json', ...answer.headers });
      return res.end(answer.text ?? JSON.stringify(answer.json));
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/comics`, requests };
}

const progress = (completed, total, failed = 0) => ({ total, completed, successful: completed - failed, failed, percentage: (100 * completed) / total });
const answer = (status, k, n, failed = 0) => ({ json: { success: status === 'processed', itemId: ['no_items', 'job_cancelled'].includes(status) ? null : String(k), status, remainingItems: n - k, progress: progress(k, n, failed) } });

for (const program of PROGRAMS) {
  test(`${program}: lost answers, 503 with Retry-After, a proxy's 502, 202 and no_items are waited out`, { timeout: 60000 }, async (t) => {
    const s = await scripted(t, [
      answer('processed', 1, 5),
      'cut', // item 2 has run, and its answer was lost
      { status: 503, headers: { 'Retry-After': '2' }, json: { error: 'too much waits already', code: 'busy' } },
      { status: 502, text: '<h1>Bad Gateway</h1>' },
      answer('processed', 3, 5),
      { status: 202, json: { ...answer('processing', 3, 5).json, success: null, itemId: '4' } },
      { json: { id: '4', position: 4, status: 'processing', error: null, path: 'd', jobId: ID } },
      { json: { id: '4', position: 4, status: 'completed', error: null, path: 'd', jobId: ID } },
      answer('no_items', 4, 5),
      answer('job_completed', 5, 5, 1),
    ]);
    const run = start(program, [s.url, ID]);
    assert.equal(await run.exit, 1, run.errors);
    assert.deepEqual(steps(run).filter((line, i, all) => line !== all[i - 1]), ['1 of 5', '3 of 5', '4 of 5', '5 of 5']);
    assert.match(run.said, /completed, 1 failed/);
    const next = ['POST', `/comics/api/batch-jobs/${ID}/process-next`];
    const item = ['GET', `/comics/api/batch-jobs/${ID}/items/4`];
    assert.deepEqual(s.requests.map((r) => [r.method, r.url]), [next, next, next, next, next, next, item, item, next, next]);
    assert.ok(s.requests[3].at - s.requests[2].at >= 2000, 'Retry-After is kept');
    assert.ok(s.requests[9].at - s.requests[8].at >= 900, 'no_items is no reason to hurry');
  });

  test(`${program}: making a batch again after a lost answer makes no second one, and odd names arrive whole`, { timeout: 60000 }, async (t) => {
    const items = ['a "quoted" name', 'back\\slash', 'Ünïcode $(id) `x` \'y\''];
    const s = await scripted(t, ['cut', { status: 201, json: { id: ID, jobId: ID, status: 'queued', totalItems: 3 } }, answer('job_completed', 3, 3)]);
    const run = start(program, [s.url, 'new', 'noop', ...items]);
    assert.equal(await run.exit, 0, run.errors);
    assert.equal(run.lines()[0], ID);
    const [first, second] = s.requests;
    assert.equal(second.url, '/comics/api/batch-jobs');
    assert.ok(first.headers['idempotency-key'].length >= 16);
    assert.equal(second.headers['idempotency-key'], first.headers['idempotency-key']);
    assert.deepEqual(second.body.items, items);
    assert.deepEqual([second.body.operation, second.body.drive], ['noop', 'client']);
  });

  test(`${program}: paused or handed over (409), it waits and goes on; ended meanwhile, it says how`, { timeout: 60000 }, async (t) => {
    const refusal = { status: 409, json: { error: 'the server drives this batch', code: 'conflict' } };
    const state = (status, k) => ({ json: { jobId: ID, name: 'x', status, progress: progress(k, 3), items: [{ id: 1, position: 1, status: 'queued', error: null }] } });
    const s = await scripted(t, [refusal, state('processing', 1), refusal, state('completed', 3)]);
    const run = start(program, [s.url, ID]);
    assert.equal(await run.exit, 0, run.errors);
    assert.deepEqual(s.requests.map((r) => r.method), ['POST', 'GET', 'POST', 'GET']);
  });

  test(`${program}: the exit status says cancelled, unknown, refused, unreachable, wrong usage`, { timeout: 90000 }, async (t) => {
    const code = async (answers, args, env) => {
      const s = await scripted(t, answers);
      const run = start(program, args ?? [s.url, ID], env);
      return [await run.exit, run.errors];
    };
    const [cancelled, why] = await code([answer('job_cancelled', 1, 3)]);
    assert.equal(cancelled, 3);
    assert.match(why, /cancelled/);
    const [unknown, text] = await code([{ status: 404, json: { error: 'Job not found', code: 'not_found' } }]);
    assert.equal(unknown, 2);
    assert.match(text, /Job not found/);
    assert.equal((await code([{ status: 403, json: { error: 'no', code: 'origin_not_allowed' } }]))[0], 3);
    assert.equal((await code(['cut'], undefined, { PATIENCE: '2' }))[0], 4);
    assert.equal((await code([], ['http://127.0.0.1:1']))[0], 2);
  });
}

// What ran: every item once, and the batch agrees.
async function assertOnce(s, id, n, failed = 0) {
  const batch = await getBatch(s.api, id);
  assert.equal(batch.status, 'completed');
  assert.deepEqual([batch.progress.completed, batch.progress.failed], [n, failed]);
  const [row] = await s.sqlite(`SELECT count(*) AS n, count(DISTINCT seq) AS items FROM job_items WHERE job_id = '${id}' AND finished_at IS NOT NULL`);
  assert.deepEqual(row, { n, items: n });
}

for (const program of PROGRAMS) {
  serverTest(`${program}: makes a batch of books and drives it to its end`, { books: 3, set: { base_path: '/comics' } }, async (s) => {
    const run = start(program, [`${s.url}/comics/`, 'new', 'process', ...s.books]);
    assert.equal(await run.exit, 0, run.errors);
    assert.deepEqual(steps(run), ['1 of 3', '2 of 3', '3 of 3']);
    await assertOnce(s, run.lines()[0], 3);
    const again = start(program, [s.url, run.lines()[0]]);
    assert.equal(await again.exit, 0, 'a batch that has ended is no trouble');
  });

  serverTest(`${program}: failed items make exit status 1, a cancel 3`, {}, async (s) => {
    const id = await makeBatch(s.api, 5, 0, { options: { fail_every: 5 } });
    const run = start(program, [s.url, id]);
    assert.equal(await run.exit, 1, run.errors);
    await assertOnce(s, id, 5, 1);
    const long = await makeBatch(s.api, 50, 200);
    const stopped = start(program, [s.url, long]);
    await until('a step', 10, () => steps(stopped).length > 0);
    assert.equal((await s.api.post(`/api/batch-jobs/${long}/cancel`)).status, 200);
    assert.equal(await stopped.exit, 3);
    assert.match(stopped.errors, /cancelled/);
  });

  serverTest(`${program}: killed in the middle and started again, nothing is lost and nothing runs twice`, {}, async (s) => {
    const id = await makeBatch(s.api, 12, 150);
    const first = start(program, [s.url, id]);
    await until('two steps', 10, () => steps(first).length >= 2);
    first.child.kill('SIGKILL');
    await first.exit;
    const second = start(program, [s.url, id]);
    assert.equal(await second.exit, 0, second.errors);
    await assertOnce(s, id, 12);
    const [{ runs }] = await s.sqlite(`SELECT sum(attempts) AS runs FROM job_items WHERE job_id = '${id}'`);
    assert.equal(runs, 12);
  });

  serverTest(`${program}: goes on over killed workers, a restarted server, and a hand-over`, {}, async (s) => {
    const id = await makeBatch(s.api, 20, 200);
    const run = start(program, [s.url, id]);
    await until('two steps', 10, () => steps(run).length >= 2);
    for (const w of s.workers()) process.kill(w.pid, 'SIGKILL');
    await until('more steps', 30, () => steps(run).length >= 5);
    await s.kill();
    await s.start();
    await until('more steps', 30, () => steps(run).length >= 8);
    assert.equal((await s.api.call('PATCH', `/api/batch-jobs/${id}`, { drive: 'server' })).status, 200);
    assert.equal(await run.exit, 0, run.errors);
    await assertOnce(s, id, 20);
  });
}

serverTest('all programs drive one batch together: each item is run once, and all of them see the end', {}, async (s) => {
  const id = await makeBatch(s.api, 60, 60);
  const runs = PROGRAMS.map((program) => start(program, [s.url, id]));
  for (const run of runs) assert.equal(await run.exit, 0, run.errors);
  await assertOnce(s, id, 60);
  const [{ n }] = await s.sqlite(`SELECT sum(attempts) AS n FROM job_items WHERE job_id = '${id}'`);
  assert.equal(n, 60);
  for (const run of runs) assert.ok(steps(run).length > 1, `all had a part: ${run.said}`);
});

pageTest('longbox-batch.mjs drives a batch from a page', {}, async (s, b) => {
  const page = await b.open(s.url);
  const file = fs.readFileSync(path.join(EXAMPLES, 'longbox-batch.mjs'), 'utf8');
  await page.route('**/static/example.mjs', (route) => route.fulfill({ contentType: 'text/javascript', body: file }));
  const seen = await page.evaluate(async () => {
    const { makeBatch: make, driveBatch, lookAtBatch } = await import('/static/example.mjs');
    const batch = await make(location.origin, 'noop', ['a', 'b', 'c']);
    const steps = [];
    for await (const step of driveBatch(batch)) steps.push([step.progress.completed, step.status]);
    return { id: batch.id, steps, end: (await lookAtBatch(batch)).status };
  });
  assert.deepEqual(seen.steps, [[1, 'processed'], [2, 'processed'], [3, 'job_completed']]);
  assert.equal(seen.end, 'completed');
  assert.equal((await getJob(s.api, seen.id)).status, 'completed');
});
