// `make bench`: how fast status polls, items and process-next are, side by side with constant answers in the same run.
//
//   node tests/load/bench.js [--quick]
//
// All polls are measured by one program (loadgen.c), the constant rows too, so that rows can be compared; wrk measures
// the rows of the front end a second time. Prints a table and writes build/bench.json.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { getJob, isEnded, names } from '../lib/jobs.js';
import { ROOT, Server } from '../lib/server.js';
import { sleep } from '../lib/until.js';

const run = promisify(execFile);
const QUICK = process.argv.includes('--quick');
const ROUNDS = QUICK ? 1 : 3;
const SECONDS = QUICK ? 1 : 3;
const CONNECTIONS = 32;
const ITEMS = QUICK ? 5000 : 20000;
const DRIVERS = [1, 16]; // clients that drive a batch at once

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function buildLoadgen() {
  const program = path.join(ROOT, 'build/loadgen');
  const source = path.join(ROOT, 'tests/load/loadgen.c');
  if (!fs.existsSync(program) || fs.statSync(program).mtimeMs < fs.statSync(source).mtimeMs) {
    await run(process.env.CC || 'cc', ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-o', program, source]);
  }
  return program;
}

async function loadgen(program, where, target, connections = CONNECTIONS, method = 'GET') {
  const { stdout } = await run(program, [String(SECONDS), String(connections), where, target, method]);
  return JSON.parse(stdout);
}

async function wrk(url) {
  const { stdout } = await run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, '--latency', url]);
  const number = (pattern) => (pattern.exec(stdout) || [])[1];
  const ms = (text) => (text ? parseFloat(text) * { us: 0.001, ms: 1, s: 1000 }[/[a-z]+$/.exec(text)[0]] : undefined);
  return {
    per_s: Number(number(/Requests\/sec: +([\d.]+)/)), p50_ms: ms(number(/50% +(\S+)/)), p99_ms: ms(number(/99% +(\S+)/)),
    other: Number(number(/Non-2xx or 3xx responses: (\d+)/) || 0), lost: 0,
  };
}

// Rows in turn, round by round, so that what else the machine does falls on all of them.
async function pollRows(server) {
  const program = await buildLoadgen();
  const id = (await server.api.post('/api/jobs', { operation: 'noop', files: names(64), options: { ms: 60000 } })).json.job_id;
  const front = `tcp:${server.listen}`;
  const direct = `unix:${server.socket}`;
  const poll = `/api/jobs/${id}?results=0`;
  const rows = [
    ['constant: a file, through the front end', () => loadgen(program, front, '/')],
    ['constant: /api/version, through the front end', () => loadgen(program, front, '/api/version')],
    ['poll of a running job, through the front end', () => loadgen(program, front, poll)],
    ['constant: /api/version, straight to the workers', () => loadgen(program, direct, '/api/version')],
    ['poll of a running job, straight to the workers', () => loadgen(program, direct, poll)],
    ['wrk, constant: a file, through the front end', () => wrk(`${server.url}/`)],
    ['wrk, constant: /api/version, through the front end', () => wrk(`${server.url}/api/version`)],
    ['wrk, poll of a running job, through the front end', () => wrk(`${server.url}${poll}`)],
  ].map(([name, measure]) => ({ name, measure, rounds: [] }));
  for (let i = 0; i < ROUNDS; i++) for (const row of rows) row.rounds.push(await row.measure());
  await server.api.post(`/api/jobs/${id}/cancel`);
  return rows.map(({ name, rounds }) => {
    const of = (key) => median(rounds.map((r) => r[key]));
    const bad = rounds.reduce((sum, r) => sum + r.other + r.lost, 0);
    return { name, per_s: of('per_s'), p50_ms: of('p50_ms'), p99_ms: of('p99_ms'), bad, rounds };
  });
}

// process-next for items that do nothing, through the front end: each driver asks again when it is answered.
async function batchRows(server) {
  const program = await buildLoadgen();
  const rows = DRIVERS.map((drivers) => ({ drivers, rounds: [] }));
  for (let i = 0; i < ROUNDS; i++) {
    for (const row of rows) {
      const made = await server.api.post('/api/batch-jobs', { operation: 'noop', items: names(SECONDS * 15000) });
      const id = made.json.jobId;
      row.rounds.push(await loadgen(program, `tcp:${server.listen}`, `/api/batch-jobs/${id}/process-next`, row.drivers, 'POST'));
      const { progress } = (await server.api.get(`/api/batch-jobs/${id}?items=0`)).json;
      if (progress.completed === progress.total) throw new Error('the batch was too short for this machine');
      await server.api.post(`/api/batch-jobs/${id}/cancel`);
    }
  }
  return rows.map(({ drivers, rounds }) => {
    const of = (key) => median(rounds.map((r) => r[key]));
    return { drivers, per_s: of('per_s'), p50_ms: of('p50_ms'), p99_ms: of('p99_ms'), bad: rounds.reduce((sum, r) => sum + r.other + r.lost, 0), rounds };
  });
}

// A job of items that do nothing, and one status poll each 10 ms beside it.
async function itemRow(server) {
  const client = server.client();
  const begun = Date.now();
  const r = await server.api.post('/api/jobs', { operation: 'noop', files: names(ITEMS) });
  const times = [];
  for (;;) {
    const from = process.hrtime.bigint();
    const job = await getJob(client, r.json.job_id, '?results=0');
    times.push(Number(process.hrtime.bigint() - from) / 1e6);
    if (isEnded(job.status)) {
      times.sort((a, b) => a - b);
      return {
        items: ITEMS, status: job.status, with_creation_per_s: Math.round(ITEMS / ((Date.now() - begun) / 1000)),
        per_s: Math.round(ITEMS / (job.completed_at - job.started_at)), polls: times.length,
        p50_ms: times[Math.floor(times.length * 0.5)], p99_ms: times[Math.floor(times.length * 0.99)],
      };
    }
    await sleep(10);
  }
}

// The parser "better", alone on one thread.
async function namesRow() {
  const { stdout } = await run(path.join(ROOT, 'build/release/load/names'), { cwd: ROOT });
  return JSON.parse(stdout);
}

function print(result) {
  const cell = (v, n) => String(v).padStart(n);
  console.log(`${'answers to loadgen and wrk, ' + CONNECTIONS + ' connections'.padEnd(26)}${cell('per second', 12)}${cell('p50 ms', 9)}${cell('p99 ms', 9)}${cell('bad', 6)}`);
  for (const r of result.polls) {
    console.log(`${r.name.padEnd(54)}${cell(Math.round(r.per_s), 12)}${cell(r.p50_ms.toFixed(2), 9)}${cell(r.p99_ms.toFixed(2), 9)}${cell(r.bad, 6)}`);
  }
  for (const [name, value] of Object.entries(result.ratios)) console.log(`${name.padEnd(54)}${cell(`${(value * 100).toFixed(0)} %`, 12)}`);
  for (const r of result.batches) {
    const name = `process-next, no-op items, ${r.drivers} driver${r.drivers > 1 ? 's' : ''}, front end`;
    console.log(`${name.padEnd(54)}${cell(Math.round(r.per_s), 12)}${cell(r.p50_ms.toFixed(2), 9)}${cell(r.p99_ms.toFixed(2), 9)}${cell(r.bad, 6)}`);
  }
  const i = result.items;
  console.log(`no-op items of one job of ${i.items}, from its start to its end`.padEnd(54) + cell(i.per_s, 12));
  console.log('the same with the POST that made it'.padEnd(54) + cell(i.with_creation_per_s, 12));
  console.log('file names read by the parser better, one thread'.padEnd(54) + cell(result.names.per_s, 12));
  console.log(`a poll each 10 ms during that job (${i.polls} polls)`.padEnd(54) + cell('', 12) + cell(i.p50_ms.toFixed(2), 9) + cell(i.p99_ms.toFixed(2), 9));
}

async function main() {
  fs.mkdirSync(path.join(ROOT, 'build'), { recursive: true });
  const server = new Server({ books: 10 });
  try {
    await server.start();
    const polls = await pollRows(server);
    const rate = (i) => polls[i].per_s;
    const result = {
      at: new Date().toISOString(), cpu: os.cpus()[0].model, cores: os.cpus().length, rounds: ROUNDS, seconds: SECONDS, connections: CONNECTIONS,
      polls,
      ratios: {
        'poll / constant API answer, through the front end': rate(2) / rate(1),
        'poll / constant API answer, straight to the workers': rate(4) / rate(3),
        'poll / constant API answer, by wrk': rate(7) / rate(6),
      },
      batches: await batchRows(server),
      items: await itemRow(server),
      names: await namesRow(),
    };
    print(result);
    fs.writeFileSync(path.join(ROOT, 'build/bench.json'), `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await server.end();
  }
}

await main();
