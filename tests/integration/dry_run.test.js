// Previews: dry_run on a job says what it would do, and changes nothing (API.md, Previews).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { listBooks, makeBook, readTags } from '../lib/books.js';
import { activeJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const library = (dir) => {
  makeBook(dir, 'Wolf/a 1.cbz', { tags: { Number: 1, Writer: 'W' } });
  makeBook(dir, 'Wolf/b 01.cbz', {});
  makeBook(dir, 'Wolf/c 2.cbz', { tags: { Title: 'Old' } });
  makeBook(dir, 'Wolf/Wolf - Chapter 0003.cbz', { tags: { Title: 'Chapter 3', Series: 'Wolf', Number: 3 } });
  makeBook(dir, 'Wolf/special.cbz', {});
};

const TABLES = ['files', 'history', 'totals'];

// Every byte and time of the library, and every row that is kept about it.
async function everything(s) {
  const files = listBooks(s.library).map((name) => {
    const file = path.join(s.library, name);
    const { ino, mtimeMs, size } = fs.statSync(file);
    return [name, ino, mtimeMs, size, createHash('sha256').update(fs.readFileSync(file)).digest('hex')];
  });
  const rows = await Promise.all(TABLES.map((t) => s.sqlite(`SELECT * FROM ${t} ORDER BY 1`, 'library.db')));
  assert.ok(rows[0].length > 0);
  return { files, rows };
}

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-dry-run-'));
after(() => fs.rmSync(dir, { recursive: true, force: true }));
const commands = path.join(dir, 'config.yaml');
fs.writeFileSync(commands, 'commands:\n  - name: show\n    argv: [/bin/echo, "{path}"]\n');

const start = (s, body) => s.api.post('/api/jobs', { select: { filter: 'all' }, dry_run: true, ...body });
const byName = (job) => Object.fromEntries(job.results.map((r) => [r.item, r]));

serverTest('a preview of each operation changes no byte, no time, no row, and becomes no active job', { books: library }, async (s) => {
  const other = await startNoop(s.api, 1, 0);
  await waitCompleted(s.api, other);
  const before = await everything(s);
  for (const body of [{ operation: 'process' }, { operation: 'rename' }, { operation: 'normalize' },
    { operation: 'tag', options: { tags: { Writer: 'A. Bell' } } }]) {
    const made = await start(s, body);
    assert.equal(made.status, 201, made.text);
    assert.equal(made.json.dry_run, true);
    assert.match(made.json.title, /^Preview: \w+ing Files\.\.\.$/);
    assert.equal((await activeJob(s.api)).job_id, null, 'what others follow stays');
    const job = await waitCompleted(s.api, made.json.job_id);
    assert.equal(job.success_items, 5);
    assert.equal(job.dry_run, true);
    for (const r of job.results) assert.ok(r.details.preview, r.item);
    assert.deepEqual(await everything(s), before, body.operation);
  }
  assert.equal((await s.api.get('/api/processing-history')).json.total, 0);
});

serverTest('what a preview says is what the job then does', { books: library }, async (s) => {
  const made = await start(s, { operation: 'process', max_threads: 1 });
  const said = byName(await waitCompleted(s.api, made.json.job_id));
  const real = await s.api.post('/api/jobs', { operation: 'process', select: { filter: 'all' }, max_threads: 1 });
  const done = byName(await waitCompleted(s.api, real.json.job_id));
  for (const [name, r] of Object.entries(said)) {
    assert.equal(r.details.final, done[name].details.final, name);
    assert.equal(r.details.duplicate, done[name].details.duplicate, name);
    const tags = readTags(done[name].details.final) ?? {};
    for (const [element, value] of Object.entries(r.details.preview.after.tags ?? {})) assert.equal(tags[element], value, `${name}: ${element}`);
  }
  assert.equal(said['b 01.cbz'].details.duplicate, true, 'two books of the job would get one name');
  assert.deepEqual(said['c 2.cbz'].details.preview.before, { name: 'c 2.cbz', tags: { Title: 'Old', Series: null, Number: null } });
  assert.deepEqual(said['c 2.cbz'].details.preview.after, { name: 'Wolf - Chapter 0002.cbz', tags: { Title: 'Chapter 2', Series: 'Wolf', Number: '2' } });
  assert.ok(said['c 2.cbz'].details.preview.bytes > 0);
  assert.deepEqual(said['Wolf - Chapter 0003.cbz'].details.preview, { before: {}, after: {}, method: 'none', bytes: 0 });
  const planned = () => s.sqlite('SELECT path, taken FROM planned_names ORDER BY path');
  assert.deepEqual((await planned()).filter((n) => n.taken).map((n) => n.path), ['Wolf/Wolf - Chapter 0001.cbz', 'Wolf/Wolf - Chapter 0002.cbz']);
  await s.api.del(`/api/jobs/${made.json.job_id}`);
  await until('they go with the job', 10, async () => (await planned()).length === 0);
});

serverTest('a retry of a preview is a preview', { books: library }, async (s) => {
  fs.writeFileSync(path.join(s.library, 'Wolf/d 4.cbz'), 'no archive');
  const made = await start(s, { operation: 'rename' });
  const job = await waitCompleted(s.api, made.json.job_id);
  assert.equal(job.error_items, 1);
  const again = await s.api.post(`/api/jobs/${job.job_id}/retry`);
  assert.equal(again.json.dry_run, true);
  assert.equal((await waitCompleted(s.api, again.json.job_id)).error_items, 1);
});

serverTest('what cannot be previewed is refused with its reason', {
  books: library,
  args: ['--config', commands],
}, async (s) => {
  for (const [body, words] of [[{ operation: 'show' }, /command of yours/], [{ operation: 'noop', select: undefined, files: ['a'] }, /nothing to preview/]]) {
    const r = await start(s, body);
    assert.equal(r.status, 422, r.text);
    assert.equal(r.json.field, 'dry_run');
    assert.match(r.json.error, words);
  }
  const r = await start(s, { operation: 'process', dry_run: 'yes' });
  assert.deepEqual([r.status, r.json.code, r.json.field], [400, 'bad_field', 'dry_run']);
  const ops = (await s.api.get('/api/config')).json.operations;
  assert.deepEqual(ops.filter((o) => !o.previews).map((o) => o.name).sort(), ['noop', 'show', 'verify']);
  assert.deepEqual((await s.api.get('/api/jobs')).json.jobs, []);
});
