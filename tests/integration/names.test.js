// Jobs with options: the better parser, its limit, templates of one job; the settings that are their defaults.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { listBooks, makeBook, readTags } from '../lib/books.js';
import { startJob, waitCompleted } from '../lib/jobs.js';
import { BIN, serverTest } from '../lib/server.js';

const BETTER = { parser: 'better' };
const library = (dir) => {
  makeBook(dir, 'New/Night Ferry v02 012 - Low Tide (2019) (digital) (Group).cbz');
  makeBook(dir, 'New/[Group] Paper Crane c041.5 [en].cbz');
  makeBook(dir, 'Sector 2099/Sector 2099 03 (1994).cbz');
  makeBook(dir, 'New/Some Name 13 Some Title.cbz');
};

async function submit(s, operation, options) {
  const r = await s.api.post('/api/jobs', { operation, select: { filter: 'all' }, options });
  assert.equal(r.status, 201, r.text);
  return waitCompleted(s.api, r.json.job_id);
}

const tagsOf = (s, name) => readTags(path.join(s.library, name));
const failed = (job) => job.results.filter((r) => !r.success);

serverTest('better reads series, number, volume, year and title; a guess fails and stays as it is', { books: library }, async (s) => {
  const format = '{series}< v{volume}> #{issue:3}< - {title}>< ({year})>';
  const job = await submit(s, 'process', { ...BETTER, format });
  assert.deepEqual(listBooks(s.library).sort(), [
    'New/Night Ferry v2 #012 - Low Tide (2019).cbz',
    'New/Paper Crane #041.5.cbz',
    'New/Some Name 13 Some Title.cbz',
    'Sector 2099/Sector 2099 #003 (1994).cbz',
  ].sort());
  assert.deepEqual([job.success_items, job.error_items], [3, 1]);
  const [guess] = failed(job);
  assert.match(guess.error, /only 40 % sure \(60 % needed\).*number 13 of series "Some Name"/);
  assert.equal(guess.details.parsed.title, 'Some Title');
  assert.equal(tagsOf(s, 'New/Some Name 13 Some Title.cbz'), null);
  const tags = tagsOf(s, 'New/Night Ferry v2 #012 - Low Tide (2019).cbz');
  assert.deepEqual([tags.Series, tags.Number, tags.Volume, tags.Year, tags.Title], ['Night Ferry', '12', '2', '2019', 'Low Tide']);
});

serverTest('a retry has the options of its job', { books: library }, async (s) => {
  const job = await submit(s, 'rename', { ...BETTER, format: '{series} {issue:2}' });
  const first = failed(job);
  assert.equal(first.length, 1);
  const retry = await s.api.post(`/api/jobs/${job.job_id}/retry`);
  assert.equal(retry.status, 201, retry.text);
  const again = failed(await waitCompleted(s.api, retry.json.job_id));
  assert.equal(again.length, 1);
  assert.equal(again[0].error, first[0].error); // read by the same parser, with the same limit
});

serverTest('the calls of the old application take options, and keep their rule without them', { books: library }, async (s) => {
  const r = await startJob(s.api, 'normalize-selected', { files: ['Sector 2099/Sector 2099 03 (1994).cbz'], options: BETTER });
  await waitCompleted(s.api, r.job_id);
  assert.equal(tagsOf(s, 'Sector 2099/Sector 2099 03 (1994).cbz').Number, '3');
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-all')).job_id);
  assert.equal(tagsOf(s, 'New/Some Name 13 Some Title.cbz').Title, 'Chapter 13');
});

serverTest('wrong options are refused by name, and no job is made', { books: library }, async (s) => {
  const cases = [
    [{ parser: 'best' }, 400, 'parser'], [{ min_confidence: 2 }, 422, 'min_confidence'], [{ format: '{series}' }, 422, 'format'],
    [{ format: '{issue} {nope}' }, 422, 'format'], [{ format: '{issue} <' }, 422, 'format'], [{ padding: 65 }, 422, 'padding'],
    [{ name_policy: 'dos' }, 400, 'name_policy'], [{ unknown: 1 }, 400, 'options'],
  ];
  for (const [options, status, field] of cases) {
    const r = await s.api.post('/api/jobs', { operation: 'process', select: { filter: 'all' }, options });
    assert.deepEqual([r.status, r.json.field], [status, field], `${JSON.stringify(options)}: ${r.text}`);
  }
  assert.equal((await s.api.post('/api/jobs/rename-all', { parser: 'best' })).status, 400);
  assert.deepEqual((await s.api.get('/api/jobs')).json.jobs, []);
});

serverTest('the settings name_parser and name_policy are the defaults', {
  books: (dir) => makeBook(dir, 'S/Sector 2099 03.cbz', { tags: { Series: 'Sector: 2099' } }),
  set: { name_parser: 'better', name_policy: 'posix' },
}, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'rename-all')).job_id);
  assert.deepEqual(listBooks(s.library), ['S/Sector: 2099 - Chapter 0003.cbz']);
  const other = await submit(s, 'rename', { name_policy: 'strict', format: '{series} {issue_no_pad}' });
  assert.equal(other.success_items, 1);
  assert.deepEqual(listBooks(s.library), ['S/Sector_ 2099 3.cbz']);
});

serverTest('a template that is saved is checked, and its unknown placeholders are told', {}, async (s) => {
  const url = '/api/settings/filename-format';
  for (const [format, says] of [['{issue} <a', /a < without a >/], ['{issue}>', /a > without a </], ['<{issue}<{title}>>', /nested/], ['{issue}/{title}', /slash/]]) {
    const r = await s.api.post(url, { format });
    assert.equal(r.status, 422, r.text);
    assert.match(r.json.error, says);
  }
  const r = await s.api.post(url, { format: '{series} {isue} {issue}' });
  assert.deepEqual([r.status, r.json.warning], [200, 'the placeholder {isue} is not known and is left out of names']);
  assert.deepEqual((await s.api.post(url, { format: '{series}< {Writer}> {issue:2}' })).json, { success: true, format: '{series}< {Writer}> {issue:2}' });
});

// The command line, without a server: the lines of `input` through `longbox args`.
function longbox(args, input) {
  return new Promise((done) => {
    const child = execFile(path.join(BIN, 'longbox'), args, (e, out, err) => done({ code: e ? e.code : 0, out, err }));
    child.stdin.on('error', () => {}); // who refuses its options reads nothing
    child.stdin.end(input);
  });
}

test('longbox parse-name and format-name say what jobs would do', async () => {
  const name = 'Sector 2099 03 (of 06) (1994).cbz\n';
  const better = await longbox(['parse-name', '--parser', 'better'], name);
  assert.equal(better.out, '{"series": "Sector 2099", "issue": "3", "issue_count": "6", "volume": null, "year": "1994", "title": null, "chapter": "3", "confidence": 0.9}\n');
  const old = await longbox(['parse-name'], name);
  assert.deepEqual(JSON.parse(old.out), {
    series: null, issue: '2099', issue_count: null, volume: null, year: null, title: null, chapter: '2099', confidence: null,
  });
  const hint = await longbox(['parse-name', '--parser=better', '--folder', 'Sector 2099'], 'Sector 2099.cbz\n012.cbz\n');
  assert.deepEqual(hint.out.trim().split('\n').map((l) => JSON.parse(l)).map((p) => [p.series, p.issue]), [['Sector 2099', null], ['Sector 2099', '12']]);
  const template = '{series}< v{volume}>< by {Writer}> #{issue:3}';
  const tags = '{"series": "A: B", "issue": 7, "writer": "Ann"}\n';
  assert.equal((await longbox(['format-name', '--template', template], tags)).out, 'A_ B by Ann #007.cbz\n');
  assert.equal((await longbox(['format-name', '--template', template, '--name-policy', 'posix'], tags)).out, 'A: B by Ann #007.cbz\n');
  assert.deepEqual([(await longbox(['parse-name', '--parser', 'best'], '')).code, (await longbox(['format-name', '--template', 'x', '--name-policy', 'x'], '')).code], [2, 2]);
});
