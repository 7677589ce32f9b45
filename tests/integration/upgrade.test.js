// SIGUSR2: another version of the programs takes over in the running process, and nobody notices.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { getJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { isAlive, signal, tree } from '../lib/processes.js';
import { BIN, ROOT, serverTest } from '../lib/server.js';
import { LOAD, underLoad } from '../lib/under_load.js';
import { until } from '../lib/until.js';

const run = promisify(execFile);
const PROGRAMS = ['longbox', 'longboxd', 'longbox-worker'];

const children = (s) => tree(s.pid).filter((p) => ['longbox-worker', 'h2o'].includes(p.name)).map((p) => p.pid);
const count = (s, text) => s.log().split(text).length - 1;
const untilLog = (s, text, seconds = 30, n = 1) => until(`"${text}" in the log`, seconds, () => count(s, text) >= n);
// A front end that only reads its configuration (h2o -t) comes and goes.
const untilSame = (s, before) => until('the processes that were there, and no other', 20, () => children(s).join() === before.join());
const programOf = (pid) => fs.readlinkSync(`/proc/${pid}/exe`);

function install(folder) {
  const share = path.join(folder, 'share', 'longbox');
  fs.mkdirSync(path.join(folder, 'bin'), { recursive: true });
  fs.mkdirSync(share, { recursive: true });
  for (const p of PROGRAMS) fs.copyFileSync(path.join(BIN, p), path.join(folder, 'bin', p));
  fs.symlinkSync(path.join(ROOT, 'etc', 'h2o.conf.in'), path.join(share, 'h2o.conf.in'));
  fs.symlinkSync(path.join(BIN, '..', '..', 'htdocs'), path.join(share, 'htdocs'));
}

// Two installed versions, and the link `current`, which leads to the first one.
function versions(more = {}) {
  const o = { ...more };
  o.books = (library) => {
    o.dir = path.dirname(library);
    for (const v of ['v1', 'v2']) install(path.join(o.dir, v));
    o.use('v1');
    o.bin = path.join(o.dir, 'current', 'bin');
  };
  o.use = (v) => {
    fs.symlinkSync(v, path.join(o.dir, 'next'));
    fs.renameSync(path.join(o.dir, 'next'), path.join(o.dir, 'current'));
  };
  o.program = (v, name) => path.join(fs.realpathSync(o.dir), v, 'bin', name);
  return o;
}

const loaded = versions({ set: { ...LOAD } });
serverTest('SIGUSR2 under load: another version takes over, no request fails, no event is lost', loaded, async (s) => {
  const before = children(s);
  assert.equal(programOf(s.pid), loaded.program('v1', 'longboxd'));
  await underLoad(s, { seconds: 5, items: 1200 }, async () => {
    loaded.use('v2');
    signal(s.pid, 'SIGUSR2');
    await untilLog(s, 'event="reloaded"');
  });
  assert.equal(programOf(s.pid), loaded.program('v2', 'longboxd'), 'in the same process');
  for (const w of s.workers()) assert.equal(programOf(w.pid), loaded.program('v2', 'longbox-worker'));
  await until('the old processes to be gone', 40, () => before.every((pid) => !isAlive(pid)));
  assert.equal(children(s).length, 3);
  assert.doesNotMatch(s.log(), /event="(worker|front end) (died|killed)"/);
  const lock = fs.readFileSync(path.join(s.state, 'run', 'longboxd.lock'), 'utf8');
  assert.equal(Number(lock), s.pid, 'the state folder is still held');
  // It is a whole master: it replaces, upgrades again, and stops in order.
  signal(s.pid, 'SIGHUP');
  await untilLog(s, 'event="reloaded"', 30, 2);
  loaded.use('v1');
  signal(s.pid, 'SIGUSR2');
  await untilLog(s, 'event="reloaded"', 30, 3);
  assert.equal(programOf(s.pid), loaded.program('v1', 'longboxd'));
  s.closeClients();
  assert.equal(await s.stop(), 0);
});

const bad = versions();
serverTest('SIGUSR2 with a program that cannot go on from here is refused, and changes nothing', bad, async (s) => {
  const before = children(s);
  const conf = path.join(s.state, 'run', 'h2o.conf');
  const text = fs.readFileSync(conf, 'utf8');
  const program = bad.program('v2', 'longboxd');
  const cases = [
    ['fails its check', () => fs.writeFileSync(program, '#!/bin/sh\necho other words >&2\nexit 3\n'), /ended with exit code 3/],
    ['hangs', () => fs.writeFileSync(program, '#!/bin/sh\nexec sleep 60\n'), /ended with signal 9/],
    ['is no program', () => fs.writeFileSync(program, 'text'), /ended with exit code 127/],
    ['is missing', () => fs.rmSync(program), /No such file/],
    ['has no worker beside it', () => {
      fs.copyFileSync(path.join(BIN, 'longboxd'), program);
      fs.rmSync(bad.program('v2', 'longbox-worker'));
    }, /ended with exit code 2/],
  ];
  bad.use('v2');
  for (const [i, [name, change, why]] of cases.entries()) {
    change();
    signal(s.pid, 'SIGUSR2');
    await untilLog(s, 'event="upgrade refused"', 20, i + 1);
    assert.match(s.log().split('event="upgrade refused"').pop(), why, name);
  }
  assert.match(s.log(), /longboxd: longbox-worker is not there/);
  await untilSame(s, before);
  assert.equal(fs.readFileSync(conf, 'utf8'), text);
  const id = await startNoop(s.api, 10);
  await waitCompleted(s.api, id);
});

const waits = versions({ set: { graceful_timeout_s: 20 } });
serverTest('SIGUSR2 while workers are being replaced waits for that', waits, async (s) => {
  const id = await startNoop(s.api, 8, 1500);
  await until('items to run', 10, async () => (await s.sqlite(`SELECT count(*) AS n FROM job_items WHERE job_id = '${id}' AND status = 'leased'`))[0].n > 0);
  signal(s.pid, 'SIGHUP');
  await untilLog(s, 'event="worker replaced"');
  waits.use('v2');
  signal(s.pid, 'SIGUSR2');
  await untilLog(s, 'event="upgraded"');
  await untilLog(s, 'event="reloaded"', 30, 2);
  await waitCompleted(s.api, id, 30);
  const [items] = await s.sqlite(`SELECT sum(status = 'ok') AS ok, max(attempts) AS tries FROM job_items WHERE job_id = '${id}'`);
  assert.deepEqual(items, { ok: 8, tries: 1 });
  assert.equal(programOf(s.pid), waits.program('v2', 'longboxd'));
});

serverTest('a worker that dies in the moment of the change is replaced', versions({ seconds: 300 }), async (s) => {
  const id = await startNoop(s.api, 400, 20);
  await until('the first items', 10, async () => (await getJob(s.api, id, '?results=0')).processed_items > 20);
  s.closeClients();
  for (let i = 1; i <= 3; i++) {
    const [victim] = s.workers();
    signal(s.pid, 'SIGUSR2');
    signal(victim.pid, 'SIGKILL');
    await untilLog(s, 'event="reloaded"', 90, i); // a second change waits for the old front end, which waits for its connections
  }
  await waitCompleted(s.client(), id, 60);
  await until('two workers', 10, () => s.workers().length === 2);
  s.closeClients();
  assert.equal(await s.stop(), 0);
});

const fixed = versions();
serverTest('longboxd --check says whether it could run, and whether it could take over', fixed, async (s) => {
  const check = async (env, ...sets) => {
    const args = ['--check', ...sets.flatMap((v) => ['--set', v])];
    try {
      const { stdout, stderr } = await run(path.join(BIN, 'longboxd'), args, { env: { ...process.env, ...env } });
      return { code: 0, text: stdout + stderr };
    } catch (e) {
      return { code: e.code, text: e.stderr };
    }
  };
  const own = [`library=${s.library}`, `state_dir=${s.state}`, `listen=${s.listen}`];
  assert.deepEqual(await check({}, ...own), { code: 0, text: '' });
  const wrong = await check({}, ...own, 'workers=99');
  assert.equal(wrong.code, 2);
  assert.match(wrong.text, /^longboxd: .*workers/);
  for (const handover of ['{}', 'no JSON', '{"layout": "0123456789abcdef"}']) {
    const r = await check({ LONGBOX_HANDOVER: handover }, ...own);
    assert.equal(r.code, 2);
    assert.match(r.text, /shares its scoreboard with no worker of the one that runs; stop that one and start this/);
  }
});

const moved = versions({ args: [] });
const install1 = moved.books;
moved.books = (library) => {
  install1(library);
  moved.file = path.join(moved.dir, 'longbox.yaml');
  fs.writeFileSync(moved.file, 'compress: false\n');
  moved.args.push('--config', moved.file);
};
serverTest('SIGUSR2 refuses settings that cannot change under running workers', moved, async (s) => {
  const before = children(s);
  fs.writeFileSync(moved.file, `log_file: ${moved.dir}/log\n`);
  signal(s.pid, 'SIGUSR2');
  await untilLog(s, 'event="upgrade refused"');
  assert.match(s.log(), /key 'log_file': .*needs a restart/);
  await untilSame(s, before);
  fs.writeFileSync(moved.file, 'threads: 3\n');
  signal(s.pid, 'SIGUSR2');
  await untilLog(s, 'event="reloaded"');
  assert.match(s.log(), /event="worker ready".* threads=3/);
});
