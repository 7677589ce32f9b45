// What operators ask: figures for Prometheus, the newest log, the settings with their ranges.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { startNoop, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const SAMPLE = /^(longbox_[a-z_]+)(\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

// {"name{labels}": value}; every name has its HELP and TYPE before it, once.
function parse(text) {
  const [values, types] = [{}, {}];
  for (const line of text.trim().split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    if (type) {
      assert.equal(types[type[1]], undefined, `${type[1]} is declared once`);
      types[type[1]] = type[2];
    } else if (!/^# HELP longbox_[a-z_]+ [A-Z0-9].*\.$/.test(line)) {
      const m = SAMPLE.exec(line);
      assert.ok(m, `no sample: ${line}`);
      assert.ok(types[m[1]], `${m[1]} has no type`);
      assert.equal(/_total$/.test(m[1]), types[m[1]] === 'counter', m[1]);
      assert.equal(values[m[1] + (m[2] || '')], undefined, `${line} stands once`);
      values[m[1] + (m[2] || '')] = Number(m[3]);
    }
  }
  return values;
}

const read = async (api) => {
  const r = await api.get('/metrics');
  assert.equal(r.status, 200, r.text);
  assert.match(r.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  return parse(r.text);
};
const both = (m, name) => m[`${name}{slot="0"}`] + m[`${name}{slot="1"}`];

serverTest('the figures are those of all workers, whichever is asked', { books: 3, args: ['--base-path', '/comics'] }, async (s) => {
  const before = await read(s.api);
  assert.equal(before.longbox_library_files, 3);
  assert.equal(both(before, 'longbox_items_total'), 0);
  const id = await startNoop(s.api, 30, 1, { options: { ms: 1, fail_every: 3 } });
  await waitCompleted(s.api, id);
  const stream = await s.stream({ slot: 1 });
  const [one, other] = [s.workerClient(0), s.workerClient(1)];
  const m = await until('all figures', 10, async () => {
    const now = await read(one);
    return both(now, 'longbox_event_streams') === 1 && both(now, 'longbox_items_total') === 30 && now;
  });
  assert.equal(both(m, 'longbox_items_failed_total'), 10);
  assert.equal(m['longbox_jobs{status="completed"}'], 1);
  assert.equal(m.longbox_items_waiting, 0);
  assert.equal(m['longbox_event_streams{slot="1"}'], 1);
  assert.equal(m['longbox_http_requests_total{route="POST /api/jobs",status="2xx"}'], 1);
  assert.ok(both(m, 'longbox_commits_total') > 0 && both(m, 'longbox_commit_seconds_total') > 0);
  assert.equal(m['longbox_store_bytes{file="jobs.db"}'], fs.statSync(path.join(s.state, 'jobs.db')).size);
  assert.ok(m['longbox_worker_resident_bytes{slot="0"}'] > 1e6);
  assert.ok(m['longbox_disk_free_bytes{folder="library"}'] > 0);
  const again = await read(other);
  for (const name of ['longbox_items_total{slot="0"}', 'longbox_items_total{slot="1"}', 'longbox_jobs{status="completed"}']) {
    assert.equal(again[name], m[name], name);
  }
  assert.equal((await s.api.get('/comics/metrics')).status, 200);
  assert.equal((await s.api.get('/api/nothing')).status, 404);
  assert.equal((await read(s.api))['longbox_http_requests_total{route="none",status="4xx"}'], 1);
  stream.destroy();
});

serverTest('a worker that died shows, and the counters of the others stay', {}, async (s) => {
  await waitCompleted(s.api, await startNoop(s.api, 20));
  const items = both(await read(s.api), 'longbox_items_total');
  const [victim] = s.workers();
  process.kill(victim.pid, 'SIGKILL');
  const m = await until('another worker', 10, async () => {
    const now = await read(s.workerClient(1));
    return now['longbox_worker_starts_total{slot="0"}'] === 2 && now['longbox_worker_ready{slot="0"}'] === 1 && now;
  });
  assert.equal(m['longbox_worker_crashes_total{slot="0"}'], 1);
  assert.equal(both(m, 'longbox_items_total'), items);
});

serverTest('the log: the newest lines of all processes, whole, in order', {}, async (s) => {
  const id = await startNoop(s.api, 3);
  await waitCompleted(s.api, id);
  const lines = await until('the end of the job', 20, async () => {
    const r = await s.workerClient(1).get('/api/logs?lines=0');
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.log_type, 'basic');
    const all = r.json.logs.split('\n').filter(Boolean);
    assert.equal(all.length, r.json.returned_lines);
    assert.equal(r.json.total_lines, r.json.returned_lines);
    return all.some((l) => l.includes('job completed') && l.includes(id)) && all;
  });
  for (const who of ['master', 'worker=0', 'worker=1']) assert.ok(lines.some((l) => l.split(' ')[2] === who), who);
  assert.deepEqual(lines.slice(-2).join('\n') + '\n', (await s.api.get('/api/logs?lines=2')).json.logs);
  for (const bad of ['lines=-1', 'lines=10001', 'lines=x', 'type=all']) {
    assert.ok([400, 422].includes((await s.api.get(`/api/logs?${bad}`)).status), bad);
  }
  await s.stop();
  await s.start();
  assert.ok((await s.api.get('/api/logs?lines=0')).json.logs.includes(id), 'it outlives a restart');
});

serverTest('what is kept of the log stays below its limit', { set: { log_level: 'debug', log_max_bytes: 65536 } }, async (s) => {
  const folder = path.join(s.state, 'log');
  const kept = () => fs.readdirSync(folder).reduce((n, f) => n + fs.statSync(path.join(folder, f)).size, 0);
  let written = 0;
  while (written < 2000) {
    await Promise.all(Array.from({ length: 50 }, () => s.api.get('/api/version')));
    written += 50;
  }
  assert.deepEqual(fs.readdirSync(folder).sort(), ['longbox.log', 'longbox.log.1']);
  // Each process looks after 16 KiB of its own lines.
  assert.ok(kept() < 65536 + 4 * 16384, `${kept()} bytes`);
  const [basic, debug] = [(await s.api.get('/api/logs?lines=0')).json, (await s.api.get('/api/logs?lines=0&type=debug')).json];
  assert.equal(debug.log_type, 'debug');
  assert.ok(debug.total_lines > basic.total_lines);
  assert.doesNotMatch(basic.logs, / debug /);
  const r = await s.api.post('/api/settings/log-max-bytes', { maxMB: 0.25 });
  assert.deepEqual(r.json, { maxBytes: 262144, maxMB: 0.25, success: true });
  while (kept() < 150000) await Promise.all(Array.from({ length: 50 }, () => s.api.get('/api/version')));
  await s.stop();
  await s.start();
  assert.deepEqual((await s.api.get('/api/settings/log-max-bytes')).json, { maxBytes: 262144, maxMB: 0.25 });
});

serverTest('settings: all with their ranges; a change is whole or none', {}, async (s) => {
  const get = async () => Object.fromEntries((await s.api.get('/api/settings')).json.settings.map((x) => [x.key, x]));
  const before = await get();
  assert.deepEqual(Object.keys(before).sort(), ['filename_format', 'issue_number_padding', 'log_max_bytes', 'watcher_enabled']);
  for (const x of Object.values(before)) {
    assert.deepEqual(x.value, x.default);
    assert.ok(x.text && x.max > x.min && x.type === (typeof x.value === 'number' ? 'integer' : typeof x.value), JSON.stringify(x));
  }
  const stream = await s.stream({ slot: 1 });
  const r = await s.workerClient(0).call('PATCH', '/api/settings', { issue_number_padding: 3, filename_format: '{series} {issue}' });
  assert.equal(r.status, 200, r.text);
  const after = await get();
  assert.equal(after.issue_number_padding.value, 3);
  assert.equal(after.filename_format.value, '{series} {issue}');
  await until('the event', 20, () => stream.events.some((e) => e.message.type === 'settings_changed'));
  stream.destroy();
  for (const [body, field] of [[{ issue_number_padding: 5, log_max_bytes: 1 }, 'log_max_bytes'], [{ filename_format: '{' + 'x'.repeat(600) }, 'filename_format'],
    [{ issue_number_padding: 5, nothing: 1 }, 'nothing'], [{ issue_number_padding: '5' }, 'issue_number_padding'],
    [{ issue_number_padding: 5, watcher_enabled: 1 }, 'watcher_enabled'], [{}, undefined]]) {
    const bad = await s.api.call('PATCH', '/api/settings', body);
    assert.ok([400, 422].includes(bad.status), `${JSON.stringify(body)}: ${bad.text}`);
    assert.equal(bad.json.field, field);
  }
  assert.deepEqual(await get(), after);
});
