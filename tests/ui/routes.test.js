/* routes.js: addresses and what they show, with and without a base path. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createRoutes, routeOf } from '../../htdocs/js/routes.js';

const base = new URL('http://lan:8080/comics/');
const at = (path) => routeOf(new URL(path, base), base);

test('each address has its view', () => {
  assert.deepEqual(at(''), { view: 'library', id: null });
  assert.deepEqual(at('?search=x#y'), { view: 'library', id: null });
  for (const view of ['jobs', 'history', 'settings', 'logs', 'server']) assert.deepEqual(at(view), { view, id: null });
  assert.deepEqual(at('jobs/'), { view: 'jobs', id: null });
  assert.deepEqual(at('jobs/0192%20a'), { view: 'job', id: '0192 a' });
  assert.deepEqual(at('jobs/%zz'), { view: 'job', id: '%zz' });
});

test('other addresses are none of ours', () => {
  for (const path of ['x', 'jobs/a/b', 'settings/a', 'batch-jobs/a', 'api/jobs', 'constructor', '/jobs', 'http://other:8080/comics/jobs']) {
    assert.equal(at(path), null, path);
  }
});

function fakeWindow() {
  const listeners = {};
  const on = (name, work) => (listeners[name] = work);
  const location = new URL('http://lan:8080/comics/jobs/abc');
  const window = {
    location,
    document: { baseURI: 'http://lan:8080/comics/jobs', addEventListener: on },
    history: { pushState: (_state, _title, to) => (location.href = to) },
    addEventListener: on,
    scrollTo() {},
  };
  return { window, listeners, location };
}

test('a click goes there without a load; others are left to the browser', () => {
  const { window, listeners, location } = fakeWindow();
  const seen = [];
  createRoutes({ window, changed: (route) => seen.push(route?.view) });
  const click = (href, more = {}) => {
    const link = { href: new URL(href, base).href, target: '', hasAttribute: () => false, ...more.link };
    const event = { button: 0, target: { closest: () => link }, preventDefault: () => (event.defaultPrevented = true), ...more };
    listeners.click(event);
    return event.defaultPrevented === true;
  };
  assert.ok(click('jobs'));
  assert.equal(location.href, 'http://lan:8080/comics/jobs');
  assert.ok(!click('history', { ctrlKey: true }));
  assert.ok(!click('history', { button: 1 }));
  assert.ok(!click('history', { link: { target: '_blank' } }));
  assert.ok(!click('history', { link: { hasAttribute: (name) => name === 'download' } }));
  assert.ok(!click('batch-jobs/x'));
  assert.deepEqual(seen, ['job', 'jobs']);
  location.href = 'http://lan:8080/comics/history';
  listeners.popstate();
  assert.equal(seen.at(-1), 'history');
});
