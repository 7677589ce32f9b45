// Other programs read the books while we change them: not one read goes wrong. A settle is seen by nobody, because the
// file is under a write lease and who opens it waits; a copy is put in place at once.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { libraryDifferences, libraryHashes, makeBook, makeBooks } from '../lib/books.js';
import { startJob, waitCompleted } from '../lib/jobs.js';
import { BIN, ROOT, serverTest } from '../lib/server.js';
import { within } from '../lib/until.js';

const run = promisify(execFile);
const LONG = process.env.LB_CRASH === 'long'; // make soak
const EDITS = LONG ? 5000 : 400;

class Reader {
  async start(folder) {
    this.child = spawn(path.join(ROOT, 'tests/readers/read_loop.py'), [folder], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.out = '';
    this.child.stdout.on('data', (text) => { this.out += text; });
    this.ended = new Promise((done) => { this.child.on('close', done); });
    await within('a reader to read', 20, new Promise((done) => { this.child.stderr.once('data', done); }));
    return this;
  }

  async end() {
    this.child.stdin.end();
    await within('a reader to end', 60, this.ended);
    return JSON.parse(this.out);
  }
}

// Runs the body while `n` readers read; gives how often they did.
async function readBeside(folder, n, body) {
  const readers = await Promise.all(Array.from({ length: n }, () => new Reader().start(folder)));
  try {
    await body();
  } finally {
    for (const r of readers) r.answer = await r.end();
  }
  for (const { answer } of readers) {
    assert.deepEqual(answer.bad, []);
    assert.ok(answer.reads > 0, 'a reader came to read');
  }
  return readers.reduce((sum, r) => sum + r.answer.reads, 0);
}

test('a few books are changed again and again under two readers', { timeout: 600000 }, async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-beside-'));
  try {
    const names = ['a.cbz', 'b.cbz'];
    for (const name of names) makeBook(dir, name, { tags: { Title: 'Old', Series: 'S' }, pageCount: 8, pageBytes: 60000 });
    const before = libraryHashes(dir);
    const methods = {};
    const reads = await readBeside(dir, 2, async () => {
      for (let round = 0; round < 4; round++) {
        for (const name of names) {
          const { stdout } = await run(path.join(BIN, '../books/edit'), ['--times', String(EDITS / 8), dir, name, `Title=Round ${round}`]);
          for (const line of stdout.trim().split('\n')) methods[line] = (methods[line] || 0) + 1;
        }
      }
    });
    t.diagnostic(`note: ${reads} reads beside ${EDITS} changes (${Object.entries(methods).map(([m, n]) => `${n} by ${m}`).join(', ')}), 0 of them bad`);
    assert.ok(methods.settle > 0 || methods.clone > 0, JSON.stringify(methods));
    assert.deepEqual(libraryDifferences(before, libraryHashes(dir)), []);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
});

serverTest('a job over 250 books under two readers', {
  books: (dir) => makeBooks(dir, 250, { pageBytes: 20000 }), workers: 2, threads: 2,
}, async (s, t) => {
  const before = libraryHashes(s.library);
  let job;
  const reads = await readBeside(s.library, 2, async () => {
    job = await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id, 90);
  });
  assert.equal(job.error_items, 0);
  t.diagnostic(`note: ${reads} reads beside a job over ${job.total_items} books, 0 of them bad`);
  assert.deepEqual(libraryDifferences(before, libraryHashes(s.library)), []);
});
