// Runs watch-store beside a test: a reader outside of the server that sees every state of jobs.db it can catch.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './server.js';
import { until, within } from './until.js';

export async function watchStore(server, body) {
  const child = spawn(path.join(ROOT, 'tests/lib/watch-store'), [path.join(server.state, 'jobs.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (part) => { text += part; });
  const ended = new Promise((done) => { child.on('close', done); });
  try {
    await until('the watcher of the store', 10, () => text.includes('watching'));
    await body();
    child.stdin.end('\n');
    await within('the watcher to end', 10, ended);
  } finally {
    child.kill('SIGKILL');
  }
  const report = JSON.parse(text.split('\n')[1]);
  assert.deepEqual(report.violations, []);
  return report;
}
