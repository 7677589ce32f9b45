// Death in the middle of a settle, and again in the middle of its recovery: by a worker's survivor and at the next start.
// Afterwards each book is there, its pages bit for bit, with the tags and the name that a run without deaths gives.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { makeBooks } from '../lib/books.js';
import { until } from '../lib/until.js';
import { LONG, Patient, checkState } from './patient.js';

const BOOKS = 6;
const WRITE = ['tail_recorded', 'book_begun', 'book_leased', 'book_appended', 'book_append_synced', 'book_placed', 'book_place_synced', 'book_cut', 'book_cut_synced', 'op_saved'];
// Passed by the second death, when a recovery is under way.
const RECOVERY = ['tails_adopted', 'book_recover_judged', 'tail_recovered', 'leases_given_back'];

async function life({ faults = '', workers = 2, once }) {
  const p = new Patient({
    books: (dir) => makeBooks(dir, BOOKS),
    set: { max_attempts: 100, workers, threads: 2 },
    env: { LB_FAULT: faults, LB_FAULT_ONCE: once },
  });
  try {
    await p.up();
    const inodes = new Set(fs.readdirSync(p.s.library, { recursive: true }).map((n) => fs.statSync(path.join(p.s.library, n)).ino));
    const job = await p.ended(await p.start('process', '/api/jobs/process-all', {}));
    assert.equal(job.success_items, BOOKS);
    await p.stop();
    const found = await checkState(p.s.state, p.s.library);
    assert.deepEqual(found.problems.filter((t) => !t.startsWith('library.db lists')), []);
    const now = fs.readdirSync(p.s.library, { recursive: true }).filter((n) => n.endsWith('.cbz'));
    for (const n of now) assert.ok(inodes.has(fs.statSync(path.join(p.s.library, n)).ino), `${n} was written in place`);
    p.s.checkLog();
    return { books: found.books, history: found.history, log: p.s.log() };
  } catch (e) {
    console.error(`--- log of the server with LB_FAULT=${faults}\n${p.s.log().slice(-20000)}--- end of the log`);
    throw e;
  } finally {
    await p.end();
  }
}

let undisturbed;

test('a run without deaths settles every book', async () => {
  undisturbed = await life({ once: '' });
  assert.equal(Object.keys(undisturbed.books).length, BOOKS);
});

// Several pairs in one life: the first death of each pair leaves something to recover, the second comes in that work.
async function deaths(t, pairs, workers) {
  const once = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-once-'));
  try {
    const faults = pairs.flat().map((f) => `${f}:kill`).join();
    const { books, history, log } = await life({ faults, workers, once });
    assert.deepEqual({ books, history }, { books: undisturbed.books, history: undisturbed.history }, `after ${faults}`);
    t.diagnostic(`with ${workers} workers, died at ${fs.readdirSync(once).join(' ')}; ${log.match(/event="book recovered".*result="[^"]*"/g)?.length ?? 0} books recovered`);
    return fs.readdirSync(once);
  } finally {
    fs.rmSync(once, { recursive: true, force: true });
  }
}

for (const workers of LONG ? [1, 2] : [2]) {
  test(`killed at each step of a settle, and of its recovery, with ${workers} worker(s)`, async (t) => {
    const hit = new Set();
    const pairs = WRITE.flatMap((w, i) => (LONG ? RECOVERY : [RECOVERY[i % RECOVERY.length]]).map((r) => [`${w}:1`, `${r}:1`]));
    while (pairs.length) for (const h of await deaths(t, pairs.splice(0, LONG ? 1 : 3), workers)) hit.add(h);
    for (const point of [...WRITE, ...RECOVERY]) assert.ok(hit.has(`${point}:1`), `${point} was not passed`);
  });
}

// The server is gone for good while a book is half written; it is made whole at the start, before anything else.
test('a book that was cut off in the append is as it was, when the library is there again', async () => {
  const p = new Patient({ books: (dir) => makeBooks(dir, 2), set: { max_attempts: 100, workers: 1, threads: 1 }, env: { LB_FAULT: 'book_append_synced:1:kill,tails_adopted:1:kill' } }); // and nobody mends it
  const once = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-once-'));
  try {
    await p.up();
    await p.start('process', '/api/jobs/process-all', {}).catch(() => {});
    const rows = () => p.s.sqlite('SELECT path, old_size, append_at, tail_len FROM tail_writes');
    const left = await until('a record', 30, async () => (await rows())[0], 50);
    await p.s.kill();
    const file = path.join(p.s.library, left.path);
    fs.truncateSync(file, left.append_at + left.tail_len - 10); // as if the power had gone
    const away = `${p.s.library}-away`;
    const { books } = p.s;
    fs.renameSync(p.s.library, away);
    fs.mkdirSync(p.s.library);
    p.s.books = []; // no start waits for them
    p.s.options.env.LB_FAULT = '';
    p.how = {};
    await p.up();
    await p.ended(p.answers.keys().next().value ?? (await p.call('GET', '/api/jobs')).json.jobs[0].job_id);
    assert.equal((await rows()).length, 1, 'kept while the library is away');
    assert.match(p.s.log(), /book not recovered.*its folder is not there/);
    await p.stop();
    fs.rmdirSync(p.s.library);
    fs.renameSync(away, p.s.library);
    p.s.books = books;
    Object.assign(p.s.options.env, { LB_FAULT: 'book_recover_cut:1:kill', LB_FAULT_ONCE: once }); // once more
    await p.up();
    await until('no record', 20, async () => (await rows()).length === 0);
    assert.deepEqual(fs.readdirSync(once), ['book_recover_cut:1']);
    assert.match(p.s.log(), /book recovered.*it was whole/); // by the second try
    assert.equal(fs.statSync(file).size, left.old_size);
    await p.stop();
  } finally {
    await p.end();
    fs.rmSync(once, { recursive: true, force: true });
  }
});
