// Whatever is wrong in a request is named in a 4xx, creates nothing, changes nothing and ends nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { bookBytes, listBooks, makeBook, makeBooks } from '../lib/books.js';
import { activeJob, startJob, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';

const START = '/api/jobs/process-selected';

function libraryState(s) {
  const hash = createHash('sha256');
  for (const name of listBooks(s.library)) {
    const file = path.join(s.library, name);
    const info = fs.lstatSync(file);
    hash.update(`${name}\0${info.mtimeMs}\0`);
    if (info.isFile()) hash.update(fs.readFileSync(file));
  }
  return hash.digest('hex');
}

// An answer of the contract: the status, a sentence, a code; `names` must be in the sentence.
function checkError(r, status, { code, names, field, error } = {}) {
  const statuses = [].concat(status);
  assert.ok(statuses.includes(r.status), `status ${r.status}, not ${statuses}: ${r.text.slice(0, 300)}`);
  assert.ok(r.json, `not JSON: ${r.text.slice(0, 300)}`);
  assert.equal(typeof r.json.error, 'string');
  assert.ok(r.json.error.length > 5 && r.json.error.length < 1000, `a sentence: ${r.json.error}`);
  assert.match(r.json.code, /^[a-z_]+$/);
  if (code) assert.equal(r.json.code, code, r.text);
  if (names) assert.ok(r.json.error.includes(names), `"${r.json.error}" does not name ${names}`);
  if (field) assert.equal(r.json.field, field, r.text);
  if (error) assert.equal(r.json.error, error);
}

// Runs the body through the front end and straight to a worker; afterwards nothing may have happened.
function badTest(name, options, body) {
  serverTest(name, { books: 2, ...options }, async (s) => {
    const workers = JSON.stringify(s.workers());
    const before = libraryState(s);
    for (const client of [s.api, s.workerClient(0), s.workerClient(1)]) await body(client, s);
    assert.equal(JSON.stringify(s.workers()), workers, 'the same processes run');
    assert.equal(libraryState(s), before, 'the library is as it was');
    assert.deepEqual((await s.api.get('/api/jobs')).json.jobs, [], 'no job was made');
    assert.equal((await activeJob(s.api)).job_id, null);
    assert.equal((await s.sqlite('SELECT count(*) AS n FROM job_items'))[0].n, 0);
    assert.equal((await s.api.get('/health')).status, 200);
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };

badTest('a body that is not JSON', {}, async (c) => {
  for (const body of ['{"files": [', 'files=a', '{"files": ["a"]} x', '\xff\xfe', '{"files": ["a"], }', '']) {
    checkError(await c.raw({ method: 'POST', path: START, headers: JSON_TYPE, body }), 400);
  }
  checkError(await c.raw({ method: 'POST', path: START, headers: JSON_TYPE, body: '{"files": [' }), 400, { code: 'bad_json' });
});

badTest('JSON that goes too deep', {}, async (c) => {
  checkError(await c.raw({ method: 'POST', path: START, headers: JSON_TYPE, body: '['.repeat(100000) }), 400, { code: 'bad_json' });
});

badTest('a body that does not say it is JSON', {}, async (c) => {
  const body = '{"files": ["a"]}';
  for (const headers of [{ 'content-type': 'text/plain' }, { 'content-type': 'application/x-www-form-urlencoded' }, { 'content-type': 'multipart/form-data' }]) {
    checkError(await c.raw({ method: 'POST', path: START, headers, body }), 415, { code: 'not_json' });
  }
});

badTest('wrong types name the field', {}, async (c) => {
  for (const body of [{ files: 'a.cbz' }, { files: 7 }, { files: {} }, { files: [1] }, { files: [null] }, { files: [['a']] }, { files: true }]) {
    checkError(await c.post(START, body), 400, { code: 'bad_field', field: 'files' });
  }
  for (const body of [[], 'text', 7]) checkError(await c.post(START, body), 400);
});

badTest('wrong members of a general job name the field', {}, async (c) => {
  const good = { operation: 'noop', files: ['a'] };
  const cases = [
    [{ files: ['a'] }, 'operation'], [{ ...good, operation: 7 }, 'operation'], [{ ...good, operation: 'fly' }, 'operation'],
    [{ ...good, title: 5 }, 'title'], [{ ...good, options: 'fast' }, 'options'], [{ ...good, priority: 'highest' }, 'priority'],
    [{ ...good, dry_run: 'yes' }, 'dry_run'], [{ ...good, paused: 1 }, 'paused'], [{ operation: 'noop' }, null],
  ];
  for (const [body, field] of cases) {
    const r = await c.post('/api/jobs', body);
    checkError(r, [400, 422]);
    if (field) assert.ok(r.json.field === field || r.json.error.includes(field), `${JSON.stringify(body)}: ${r.text}`);
  }
});

badTest('an empty selection', {}, async (c) => {
  for (const operation of ['process', 'rename', 'normalize']) {
    const error = 'No files specified';
    checkError(await c.post(`/api/jobs/${operation}-selected`, { files: [] }), 400, { error });
    checkError(await c.post(`/api/jobs/${operation}-selected`, {}), 400, { error });
  }
});

badTest('an unknown file alone', {}, async (c) => {
  checkError(await c.post(START, { files: ['Iron Meridian/nothing here.cbz'] }), 400, { error: 'No valid files to process' });
});

badTest('a path outside of the library is refused by name, also among good ones', {
  books: (dir) => {
    makeBooks(dir, 2);
    fs.writeFileSync(path.join(dir, '../outside.cbz'), bookBytes({ key: 'outside' }));
    fs.symlinkSync(path.join(dir, '../outside.cbz'), path.join(dir, 'link out.cbz'));
    fs.symlinkSync('..', path.join(dir, 'folder out'));
  },
}, async (c, s) => {
  const outside = fs.readFileSync(path.join(s.dir, 'outside.cbz'));
  const paths = ['../outside.cbz', 'Iron Meridian/../../outside.cbz', '..', '/etc/passwd', path.join(s.dir, 'outside.cbz'),
    `${s.library}/../outside.cbz`, 'link out.cbz', 'folder out/outside.cbz', `${s.library}-other/a.cbz`];
  for (const p of paths) {
    for (const files of [[p], [s.books[0], p]]) {
      checkError(await c.post(START, { files }), 400, { code: 'path_outside_library', names: path.basename(p) });
    }
  }
  assert.ok(outside.equals(fs.readFileSync(path.join(s.dir, 'outside.cbz'))));
});

badTest('a path with NUL or control bytes, or far too long', {}, async (c) => {
  for (const p of ['a\u0000b.cbz', 'a\nb.cbz', 'a\u001bb.cbz', `${'x'.repeat(5000)}.cbz`, 'd/'.repeat(2500), `${'y'.repeat(300)}.cbz`, '']) {
    checkError(await c.post(START, { files: [p] }), 400);
  }
  checkError(await c.post(START, { files: ['x'.repeat(5000)] }), 400, { code: 'path_invalid' });
});

badTest('a malformed or unknown job id', {}, async (c) => {
  const unknown = '01920000-0000-7000-8000-000000000000';
  const ids = ['not-a-uuid', unknown, '%00', `${unknown}0`, unknown.replace('-', ''), '..%2Fjobs', 'x'.repeat(3000), '%zz', "'; DROP TABLE jobs;--".replace(/ /g, '%20')];
  for (const id of ids) {
    checkError(await c.get(`/api/jobs/${id}`), id.includes('%') ? [400, 404] : 404);
  }
  for (const id of ['not-a-uuid', unknown]) {
    checkError(await c.get(`/api/jobs/${id}`), 404, { error: 'Job not found' });
    checkError(await c.del(`/api/jobs/${id}`), 404);
    checkError(await c.get(`/api/jobs/${id}/results`), 404);
  }
  checkError(await c.post('/api/jobs/not-a-uuid/cancel'), 404);
  checkError(await c.post(`/api/jobs/${unknown}/cancel`), 400, { error: 'Job not found or already completed' });
});

badTest('a body over the limit', { set: { body_max_bytes: 4096 } }, async (c) => {
  const body = JSON.stringify({ files: ['x'.repeat(8000)] });
  checkError(await c.raw({ method: 'POST', path: START, headers: JSON_TYPE, body }), 413, { code: 'too_large' });
});

badTest('an unknown route', {}, async (c) => {
  for (const p of ['/api/nothing', '/api', '/api/', '/api/jobs/a/b/c', '/api//jobs', '/api/jobs/', '/api/jobs/../nothing']) {
    checkError(await c.get(p), [400, 404]);
  }
  for (const p of ['/api/%2e%2e/etc/passwd', '/api/files/../../etc/passwd', '/static/..%2f..%2f..%2fetc/passwd']) {
    const r = await c.get(p); // the front end may take these for names of its own files
    assert.ok([400, 404].includes(r.status), `${p}: ${r.status}`);
    assert.ok(!r.text.includes('root:'), p);
  }
  checkError(await c.get('/api/nothing'), 404, { code: 'no_such_route', names: '/api/nothing' });
  checkError(await c.post('/api/jobs/fly-all'), [404, 405]);
});

badTest('a wrong method says which are right', {}, async (c) => {
  const cases = [['DELETE', '/api/files', 'GET'], ['PUT', '/api/jobs', 'POST'], ['GET', '/api/jobs/process-all', null],
    ['POST', '/api/version', 'GET'], ['PATCH', '/api/active-job', 'DELETE'], ['POST', '/api/events/stream', 'GET']];
  for (const [method, p, allowed] of cases) {
    const r = await c.call(method, p, method === 'GET' ? undefined : {});
    if (allowed === null) { // GET of this is also GET /api/jobs/{id} with no such id
      checkError(r, [404, 405]);
      continue;
    }
    checkError(r, 405, { code: 'method_not_allowed' });
    assert.ok((r.headers.allow || '').split(/, */).includes(allowed), `Allow: ${r.headers.allow}`);
  }
});

badTest('wrong query values', {}, async (c) => {
  for (const q of ['limit=abc', 'limit=-1', 'limit=99999999999999999999']) checkError(await c.get(`/api/jobs?${q}`), [400, 422], { names: 'limit' });
});

badTest('wrong host names', {}, async (c) => {
  for (const host of ['evil.example', 'evil.example:80']) {
    checkError(await c.get('/api/version', { host }), 421, { code: 'host_not_allowed' });
  }
});

badTest('a changing call from another site', {}, async (c) => {
  for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1.evil.example']) {
    checkError(await c.post('/api/jobs/process-all', undefined, { origin }), 403, { code: 'origin_not_allowed' });
  }
});

serverTest('a corrupt, empty or truncated book is an item error with a reason; the job completes', {
  books: (dir) => {
    makeBooks(dir, 3);
    const good = bookBytes({ key: 'damaged', tags: { Series: 'X', Number: 4 } });
    fs.writeFileSync(path.join(dir, 'Iron Meridian/Iron Meridian 101.cbz'), '');
    fs.writeFileSync(path.join(dir, 'Iron Meridian/Iron Meridian 102.cbz'), good.subarray(0, good.length / 2));
    fs.writeFileSync(path.join(dir, 'Iron Meridian/Iron Meridian 103.cbz'), 'this is not an archive\n'.repeat(40));
    const flipped = Buffer.from(good);
    flipped.fill(0xa5, flipped.length - 120, flipped.length - 30); // the directory
    fs.writeFileSync(path.join(dir, 'Iron Meridian/Iron Meridian 104.cbz'), flipped);
    fs.writeFileSync(path.join(dir, 'Iron Meridian/Iron Meridian 105.cbz'), 'P');
  },
}, async (s) => {
  const workers = JSON.stringify(s.workers());
  const bad = listBooks(s.library).filter((n) => / 10\d\.cbz$/.test(n));
  const before = bad.map((n) => fs.readFileSync(path.join(s.library, n)));
  const { job_id: id, total_items: total } = await startJob(s.api, 'process-all');
  assert.equal(total, 8);
  const job = await waitCompleted(s.api, id);
  assert.equal(job.success_items, 3);
  assert.equal(job.error_items, 5);
  for (const r of job.results.filter((x) => !x.success)) {
    assert.match(r.item, / 10\d\.cbz$/);
    assert.ok(r.error && r.error.length > 5, `a reason for ${r.item}: ${r.error}`);
  }
  bad.forEach((n, i) => assert.ok(before[i].equals(fs.readFileSync(path.join(s.library, n))), `${n} is as it was`));
  assert.equal(JSON.stringify(s.workers()), workers, 'the same processes run');
});

serverTest('a book that vanishes before its turn is an item error', { books: 3 }, async (s) => {
  fs.rmSync(path.join(s.library, s.books[1]));
  makeBook(s.library, 'Iron Meridian/Iron Meridian 050.cbz');
  const { job_id: id } = await startJob(s.api, 'process-selected', { files: s.books });
  const job = await waitCompleted(s.api, id);
  assert.equal(job.error_items, 1);
  assert.equal(job.success_items, 2);
});
