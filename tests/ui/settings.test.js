import assert from 'node:assert/strict';
import test from 'node:test';
import { grouped, parseDraft, withValues } from '../../htdocs/js/settings.js';
import { takeSamples } from '../../htdocs/js/samples.js';

const number = { key: 'issue_number_padding', type: 'integer', value: 4, default: 4, min: 0, max: 64, unit: 'digits', text: 't' };
const text = { key: 'filename_format', type: 'string', value: '{issue}', default: '{issue}', min: 1, max: 10, unit: '', text: 't' };

test('numbers: whole, within the range', () => {
  assert.deepEqual(parseDraft(number, ' 12 '), { value: 12 });
  for (const draft of ['', '1.5', '0x10', '1e3', 'wide', '12345678901234567890']) assert.match(parseDraft(number, draft).error, /whole number/, draft);
  for (const draft of ['-1', '65']) assert.match(parseDraft(number, draft).error, /0 to 64 digits/, draft);
});

test('texts: measured in bytes, not empty', () => {
  assert.deepEqual(parseDraft(text, 'ééééé'), { value: 'ééééé' });
  assert.match(parseDraft(text, 'éééééé').error, /10 bytes/);
  assert.match(parseDraft(text, '').error, /empty/);
});

test('a setting that the page does not know is shown, too', () => {
  const later = { ...number, key: 'later' };
  assert.deepEqual(grouped([text, later, number]).map(([group, list]) => [group, list.map((s) => s.key)]),
    [['names', ['filename_format', 'issue_number_padding']], ['other', ['later']]]);
});

test('new values go where they belong', () => {
  assert.deepEqual(withValues([text, number], { issue_number_padding: 2, nothing: 1 }).map((s) => s.value), ['{issue}', 2]);
});

// An api that answers from a list.
const fakeApi = (jobs) => ({
  get: async (path) => (path.startsWith('api/files') ? { files: [{ file_id: 'id:1' }, { file_id: 'id:2' }] } : jobs.shift()),
  post: async (path, body) => {
    assert.equal(body.dry_run, true, 'nothing is changed');
    assert.deepEqual(body.files, ['id:1', 'id:2']);
    return { job_id: 'j' };
  },
});
const clock = { setTimeout: (work) => work() };

test('samples: what becomes of each book, or why nothing does', async () => {
  const results = [
    { item: 'a 1.cbz', success: true, details: { preview: { after: { name: 'A 0001.cbz' } } } },
    { item: 'a 2.cbz', success: true, details: { preview: { after: {} } } },
    { item: 'a 3.cbz', success: true, details: { duplicate: true, message: 'taken', preview: { after: {} } } },
    { item: 'a 4.cbz', success: false, error: 'this is a RAR archive' },
  ];
  const samples = await takeSamples({ api: fakeApi([{ status: 'processing' }, { status: 'completed', results }]), clock, options: {} });
  assert.deepEqual(samples, [
    { now: 'a 1.cbz', then: 'A 0001.cbz', duplicate: false, why: null },
    { now: 'a 2.cbz', then: null, duplicate: false, why: null },
    { now: 'a 3.cbz', then: null, duplicate: true, why: null },
    { now: 'a 4.cbz', then: null, duplicate: false, why: 'this is a RAR archive' },
  ]);
});

test('samples: an empty library has none', async () => {
  assert.deepEqual(await takeSamples({ api: { get: async () => ({ files: [] }) }, clock, options: {} }), []);
});
