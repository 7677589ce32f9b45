// Deaths in the middle of rarer things: a database that is mended at the start, and a reload. What the next start finds
// is gone on with.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { libraryDifferences, libraryHashes, makeBooks } from '../lib/books.js';
import { isAlive, signal } from '../lib/processes.js';
import { until, within } from '../lib/until.js';
import { Patient, checkState } from './patient.js';

const run = promisify(execFile);
const BOOKS = 8;

// Takes what the table's first page holds out of the file, when nothing runs.
async function damage(file, table) {
  await run('sqlite3', [file, 'PRAGMA wal_checkpoint(TRUNCATE)']);
  const { stdout } = await run('sqlite3', ['-json', file, `SELECT rootpage, (SELECT page_size FROM pragma_page_size) AS size FROM sqlite_master WHERE name = '${table}'`]);
  const [{ rootpage, size }] = JSON.parse(stdout);
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, Buffer.alloc(size, 0x5a), 0, size, (rootpage - 1) * size);
  fs.closeSync(fd);
}

async function whole(p) {
  let found;
  await until('the state to be whole', 20, async () => {
    await p.up();
    found = await checkState(p.s.state, p.s.library);
    // What is saved of a damaged jobs.db are jobs and items; its events only ever said the same.
    found.problems = found.problems.filter((x) => !x.startsWith('no event tells of job'));
    return !found.problems.length;
  }, 200).catch((e) => { throw new Error(`${found.problems.join('\n')}\n${e.message}`); });
  return found;
}

async function lived(options, body) {
  const once = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-once-'));
  const p = new Patient({ books: (dir) => makeBooks(dir, BOOKS), ...options, set: { workers: 2, threads: 2, max_attempts: 100, ...options.set } });
  const before = libraryHashes(p.s.library);
  try {
    await body(p, once);
    await whole(p);
    assert.deepEqual(libraryDifferences(before, libraryHashes(p.s.library)), []);
  } catch (e) {
    console.error(`--- log of the server\n${p.s.log().slice(-20000)}--- end of the log`);
    throw e;
  } finally {
    await p.end();
    fs.rmSync(once, { recursive: true, force: true });
  }
}

const die = (p, once, point) => { p.s.options.env = { LB_FAULT: `${point}:1:kill`, LB_FAULT_ONCE: once }; };

for (const [name, table, point] of [['library', 'files', 'repair_log_moved'], ['library', 'files', 'repair_moved'],
  ['jobs', 'owners', 'repair_saved'], ['jobs', 'owners', 'repair_log_moved'], ['jobs', 'owners', 'repair_moved']]) {
  test(`a death at ${point} while ${name}.db is mended: the next start mends it`, () => lived({}, async (p, once) => {
    const first = await p.noop('first', 20, 1);
    await p.ended(first);
    await p.ended(await p.start('books', '/api/jobs/process-all', {}));
    await p.stop();
    await damage(path.join(p.s.state, `${name}.db`), table);
    die(p, once, point);
    const job = await p.job(first);
    assert.deepEqual([job.status, job.success_items], ['completed', 20]);
    assert.deepEqual(fs.readdirSync(once), [`${point}:1`]);
    assert.ok(fs.readdirSync(p.s.state).some((f) => f.startsWith(`${name}.db.damaged-`)), 'what was damaged is kept');
    await p.ended(await p.noop('after', 20, 1));
  }));
}

const reload = ['master_reload', 'master_next_started', 'master_take_over', 'master_front_take_over'].map((point) => [point, 'SIGHUP']);
const upgrade = ['master_upgrade_check', 'master_upgrade_exec', 'master_upgraded', 'master_take_over', 'master_front_take_over']
  .map((point) => [point, 'SIGUSR2']);
for (const [point, name] of [...reload, ...upgrade]) {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'lb-conf-')), 'longbox.yaml');
  process.on('exit', () => fs.rmSync(path.dirname(file), { recursive: true, force: true }));
  test(`a death of the master at ${point}, after ${name}: the job goes on`, () => {
    fs.writeFileSync(file, '');
    return lived({ args: ['--config', file] }, async (p, once) => {
      die(p, once, point);
      const id = await p.noop('during', 100, 20);
      fs.writeFileSync(file, 'front_connections: 4096\n');
      const master = p.s.pid;
      signal(master, name);
      await until('its death', 20, () => !isAlive(master));
      await within('the word of it', 20, p.s.exited);
      const job = await p.ended(id);
      assert.deepEqual([job.status, job.success_items], ['completed', 100]);
      assert.deepEqual(fs.readdirSync(once), [`${point}:1`]);
    });
  });
}
