// Putting back: one row of the history, and a whole job (API.md, Undo).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { listBooks, makeBook, unzip } from '../lib/books.js';
import { startJob, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';

const ODD = '\ufeff<?xml version="1.0"?>\r\n<ComicInfo xmlns:my="urn:x">\r\n\t<!-- kept -->\r\n\t<Title><![CDATA[Old & grey]]></Title>\r\n'
  + '\t<my:Shelf>x</my:Shelf><Number>1</Number>\r\n</ComicInfo>\r\n';
const WIDE = Buffer.from('\ufeff<?xml version="1.0" encoding="utf-16"?><ComicInfo><Title>\u00e9\ud83e\udd8a</Title></ComicInfo>', 'utf16le');

const library = (dir) => {
  makeBook(dir, 'Wolf/a 1.cbz', { xml: ODD });
  makeBook(dir, 'Wolf/b 2.cbz', { xml: WIDE });
  makeBook(dir, 'Wolf/c 3.cbz', {});
};

// Name and entries of every book: what a person calls the same book.
const state = (s) => listBooks(s.library).map((name) => [name,
  unzip(fs.readFileSync(path.join(s.library, name))).map((e) => [e.name, e.crc]).sort()]);
const marks = async (s) => (await s.api.get('/api/files')).json.files.map((f) => [f.name, f.processed, f.duplicate]).sort();
const history = async (s) => (await s.api.get('/api/processing-history')).json.history;
const rowOf = async (s, name) => (await history(s)).find((h) => h.before_filename === name);
const undo = (s, id, body) => s.api.post(`/api/history/${id}/undo`, body);
const shell = (s, sql) => execFileSync('sqlite3', ['-cmd', '.timeout 5000', path.join(s.state, 'library.db'), sql]);

async function refused(s, id, words, status = 409) {
  const before = state(s);
  const r = await undo(s, id);
  assert.equal(r.status, status, r.text);
  if (status === 409) assert.equal(r.json.code, 'cannot_undo');
  assert.match(r.json.error, words);
  assert.deepEqual(state(s), before, 'and nothing is changed');
}

serverTest('an undone row puts tags back byte for byte, the name and the marks; undoing that does it again', { books: library }, async (s) => {
  const before = [state(s), await marks(s)];
  const { job_id: id } = await startJob(s.api, 'process-all');
  assert.equal((await waitCompleted(s.api, id)).success_items, 3);
  const after = [state(s), await marks(s)];
  const rows = await history(s);
  assert.equal(rows.length, 3);
  for (const h of rows) {
    const r = await undo(s, h.id);
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.success, true);
    assert.equal(r.json.filepath, path.join(fs.realpathSync(s.library), 'Wolf', h.before_filename));
    assert.equal(r.json.undone.history, h.id);
    assert.equal(r.json.undone.filename, h.before_filename);
    assert.equal(r.json.undone.tags.Title, h.before_title);
  }
  assert.deepEqual([state(s), await marks(s)], before);

  const undone = await history(s);
  assert.equal(undone.length, 6);
  for (const u of undone.slice(0, 3)) {
    assert.equal(u.operation_type, 'undo');
    const first = undone.find((h) => h.id === u.undo_of);
    assert.equal(first.undone_by, u.id);
    assert.equal(first.job_id, id);
    assert.deepEqual([u.before_title, u.after_title], [first.after_title, first.before_title]);
    assert.deepEqual(u.changes.Title, [...first.changes.Title].reverse());
    await refused(s, first.id, /undone already/);
  }
  for (const u of undone.slice(0, 3)) assert.equal((await undo(s, u.id)).status, 200);
  assert.deepEqual([state(s), await marks(s)], after);
});

serverTest('a whole job is put back, and a preview of that changes nothing', { books: library }, async (s) => {
  const before = [state(s), await marks(s)];
  const { job_id: id } = await startJob(s.api, 'process-all');
  await waitCompleted(s.api, id);
  const after = [state(s), await marks(s)];

  const seen = await s.api.post(`/api/jobs/${id}/undo`, { dry_run: true });
  assert.equal(seen.status, 201, seen.text);
  const preview = await waitCompleted(s.api, seen.json.job_id);
  assert.equal(preview.success_items, 3);
  const a = preview.results.find((r) => r.details.preview.after.name === 'a 1.cbz');
  assert.equal(a.details.preview.after.tags.Title, 'Old & grey');
  assert.ok(a.details.preview.bytes > 0);
  assert.deepEqual([state(s), await marks(s)], after);
  assert.equal((await history(s)).length, 3);

  const made = await s.api.post(`/api/jobs/${id}/undo`);
  assert.equal(made.status, 201, made.text);
  assert.equal(made.json.operation, 'undo');
  assert.equal((await waitCompleted(s.api, made.json.job_id)).success_items, 3);
  assert.deepEqual([state(s), await marks(s)], before);

  const again = await s.api.post(`/api/jobs/${id}/undo`);
  assert.deepEqual([again.status, again.json.code], [400, 'nothing_to_do'], again.text);
  const redo = await s.api.post(`/api/jobs/${made.json.job_id}/undo`);
  assert.equal((await waitCompleted(s.api, redo.json.job_id)).success_items, 3);
  assert.deepEqual([state(s), await marks(s)], after);
  const third = await s.api.post(`/api/jobs/${id}/undo`);
  assert.equal((await waitCompleted(s.api, third.json.job_id)).success_items, 3, 'undone, done again, and undone again');
  assert.deepEqual([state(s), await marks(s)], before);
});

serverTest('what somebody changed since is not overwritten, and the answer says what it was', { books: library }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  const [a, b, c] = await Promise.all(['a 1.cbz', 'b 2.cbz', 'c 3.cbz'].map((n) => rowOf(s, n)));
  const at = (n) => path.join(s.library, 'Wolf', n);
  const tag = await s.api.post('/api/jobs', { operation: 'tag', files: ['Wolf/Wolf - Chapter 0001.cbz'], options: { tags: { Web: 'w' } } });
  await waitCompleted(s.api, tag.json.job_id);
  await refused(s, a.id, /tags were changed since/);
  makeBook(s.library, 'Wolf/b 2.cbz', { key: 'foreign' });
  await refused(s, b.id, /old name is taken by another file: "Wolf\/b 2\.cbz"/);
  fs.unlinkSync(at('b 2.cbz'));
  fs.renameSync(at('Wolf - Chapter 0003.cbz'), path.join(s.dir, 'away.cbz'));
  await refused(s, c.id, /not|no such/i, 404);
  fs.renameSync(path.join(s.dir, 'away.cbz'), at('Wolf - Chapter 0003.cbz'));
  await s.api.post('/api/settings/filename-format', { format: '{series} #{issue}' });
  await waitCompleted(s.api, (await startJob(s.api, 'rename-selected', { files: ['Wolf/Wolf - Chapter 0003.cbz'] })).job_id);
  await refused(s, c.id, /renamed since, to "Wolf\/Wolf #0003\.cbz"/);

  const newest = (await history(s))[0];
  assert.equal((await undo(s, newest.id)).status, 200, 'first what came later');
  assert.equal((await undo(s, c.id)).status, 200);
  assert.ok(!unzip(fs.readFileSync(at('c 3.cbz'))).some((e) => e.name === 'ComicInfo.xml'), 'it had none');
  for (const id of ['0', 'x', '-1', '99999', '99999999999999999999']) await refused(s, id, /not there/, 404);
  assert.equal((await s.api.post('/api/jobs/00000000-0000-7000-8000-000000000000/undo')).status, 404);
  assert.equal((await undo(s, a.id, { dry: true })).status, 400);
});

serverTest('two undos of one row at the same moment are one', { books: library }, async (s) => {
  const before = state(s);
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  for (const h of await history(s)) {
    const answers = await Promise.all([1, 2, 3].map(() => undo(s, h.id)));
    assert.deepEqual(answers.map((r) => r.status).sort(), [200, 409, 409], answers.map((r) => r.text).join('\n'));
  }
  assert.deepEqual(state(s), before);
  assert.equal((await history(s)).length, 6);
});

serverTest('names that one book took over from another go back in order', { books: (dir) => {
  for (let i = 1; i <= 6; i++) makeBook(dir, `Wolf/Wolf - Chapter 000${i}.cbz`, { tags: { Number: i + 1 } });
} }, async (s) => {
  const before = state(s);
  const made = await s.api.post('/api/jobs', { operation: 'rename', max_threads: 1,
    files: [6, 5, 4, 3, 2, 1].map((i) => `Wolf/Wolf - Chapter 000${i}.cbz`) });
  const done = await waitCompleted(s.api, made.json.job_id);
  assert.ok(done.results.every((r) => !r.details.duplicate));
  const back = await s.api.post(`/api/jobs/${made.json.job_id}/undo`);
  const job = await waitCompleted(s.api, back.json.job_id);
  assert.equal(job.success_items, 6, JSON.stringify(job.results));
  assert.equal(job.max_threads, 1);
  assert.deepEqual(state(s), before);
});

serverTest('rows from before anything was kept are put back by their fields', { books: library }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  shell(s, 'DELETE FROM history_undo');
  const h = await rowOf(s, 'a 1.cbz');
  assert.equal(h.changes, null);
  const r = await undo(s, h.id);
  assert.equal(r.status, 200, r.text);
  const xml = unzip(fs.readFileSync(path.join(s.library, 'Wolf/a 1.cbz'))).find((e) => e.name === 'ComicInfo.xml').data.toString();
  assert.equal(xml, ODD.replace('<![CDATA[Old & grey]]>', 'Old &amp; grey'), 'only the fields go back');
  await refused(s, h.id, /undone already/);

  const c = await rowOf(s, 'c 3.cbz');
  shell(s, `UPDATE history SET operation_type = 'elsewhere' WHERE id = ${c.id}`);
  await refused(s, c.id, /'elsewhere' did cannot be undone/);
});

for (const inside of [true, false]) {
  const set = {};
  serverTest(`a duplicate that was moved ${inside ? 'within the library goes back' : 'out of the library is named'}`, {
    books: (dir) => {
      makeBook(dir, 'Wolf/Wolf - Chapter 0001.cbz', { tags: { Title: 'Chapter 1', Series: 'Wolf', Number: 1 } });
      makeBook(dir, 'Wolf/second 1.cbz', { xml: ODD });
      set.duplicate_dir = path.join(dir, inside ? 'twins' : '../twins');
      fs.mkdirSync(set.duplicate_dir);
    },
    set,
  }, async (s) => {
    const before = state(s);
    const job = await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
    assert.ok(job.results.some((r) => r.details.duplicate));
    const h = await rowOf(s, 'second 1.cbz');
    if (!inside) return refused(s, h.id, /moved out of the library.*twins\/Wolf\/second 1\.cbz.*by hand/);
    const r = await undo(s, h.id);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(state(s), before);
    return undefined;
  });
}
