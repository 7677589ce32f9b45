// Workers die at every point of a conversion, over and over: each book is there once, its pages bit for bit.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { unzip } from '../lib/books.js';
import { Patient } from './patient.js';

const POINTS = ['convert_declared', 'new_book_made', 'new_book_written', 'convert_proven', 'trash_kept', 'new_book_before_name',
  'move_renamed', 'new_book_named', 'convert_placed', 'trash_moved', 'convert_done'];
const BOOKS = 8;

const page = (book, n) => Buffer.from(`GIF89a page ${n} of ${book} ${'x'.repeat(3000)}`);
const name = (i) => `Wolf ${i}.${i % 4 === 3 ? 'cbz' : 'cbt'}`; // every fourth is misnamed

function library(folder) {
  const pages = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-pages-'));
  fs.mkdirSync(path.join(folder, 'W'));
  for (let i = 0; i < BOOKS; i++) {
    for (const n of [1, 2, 3]) fs.writeFileSync(path.join(pages, `${n}.gif`), page(i, n));
    execFileSync('tar', ['-cf', path.join(folder, 'W', name(i)), '-C', pages, '1.gif', '2.gif', '3.gif']);
  }
  fs.rmSync(pages, { recursive: true });
}

test('convert: deaths at every point lose no page and leave nothing behind', async (t) => {
  const once = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-once-'));
  const faults = POINTS.flatMap((p) => [1, 2].map((n) => `${p}:${n}:kill`));
  // LB_FAULT holds 16 at most
  for (const part of [faults.slice(0, 12), faults.slice(12)]) {
    const p = new Patient({ books: library, set: { max_attempts: 100, workers: 2, threads: 2 }, env: { LB_FAULT: part.join(), LB_FAULT_ONCE: once } });
    try {
      await p.up();
      const job = await p.ended(await p.start('convert', '/api/jobs', { operation: 'convert', select: { filter: 'all' } }));
      assert.deepEqual([job.success_items, job.error_items], [BOOKS, 0], JSON.stringify(job.results));
      const folder = path.join(p.s.library, 'W');
      const trash = path.join(p.s.library, '.longbox-trash', 'W');
      assert.deepEqual(fs.readdirSync(folder).sort(), Array.from({ length: BOOKS }, (_, i) => `Wolf ${i}.cbz`));
      assert.deepEqual(fs.readdirSync(trash).sort(), Array.from({ length: BOOKS }, (_, i) => name(i)).sort());
      for (let i = 0; i < BOOKS; i++) {
        const entries = unzip(fs.readFileSync(path.join(folder, `Wolf ${i}.cbz`)));
        assert.deepEqual(entries.map((e) => e.data), [1, 2, 3].map((n) => page(i, n)));
      }
      await p.stop();
    } catch (e) {
      console.error(`--- log of the server\n${p.s.log().slice(-20000)}--- end of the log`);
      throw e;
    } finally {
      await p.end();
    }
  }
  const hit = fs.readdirSync(once);
  fs.rmSync(once, { recursive: true, force: true });
  t.diagnostic(`note: convert: died at ${hit.length} of ${faults.length} passages`);
  assert.ok(hit.length >= POINTS.length, `died at ${hit.join(' ')}`);
});
