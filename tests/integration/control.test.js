// Pause, resume, retry, priorities and limits, on both workers at once.
import assert from 'node:assert/strict';
import { UUID7, checkJob, checkLater, getJob, names, startJob, startNoop, waitCompleted, waitStatus } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { sleep, until } from '../lib/until.js';

const THREADS = 8; // two workers of four
const UNKNOWN = '00000000-0000-7000-8000-000000000000';

const both = (s) => [s.workerClient(0), s.workerClient(1)];

async function post(client, path, status = 200, body = undefined) {
  const r = await client.post(path, body);
  assert.equal(r.status, status, `${path}: ${r.text}`);
  return r.json;
}

async function patch(client, id, body, status = 200) {
  const r = await client.call('PATCH', `/api/jobs/${id}`, body);
  assert.equal(r.status, status, `${JSON.stringify(body)}: ${r.text}`);
  return r.json;
}

const processed = (client, id, n) => until(`${n} items of ${id}`, 20, async () => {
  const job = await getJob(client, id, '?results=0');
  return job.processed_items >= n && job;
});

const leases = async (s, id) => (await s.sqlite(`SELECT count(*) AS n FROM job_items WHERE job_id = '${id}' AND status = 'leased'`))[0].n;
const jobEvents = (stream, id) => stream.events.map((f) => f.message).filter((m) => m.type === 'job_updated' && m.data.job_id === id).map((m) => m.data);

serverTest('pause stops the count within what runs, on both workers, and resume goes on', {}, async (s) => {
  const [a, b] = both(s);
  const stream = await s.stream({ slot: 1 });
  const id = await startNoop(a, 200, 100);
  await until('both workers to work', 10, async () =>
    (await s.sqlite(`SELECT count(DISTINCT lease_owner) AS n FROM job_items WHERE job_id = '${id}' AND status = 'leased'`))[0].n === 2);
  await processed(b, id, 5);
  const paused = await post(b, `/api/jobs/${id}/pause`);
  assert.equal(paused.paused, true);
  assert.equal(paused.status, 'processing');
  checkJob(paused);
  await until('nothing to run', 10, async () => await leases(s, id) === 0);
  const still = await getJob(a, id, '?results=0');
  assert.ok(still.processed_items - paused.processed_items <= THREADS, `${paused.processed_items}, then ${still.processed_items}`);
  await sleep(400); // four times an item's time
  const later = await getJob(b, id, '?results=0');
  assert.deepEqual({ ...later, rate: 0 }, { ...still, rate: 0 });
  assert.equal(later.eta_seconds, null);
  const again = await post(a, `/api/jobs/${id}/pause`);
  assert.equal(again.version, later.version, 'pausing twice changes nothing');
  assert.ok(await until('the event of the pause', 20, () => jobEvents(stream, id).find((d) => d.paused && d.version === paused.version)));
  const resumed = await post(a, `/api/jobs/${id}/resume`);
  assert.equal(resumed.paused, false);
  assert.equal(resumed.version, later.version + 1);
  const end = await waitCompleted(b, id);
  assert.equal(end.success_items, 200);
  const attempts = await s.sqlite(`SELECT max(attempts) AS n FROM job_items WHERE job_id = '${id}'`);
  assert.equal(attempts[0].n, 1, 'what went back was not an attempt');
});

serverTest('what was claimed ahead of a paused job goes back at once, as if it had never been', {}, async (s) => {
  const [a, b] = both(s);
  const fast = await startNoop(a, 4000); // from now on the workers take items for short, and claim many ahead
  await waitCompleted(b, fast);
  const id = await startNoop(a, 600, 2000); // longer than the word of the pause takes
  await until('more leases than threads', 10, async () => await leases(s, id) > 5 * THREADS);
  const paused = await post(b, `/api/jobs/${id}/pause`);
  await until('nothing to run', 20, async () => await leases(s, id) === 0);
  const still = await getJob(b, id, '?results=0');
  assert.ok(still.processed_items - paused.processed_items <= THREADS, `${still.processed_items - paused.processed_items} items ran on`);
  assert.equal((await s.sqlite(`SELECT max(attempts) AS n FROM job_items WHERE job_id = '${id}' AND status = 'queued'`))[0].n, 0);
  await post(b, `/api/jobs/${id}/cancel`);
  const end = await waitStatus(a, id, 'cancelled');
  assert.equal(end.processed_items, still.processed_items);
  assert.equal(end.paused, false);
});

serverTest('a paused job survives a restart of everything and stays paused', {}, async (s) => {
  const id = await startNoop(s.api, 300, 50);
  await processed(s.api, id, 5);
  await post(s.api, `/api/jobs/${id}/pause`);
  await s.kill();
  await s.start();
  await until('what ran to be given back', 10, async () => await leases(s, id) === 0);
  const before = await getJob(s.api, id, '?results=0');
  assert.equal(before.paused, true);
  await sleep(300);
  assert.equal((await getJob(s.api, id, '?results=0')).processed_items, before.processed_items);
  await post(s.api, `/api/jobs/${id}/resume`);
  assert.equal((await waitCompleted(s.api, id)).success_items, 300);
});

serverTest('all jobs are paused and resumed; a job made meanwhile runs; one may be made paused', {}, async (s) => {
  const [a, b] = both(s);
  const ended = await startNoop(a, 1);
  await waitCompleted(a, ended);
  const ids = [await startNoop(a, 200, 50), await startNoop(b, 200, 50)];
  const waits = await startNoop(a, 3, 0, { paused: true });
  assert.deepEqual(await post(b, '/api/jobs/pause'), { paused: 2 });
  for (const id of ids) assert.equal((await getJob(a, id)).paused, true);
  assert.deepEqual(await post(a, '/api/jobs/pause'), { paused: 0 });
  const fresh = await startNoop(b, 3);
  await waitCompleted(a, fresh);
  assert.equal((await getJob(b, waits)).status, 'queued');
  assert.deepEqual(await post(a, '/api/jobs/resume'), { resumed: 3 });
  for (const id of [...ids, waits]) assert.equal((await waitCompleted(b, id)).paused, false);
});

serverTest('what the state does not allow is refused with its reason', {}, async (s) => {
  const id = await startNoop(s.api, 4, 0, { options: { fail_every: 2 } });
  const running = await startNoop(s.api, 800, 100);
  assert.equal((await post(s.api, `/api/jobs/${running}/retry`, 409)).code, 'conflict');
  await waitCompleted(s.api, id);
  for (const what of ['pause', 'resume']) assert.equal((await post(s.api, `/api/jobs/${id}/${what}`, 409)).code, 'conflict');
  for (const what of ['pause', 'resume', 'retry']) {
    for (const wrong of [UNKNOWN, 'x']) assert.equal((await post(s.api, `/api/jobs/${wrong}/${what}`, 404)).error, 'Job not found');
  }
  await patch(s.api, UNKNOWN, { title: 'x' }, 404);
  await patch(s.api, id, { priority: 'low' }, 409);
  assert.equal((await patch(s.api, id, { title: 'Ended' })).title, 'Ended');
  for (const [body, field, status] of [
    [{ paused: true }, 'paused', 400], [{ priority: 'urgent' }, 'priority', 400], [{ priority: 1 }, 'priority', 400],
    [{ max_threads: '2' }, 'max_threads', 400], [{ max_threads: 0 }, 'max_threads', 422], [{ max_threads: 1025 }, 'max_threads', 422],
    [{ title: '' }, 'title', 422], [{ title: 'x'.repeat(201) }, 'title', 422],
  ]) {
    const error = await patch(s.api, running, body, status);
    assert.equal(error.field, field);
  }
  await patch(s.api, running, [], 400);
  const before = await getJob(s.api, running, '?results=0');
  const set = await patch(s.api, running, { title: 'New', max_threads: 1024, priority: 'low' });
  assert.deepEqual([set.title, set.max_threads, set.priority], ['New', 1024, 'low']);
  checkLater(before, set);
  assert.equal((await s.api.get('/api/active-job')).json.job_title, 'New');
  assert.equal((await patch(s.api, running, { max_threads: null })).max_threads, null);
  for (const [body, status] of [[{ paused: 'yes' }, 400], [{ max_threads: 0 }, 422], [{ max_thread: 1 }, 400]]) {
    const r = await s.api.post('/api/jobs', { operation: 'noop', files: ['x'], ...body });
    assert.equal(r.status, status, r.text);
  }
  await post(s.api, `/api/jobs/${running}/cancel`);
});

serverTest('retry takes what failed, once, whoever asks how often', {}, async (s) => {
  const [a, b] = both(s);
  const id = await startNoop(a, 20, 0, { options: { fail_every: 4 }, title: 'Five fail', priority: 'high', max_threads: 3 });
  assert.equal((await waitCompleted(a, id)).error_items, 5);
  const answers = await Promise.all([a, b, a, b].map((c) => c.post(`/api/jobs/${id}/retry`)));
  assert.deepEqual(answers.map((r) => r.status).sort(), [200, 200, 200, 201], answers.map((r) => r.text).join('\n'));
  assert.equal(new Set(answers.map((r) => r.json.job_id)).size, 1, 'one job');
  const retry = answers.find((r) => r.status === 201);
  assert.match(retry.json.job_id, UUID7);
  assert.equal(retry.headers.location, `/api/jobs/${retry.json.job_id}`);
  const { parent, total_items: total, title, priority, max_threads: max, operation } = retry.json;
  assert.deepEqual({ parent, total, title, priority, max, operation },
    { parent: id, total: 5, title: 'Five fail', priority: 'high', max: 3, operation: 'noop' });
  const end = await waitCompleted(b, retry.json.job_id);
  const items = await s.sqlite(`SELECT path FROM job_items WHERE job_id = '${end.job_id}' ORDER BY seq`);
  assert.deepEqual(items.map((i) => i.path), ['item 4', 'item 8', 'item 12', 'item 16', 'item 20']);
  assert.equal((await post(b, `/api/jobs/${id}/retry`)).job_id, end.job_id, 'also when it has ended');
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, 2);
  // noop fails by position: of five items one fails again, and then none
  const third = await post(a, `/api/jobs/${end.job_id}/retry`, 201);
  assert.equal(third.total_items, 1);
  await waitCompleted(a, third.job_id);
  const none = await post(b, `/api/jobs/${third.job_id}/retry`, 400);
  assert.equal(none.code, 'nothing_to_do');
  assert.equal((await s.api.del(`/api/jobs/${end.job_id}`)).status, 200);
  assert.notEqual((await post(a, `/api/jobs/${id}/retry`, 201)).job_id, end.job_id, 'a deleted retry is none');
});

serverTest('retry of a cancelled job takes the rest, also when that is much', {}, async (s) => {
  const id = await startNoop(s.api, 3000, 20);
  await processed(s.api, id, 10);
  await post(s.api, `/api/jobs/${id}/cancel`);
  const old = await waitStatus(s.api, id, 'cancelled');
  const retry = await post(s.api, `/api/jobs/${id}/retry`, 201);
  assert.equal(retry.total_items, old.cancelled_items + old.error_items);
  const sum = await s.sqlite(`SELECT count(DISTINCT path) AS n FROM job_items WHERE job_id IN ('${id}', '${retry.job_id}')`);
  assert.equal(sum[0].n, 3000);
  await post(s.api, `/api/jobs/${retry.job_id}/cancel`);
});

serverTest('retry of books: the failed one succeeds when its cause is gone', { books: 3 }, async (s) => {
  const { job_id: id } = await startJob(s.api, 'normalize-selected', { files: [...s.books, 'Glass Harbor/not there.cbz'] });
  assert.equal((await waitCompleted(s.api, id)).error_items, 1);
  const fs = await import('node:fs');
  const { makeBook } = await import('../lib/books.js');
  fs.mkdirSync(`${s.library}/Glass Harbor`, { recursive: true });
  makeBook(s.library, 'Glass Harbor/not there.cbz', { tags: { Number: 9 } });
  const retry = await post(s.api, `/api/jobs/${id}/retry`, 201);
  const end = await waitCompleted(s.api, retry.job_id);
  assert.deepEqual([end.total_items, end.success_items], [1, 1]);
});

// The most leases in 30 looks. The jobs of these tests last longer than the looks, however slow the machine is.
async function mostLeases(s, id) {
  let most = 0;
  for (let look = 0; look < 30; look += 1) most = Math.max(most, await leases(s, id));
  return most;
}

serverTest('max_threads 1 over two workers never has two leases', {}, async (s) => {
  const [a, b] = both(s);
  const id = await startNoop(a, 5000, 20, { max_threads: 1 });
  await processed(b, id, 1);
  assert.equal(await mostLeases(s, id), 1);
  await processed(b, id, 20);
  await post(b, `/api/jobs/${id}/cancel`);
  await waitStatus(b, id, 'cancelled');
  const overlaps = await s.sqlite(`SELECT count(*) AS n FROM job_items x JOIN job_items y ON x.job_id = y.job_id AND x.seq < y.seq
    AND x.started_at < y.finished_at - 0.001 AND y.started_at < x.finished_at - 0.001 WHERE x.job_id = '${id}'`);
  assert.equal(overlaps[0].n, 0, 'no two items at the same time');
});

serverTest('max_threads can be set while the job runs, and leaves the other threads to others', {}, async (s) => {
  const [a, b] = both(s);
  const id = await startNoop(a, 3000, 60);
  await processed(a, id, 16);
  await patch(b, id, { max_threads: 2 });
  await until('two leases at most', 20, async () => await leases(s, id) <= 2);
  const other = await startNoop(b, 3000, 60);
  await until('the other has the rest', 20, async () => await leases(s, other) >= THREADS - 2);
  const most = await mostLeases(s, id);
  assert.ok(most <= 2, `${most} leases`);
  await post(b, `/api/jobs/${other}/cancel`);
  await post(a, `/api/jobs/${id}/cancel`);
});

// How many items of `big` began from `from` on, before the last one of `first` did.
async function beganBefore(s, first, big, from) {
  const [row] = await s.sqlite(`SELECT count(*) AS n FROM job_items WHERE job_id = '${big}' AND started_at > ${from}
    AND started_at < (SELECT max(started_at) FROM job_items WHERE job_id = '${first}')`);
  return row.n;
}

serverTest('high priority overtakes at once, also when it is given to a job that waits', {}, async (s) => {
  const [a, b] = both(s);
  const big = await startNoop(a, 2000, 100);
  await processed(a, big, 8);
  const urgent = await startNoop(b, 8, 100, { priority: 'high' });
  const made = Date.now() / 1000;
  await waitCompleted(a, urgent);
  const between = await beganBefore(s, urgent, big, made);
  assert.ok(between <= 2 * THREADS, `${between} items of the other began before its last one`);
  // the same for a job that lay low
  const low = await startNoop(a, 8, 100, { priority: 'low' });
  await sleep(300);
  assert.equal((await getJob(b, low)).status, 'queued', 'low waits behind normal');
  await patch(b, low, { priority: 'high' });
  const changed = Date.now() / 1000;
  await waitCompleted(a, low);
  const more = await beganBefore(s, low, big, changed);
  assert.ok(more <= 2 * THREADS, `${more} items of the other began between the change and its last one`);
  await post(a, `/api/jobs/${big}/cancel`);
});

serverTest('two equal jobs get equal shares', {}, async (s) => {
  const [a, b] = both(s);
  const ids = [await startNoop(a, 400, 50)];
  await processed(a, ids[0], 40); // it had everything
  ids.push(await startNoop(b, 400, 50));
  await processed(b, ids[1], 8);
  const from = await Promise.all(ids.map((id) => getJob(a, id, '?results=0')));
  await processed(b, ids[1], 160);
  const to = await Promise.all(ids.map((id) => getJob(a, id, '?results=0')));
  const done = to.map((job, i) => job.processed_items - from[i].processed_items);
  assert.ok(Math.abs(done[0] - done[1]) <= 0.2 * Math.max(...done), `${done[0]} and ${done[1]} items in the same time`);
  for (const id of ids) await post(a, `/api/jobs/${id}/cancel`);
});

serverTest('every change is one event to the subscribers of both workers', {}, async (s) => {
  const [a, b] = both(s);
  const streams = [await s.stream({ slot: 0 }), await s.stream({ slot: 1 })];
  const made = await a.post('/api/jobs', { operation: 'noop', files: names(3), paused: true, max_threads: 2 });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.json.paused, made.json.max_threads, made.json.parent], [true, 2, null]);
  const id = made.json.job_id;
  await patch(b, id, { priority: 'high' });
  await patch(a, id, { priority: 'high' }); // nothing new
  await patch(b, id, { title: 'T', max_threads: 5 });
  await post(a, `/api/jobs/${id}/resume`);
  await waitCompleted(b, id);
  for (const stream of streams) {
    await stream.waitJob(id, 10);
    const seen = jobEvents(stream, id).filter((d) => d.status === 'queued').map((d) => [d.version, d.paused, d.priority, d.max_threads, d.title]);
    const was = made.json.title;
    assert.deepEqual(seen, [[1, true, 'normal', 2, was], [2, true, 'high', 2, was], [3, true, 'high', 5, 'T'], [4, false, 'high', 5, 'T']]);
  }
});
