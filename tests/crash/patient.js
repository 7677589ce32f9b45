// A client of a server that may die at any moment: starts it again, asks again, and never makes a job twice.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT, Server } from '../lib/server.js';
import { clientFor } from '../lib/client.js';
import { checkJob, checkLater, isEnded } from '../lib/jobs.js';
import { signal } from '../lib/processes.js';
import { sleep, until, within } from '../lib/until.js';

const run = promisify(execFile);
export const LONG = process.env.LB_CRASH === 'long'; // make soak

export async function checkState(state, library) {
  const { stdout } = await run(path.join(ROOT, 'tests/crash/check-state'), [state, library], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
}

export class Patient {
  constructor(options) {
    this.s = new Server(options);
    this.answers = new Map(); // the last answer about each job
    this.starts = 0;
  }

  get gone() { return this.how !== undefined; }

  // Starts until it is ready; a fault may end several starts.
  async up() {
    for (let i = 0; !this.running || this.gone; i++) {
      assert.ok(i < 10, `the server did not start\n${this.s.log().slice(-4000)}`);
      if (this.running) await this.s.kill();
      this.how = undefined;
      this.running = true;
      this.starts++;
      this.from = this.s.output.length; // what the one that starts now says is behind it
      try {
        await this.s.start();
      } catch (e) {
        if (!this.s.url) this.s.listen = '127.0.0.1:0';
        // Ended before it was ready, or a worker died under the first questions.
        this.lastError = e;
      }
      const { exited } = this.s; // the word of one that was killed may come when the next one runs
      exited.then((how) => { if (this.s.exited === exited) this.how = how; });
      await sleep(0);
      this.s.closeClients();
      if (!this.gone) await this.connect();
    }
  }

  async connect() {
    const hit = await until('the address', 20, () => this.gone || /^ready (http:\/\/\S+?)\/?$/m.exec(this.s.output.slice(this.from)));
    if (this.gone) return;
    this.client?.close();
    this.s.url = hit[1];
    this.s.listen = new URL(hit[1]).host;
    this.client = clientFor(this.s.url);
  }

  // The answer to a call, over as many deaths as it takes.
  async call(method, target, body, headers) {
    const end = Date.now() + 60000;
    for (;;) {
      assert.ok(Date.now() < end, `no answer to ${method} ${target}: ${this.lastError}\n${this.s.log().slice(-4000)}`);
      await this.up();
      try {
        const r = await within('an answer', 20, this.client.call(method, target, body, headers));
        if (r.status < 500) return r;
        this.lastError = new Error(`${r.status} ${r.text.slice(0, 300)}`);
      } catch (e) {
        this.lastError = e;
      }
      await sleep(20);
    }
  }

  // Makes the job of this key, once. Gives its id.
  async start(key, target, body) {
    const r = await this.call('POST', target, body, { 'idempotency-key': key });
    assert.ok(r.status === 200 || r.status === 201, `${target}: ${r.status} ${r.text.slice(0, 500)}`);
    return r.json.job_id;
  }

  noop(key, n, ms) {
    return this.start(key, '/api/jobs', { operation: 'noop', files: Array.from({ length: n }, (_, i) => `${key} ${i}`), options: { ms } });
  }

  // Makes a batch of this key, drives it to its end, and waits for the end of what follows it.
  async drive(key, n) {
    const body = { operation: 'noop', items: Array.from({ length: n }, (_, i) => `${key} ${i}`), follow_up: ['noop'] };
    const id = (await this.call('POST', '/api/batch-jobs', body, { 'idempotency-key': key })).json.jobId;
    for (;;) {
      const r = await this.call('POST', `/api/batch-jobs/${id}/process-next`);
      assert.ok(r.status === 200 || r.status === 202, `${r.status} ${r.text.slice(0, 300)}`);
      if (r.json.status === 'job_completed') break;
    }
    await until('the end of what follows', 60, async () => {
      const { followUp } = (await this.call('GET', `/api/batch-jobs/${id}?items=0`)).json;
      return followUp.status === 'completed';
    }, 30);
  }

  // An answer about a job, checked against the one before.
  async job(id) {
    const r = await this.call('GET', `/api/jobs/${id}?results=0`);
    assert.equal(r.status, 200, r.text.slice(0, 300));
    checkJob(r.json);
    if (this.answers.has(id)) checkLater(this.answers.get(id), r.json);
    this.answers.set(id, r.json);
    return r.json;
  }

  ended(id, seconds = 60) {
    return until(`the end of job ${id}`, seconds, async () => {
      const job = await this.job(id);
      return isEnded(job.status) && job;
    }, 30);
  }

  // SIGTERM, and the end of it, in whatever way; everything else of it is killed.
  async stop() {
    await this.up();
    signal(this.s.pid, 'SIGTERM');
    await until('the end', 60, () => this.gone);
    await this.s.kill();
    return this.how;
  }

  async end() {
    this.client?.close();
    await this.s.end();
  }
}
