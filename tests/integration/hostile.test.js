// A library that was made to do harm: each operation over all of it. Nothing dies or hangs, no process takes more memory
// than it should, every item that fails says why, sound books keep their pages, and nothing outside is touched.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pagesHash } from '../lib/books.js';
import { getJob, waitStatus } from '../lib/jobs.js';
import { tree } from '../lib/processes.js';
import { ROOT, SANITIZED, serverTest } from '../lib/server.js';

const PEAK_KB = 256 * 1024;
const OPTIONS = { tag: { tags: { Title: 'Harmless & <whole>', Year: '1999' } } };
const NOT_STARTED = ['undo']; // of what another job did; not over books of one's choice

function make(library) {
  const manifest = `${library}.tsv`;
  fs.rmdirSync(library);
  execFileSync(path.join(ROOT, 'tests/tools/make-library'), ['--out', library, '--series', '3', '--issues', '12', '--pages', '6', '--page-kb', '2',
    '--corrupt', '40', '--cbr-samples', 'both', '--hostile', '--manifest', manifest, '--quiet']);
  fs.writeFileSync(`${library}.canary`, 'untouched');
}

function rows(library) {
  const [head, ...lines] = fs.readFileSync(`${library}.tsv`, 'latin1').trim().split('\n').map((l) => l.split('\t'));
  return lines.map((l) => Object.fromEntries(head.map((key, i) => [key, l[i]])));
}

// The pages of all sound zip archives of the folder, as a list in order: names may change, pages may not.
function soundPages(library, files) {
  return files.map((f) => pagesHash(path.join(library, f))).sort();
}

function everyFile(dir) {
  return fs.readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? everyFile(path.join(dir, e.name)) : e.isFile() ? [path.join(dir, e.name)] : []));
}

function peaks(pid) {
  const out = [];
  for (const p of tree(pid)) {
    const m = /^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${p.pid}/status`, 'utf8'));
    if (m) out.push({ name: p.name, pid: p.pid, kb: Number(m[1]) });
  }
  return out;
}

async function runOver(s, operation) {
  const r = await s.api.post('/api/jobs', { operation, select: { filter: 'all' }, options: OPTIONS[operation] || {} });
  assert.equal(r.status, 201, `${operation}: ${r.text.slice(0, 500)}`);
  await waitStatus(s.api, r.json.job_id, 'completed', 120);
  const results = [];
  for (let after = 0; ;) {
    const job = await getJob(s.api, r.json.job_id, `?after=${after}&limit=1000`);
    if (!job.results.length) return results;
    results.push(...job.results);
    after = results.at(-1).id;
  }
}

serverTest('a hostile library does no harm to any operation', { books: make, workers: 2, threads: 2, seconds: 300 }, async (s, t) => {
  const list = rows(s.library);
  const sound = list.filter((r) => ['ok', 'dupe', 'twin'].includes(r.state) && ['cbz', 'cbr7'].includes(r.kind)
    && !/\bsub\b/.test(r.meta)).map((r) => r.path); // tags in a folder would count as a page
  const before = soundPages(s.library, sound);
  const outside = fs.readdirSync(path.dirname(s.library)).sort();
  const workers = JSON.stringify(s.workers());
  const { operations } = (await s.api.get('/api/config')).json;
  const hostile = list.filter((r) => r.state === 'hostile').length;
  assert.ok(hostile >= 30 && sound.length >= 15, `${hostile} hostile, ${sound.length} sound`);
  for (const { name } of operations.filter((o) => o.accepts === 'books' && !NOT_STARTED.includes(o.name))) {
    const results = await runOver(s, name);
    const failed = results.filter((r) => !r.success);
    assert.ok(results.length >= sound.length + 20, `${name}: ${results.length} results`);
    for (const r of failed) assert.ok(r.error && r.error.length > 8, `${name}: no reason for ${JSON.stringify(r)}`);
    assert.ok(!failed.some((r) => /internal|worker died|signal/i.test(r.error)), JSON.stringify(failed.filter((r) => /internal|died|signal/i.test(r.error))));
    const seen = peaks(s.pid);
    assert.ok(seen.filter((p) => p.name === 'longbox-worker').length === 2, JSON.stringify(seen));
    const most = Math.max(...seen.filter((p) => p.name === 'longbox-worker').map((p) => p.kb));
    t.diagnostic(`note: ${name}: ${results.length} items, ${failed.length} failed with ${new Set(failed.map((r) => r.error)).size} different reasons; peak memory of a worker ${Math.round(most / 1024)} MB`);
    if (!SANITIZED) assert.ok(most < PEAK_KB, `${name}: ${most} kB`);
    assert.equal(JSON.stringify(s.workers()), workers, `${name}: no worker died`);
  }
  // The books are somewhere in the library still, under whatever name. (To unpack the hostile ones would never end.)
  const now = new Set(everyFile(s.library).filter((f) => !f.startsWith(path.join(s.library, 'Hostile/'))).flatMap((f) => {
    try {
      return [pagesHash(f)];
    } catch {
      return []; // not a sound zip archive, as many here
    }
  }));
  assert.deepEqual(before.filter((h) => !now.has(h)), []);
  assert.equal(fs.readFileSync(`${s.library}.canary`, 'utf8'), 'untouched');
  assert.deepEqual(fs.readdirSync(path.dirname(s.library)).sort(), outside, 'nothing appeared beside the library');
});
