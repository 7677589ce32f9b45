// Batches that a client drives: the checklist of the batch page that never finished, and what each answer promises.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { checkAnswer, drive, getBatch, makeBatch, processNext } from '../lib/batches.js';
import { getJob, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { sleep, until } from '../lib/until.js';

const both = (s) => [s.workerClient(0, 20), s.workerClient(1, 20)];
const UNKNOWN = '00000000-0000-7000-8000-000000000000';

async function patch(client, path, body, status = 200) {
  const r = await client.call('PATCH', path, body);
  assert.equal(r.status, status, r.text);
  return r.json;
}

for (const n of [1, 3, 10]) {
  serverTest(`a batch of ${n} shows every step and completes with the answer to its last item`, {}, async (s) => {
    const clients = [s.api, ...both(s)];
    const id = await makeBatch(s.api, n);
    await sleep(300); // no pool takes it by itself
    const before = await getBatch(s.api, id);
    assert.equal(before.status, 'queued');
    assert.equal(before.drive, 'client');
    assert.equal(before.progress.completed, 0);
    assert.deepEqual((await s.api.get('/api/active-job')).json, { job_id: id, job_title: 'A batch' });
    for (let k = 1; k <= n; k++) {
      const a = await processNext(clients[k % 3], id);
      assert.equal(a.status, k === n ? 'job_completed' : 'processed');
      assert.equal(a.success, true);
      assert.equal(a.itemId, String(k));
      assert.equal(a.remainingItems, n - k);
      assert.equal(a.progress.completed, k);
      for (const client of clients) { // wherever it is asked, the status is not behind the answer
        const now = await getBatch(client, id, '/status');
        assert.equal(now.status, k === n ? 'completed' : 'processing');
        assert.equal(now.progress.completed, k);
        assert.deepEqual(now.items.map((i) => i.status), [...Array(k).fill('completed'), ...Array(n - k).fill('queued')]);
      }
    }
    assert.equal((await s.api.get('/api/active-job')).json.job_id, null);
    const after = await processNext(s.api, id);
    assert.deepEqual([after.status, after.itemId, after.success], ['job_completed', null, null]);
    const job = await getJob(s.api, id);
    assert.equal(job.status, 'completed');
    assert.equal(job.drive, 'client');
    assert.equal(job.results.length, n);
  });
}

serverTest('a slow last item holds its answer, and nothing falls back meanwhile', {}, async (s) => {
  const id = await makeBatch(s.api, 2, 1500);
  assert.equal((await processNext(s.api, id)).status, 'processed');
  let answer;
  const last = processNext(s.api, id).then((a) => { answer = a; });
  let looks = 0;
  while (!answer) {
    const now = await getBatch(s.workerClient(looks % 2), id);
    if (!answer) assert.ok(now.progress.completed >= 1, 'the bar never falls');
    looks++;
    await sleep(20);
  }
  await last;
  assert.ok(looks > 1);
  assert.equal(answer.status, 'job_completed');
  assert.equal((await getBatch(s.api, id)).status, 'completed');
});

serverTest('failed items count as failed, say why, and the batch goes on', {}, async (s) => {
  const id = await makeBatch(s.api, 4, 0, { options: { fail_every: 2 } });
  const answers = await drive(s.api, id);
  assert.deepEqual(answers.map((a) => [a.status, a.success]),
    [['processed', true], ['processed', false], ['processed', true], ['job_completed', false]]);
  assert.equal(answers[3].error, 'item failed as asked');
  assert.deepEqual(answers[3].progress, { total: 4, completed: 4, successful: 2, failed: 2, percentage: 100 });
  const now = await getBatch(s.api, id);
  assert.deepEqual(now.items.map((i) => i.error), [null, 'item failed as asked', null, 'item failed as asked']);
});

serverTest('cancel in the middle answers waiting calls, and the status says so at once', {}, async (s) => {
  const [a, b] = both(s);
  const id = await makeBatch(s.api, 10, 30000);
  const waiting = [processNext(a, id), processNext(b, id), processNext(b, id)];
  await until('three items to run', 10, async () =>
    (await getBatch(s.api, id)).items.filter((i) => i.status === 'processing').length === 3);
  const r = await a.post(`/api/batch-jobs/${id}/cancel`);
  assert.deepEqual([r.status, r.json], [200, { success: true, status: 'cancelled' }]);
  assert.equal((await getBatch(b, id)).status, 'cancelled');
  for (const answer of await Promise.all(waiting)) {
    assert.equal(answer.status, 'job_cancelled');
    assert.equal(typeof answer.itemId, 'string');
  }
  assert.equal((await processNext(b, id)).status, 'job_cancelled');
  assert.equal((await b.post(`/api/batch-jobs/${id}/cancel`)).status, 200, 'asked twice is asked once');
  await until('the row to say so', 10, async () => (await getJob(a, id)).status === 'cancelled');
});

serverTest('several callers on both workers each get another item, and one answer ends the job', {}, async (s) => {
  const [a, b] = both(s);
  const id = await makeBatch(s.api, 300);
  const all = (await Promise.all(Array.from({ length: 16 }, (_, i) => drive(i % 2 ? a : b, id)))).flat();
  const withItem = all.filter((x) => x.itemId !== null);
  assert.equal(new Set(withItem.map((x) => x.itemId)).size, 300);
  assert.equal(withItem.length, 300);
  assert.equal(withItem.filter((x) => x.status === 'job_completed').length, 1);
  const counts = withItem.map((x) => x.progress.completed).sort((x, y) => x - y);
  assert.deepEqual(counts, Array.from({ length: 300 }, (_, i) => i + 1), 'every k of n is told once');
});

serverTest('a caller that goes away loses nothing', {}, async (s) => {
  const id = await makeBatch(s.api, 2, 1500);
  const gone = s.workerClient(0);
  const call = processNext(gone, id).catch(() => 'gone');
  await until('its item to run', 10, async () => (await getBatch(s.api, id)).items[0].status === 'processing');
  gone.close();
  assert.equal(await call, 'gone');
  await until('its item to count', 10, async () => (await getBatch(s.api, id)).progress.completed === 1);
  const a = await processNext(s.api, id);
  assert.deepEqual([a.status, a.itemId], ['job_completed', '2']);
});

serverTest('a call that waits too long says where to ask, and for the last items of others that there are none', { set: { answer_wait_ms: 500 } }, async (s) => {
  const [a, b] = both(s);
  const id = await makeBatch(s.api, 1, 4000);
  const started = Date.now();
  const first = a.post(`/api/batch-jobs/${id}/process-next`);
  await until('it to run', 10, async () => (await getBatch(s.api, id)).items[0].status === 'processing');
  const other = await processNext(b, id);
  assert.deepEqual([other.status, other.remainingItems], ['no_items', 1]);
  const r = await first;
  assert.ok(Date.now() - started >= 500);
  assert.equal(r.status, 202);
  checkAnswer(r.json);
  assert.deepEqual([r.json.status, r.json.itemId, r.json.success], ['processing', '1', null]);
  assert.equal(r.headers.location, `/api/batch-jobs/${id}/items/1`);
  assert.equal(r.json.location, r.headers.location);
  const item = await until('the item to end', 10, async () => {
    const i = (await b.get(r.headers.location)).json;
    return i.status === 'completed' && i;
  });
  assert.deepEqual(item, { id: '1', position: 1, status: 'completed', error: null, path: 'item 1', jobId: id });
  assert.equal((await processNext(b, id)).status, 'job_completed');
});

serverTest('who waits for the last items of others gets the end, or the item that comes back', {}, async (s) => {
  const [a, b] = both(s);
  const id = await makeBatch(s.api, 1, 3000);
  const first = processNext(a, id);
  await until('it to run', 10, async () => (await getBatch(s.api, id)).items[0].status === 'processing');
  const other = await processNext(b, id);
  assert.deepEqual([other.status, other.itemId], ['job_completed', null]);
  assert.equal((await first).itemId, '1');
  const again = await makeBatch(s.api, 1, 3000);
  const lost = processNext(a, again).catch(() => 'lost');
  await until('it to run', 10, async () => (await getBatch(s.api, again)).items[0].status === 'processing');
  const waiting = processNext(b, again);
  process.kill(s.workers()[0].pid, 'SIGKILL');
  const got = await waiting;
  assert.deepEqual([got.status, got.itemId, got.success], ['job_completed', '1', true]);
  assert.equal(await lost, 'lost');
});

serverTest('an item that waits for a book of another job is not said to be missing', { books: 2, set: { answer_wait_ms: 600 } }, async (s) => {
  const book = s.books[0];
  const r = await s.api.post('/api/batch-jobs', { operation: 'normalize', items: [book] });
  assert.equal(r.status, 201, r.text);
  const shell = (sql) => execFileSync('sqlite3', ['-cmd', '.timeout 5000', `${s.state}/jobs.db`, sql]);
  shell(`INSERT INTO leased_paths VALUES ('${book}', 'other', 1)`); // somebody else works on that book
  const wait = await s.api.post(`/api/batch-jobs/${r.json.id}/process-next`);
  assert.deepEqual([wait.status, wait.json.status, wait.json.remainingItems], [202, 'waiting', 1]);
  shell("DELETE FROM leased_paths WHERE job_id = 'other'");
  assert.equal((await processNext(s.api, r.json.id)).status, 'job_completed');
});

serverTest('paused and server-driven jobs say so, and drive can be handed over at any time', {}, async (s) => {
  const [a, b] = both(s);
  const id = await makeBatch(s.api, 400, 60);
  await processNext(a, id);
  assert.equal((await a.post(`/api/jobs/${id}/pause`)).status, 200);
  const paused = await a.post(`/api/batch-jobs/${id}/process-next`);
  assert.deepEqual([paused.status, paused.json.code, paused.json.field], [409, 'conflict', 'paused']);
  assert.equal((await a.post(`/api/jobs/${id}/resume`)).status, 200);
  await processNext(b, id);
  const handed = await patch(b, `/api/batch-jobs/${id}`, { drive: 'server' });
  assert.deepEqual([handed.drive, handed.jobId], ['server', id]);
  const refused = await a.post(`/api/batch-jobs/${id}/process-next`);
  assert.deepEqual([refused.status, refused.json.code, refused.json.field], [409, 'conflict', 'drive']);
  await until('the pools to work', 10, async () => (await getBatch(s.api, id)).progress.completed > 10);
  const back = await patch(a, `/api/jobs/${id}`, { drive: 'client' });
  assert.equal(back.drive, 'client');
  const still = await until('what ran to end', 10, async () => {
    const now = await getBatch(s.api, id);
    return now.items.every((i) => i.status !== 'processing') && now;
  });
  assert.ok(still.progress.completed < 400);
  await sleep(300);
  assert.equal((await getBatch(s.api, id)).progress.completed, still.progress.completed, 'no pool takes more');
  const next = await processNext(b, id);
  assert.equal(next.progress.completed, still.progress.completed + 1);
  await patch(a, `/api/jobs/${id}`, { drive: 'server' });
  await waitCompleted(s.api, id);
  assert.deepEqual((await patch(a, `/api/batch-jobs/${id}`, { drive: 'client' }, 409)).code, 'conflict');
});

serverTest('a pause lets what runs end and tells those who wait', { workers: 1, threads: 1 }, async (s) => {
  const c = s.workerClient(0, 10);
  const id = await makeBatch(s.api, 10, 3000);
  const calls = Array.from({ length: 4 }, () => c.post(`/api/batch-jobs/${id}/process-next`));
  await until('one item to run', 10, async () => (await getBatch(s.api, id)).items.some((i) => i.status === 'processing'));
  assert.equal((await s.api.post(`/api/jobs/${id}/pause`)).status, 200);
  const answers = await Promise.all(calls);
  assert.deepEqual(answers.map((r) => r.status).sort(), [200, 409, 409, 409]);
  assert.equal(answers.find((r) => r.status === 200).json.status, 'processed');
  assert.ok(answers.filter((r) => r.status === 409).every((r) => r.json.field === 'paused'));
  assert.equal((await getBatch(s.api, id)).progress.completed, 1);
});

serverTest('a reload in the middle loses no answer', {}, async (s) => {
  const id = await makeBatch(s.api, 400, 20);
  const before = s.workers().map((w) => w.pid);
  let hup = false;
  const drivers = Array.from({ length: 8 }, () => drive(s.client(), id, (a) => {
    if (!hup && a.progress.completed > 40) {
      hup = true;
      process.kill(s.pid, 'SIGHUP');
    }
  }));
  const all = (await Promise.all(drivers)).flat().filter((a) => a.itemId !== null);
  assert.deepEqual(all.map((a) => a.progress.completed).sort((x, y) => x - y), Array.from({ length: 400 }, (_, i) => i + 1));
  assert.equal(all.filter((a) => a.status === 'job_completed').length, 1);
  await until('other workers', 20, () => s.workers().length === 2 && s.workers().every((w) => !before.includes(w.pid)));
  assert.equal((await s.sqlite(`SELECT max(attempts) AS n FROM job_items WHERE job_id = '${id}'`))[0].n, 1, 'nothing ran twice');
});

serverTest('a server-driven batch runs by itself, and waiting callers hear of a hand-over', {}, async (s) => {
  const [a, b] = both(s);
  const own = await makeBatch(s.api, 3, 0, { drive: 'server' });
  await waitCompleted(s.api, own);
  const id = await makeBatch(s.api, 1, 3000);
  const first = processNext(a, id);
  await until('it to run', 10, async () => (await getBatch(s.api, id)).items[0].status === 'processing');
  const waiting = b.post(`/api/batch-jobs/${id}/process-next`);
  await sleep(100);
  await patch(b, `/api/batch-jobs/${id}`, { drive: 'server' });
  assert.equal((await waiting).status, 409);
  assert.deepEqual([(await first).status, (await first).itemId], ['job_completed', '1']);
});

serverTest('what is wrong is said, and nothing is made', {}, async (s) => {
  const bad = [
    [{}, 'operation'], [{ operation: 'nothing' }, 'operation'], [{ operation: 'noop' }, 'items'],
    [{ operation: 'noop', items: [] }, 'items'], [{ operation: 'noop', items: 'x' }, 'items'],
    [{ operation: 'noop', items: [1] }, 'items'], [{ operation: 'noop', items: ['a'], drive: 'me' }, 'drive'],
    [{ operation: 'noop', items: ['a'], name: '' }, 'name'], [{ operation: 'noop', items: ['a'], options: 3 }, 'options'],
    [{ operation: 'noop', items: ['a'], files: ['a'] }, 'files'], [{ operation: 'normalize', items: ['../x'] }, null],
  ];
  for (const [body, field] of bad) {
    const r = await s.api.post('/api/batch-jobs', body);
    assert.ok(r.status === 400 || r.status === 422, `${JSON.stringify(body)}: ${r.status}`);
    if (field) assert.equal(r.json.field, field, JSON.stringify(body));
  }
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, 0);
  for (const [method, path] of [['GET', ''], ['GET', '/status'], ['POST', '/process-next'], ['POST', '/cancel'], ['GET', '/items/1']]) {
    assert.equal((await s.api.call(method, `/api/batch-jobs/${UNKNOWN}${path}`)).status, 404, path);
    assert.equal((await s.api.call(method, `/api/batch-jobs/x${path}`)).status, 404, path);
  }
  const id = await makeBatch(s.api, 2);
  for (const item of ['0', '3', 'x', '1e3', '99999999999999999999']) {
    assert.equal((await s.api.get(`/api/batch-jobs/${id}/items/${item}`)).status, 404, item);
  }
  await drive(s.api, id);
  assert.equal((await s.api.post(`/api/batch-jobs/${id}/cancel`)).status, 409);
  assert.equal((await s.api.del(`/api/jobs/${id}`)).status, 200);
  assert.equal((await s.api.post(`/api/batch-jobs/${id}/process-next`)).status, 404);
});

serverTest('the same key gives the same batch', {}, async (s) => {
  const body = { operation: 'noop', items: ['a', 'b'], drive: 'client' };
  const first = await s.api.post('/api/batch-jobs', body, { 'idempotency-key': 'k1' });
  const second = await s.api.post('/api/batch-jobs', body, { 'idempotency-key': 'k1' });
  assert.deepEqual([first.status, second.status], [201, 200]);
  assert.equal(first.json.id, second.json.id);
  assert.equal(first.headers.location, `/api/batch-jobs/${first.json.id}`);
});
