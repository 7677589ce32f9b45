// The watcher: new books in the library folder are listed at once, and processed by themselves when it is switched on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { bookBytes, makeBook, readTags } from '../lib/books.js';
import { hold, holdArgs } from '../lib/hold.js';
import { activeJob, getJob, isEnded, waitCompleted } from '../lib/jobs.js';
import { signal } from '../lib/processes.js';
import { SANITIZED, serverTest } from '../lib/server.js';
import { shim } from '../lib/trouble.js';
import { sleep, until } from '../lib/until.js';

const SET = { watch_settle_ms: 300, scan_interval_s: 3600 };
const SLOW = SANITIZED ? 4 : 1;

const jobs = async (s) => (await s.api.get('/api/jobs?limit=500')).json.jobs;
const status = async (s) => (await s.api.get('/api/watcher/status')).json;
const files = async (s, query = '') => (await s.api.get(`/api/files?per_page=500${query}`)).json;
const marked = async (s) => (await files(s, '&filter=marked')).total_files;

async function enable(s, enabled = true) {
  const r = await s.api.post('/api/settings/watcher-enabled', { enabled });
  assert.deepEqual([r.status, r.json], [200, { success: true, enabled }]);
}

// Until the worker that watches has been through the tree.
const watching = (s) => until('the watcher', 20, async () => (await status(s)).mode === 'events');

// As a mover does it: whole under another name, then renamed. The number of a book is that in its name.
function drop(s, name, options) {
  const file = path.join(s.library, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const part = path.join(path.dirname(file), '.part');
  fs.writeFileSync(part, bookBytes({ key: name, ...options }));
  fs.renameSync(part, file);
}

const allMarked = (s, n, seconds = 30) => until(`${n} books to be marked`, seconds * SLOW, async () => await marked(s) === n);

// All jobs that the watcher made, when they have ended.
async function endedJobs(s, seconds = 30) {
  return until('the watcher\'s jobs to end', seconds * SLOW, async () => {
    const own = (await jobs(s)).filter((j) => j.source === 'watcher');
    return own.length && own.every((j) => isEnded(j.status)) && own;
  });
}

serverTest('a book that is dropped in is processed, told of, and not touched again', { books: 2, set: SET }, async (s) => {
  assert.deepEqual((await s.api.get('/api/settings/watcher-enabled')).json, { enabled: false });
  const stream = await s.stream({ slot: 1 });
  await watching(s);
  await enable(s);
  assert.deepEqual(await status(s), { running: true, enabled: true, mode: 'events', folders: 2 });
  const told = await stream.wait('watcher_status', 10, () => stream.events.map((f) => f.message).find((m) => m.type === 'watcher_status'));
  assert.deepEqual(told.data, { running: true, enabled: true });
  drop(s, 'Wolf/c 7.cbz');
  await allMarked(s, 1);
  assert.equal(readTags(path.join(s.library, 'Wolf/Wolf - Chapter 0007.cbz')).Title, 'Chapter 7');
  const [job] = await endedJobs(s);
  assert.deepEqual([job.status, job.title, job.operation, job.source, job.total_items, job.success_items],
    ['completed', 'Processing New Files...', 'process', 'watcher', 1, 1]);
  const done = await stream.wait('file_processed', 10, () => stream.events.map((f) => f.message).find((m) => m.type === 'file_processed'));
  assert.deepEqual(done.data, { filepath: path.join(fs.realpathSync(s.library), 'Wolf/Wolf - Chapter 0007.cbz'), filename: 'Wolf - Chapter 0007.cbz', success: true, error: null });
  assert.ok(stream.events.some((f) => f.message.type === 'job_updated' && f.message.data.job_id === job.job_id), 'a job like any other');
  await until('no active job', 10, async () => (await activeJob(s.api)).job_id === null);
  // A second book: when it is done, the first has been left alone for at least as long.
  drop(s, 'Wolf/c 8.cbz');
  await allMarked(s, 2);
  assert.equal((await endedJobs(s)).length, 2);
  assert.deepEqual((await endedJobs(s)).map((j) => j.total_items), [1, 1]);
  assert.equal((await files(s, '&filter=unmarked')).total_files, 2, 'what was there before is not new');
});

serverTest('switched off, books are listed at once and left alone; switched on, those that come then are processed', { set: SET }, async (s) => {
  await watching(s);
  const stream = await s.stream();
  drop(s, 'Wolf/c 1.cbz');
  await until('the book in the list', 10, async () => (await files(s)).total_files === 1);
  const change = await stream.wait('library_changed', 10, () => stream.events.map((f) => f.message).find((m) => m.type === 'library_changed'));
  assert.deepEqual([change.data.added, change.data.total], [1, 1]);
  await enable(s);
  drop(s, 'Wolf/c 2.cbz');
  await allMarked(s, 1);
  assert.deepEqual((await files(s, '&filter=unmarked')).files.map((f) => f.name), ['c 1.cbz']);
  fs.rmSync(path.join(s.library, 'Wolf/c 1.cbz'));
  await until('its end in the list', 10, async () => (await files(s)).total_files === 1);
  // What has arrived and was not processed before the switch is forgotten with it.
  await enable(s, false);
  drop(s, 'Wolf/c 3.cbz');
  await until('the third in the list', 10, async () => (await files(s)).total_files === 2);
  await enable(s);
  drop(s, 'Wolf/c 4.cbz');
  await allMarked(s, 2);
  assert.deepEqual((await files(s, '&filter=unmarked')).files.map((f) => f.name), ['c 3.cbz']);
});

serverTest('a book that is copied slowly is not touched before it is whole', { set: SET }, async (s) => {
  await watching(s);
  await enable(s);
  const bytes = bookBytes({ key: 'slow', pageCount: 20, pageBytes: 20000 });
  fs.mkdirSync(path.join(s.library, 'Wolf'));
  const file = path.join(s.library, 'Wolf/c 5.cbz');
  const fd = fs.openSync(file, 'w');
  const half = bytes.length >> 1;
  fs.writeSync(fd, bytes, 0, half);
  await until('the book in the list', 10, async () => (await files(s)).total_files === 1);
  // Another one, dropped later, is done while the first still has its writer: the pause is longer than the settle time.
  drop(s, 'Wolf/c 6.cbz');
  await allMarked(s, 1, 40);
  assert.deepEqual(fs.readFileSync(file), bytes.subarray(0, half));
  fs.writeSync(fd, bytes, half, bytes.length - half);
  fs.closeSync(fd);
  await allMarked(s, 2);
  assert.equal(readTags(path.join(s.library, 'Wolf/Wolf - Chapter 0005.cbz')).Number, '5');
  assert.equal((await endedJobs(s)).reduce((n, j) => n + j.error_items, 0), 0);
});

serverTest('200 books at once, in new folders, are few jobs, and each book is in one of them', { set: SET, seconds: 120 }, async (s) => {
  await watching(s);
  await enable(s);
  for (let i = 0; i < 200; i++) drop(s, `Series ${i % 10}/deeper/c ${i + 1}.cbz`);
  await allMarked(s, 200, 60);
  const own = await endedJobs(s);
  assert.ok(own.length <= 3, `${own.length} jobs`);
  assert.equal(own.reduce((n, j) => n + j.total_items, 0), 200);
  assert.equal(own.reduce((n, j) => n + j.success_items, 0), 200);
  assert.equal((await status(s)).folders, 21);
  // The new folders are watched, also after they were renamed.
  fs.renameSync(path.join(s.library, 'Series 3'), path.join(s.library, 'Wolf'));
  await until('the new names', 20, async () => (await files(s, '&search=Wolf/')).total_files === 20);
  drop(s, 'Wolf/deeper/c 999.cbz');
  await until('the last book', 20, () => fs.existsSync(path.join(s.library, 'Wolf/deeper/deeper - Chapter 0999.cbz')));
  await until('its mark', 20, async () => (await files(s, '&filter=marked&search=0999')).total_files === 1);
  const all = await endedJobs(s);
  assert.equal(all.reduce((n, j) => n + j.total_items, 0), 201, 'marked books that were moved are not new');
});

serverTest('a book that a job works on waits for it, and is in one job of the watcher', { books: 1, set: SET, args: holdArgs }, async (s) => {
  await watching(s);
  await enable(s);
  const [name] = s.books;
  const held = await hold(s, [name]);
  drop(s, name); // another copy of it
  await until('its arrival', 20, async () => (await s.sqlite('SELECT path FROM files WHERE arrived = 1', 'library.db')).length === 1);
  // One that comes later is done, so the first was ready long before.
  drop(s, 'Wolf/c 2.cbz');
  await allMarked(s, 1);
  const items = () => s.sqlite(`SELECT path FROM job_items JOIN jobs USING (job_id) WHERE jobs.source = 'watcher' ORDER BY jobs.created_at`);
  assert.deepEqual(await items(), [{ path: 'Wolf/c 2.cbz' }]);
  held.release();
  await waitCompleted(s.api, held.job);
  await allMarked(s, 2);
  await endedJobs(s);
  assert.deepEqual(await items(), [{ path: 'Wolf/c 2.cbz' }, { path: name }]);
});

serverTest('a book that fails is tried again when it changes, also one whose time was set after it was written', { set: SET }, async (s) => {
  await watching(s);
  await enable(s);
  const failed = async () => (await endedJobs(s)).reduce((n, j) => n + j.error_items, 0);
  fs.mkdirSync(path.join(s.library, 'Wolf'));
  for (const n of [4, 5]) fs.writeFileSync(path.join(s.library, `Wolf/c ${n}.cbz`), 'no archive');
  await until('both in the list', 10, async () => (await files(s)).total_files === 2);
  fs.utimesSync(path.join(s.library, 'Wolf/c 5.cbz'), 1e9, 1e9); // no event tells of it
  await until('two failures', 20, async () => (await jobs(s)).length > 0 && await failed() === 2);
  drop(s, 'Wolf/c 6.cbz');
  await allMarked(s, 1);
  assert.equal(await failed(), 2, 'not before it changes');
  drop(s, 'Wolf/c 4.cbz');
  await allMarked(s, 2);
  assert.equal(await failed(), 2);
});

serverTest('the watching worker is killed while books come: another takes over and nothing is missed', { workers: 2, set: SET, seconds: 120 }, async (s) => {
  await watching(s);
  await enable(s);
  let n = 0;
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 15; i++) {
      drop(s, `Wolf/c ${++n}.cbz`);
      if (i === 7) {
        const victim = s.workers()[round % 2]; // whichever watches, it is killed every second time at least
        signal(victim.pid, 'SIGKILL');
      }
      await sleep(20);
    }
    await until('both workers', 20, () => s.workers().length === 2);
  }
  await allMarked(s, n, 60);
  const own = await endedJobs(s, 60);
  for (const j of own) assert.equal((await getJob(s.api, j.job_id)).success_items, j.total_items);
  const rows = await s.sqlite(`SELECT i.path FROM job_items i JOIN jobs j USING (job_id) WHERE j.source = 'watcher'`);
  assert.equal(new Set(rows.map((r) => r.path)).size, n, 'each was in a job');
  assert.equal(rows.length, n, 'and in one');
});

serverTest('after a restart, and after everything was killed, what came meanwhile is found', { set: SET }, async (s) => {
  makeBook(s.library, 'Wolf/c 1.cbz');
  await watching(s);
  await until('the first book', 10, async () => (await files(s)).total_files === 1);
  await enable(s);
  await s.stop();
  makeBook(s.library, 'Wolf/c 2.cbz');
  await s.start();
  await allMarked(s, 1);
  await s.kill();
  makeBook(s.library, 'Wolf/c 3.cbz');
  await s.start();
  await allMarked(s, 2);
  assert.deepEqual((await files(s, '&filter=unmarked')).files.map((f) => f.name), ['c 1.cbz']);
});

serverTest('events that the kernel dropped are made up for by a scan', { workers: 1, set: { ...SET, worker_timeout_s: 120 } }, async (s) => {
  await watching(s);
  await enable(s);
  const most = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  const [worker] = s.workers();
  signal(worker.pid, 'SIGSTOP');
  for (let i = 0; i <= most / 3; i++) { // three events each: made, closed, gone
    fs.writeFileSync(path.join(s.library, `x${i % 7}.tmp`), '');
    fs.rmSync(path.join(s.library, `x${i % 7}.tmp`));
  }
  drop(s, 'c 9.cbz');
  signal(worker.pid, 'SIGCONT');
  await allMarked(s, 1);
  assert.match(s.log(), /folder events lost/);
});

const noWatches = shim(path.join(os.tmpdir(), `lb-watches-${process.pid}`));
after(() => fs.rmSync(noWatches.env.LB_SHIM, { force: true }));
noWatches.set('fail 28 inotify');

serverTest('without watches the limit is named, and books are found by scans', {
  set: { ...SET, scan_interval_s: 1 }, env: noWatches.env,
}, async (s) => {
  await until('the refusal', 20, () => /library not watched.*fs\.inotify\.max_user_watches.*scanned every 1 s/.test(s.log()));
  await enable(s);
  assert.deepEqual(await status(s), { running: true, enabled: true, mode: 'scans', folders: 0 });
  await until('a scan', 20, async () => (await s.sqlite('SELECT scanned FROM totals', 'library.db'))[0].scanned === 1);
  drop(s, 'Wolf/c 1.cbz');
  drop(s, 'c 2.cbz');
  await allMarked(s, 2);
  assert.equal((await endedJobs(s)).reduce((n, j) => n + j.total_items, 0), 2);
  const health = await s.api.get('/health');
  assert.deepEqual([health.status, health.json.checks.watcher], [200, 'ok']);
  assert.equal(s.log().match(/library not watched/g).length, 1, 'said once, not at each scan');
});

serverTest('a library that goes away stops the watcher, and all are told; what is marked stays', { books: 1, set: { ...SET, scan_interval_s: 1 } }, async (s) => {
  const stream = await s.stream();
  await watching(s);
  fs.renameSync(s.library, `${s.library}.away`);
  const told = (running) => stream.wait(`running: ${running}`, 20, () => stream.events.map((f) => f.message)
    .find((m) => m.type === 'watcher_status' && m.data.running === running));
  await told(false);
  assert.equal((await status(s)).running, false);
  fs.renameSync(`${s.library}.away`, s.library);
  await told(true);
  assert.deepEqual(await status(s), { running: true, enabled: false, mode: 'events', folders: 2 });
});

serverTest('the watcher is checked like every setting', {}, async (s) => {
  for (const body of [{}, { enabled: 'no' }, { enabled: 1 }, { enabled: null }]) {
    const r = await s.api.post('/api/settings/watcher-enabled', body);
    assert.deepEqual([r.status, r.json.field], [400, 'enabled'], JSON.stringify(body));
  }
  const r = await s.api.call('PATCH', '/api/settings', { watcher_enabled: true });
  const one = r.json.settings.find((x) => x.key === 'watcher_enabled');
  assert.deepEqual([one.type, one.value, one.default], ['boolean', true, false]);
  assert.equal((await status(s)).enabled, true);
  assert.equal((await s.api.call('PATCH', '/api/settings', { watcher_enabled: 2 })).status, 400);
  await s.stop();
  await s.start();
  assert.equal((await status(s)).enabled, true, 'it outlives a restart');
});
