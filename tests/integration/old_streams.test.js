// The nine old streams: the bytes of the old application over real jobs (docs/API.md, "Old streams").
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';
import { listBooks, makeBook } from '../lib/books.js';
import { hold, holdArgs } from '../lib/hold.js';
import { UUID7, getJob, waitCompleted, waitStatus } from '../lib/jobs.js';
import { signal } from '../lib/processes.js';
import { SANITIZED, serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const run = promisify(execFile);
const NINE = ['process', 'rename', 'normalize'].flatMap((op) => ['all', 'selected', 'unmarked'].map((which) => `${op}-${which}`));
const base = (name) => name.split('/').pop();

// What Python's json.dumps makes of a value that JSON.stringify can write.
function pythonJson(value) {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (value && typeof value === 'object') {
    return `{${Object.entries(value).map(([k, v]) => `${pythonJson(k)}: ${pythonJson(v)}`).join(', ')}}`;
  }
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
const frame = (value) => `data: ${pythonJson(value)}\n\n`;

const open = (s, what, { files, query = '?stream=true', ...more } = {}) => s.stream({
  method: 'POST', path: `/api/${what}${query}`, body: files && { files }, ...more,
});
const isDone = (stream) => stream.events.find((f) => f.message.done);
const waitDone = (stream, seconds = 30) => stream.wait('the done event', seconds, isDone);

// Checks a whole stream against the job's results: every byte of it. Gives the job.
async function checkStream(s, stream, n) {
  await waitDone(stream);
  await until('the end of the stream', 10, () => stream.ended);
  const id = stream.headers['x-longbox-job'];
  const job = await getJob(s.api, id);
  assert.equal(job.status, 'completed');
  assert.equal(job.total_items, n);
  const events = job.results.map((r, i) => frame({ current: i + 1, total: n, file: r.item, success: r.success, error: r.error }));
  const results = job.results.map((r) => (r.success ? { file: r.item, success: true } : { file: r.item, success: false, error: r.error }));
  assert.equal(stream.chunks.join(''), [...events, frame({ done: true, results })].join(''));
  return job;
}

serverTest('Python agrees with the test about its JSON', {}, async () => {
  const values = [{ a: 1, b: [true, null, 'é "q" \\ / \u007f \u{1f4d6} \n\t'] }, [], { done: true, results: [] }];
  for (const value of values) {
    const { stdout } = await run('python3', ['-c', 'import json,sys; print(json.dumps(json.loads(sys.argv[1])))', JSON.stringify(value)]);
    assert.equal(stdout.trimEnd(), pythonJson(value));
  }
});

for (const what of NINE) {
  const [op, which] = what.split('-');
  serverTest(`${what}: the bytes of the old application, one event a chunk, in the order of finishing`, { books: 8 }, async (s) => {
    const stream = await open(s, what, { slot: 0, files: which === 'selected' ? s.books : undefined });
    assert.equal(stream.status, 200);
    assert.match(stream.headers['content-type'], /^text\/event-stream/);
    assert.equal(stream.headers['cache-control'], 'no-cache');
    assert.equal(stream.headers['x-accel-buffering'], 'no');
    assert.match(stream.headers['x-longbox-job'], UUID7);
    assert.match(stream.headers.deprecation, /^@\d+$/);
    assert.equal(stream.headers.link, `</api/jobs/${stream.headers['x-longbox-job']}>; rel="successor-version"`);
    const job = await checkStream(s, stream, 8);
    assert.equal(job.operation, op);
    assert.equal(stream.chunks.length, 9, 'one event is one chunk');
    assert.deepEqual(job.results.map((r) => r.item).sort(), s.books.map(base).sort());
    const marked = (await s.api.get('/api/scan-unmarked')).json;
    assert.deepEqual(marked, { unmarked_count: 0, marked_count: 8, total_count: 8 });
  });
}

for (const what of NINE) {
  serverTest(`${what}: curl -N killed after the third event stops nothing`, { books: 30, args: holdArgs }, async (s) => {
    const held = await hold(s, [s.books[29]]); // so that the job cannot end before
    const args = ['-N', '-s', '-X', 'POST', `${s.url}/api/${what}?stream=true`];
    if (what.endsWith('selected')) args.push('-H', 'Content-Type: application/json', '-d', JSON.stringify({ files: s.books }));
    const curl = spawn('curl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    const gone = new Promise((done) => curl.on('exit', (code, sig) => done(sig)));
    curl.stdout.on('data', (part) => {
      text += part;
      if (text.split('\n\n').length > 3) curl.kill('SIGKILL');
    });
    assert.equal(await gone, 'SIGKILL');
    const [job] = (await s.api.get('/api/jobs')).json.jobs;
    assert.equal(job.status, 'processing');
    held.release();
    const end = await waitCompleted(s.api, job.job_id);
    assert.equal(end.processed_items, 30);
    assert.equal(end.success_items, 30);
    const seen = text.split('\n\n').slice(0, 3).map((t) => `${t}\n\n`);
    assert.deepEqual(seen, end.results.slice(0, 3).map((r, i) => frame({ current: i + 1, total: 30, file: r.item, success: true, error: null })));
  });
}

serverTest('a stream shows the items that other workers run, each once', { books: 120, threads: 1 }, async (s) => {
  const stream = await open(s, 'normalize-all', { slot: 1 });
  assert.equal(stream.worker, 1);
  const owners = new Set();
  await until('items of both workers', 20, async () => {
    for (const row of await s.sqlite("SELECT DISTINCT lease_owner AS o FROM job_items WHERE status = 'leased'")) owners.add(row.o);
    return owners.size >= 2 || isDone(stream);
  });
  await checkStream(s, stream, 120);
  assert.deepEqual(stream.events.slice(0, -1).map((f) => f.message.current), Array.from({ length: 120 }, (_, i) => i + 1));
  assert.ok(owners.size >= 2, 'both workers had items of it');
});

const odd = (dir) => {
  for (const name of ['Wolf/é "quote" 1.cbz', 'Wolf/\u{1f4d6} back\\slash 2.cbz', 'Wolf/#?% 3.cbz']) makeBook(dir, name);
  fs.writeFileSync(Buffer.concat([Buffer.from(`${dir}/Wolf/bad `), Buffer.from([0xff, 0xfe]), Buffer.from(' 4.cbz')]), 'no book');
};
serverTest('names are escaped as the old application did, and errors have their reason', { books: odd }, async (s) => {
  const stream = await open(s, 'normalize-all');
  const job = await checkStream(s, stream, 4);
  assert.equal(job.error_items, 1);
  const failed = stream.events.map((f) => f.message).find((m) => m.success === false);
  assert.equal(failed.file, 'bad \ufffd\ufffd 4.cbz');
  assert.match(failed.error, /zip/);
  assert.ok(stream.chunks.join('').includes('"file": "\\ud83d\\udcd6 back\\\\slash 2.cbz"'));
});

serverTest('nothing to do: no job, and the end at once; an empty selection is refused', {}, async (s) => {
  for (const what of NINE) {
    if (what.endsWith('selected')) {
      for (const query of ['?stream=true', '']) {
        const r = await s.api.post(`/api/${what}${query}`, { files: [] });
        assert.deepEqual([r.status, r.json.error], [400, 'No files specified']);
      }
      continue;
    }
    const stream = await s.api.post(`/api/${what}?stream=True`);
    assert.deepEqual([stream.status, stream.text], [200, 'data: {"done": true, "results": []}\n\n']);
    assert.match(stream.headers['content-type'], /^text\/event-stream/);
    const plain = await s.api.post(`/api/${what}`);
    assert.deepEqual([plain.status, plain.json], [200, { results: [] }]);
    assert.equal(plain.headers['x-longbox-job'], undefined);
  }
  assert.deepEqual((await s.api.get('/api/jobs')).json.jobs, []);
});

serverTest('a selection of files that are not there gives their errors; a path out of the library makes nothing', { books: 1 }, async (s) => {
  const stream = await open(s, 'rename-selected', { files: ['gone 1.cbz', 'Nowhere/gone 2.cbz'] });
  const job = await checkStream(s, stream, 2);
  assert.equal(job.error_items, 2);
  for (const f of stream.events.slice(0, 2)) assert.match(f.message.error, /No such file/);
  for (const files of [['../x.cbz'], ['/etc/passwd'], [7], 'x']) {
    const r = await s.api.post('/api/rename-selected?stream=true', { files });
    assert.equal(r.status, 400, r.text);
  }
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, 1);
});

serverTest('behind the base path, the link leads to the job there', { books: 2, args: ['--base-path', '/comics'] }, async (s) => {
  for (const prefix of ['/comics', '']) {
    const stream = await s.stream({ method: 'POST', path: `${prefix}/api/normalize-all?stream=true` });
    await checkStream(s, stream, 2);
    const [, link] = /^<(.*)>; rel="successor-version"$/.exec(stream.headers.link);
    assert.equal(link, `/comics/api/jobs/${stream.headers['x-longbox-job']}`);
    assert.equal((await s.api.get(link)).json.status, 'completed');
  }
});

serverTest('an Idempotency-Key brings the stream of the same job back, from its beginning', { books: 5 }, async (s) => {
  const headers = { 'Idempotency-Key': 'again' };
  const first = await open(s, 'process-all', { slot: 0, headers });
  await checkStream(s, first, 5);
  const second = await open(s, 'process-all', { slot: 1, headers });
  await checkStream(s, second, 5);
  assert.equal(second.headers['x-longbox-job'], first.headers['x-longbox-job']);
  assert.equal(second.chunks.join(''), first.chunks.join(''));
});

// A stream of a job that waits for one book, with all other events.
async function openHeld(s, what, options) {
  const held = await hold(s, [s.books[0]]);
  const stream = await open(s, what, options);
  await stream.wait('all events but one', 30, () => stream.events.length === s.books.length - 1);
  return { stream, id: stream.headers['x-longbox-job'], release: held.release, holder: held.job };
}

serverTest('a cancelled job ends its stream with what was done, and says so', { books: 20, args: holdArgs }, async (s) => {
  const { stream, id, release } = await openHeld(s, 'normalize-all', { slot: 0 });
  assert.equal((await s.api.post(`/api/jobs/${id}/cancel`)).status, 200);
  const { message } = await waitDone(stream);
  const job = await waitStatus(s.api, id, 'cancelled');
  assert.equal(message.error, 'the job was cancelled');
  assert.deepEqual(message.results.map((r) => r.file), job.results.map((r) => r.item));
  assert.equal(stream.events.length - 1, job.processed_items);
  release();
});

serverTest('a deleted job ends its stream', { books: 10, args: holdArgs }, async (s) => {
  const { stream, id, release } = await openHeld(s, 'normalize-all', { slot: 0 });
  assert.equal((await s.api.del(`/api/jobs/${id}`)).status, 200);
  const { message } = await waitDone(stream);
  assert.deepEqual(message, { done: true, results: [], error: 'the job was deleted' });
  await until('the end of the stream', 10, () => stream.ended);
  release();
});

serverTest('above streams_max a stream is refused before its job is made', { books: 5, workers: 1, args: holdArgs, set: { streams_max: 1 } }, async (s) => {
  const { stream, release } = await openHeld(s, 'normalize-all');
  const before = (await s.api.get('/api/jobs')).json.jobs.length;
  for (const call of ['rename-all', 'files/tags']) {
    const r = await s.api.post(`/api/${call}?stream=true`, call === 'files/tags' ? { files: s.books, tags: { genre: 'x' } } : undefined);
    assert.deepEqual([r.status, r.json.code, r.headers['retry-after']], [503, 'busy', '1'], r.text);
  }
  assert.equal((await s.api.get('/api/jobs')).json.jobs.length, before);
  release();
  await waitDone(stream);
  await until('room for another', 10, async () => (await s.api.post('/api/rename-all?stream=true')).status === 200);
});

serverTest('a stream that waits carries comments', { books: 10, args: holdArgs, set: { heartbeat_s: 1 } }, async (s) => {
  const { stream, release } = await openHeld(s, 'normalize-all', { slot: 0 });
  await stream.wait('comments', 20, () => stream.frames.filter((f) => f.comments.includes('heartbeat')).length >= 2);
  release();
  await waitDone(stream);
  assert.equal(stream.events.length, 11);
  for (const chunk of stream.chunks) assert.match(chunk, /^(data: .*|: heartbeat)\n\n$/);
});

serverTest('a worker killed in the middle ends its streams without "done"; the jobs complete, and other streams go on', { books: 20, args: holdArgs }, async (s) => {
  const { stream: mine, id, release } = await openHeld(s, 'normalize-all', { slot: 0 });
  const other = await open(s, 'rename-all', { slot: 1 });
  const front = await open(s, 'process-all');
  signal(s.workers().find((w) => w.slot === 0).pid, 'SIGKILL');
  await until('the end of its stream', 10, () => mine.ended);
  assert.equal(isDone(mine), undefined);
  release();
  assert.equal((await waitCompleted(s.api, id)).processed_items, 20);
  await checkStreamTail(s, other, 20);
  if (front.worker === 0) assert.equal(isDone(front), undefined);
  else await checkStreamTail(s, front, 20);
});

// As checkStream, for a job with more results than one answer gives.
async function checkStreamTail(s, stream, n) {
  await waitDone(stream);
  const numbers = stream.events.slice(0, -1).map((f) => f.message.current);
  assert.deepEqual(numbers, Array.from({ length: n }, (_, i) => i + 1));
  const done = stream.events[stream.events.length - 1].message;
  assert.deepEqual(done.results.map((r) => r.file), stream.events.slice(0, -1).map((f) => f.message.file));
}

serverTest('through the front end no event of an item is cut, however fast they come', {}, async (s) => {
  const files = Array.from({ length: 3000 }, (_, i) => `nowhere/${i}.cbz`);
  const headers = { 'Idempotency-Key': 'burst' };
  for (let round = 0; round < 3; round++) { // from the second on all of it is there at once
    const stream = await open(s, 'rename-selected', { files, headers });
    await checkStreamTail(s, stream, 3000);
    const cut = stream.chunks.findIndex((c) => !c.endsWith('\n\n'));
    assert.ok(cut < 0 || stream.chunks[cut].includes('data: {"done": true'), `round ${round}: chunk ${cut} of ${stream.chunks.length}`);
  }
});

serverTest('the done event of a large job comes whole, in bounded chunks, also to a reader that takes nothing for long', {}, async (s) => {
  const n = SANITIZED ? 5000 : 20000; // the job ends before 30 s, when who takes nothing is given up
  const files = Array.from({ length: n }, (_, i) => `nowhere/${'long '.repeat(20)}${i}.cbz`);
  const stream = await open(s, 'rename-selected', { slot: 0, files });
  stream.socket.pause();
  await waitCompleted(s.api, stream.headers['x-longbox-job'], 90);
  stream.socket.resume();
  await waitDone(stream, 60);
  await checkStreamTail(s, stream, n);
  const sizes = stream.chunks.map((c) => c.length);
  assert.ok(Math.max(...sizes) < 512 * 1024, `${Math.max(...sizes)} bytes in one chunk`);
  assert.ok(sizes.filter((size) => size > 100000).length > n / 4000, 'it had to be cut');
});

serverTest('a reload lets a stream come to its end', { books: 10, args: holdArgs }, async (s) => {
  const { stream, release } = await openHeld(s, 'normalize-all');
  signal(s.pid, 'SIGHUP');
  await until('a worker to stop', 20, () => / event="?worker stopping/.test(s.log()));
  release();
  await checkStreamTail(s, stream, 10);
});

serverTest('a reader that takes nothing for a while gets every event, and the job does not wait for it', { books: 300 }, async (s) => {
  const stream = await open(s, 'normalize-all', { slot: 0 });
  stream.socket.pause();
  const id = stream.headers['x-longbox-job'];
  await waitCompleted(s.api, id);
  stream.socket.resume();
  await checkStreamTail(s, stream, 300);
  assert.ok(listBooks(s.library).length === 300);
});

// ---- without ?stream=true ----

for (const what of NINE) {
  serverTest(`${what} without stream=true answers with all results when the job has ended`, { books: 8 }, async (s) => {
    const r = await s.api.post(`/api/${what}`, what.endsWith('selected') ? { files: s.books } : undefined);
    assert.equal(r.status, 200, r.text);
    const id = r.headers['x-longbox-job'];
    const job = await getJob(s.api, id);
    assert.equal(job.status, 'completed');
    assert.equal(r.headers.link, `</api/jobs/${id}>; rel="successor-version"`);
    assert.match(r.headers.deprecation, /^@\d+$/);
    assert.deepEqual(r.json, { results: job.results.map((x) => ({ file: base(x.details.final), success: true })) });
    assert.deepEqual(r.json.results.map((x) => x.file).sort(), listBooks(s.library).map(base).sort());
  });
}

serverTest('the answer at the end has the errors, and 2000 results', { books: 1 }, async (s) => {
  const files = ['gone.cbz', ...s.books, ...Array.from({ length: 2500 }, (_, i) => `nowhere/${i}.cbz`)];
  const r = await s.api.post('/api/normalize-selected?stream=false', { files });
  assert.equal(r.status, 200, r.text.slice(0, 200));
  assert.equal(r.json.results.length, 2502);
  assert.deepEqual(r.json.results.filter((x) => x.success), [{ file: base(s.books[0]), success: true }]);
  const failed = r.json.results.find((x) => x.file === 'gone.cbz');
  assert.deepEqual([failed.success, /No such file/.test(failed.error)], [false, true]);
});

serverTest('a job that takes longer is answered with 202, and goes on', { books: 10, args: holdArgs, set: { answer_wait_ms: 300 } }, async (s) => {
  const held = await hold(s, [s.books[0]]);
  const r = await s.api.post('/api/normalize-all');
  assert.equal(r.status, 202, r.text);
  assert.equal(r.json.job_id, r.headers['x-longbox-job']);
  assert.equal(r.json.status, 'processing');
  assert.match(r.headers.link, /successor-version/);
  held.release();
  assert.equal((await waitCompleted(s.api, r.json.job_id)).processed_items, 10);
});

serverTest('waiting calls hold no thread, and end with their job: cancelled or deleted', { books: 5, workers: 1, args: holdArgs }, async (s) => {
  const held = await hold(s, [s.books[0]]);
  const waiting = Array.from({ length: 8 }, () => s.client().post('/api/rename-all'));
  const jobs = await until('all to be made', 20, async () => {
    const list = (await s.api.get('/api/jobs?status=active&operation=rename')).json.jobs;
    return list.length === 8 && list;
  });
  assert.equal((await s.api.post('/api/jobs/resume')).status, 200, 'the API threads are free');
  for (const [i, j] of jobs.entries()) {
    const r = i % 2 ? await s.api.del(`/api/jobs/${j.job_id}`) : await s.api.post(`/api/jobs/${j.job_id}/cancel`);
    assert.equal(r.status, 200, r.text);
  }
  const answers = await Promise.all(waiting);
  for (const [i, j] of jobs.entries()) {
    if (i % 2) continue;
    const r = answers.find((a) => a.headers['x-longbox-job'] === j.job_id);
    assert.deepEqual([r.status, r.json.error], [200, 'the job was cancelled']);
    assert.equal(r.json.results.length, (await getJob(s.api, j.job_id)).processed_items);
  }
  const deleted = answers.filter((a) => a.status === 404);
  assert.equal(deleted.length, 4);
  for (const r of deleted) assert.equal(r.json.error, 'the job was deleted before its end');
  held.release();
});
