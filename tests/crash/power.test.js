// The power goes: what was not synced is lost, in any order. What people were told is still true, no book is lost or
// broken, and everything goes on by itself. The record of one life of a server gives many such disks (make-image).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { libraryDifferences, libraryHashes, makeBooks } from '../lib/books.js';
import { isEnded } from '../lib/jobs.js';
import { BIN, ROOT } from '../lib/server.js';
import { until } from '../lib/until.js';
import { LONG, Patient, checkState } from './patient.js';
import { random } from './random.js';

const run = promisify(execFile);
const IMAGES = LONG ? 1000 : 60;
const SIDE_BY_SIDE = 2;
const SEED = LONG ? Number(process.env.LB_SEED || Date.now() % 1e9) : 815;
const BOOKS = 10;
const SET = { workers: 2, threads: 2, max_attempts: 100 };
const isBook = (name) => !path.basename(name).startsWith('.longbox-'); // what a crash leaves goes with the next scan

// One life of a server, written down. Gives what people were told, with the length of the record at that moment.
async function record(folder) {
  const file = path.join(folder, 'record');
  fs.writeFileSync(file, '');
  const p = new Patient({
    books: (dir) => makeBooks(dir, BOOKS, { copiedEvery: 3 }),
    set: SET,
    env: { LD_PRELOAD: path.join(BIN, '..', 'crash', 'record_shim.so'), LB_RECORD: file, ASAN_OPTIONS: 'verify_asan_link_order=0' },
  });
  p.s.options.env.LB_RECORD_ROOTS = `${p.s.state}:${p.s.library}`;
  const told = [];
  const tell = (what, id) => told.push({ what, id, at: fs.statSync(file).size });
  const start = async (how) => {
    const id = await how;
    tell('made', id);
    return id;
  };
  try {
    const base = path.join(folder, 'base');
    fs.mkdirSync(path.join(base, 'state'), { recursive: true });
    await run('cp', ['-a', p.s.library, path.join(base, 'library')]); // with its times
    const first = await start(p.noop('first', 30, 3));
    const books = await start(p.start('books', '/api/jobs/process-all', {}));
    const cancelled = await start(p.noop('cancelled', 30, 300));
    const r = await p.call('POST', `/api/jobs/${cancelled}/cancel`);
    assert.equal(r.status, 200);
    tell('cancelled', cancelled);
    for (const id of [first, books, cancelled]) await p.ended(id);
    await p.call('POST', '/api/settings/filename-format', { format: '{series} #{issue}' });
    await p.ended(await start(p.start('names', '/api/jobs/rename-all', {})));
    await p.ended(await start(p.noop('last', 40, 2)));
    await p.stop();
    return { file, size: fs.statSync(file).size, told, roots: [`${p.s.state}=${base}/state`, `${p.s.library}=${base}/library`], books: libraryHashes(`${base}/library`) };
  } finally {
    await p.end();
  }
}

async function checkImage(life, folder, end, seed) {
  const out = path.join(folder, `image-${seed}`);
  const { stdout } = await run(path.join(ROOT, 'tests/crash/make-image'), [life.file, String(end), String(seed), out, ...life.roots]);
  // The list of books is as good as the last scan.
  const p = new Patient({ set: { ...SET, scan_interval_s: 1 } });
  fs.rmSync(p.s.library, { recursive: true });
  fs.renameSync(`${out}/0`, p.s.state);
  fs.renameSync(`${out}/1`, p.s.library);
  try {
    assert.deepEqual(libraryDifferences(life.books, libraryHashes(p.s.library, isBook)), [], 'books after the power went');
    for (const { what, id } of life.told.filter((t) => t.at <= end)) {
      const r = await p.call('GET', `/api/jobs/${id}`);
      assert.equal(r.status, 200, `job ${id} was ${what}, and now: ${r.text}`);
      if (what === 'cancelled') assert.ok(r.json.cancelling || r.json.status === 'cancelled', `it was cancelled, and now is ${r.json.status}`);
    }
    const { jobs } = (await p.call('GET', '/api/jobs')).json;
    for (const job of jobs) {
      const last = await p.ended(job.job_id);
      assert.ok(isEnded(last.status) && last.status !== 'failed' && last.error_items === 0, JSON.stringify(last));
    }
    let found;
    await until('the state to be whole', 15, async () => {
      await p.up();
      found = await checkState(p.s.state, p.s.library);
      return !found.problems.length;
    }, 200).catch((e) => { throw new Error(`${found.problems.join('\n')}\n${e.message}`); });
    assert.deepEqual(libraryDifferences(life.books, libraryHashes(p.s.library)), []);
    p.s.checkLog();
  } catch (e) {
    console.error(`--- image ${seed}: ${end} of ${life.size} bytes, ${stdout.trim()}\n${p.s.log().slice(-20000)}--- end of the log`);
    throw e;
  } finally {
    await p.end();
    fs.rmSync(out, { recursive: true, force: true });
  }
  return stdout.trim();
}

test('the power goes at any moment, and what was not synced is lost in any order', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-power-'));
  try {
    const rnd = random(SEED);
    const life = await record(folder);
    assert.ok(life.told.length === 6 && life.size > 100000, `${life.told.length} answers, ${life.size} bytes of record`);
    const ends = Array.from({ length: IMAGES }, (_, i) => (i % 3 === 0 ? rnd.pick(life.told).at : rnd.below(life.size)));
    const kinds = new Map();
    let next = 0;
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
      while (next < ends.length) {
        const i = next++;
        const how = (await checkImage(life, folder, ends[i], SEED + i)).split(' ')[0];
        kinds.set(how, (kinds.get(how) || 0) + 1);
      }
    }));
    t.diagnostic(`note: seed ${SEED}: ${IMAGES} images of ${life.size} bytes of record; of what was not synced: ${JSON.stringify([...kinds])}`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
