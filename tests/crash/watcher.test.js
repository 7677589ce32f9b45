// Deaths of workers while new books come: each book is processed, in one job, whenever its worker died.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { bookBytes, readTags } from '../lib/books.js';
import { until } from '../lib/until.js';
import { LONG, Patient, checkState } from './patient.js';

const POINTS = ['watcher_took_over', 'scan_batch', 'scan_event', 'newcomers_job', 'job_staged_chunk', 'job_publish', 'newcomers_taken'];
const ROUNDS = 3;
const EACH = 4;

function drop(library, name) {
  const file = path.join(library, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.part`, bookBytes({ key: name }));
  fs.renameSync(`${file}.part`, file);
}

// At each passage of one point a worker dies; each fault fires once.
async function live(t, point) {
  const once = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-once-'));
  const most = LONG ? 12 : 2;
  const faults = Array.from({ length: most }, (_, i) => `${point}:${i + 1}:kill`).join();
  const p = new Patient({
    set: { max_attempts: 100, workers: 2, threads: 2, watch_settle_ms: 100, scan_interval_s: 3600 },
    env: { LB_FAULT: faults, LB_FAULT_ONCE: once },
  });
  try {
    await p.up();
    const first = async () => (await p.s.sqlite('SELECT scanned FROM totals', 'library.db'))[0].scanned === 1;
    await until('the first scan', 20, first);
    await p.call('POST', '/api/settings/watcher-enabled', { enabled: true });
    let n = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < EACH; i++) drop(p.s.library, `Wolf ${round}/c ${++n}.cbz`);
      await until(`${n} books to be marked`, 60, async () => (
        await p.s.sqlite('SELECT processed FROM totals', 'library.db'))[0].processed === n, 50);
    }
    await until('their jobs to end', 60, async () => (
      await p.s.sqlite(`SELECT count(*) AS n FROM jobs WHERE phase = 'live' AND completed_at IS NULL`))[0].n === 0, 50);
    const items = await p.s.sqlite(`SELECT i.path, i.status, j.source FROM job_items i JOIN jobs j USING (job_id) WHERE j.phase = 'live'`);
    assert.ok(items.every((i) => i.status === 'ok' && i.source === 'watcher'), JSON.stringify(items));
    assert.equal(new Set(items.map((i) => i.path)).size, n, 'each was in a job');
    assert.equal(items.length, n, 'and in one');
    for (let k = 1; k <= n; k++) {
      const folder = `Wolf ${Math.floor((k - 1) / EACH)}`;
      assert.equal(readTags(path.join(p.s.library, folder, `${folder} - Chapter ${String(k).padStart(4, '0')}.cbz`)).Number, String(k));
    }
    assert.deepEqual(await p.s.sqlite('SELECT path FROM files WHERE arrived = 1', 'library.db'), []);
    await p.stop();
    assert.deepEqual((await checkState(p.s.state, p.s.library)).problems, []);
    p.s.checkLog();
    const hit = fs.readdirSync(once);
    t.diagnostic(`died at ${hit.join(' ')}`);
    assert.ok(hit.includes(`${point}:1`), `${point} was passed`);
  } catch (e) {
    console.error(`--- log of the server that dies at ${point}\n${p.s.log().slice(-30000)}--- end of the log`);
    throw e;
  } finally {
    await p.end();
    fs.rmSync(once, { recursive: true, force: true });
  }
}

for (const point of POINTS) test(`deaths at ${point}: every new book is processed once`, (t) => live(t, point));
