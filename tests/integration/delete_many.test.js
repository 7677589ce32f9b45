// POST /api/jobs with "delete": only with the number of files that is meant.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listBooks } from '../lib/books.js';
import { waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';

const TRASH = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-trash-'));
process.on('exit', () => fs.rmSync(TRASH, { recursive: true, force: true }));

serverTest('delete of many: refused without the right number, and for all of it what is meant goes', { books: 6 }, async (s) => {
  assert.equal((await s.api.get('/api/config')).json.features.trash_dir, false);
  const some = s.books.slice(0, 4);
  const cases = [
    [{ files: some }, 400, /expect_items/], [{ select: { filter: 'all' } }, 400, /expect_items/],
    [{ files: some, expect_items: 3 }, 409, /these are 4 files, not 3/], [{ select: { filter: 'all' }, expect_items: 5 }, 409, /these are 6 files, not 5/],
    [{ files: some, expect_items: '4' }, 400, /whole number/], [{ files: some, expect_items: 0 }, 400, /whole number/],
    [{ files: some, expect_items: 4, dry_run: true }, 422, /./], [{ files: some, expect_items: 4, on_complete: ['verify'] }, 400, /nothing left/],
  ];
  for (const [body, status, words] of cases) {
    const r = await s.api.post('/api/jobs', { operation: 'delete', ...body });
    assert.equal(r.status, status, `${JSON.stringify(body)}: ${r.text}`);
    assert.match(r.json.error, words);
    assert.equal(r.json.field, ['dry_run', 'on_complete'].find((name) => name in body) ?? 'expect_items');
  }
  assert.equal(listBooks(s.library).length, 6);
  const other = await s.api.post('/api/jobs', { operation: 'verify', files: some, expect_items: 1 });
  assert.equal(other.status, 409, 'for every operation');
  const r = await s.api.post('/api/jobs', { operation: 'delete', files: some, expect_items: 4 });
  assert.equal(r.status, 201, r.text);
  assert.equal((await waitCompleted(s.api, r.json.job_id)).success_items, 4);
  assert.deepEqual(listBooks(s.library).sort(), s.books.slice(4).sort());
  assert.ok(!(await s.api.get('/api/config')).json.operations.some((o) => o.name === 'delete'));
  const after = await s.api.post(`/api/batch-jobs/${r.json.job_id}/follow-up`, { operation: 'verify' });
  assert.deepEqual([after.status, after.json.code], [400, 'nothing_to_do'], after.text);
  const follow = await s.api.post('/api/jobs', { operation: 'verify', files: s.books.slice(4), on_complete: ['delete'] });
  assert.equal(follow.status, 400, follow.text);
});

serverTest('delete of many goes to the trash folder where there is one', { books: 3, set: { trash_dir: TRASH } }, async (s) => {
  assert.equal((await s.api.get('/api/config')).json.features.trash_dir, true);
  const r = await s.api.post('/api/jobs', { operation: 'delete', select: { filter: 'all' }, expect_items: 3 });
  assert.equal(r.status, 201, r.text);
  assert.equal((await waitCompleted(s.api, r.json.job_id)).success_items, 3);
  assert.deepEqual(listBooks(s.library), []);
  assert.deepEqual(listBooks(TRASH).sort(), [...s.books].sort());
});
