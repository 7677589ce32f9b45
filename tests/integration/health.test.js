// Health, version, the page's configuration, the page itself.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

serverTest('health says healthy, with what was checked', { books: 3 }, async (s) => {
  for (const p of ['/health', '/api/health']) {
    const r = await s.api.get(p);
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.status, 'healthy');
    assert.equal(r.json.version, (await s.api.get('/api/version')).json.version);
    for (const check of ['watched_dir', 'database']) assert.ok(check in r.json.checks, check);
    assert.equal(r.json.file_count, 3);
  }
});

serverTest('health says unhealthy when the library is gone, and healthy when it is back', { books: 3 }, async (s) => {
  fs.renameSync(s.library, `${s.library}.away`);
  const r = await until('503', 10, async () => {
    const x = await s.api.get('/health');
    return x.status === 503 && x;
  });
  assert.equal(r.json.status, 'unhealthy');
  fs.renameSync(`${s.library}.away`, s.library);
  await until('200', 10, async () => (await s.api.get('/health')).status === 200);
});

serverTest('a library that was away for a moment loses no mark', { books: 3, set: { scan_interval_s: 1 } }, async (s) => {
  const { job_id: id } = (await s.api.post('/api/jobs/normalize-all')).json;
  await until('the end', 10, async () => (await s.api.get(`/api/jobs/${id}`)).json.status === 'completed');
  fs.renameSync(s.library, `${s.library}.away`);
  await until('503', 10, async () => (await s.api.get('/health')).status === 503);
  fs.renameSync(`${s.library}.away`, s.library);
  await until('three marked books', 20, async () => (await s.api.get('/api/files?filter=marked')).json.total_files === 3);
});

serverTest('every worker answers the version', {}, async (s) => {
  const versions = [];
  for (const slot of [0, 1]) versions.push((await s.workerClient(slot).get('/api/version')).json.version);
  assert.match(versions[0], /^\d+\.\d+\.\d+/);
  assert.equal(versions[0], versions[1]);
});

serverTest('the configuration of the page comes from the settings', { set: { heartbeat_s: 7, watchdog_timeout_ms: 5000, watchdog_check_ms: 700, reconnect_delay_ms: 300 } }, async (s) => {
  const c = (await s.api.get('/api/config')).json;
  assert.deepEqual([c.heartbeat_s, c.watchdog_timeout_ms, c.watchdog_check_ms, c.reconnect_delay_ms], [7, 5000, 700, 300]);
  assert.equal(c.base_path, '');
  const operations = c.operations.map((o) => o.name);
  for (const name of ['process', 'rename', 'normalize']) assert.ok(operations.includes(name), name);
});

serverTest('the page is served with its policy, and holds no inline script', {}, async (s) => {
  const r = await s.api.get('/');
  assert.equal(r.status, 200);
  assert.match(r.headers['content-type'], /^text\/html/);
  assert.match(r.headers['content-security-policy'] || '', /default-src|script-src/);
  assert.ok(!/<script(?![^>]*\bsrc=)[^>]*>/.test(r.text), 'inline script');
});

serverTest('a stop in order ends with 0, and a second start keeps the state', { books: 2 }, async (s) => {
  const { job_id: id } = (await s.api.post('/api/jobs/process-all')).json;
  await until('the end', 10, async () => (await s.api.get(`/api/jobs/${id}`)).json.status === 'completed');
  assert.equal(await s.stop(), 0);
  await s.start();
  assert.equal((await s.api.get(`/api/jobs/${id}`)).json.status, 'completed');
  for (const db of ['jobs.db', 'preferences.db', 'library.db']) {
    assert.deepEqual(await s.sqlite('PRAGMA integrity_check', db), [{ integrity_check: 'ok' }]);
  }
});

serverTest('two workers with the wanted threads run', { threads: 3 }, async (s) => {
  assert.deepEqual(s.workers().map((w) => w.slot), [0, 1]);
  for (const w of s.workers()) {
    const names = fs.readdirSync(`/proc/${w.pid}/task`).map((t) => fs.readFileSync(`/proc/${w.pid}/task/${t}/comm`, 'utf8').trim());
    assert.equal(names.filter((n) => n.startsWith('lb-pool-')).length, 3, names.join());
  }
});
