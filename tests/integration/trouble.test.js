// Disks, databases and clocks that fail: nothing is lost, jobs wait and go on, and people are told why.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { checkLater, getJob, names, startJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { SANITIZED, Server, serverTest } from '../lib/server.js';
import { NEEDS_ROOT, checkpoint, damage, isRoot, shim, smallDisk } from '../lib/trouble.js';
import { sleep, until, within } from '../lib/until.js';

const kept = (s, db) => fs.readdirSync(s.state).filter((n) => n.startsWith(`${db}.damaged-`) && !/-(wal|shm)$/.test(n));
const isWhole = async (s, db) => assert.deepEqual(await s.sqlite('PRAGMA integrity_check', db), [{ integrity_check: 'ok' }]);
const someDone = (client, id, k) => until(`${k} items done`, 20, async () => (await getJob(client, id, '?results=0')).processed_items >= k);
// Each worker finds by itself that the disk is well again.
const untilWell = (s) => until('the server to be well', 10, async () => (await health(s)).status === 200);
const held = (client, id, reason) => until(`the job to be held: ${reason}`, 15, async () => (await getJob(client, id, '?results=0')).held === reason);
const health = (s) => s.workerClient(0).get('/health');
const rootTest = (name, options, body) => (isRoot ? serverTest(name, options, body) : test(name, { skip: NEEDS_ROOT }, () => {}));

async function checkItems(s, id, n) {
  const [row] = await s.sqlite(`SELECT count(*) AS n, count(DISTINCT result_no) AS results, max(result_no) AS last, sum(status = 'ok') AS ok FROM job_items WHERE job_id = '${id}'`);
  assert.deepEqual(row, { n, results: n, last: n, ok: n });
}

// ---- at the start ----

// A start that must fail; gives the exit code and the log.
async function failedStart(prepare, after = () => {}) {
  const s = new Server({});
  try {
    prepare(s);
    await assert.rejects(s.start(), /ended with/);
    assert.notEqual(await s.exited, 0);
    after(s);
    return s;
  } finally {
    await s.end();
  }
}

test('a database of a newer version stops the start, with its path, and stays as it is', async () => {
  let before;
  const file = (s) => path.join(s.state, 'jobs.db');
  const s = await failedStart((server) => {
    fs.mkdirSync(server.state);
    execFileSync('sqlite3', [file(server), 'CREATE TABLE theirs (a); PRAGMA user_version = 99']);
    before = fs.readFileSync(file(server));
  }, (server) => assert.ok(before.equals(fs.readFileSync(file(server))), 'the file is as it was'));
  assert.ok(s.log().includes(`${file(s)} has version 99`), s.log());
  assert.match(s.log(), /use that one, or another state folder/);
});

test('a read-only state folder stops the start, with its path and what to do', { skip: isRoot ? false : NEEDS_ROOT }, async () => {
  let disk;
  const s = await failedStart((server) => {
    disk = smallDisk(server.state, 2000);
    fs.mkdirSync(path.join(server.state, 'run'));
    execFileSync('sqlite3', [path.join(server.state, 'jobs.db'), 'CREATE TABLE theirs (a)']);
    execFileSync('mount', ['-o', 'remount,ro', server.state]);
  }, () => disk.unmount());
  assert.ok(s.log().includes(s.state), s.log());
  assert.match(s.log(), /[Rr]ead-only file system/);
});

for (const [what, how] of Object.entries({
  'in the middle': (size) => ({ at: Math.floor(size / 8192) * 4096, bytes: 8192 }),
  'in several places': (size) => ({ at: Math.floor(size / 4 / 4096) * 4096, bytes: 100 }),
  'cut off': (size) => ({ cut: Math.floor((size * 7) / 8) }),
})) {
  serverTest(`a jobs.db that is damaged ${what} is kept, and what can be read of it is saved and goes on`, {}, async (s) => {
    const done = await startNoop(s.api, 2000);
    await waitCompleted(s.api, done);
    const open = await startNoop(s.api, 1500, 20);
    await someDone(s.api, open, 20);
    const before = await getJob(s.api, open, '?results=0');
    await s.kill();
    checkpoint(s.state, 'jobs.db');
    const file = path.join(s.state, 'jobs.db');
    damage(file, how(fs.statSync(file).size));
    const broken = fs.readFileSync(file);
    await s.start();
    const [name] = kept(s, 'jobs.db');
    assert.ok(broken.equals(fs.readFileSync(path.join(s.state, name))), 'the damaged file is kept as it was');
    const said = /error worker=\d event="database damaged" file=jobs.db kept_as="([^"]+)".* jobs=(\d+) items=(\d+)/.exec(s.log());
    assert.equal(said[1], path.join(s.state, name));
    assert.equal(said[2], '2');
    await isWhole(s, 'jobs.db');
    const now = await getJob(s.api, open, '?results=0');
    assert.ok(now.version > before.version, 'pages take the news');
    if (now.total_items < 1500) assert.match(now.error, new RegExp(`^${1500 - now.total_items} of 1500 items were lost`));
    assert.ok(Number(said[3]) > 1000, `${said[3]} items saved`);
    if (now.status !== 'failed') {
      const end = await waitCompleted(s.api, open, 40);
      await checkItems(s, open, end.total_items);
    }
    assert.equal((await s.api.get('/api/active-job')).json.job_id, null);
    await waitCompleted(s.api, await startNoop(s.api, 5));
    await s.stop();
    await s.start();
    assert.equal(kept(s, 'jobs.db').length, 1, 'the new one is good');
  });
}

serverTest('a jobs.db that is no database at all is kept, and the service starts with a new one', {}, async (s) => {
  await s.stop();
  damage(path.join(s.state, 'jobs.db'), { at: 0, bytes: 4096 });
  await s.start();
  assert.match(s.log(), /event="database damaged" file=jobs.db .*why="file is not a database" jobs=0 items=0/);
  await waitCompleted(s.api, await startNoop(s.api, 5));
});

serverTest('library.db and preferences.db that are damaged are set aside and made anew', { books: 8 }, async (s) => {
  await s.stop();
  for (const db of ['library.db', 'preferences.db']) damage(path.join(s.state, db), { at: 100, bytes: 3000 });
  await s.start(); // waits for the list of books
  for (const db of ['library.db', 'preferences.db']) {
    assert.equal(kept(s, db).length, 1);
    assert.match(s.log(), new RegExp(`error worker=\\d event="database damaged" file=${db} kept_as="[^"]*${kept(s, db)[0]}"`));
    await isWhole(s, db);
  }
  const { job_id: id } = await startJob(s.api, 'process-all');
  assert.equal((await waitCompleted(s.api, id)).success_items, 8);
  await untilWell(s);
});

// ---- while it runs ----

serverTest('a jobs.db that is damaged under the service stops it in order; the next start saves what it can', {}, async (s) => {
  const id = await startNoop(s.api, 3000, 20);
  await someDone(s.api, id, 30);
  checkpoint(s.state, 'jobs.db');
  const file = path.join(s.state, 'jobs.db');
  const size = fs.statSync(file).size;
  for (let at = 40960; at + 4096 < size; at += 8192) damage(file, { at, bytes: 4096 });
  assert.equal(await within('the end', 30, s.exited), 0, 'it stopped in order');
  assert.equal(s.log().match(/event="database damaged" file=jobs.db/g).length, 1, 'said once');
  assert.match(s.log(), /stopping; the next start saves what can be read/);
  await s.start();
  assert.equal(kept(s, 'jobs.db').length, 1);
  await isWhole(s, 'jobs.db');
  await waitCompleted(s.api, await startNoop(s.api, 5));
});

serverTest('a library.db that is damaged under the service: items still finish, health says so', { books: 30, set: { scan_interval_s: 1 } }, async (s) => {
  checkpoint(s.state, 'library.db');
  const file = path.join(s.state, 'library.db');
  const { job_id: id } = await startJob(s.api, 'process-all');
  damage(file, { at: 100, bytes: fs.statSync(file).size - 100 });
  const job = await waitCompleted(s.api, id, 30);
  assert.equal(job.processed_items, 30);
  await until('health to say so', 10, async () => {
    const r = await health(s);
    return r.status === 503 && r.json.checks.database === 'library.db is damaged' && r; // "error" until a writer has met it
  });
  assert.equal(s.log().match(/event="database damaged" file=library.db/g).length, 1);
  await waitCompleted(s.api, await startNoop(s.api, 5));
  await s.stop();
  await s.start();
  assert.equal(kept(s, 'library.db').length, 1, 'the next start makes it anew');
  await untilWell(s);
});

serverTest('a preferences.db that is damaged under the service: jobs go on with the default settings', { books: 10 }, async (s) => {
  checkpoint(s.state, 'preferences.db');
  const file = path.join(s.state, 'preferences.db');
  damage(file, { at: 100, bytes: fs.statSync(file).size - 100 });
  const { job_id: id } = await startJob(s.api, 'process-all');
  assert.equal((await waitCompleted(s.api, id, 30)).success_items, 10);
  assert.equal((await health(s)).json.checks.database, 'preferences.db is damaged');
  await s.stop();
  await s.start();
  assert.equal(kept(s, 'preferences.db').length, 1, 'the next start makes it anew');
  await untilWell(s);
});

// Starts a job of 300 items, breaks what `breaks` breaks, and looks at everybody who must be told; then mends it.
async function heldByDatabase(s, reason, breaks, mends) {
  const stream = await s.stream({ slot: 1 });
  const id = await startNoop(s.api, 300, 100);
  await someDone(s.api, id, 20);
  const before = await getJob(s.api, id, '?results=0');
  breaks();
  await until('health to say so', 15, async () => {
    const r = await health(s);
    return r.status === 503 && r.json.checks.database === reason && r.headers['retry-after'];
  });
  await held(s.workerClient(0), id, `database: ${reason}`);
  await held(s.workerClient(1), id, `database: ${reason}`);
  const refused = await until('both workers to notice', 20, async () => {
    const r = await s.api.post('/api/jobs', { operation: 'noop', files: names(3) });
    assert.ok([201, 503, 507].includes(r.status), r.text);
    return r.status !== 201 && r;
  });
  assert.ok(Number(refused.headers['retry-after']) > 0);
  await stream.wait('a service event', 10, () => stream.events.some((e) => e.message.type === 'service' && e.message.data.held === `database: ${reason}`));
  mends();
  const end = await waitCompleted(s.api, id, 30);
  checkLater(before, end);
  assert.equal(end.success_items, 300);
  assert.equal(end.held, undefined);
  await checkItems(s, id, 300);
  await stream.wait('the end of it', 10, () => stream.events.some((e) => e.message.type === 'service' && e.message.data.held === null));
  await untilWell(s);
  await waitCompleted(s.api, await startNoop(s.api, 3));
  await isWhole(s, 'jobs.db');
}

rootTest('a full disk under the database: jobs wait, everybody is told, and they go on by themselves', { books: () => {} }, async (s) => {
  await s.stop();
  fs.rmSync(s.state, { recursive: true });
  const disk = smallDisk(s.state, 12000);
  try {
    await s.start();
    await heldByDatabase(s, 'disk full', () => disk.fill(), () => disk.free());
    await s.stop();
  } finally {
    disk.unmount();
  }
});

{
  const dir = fs.mkdtempSync(path.join(process.env.TMPDIR || '/tmp', 'lb-shim-'));
  const disk = shim(path.join(dir, 'shim'));
  test.beforeEach(() => disk.set(''));
  serverTest('a disk under the database that fails: jobs wait, everybody is told, and they go on by themselves', { env: disk.env }, async (s) => {
    await heldByDatabase(s, 'disk error', () => disk.set('fail 5 /state/'), () => disk.set(''));
    await heldByDatabase(s, 'read-only disk', () => disk.set('fail 30 /state/'), () => disk.set(''));
  });

  serverTest('a wall clock that jumps by a year, either way: no lease, order or job is lost', { env: disk.env, set: { sweep_interval_s: 1, job_keep_s: 60, lease_ms: 1000, lease_renew_ms: 200 } }, async (s) => {
    const ended = await startNoop(s.api, 3);
    await waitCompleted(s.api, ended);
    for (const jump of [365 * 86400, -365 * 86400, 0]) {
      const id = await startNoop(s.api, 60, 100);
      await someDone(s.api, id, 5);
      disk.set(`shift ${jump}`);
      const end = await waitCompleted(s.api, id, 30);
      assert.equal(end.success_items, 60);
      await checkItems(s, id, 60);
      const [row] = await s.sqlite(`SELECT max(attempts) AS most FROM job_items WHERE job_id = '${id}'`);
      assert.equal(row.most, 1, 'no lease was given back');
      const [late] = await s.sqlite("SELECT count(*) AS n FROM events WHERE abs(at - unixepoch()) > 300 * 86400");
      assert.ok(jump === 0 || late.n > 0, 'the jump was seen');
      const versions = (await s.sqlite(`SELECT json_extract(data, '$.version') AS v FROM events WHERE job_id = '${id}' ORDER BY id`)).map((e) => e.v);
      assert.deepEqual(versions, [...versions].sort((a, b) => a - b), 'events in order');
      await sleep(1500); // a sweep
      assert.equal((await getJob(s.api, ended)).status, 'completed', 'a job that ended a moment ago is still there');
      assert.equal((await getJob(s.api, id)).status, 'completed');
    }
  });
  process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
}

rootTest('a full disk under the library: items wait instead of failing, and go on by themselves', {}, async (s) => {
  const disk = smallDisk(s.library, 400);
  try {
    await s.stop();
    const { makeBooks, listBooks } = await import('../lib/books.js');
    makeBooks(s.library, 12, { copiedEvery: 1 }); // what is written in place needs no more room than it has
    disk.fill();
    await s.start();
    await until('the list of books', 20, async () => (await s.api.get('/api/files')).json.total_files === 12);
    const { job_id: id } = await startJob(s.api, 'process-all');
    await held(s.api, id, 'library: disk full');
    const r = await health(s);
    assert.equal(r.status, 503);
    assert.equal(r.json.checks.watched_dir, 'disk full');
    assert.equal(r.json.checks.database, 'ok');
    const strings = await startNoop(s.api, 60); // what is no file does not wait
    assert.equal((await waitCompleted(s.api, strings, 20)).success_items, 60);
    await sleep(2500); // a try of one item
    assert.equal((await getJob(s.api, id)).error_items, 0);
    disk.free();
    const end = await waitCompleted(s.api, id, 30);
    assert.equal(end.success_items, 12);
    const [row] = await s.sqlite(`SELECT max(attempts) AS most FROM job_items WHERE job_id = '${id}'`);
    assert.equal(row.most, 1, 'tries that found no room do not count');
    assert.equal(listBooks(s.library).filter((n) => /Chapter 0\d+\.cbz$/.test(n)).length, 12);
    await untilWell(s);
    await s.stop();
  } finally {
    disk.unmount();
  }
});

serverTest('a sqlite3 shell that holds BEGIN IMMEDIATE for 3 s: no error reaches a client', {}, async (s) => {
  const id = await startNoop(s.api, 200, 20);
  const shell = spawn('sqlite3', [path.join(s.state, 'jobs.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const left = new Promise((done) => { shell.on('close', done); });
  let said = '';
  shell.stdout.on('data', (text) => { said += text; });
  shell.stdin.write(".timeout 5000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n");
  await until('the lock', 10, () => said.includes('locked'));
  const unlock = setTimeout(() => shell.stdin.end('ROLLBACK;\n'), 3000);
  const begun = Date.now();
  const posts = [0, 1].map((slot) => s.workerClient(slot).post('/api/jobs', { operation: 'noop', files: names(3) }));
  let polls = 0;
  while (Date.now() - begun < 2800) {
    await getJob(s.workerClient(polls % 2), id, '?results=0');
    polls += 1;
    await sleep(20);
  }
  for (const r of await Promise.all(posts)) assert.equal(r.status, 201, r.text);
  assert.ok(Date.now() - begun > 2500, 'they waited for the lock');
  clearTimeout(unlock);
  await left;
  assert.ok(polls > 5, `${polls} polls`);
  await waitCompleted(s.api, id, 30);
  assert.doesNotMatch(s.log(), / (warn|error) worker/);
});

serverTest('20 readers and a job of 100,000 items: the log stays short, and the file gives its space back', { seconds: 400 }, async (s) => {
  // A file keeps 4 MB of free space. With a sanitizer there are fewer items, and their names are long.
  const files = SANITIZED ? names(10000, 'a long name '.repeat(50)) : names(100000);
  const made = await s.api.post('/api/jobs', { operation: 'noop', files });
  assert.equal(made.status, 201, made.text.slice(0, 500));
  const id = made.json.job_id;
  let over = false;
  let longest = 0;
  const wal = path.join(s.state, 'jobs.db-wal');
  const file = path.join(s.state, 'jobs.db');
  const readers = Array.from({ length: 20 }, async (_, i) => {
    const client = s.workerClient(i % 2);
    while (!over) {
      const r = await client.get(`/api/jobs/${id}?results=100`);
      assert.equal(r.status, 200);
      longest = Math.max(longest, fs.statSync(wal).size);
      await sleep(2);
    }
  });
  await waitCompleted(s.client(), id, 240);
  over = true;
  await Promise.all(readers);
  assert.ok(longest < 64 << 20, `the log was ${longest >> 20} MB long`);
  console.log(`# longest log ${longest >> 20} MB, file ${fs.statSync(file).size >> 20} MB`);
  checkpoint(s.state, 'jobs.db'); // until now much of it is in the log
  const full = fs.statSync(file).size;
  assert.equal((await s.api.del(`/api/jobs/${id}`)).status, 200);
  await until('the file to give space back', 90, () => fs.statSync(file).size < full * (SANITIZED ? 1 : 0.5) || (checkpoint(s.state, 'jobs.db'), false), 500);
});
