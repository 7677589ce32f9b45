import test from 'node:test';
import assert from 'node:assert/strict';
import * as Q from '../../htdocs/js/query.js';

test('saved preferences are in the first question', () => {
  const view = Q.withPreferences(Q.firstView(), { theme: 'dark', perPage: 25, pages: true, filterMode: 'marked', sort: 'size', direction: 'desc' });
  assert.equal(Q.listPath(view, 'files', 25, 100), 'api/files?offset=25&limit=100&filter=marked&sort=size&direction=desc');
  assert.equal(view.perPage, 25);
});

test('how long a page of other clients is does not make pages of a list', () => {
  assert.equal(Q.withPreferences(Q.firstView(), { perPage: 100 }).perPage, 0);
  assert.equal(Q.withPreferences(Q.firstView(), { perPage: -1, pages: true }).perPage, 100);
  assert.deepEqual(Q.toPreferences({ perPage: 0 }), { pages: false });
  assert.deepEqual(Q.toPreferences({ perPage: 50 }), { pages: true, perPage: 50 });
  assert.deepEqual(Q.toPreferences({ filter: 'marked' }), { filterMode: 'marked' });
  assert.deepEqual(Q.toPreferences({ folder: 'x' }), {});
});

test('preferences of older pages and nonsense do no harm', () => {
  assert.deepEqual(Q.withPreferences(Q.firstView(), { perPage: 'x', filterMode: 'evil', sort: 7, direction: null, pages: 1 }), Q.firstView());
  assert.deepEqual(Q.withPreferences(Q.firstView(), {}), Q.firstView());
});

test('a search and a folder are encoded', () => {
  const view = { ...Q.firstView(), search: 'a&b=c #%', folder: 'A/B & C' };
  assert.match(Q.listPath(view, 'ids', 0, 5), /^api\/files\/ids\?.*&search=a%26b%3Dc\+%23%25&folder=A%2FB\+%26\+C$/);
});

test('a view goes into the address and comes back', () => {
  const view = { search: 'a&b', filter: 'unmarked', folder: 'A/\u05d0', sort: 'date', direction: 'desc', perPage: 50, page: 3 };
  assert.deepEqual(Q.fromAddress(view, new URLSearchParams(Q.addressOf(view))), view);
  assert.equal(Q.addressOf(Q.firstView()), '');
  assert.deepEqual(Q.fromAddress(Q.firstView(), new URLSearchParams('filter=evil&sort=&direction=up&page=-4&x=1')), Q.firstView());
  assert.ok(Q.sameList(view, { ...view, page: 1, perPage: 0 }));
  assert.ok(!Q.sameList(view, { ...view, folder: 'A' }));
});

test('pages cut the list', () => {
  assert.deepEqual(Q.pageRange({ perPage: 0, page: 1 }, 70), [0, 70]);
  assert.deepEqual(Q.pageRange({ perPage: 25, page: 3 }, 70), [50, 70]);
  assert.deepEqual(Q.pageRange({ perPage: 25, page: 9 }, 70), [70, 70]);
  assert.deepEqual([Q.pageCount({ perPage: 25 }, 70), Q.pageCount({ perPage: 0 }, 70), Q.pageCount({ perPage: 25 }, 0)], [3, 1, 1]);
});

test('page numbers', () => {
  assert.deepEqual(Q.pageNumbers(1, 1), [1]);
  assert.deepEqual(Q.pageNumbers(1, 3), [1, 2, 3]);
  assert.deepEqual(Q.pageNumbers(5, 10), [1, null, 4, 5, 6, null, 10]);
  assert.deepEqual(Q.pageNumbers(10, 10), [1, null, 9, 10]);
});
