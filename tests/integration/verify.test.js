// The operation verify on a real server: what a client reads of it, and how long that stays true.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { unzip, zip } from '../lib/books.js';
import { waitCompleted } from '../lib/jobs.js';
import { ROOT, serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const gif = (n) => Buffer.from(`GIF89a\x10\x01\x10\x01 page ${n}`, 'latin1');
const pages = (...numbers) => numbers.map((n, i) => ({ name: `p${i + 1}.gif`, data: gif(n) }));

function damaged() {
  const bytes = zip(pages(1, 2));
  bytes[bytes.indexOf('page 2')] ^= 1;
  return bytes;
}

function library(folder) {
  const put = (name, bytes) => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), bytes);
  };
  put('A/good.cbz', zip(pages(1, 2)));
  put('A/same.cbz', zip([...pages(1, 2), { name: 'ComicInfo.xml', data: '<ComicInfo/>' }]));
  put('A/junk.cbz', zip([...pages(3), { name: 'Thumbs.db', data: 'x' }]));
  put('B/broken.cbz', damaged());
  put('B/named.cbr', zip(pages(4)));
}

async function verifyAll(s) {
  const r = await s.api.post('/api/jobs', { operation: 'verify', select: { filter: 'all' } });
  assert.equal(r.status, 201, r.text);
  return waitCompleted(s.api, r.json.job_id);
}

const list = async (s, query) => (await s.api.get(`/api/files?${query}`)).json;

serverTest('verify: a result per book, a filter for those with problems, and the books with the same pages', { books: library }, async (s) => {
  assert.ok((await list(s, '')).files.every((f) => f.problems === null), 'not verified yet');
  const job = await verifyAll(s);
  assert.equal(job.title, 'Verifying Files...');
  assert.deepEqual([job.success_items, job.error_items], [4, 1]);
  const results = new Map(job.results.map((r) => [r.item, r]));
  const codes = (name) => results.get(name).details.problems.map((p) => p.code);
  assert.deepEqual(codes('good.cbz'), []);
  assert.deepEqual(codes('junk.cbz'), ['junk']);
  assert.deepEqual(codes('named.cbr'), ['misnamed']);
  assert.deepEqual(codes('broken.cbz'), ['damaged_entry']);
  assert.equal(results.get('broken.cbz').success, false);
  assert.match(results.get('broken.cbz').error, /^'p2\.gif' is damaged/);
  assert.equal(results.get('junk.cbz').details.message, '1 finding');
  assert.equal(results.get('good.cbz').details.pages, 2);

  const found = await list(s, 'filter=problems');
  assert.deepEqual(found.files.map((f) => f.name), ['junk.cbz', 'broken.cbz', 'named.cbr']);
  assert.equal(found.total_files, 3);
  const broken = found.files.find((f) => f.name === 'broken.cbz');
  assert.deepEqual(broken.problems.map((p) => [p.code, p.broken, p.entry]), [['damaged_entry', true, 'p2.gif']]);
  assert.deepEqual((await list(s, 'search=good')).files[0].problems, []);
  assert.deepEqual((await list(s, 'filter=problems&search=jun')).files.map((f) => f.name), ['junk.cbz']);

  const same = (await s.api.get('/api/files/same-pages')).json;
  assert.equal(same.next, null);
  assert.deepEqual(same.groups.map((g) => [g.pages, g.files.map((f) => f.name)]), [[2, ['good.cbz', 'same.cbz']]]);
  assert.equal((await s.api.get('/api/files/same-pages?limit=1')).json.next, same.groups[0].content);
  assert.deepEqual((await s.api.get(`/api/files/same-pages?after=${same.groups[0].content}`)).json.groups, []);
});

serverTest('verify: findings are unknown again when the file changes, and follow it to another name', { books: library, set: { scan_interval_s: 1 } }, async (s) => {
  await verifyAll(s);
  fs.writeFileSync(path.join(s.library, 'A/junk.cbz'), zip(pages(5, 6, 7)));
  fs.renameSync(path.join(s.library, 'A/good.cbz'), path.join(s.library, 'A/gone'));
  await until('the change to be seen', 20, async () => {
    const files = (await list(s, '')).files;
    const junk = files.find((f) => f.name === 'junk.cbz');
    return junk.problems === null && !files.some((f) => f.name === 'good.cbz');
  });
  assert.deepEqual((await list(s, 'filter=problems')).files.map((f) => f.name), ['broken.cbz', 'named.cbr']);
  assert.deepEqual((await s.api.get('/api/files/same-pages')).json.groups, [], 'one of two is gone');
  const r = await s.api.post('/api/jobs', { operation: 'rename', files: ['B/named.cbr'] });
  const job = await waitCompleted(s.api, r.json.job_id);
  assert.equal(job.status, 'completed');
});

serverTest('repair: what can be read of a cut book is a new one beside it; the old one stays', { books: library, set: { scan_interval_s: 1 } }, async (s) => {
  const cut = zip(pages(1, 2, 3)).subarray(0, -60);
  fs.writeFileSync(path.join(s.library, 'B/cut.cbz'), cut);
  const r = await s.api.post('/api/jobs', { operation: 'repair', files: ['B/cut.cbz', 'B/broken.cbz', 'A/good.cbz'] });
  const job = await waitCompleted(s.api, r.json.job_id);
  const of = (name) => job.results.find((x) => x.item === name).details;
  assert.deepEqual([job.success_items, job.error_items], [3, 0], JSON.stringify(job.results));
  assert.equal(of('good.cbz').message, 'nothing is wrong with it');
  assert.equal(of('cut.cbz').repaired, path.join(s.library, 'B/cut (repaired).cbz'));
  assert.deepEqual([of('broken.cbz').entries, of('broken.cbz').lost], [1, 1]);
  assert.deepEqual(fs.readFileSync(path.join(s.library, 'B/cut.cbz')), cut);
  assert.deepEqual(unzip(fs.readFileSync(path.join(s.library, 'B/cut (repaired).cbz'))).map((e) => e.data), [1, 2, 3].map(gif));
  await until('the new books to be listed', 20, async () => (await list(s, 'search=repaired')).total_files === 2);
});

serverTest('verify: cancel stops between entries; a second look at the same books finds the same', { books: library }, async (s) => {
  const first = await verifyAll(s);
  const second = await verifyAll(s);
  const of = (job) => job.results.map((r) => [r.item, r.success, r.error, r.details.problems]).sort();
  assert.deepEqual(of(first), of(second));
  assert.equal((await list(s, 'filter=problems')).total_files, 3);
});

serverTest('verify: every problem of problems.def is in docs/API.md, with what it means', {}, async () => {
  const text = fs.readFileSync(path.join(ROOT, 'docs/API.md'), 'utf8');
  const def = fs.readFileSync(path.join(ROOT, 'workers/problems.def'), 'utf8');
  const all = [...def.matchAll(/PROBLEM\(PROBLEM_\w+, "(\w+)", ([01]),\s*"([^"]+)"\)/g)];
  assert.ok(all.length >= 18);
  for (const [, name, broken, meaning] of all) {
    assert.ok(text.includes(`| \`${name}\` | ${broken === '1' ? 'yes' : ''} | ${meaning} |`), `${name} in docs/API.md`);
  }
});
