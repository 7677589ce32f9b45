// An item that kills its worker each time it runs: after max_attempts (3) deaths it is an error that names the signal,
// and everything beside it is done as if nothing had been.
import assert from 'node:assert/strict';
import test from 'node:test';
import { libraryDifferences, libraryHashes, listBooks, makeBook } from '../lib/books.js';
import { until } from '../lib/until.js';
import { Patient, checkState } from './patient.js';

const GOOD = 8;
const NOOPS = 150;

// Books that are right already are read and left; the one that is not gets to the point where its writing begins.
function fill(library, copied) {
  for (let i = 1; i <= GOOD + 1; i++) {
    const tags = { Title: `Chapter ${i}`, Series: 'Iron Meridian', Number: i };
    makeBook(library, `Iron Meridian/Iron Meridian ${i}.cbz`, { tags: i === 5 ? { ...tags, Title: 'Poison' } : tags, copied });
  }
}

const DEATHS = [
  ['kill', 'signal 9, SIGKILL', 'book_temp_made'],
  ['segv', 'signal 11, SIGSEGV', 'book_temp_made'],
  ['abort', 'signal 6, SIGABRT', 'book_temp_made'],
  ['kill', 'signal 9, SIGKILL', 'book_leased'],
];

for (const [how, name, point] of DEATHS) {
  test(`an item that ends its worker by ${how} at ${point} three times is an error that says so`, async () => {
    const p = new Patient({
      books: (library) => fill(library, point === 'book_temp_made'),
      set: { workers: 2, threads: 3, scan_interval_s: 1 },
      env: { LB_FAULT: `${point}:1:${how}`, ASAN_OPTIONS: 'handle_segv=0:handle_abort=0', TSAN_OPTIONS: 'handle_segv=0:handle_abort=0' },
    });
    try {
      const before = libraryHashes(p.s.library);
      const beside = await p.noop('beside', NOOPS, 10);
      const id = await p.start('books', '/api/jobs/normalize-all', {});
      const job = await p.ended(id);
      assert.deepEqual([job.status, job.success_items, job.error_items], ['completed', GOOD, 1]);
      const { results } = (await p.call('GET', `/api/jobs/${id}`)).json;
      const [bad, ...more] = results.filter((r) => !r.success);
      assert.deepEqual(more, []);
      assert.equal(bad.item, 'Iron Meridian 5.cbz');
      assert.equal(bad.error, `its worker process died 3 times while it ran (${name})`);
      const other = await p.ended(beside);
      assert.deepEqual([other.status, other.success_items], ['completed', NOOPS]);
      const [row] = await p.s.sqlite(`SELECT attempts FROM job_items WHERE job_id = '${id}' AND path LIKE '%Meridian 5.cbz'`);
      assert.equal(row.attempts, 3);
      assert.equal(p.s.log().match(/event="worker died"/g).length, 3, 'it killed three workers and no more');
      // What the dead left in the folder goes with the next scan, and the book is the old one.
      await until('the half copy to be gone', 10, () => !listBooks(p.s.library).some((n) => n.includes('.longbox-')));
      assert.deepEqual(libraryDifferences(before, libraryHashes(p.s.library)), []);
      assert.deepEqual((await checkState(p.s.state, p.s.library)).problems, []);
    } finally {
      await p.end();
    }
  });
}
