// The list of jobs, the rows of the history and the figures of a job, as the page works them out.
import assert from 'node:assert/strict';
import test from 'node:test';
import * as F from '../../htdocs/js/figures.js';
import * as H from '../../htdocs/js/history.js';
import * as L from '../../htdocs/js/job_list.js';

const job = (n, more = {}) => ({ job_id: `0192-${n}`, status: 'completed', version: 3, title: `Job ${n}`, ...more });
const answer = (ns, next = null) => ({ jobs: ns.map((n) => job(n)), next });
const ids = (list) => list.jobs.map(({ job_id: id }) => id.slice(5));

test('a filter becomes an address and comes back from it', () => {
  const filter = { status: 'failed', operation: 'rename', search: ' a&b=c ' };
  assert.equal(L.listPath(filter, '0192-7'), 'api/jobs?limit=50&status=failed&operation=rename&search=a%26b%3Dc&before=0192-7');
  assert.equal(L.listPath(L.emptyFilter()), 'api/jobs?limit=50');
  const path = L.pathOf(filter);
  assert.deepEqual(L.filterOf(new URL(path, 'http://x/').searchParams), { ...filter, search: 'a&b=c' });
  assert.equal(L.pathOf(L.emptyFilter()), 'jobs');
  assert.ok(L.isFiltered(filter) && !L.isFiltered({ ...L.emptyFilter(), search: '  ' }));
});

test('older jobs go below, and none is there twice', () => {
  const list = L.withOlder(L.firstPart(answer([9, 8], '0192-8')), answer([8, 7]));
  assert.deepEqual(ids(list), ['9', '8', '7']);
  assert.equal(list.next, null);
});

test('new jobs go on top, or are counted while somebody reads', () => {
  const list = L.firstPart(answer([7, 6], '0192-6'));
  const fresh = { jobs: [job(8), job(7, { version: 9, title: 'changed' })], next: '0192-7' };
  const held = L.withNewer(list, fresh, true);
  assert.deepEqual([ids(held), held.news, held.jobs[0].title], [['7', '6'], 1, 'changed']);
  const shown = L.withNewer(held, fresh, false);
  assert.deepEqual([ids(shown), shown.news, shown.next], [['8', '7', '6'], 0, '0192-6']);
});

test('when all of the newest part is new, the list begins anew: there may be a gap behind it', () => {
  const list = L.firstPart(answer([3, 2]));
  assert.deepEqual(ids(L.withNewer(list, answer([9, 8], '0192-8'), false)), ['9', '8']);
  assert.deepEqual(ids(L.withNewer(list, answer([9, 8]), false)), ['9', '8', '3', '2']);
});

test('the stream tells of jobs that the list does not have, but not of older ones', () => {
  const list = L.firstPart(answer([5, 3]));
  assert.deepEqual(L.unknown(list, { '0192-6': {}, '0192-5': {}, '0192-4': {} }), ['0192-6']);
  assert.deepEqual(L.unknown(L.firstPart(answer([])), { '0192-1': {} }), ['0192-1']);
});

test('of a job the higher version counts, wherever it came from', () => {
  assert.equal(L.newest(job(1), job(1, { version: 2 })).version, 3);
  assert.equal(L.newest(job(1), job(1, { version: 4 })).version, 4);
  assert.equal(L.newest(null, job(1)).version, 3);
  assert.equal(L.newest(job(1), null).version, 3);
});

test('how long a job has run', () => {
  assert.equal(L.runTime({ status: 'queued', started_at: null }, 50), null);
  assert.equal(L.runTime({ status: 'processing', started_at: 40 }, 50), 10);
  assert.equal(L.runTime({ status: 'completed', started_at: 40, completed_at: 43 }, 50), 3);
  assert.equal(L.runTime({ status: 'processing', started_at: 60 }, 50), 0);
});

test('points of the plot: files per second, the last span of a running job left out', () => {
  const throughput = { start: 1000, seconds: 2, ok: [4, 6, 1], failed: [0, 2, 0] };
  assert.deepEqual(F.points(throughput, false), [[1000, 1002, 1004, 1006], [2, 3, 0.5, 0.5], [0, 1, 0, 0]]);
  assert.deepEqual(F.points(throughput, true), [[1000, 1002, 1004], [2, 3, 3], [0, 1, 1]]);
  assert.equal(F.points({ start: 1, seconds: 1, ok: [3], failed: [0] }, false), null);
  assert.equal(F.points({ start: null, seconds: 1, ok: [], failed: [] }, true), null);
});

test('the table has every file of the plot, in few rows', () => {
  const ok = Array.from({ length: 299 }, (_, i) => i);
  const rows = F.spans({ start: 0, seconds: 0.5, ok, failed: ok.map(() => 1) }, 12);
  assert.ok(rows.length <= 12, `${rows.length} rows`);
  assert.equal(rows.reduce((n, row) => n + row.ok, 0), (298 * 299) / 2);
  assert.equal(rows.reduce((n, row) => n + row.failed, 0), 299);
  assert.equal(rows.at(-1).from + rows.at(-1).seconds, 299 * 0.5);
  assert.deepEqual(F.spans({ start: null, seconds: 1, ok: [], failed: [] }, 12), []);
});

test('the most and the mean', () => {
  assert.deepEqual(F.peakAndMean({ seconds: 2, ok: [4, 6], failed: [0, 2] }), { peak: 4, mean: 3 });
  assert.deepEqual(F.peakAndMean({ seconds: 1, ok: [], failed: [] }), { peak: 0, mean: 0 });
});

test('what a row of the history says: tags, names, a deleted file', () => {
  assert.deepEqual(H.fieldsOf({ changes: { Writer: [null, 'A. Bell'] } }), [{ name: 'Writer', before: null, after: 'A. Bell' }]);
  assert.deepEqual(H.fieldsOf({ changes: null, before_title: 'x', after_title: 'y', before_year: '1', after_year: '1' }), [{ name: 'Title', before: 'x', after: 'y' }]);
  assert.deepEqual(H.namesOf({ filepath: '/a/b.cbz', before_filename: 'a.cbz', after_filename: 'b.cbz', operation_type: 'rename' }), { before: 'a.cbz', after: 'b.cbz' });
  assert.deepEqual(H.namesOf({ filepath: '/a/b.cbz', before_filename: 'b.cbz', after_filename: null, operation_type: 'delete' }), { before: 'b.cbz', after: null });
  assert.deepEqual(H.namesOf({ filepath: '/a/b.cbz', before_filename: null, after_filename: null, operation_type: 'tag' }), { before: 'b.cbz', after: 'b.cbz' });
  assert.deepEqual(H.joined([{ id: 3 }, { id: 2 }], [{ id: 2 }, { id: 1 }]).map(({ id }) => id), [3, 2, 1]);
  assert.equal(H.historyPath({ search: ' x ', file: '/a&b' }, 50, 50), 'api/processing-history?limit=50&offset=50&search=x&file=%2Fa%26b');
  assert.deepEqual(H.filterOf(new URL(H.pathOf({ search: '', file: '/a b' }), 'http://x/').searchParams), { search: '', file: '/a b' });
});
