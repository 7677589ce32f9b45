// The settings that the jobs need: the file-name format and the padding of issue numbers.
import assert from 'node:assert/strict';
import { listBooks, makeBook } from '../lib/books.js';
import { startJob, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';

const FORMAT = '/api/settings/filename-format';
const PADDING = '/api/settings/issue-number-padding';
const wolf = (dir) => makeBook(dir, 'Wolf/x 3.cbz', { tags: { Number: 3, Year: 2011 } });

serverTest('the defaults are those of the contract', {}, async (s) => {
  assert.deepEqual((await s.api.get(FORMAT)).json, { format: '{series} - Chapter {issue}', default: '{series} - Chapter {issue}' });
  assert.deepEqual((await s.api.get(PADDING)).json, { padding: 4, default: 4 });
});

serverTest('a new format is answered, kept, seen by the other worker and used', { books: wolf }, async (s) => {
  const [one, other] = [s.workerClient(0), s.workerClient(1)];
  const format = '{series} #{issue_no_pad} ({year})';
  const r = await one.post(FORMAT, { format });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json, { success: true, format });
  assert.equal((await other.get(FORMAT)).json.format, format);
  await waitCompleted(other, (await startJob(other, 'process-all')).job_id);
  assert.deepEqual(listBooks(s.library), ['Wolf/Wolf #3 (2011).cbz']);
  await s.stop();
  await s.start();
  assert.equal((await s.api.get(FORMAT)).json.format, format);
});

serverTest('a new padding is used by the next job on either worker', { books: wolf }, async (s) => {
  const r = await s.workerClient(1).post(PADDING, { padding: 2 });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.success, true);
  assert.equal((await s.workerClient(0).get(PADDING)).json.padding, 2);
  await waitCompleted(s.api, (await startJob(s.workerClient(0), 'process-all')).job_id);
  assert.deepEqual(listBooks(s.library), ['Wolf/Wolf - Chapter 03.cbz']);
  assert.equal((await s.api.post(PADDING, { padding: 0 })).status, 200);
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  assert.deepEqual(listBooks(s.library), ['Wolf/Wolf - Chapter 3.cbz']);
});

serverTest('wrong values are refused and change nothing', {}, async (s) => {
  for (const body of [{ format: '' }, {}, { format: 7 }, { format: null }]) {
    const r = await s.api.post(FORMAT, body);
    assert.equal(r.status, 400, `${JSON.stringify(body)}: ${r.text}`);
    assert.equal(typeof r.json.code, 'string');
  }
  for (const body of [{ padding: -1 }, {}, { padding: 'wide' }, { padding: 1.5 }, { padding: null }, { padding: 1e9 }]) {
    const r = await s.api.post(PADDING, body);
    assert.ok([400, 422].includes(r.status), `${JSON.stringify(body)}: ${r.status} ${r.text}`);
    assert.equal(typeof r.json.code, 'string');
  }
  assert.equal((await s.api.get(FORMAT)).json.format, '{series} - Chapter {issue}');
  assert.equal((await s.api.get(PADDING)).json.padding, 4);
});
