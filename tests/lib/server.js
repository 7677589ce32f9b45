// A real server for one test: own folders, own process group, ended and removed whatever happens.
//
//   serverTest('a job completes', { books: 10 }, async (s) => { ... });
//
// Options: books (how many, or a function that fills the library folder), set (settings by key), args (more flags),
// workers, threads, bin (the folder of the programs), seconds (limit of the test, 120). `s` is the Server below.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { listBooks, makeBooks } from './books.js';
import { Client, clientFor } from './client.js';
import { SlotAgent, connectToSlot } from './connect.js';
import { commandLine, isAlive, signal, tree } from './processes.js';
import { connectUrl, openStream } from './sse.js';
import { until, within } from './until.js';

const run = promisify(execFile);
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const BIN = path.resolve(ROOT, process.env.LB_BIN || 'build/bin');
// The programs are slower and larger than they are to users.
export const SANITIZED = /asan|tsan/.test(BIN);
const READY_S = 60;
const STOP_S = 20;
const LOG_SHOWN = 60000; // characters of a failed test's log

const running = new Set();

// A name that is not UTF-8 cannot be looked up by the text it is read as: taken for a book.
function isBook(file) {
  const info = fs.lstatSync(file, { throwIfNoEntry: false });
  return !info || info.isFile();
}

export class Server {
  constructor(options = {}) {
    this.options = options;
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-'));
    this.library = path.join(this.dir, 'library');
    this.state = path.join(this.dir, 'state');
    this.listen = '127.0.0.1:0';
    this.output = '';
    this.open = []; // clients and streams to close at the end
    fs.mkdirSync(this.library);
    if (typeof options.books === 'function') options.books(this.library);
    else if (options.books) makeBooks(this.library, options.books);
    this.books = listBooks(this.library).filter((n) => /\/[^./][^/]*\.(cbz|cbr|cb7|cbt)$/i.test(n)
      && isBook(path.join(this.library, n)));
  }

  arguments() {
    const o = this.options;
    const args = ['serve', '--library', this.library, '--state', this.state, '--listen', this.listen];
    if (o.workers) args.push('--workers', String(o.workers));
    if (o.threads) args.push('--threads', String(o.threads));
    for (const [key, value] of Object.entries(o.set || {})) args.push('--set', `${key}=${value}`);
    return [...args, ...(o.args || [])];
  }

  async start() {
    const env = { ...process.env, ...this.options.env };
    this.child = spawn(path.join(this.options.bin || BIN, 'longbox'), this.arguments(), { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this);
    this.pid = this.child.pid;
    const from = this.output.length;
    this.exited = new Promise((done) => {
      this.child.on('exit', (code, sig) => done(code === null ? sig : code));
      this.child.on('error', (e) => done(e.message));
    });
    let gone;
    this.exited.then((how) => { gone = how; });
    for (const pipe of [this.child.stdout, this.child.stderr]) pipe.on('data', (text) => { this.output += text; });
    const ready = () => /^ready (http:\/\/\S+?)\/?$/m.exec(this.output.slice(from));
    const hit = await until('the server to say "ready"', READY_S, () => {
      if (gone !== undefined) throw new Error(`the server ended with ${gone} before it was ready`);
      return ready();
    });
    this.url = hit[1];
    this.listen = new URL(this.url).host; // the same port after a restart
    this.api = clientFor(this.url);
    this.open.push(this.api);
    if (this.books.length) {
      await until(`a list of ${this.books.length} books`, 30, async () => {
        const r = await this.api.get('/api/files?per_page=10');
        return r.status === 200 && r.json.total_files >= this.books.length;
      });
    }
    return this;
  }

  log() { return this.output; }

  get socket() { return path.join(this.state, 'run', 'workers.sock'); }

  // A client that holds one connection to the worker in `slot`; with `connections` up to so many.
  workerClient(slot, connections = 1) {
    const client = new Client({}, new SlotAgent(this.socket, slot, connections));
    this.open.push(client);
    return client;
  }

  // A client of its own through the front end.
  client() {
    const client = clientFor(this.url);
    this.open.push(client);
    return client;
  }

  // An event stream: from the worker in `slot`, or through the front end when there is no slot.
  async stream({ slot, ...options } = {}) {
    const socket = slot === undefined ? await connectUrl(this.url) : await connectToSlot(this.socket, slot);
    this.open.push({ close: () => socket.destroy() });
    return openStream(socket, slot === undefined ? { host: this.listen, ...options } : options);
  }

  // [{slot, pid}] of the worker processes that run now.
  workers() {
    return tree(this.pid).filter((p) => p.name === 'longbox-worker').map((p) => ({ pid: p.pid, slot: slotOf(p.pid) }))
      .sort((a, b) => a.slot - b.slot);
  }

  // Rows of a statement, read only, as objects.
  async sqlite(sql, db = 'jobs.db') {
    const { stdout } = await run('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', path.join(this.state, db), sql],
      { maxBuffer: 1 << 28 });
    return stdout.trim() ? JSON.parse(stdout) : [];
  }

  // What no server may ever say: a broken invariant, a find of a sanitizer.
  checkLog() {
    const bad = this.output.split('\n').filter((l) => / event="?must"? |ERROR: AddressSanitizer|ThreadSanitizer:|runtime error:|LeakSanitizer/.test(l));
    if (bad.length) throw new Error(`the log tells of a fault:\n${bad.join('\n')}`);
  }

  closeClients() {
    for (const o of this.open.splice(0)) o.close();
  }

  // Stops in order; gives the exit code.
  async stop() {
    this.closeClients();
    const all = tree(this.pid);
    signal(this.pid, 'SIGTERM');
    const how = await within('the server to stop', STOP_S, this.exited);
    await until('all its processes to be gone', STOP_S, () => all.every((p) => !isAlive(p.pid)));
    running.delete(this);
    return how;
  }

  // Kills every process of the server at once, as a power switch would.
  async kill() {
    this.closeClients();
    const all = killAll(this);
    await until('killed processes to be gone', 10, () => all.every((p) => !isAlive(p.pid)));
    running.delete(this);
  }

  async end() {
    await this.kill();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

// Two looks, because a process may have started another between the first look and its end.
function killAll(server) {
  if (server.pid === undefined) return []; // it could not be started
  const first = tree(server.pid);
  for (const p of first) signal(p.pid, 'SIGSTOP');
  const all = [...first, ...tree(server.pid).filter((p) => !first.some((f) => f.pid === p.pid))];
  for (const p of all) signal(p.pid, 'SIGKILL');
  try {
    process.kill(-server.pid, 'SIGKILL');
  } catch (e) {
    if (e.code !== 'ESRCH') throw e;
  }
  return all;
}

function slotOf(pid) {
  const args = commandLine(pid);
  return Number(args[args.indexOf('--slot') + 1]);
}

process.on('exit', () => {
  for (const server of running) {
    killAll(server);
    fs.rmSync(server.dir, { recursive: true, force: true });
  }
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => process.exit(1));

export function serverTest(name, options, body) {
  const seconds = options.seconds || 120;
  test(name, { timeout: (seconds + 60) * 1000 }, async (t) => {
    const server = new Server(options);
    try {
      await server.start();
      await within(`the test "${name}"`, seconds, body(server, t));
      server.checkLog();
    } catch (e) {
      const log = server.log();
      console.error(`--- log of the server of "${name}"\n${log.slice(-LOG_SHOWN)}--- end of the log`);
      throw e;
    } finally {
      await server.end();
    }
  });
}
