// What nobody may notice: polls of a job, many subscribers, and the job itself, while processes are replaced.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import http from 'node:http';
import { promisify } from 'node:util';
import { getJob, startNoop, waitCompleted } from './jobs.js';
import { until } from './until.js';

const run = promisify(execFile);

// Settings of a server that is put under this load.
export const LOAD = { streams_per_address: 1000, graceful_timeout_s: 20, commit_gather_ms: 20 };

// An event stream that comes back by Last-Event-ID whenever it ends. Holds the ids that it saw, in order.
class Follower {
  constructor(s) {
    this.s = s;
    this.ids = [];
    this.connects = 0;
    this.closed = false;
    this.done = this.follow();
  }

  async follow() {
    while (!this.closed) {
      try {
        await this.once();
      } catch (e) {
        this.failure = e;
        return;
      }
    }
  }

  once() {
    const headers = this.ids.length ? { 'Last-Event-ID': this.ids[this.ids.length - 1] } : {};
    return new Promise((done, fail) => {
      this.request = http.get(`${this.s.url}/api/events/stream`, { agent: false, headers }, (response) => {
        this.connects++;
        if (response.statusCode !== 200) fail(new Error(`a stream was answered with ${response.statusCode}`));
        let rest = '';
        response.setEncoding('latin1').on('data', (text) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop();
          for (const line of lines) if (line.startsWith('id: ')) this.ids.push(Number(line.slice(4)));
        });
        response.on('error', done);
        response.on('close', done);
      });
      this.request.on('error', (e) => (e.code === 'ECONNREFUSED' ? fail(e) : done()));
    });
  }

  async close() {
    this.closed = true;
    this.request.destroy();
    await this.done;
  }
}

// Polls of the job, subscribers and the job itself while `change` happens; none of them may notice.
export async function underLoad(s, { items = 2400, ms = 40, followers = 200, seconds }, change) {
  const streams = Array.from({ length: followers }, () => new Follower(s));
  await until('all streams to be open', 20, () => streams.every((f) => f.connects > 0));
  await until('all subscribers to be counted', 20, async () => (await s.api.get('/api/events/stats')).json.active_clients === followers);
  const id = await startNoop(s.api, items, ms);
  await until('the first items', 10, async () => (await getJob(s.api, id, '?results=0')).processed_items > 20);
  const polls = run('wrk', ['-t1', '-c8', `-d${seconds}s`, `${s.url}/api/jobs/${id}?results=0`]);
  await change(id);
  const { stdout } = await polls;
  await waitCompleted(s.api, id, 60);
  assert.doesNotMatch(stdout, /Non-2xx|Socket errors/, stdout);
  const made = Number(/(\d+) requests in/.exec(stdout)[1]);
  assert.ok(made > 100, stdout);
  const [items1] = await s.sqlite(`SELECT count(*) AS n, sum(status = 'ok') AS ok, max(attempts) AS tries FROM job_items WHERE job_id = '${id}'`);
  assert.deepEqual(items1, { n: items, ok: items, tries: 1 });
  const wanted = (await s.sqlite('SELECT id FROM events ORDER BY id')).map((r) => r.id);
  const last = wanted[wanted.length - 1];
  await until('every stream to be at the end', 20, () => streams.every((f) => f.failure || f.ids[f.ids.length - 1] >= last))
    .catch(() => {}); // what is missing is said below
  await Promise.all(streams.map((f) => f.close()));
  for (const f of streams) {
    assert.equal(f.failure, undefined);
    for (let i = 1; i < f.ids.length; i++) assert.ok(f.ids[i] > f.ids[i - 1], `event ${f.ids[i]} after ${f.ids[i - 1]}`);
    const seen = new Set(f.ids);
    const from = f.ids[0]; // the first state that it was given
    assert.deepEqual(wanted.filter((e) => e >= from && !seen.has(e)), [], 'events that a stream never saw');
  }
  return { streams, made };
}
