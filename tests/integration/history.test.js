// GET /api/processing-history: of one file, by a search, and what can still be undone.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { makeBook } from '../lib/books.js';
import { waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';

const ODD = '"><img src=x onerror=alert(1)> é.cbz';
const library = (dir) => {
  makeBook(dir, 'Wolf/a 1.cbz', {});
  makeBook(dir, 'Wolf/b 2.cbz', {});
  makeBook(dir, ODD, {});
};

async function job(s, operation, files, options) {
  const r = await s.api.post('/api/jobs', { operation, files, options });
  assert.equal(r.status, 201, r.text);
  const done = await waitCompleted(s.api, r.json.job_id);
  assert.equal(done.success_items, files.length, JSON.stringify(done.results));
}

async function history(s, query) {
  const r = await s.api.get(`/api/processing-history?${new URLSearchParams(query)}`);
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.total, r.json.history.length);
  return r.json.history;
}

serverTest('history of one file: through its names, with what can be undone and why not', { books: library }, async (s) => {
  await job(s, 'tag', ['Wolf/a 1.cbz', 'Wolf/b 2.cbz', ODD], { tags: { Web: 'http://w/' } });
  await job(s, 'process', ['Wolf/a 1.cbz']);
  const now = 'Wolf/Wolf - Chapter 0001.cbz';
  const rows = await history(s, { file: now });
  assert.deepEqual(rows.map((h) => h.operation_type), ['process', 'tag']);
  assert.deepEqual(rows.map((h) => [h.can_undo, h.why_not]), [[true, null], [false, 'its tags were changed since: undo that first']]);
  const { json: { files } } = await s.api.get('/api/files?search=Chapter');
  assert.deepEqual(await history(s, { file: files[0].file_id }), rows, 'by its id');
  assert.deepEqual(await history(s, { file: files[0].path }), rows, 'by its absolute path');
  assert.equal((await history(s, { file: ODD })).length, 1);
  assert.deepEqual(await history(s, { file: 'Wolf/a 1.cbz' }), []);

  for (const h of await history(s, {})) {
    const tried = await s.api.post(`/api/history/${h.id}/undo`, { dry_run: true });
    assert.equal(tried.status, h.can_undo ? 200 : 409, `row ${h.id}: ${h.why_not}: ${tried.text}`);
  }
  assert.equal((await s.api.post(`/api/history/${rows[0].id}/undo`)).status, 200);
  const after = await history(s, { file: 'Wolf/a 1.cbz' });
  assert.deepEqual(after.map((h) => [h.operation_type, h.can_undo, h.why_not]),
    [['undo', true, null], ['process', false, 'it is undone already'], ['tag', true, null]]);
  assert.equal(after[1].undone_by, after[0].id);

  assert.equal((await s.api.call('DELETE', `/api/delete-file/${encodeURIComponent('Wolf/a 1.cbz')}`)).status, 200);
  const gone = await history(s, { file: 'Wolf/a 1.cbz' });
  assert.deepEqual(gone.map((h) => h.operation_type), ['delete', 'undo', 'process', 'tag']);
  assert.deepEqual(gone.map((h) => h.can_undo), [false, false, false, false]);
  makeBook(s.library, 'Wolf/a 1.cbz', { key: 'new' });
  await job(s, 'tag', ['Wolf/a 1.cbz'], { tags: { Web: 'new' } });
  assert.deepEqual((await history(s, { file: 'Wolf/a 1.cbz' })).map((h) => h.operation_type), ['tag'], 'another book');
});

serverTest('history: search finds names, titles and series in any case; a path outside the library is refused', { books: library }, async (s) => {
  await job(s, 'tag', ['Wolf/a 1.cbz', ODD], { tags: { Series: 'Été' } });
  assert.equal((await history(s, { search: 'ÉTÉ' })).length, 2);
  assert.equal((await history(s, { search: 'wolf/A' })).length, 1);
  assert.equal((await history(s, { search: 'onerror', file: ODD })).length, 1);
  assert.equal((await history(s, { search: 'nothing' })).length, 0);
  const first = await s.api.get('/api/processing-history?search=wolf&limit=1&offset=1');
  assert.deepEqual([first.json.total, first.json.history.length], [1, 0]);
  const outside = await s.api.get('/api/processing-history?file=..%2Fetc%2Fpasswd');
  assert.ok([400, 403, 404].includes(outside.status), outside.text);
  assert.equal((await s.api.get('/api/processing-history?file=id:999')).status, 404);
  assert.ok(fs.existsSync(path.join(s.library, ODD)));
});
