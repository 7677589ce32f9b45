// Commands of the configuration: real programs, called by argument list, over real files.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { getJob, names, waitCompleted, waitStatus } from '../lib/jobs.js';
import { isAlive, signal } from '../lib/processes.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-exec-'));
after(() => fs.rmSync(dir, { recursive: true, force: true }));
let scripts = 0;

function script(text) {
  const file = path.join(dir, `script${++scripts}`);
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}

// Flags for a server with these commands: {name: {argv, ...}}.
function withCommands(commands) {
  const lines = ['commands:'];
  for (const [name, command] of Object.entries(commands)) {
    lines.push(`  - name: ${name}`);
    for (const [key, value] of Object.entries(command)) lines.push(`    ${key}: ${JSON.stringify(value)}`);
  }
  const file = path.join(dir, `config${++scripts}.yaml`);
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return ['--config', file];
}

async function begin(client, operation, files) {
  const r = await client.post('/api/jobs', { operation, files });
  assert.equal(r.status, 201, r.text);
  return r.json.job_id;
}

const lines = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
const log = (name) => path.join(dir, name);

const HOSTILE = ['a b.cbz', '-rf.cbz', `quo'te".cbz`, '$(touch hacked).cbz', '`touch hacked`.cbz', '; touch hacked;.cbz', '*.cbz', '{seq}{path}.cbz', '%s\\n.cbz', 'ä€.cbz'];

serverTest('file names reach the program as one argument, whatever they hold', {
  books: (library) => {
    fs.mkdirSync(path.join(library, 'Se ries'));
    for (const n of [...HOSTILE, 'new\nline.cbz']) fs.writeFileSync(path.join(library, 'Se ries', n), n);
  },
  args: withCommands({
    'show-args': { argv: [script(`printf '%s|' "$#" "$@" > ${log('args')}.$$`), '{path}', '{relative_path}', '{name}', '{folder}', '{seq}x{job_id}', '{nothing}'] },
  }),
}, async (s) => {
  const r = await s.api.post('/api/jobs', { operation: 'show-args', select: { filter: 'all' } });
  assert.equal(r.status, 201, r.text);
  const job = await waitCompleted(s.api, r.json.job_id);
  assert.equal(job.success_items, job.total_items);
  const seen = fs.readdirSync(dir).filter((n) => n.startsWith('args.')).map((n) => fs.readFileSync(log(n), 'utf8').split('|'));
  assert.equal(seen.length, job.total_items);
  const folder = path.join(fs.realpathSync(s.library), 'Se ries');
  for (const name of HOSTILE) {
    const row = seen.find((x) => x[3] === name);
    assert.ok(row, `${name} was seen`);
    assert.deepEqual(row.slice(0, 5), ['6', path.join(folder, name), `Se ries/${name}`, name, folder]);
    assert.match(row[5], new RegExp(`^\\d+x${job.job_id}$`));
    assert.equal(row[6], '{nothing}');
  }
  assert.ok(seen.some((x) => x[3] === 'new\nline.cbz'), 'a newline too');
  assert.ok(!fs.existsSync(path.join(s.library, 'hacked')));
});

serverTest('a command is an operation: listed, run, its output kept, its failures told', {
  books: 4,
  args: withCommands({
    count: { argv: ['sh', '-c', 'echo counting; wc -c < "$1"', 'sh', '{path}'], title: 'Count Bytes', text: 'Counts.' },
    broken: { argv: [script('echo first >&2; echo "no page in $1" >&2; exit 3'), '{name}'], accepts: 'strings' },
    crash: { argv: [script('kill -SEGV $$')], accepts: 'strings' },
    missing: { argv: ['no-such-program'], accepts: 'strings' },
    touch: { argv: ['sh', '-c', 'echo more >> "$1"', 'sh', '{path}'], changes_files: true },
  }),
}, async (s) => {
  const config = (await s.api.get('/api/config')).json;
  const count = config.operations.find((o) => o.name === 'count');
  assert.deepEqual({ ...count, options: 0 }, { name: 'count', label: 'Count Bytes', verb: 'Running Count Bytes on', text: 'Counts.', accepts: 'books', changes_files: false, previews: false, options: 0 });
  const id = await begin(s.api, 'count', s.books);
  const job = await waitCompleted(s.api, id);
  assert.equal(job.title, 'Running Count Bytes on Files...');
  const full = await getJob(s.api, id);
  assert.equal(full.success_items, 4);
  for (const r of full.results) assert.equal(r.details.output.trim(), String(fs.statSync(r.details.final).size));

  const ends = async (operation) => (await getJob(s.api, (await waitCompleted(s.api, await begin(s.api, operation, ['a b']))).job_id)).results[0];
  const bad = await ends('broken');
  assert.equal(bad.error, 'exit status 3: no page in a b');
  assert.equal(bad.details.stderr, 'first\nno page in a b');
  assert.equal((await ends('crash')).error, 'ended by SIGSEGV');
  assert.equal((await ends('missing')).error, 'program "no-such-program" is not found in PATH');

  await waitCompleted(s.api, await begin(s.api, 'touch', [s.books[0]]));
  const history = (await s.api.get('/api/processing-history')).json;
  assert.equal(history.history[0].operation_type, 'touch');
  const refused = await s.api.post('/api/jobs', { operation: 'count', files: s.books, options: { x: 1 } });
  assert.equal(refused.status, 400);
});

// A program and a grandchild of it, both writing their numbers; neither ends by itself.
const family = (file, more = '') => script(`${more}
sh -c '${more} echo $$ >> ${file}; while :; do sleep 0.05; done' & echo $$ >> ${file}; wait; while :; do sleep 0.05; done`);

const allGone = (file, n) => until('the program and its children to be gone', 10, () => {
  const pids = lines(file).map(Number);
  return pids.length >= n && pids.every((p) => !isAlive(p));
});

serverTest('cancel ends the program and what it started', {
  args: withCommands({
    polite: { argv: [family(log('polite'))], accepts: 'strings' },
    stubborn: { argv: [family(log('stubborn'), 'trap "" TERM;')], accepts: 'strings', kill_after_s: 1 },
  }),
}, async (s) => {
  for (const name of ['polite', 'stubborn']) {
    const id = await begin(s.api, name, ['x', 'y']);
    await until('both items to run', 10, () => lines(log(name)).length === 4);
    assert.ok(lines(log(name)).every((p) => isAlive(Number(p))));
    const from = Date.now();
    assert.equal((await s.api.post(`/api/jobs/${id}/cancel`)).status, 200);
    const job = await waitStatus(s.api, id, 'cancelled', 10);
    if (name === 'stubborn') assert.ok(Date.now() - from >= 900, 'SIGTERM came first, SIGKILL after kill_after_s');
    assert.equal(job.processed_items, 0);
    await allGone(log(name), 4);
  }
});

serverTest('a program over its time is ended, with what it started', {
  args: withCommands({ slow: { argv: [family(log('slow'))], accepts: 'strings', timeout_s: 1 } }),
}, async (s) => {
  const job = await waitCompleted(s.api, await begin(s.api, 'slow', ['x']), 15);
  const full = await getJob(s.api, job.job_id);
  assert.equal(full.results[0].error, 'timed out after 1 s');
  await allGone(log('slow'), 2);
});

serverTest('200 items on both workers, each once', {
  args: withCommands({ note: { argv: [script(`echo "$1 $PPID" >> ${log('note')}`), '{path}'], accepts: 'strings' } }),
}, async (s) => {
  const id = await begin(s.api, 'note', names(200));
  const job = await waitCompleted(s.api, id, 90);
  assert.equal(job.success_items, 200);
  const seen = lines(log('note')).map((l) => l.slice(0, l.lastIndexOf(' ')));
  assert.deepEqual([...seen].sort(), names(200).sort());
  const parents = new Set(lines(log('note')).map((l) => l.slice(l.lastIndexOf(' ') + 1)));
  assert.deepEqual([...parents].map(Number).sort(), s.workers().map((w) => w.pid).sort());
});

// Holds a folder while it works on an item, until it may go; a folder that is there already says that two runs overlapped.
const once = (file) => script(`
mkdir "${file}.$1" || { [ -n "$(ls "${file}.$1" 2>/dev/null)" ] && for p in $(ls "${file}.$1"); do kill -0 $p 2>/dev/null && ! grep -q ' Z ' /proc/$p/stat 2>/dev/null && echo "overlap $1" >> ${file}.overlaps; done; }
sh -c 'touch "$1/$$"; while [ ! -e "$2" ]; do sleep 0.1; done' sh "${file}.$1" "${file}.go" & touch "${file}.$1/$$"; echo "$$ $!" >> ${file}; wait`);

serverTest('kill -9 of the worker leaves no program running, and items run again one at a time', {
  args: withCommands({ once: { argv: [once(log('once')), '{seq}'], accepts: 'strings' } }),
}, async (s) => {
  const id = await begin(s.workerClient(0), 'once', names(8));
  await until('all items to run', 15, () => lines(log('once')).length === 8);
  const victim = s.workers()[0];
  const children = lines(log('once')).flatMap((l) => l.split(' ').map(Number))
    .filter((p) => isAlive(p));
  const own = new Set(children.filter((p) => parentOf(p) === victim.pid));
  assert.equal(own.size, 4);
  signal(s.pid, 'SIGSTOP'); // the master: nobody starts another worker or gives the items back
  signal(victim.pid, 'SIGKILL');
  await until('its programs to be gone', 20, () => [...own].every((p) => !isAlive(p)));
  assert.equal(lines(log('once')).length, 8);
  signal(s.pid, 'SIGCONT');
  await until('the four to run again', 30, () => lines(log('once')).length === 12);
  fs.writeFileSync(`${log('once')}.go`, '');
  const job = await waitCompleted(s.workerClient(1), id, 60);
  assert.equal(job.success_items, 8);
  assert.equal(lines(log('once')).length, 12, 'four ran a second time');
  assert.deepEqual(lines(`${log('once')}.overlaps`), []);
  const pids = lines(log('once')).flatMap((l) => l.split(' ').map(Number));
  await until('all to be gone', 20, () => pids.every((p) => !isAlive(p)));
});

serverTest('kill -9 of the worker of an item that does not run again: what its program started ends, too', {
  args: withCommands({ last: { argv: [family(log('last'))], accepts: 'strings' } }), set: { max_attempts: 1 },
}, async (s) => {
  const id = await begin(s.api, 'last', ['x']);
  await until('the program and its child', 10, () => lines(log('last')).length === 2);
  const parents = lines(log('last')).map((p) => parentOf(Number(p)));
  const victim = s.workers().find((w) => parents.includes(w.pid));
  const other = s.workerClient(1 - victim.slot);
  signal(victim.pid, 'SIGKILL');
  const job = await waitCompleted(other, id, 15);
  assert.equal(job.error_items, 1);
  await allGone(log('last'), 2);
});

function parentOf(pid) {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

