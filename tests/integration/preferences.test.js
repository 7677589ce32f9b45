// GET and POST /api/preferences.
import assert from 'node:assert/strict';
import { serverTest } from '../lib/server.js';

const read = async (client) => {
  const r = await client.get('/api/preferences');
  assert.equal(r.status, 200, r.text);
  return r.json;
};

serverTest('theme and perPage are always there', {}, async (s) => {
  assert.deepEqual(await read(s.api), { theme: null, perPage: 100 });
});

serverTest('a post merges, and the other worker sees it at once', {}, async (s) => {
  const [one, other] = [s.workerClient(0), s.workerClient(1)];
  const r = await one.post('/api/preferences', { theme: 'dark', filterMode: 'marked' });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.success, true);
  assert.equal(typeof r.json.message, 'string');
  assert.deepEqual(await read(other), { theme: 'dark', perPage: 100, filterMode: 'marked' });
  await other.post('/api/preferences', { perPage: 50 });
  assert.deepEqual(await read(one), { theme: 'dark', perPage: 50, filterMode: 'marked' });
});

serverTest('every JSON value comes back as it was, of its own type', {}, async (s) => {
  const values = { text: '12', yes: 'true', none: 'null', number: 12.5, big: 9007199254740991, flag: false, nothing: null,
    list: [1, 'a', { b: [] }], deep: { a: { b: 'c' } }, 'odd key "\u00e9\'%': 'v', empty: '' };
  await s.api.post('/api/preferences', values);
  assert.deepEqual(await read(s.workerClient(1)), { theme: null, perPage: 100, ...values });
});

serverTest('preferences outlive a kill of everything', {}, async (s) => {
  await s.api.post('/api/preferences', { theme: 'light', perPage: 25 });
  await s.kill();
  await s.start();
  assert.deepEqual(await read(s.api), { theme: 'light', perPage: 25 });
});

serverTest('what is not an object of preferences is refused', {}, async (s) => {
  for (const body of [[], 'dark', 7, null, {}]) {
    const r = await s.api.post('/api/preferences', body);
    assert.equal(r.status, 400, `${JSON.stringify(body)}: ${r.text}`);
    assert.equal(typeof r.json.code, 'string');
  }
  assert.equal((await s.api.post('/api/preferences')).status, 400);
  assert.deepEqual(await read(s.api), { theme: null, perPage: 100 });
});

serverTest('posts from both workers at once lose nothing', {}, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  await Promise.all(Array.from({ length: 40 }, (_, i) => clients[i % 2].post('/api/preferences', { [`key${i}`]: i })));
  const all = await read(s.api);
  for (let i = 0; i < 40; i++) assert.equal(all[`key${i}`], i);
});
