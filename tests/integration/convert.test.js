// The operation convert on a real server, with RAR archives of both kinds (stored), 7-Zip and tar.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { makeBook, readTags, unzip, zip } from '../lib/books.js';
import { waitCompleted } from '../lib/jobs.js';
import { ROOT, serverTest } from '../lib/server.js';

function library(folder) {
  execFileSync(path.join(ROOT, 'tests/tools/make-library'), ['--out', path.join(folder, 'made'), '--series', '1', '--issues', '1',
    '--pages', '4', '--corrupt', '0', '--cbr-samples', 'both', '--quiet', '--manifest', path.join(folder, '..', 'manifest.tsv')]);
  makeBook(folder, 'zip/named.cbz', { tags: { Title: 'T' } });
  fs.renameSync(path.join(folder, 'zip/named.cbz'), path.join(folder, 'zip/named.cbr'));
  const tar = (name, from) => execFileSync('tar', ['-cf', path.join(folder, name), '-C', from, '.']);
  const pages = path.join(folder, '..', 'pages');
  fs.mkdirSync(pages);
  for (const n of [1, 2, 3]) fs.writeFileSync(path.join(pages, `${n}.jpg`), Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(5000, n)]));
  fs.mkdirSync(path.join(folder, 'tar'));
  tar('tar/Wolf 7.cbt', pages);
  fs.writeFileSync(path.join(folder, 'tar/broken.cbr'), 'Rar!\x1a\x07\x01\x00 and then nothing of use', 'latin1');
}

const rars = (s) => s.books.filter((b) => /Rarebit.*cbr$/.test(b));

async function run(s, body) {
  const r = await s.api.post('/api/jobs', body);
  assert.equal(r.status, 201, r.text);
  return waitCompleted(s.api, r.json.job_id);
}

serverTest('convert: RAR 4, RAR 5, tar and misnamed zip become CBZ; the old ones are in the trash; history and marks follow', { books: library }, async (s) => {
  assert.ok(rars(s).some((b) => b.includes('RAR4')) && rars(s).some((b) => b.includes('RAR5')));
  const before = new Map(rars(s).map((b) => [b, fs.readFileSync(path.join(s.library, b))]));
  const ids = new Map((await s.api.get('/api/files?per_page=0')).json.files.map((f) => [f.relative_path, f.file_id]));
  const job = await run(s, { operation: 'convert', select: { filter: 'all' } });
  assert.equal(job.title, 'Converting Files...');
  const failed = job.results.filter((r) => !r.success).map((r) => r.item);
  assert.deepEqual(failed, ['broken.cbr']);
  for (const [old, bytes] of before) {
    const to = old.replace(/\.cbr$/, '.cbz');
    const entries = unzip(fs.readFileSync(path.join(s.library, to)));
    assert.ok(entries.length >= 3, to);
    for (const e of entries) assert.ok(bytes.includes(e.data), `${e.name} of ${to} is in the old file byte for byte`);
    assert.deepEqual(fs.readFileSync(path.join(s.library, '.longbox-trash', old)), bytes);
    assert.ok(!fs.existsSync(path.join(s.library, old)));
    const file = (await s.api.get(`/api/files?search=${encodeURIComponent(to)}`)).json.files[0];
    assert.equal(file.file_id, ids.get(old), 'the row follows');
    assert.equal(file.processed, false);
  }
  assert.equal(readTags(path.join(s.library, 'zip/named.cbz')).Title, 'T');
  assert.deepEqual(unzip(fs.readFileSync(path.join(s.library, 'tar/Wolf 7.cbz'))).map((e) => e.data.length), [5002, 5002, 5002]);
  const history = (await s.api.get('/api/processing-history')).json.history;
  const row = history.find((h) => h.before_filename === 'Wolf 7.cbt');
  assert.deepEqual([row.after_filename, row.operation_type], ['Wolf 7.cbz', 'convert']);
  const again = await run(s, { operation: 'convert', select: { filter: 'all' } });
  assert.ok(again.results.filter((r) => r.success).every((r) => r.details.message === 'this is a CBZ already'));
});

serverTest('convert: a CBR can be renamed, but its tags wait for the conversion', { books: library }, async (s) => {
  const renamed = await run(s, { operation: 'rename', files: ['tar/Wolf 7.cbt'] });
  assert.equal(renamed.success_items, 1, JSON.stringify(renamed.results));
  assert.ok(fs.existsSync(path.join(s.library, 'tar/tar - Chapter 0007.cbt')));
  const processed = await run(s, { operation: 'process', files: ['tar/tar - Chapter 0007.cbt'] });
  assert.equal(processed.error_items, 1);
  assert.match(processed.results[0].error, /a tar archive: only a CBZ has tags that can be read and changed; convert it first/);
  await run(s, { operation: 'convert', files: ['tar/tar - Chapter 0007.cbt'] });
  const done = await run(s, { operation: 'process', files: ['tar/tar - Chapter 0007.cbz'] });
  assert.equal(done.success_items, 1);
  assert.equal(readTags(path.join(s.library, 'tar/tar - Chapter 0007.cbz')).Title, 'Chapter 0007');
});

serverTest('convert: an existing CBZ is never overwritten; the other becomes a duplicate', { books: library }, async (s) => {
  const there = zip([{ name: '1.jpg', data: 'x' }]);
  fs.writeFileSync(path.join(s.library, 'tar/Wolf 7.cbz'), there);
  const job = await run(s, { operation: 'convert', files: ['tar/Wolf 7.cbt'] });
  assert.equal(job.results[0].details.duplicate, true);
  assert.deepEqual(fs.readFileSync(path.join(s.library, 'tar/Wolf 7.cbz')), there);
  assert.ok(fs.existsSync(path.join(s.library, 'tar/Wolf 7.cbt')));
  assert.deepEqual((await s.api.get('/api/files?filter=duplicates')).json.files.map((f) => f.name), ['Wolf 7.cbt']);
});

// A RAR 4 archive with a recovery record of RAR 2 behind its main header: sound, and libarchive gives up on it.
function withRecord(folder) {
  library(folder);
  const made = fs.readdirSync(folder, { recursive: true }).map(String);
  const rar = made.find((f) => f.includes('RAR4') && f.endsWith('.cbr'));
  const bytes = fs.readFileSync(path.join(folder, rar));
  const record = Buffer.concat([Buffer.from('785f7800800b0032000000', 'hex'), Buffer.alloc(50, 'P')]);
  fs.writeFileSync(path.join(folder, 'record.cbr'), Buffer.concat([bytes.subarray(0, 20), record, bytes.subarray(20)]));
  fs.copyFileSync(path.join(folder, rar), path.join(folder, 'plain.cbr'));
}

serverTest('convert and verify: what libarchive cannot read is read by unar; results say which', { books: withRecord }, async (s) => {
  const files = ['plain.cbr', 'record.cbr'];
  const byName = (job) => files.map((f) => job.results.find((r) => r.item === f));
  const [a, b] = byName(await run(s, { operation: 'verify', files }));
  assert.deepEqual([a.details.unpacked_by, b.details.unpacked_by], ['libarchive', 'unar']);
  for (const key of ['content', 'pages', 'entries', 'format', 'problem_count']) assert.equal(b.details[key], a.details[key], key);
  assert.ok(a.details.pages > 0);
  const [c, d] = byName(await run(s, { operation: 'convert', files }));
  assert.deepEqual([c.success, d.success], [true, true], d.error);
  assert.deepEqual([c.details.unpacked_by, d.details.unpacked_by], ['libarchive', 'unar']);
  const [x, y] = files.map((f) => unzip(fs.readFileSync(path.join(s.library, f.replace('cbr', 'cbz')))));
  assert.deepEqual(y, x);
  assert.ok(fs.existsSync(path.join(s.library, '.longbox-trash/record.cbr')));
});

for (const inside of [true, false]) {
  const set = {};
  serverTest(`convert: a duplicate moves to duplicate_dir ${inside ? 'in the library, and undo brings it back' : 'outside the library'}; a preview tells it`, {
    books: (dir) => {
      library(dir);
      fs.writeFileSync(path.join(dir, 'tar/Wolf 7.cbz'), zip([{ name: '1.jpg', data: 'x' }]));
      set.duplicate_dir = path.join(dir, inside ? 'twins' : '../twins');
      fs.mkdirSync(set.duplicate_dir);
    },
    set,
  }, async (s) => {
    const old = path.join(s.library, 'tar/Wolf 7.cbt');
    const bytes = fs.readFileSync(old);
    const preview = await run(s, { operation: 'convert', files: ['tar/Wolf 7.cbt'], dry_run: true });
    assert.equal(preview.results[0].details.preview.method, 'none');
    assert.match(preview.results[0].details.final, /twins\/tar\/Wolf 7\.cbt$/);
    assert.deepEqual(fs.readdirSync(set.duplicate_dir), []);
    const job = await run(s, { operation: 'convert', files: ['tar/Wolf 7.cbt'] });
    const { details } = job.results[0];
    assert.equal(details.duplicate, true);
    assert.equal(details.final, preview.results[0].details.final);
    assert.deepEqual(fs.readFileSync(details.final), bytes);
    assert.ok(!fs.existsSync(old));
    const { history } = (await s.api.get('/api/processing-history')).json;
    const undone = await s.api.post(`/api/history/${history[0].id}/undo`, {});
    assert.equal(undone.status, inside ? 200 : 409, undone.text);
    assert.equal(fs.existsSync(old), inside);
  });
}
