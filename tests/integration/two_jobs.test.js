// Two jobs over one library, started in the same millisecond on both workers. The old application lost a book this way.
import assert from 'node:assert/strict';
import { followJob, startJob } from '../lib/jobs.js';
import { libraryDifferences, libraryHashes, listBooks, readTags } from '../lib/books.js';
import { serverTest } from '../lib/server.js';
import { watchStore } from '../lib/watch_store.js';

async function twice(s, what) {
  const before = libraryHashes(s.library);
  assert.equal(before.size, 60);
  const clients = [s.workerClient(0), s.workerClient(1)];
  await Promise.all(clients.map((c) => c.get('/api/version'))); // the connections are open
  await watchStore(s, async () => {
    const started = await Promise.all(clients.map((c, i) => startJob(c, what[i])));
    const ends = await Promise.all(started.map((j) => followJob(clients, j.job_id, { pauseMs: 5 })));
    for (const answers of ends) {
      const end = answers[answers.length - 1];
      assert.equal(end.status, 'completed');
      assert.equal(end.total_items, 60);
      assert.equal(end.processed_items, 60);
    }
  });
  assert.deepEqual(libraryDifferences(before, libraryHashes(s.library)), []);
  assert.deepEqual(listBooks(s.library).filter((n) => !n.endsWith('.cbz')), [], 'no other file is left behind');
}

for (let round = 1; round <= 3; round++) {
  serverTest(`two process-all in the same millisecond lose no book and make none, round ${round}`, { books: 60 }, async (s) => {
    await twice(s, ['process-all', 'process-all']);
    const names = listBooks(s.library);
    assert.ok(names.every((n) => / - Chapter 00\d\d\.cbz$/.test(n)), names.filter((n) => !/ - Chapter 00\d\d\.cbz$/.test(n)).join());
    for (const n of names) assert.equal(readTags(`${s.library}/${n}`).Series, n.split('/')[0]);
    assert.equal((await s.api.get('/api/files?filter=duplicates')).json.total_files, 0, 'no book was taken for a duplicate of itself');
  });
}

serverTest('rename and normalize of one library at once lose no book and make none', { books: 60 }, async (s) => {
  await twice(s, ['rename-all', 'normalize-all']);
});

serverTest('one book ten times in ten jobs is worked on once at a time', { books: 3 }, async (s) => {
  const before = libraryHashes(s.library);
  const clients = [s.workerClient(0), s.workerClient(1)];
  const started = await Promise.all(Array.from({ length: 10 }, (_, i) => startJob(clients[i % 2], 'normalize-selected', { files: s.books })));
  for (const j of started) {
    const answers = await followJob(clients, j.job_id);
    assert.equal(answers[answers.length - 1].status, 'completed');
  }
  assert.deepEqual(libraryDifferences(before, libraryHashes(s.library)), []);
  assert.equal(listBooks(s.library).length, 3);
});
