// The log: one event a line, with the names that operators look for.
import assert from 'node:assert/strict';
import { getJob, startJob, startNoop, waitCompleted, waitStatus } from '../lib/jobs.js';
import { makeBook } from '../lib/books.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

// key=value, where a change of state stands as "slot=0 starting -> ready".
const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn|info|debug) (master|worker=\d+) event=("[^"]+"|[^ "]+)( [a-z_0-9]+=("([^"\\]|\\.)*"|[^ "]*)| [a-z_]+ -> [a-z_]+)*$/;

const logLines = (s) => s.log().split('\n').filter((l) => l && !l.startsWith('ready '));
const ofJob = (s, id, event) => logLines(s).filter((l) => l.includes(`event="${event}"`) && l.includes(`job=${id}`));

const oneLine = (s, id, event) => until(`a line "${event}"`, 20, () => ofJob(s, id, event).length > 0).then(() => {
  const found = ofJob(s, id, event);
  assert.equal(found.length, 1, `${event}:\n${found.join('\n')}`);
  return found[0];
});

serverTest('the life of a job is told in known words, each once', { books: 25 }, async (s) => {
  const { job_id: id } = await startJob(s.api, 'process-all');
  await waitCompleted(s.api, id);
  assert.match(await oneLine(s, id, 'job created'), /items=25\b/);
  await oneLine(s, id, 'active job set');
  assert.match(await oneLine(s, id, 'job starting'), /items=25\b/);
  assert.match(await oneLine(s, id, 'job completed'), /25/);
  await oneLine(s, id, 'active job cleared');
  const order = ['job created', 'active job set', 'job starting', 'job completed', 'active job cleared'];
  const at = order.map((e) => logLines(s).findIndex((l) => l.includes(`event="${e}"`)));
  assert.deepEqual(at, [...at].sort((a, b) => a - b), `the order of ${order}: ${at}`);
});

serverTest('progress is told every 10 items and at the end', {}, async (s) => {
  const id = await startNoop(s.api, 35, 10);
  await waitCompleted(s.api, id);
  const lines = await until('the progress at the end', 20, () => {
    const found = ofJob(s, id, 'job progress');
    return found.some((l) => /processed=35\b/.test(l)) && found;
  });
  assert.ok(lines.length >= 4 && lines.length <= 5, lines.join('\n'));
  for (const k of [10, 20, 30, 35]) assert.ok(lines.some((l) => new RegExp(`\\b${k}\\b`).test(l)), `${k} of 35:\n${lines.join('\n')}`);
});

serverTest('cancel and its consequences are told', {}, async (s) => {
  const id = await startNoop(s.api, 100, 100);
  await until('progress', 10, async () => (await getJob(s.api, id)).processed_items > 0);
  await s.api.post(`/api/jobs/${id}/cancel`);
  await waitStatus(s.api, id, 'cancelled');
  await oneLine(s, id, 'job cancelled');
  await oneLine(s, id, 'active job cleared');
});

serverTest('a job that goes on after a restart is told as resumed', {}, async (s) => {
  const id = await startNoop(s.api, 60, 100);
  await until('progress', 10, async () => (await getJob(s.api, id)).processed_items > 0);
  await s.kill();
  await s.start();
  await waitCompleted(s.api, id);
  assert.ok(ofJob(s, id, 'job resumed').length >= 1); // one line for each owner that lost its items
});

serverTest('every line has the shape of the log, and names from outside cannot break it', {
  books: (dir) => makeBook(dir, 'Wolf/quote " and \\ back = 3.cbz'),
}, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  await s.api.post('/api/jobs/process-selected', { files: ['x\n2026-01-01T00:00:00.000Z error master event="forged"'] });
  await startNoop(s.api, 1, 0, { title: 'two\nlines "and" \u001b[31mred' });
  assert.equal(await s.stop(), 0);
  const wrong = logLines(s).filter((l) => !LINE.test(l));
  assert.deepEqual(wrong, []);
});
