// The event stream (DESIGN.md section 4, API.md "Events").
import assert from 'node:assert/strict';
import { followJob, getJob, isEnded, startJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

// 0/n, 1/n ... n/n, each at least once and never backwards; the last one, and only it, is terminal.
function checkSteps(jobs, n) {
  assert.deepEqual([...new Set(jobs.map((j) => j.progress.processed))], Array.from({ length: n + 1 }, (_, k) => k));
  jobs.forEach((j, i) => {
    assert.equal(j.progress.total, n);
    assert.equal(j.progress.processed, j.progress.success + j.progress.errors);
    assert.ok(Math.abs(j.progress.percentage - (100 * j.progress.processed) / n) < 0.1, `percentage ${j.progress.percentage}`);
    if (i) assert.ok(j.version > jobs[i - 1].version, 'versions rise');
    assert.equal(isEnded(j.status), i === jobs.length - 1, `event ${i} says ${j.status}`);
  });
  assert.equal(jobs[jobs.length - 1].status, 'completed');
}

for (const n of [1, 3, 10]) {
  serverTest(`a job of ${n} sends every k of ${n} to a subscriber on each worker and through the front end`, {}, async (s) => {
    const streams = [await s.stream({ slot: 0 }), await s.stream({ slot: 1 }), await s.stream()];
    assert.deepEqual([streams[0].worker, streams[1].worker], [0, 1]);
    for (const slot of [0, 1]) {
      const id = await startNoop(s.workerClient(slot), n);
      for (const stream of streams) {
        await stream.waitJob(id, 10);
        checkSteps(stream.jobEvents(id), n);
      }
    }
  });
}

serverTest('a subscriber on worker 0 sees every event of a job of books made on worker 1', { books: 10 }, async (s) => {
  const stream = await s.stream({ slot: 0 });
  const { job_id: id } = await startJob(s.workerClient(1), 'process-all');
  await stream.waitJob(id, 20);
  const jobs = stream.jobEvents(id);
  checkSteps(jobs, 10);
  const items = jobs.filter((j) => j.item).map((j) => j.item);
  assert.deepEqual(items.map((i) => i.item).sort(), s.books.map((b) => b.split('/').pop()));
  for (const i of items) assert.deepEqual([i.success, i.error], [true, null]);
});

serverTest('the head and the first bytes are those of the contract', {}, async (s) => {
  for (const slot of [0, 1, undefined]) {
    const stream = await s.stream({ slot });
    assert.equal(stream.status, 200);
    assert.match(stream.headers['content-type'], /^text\/event-stream/);
    assert.equal(stream.headers['cache-control'], 'no-cache');
    assert.equal(stream.headers['x-accel-buffering'], 'no');
    assert.equal(stream.headers['content-encoding'], undefined);
    await stream.wait('the first frames', 20, (x) => x.frames.some((f) => f.retry !== undefined) || /retry: 5000\n/.test(x.text));
    assert.ok(stream.chunks.join('').startsWith(': heartbeat\n\nretry: 5000\n'), JSON.stringify(stream.chunks));
  }
});

serverTest('a frame is "id" and "data" in the shape of the contract, and nothing else', {}, async (s) => {
  const stream = await s.stream({ slot: 1 });
  const id = await startNoop(s.workerClient(0), 3, 30);
  await stream.waitJob(id, 10);
  const job = await getJob(s.api, id);
  const frames = stream.events.filter((f) => f.message.data.job_id === id);
  for (const f of frames) {
    const lines = f.raw.split('\n').filter((l) => l !== 'retry: 5000');
    assert.equal(lines.length, 2, f.raw);
    assert.match(lines[0], /^id: [1-9]\d*$/);
    assert.ok(lines[1].startsWith('data: {"type": "job_updated", "data": {'), lines[1]);
    assert.equal(f.event, undefined, 'unnamed, for plain onmessage clients');
    assert.deepEqual(Object.keys(f.message), ['type', 'data', 'timestamp']);
    assert.equal(typeof f.message.timestamp, 'number');
    const d = f.message.data;
    assert.deepEqual(Object.keys(d.progress).sort(), ['errors', 'percentage', 'processed', 'success', 'total']);
    assert.ok(!('results' in d), 'no results in an event');
    for (const key of Object.keys(job)) if (!key.startsWith('results')) assert.ok(key in d, `event without ${key}`);
  }
  const last = frames[frames.length - 1].message.data;
  assert.equal(last.version, job.version, 'the last event is what a poll says');
  assert.equal(last.completed_at, job.completed_at);
});

serverTest('one event is one chunk', { threads: 1 }, async (s) => {
  const direct = await s.stream({ slot: 0 });
  const id = await startNoop(s.workerClient(1), 60);
  await direct.waitJob(id, 10);
  for (const chunk of direct.chunks) {
    assert.ok(chunk.endsWith('\n') && !/^data: .*[^}\n]$/m.test(chunk), `a chunk ends inside of a frame: ${JSON.stringify(chunk.slice(-80))}`);
    assert.ok((chunk.match(/^data: /gm) || []).length <= 1, 'two events in one chunk');
  }
  // The front end cuts a burst as its buffer fills up; events that come one by one pass as they are.
  const front = await s.stream();
  const slow = await startNoop(s.workerClient(1), 5, 60);
  await front.waitJob(slow, 10);
  for (const chunk of front.chunks) assert.ok(chunk.endsWith('\n'), `a chunk ends inside of a frame: ${JSON.stringify(chunk.slice(-80))}`);
});

serverTest('ids rise strictly, and are the same for all subscribers', {}, async (s) => {
  const streams = [await s.stream({ slot: 0 }), await s.stream({ slot: 1 }), await s.stream()];
  const ids = await Promise.all([0, 1, 0, 1].map((slot) => startNoop(s.workerClient(slot), 20, 10)));
  const seen = [];
  for (const stream of streams) {
    for (const id of ids) await stream.waitJob(id, 20);
    const numbers = stream.events.map((f) => Number(f.id));
    numbers.forEach((n, i) => assert.ok(Number.isInteger(n) && (i === 0 || n > numbers[i - 1]), `id ${n} after ${numbers[i - 1]}`));
    seen.push(new Map(stream.events.map((f) => [f.id, JSON.stringify(f.message)])));
  }
  for (const other of seen.slice(1)) {
    for (const [id, message] of other) if (seen[0].has(id)) assert.equal(message, seen[0].get(id), `event ${id}`);
  }
});

serverTest('a new subscriber first gets the state of every active job', {}, async (s) => {
  const ids = [await startNoop(s.workerClient(0), 200, 100), await startNoop(s.workerClient(1), 200, 100)];
  await until('both to run', 10, async () => (await Promise.all(ids.map((id) => getJob(s.api, id)))).every((j) => j.processed_items > 0));
  for (const slot of [0, 1]) {
    const stream = await s.stream({ slot });
    for (const id of ids) {
      const first = await stream.waitJob(id, 20, () => true);
      assert.equal(first.status, 'processing');
      assert.ok(first.progress.processed > 0, 'the state of now, not of the start');
    }
  }
});

serverTest('a new subscriber hears nothing of jobs that have ended', {}, async (s) => {
  const ended = await startNoop(s.api, 2);
  await waitCompleted(s.api, ended);
  const stream = await s.stream({ slot: 0 });
  const next = await startNoop(s.workerClient(1), 2);
  await stream.waitJob(next, 10);
  assert.equal(stream.jobEvents(ended).length, 0);
});

serverTest('Last-Event-ID gives everything after it, on the other worker too', {}, async (s) => {
  const first = await s.stream({ slot: 0 });
  const id = await startNoop(s.workerClient(0), 30, 40);
  await first.wait('five events', 10, () => first.jobEvents(id).length >= 5);
  const cut = first.events[first.events.length - 1].id;
  const before = first.events.length;
  const all = await s.stream({ slot: 0 });
  await all.waitJob(id, 20);
  await first.waitJob(id, 20);
  const expected = first.events.filter((f) => Number(f.id) > Number(cut)).map((f) => f.id);
  assert.ok(expected.length > 5 && before > 0);
  for (const slot of [0, 1, undefined]) { // the job has ended: all of it must come from the store
    const again = await s.stream({ slot, lastEventId: cut });
    await again.waitJob(id, 20);
    assert.deepEqual(again.events.map((f) => f.id), expected);
  }
});

serverTest('Last-Event-ID that is the newest gives nothing old, and what comes later', {}, async (s) => {
  const stream = await s.stream({ slot: 0 });
  const id = await startNoop(s.api, 3);
  await stream.waitJob(id, 10);
  const newest = stream.events[stream.events.length - 1].id;
  const again = await s.stream({ slot: 1, lastEventId: newest });
  const next = await startNoop(s.api, 3);
  await again.waitJob(next, 10);
  assert.equal(again.jobEvents(id).length, 0);
  checkSteps(again.jobEvents(next), 3);
});

serverTest('a job that ended while the stream was cut is not missed', {}, async (s) => {
  const stream = await s.stream({ slot: 0 });
  const id = await startNoop(s.api, 20, 50);
  await stream.wait('some events', 10, () => stream.jobEvents(id).length >= 3);
  const cut = stream.events[stream.events.length - 1].id;
  stream.destroy();
  await waitCompleted(s.api, id);
  const again = await s.stream({ slot: 1, lastEventId: cut });
  const last = await again.waitJob(id, 20);
  assert.equal(last.status, 'completed');
  assert.equal(last.progress.processed, 20);
});

serverTest('Last-Event-ID that makes no sense is no error', {}, async (s) => {
  const running = await startNoop(s.api, 200, 100);
  for (const lastEventId of ['abc', '-1', '99999999999999999999', '0', '']) {
    const stream = await s.stream({ slot: 0, lastEventId });
    assert.equal(stream.status, 200);
    await stream.waitJob(running, 20, () => true);
    stream.destroy();
  }
});

serverTest('a silent stream carries heartbeats', { set: { heartbeat_s: 1 } }, async (s) => {
  for (const slot of [0, undefined]) {
    const stream = await s.stream({ slot });
    await stream.wait('three more heartbeats', 10, (x) => x.frames.filter((f) => f.comments.length).length >= 4);
    assert.equal(stream.events.length, 0);
  }
});

serverTest('a stream ends by itself after its time', { set: { stream_max_s: 2, heartbeat_s: 1 } }, async (s) => {
  const stream = await s.stream({ slot: 0 });
  await until('the end of the stream', 10, () => stream.ended);
});

serverTest('?job= limits a stream to one job', {}, async (s) => {
  const wanted = await startNoop(s.api, 40, 50);
  const stream = await s.stream({ slot: 0, path: `/api/events/stream?job=${wanted}` });
  const other = await startNoop(s.workerClient(1), 5);
  await waitCompleted(s.api, other);
  await stream.waitJob(wanted, 20);
  assert.ok(stream.events.every((f) => f.message.data.job_id === wanted));
});

serverTest('a cancelled job sends its end', {}, async (s) => {
  const stream = await s.stream({ slot: 0 });
  const id = await startNoop(s.workerClient(1), 100, 100);
  await stream.wait('some progress', 10, () => stream.jobEvents(id).some((j) => j.progress.processed > 0));
  await s.workerClient(1).post(`/api/jobs/${id}/cancel`);
  const last = await stream.waitJob(id, 10);
  assert.equal(last.status, 'cancelled');
  assert.ok(stream.jobEvents(id).filter((j) => isEnded(j.status)).length === 1, 'one end');
});

serverTest('a stream agrees with the polls made beside it', { books: 30 }, async (s) => {
  const stream = await s.stream({ slot: 0 });
  const { job_id: id } = await startJob(s.workerClient(1), 'process-all');
  const answers = await followJob([s.workerClient(0), s.workerClient(1)], id);
  await stream.waitJob(id, 10);
  const byVersion = new Map(stream.jobEvents(id).map((j) => [j.version, j]));
  for (const a of answers) {
    const e = byVersion.get(a.version);
    if (e) assert.deepEqual([e.status, e.progress.processed, e.progress.errors], [a.status, a.processed_items, a.error_items]);
  }
  assert.ok(byVersion.has(answers[answers.length - 1].version));
});

serverTest('the statistics count the subscribers of all workers', {}, async (s) => {
  const streams = [await s.stream({ slot: 0 }), await s.stream({ slot: 1 }), await s.stream({ slot: 1 })];
  await startNoop(s.api, 3).then((id) => streams[0].waitJob(id, 10));
  for (const slot of [0, 1]) {
    const client = s.workerClient(slot);
    await until(`three clients, as worker ${slot} sees them`, 20, async () => (await client.get('/api/events/stats')).json.active_clients === 3);
    const stats = (await client.get('/api/events/stats')).json;
    assert.ok(stats.total_events_broadcast >= 5, `${stats.total_events_broadcast} events`);
    assert.deepEqual(stats.workers.map((w) => [w.slot, w.clients]), [[0, 1], [1, 2]]);
  }
  for (const stream of streams) stream.destroy();
  await until('no client', 10, async () => (await s.api.get('/api/events/stats')).json.active_clients === 0);
});

serverTest('twenty subscribers all see the end of a busy job', {}, async (s) => {
  const streams = await Promise.all(Array.from({ length: 20 }, (_, i) => s.stream({ slot: i % 3 === 2 ? undefined : i % 3 })));
  const id = await startNoop(s.api, 2000);
  for (const stream of streams) {
    const last = await stream.waitJob(id, 30);
    assert.equal(last.status, 'completed');
    const done = stream.jobEvents(id).map((j) => j.progress.processed);
    done.forEach((k, i) => assert.ok(i === 0 || k >= done[i - 1], 'never backwards'));
  }
});
