// longbox submit, jobs, show, watch, cancel: over the workers' socket and over HTTP.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { getJob, names, startNoop, UUID7, waitStatus } from '../lib/jobs.js';
import { signal } from '../lib/processes.js';
import { BIN, serverTest } from '../lib/server.js';
import { sleep, until } from '../lib/until.js';

const LONGBOX = path.join(BIN, 'longbox');

// Runs it to its end: {code, out, err}. The environment names no server of its own.
function longbox(args, env = {}) {
  return new Promise((done) => {
    execFile(LONGBOX, args, { env: { ...process.env, ...env }, timeout: 60000 }, (e, out, err) => done({ code: e ? e.code : 0, out, err }));
  });
}

async function ok(args, code = 0) {
  const r = await longbox(args);
  assert.equal(r.code, code, `${args.join(' ')}: ${r.code}\n${r.out}${r.err}`);
  return r;
}

serverTest('submit, jobs, show over the socket and over HTTP say the same', { books: 6 }, async (s) => {
  for (const where of [['--state', s.state], ['--url', s.url]]) {
    const { out } = await ok(['submit', 'normalize', '--all', '--title', 'From a shell', '--priority', 'high', ...where]);
    const id = out.trim();
    assert.match(id, UUID7);
    const watched = await ok(['watch', id, ...where]);
    assert.match(watched.out, /From a shell completed: 6 of 6, 0 errors, /);
    const job = await getJob(s.api, id);
    assert.equal(job.operation, 'normalize');
    assert.equal(job.priority, 'high');
    assert.match((await ok(['jobs', ...where])).out, new RegExp(`^${id}  completed +6/6 +0 errors  \\d{4}-\\d\\d-\\d\\d .*From a shell$`, 'm'));
    assert.match((await ok(['show', id, ...where])).out, /^title +From a shell\n(.*\n)*status +completed\n/m);
    const shown = JSON.parse((await ok(['show', id, '--json', ...where])).out);
    assert.deepEqual({ ...shown, rate: 0 }, { ...job, rate: 0 });
  }
  assert.equal(JSON.parse((await ok(['jobs', '--json', '--limit', '1', '--state', s.state])).out).jobs.length, 1);
  assert.equal((await ok(['jobs', '--status', 'active', '--state', s.state])).out, '');
  const preview = (await ok(['submit', 'rename', s.books[0], '--dry-run', '--state', s.state])).out.trim();
  assert.equal((await waitStatus(s.api, preview, 'completed')).dry_run, true);
  const chosen = (await ok(['submit', 'normalize', s.books[0], path.join(s.library, s.books[1]), '--state', s.state])).out.trim();
  await waitStatus(s.api, chosen, 'completed');
  assert.equal((await getJob(s.api, chosen)).total_items, 2);
});

serverTest('the exit status of watch says how the job ended', {}, async (s) => {
  const at = ['--state', s.state];
  const submit = (options, n) => ['submit', 'noop', ...names(n), '--options', JSON.stringify(options), '--watch', ...at];
  assert.match((await ok(submit({ ms: 20 }, 10))).out, /^[0-9a-f-]{36}\n(.*\n)*Testing Files\.\.\. completed: 10 of 10, 0 errors/);
  const bad = await ok(submit({ fail_every: 2 }, 4), 1);
  assert.match(bad.err, /^ {2}item 2: item failed as asked$/m);
  const id = await startNoop(s.api, 20, 2000);
  const watching = longbox(['watch', ...at]); // the active one
  await until('a watcher', 10, async () => (await s.api.get('/api/events/stats')).json.active_clients > 0);
  assert.match((await ok(['cancel', id, ...at])).out, /is cancelled/);
  const r = await watching;
  assert.equal(r.code, 3, r.err);
  assert.match(r.out, /cancelled: \d+ of 20/);
  assert.match((await ok(['cancel', id, ...at], 3)).err, /Job not found or already completed/);
  assert.equal((await ok(['watch', ...at])).out, 'no job is running\n');
  assert.equal((await ok(['watch', id, ...at], 3)).code, 3, 'one that has ended');
});

serverTest('an id may be shortened while it is unique', {}, async (s) => {
  const at = ['--state', s.state];
  const one = await startNoop(s.api, 1);
  assert.match((await ok(['show', one.slice(0, 8), ...at])).out, new RegExp(one));
  assert.match((await ok(['show', one.toUpperCase(), ...at])).out, new RegExp(one));
  const two = await startNoop(s.api, 1);
  assert.equal(two.slice(0, 8), one.slice(0, 8), 'ids of one minute begin alike');
  assert.match((await ok(['show', one.slice(0, 8), ...at], 3)).err, /several jobs have an id that begins with/);
  assert.match((await ok(['show', 'ffffffff', ...at], 3)).err, /no jobs have an id/);
  for (const id of [one.slice(0, 7), 'not-a-job-id', `${one}0`]) assert.match((await ok(['show', id, ...at], 2)).err, /a job's id is wanted/);
});

serverTest('watch comes back after its worker, and after the whole server, was killed', {}, async (s) => {
  const id = await startNoop(s.api, 60, 400);
  const child = spawn(LONGBOX, ['watch', id, '--state', s.state]);
  let out = '';
  child.stdout.on('data', (text) => { out += text; });
  const ended = new Promise((done) => { child.on('exit', done); });
  await until('progress', 15, () => /\d+ of 60/.test(out));
  for (const w of s.workers()) signal(w.pid, 'SIGKILL');
  await until('more progress', 20, () => [...out.matchAll(/ (\d+) of 60/g)].some((m) => Number(m[1]) >= 30));
  await s.kill();
  await sleep(1500); // longer than the first new try of the watcher
  await s.start();
  assert.equal(await ended, 0, out);
  assert.match(out, /completed: 60 of 60, 0 errors/);
  const counts = [...out.matchAll(/ (\d+) of 60/g)].map((m) => Number(m[1]));
  assert.deepEqual(counts, [...counts].sort((a, b) => a - b), 'progress never goes back');
});

test('a server that is not there is 4, and soon', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-cli-'));
  const from = Date.now();
  for (const words of [['jobs'], ['watch'], ['watch', '01a201b6-1ff7-7910-bb8f-a9ac9e1e529c'], ['submit', 'noop', 'x'], ['show', '01a201b6'], ['cancel', '01a201b6']]) {
    assert.match((await ok([...words, '--state', dir], 4)).err, /no server answers at .*workers\.sock/);
    assert.match((await ok([...words, '--url', 'http://127.0.0.1:1'], 4)).err, /no server answers at http:\/\/127\.0\.0\.1:1/);
  }
  assert.ok(Date.now() - from < 20000);
  fs.rmSync(dir, { recursive: true });
});

test('wrong usage is 2 and says what is wanted; --help is 0', async () => {
  const wrong = [
    [['submit'], 'an operation is wanted'], [['submit', 'noop'], 'either files, or --all'], [['submit', 'noop', 'x', '--all'], 'either files, or --all'],
    [['submit', 'noop', '--all', '--unmarked'], '--all or --unmarked, once'], [['submit', 'noop', 'x', '--options', '['], 'not a JSON object'],
    [['jobs', 'x'], 'no further words'], [['jobs', '--limit', '0'], '1 to 500'], [['jobs', '--limit', 'x'], '1 to 500'], [['jobs', '--status', 'a&b'], '--status has to be'],
    [['show'], 'one ID'], [['cancel'], 'one ID'], [['cancel', 'a', 'b'], 'one ID'], [['watch', 'a', 'b'], 'one ID, or none'],
    [['jobs', '--bad'], 'unrecognized option'], [['jobs', '--state', '/x', '--url', 'http://x'], 'not both'], [['jobs', '--url', 'ftp://x'], 'has to begin with http'],
  ];
  for (const [args, said] of wrong) {
    const r = await ok(args, 2);
    assert.ok(r.err.includes(said), `${args.join(' ')}: ${r.err}`);
    assert.ok(r.err.includes('usage: longbox'), r.err);
  }
  for (const command of ['submit', 'jobs', 'show', 'watch', 'cancel']) assert.match((await ok([command, '--help'])).out, new RegExp(`^usage: longbox ${command}`));
});

test('text from the server cannot drive the terminal, and what is no Longbox is said', async () => {
  let answer = '';
  const server = net.createServer((c) => c.on('data', () => c.end(`HTTP/1.1 ${answer}`)).on('error', () => {}));
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  server.unref(); // a failure must not keep the test alive
  const url = `http://127.0.0.1:${server.address().port}`;
  const reply = (status, body) => { answer = `${status} x\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`; };
  reply(200, JSON.stringify({ jobs: [{ job_id: 'x', status: 'completed', title: '\u001b]0;x\u0007\u202eevil' }], next: null }));
  assert.match((await ok(['jobs', '--url', url])).out, /\\u001b\]0;x\\u0007\\u202eevil/);
  reply(200, '<html>');
  assert.match((await ok(['jobs', '--url', url], 3)).err, /no answer of a Longbox server/);
  reply(422, JSON.stringify({ error: 'no \u001b[2J' }));
  assert.match((await ok(['submit', 'noop', 'x', '--url', url], 3)).err, /longbox submit: no \\u001b\[2J/);
  server.close();
});
