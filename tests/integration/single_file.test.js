// The calls over one file: process, rename, normalize, tags, delete (docs/API.md, "One file").
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { listBooks, makeBook, makeBooks, readTags } from '../lib/books.js';
import { hold, holdArgs } from '../lib/hold.js';
import { activeJob, getJob, startJob, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const whole = (name) => name.split('/').map(encodeURIComponent).join('/'); // by segment
const one = (name) => encodeURIComponent(name); // as one piece
const newest = async (s) => (await s.api.get('/api/jobs?limit=1')).json.jobs[0];
const bookId = async (s, search) => (await s.api.get(`/api/files?search=${encodeURIComponent(search)}`)).json.files[0].file_id;

const ODD = ['Wolf/é “x” 1.cbz', 'Wolf/off% ? #2 (2014).cbz', 'Wolf/a&b=c+d;e 3.cbz', 'Deep/er/and deeper/{x} [y] 4 .cbz', 'back\\slash\'s 5.cbz', 'Wolf/%ab%cd 6.cbz'];

for (const encode of [whole, one]) {
  serverTest(`names with every odd character work, percent-encoded ${encode === one ? 'as a whole' : 'by segment'}`, {
    books: (dir) => ODD.forEach((n) => makeBook(dir, n)),
  }, async (s) => {
    for (const [i, name] of ODD.entries()) {
      const tags = await s.api.get(`/api/file/${encode(name)}/tags`);
      assert.deepEqual([tags.status, tags.json?.series, tags.json?.page_count], [200, '', 3], `${name}: ${tags.text}`);
      const r = await s.api.post(`/api/normalize-file/${encode(name)}`);
      assert.deepEqual([r.status, r.json], [200, { success: true }], `${name}: ${r.text}`);
      assert.equal(readTags(path.join(s.library, name)).Title, `Chapter ${i + 1}`, name);
    }
    for (const name of ODD) assert.equal((await s.api.del(`/api/delete-file/${encode(name)}`)).status, 200, name);
    assert.deepEqual(listBooks(s.library), []);
  });
}

serverTest('a name that is not UTF-8, an absolute path and a file id', {
  books: (dir) => {
    makeBook(dir, 'Wolf/good 1.cbz');
    const file = makeBook(dir, 'Wolf/other 2.cbz');
    fs.renameSync(file, Buffer.concat([Buffer.from(`${dir}/Wolf/bad `), Buffer.from([0xff]), Buffer.from(' 2.cbz')]));
  },
}, async (s) => {
  const id = await bookId(s, 'bad');
  for (const text of [id, encodeURIComponent(id)]) {
    assert.equal((await s.api.get(`/api/file/${text}/tags`)).status, 200);
    assert.deepEqual((await s.api.post(`/api/normalize-file/${text}`)).json, { success: true });
  }
  assert.equal((await s.api.get(`/api/file/${id}/tags`)).json.title, 'Chapter 2');
  assert.deepEqual((await s.api.del(`/api/delete-file/${id}`)).json, { success: true });
  assert.equal((await s.api.get(`/api/file/${id}/tags`)).status, 404);
  const absolute = path.join(fs.realpathSync(s.library), 'Wolf/good 1.cbz');
  for (const p of [one(absolute), whole(absolute)]) {
    assert.equal((await s.api.get(`/api/file/${p}/tags`)).status, 200, p);
  }
  assert.equal(fs.readdirSync(path.join(s.library, 'Wolf')).length, 1);
});

serverTest('process, rename and normalize do what their jobs do, and are jobs', { books: 4 }, async (s) => {
  const stream = await s.stream();
  const [a, b, c] = s.books;
  const calls = [['process', a, 'Iron Meridian - Chapter 0001.cbz'], ['rename', b, 'Iron Meridian - Chapter 0002.cbz'], ['normalize', c, path.basename(c)]];
  for (const [op, name, final] of calls) {
    const r = await s.api.post(`/api/${op}-file/${whole(name)}`);
    assert.deepEqual([r.status, r.json], [200, { success: true }], r.text);
    const job = await getJob(s.api, r.headers['x-longbox-job']);
    assert.equal(job.status, 'completed');
    assert.equal(job.operation, op);
    assert.equal(job.priority, 'high');
    assert.ok(job.title.endsWith(path.basename(name)), job.title);
    assert.equal(path.basename(job.results[0].details.final), final);
    assert.ok(listBooks(s.library).includes(`Iron Meridian/${final}`));
    assert.equal((await newest(s)).job_id, job.job_id);
    const event = () => stream.events.map((f) => f.message).filter((m) => m.type === 'file_processed').map((m) => m.data);
    await until('the event of the file', 10, () => event().some((d) => d.filename === final));
    const data = event().find((d) => d.filename === final);
    assert.deepEqual(data, { filepath: job.results[0].details.final, filename: final, success: true, error: null });
  }
  assert.deepEqual((await s.api.get('/api/scan-unmarked')).json, { unmarked_count: 1, marked_count: 3, total_count: 4 });
  assert.equal((await s.api.get('/api/processing-history')).json.total, 3);
});

serverTest('they leave the active job alone', { books: 3, args: holdArgs }, async (s) => {
  const held = await hold(s, [s.books[0]]);
  assert.equal((await activeJob(s.api)).job_id, held.job);
  const r = await s.api.post(`/api/process-file/${whole(s.books[1])}`);
  assert.equal(r.status, 200, r.text);
  assert.equal((await activeJob(s.api)).job_id, held.job);
  assert.equal((await s.sqlite('SELECT job_id FROM active_job', 'preferences.db'))[0].job_id, held.job);
  assert.doesNotMatch(s.log(), new RegExp(`active job (set|cleared)" job=${r.headers['x-longbox-job']}`));
  held.release();
  await waitCompleted(s.api, held.job);
  assert.equal((await activeJob(s.api)).job_id, null);
});

const bad = (dir) => {
  makeBook(dir, 'Wolf/good 1.cbz');
  fs.writeFileSync(path.join(dir, 'Wolf/rar 2.cbz'), 'Rar!\x1a\x07\x00 and so on');
  fs.writeFileSync(path.join(dir, 'Wolf/notes.txt'), 'text');
  fs.mkdirSync(path.join(dir, 'Wolf/folder 3.cbz'));
  fs.symlinkSync('/etc/passwd', path.join(dir, 'Wolf/link 4.cbz'));
};
serverTest('what cannot be done is told with its status and reason', { books: bad, args: ['--base-path', '/comics'] }, async (s) => {
  const posts = ['process-file', 'rename-file', 'normalize-file'].map((c) => (p) => s.api.post(`/comics/api/${c}/${p}`));
  const remove = (p) => s.api.del(`/api/delete-file/${p}`);
  const get = (p) => s.api.get(`/comics/api/file/${p}/tags`);
  const set = (p) => s.api.post(`/api/file/${p}/tags`, { title: 'x' });
  const all = [...posts, remove, get, set];
  for (const call of all) {
    for (const p of ['gone.cbz', 'Wolf/gone.cbz', 'Nowhere/x.cbz', 'id:999999', 'Wolf/good%201.cbz/x.cbz']) {
      const r = await call(p);
      assert.deepEqual([r.status, r.json], [404, { error: 'File not found', code: 'not_found' }], `${call} ${p}`);
    }
    for (const [p, code] of [['..%2Fx.cbz', 'path_outside_library'], ['Wolf%2F..%2F..%2Fx.cbz', 'path_outside_library'],
      ['%2Fetc%2Fpasswd', 'path_outside_library'], [`${'n'.repeat(300)}.cbz`, 'path_invalid'], ['a%0Ab.cbz', 'bad_request'], ['a%ZZ.cbz', 'bad_request']]) {
      const r = await call(p);
      assert.deepEqual([r.status, r.json.code], [400, code], `${p}: ${r.text}`);
    }
  }
  assert.deepEqual((await s.api.get('/api/jobs')).json.jobs, [], 'no job was made');
  const noTags = 'this is a RAR archive: only a CBZ has tags that can be read and changed; convert it first';
  for (const call of [posts[0], posts[2], get, set]) {
    const rar = await call('Wolf/rar%202.cbz');
    assert.deepEqual([rar.status, rar.json], [422, { error: noTags, code: 'bad_book' }]);
  }
  for (const call of [...posts, get, set]) {
    const folder = await call('Wolf/folder%203.cbz');
    assert.deepEqual([folder.status, folder.json.code], [422, 'bad_book'], folder.text);
    const link = await call('Wolf/link%204.cbz');
    assert.deepEqual([link.status, link.json.code], [400, 'path_outside_library'], link.text);
  }
  const job = await newest(s);
  assert.equal(job.error_items, 1);
  assert.equal((await getJob(s.api, job.job_id)).results[0].details.code, 'path_outside_library');
  for (const p of ['Wolf/notes.txt', 'Wolf/folder%203.cbz', 'Wolf']) {
    const r = await remove(p);
    assert.deepEqual([r.status, r.json.code], [422, 'bad_book'], r.text);
  }
  assert.ok(fs.existsSync(path.join(s.library, 'Wolf/notes.txt')));
  assert.equal((await remove('Wolf/link%204.cbz')).status, 200, 'the link goes, not what it leads to');
  assert.ok(fs.existsSync('/etc/passwd'));
  assert.equal((await remove('Wolf/rar%202.cbz')).status, 200, 'a bad book can be deleted');
});

serverTest('a book that is being worked on is waited for; after a while the answer is 202', { books: 2, args: holdArgs, set: { answer_wait_ms: 300 } }, async (s) => {
  const [book, other] = s.books;
  const held = await hold(s, [book]);
  const made = [];
  for (const call of [() => s.api.post(`/api/normalize-file/${whole(book)}`), () => s.api.del(`/api/delete-file/${whole(book)}`)]) {
    const r = await call();
    assert.equal(r.status, 202, r.text);
    assert.equal(r.json.job_id, r.headers['x-longbox-job']);
    assert.equal(r.json.status, 'queued');
    made.push(r.json.job_id);
  }
  assert.ok(fs.existsSync(path.join(s.library, book)), 'it is not touched');
  assert.equal((await s.api.del(`/api/delete-file/${whole(other)}`)).status, 200, 'others are not held up');
  held.release();
  for (const id of made) await waitCompleted(s.api, id);
  assert.ok(!fs.existsSync(path.join(s.library, book)));
});

serverTest('many calls that wait hold no thread and are answered when the book is free', { books: 2, args: holdArgs }, async (s) => {
  const held = await hold(s, [s.books[0]]);
  const calls = Array.from({ length: 12 }, () => s.client().post(`/api/normalize-file/${whole(s.books[0])}`));
  await until('their jobs', 20, async () => (await s.api.get('/api/jobs?status=active')).json.jobs.length === 13);
  assert.equal((await s.api.post(`/api/normalize-file/${whole(s.books[1])}`)).status, 200);
  held.release();
  for (const r of await Promise.all(calls)) assert.deepEqual([r.status, r.json], [200, { success: true }]);
});

serverTest('a caller that goes away stops nothing', { books: 2, args: holdArgs }, async (s) => {
  const held = await hold(s, s.books);
  for (const call of [`normalize-file/${whole(s.books[0])}`, 'rename-all']) {
    const req = http.request(`${s.url}/api/${call}`, { method: 'POST' });
    req.on('error', () => {});
    req.end();
    await until('its job', 10, async () => (await newest(s)).operation === call.split('-')[0]);
    req.destroy();
  }
  held.release();
  for (const job of (await s.api.get('/api/jobs')).json.jobs) assert.equal((await waitCompleted(s.api, job.job_id)).error_items, 0);
});

serverTest('a cancelled and a deleted job answer their caller', { books: 1, args: holdArgs }, async (s) => {
  const held = await hold(s, s.books);
  for (const how of ['cancel', 'delete']) {
    const call = s.client().post(`/api/rename-file/${whole(s.books[0])}`);
    const id = await until('its job', 10, async () => {
      const job = await newest(s);
      return job.operation === 'rename' && job.status === 'queued' && job.job_id;
    });
    if (how === 'cancel') await s.api.post(`/api/jobs/${id}/cancel`);
    else await s.api.del(`/api/jobs/${id}`);
    const r = await call;
    assert.deepEqual([r.status, r.json.error], how === 'cancel' ? [503, 'the job was cancelled'] : [404, 'the job was deleted before its end']);
  }
  held.release();
});

// ---- delete ----

serverTest('delete without a trash folder: file, row and marks go; the history and an event tell', { books: 3 }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-all')).job_id);
  const stream = await s.stream();
  const [name] = s.books;
  const r = await s.api.del(`/api/delete-file/${whole(name)}`);
  assert.deepEqual([r.status, r.json], [200, { success: true }], r.text);
  assert.ok(!fs.existsSync(path.join(s.library, name)));
  assert.equal((await s.api.get('/api/files')).json.total_files, 2);
  assert.deepEqual((await s.api.get('/api/scan-unmarked')).json, { unmarked_count: 0, marked_count: 2, total_count: 2 });
  const change = await stream.wait('library_changed', 10, () => stream.events.map((f) => f.message).find((m) => m.type === 'library_changed'));
  assert.deepEqual([change.data.removed, change.data.added], [1, 0]);
  const [row] = (await s.api.get('/api/processing-history?limit=1')).json.history;
  assert.deepEqual([row.operation_type, row.before_filename, row.after_filename], ['delete', path.basename(name), null]);
  const job = await getJob(s.api, r.headers['x-longbox-job']);
  assert.equal(job.results[0].details.final, null);
  makeBook(s.library, name);
  await waitCompleted(s.api, (await startJob(s.api, 'rename-all')).job_id);
  assert.equal((await s.api.get('/api/files?search=Chapter%200001')).json.files.length, 1, 'a new book of the name is a new book');
});

const TRASH = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-trash-'));
process.on('exit', () => fs.rmSync(TRASH, { recursive: true, force: true }));
serverTest('delete with a trash folder keeps every byte, under its folders, and never overwrites', {
  books: (dir) => ['Wolf/x 1.cbz', 'a/b/c/d 2.cbz', 'top 3.cbz'].forEach((n) => makeBook(dir, n)), set: { trash_dir: TRASH },
}, async (s) => {
  const bytes = new Map(s.books.map((n) => [n, fs.readFileSync(path.join(s.library, n))]));
  for (const n of s.books) assert.equal((await s.api.del(`/api/delete-file/${whole(n)}`)).status, 200);
  for (const n of s.books) assert.deepEqual(fs.readFileSync(path.join(TRASH, n)), bytes.get(n), n);
  makeBook(s.library, 'Wolf/x 1.cbz', { key: 'second' });
  const second = fs.readFileSync(path.join(s.library, 'Wolf/x 1.cbz'));
  const r = await s.api.del('/api/delete-file/Wolf/x%201.cbz');
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(fs.readFileSync(path.join(TRASH, 'Wolf/x 1 (2).cbz')), second);
  assert.deepEqual(fs.readFileSync(path.join(TRASH, 'Wolf/x 1.cbz')), bytes.get('Wolf/x 1.cbz'));
  const job = await getJob(s.api, r.headers['x-longbox-job']);
  assert.equal(job.results[0].details.final, path.join(fs.realpathSync(TRASH), 'Wolf/x 1 (2).cbz'));
});

for (const point of ['delete_declared', 'move_renamed']) {
  const trash = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-trash-'));
  const once = path.join(trash, 'once');
  process.on('exit', () => fs.rmSync(trash, { recursive: true, force: true }));
  serverTest(`a worker that dies at ${point} deletes the book once, and keeps it in the trash`, {
    books: 2, set: { trash_dir: trash }, env: { LB_FAULT: `${point}:1:kill`, LB_FAULT_ONCE: once },
  }, async (s) => {
    const bytes = fs.readFileSync(path.join(s.library, s.books[0]));
    const r = await s.api.del(`/api/delete-file/${whole(s.books[0])}`);
    assert.ok([200, 502].includes(r.status), r.text); // 502 when it was the worker that had the call
    assert.ok(fs.existsSync(once), 'a worker died');
    await waitCompleted(s.api, (await newest(s)).job_id);
    assert.deepEqual(listBooks(s.library), [s.books[1]]);
    assert.deepEqual(listBooks(trash).filter((n) => n !== 'once'), [s.books[0]]);
    assert.deepEqual(fs.readFileSync(path.join(trash, s.books[0])), bytes);
    assert.equal((await s.api.get('/api/processing-history')).json.total, 1);
  });
}

serverTest('no other call starts a delete without saying of how many, and its job is not repeated', { books: 2, args: holdArgs }, async (s) => {
  for (const select of [{ files: s.books }, { select: { filter: 'all' } }]) {
    const r = await s.api.post('/api/jobs', { operation: 'delete', ...select });
    assert.deepEqual([r.status, r.json.code], [400, 'bad_field'], r.text);
  }
  assert.ok(!(await s.api.get('/api/config')).json.operations.some((o) => o.name === 'delete'));
  const r = await s.api.del(`/api/delete-file/${whole(s.books[0])}`);
  const again = await s.api.post(`/api/jobs/${r.headers['x-longbox-job']}/retry`);
  assert.equal(again.status, 409, again.text);
  assert.match(again.json.error, /a job of 'delete' is not repeated/);
  assert.equal(listBooks(s.library).length, 1);
});

// ---- tags ----

const NAMES = ['title', 'series', 'issue', 'volume', 'publisher', 'year', 'month', 'writer', 'penciller', 'inker', 'colorist', 'letterer',
  'cover_artist', 'editor', 'summary', 'notes', 'genre', 'tags', 'web', 'page_count'];

serverTest('tags are read and set under the names of the old application', {
  books: (dir) => makeBook(dir, 'Wolf/x 1.cbz', { tags: { Title: 'T', Number: '7', Year: 2014, Imprint: 'kept' } }),
}, async (s) => {
  const before = await s.api.get('/api/file/Wolf/x%201.cbz/tags');
  assert.equal(before.status, 200, before.text);
  assert.deepEqual(Object.keys(before.json), NAMES);
  assert.deepEqual(before.json, { ...Object.fromEntries(NAMES.map((n) => [n, ''])), title: 'T', issue: '7', year: '2014', page_count: 3 });
  const strings = NAMES.filter((n) => !['volume', 'year', 'month', 'page_count'].includes(n));
  const updates = Object.fromEntries(strings.map((n) => [n, `the ${n} & <é>`]));
  Object.assign(updates, { volume: 2, year: '2019', month: 12, page_count: 40 });
  const r = await s.api.post('/api/file/Wolf%2Fx%201.cbz/tags', updates);
  assert.deepEqual([r.status, r.json], [200, { success: true }], r.text);
  const after = (await s.api.get('/api/file/Wolf/x%201.cbz/tags')).json;
  assert.deepEqual(after, { ...updates, volume: '2', month: '12' });
  assert.equal(readTags(path.join(s.library, 'Wolf/x 1.cbz')).Imprint, 'kept');
  await s.api.post('/api/file/Wolf/x%201.cbz/tags', { title: '', summary: null });
  const cleared = (await s.api.get('/api/file/Wolf/x%201.cbz/tags')).json;
  assert.deepEqual([cleared.title, cleared.summary, cleared.series], ['', '', updates.series]);
});

serverTest('tags are read and set by the names of ComicInfo', {
  books: (dir) => makeBook(dir, 'Wolf/x 1.cbz', { tags: { Title: 'T', Imprint: 'I', Foreign: 'kept' } }),
}, async (s) => {
  const url = '/api/file/Wolf/x%201.cbz/tags?names=comicinfo';
  await waitCompleted(s.api, (await s.api.post('/api/jobs', { operation: 'verify', files: s.books })).json.job_id);
  const before = (await s.api.get(url)).json;
  assert.deepEqual([before.tags, before.pages], [{ Title: 'T', Imprint: 'I' }, 3]);
  assert.deepEqual(before.file, (await s.api.get('/api/files')).json.files[0]);
  assert.ok(Array.isArray(before.file.problems));
  const r = await s.api.post(url, { Day: 31, Manga: 'Yes', Imprint: null });
  assert.deepEqual([r.status, r.json], [200, { success: true }], r.text);
  assert.deepEqual((await s.api.get(url)).json.tags, { Title: 'T', Day: '31', Manga: 'Yes' });
  assert.equal(readTags(path.join(s.library, 'Wolf/x 1.cbz')).Foreign, 'kept');
  for (const [body, field] of [[{ Day: 32 }, 'Day'], [{ title: 'x' }, 'tags'], [{ Pages: 'x' }, 'Pages']]) {
    const refused = await s.api.post(url, body);
    assert.ok([400, 422].includes(refused.status), refused.text);
    assert.equal(refused.json.field, field);
  }
  assert.equal((await s.api.get('/api/file/Wolf/x%201.cbz/tags?names=other')).json.field, 'names');
});

serverTest('tags that are refused change nothing', { books: 1 }, async (s) => {
  const post = (body) => s.api.post(`/api/file/${whole(s.books[0])}/tags`, body);
  for (const body of [undefined, {}]) {
    const r = await post(body);
    assert.deepEqual([r.status, r.json.error], [400, 'No tag updates provided']);
  }
  for (const [body, status, field] of [[{ colour: 'red' }, 400, 'colour'], [{ Title: 'x' }, 400, 'Title'], [{ month: 13 }, 422, 'month'],
    [{ year: 'soon' }, 400, 'year'], [{ cover_artist: ['a'] }, 400, 'cover_artist'], [{ title: 'a\u0001' }, 400, 'title']]) {
    const r = await post(body);
    assert.deepEqual([r.status, r.json.field], [status, field], r.text);
  }
  assert.equal((await post([1])).status, 400);
  assert.deepEqual((await s.api.get('/api/jobs')).json.jobs, []);
});

serverTest('tags of many files: results or the old stream, with the paths that were sent', { books: 5 }, async (s) => {
  const files = [...s.books, 'gone.cbz'];
  const r = await s.api.post('/api/files/tags', { files, tags: { publisher: 'P' } });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.results.filter((x) => x.success).map((x) => x.file).sort(), s.books);
  const failed = r.json.results.find((x) => !x.success);
  assert.equal(failed.file, 'gone.cbz');
  assert.match(failed.error, /No such file/);
  assert.equal((await getJob(s.api, r.headers['x-longbox-job'])).title, 'Tagging Selected Files...');
  for (const b of s.books) assert.equal(readTags(path.join(s.library, b)).Publisher, 'P');

  const stream = await s.stream({ method: 'POST', path: '/api/files/tags?stream=true', slot: 0, body: { files, tags: { genre: 'G' } } });
  await stream.wait('done', 20, () => stream.events.find((f) => f.message.done));
  assert.equal(stream.chunks.length, 7);
  const seen = stream.events.slice(0, 6).map((f) => f.message);
  assert.deepEqual(seen.map((m) => m.file).sort(), files.map((f) => path.basename(f)).sort());
  for (const [i, m] of seen.entries()) assert.deepEqual([m.current, m.total], [i + 1, 6]);
  const { results } = stream.events[6].message;
  assert.deepEqual(results.map((x) => x.file).sort(), [...files].sort());
  for (const [i, x] of results.entries()) {
    assert.equal(path.basename(x.file), seen[i].file);
    assert.deepEqual(Object.keys(x), x.success ? ['file', 'success'] : ['file', 'success', 'error']);
  }
  for (const body of [{}, { files: [] }, { files, tags: {} }, { files: [], tags: { title: 'x' } }]) {
    const e = await s.api.post('/api/files/tags', body);
    assert.deepEqual([e.status, e.json.error], [400, 'Files and tags are required']);
  }
  assert.equal((await s.api.post('/api/files/tags', { files: 'x', tags: { title: 'x' } })).status, 400);
  assert.equal((await s.api.post('/api/files/tags', { files, tags: { nope: 'x' } })).json.field, 'nope');
});
