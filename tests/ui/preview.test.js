/* preview.js: what results of a preview say, and how they are read. */
import assert from 'node:assert/strict';
import test from 'node:test';
import * as S from '../../htdocs/js/state.js';
import { FILTERS, readRows, rowOf, tally, worked } from '../../htdocs/js/preview.js';

const A = '01920000-0000-7000-8000-00000000000a';
const result = (id, before, after, more = {}) => ({
  id, item: `${id}.cbz`, success: true, error: null, details: { original: `/lib/Wolf/${id}.cbz`, final: `/lib/Wolf/${after.name ?? `${id}.cbz`}`, preview: { before, after, method: 'none', bytes: 0 }, ...more },
});
const named = (row) => Object.keys(FILTERS).filter((name) => FILTERS[name](row));

test('a row says the names, and each tag before and after', () => {
  const row = rowOf(result(1, { name: '1.cbz', tags: { Title: 'Old', Series: null } }, { name: 'Wolf 1.cbz', tags: { Title: 'New', Series: 'Wolf' } }));
  assert.deepEqual([row.name, row.folder, row.newName], ['1.cbz', 'Wolf', 'Wolf 1.cbz']);
  assert.deepEqual(row.fields, [{ name: 'Title', before: 'Old', after: 'New' }, { name: 'Series', before: null, after: 'Wolf' }]);
  assert.deepEqual(named(row), ['all', 'changes']);
});

test('changes, nothing to do, duplicates and errors are told apart', () => {
  assert.deepEqual(named(rowOf(result(1, {}, {}))), ['all', 'nothing']);
  assert.deepEqual(named(rowOf(result(2, {}, {}, { duplicate: true }))), ['all', 'nothing', 'problems']);
  assert.deepEqual(named(rowOf({ id: 3, item: 'x', success: false, error: 'no', details: {} })), ['all', 'problems']);
  assert.equal(rowOf({ id: 3, item: 'x', success: false, error: 'no', details: { final: '/lib/y' } }).newName, null, 'what fails has no new name');
  assert.equal(rowOf({ id: 4, item: 'x.cbr', success: true, error: null, details: { original: '/lib/x.cbr', final: '/lib/x.cbz' } }).newName, 'x.cbz');
  assert.deepEqual(named(rowOf({ id: 5, item: 'x' , success: true, error: null })), ['all', 'nothing'], 'a result without details');
});

function server(n) {
  const asked = [];
  const all = Array.from({ length: n }, (_, i) => result(i + 1, {}, (i + 1) % 1000 === 0 ? { name: 'new.cbz' } : {}));
  return {
    asked,
    async get(path) {
      const query = new URL(path, 'http://x/').searchParams;
      asked.push(Object.fromEntries(query));
      const rest = all.filter(({ id }) => id > Number(query.get('after')));
      const results = rest.slice(0, Number(query.get('limit')));
      return { results, next: rest.length > results.length ? results[results.length - 1].id : null };
    },
  };
}

test('rows are read a page at a time, until there are enough', async () => {
  const api = server(1200);
  const first = await readRows(api, A, {});
  assert.deepEqual([first.rows.length, first.next, first.looked, api.asked.length], [500, 500, 500, 1]);
  const rest = await readRows(api, A, { after: first.next, want: 1000 });
  assert.deepEqual([rest.rows.length, rest.next], [700, null]);
});

test('what is rare is looked for, but not without end', async () => {
  const api = server(10000);
  const first = await readRows(api, A, { filter: 'changes', search: 'x' });
  assert.deepEqual([first.rows.length, first.next, first.looked], [4, 4000, 4000]);
  assert.deepEqual(api.asked[0], { limit: '500', after: '0', outcome: 'ok', search: 'x' });
});

test('the tally counts what each filter shows', async () => {
  assert.deepEqual(await tally(server(2000), A), { all: 2000, changes: 2, nothing: 1998, problems: 0 });
});

test('files may have changed when another job has done items, not when a preview has', () => {
  const operations = [{ name: 'process', changes_files: true }, { name: 'verify', changes_files: false }];
  const job = (success, more = {}) => ({ job_id: A, status: 'processing', version: success, total_items: 9, processed_items: success, success_items: success, operation: 'process', ...more });
  const none = S.initial();
  assert.equal(worked(none, S.apply(none, job(1)), operations), true);
  assert.equal(worked(S.apply(none, job(1)), S.apply(none, job(1)), operations), false);
  assert.equal(worked(none, S.apply(none, job(1, { dry_run: true })), operations), false);
  assert.equal(worked(none, S.apply(none, job(1, { operation: 'verify' })), operations), false);
});
