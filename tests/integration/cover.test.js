// GET /api/file/{path}/cover: the first page, what the browser is told about it, and what is never given out.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { makeBook, zip } from '../lib/books.js';
import { startJob, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
const picture = (text) => Buffer.concat([JPEG, Buffer.from(text)]);
const HOSTILE = '"><img src=x onerror=alert(1)>.cbz';
const put = (dir, name, entries) => fs.writeFileSync(path.join(dir, name), zip(entries));

const library = (dir) => {
  makeBook(dir, 'Wolf/a 1.cbz', { tags: { Title: 'T' } });
  put(dir, HOSTILE, [{ name: 'page 10.png', data: picture('ten') }, { name: 'page 9.png', data: picture('nine'), deflate: true }]);
  put(dir, 'svg.cbz', [{ name: '1.jpg', data: '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>' }]);
  put(dir, 'none.cbz', [{ name: 'cover.svg', data: '<svg/>' }]);
  put(dir, 'huge.cbz', [{ name: '1.jpg', data: Buffer.concat([JPEG, Buffer.alloc(17 << 20)]), deflate: true }]);
  put(dir, 'large.cbz', [{ name: '1.jpg', data: Buffer.concat([JPEG, Buffer.alloc(15 << 20)]) }]);
  const damaged = zip([{ name: '1.jpg', data: picture('x'.repeat(100)) }]);
  damaged[60] ^= 1;
  fs.writeFileSync(path.join(dir, 'damaged.cbz'), damaged);
  fs.writeFileSync(path.join(dir, 'rar.cbr'), Buffer.from('Rar!\x1a\x07\x01\x00 and more', 'latin1'));
  fs.writeFileSync(Buffer.concat([Buffer.from(`${dir}/bad `), Buffer.from([0xff]), Buffer.from('.cbz')]),
    zip([{ name: '1.jpg', data: picture('odd') }]));
};

const cover = (s, name, headers = {}) => fetch(`${s.url}/api/file/${encodeURIComponent(name)}/cover`, { headers });
const bytes = async (r) => Buffer.from(await r.arrayBuffer());

serverTest('cover: the first page with its type, headers that allow nothing, and 304 until the file changes', { books: library }, async (s) => {
  const r = await cover(s, HOSTILE);
  assert.equal(r.status, 200);
  assert.deepEqual(await bytes(r), picture('nine'));
  const said = Object.fromEntries(['content-type', 'cache-control', 'x-content-type-options', 'content-security-policy'].map((n) => [n, r.headers.get(n)]));
  assert.deepEqual(said, { 'content-type': 'image/jpeg', 'cache-control': 'private, no-cache', 'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox" });

  const first = await cover(s, 'Wolf/a 1.cbz');
  const etag = first.headers.get('etag');
  assert.match(etag, /^"[0-9a-f.-]+"$/);
  assert.equal((await bytes(first)).length, 2000);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
    const again = await cover(s, 'Wolf/a 1.cbz', { 'If-None-Match': known });
    assert.deepEqual([again.status, again.headers.get('etag'), (await bytes(again)).length], [304, etag, 0]);
  }
  const head = await fetch(`${s.url}/api/file/Wolf/a%201.cbz/cover`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '2000']);
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-selected', { files: ['Wolf/a 1.cbz'] })).job_id);
  const changed = await cover(s, 'Wolf/a 1.cbz', { 'If-None-Match': etag });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get('etag'), etag);

  const { json: { files } } = await s.api.get('/api/files?search=bad');
  assert.deepEqual(await bytes(await cover(s, files[0].file_id)), picture('odd'), 'a name that is not UTF-8, by its id');
});

serverTest('cover: no page, another kind of file, too large, damaged, outside: refused in words', { books: library }, async (s) => {
  const cases = [
    ['svg.cbz', 422, 'bad_book', /not a picture that can be shown/], ['none.cbz', 404, 'not_found', /no page/],
    ['huge.cbz', 422, 'bad_book', /too large/], ['damaged.cbz', 422, 'bad_book', /damaged/],
    ['rar.cbr', 422, 'bad_book', /RAR archive/], ['gone.cbz', 404, 'not_found', /File not found/],
    ['Wolf', 422, 'bad_book', /not a file/], ['../outside.cbz', 400, null, /./], ['id:999', 404, 'not_found', /./],
  ];
  for (const [name, status, code, words] of cases) {
    const r = await cover(s, name);
    const body = await r.json();
    assert.equal(r.status, status, `${name}: ${JSON.stringify(body)}`);
    if (code) assert.equal(body.code, code, name);
    assert.match(body.error, words, name);
    assert.match(r.headers.get('content-type'), /^application\/json/);
  }
});

serverTest('cover: many large ones at once, and half of the clients go away', { books: library, seconds: 60 }, async (s) => {
  const asks = Array.from({ length: 24 }, async (_, i) => {
    const stop = new AbortController();
    const r = await fetch(`${s.url}/api/file/large.cbz/cover`, { signal: stop.signal });
    if (i % 2) return stop.abort();
    assert.equal((await bytes(r)).length, JPEG.length + (15 << 20));
  });
  await Promise.all(asks);
  assert.equal((await s.api.get('/health')).status, 200);
});
