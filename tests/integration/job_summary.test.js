// What the page of a job is drawn from: its summary, and all its results as a file.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { makeBook } from '../lib/books.js';
import { names, startNoop, waitCompleted } from '../lib/jobs.js';
import { SANITIZED, serverTest } from '../lib/server.js';
import { sleep, until } from '../lib/until.js';

const sum = (list) => list.reduce((a, b) => a + b, 0);
const summaryOf = async (s, id) => {
  const r = await s.api.get(`/api/jobs/${id}/summary`);
  assert.equal(r.status, 200, r.text);
  return r.json;
};
const download = async (s, id, extension) => {
  const r = await s.api.get(`/api/jobs/${id}/results.${extension}`);
  assert.equal(r.status, 200, r.text.slice(0, 300));
  return r;
};
const kilobytes = (pid, what) => Number(new RegExp(`${what}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
// Rows of a CSV as Python's csv reads them.
const parse = (text) => JSON.parse(execFileSync('python3', ['-c',
  'import csv, io, json, sys; sys.stdout.write(json.dumps(list(csv.DictReader(io.TextIOWrapper(sys.stdin.buffer, "utf-8", newline=""), strict=True))))'],
{ input: text, maxBuffer: 1 << 28 }).toString());

serverTest('the summary of a job: times, throughput, the slowest, and why items failed', { workers: 2 }, async (s) => {
  const id = await startNoop(s.api, 40, 20, { options: { ms: 20, fail_every: 4 } });
  await waitCompleted(s.api, id);
  for (const slot of [0, 1, 0, 1]) { // each worker reads for itself, and again
    const r = await s.workerClient(slot).get(`/api/jobs/${id}/summary`);
    const { throughput, times, slowest, reasons, other_reasons: other, results, options } = r.json;
    assert.equal(results, 40);
    assert.equal(sum(throughput.ok), 30);
    assert.equal(sum(throughput.failed), 10);
    assert.equal(throughput.ok.length, throughput.failed.length);
    assert.ok(times.running >= 0.02 && times.wall >= times.running && times.items >= 40 * 0.02, JSON.stringify(times));
    assert.ok(times.items <= times.running * 8 + 0.02, `${JSON.stringify(times)}: no more than 8 threads run at once`);
    assert.equal(slowest.length, 20);
    assert.ok(slowest.every((x, i) => x.seconds >= 0.02 && (i === 0 || x.seconds <= slowest[i - 1].seconds)));
    assert.deepEqual(reasons.map((x) => [x.reason, x.count, x.examples.length]), [['item failed as asked', 10, 3]]);
    assert.equal(other, 0);
    assert.deepEqual(options, { ms: 20, fail_every: 4 });
  }
  const page = (await s.api.get(`/api/jobs/${id}/results?reason=item%20failed%20as%20asked&limit=7`)).json;
  assert.equal(page.results.length, 7);
  const rest = (await s.api.get(`/api/jobs/${id}/results?reason=item%20failed%20as%20asked&limit=7&after=${page.next}`)).json;
  assert.equal(rest.results.length, 3);
  assert.equal(rest.next, null);
  assert.ok([...page.results, ...rest.results].every((r) => r.error === 'item failed as asked'));
  assert.deepEqual((await s.api.get(`/api/jobs/${id}/results?reason=other`)).json, { results: [], next: null });
  assert.equal((await s.api.get('/api/jobs/00000000-0000-7000-8000-000000000000/summary')).status, 404);
});

serverTest('the summary of a job that waits, and of one that runs, only grows', {}, async (s) => {
  const waits = await startNoop(s.api, 3, 0, { paused: true });
  const none = await summaryOf(s, waits);
  assert.deepEqual([none.results, none.throughput.start, none.throughput.ok, none.slowest], [0, null, [], []]);
  assert.equal(none.times.running, 0);
  const id = await startNoop(s.api, 300, 10);
  let seen = 0;
  await until('the end', 30, async () => {
    const { results, throughput } = await summaryOf(s, id);
    assert.ok(results >= seen, `${results} after ${seen}`);
    assert.equal(sum(throughput.ok), results);
    seen = results;
    return results === 300;
  });
  assert.equal((await s.api.call('DELETE', `/api/jobs/${id}`)).status, 200);
  assert.equal((await s.api.get(`/api/jobs/${id}/summary`)).status, 404);
});

serverTest('results as CSV: names that would break it, or run in a spreadsheet, do neither', {}, async (s) => {
  const hostile = ['=1+1.cbz', '+a', '-b', '@c', '\tt', '\rr', 'a,b"c"\r\nd', 'line\nend', '\u202egnp.cbz', '"><img src=x onerror=alert(1)>.cbz',
    `${'\u00e9'.repeat(127)}x`, ' lead', "'quoted'", 'plain'];
  const made = await s.api.post('/api/jobs', { operation: 'noop', files: hostile, options: { fail_every: 3 } });
  const job = await waitCompleted(s.api, made.json.job_id);
  const r = await download(s, job.job_id, 'csv');
  assert.equal(r.headers['content-type'], 'text/csv; charset=utf-8; header=present');
  assert.equal(r.headers['content-disposition'], `attachment; filename="longbox-${job.job_id}.csv"`);
  assert.equal(r.headers['cache-control'], 'no-store');
  assert.equal(r.headers['x-longbox-results'], String(hostile.length));
  const rows = parse(r.text);
  assert.equal(rows.length, hostile.length);
  const safe = (name) => (/^[=+\-@\t\r]/.test(name) ? `'${name}` : name);
  assert.deepEqual(rows.map((x) => x.original).sort(), hostile.map(safe).sort());
  for (const row of rows) {
    assert.equal(row.error, row.outcome === 'ok' ? '' : 'item failed as asked');
    assert.match(row.finished_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(row.seconds, /^\d+\.\d{3}$/);
  }
  assert.equal(rows.filter((x) => x.outcome === 'error').length, job.error_items);
  const json = JSON.parse((await download(s, job.job_id, 'json')).text);
  assert.equal(json.job.job_id, job.job_id);
  assert.deepEqual(json.results.map((x) => x.id), rows.map((x) => Number(x.id)));
  const items = job.results.map((x) => x.item);
  assert.deepEqual(json.results.map((x) => x.item), items, 'JSON has the names as they are');
});

function makeOdd(dir) {
  makeBook(dir, 'Wolf/=Wolf 3.cbz', { tags: { Series: 'Wolf', Number: 3 } });
  makeBook(dir, 'Wolf/odd.cbz', { tags: { Number: 4 } });
  const from = Buffer.from(`${dir}/Wolf/odd.cbz`);
  fs.renameSync(from, Buffer.concat([from.subarray(0, -7), Buffer.from([0xe9, 0xff]), from.subarray(-4)]));
}

serverTest('results as CSV: before and after, and a name that is not UTF-8', {
  books: (dir) => makeOdd(dir),
}, async (s) => {
  const { job_id: id } = (await s.api.post('/api/jobs/process-all')).json;
  await waitCompleted(s.api, id);
  const rows = parse((await download(s, id, 'csv')).text);
  assert.equal(rows.length, 2);
  const renamed = rows.find((x) => x.item === '=Wolf 3.cbz' || x.item === "'=Wolf 3.cbz");
  assert.equal(renamed.item, "'=Wolf 3.cbz");
  assert.match(renamed.final, /\/Wolf\/Wolf - Chapter 0003\.cbz$/);
  assert.ok(rows.some((x) => x.item.includes('\ufffd')), JSON.stringify(rows));
});

serverTest('a download of many results is whole, and takes little memory', { seconds: 240 }, async (s) => {
  const n = SANITIZED ? 5000 : 100000;
  const files = names(n, 'folder/some item, with a name of common length');
  const made = await s.api.post('/api/jobs', { operation: 'noop', files, options: { fail_every: 7 } });
  assert.equal(made.status, 201, made.text.slice(0, 300));
  const id = made.json.job_id;
  let slowest = 0;
  await until('half of it', 120, async () => { // asked all the time, while it runs
    const before = Date.now();
    const { results } = await summaryOf(s, id);
    slowest = Math.max(slowest, Date.now() - before);
    await sleep(200);
    return results > n / 2;
  });
  console.log(`# ${n} items: the slowest summary while they ran took ${slowest} ms`);
  await waitCompleted(s.api, id, 120);
  const before = Date.now();
  const { results, throughput } = await summaryOf(s, id);
  console.log(`# the first summary afterwards took ${Date.now() - before} ms`);
  assert.equal(results, n);
  assert.ok(throughput.ok.length <= 300);
  const workers = s.workers().map(({ pid }) => pid);
  for (const pid of workers) fs.writeFileSync(`/proc/${pid}/clear_refs`, '5'); // the peak is measured from here on
  const sizes = workers.map((pid) => kilobytes(pid, 'VmRSS'));
  const begun = Date.now();
  const r = await download(s, id, 'csv');
  console.log(`# ${r.text.length} bytes of CSV in ${Date.now() - begun} ms`);
  const grown = Math.max(...workers.map((pid, i) => kilobytes(pid, 'VmHWM') - sizes[i]));
  console.log(`# the workers grew by ${grown} KB`);
  assert.ok(SANITIZED || grown < r.text.length / 1024 / 2, `the workers grew by ${grown} KB`);
  const lines = r.text.split('\r\n');
  assert.equal(lines.length, n + 2);
  assert.deepEqual(lines.slice(1, -1).map((l) => Number(l.slice(0, l.indexOf(',')))), Array.from({ length: n }, (_, i) => i + 1));
  assert.equal(JSON.parse((await download(s, id, 'json')).text).results.length, n);
});

serverTest('a download is cut off, not ended, when its job is deleted', { seconds: 120 }, async (s) => {
  const files = names(SANITIZED ? 1500 : 12000, 'x'.repeat(1000));
  const { job_id: id } = (await s.api.post('/api/jobs', { operation: 'noop', files })).json;
  await waitCompleted(s.api, id, 60);
  const socket = { socketPath: s.socket, path: `/api/jobs/${id}/results.csv`, headers: { host: 'localhost' } };
  const how = await new Promise((done) => {
    http.get(socket, (res) => {
      res.once('data', () => {
        res.pause(); // the worker waits for us
        void s.api.call('DELETE', `/api/jobs/${id}`).then(() => res.resume());
      });
      res.on('end', () => done('ended'));
      res.on('error', (e) => done(e.code));
    });
  });
  assert.equal(how, 'ECONNRESET');
});

serverTest('HEAD of a download has its headers and no body', {}, async (s) => {
  const id = await startNoop(s.api, 3);
  await waitCompleted(s.api, id);
  const r = await s.api.call('HEAD', `/api/jobs/${id}/results.csv`);
  assert.equal(r.status, 200);
  assert.equal(r.text, '');
  assert.match(r.headers['content-disposition'], /\.csv"$/);
  assert.equal((await s.api.get('/api/jobs/none/results.csv')).status, 404);
});
