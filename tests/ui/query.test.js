import test from 'node:test';
import assert from 'node:assert/strict';
import * as Q from '../../htdocs/js/query.js';

test('saved preferences are in the first question', () => {
  const view = Q.withPreferences(Q.firstView(), { theme: 'dark', perPage: 25, filterMode: 'marked', sort: 'size', direction: 'desc' });
  assert.equal(Q.filesPath(view), 'api/files?page=1&per_page=25&search=&filter=marked&sort=size&direction=desc');
});

test('preferences of older pages and nonsense do no harm', () => {
  assert.equal(Q.withPreferences(Q.firstView(), { perPage: -1 }).perPage, 500);
  assert.equal(Q.withPreferences(Q.firstView(), { perPage: '50' }).perPage, 50);
  assert.deepEqual(Q.withPreferences(Q.firstView(), { perPage: 'x', filterMode: 'evil', sort: 7, direction: null }), Q.firstView());
  assert.deepEqual(Q.withPreferences(Q.firstView(), {}), Q.firstView());
});

test('a search is encoded', () => {
  assert.match(Q.filesPath({ ...Q.firstView(), search: 'a&b=c #%' }), /search=a%26b%3Dc\+%23%25&/);
});

test('files are named by path, and by id only where the path is not the real name', () => {
  assert.equal(Q.fileKey({ relative_path: 'a/b.cbz', file_id: 'f1' }), 'a/b.cbz');
  assert.equal(Q.fileKey({ relative_path: 'a/\ufffd.cbz', file_id: 'f1' }), 'f1');
  assert.equal(Q.fileKey({ relative_path: 'a/\ufffd.cbz' }), 'a/\ufffd.cbz');
});

test('page numbers', () => {
  assert.deepEqual(Q.pageNumbers(1, 1), [1]);
  assert.deepEqual(Q.pageNumbers(1, 3), [1, 2, 3]);
  assert.deepEqual(Q.pageNumbers(5, 10), [1, null, 4, 5, 6, null, 10]);
  assert.deepEqual(Q.pageNumbers(10, 10), [1, null, 9, 10]);
});
