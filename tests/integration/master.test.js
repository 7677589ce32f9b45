// The master's signals: nothing that is under way is lost when workers and front ends are replaced.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { getJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { isAlive, signal, tree } from '../lib/processes.js';
import { connectToSlot } from '../lib/connect.js';
import { BIN, serverTest } from '../lib/server.js';
import { LOAD, underLoad } from '../lib/under_load.js';
import { sleep, until, within } from '../lib/until.js';


// Options of a server that reads a file, which the test may change: o.write({key: value}).
function withFile(settings) {
  const o = {};
  o.books = (library) => {
    o.file = path.join(path.dirname(library), 'longbox.yaml');
    o.write(settings);
    o.args = ['--config', o.file];
  };
  o.write = (values) => fs.writeFileSync(o.file, Object.entries({ ...settings, ...values }).map(([k, v]) => `${k}: ${v}\n`).join(''));
  return o;
}

const pids = (s) => s.workers().map((w) => w.pid);
const h2os = (s) => tree(s.pid).filter((p) => p.name === 'h2o').map((p) => p.pid);
const count = (s, text) => s.log().split(text).length - 1;
const untilLog = (s, text, seconds = 20, n = 1) => until(`"${text}" in the log`, seconds, () => count(s, text) >= n);

// Every process of `old` is gone and n others serve.
const replaced = (s, old, n, seconds = 20) => until('other workers', seconds, () => {
  const now = pids(s);
  return now.length === n && now.every((p) => !old.includes(p));
});

const rolling = withFile(LOAD);
serverTest('SIGHUP under load replaces all workers and the front end: no request fails, no event is lost', rolling, async (s) => {
  const old = [...pids(s), ...h2os(s)];
  const { streams } = await underLoad(s, { seconds: 8 }, async () => {
    rolling.write({ threads: 3, front_connections: 4096 });
    signal(s.pid, 'SIGHUP');
    await untilLog(s, 'event="reloaded"');
  });
  await replaced(s, old, 2);
  assert.ok(streams.every((f) => f.connects > 1), 'every stream was ended and came back');
  assert.equal(count(s, 'event="worker replaced"'), 2);
  for (const [, slot, pid, oldPid] of s.log().matchAll(/event="worker replaced" slot=(\d) pid=(\d+) old_pid=(\d+)/g)) {
    const [ready, drain] = [`slot=${slot} starting -> ready pid=${pid}`, `slot=${slot} ready -> draining pid=${oldPid}`].map((t) => s.log().indexOf(t));
    assert.ok(ready > 0 && ready < drain, 'one drains only when the other is ready');
  }
  assert.equal(count(s, 'event="front end replaced"'), 1);
  s.closeClients(); // it waits for its connections
  await until('the old front end to be gone', 40, () => h2os(s).length === 1 && !old.includes(h2os(s)[0]));
  assert.doesNotMatch(s.log(), /event="(worker|front end) (died|killed)"/);
});

serverTest('a connection that the front end keeps is answered once more by a worker that drains', {}, async (s) => {
  const [victim] = s.workers();
  const socket = await connectToSlot(s.socket, victim.slot);
  let text = '';
  socket.on('data', (bytes) => { text += bytes.toString(); });
  socket.on('error', () => {}); // then the answer is missing
  const ask = (n) => {
    socket.write('GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return until(`answer ${n}`, 20, () => text.split('HTTP/1.1 200 ').length - 1 === n);
  };
  await ask(1);
  signal(s.pid, 'SIGHUP');
  await untilLog(s, `slot=${victim.slot} ready -> draining pid=${victim.pid}`); // it waits for the connection, but not for long
  await ask(2);
  assert.match(text, /Connection: close/i);
  await until('it to leave', 20, () => !isAlive(victim.pid));
});

const refused = withFile({});
serverTest('a bad configuration at SIGHUP is refused with its reason, and changes nothing', refused, async (s) => {
  const before = [...pids(s), ...h2os(s)];
  const conf = fs.readFileSync(path.join(s.state, 'run', 'h2o.conf'), 'utf8');
  const cases = [
    [{ workers: 99 }, /key 'workers'/],
    [{ nonsense: 1 }, /nonsense/],
    [{ log_file: '/tmp/x.log' }, /key 'log_file': .*needs a restart/],
    [{ front_template: refused.file }, /front end does not accept|line 1/],
    [{ h2o: '/nonexistent/h2o', front_connections: 100 }, /nonexistent/],
  ];
  for (const [i, [values, why]] of cases.entries()) {
    refused.write(values);
    signal(s.pid, 'SIGHUP');
    await untilLog(s, 'event="reload refused"', 10, i + 1);
    assert.match(s.log().split('event="reload refused"').pop(), why);
  }
  assert.deepEqual([...pids(s), ...h2os(s)], before);
  assert.equal(fs.readFileSync(path.join(s.state, 'run', 'h2o.conf'), 'utf8'), conf);
  assert.equal((await s.api.get('/api/version')).status, 200);
  refused.write({ threads: 2 });
  signal(s.pid, 'SIGHUP');
  await untilLog(s, 'event="reloaded"');
  await replaced(s, before, 2);
  assert.deepEqual(h2os(s), before.slice(2), 'the front end has nothing new');
});

serverTest('state_dir, listen, library and pid_file need a restart', {}, async (s) => {
  const file = path.join(s.dir, 'second.yaml');
  const settings = { library: s.library, state_dir: path.join(s.dir, 'second'), listen: '127.0.0.1:0', workers: 1 };
  const write = (more) => fs.writeFileSync(file, Object.entries({ ...settings, ...more }).map(([k, v]) => `${k}: ${v}\n`).join(''));
  write({});
  const m = daemon(s, ['--config', file]);
  await m.until(/^ready /m);
  const others = { state_dir: path.join(s.dir, 'third'), listen: '127.0.0.1:1', library: s.state, pid_file: path.join(s.dir, 'pid') };
  for (const [key, value] of Object.entries(others)) {
    write({ [key]: value });
    signal(m.pid, 'SIGHUP');
    await m.until(new RegExp(`reload refused.*key '${key}': .*needs a restart`));
  }
  assert.equal(await m.end(), 0);
});

serverTest('SIGTTIN and SIGTTOU: one worker more, one fewer, and events reach them', {}, async (s) => {
  signal(s.pid, 'SIGTTIN');
  await until('three workers', 10, () => s.workers().length === 3);
  const third = s.workerClient(2);
  await until('the third to answer', 10, async () => (await third.get('/api/version')).worker === 2);
  const stream = await s.stream({ slot: 2 });
  const id = await startNoop(s.workerClient(0), 5);
  await stream.waitJob(id, 20);
  stream.destroy();
  third.close();
  for (const n of [2, 1]) {
    signal(s.pid, 'SIGTTOU');
    await until(`${n} worker(s)`, 15, () => s.workers().length === n);
  }
  signal(s.pid, 'SIGTTOU');
  await untilLog(s, 'signal=SIGTTOU workers=1', 10, 2);
  assert.equal(s.workers().length, 1, 'the last one stays');
  assert.equal((await s.client().get('/health')).json.checks.workers, 'ok');
});

serverTest('SIGTTOU and SIGTTIN in the middle of a reload leave no process behind', {}, async (s) => {
  for (let i = 0; i < 6; i++) {
    for (const name of ['SIGHUP', 'SIGTTOU', 'SIGTTIN', 'SIGWINCH', 'SIGTTIN']) {
      signal(s.pid, name);
      await sleep(30 * i);
    }
  }
  await untilLog(s, 'event="reloaded"');
  await until('two workers', 20, () => s.workers().length === 2 && new Set(s.workers().map((w) => w.slot)).size === 2);
  const id = await startNoop(s.client(), 20);
  await waitCompleted(s.client(), id, 20);
  s.closeClients();
  assert.equal(await s.stop(), 0);
});

serverTest('a stop waits for workers that were replaced, too', { set: { graceful_timeout_s: 0 } }, async (s) => {
  const [old] = pids(s);
  signal(old, 'SIGSTOP');
  signal(s.pid, 'SIGHUP');
  await untilLog(s, 'event="reloaded"');
  assert.equal(await s.stop(), 0);
  assert.match(s.log(), new RegExp(`slot=0 draining -> empty pid=${old}\\b`), 'killed and reaped');
});

serverTest('SIGWINCH drains all workers; requests wait until SIGTTIN brings them back', {}, async (s) => {
  const id = await startNoop(s.api, 100, 50);
  await until('some items', 10, async () => (await getJob(s.api, id)).processed_items > 5);
  signal(s.pid, 'SIGWINCH');
  await until('no worker', 15, () => s.workers().length === 0);
  const answer = s.client().get('/api/version');
  await sleep(700);
  assert.equal(s.workers().length, 0, 'none is started by itself');
  signal(s.pid, 'SIGTTIN');
  assert.equal((await answer).status, 200);
  await waitCompleted(s.client(), id, 30);
});

serverTest('workers are recycled after their requests, under load, and nothing is lost', { set: { ...LOAD, worker_max_requests: 500, worker_max_requests_jitter: 200 } }, async (s) => {
  const old = pids(s);
  await underLoad(s, { seconds: 8, followers: 50 }, async () => {
    await untilLog(s, 'event="worker replaced"', 40, 2);
  });
  await until('other workers', 20, () => pids(s).filter((p) => old.includes(p)).length === 0);
  assert.doesNotMatch(s.log(), /event="worker (died|killed)"/);
});

for (const name of ['SIGINT', 'SIGQUIT']) {
  serverTest(`${name} is quick: running items are given back, and run at the next start`, {}, async (s) => {
    const id = await startNoop(s.api, 8, 8000);
    const items = (status) => s.sqlite(`SELECT seq FROM job_items WHERE job_id = '${id}' AND status IN (${status})`);
    await until('items to run', 10, async () => (await items("'leased'")).length > 0);
    s.closeClients();
    signal(s.pid, name);
    assert.equal(await within('the end', 20, s.exited), 0);
    assert.equal((await items("'queued', 'leased'")).length, 8, 'it waited for no item');
    await s.start();
    await waitCompleted(s.api, id, 30);
  });
}

serverTest('a replacement that never gets ready: the old workers stay, and serve', { set: { worker_max_requests: 40, scan_interval_s: 3600 } }, async (s) => {
  const before = pids(s);
  fs.renameSync(s.library, `${s.library}.away`); // who starts now cannot open it
  for (let i = 0; i < 200; i++) assert.equal((await s.client().get('/api/version')).status, 200);
  await untilLog(s, 'event="replacement given up"', 30);
  assert.deepEqual(pids(s), before);
  fs.renameSync(`${s.library}.away`, s.library);
  await until('other workers', 30, async () => {
    assert.equal((await s.client().get('/api/version')).status, 200);
    return pids(s).every((p) => !before.includes(p));
  });
});

serverTest('an old worker that hangs at SIGHUP is killed when its time is over', { set: { graceful_timeout_s: 0 } }, async (s) => {
  const before = pids(s);
  signal(before[0], 'SIGSTOP');
  signal(s.pid, 'SIGHUP');
  await untilLog(s, 'event="reloaded"');
  await replaced(s, before, 2, 15);
  await until('the reason in the log', 5, () => /event="worker killed" slot=0 .*did not end/.test(s.log()));
});

const logs = {};
logs.books = (library) => {
  logs.dir = path.dirname(library);
  logs.set = { log_file: path.join(logs.dir, 'log'), front_access_log: path.join(logs.dir, 'access') };
};
serverTest('SIGUSR1 opens the logs anew, in the master, the workers and the front end', logs, async (s) => {
  const { log_file: log, front_access_log: access } = logs.set;
  const front = h2os(s);
  await s.api.get('/api/version?first');
  await until('the access log', 20, () => fs.readFileSync(access, 'utf8').includes('?first'));
  assert.match(fs.readFileSync(log, 'utf8'), /master event="ready"[^]*|worker=0 event="worker ready"/);
  for (const f of [log, access]) fs.renameSync(f, `${f}.1`);
  signal(s.pid, 'SIGUSR1');
  await until('another front end', 15, () => fs.existsSync(log) && /front end replaced/.test(fs.readFileSync(log, 'utf8')));
  await startNoop(s.workerClient(0), 1);
  await startNoop(s.workerClient(1), 1);
  const jobs = (f) => [0, 1].filter((slot) => new RegExp(`worker=${slot} event="job created"`).test(fs.readFileSync(f, 'utf8'))).length;
  await until('both workers in the new log', 10, () => jobs(log) === 2);
  assert.equal(jobs(`${log}.1`), 0);
  s.closeClients(); // it waits for its connections
  await until('the old front end to be gone', 40, () => h2os(s).every((p) => !front.includes(p)));
  await s.client().get('/api/version?second');
  await until('the new access log', 20, () => fs.readFileSync(access, 'utf8').includes('?second'));
});

// longboxd beside the server of the test, ended with it.
function daemon(s, args, { env = {}, command = path.join(BIN, 'longboxd') } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const m = { pid: child.pid, output: '' };
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (text) => { m.output += text; });
  m.exited = new Promise((done) => { child.on('exit', (code, sig) => done(code === null ? sig : code)); });
  m.until = (what, seconds = 20) => until(`${what} in the output`, seconds, () => what.test(m.output))
    .catch((e) => { throw new Error(`${e.message}\n${m.output}`); });
  m.end = (sig = 'SIGTERM') => {
    signal(m.pid, sig);
    return within('the end of longboxd', 20, m.exited);
  };
  s.open.push({ close: () => tree(m.pid).forEach((p) => signal(p.pid, 'SIGKILL')) });
  return m;
}

const small = (s, name, more = {}) => Object.entries({ library: s.library, state_dir: path.join(s.dir, name), listen: '127.0.0.1:0', workers: 1, ...more })
  .flatMap(([k, v]) => ['--set', `${k}=${v}`]);

serverTest('a pid file belongs to one master; a stale one is taken over', {}, async (s) => {
  const file = path.join(s.dir, 'longboxd.pid');
  fs.writeFileSync(file, '1\n'); // of a process that lives, but holds no lock
  const first = daemon(s, small(s, 'first', { pid_file: file }));
  await first.until(/^ready /m);
  assert.equal(fs.readFileSync(file, 'utf8'), `${first.pid}\n`);
  const second = daemon(s, small(s, 'second', { pid_file: file }));
  assert.equal(await within('the second to give up', 10, second.exited), 1);
  assert.match(second.output, new RegExp(`pid file .* is in use by the process with pid ${first.pid}`));
  assert.equal(fs.readFileSync(file, 'utf8'), `${first.pid}\n`);
  const all = tree(first.pid);
  await first.end('SIGKILL');
  await until('its processes to be gone', 15, () => all.every((p) => !isAlive(p.pid)));
  assert.ok(fs.existsSync(file));
  const third = daemon(s, small(s, 'first', { pid_file: file }));
  await third.until(/^ready /m);
  assert.equal(fs.readFileSync(file, 'utf8'), `${third.pid}\n`);
  assert.equal(await third.end(), 0);
  assert.ok(!fs.existsSync(file), 'removed at the end');
});

// Plays the service manager: makes the sockets that it hands over, becomes longboxd, and prints what it is told.
const MANAGER = `
import os, socket, sys, threading
path, address = sys.argv[1], sys.argv[2]
note = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
note.bind(path)
web = socket.socket()
web.bind((address, 0))
web.listen(64)
pid = os.fork()
if pid == 0:
    note.close()
    os.dup2(web.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC='3000000', LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
    os.execv(sys.argv[3], ['longboxd'] + sys.argv[4:])
print('port=%d pid=%d' % (web.getsockname()[1], pid), flush=True)
def tell():
    while True:
        os.write(1, ('told %r\\n' % note.recv(4096).decode()).encode())  # one write: other processes write here too
threading.Thread(target=tell, daemon=True).start()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

function managed(s, name, address = '127.0.0.1') {
  const args = ['-c', MANAGER, path.join(s.dir, `${name}.sock`), address, path.join(BIN, 'longboxd'), ...small(s, name)];
  return daemon(s, args, { command: 'python3' });
}

serverTest('the service manager hands over its socket and is told READY, RELOADING, WATCHDOG, STOPPING', {}, async (s) => {
  const m = managed(s, 'managed');
  await m.until(/told 'READY=1'/);
  const [, port, pid] = /port=(\d+) pid=(\d+)/.exec(m.output);
  assert.match(m.output, new RegExp(`^ready http://127.0.0.1:${port}/`, 'm'));
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/version`)).status, 200);
  signal(Number(pid), 'SIGHUP');
  await m.until(/told 'RELOADING=1\\nMONOTONIC_USEC=\d+'\n[^]*told 'READY=1'/);
  const beats = () => m.output.split("told 'WATCHDOG=1'").length;
  const now = beats();
  await until('more beats', 10, () => beats() > now + 1);
  // The program that takes its place speaks to the same manager.
  const told = () => m.output.split("told 'READY=1'").length;
  const before = told();
  signal(Number(pid), 'SIGUSR2');
  await m.until(/event="upgraded"[^]*told 'READY=1'/);
  await until('ready again', 10, () => told() === before + 1);
  assert.match(m.output, /event="upgrading"[^]*told 'RELOADING=1|told 'RELOADING=1[^]*event="upgrading"/);
  const later = beats();
  await until('beats of the other program', 10, () => beats() > later + 1);
  const worker = await until('one worker', 10, () => {
    const all = tree(Number(pid)).filter((p) => p.name === 'longbox-worker');
    return all.length === 1 && all[0];
  });
  assert.ok(!fs.readFileSync(`/proc/${worker.pid}/environ`, 'utf8').match(/NOTIFY_SOCKET|LISTEN_FDS|WATCHDOG_USEC/));
  signal(worker.pid, 'SIGSTOP'); // the only one
  const stopped = await until('no beat in 2.5 s while no worker beats', 20, async () => {
    const n = beats();
    await sleep(2500);
    return beats() === n && n;
  });
  signal(worker.pid, 'SIGCONT');
  await until('beats again', 10, () => beats() > stopped);
  signal(Number(pid), 'SIGTERM');
  await m.until(/told 'STOPPING=1'/);
  assert.equal(await within('the end', 20, m.exited), 0);
});

serverTest('a socket that is handed over and open to all needs auth: none', {}, async (s) => {
  const m = managed(s, 'open', '0.0.0.0');
  assert.equal(await within('the end', 10, m.exited), 2);
  assert.match(m.output, /handed over, 0\.0\.0\.0:\d+, can be reached from other machines/);
});
