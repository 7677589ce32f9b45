// GET /api/files: pages, search, filters, order, names that are not UTF-8 (API.md, Library).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { bookBytes, makeBook } from '../lib/books.js';
import { getJob, startJob, waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const list = async (client, query = '') => {
  const r = await client.get(`/api/files${query}`);
  assert.equal(r.status, 200, r.text);
  return r.json;
};
const namesOf = (answer) => answer.files.map((f) => f.name);

serverTest('a file has every member of the contract', { books: 2 }, async (s) => {
  const answer = await list(s.api);
  for (const key of ['files', 'page', 'per_page', 'total_files', 'total_pages', 'unmarked_count']) assert.ok(key in answer, key);
  assert.deepEqual([answer.page, answer.per_page, answer.total_files, answer.total_pages, answer.unmarked_count], [1, 100, 2, 1, 2]);
  const [f] = answer.files;
  const file = path.join(fs.realpathSync(s.library), s.books[0]);
  const info = fs.statSync(file);
  assert.equal(f.path, file);
  assert.equal(f.name, path.basename(file));
  assert.equal(f.relative_path, s.books[0]);
  assert.equal(f.size, info.size);
  assert.ok(Math.abs(f.modified - info.mtimeMs / 1000) < 0.01);
  assert.equal(f.processed, false);
  assert.equal(f.duplicate, false);
  assert.ok(f.file_id, 'file_id');
});

serverTest('pages hold each file once; past the end is the last page', { books: 47 }, async (s) => {
  const seen = [];
  for (let page = 1; page <= 5; page++) {
    const answer = await list(s.workerClient(page % 2), `?per_page=10&page=${page}`);
    assert.equal(answer.total_pages, 5);
    assert.equal(answer.page, page);
    assert.equal(answer.files.length, page < 5 ? 10 : 7);
    seen.push(...answer.files.map((f) => f.relative_path));
  }
  assert.deepEqual(seen, [...s.books].sort());
  const past = await list(s.api, '?per_page=10&page=99');
  assert.equal(past.page, 5);
  assert.equal(past.files.length, 7);
  assert.equal((await list(s.api, '?per_page=0')).files.length, 47);
});

serverTest('windows, ids and folders fit together on both workers, also after a change', { books: 47 }, async (s) => {
  const clients = [s.workerClient(0), s.workerClient(1)];
  const whole = async (query) => (await list(s.api, `?per_page=0&${query}`)).files;
  const check = async (query) => {
    const files = await whole(query);
    for (const [k, client] of clients.entries()) {
      const seen = [];
      for (let offset = 0; offset < files.length; offset += 9) {
        const answer = await list(client, `?offset=${offset}&limit=9&${query}`);
        assert.deepEqual([answer.offset, answer.limit, answer.total_files, 'page' in answer], [offset, 9, files.length, false]);
        seen.push(...answer.files);
      }
      assert.deepEqual(seen, files, `worker ${k}, ${query}`);
      const ids = (await client.get(`/api/files/ids?offset=3&limit=10&${query}`)).json;
      assert.deepEqual(ids, { ids: files.slice(3, 13).map((f) => f.file_id), offset: 3, limit: 10, total_files: files.length });
    }
    return files;
  };
  assert.equal((await check('sort=date&direction=desc')).length, 47);
  assert.equal((await check('search=glass')).length, 22);
  const { json } = await s.api.get('/api/folders');
  assert.deepEqual(json.folders.map((f) => [f.name, f.folder, f.counts.all, f.counts.marked]), [['Glass Harbor', 'Glass Harbor', 22, 0], ['Iron Meridian', 'Iron Meridian', 25, 0]]);
  assert.equal(json.next, null);
  const first = (await s.api.get('/api/folders?limit=1')).json;
  assert.deepEqual([first.folders.length, first.next], [1, 1]);
  assert.equal((await s.api.get('/api/folders?limit=1&offset=1')).json.folders[0].name, 'Iron Meridian');
  assert.equal((await check('folder=Iron%20Meridian&sort=size')).length, 25);

  await waitCompleted(s.api, (await startJob(s.api, 'normalize-selected', { files: s.books.filter((n) => n.startsWith('Glass')).slice(0, 3) })).job_id);
  makeBook(s.library, 'Glass Harbor/new glass.cbz');
  await waitCompleted(s.api, (await s.api.post('/api/jobs', { operation: 'normalize', select: { filter: 'all', search: 'NEW glass', folder: 'Glass Harbor/' } })).json.job_id);
  assert.equal((await check('search=glass')).length, 23, 'nothing old is kept');
  assert.equal((await check('search=glass&filter=marked&sort=date')).length, 4);
  assert.deepEqual((await list(clients[1], '?folder=Glass%20Harbor&search=glass&filter=marked&limit=1')).counts, { all: 23, marked: 4, unmarked: 19, duplicates: 0, problems: 0 });
});

serverTest('numbers that no list can have count as not sent', { books: 11 }, async (s) => {
  const { next, ...folders } = (await s.api.get('/api/folders')).json;
  const answers = async (path, bad, want) => {
    for (const q of bad) assert.deepEqual(want((await s.api.get(`${path}?${q}`)).json), want((await s.api.get(path)).json), `${path}?${q}`);
  };
  assert.equal(next, null);
  assert.ok(folders.folders.length > 0);
  const none = ['limit=0', 'limit=-1', 'limit=x', 'limit=99999999999999999999', 'offset=-1', 'offset=x'];
  await answers('/api/folders', [...none, 'limit=1001'], (r) => r);
  await answers('/api/files/same-pages', [...none, 'limit=501'], (r) => r);
  await answers('/api/processing-history', [...none, 'limit=1001'], (r) => [r.limit, r.offset]);
  await answers('/api/files/ids', none, (r) => [r.ids.length, r.limit, r.offset]);
  await answers('/api/files', none, (r) => [r.files.length, r.page, r.per_page, r.limit]);
});

serverTest('a job takes all that match, but for those excepted', { books: 47 }, async (s) => {
  const files = (await list(s.api, '?per_page=0&search=glass')).files;
  const start = (select) => s.api.post('/api/jobs', { operation: 'verify', select });
  const taken = async (select) => {
    const r = await start(select);
    assert.equal(r.status, 201, r.text);
    const job = await waitCompleted(s.api, r.json.job_id);
    return job.results.map((x) => x.item).sort();
  };
  const except = [files[0].file_id, files[1].relative_path, 'id:999999', 'Nowhere/1.cbz'];
  const all = await taken({ filter: 'all', search: 'GLASS', folder: 'Glass Harbor', except });
  assert.equal(all.length, 20);
  assert.ok(!all.some((name) => name.endsWith(files[0].name) || name.endsWith(files[1].name)));
  assert.equal((await taken({ filter: 'unmarked', search: '', folder: null, except: null })).length, 47);
  for (const [select, words] of [
    [{ search: 'x' }, /select\.filter must be/], [{ filter: 'all', search: 5 }, /select\.search must be a string/],
    [{ filter: 'all', folder: ['a'] }, /select\.folder must be a string/], [{ filter: 'all', except: 'a' }, /select\.except must be an array/],
    [{ filter: 'all', except: [1] }, /select\.except\[0\] must be a string/], [{ filter: 'all', where: 1 }, /where/],
  ]) {
    const r = await start(select);
    assert.equal(r.status, 400, r.text);
    assert.match(r.json.error, words);
  }
  assert.equal((await start({ filter: 'all', search: 'not there' })).json.error, 'No files to process');
  assert.notEqual((await start({ filter: 'all', except: ['../../etc/passwd'] })).status, 201);
});

serverTest('search is a plain substring in any case; % and _ are themselves', {
  books: (dir) => {
    for (const n of ['Alpha/100% Wolf 1.cbz', 'Alpha/100 Wolf 2.cbz', 'Beta/a_b 3.cbz', 'Beta/aXb 4.cbz', 'Beta/back\\slash 5.cbz', 'Gamma/Café 6.cbz']) makeBook(dir, n);
  },
}, async (s) => {
  const found = async (text) => namesOf(await list(s.api, `?search=${encodeURIComponent(text)}`)).sort();
  assert.deepEqual(await found('100%'), ['100% Wolf 1.cbz']);
  assert.deepEqual(await found('%'), ['100% Wolf 1.cbz']);
  assert.deepEqual(await found('a_b'), ['a_b 3.cbz']);
  assert.deepEqual(await found('_'), ['a_b 3.cbz']);
  assert.deepEqual(await found('WOLF'), ['100 Wolf 2.cbz', '100% Wolf 1.cbz']);
  assert.deepEqual(await found('beta/A'), ['aXb 4.cbz', 'a_b 3.cbz'], 'the folder is searched too');
  assert.deepEqual(await found('k\\s'), ['back\\slash 5.cbz']);
  assert.deepEqual(await found('café'), ['Café 6.cbz']);
  assert.deepEqual(await found("'"), []);
  assert.deepEqual(await found('*'), []);
  assert.deepEqual(await found(path.basename(s.dir)), [], 'what lies above the library is not searched');
});

serverTest('filters follow the marks', { books: 6 }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-selected', { files: s.books.slice(0, 2) })).job_id);
  for (const [filter, n] of [['all', 6], ['marked', 2], ['unmarked', 4], ['duplicates', 0]]) {
    const answer = await list(s.workerClient(1), `?filter=${filter}`);
    assert.equal(answer.total_files, n, filter);
    assert.equal(answer.files.length, n, filter);
    assert.equal(answer.unmarked_count, 4, 'counts the whole library');
  }
  const marked = await list(s.api, '?filter=marked');
  assert.ok(marked.files.every((f) => f.processed));
});

serverTest('a filter and a search work together', { books: 30 }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-selected', { files: s.books.filter((n) => n.startsWith('Glass')).slice(0, 3) })).job_id);
  assert.equal((await list(s.api, '?filter=marked&search=HARBOR%20002')).total_files, 1);
  assert.equal((await list(s.api, '?filter=unmarked&search=glass')).total_files, 2);
});

serverTest('order by name, date and size, both ways', {
  books: (dir) => {
    const made = [['B/b 1.cbz', 5000, 300], ['A/z 1.cbz', 9000, 100], ['C/a 1.cbz', 1000, 200]];
    for (const [name, pageBytes, age] of made) {
      const file = makeBook(dir, name, { pageBytes });
      fs.utimesSync(file, 1600000000 - age, 1600000000 - age);
    }
  },
}, async (s) => {
  const order = async (q) => namesOf(await list(s.api, q)).map((n) => n[0]).join('');
  assert.equal(await order('?sort=name'), 'zba', 'by the whole path');
  assert.equal(await order('?sort=name&direction=desc'), 'abz');
  assert.equal(await order('?sort=date'), 'baz');
  assert.equal(await order('?sort=date&direction=desc'), 'zab');
  assert.equal(await order('?sort=size'), 'abz');
  assert.equal(await order('?sort=size&direction=desc'), 'zba');
});

serverTest('a name that is not UTF-8 is listed, and addressed by its file_id', {
  books: (dir) => {
    makeBook(dir, 'Wolf/Wolf 1.cbz');
    const name = Buffer.concat([Buffer.from(`${dir}/Wolf/Caf`), Buffer.from([0xe9]), Buffer.from(' 2.cbz')]);
    fs.writeFileSync(name, bookBytes({ key: 'latin-1', tags: { Series: 'Wolf', Number: 2 } }));
  },
}, async (s) => {
  const answer = await list(s.api, '?search=Caf');
  assert.equal(answer.total_files, 1);
  const [f] = answer.files;
  assert.equal(f.name, 'Caf\ufffd 2.cbz');
  const { job_id: id, total_items: total } = await startJob(s.api, 'process-selected', { files: [f.file_id] });
  assert.equal(total, 1);
  const job = await waitCompleted(s.api, id);
  assert.equal(job.success_items, 1, JSON.stringify(job.results));
  assert.ok(fs.existsSync(path.join(s.library, 'Wolf/Wolf - Chapter 0002.cbz')));
  assert.equal((await startJob(s.api, 'process-all')).total_items, 2, 'it hides nothing');
});

serverTest('a file_id stays with its file on both workers', { books: 3 }, async (s) => {
  const ids = [];
  for (const slot of [0, 1]) ids.push((await list(s.workerClient(slot))).files.map((f) => String(f.file_id)));
  assert.deepEqual(ids[0], ids[1]);
  assert.equal(new Set(ids[0]).size, 3);
});

serverTest('only books are listed; hidden files and others are not', {
  books: (dir) => {
    makeBook(dir, 'W/one.cbz');
    makeBook(dir, 'W/two.CBZ');
    makeBook(dir, 'W/.hidden.cbz');
    fs.writeFileSync(path.join(dir, 'W/notes.txt'), 'x');
    fs.writeFileSync(path.join(dir, 'W/cover.jpg'), 'x');
    fs.mkdirSync(path.join(dir, 'W/folder.cbz'));
  },
}, async (s) => {
  await until('the two books', 10, async () => (await list(s.api)).total_files === 2);
  assert.deepEqual(namesOf(await list(s.api)), ['one.cbz', 'two.CBZ']);
});

serverTest('books that come and go are seen', { books: 2, set: { scan_interval_s: 1 } }, async (s) => {
  makeBook(s.library, 'New/New 1.cbz');
  await until('the new book', 15, async () => (await list(s.api)).total_files === 3);
  fs.rmSync(path.join(s.library, 'New'), { recursive: true });
  await until('the book to be gone', 15, async () => (await list(s.api)).total_files === 2);
});

serverTest('process-all counts what the disk holds, however seldom it is scanned', { books: 2, set: { scan_interval_s: 3600 } }, async (s) => {
  makeBook(s.library, 'Iron Meridian/Iron Meridian 077.cbz');
  const id = await until('a job over three books', 10, async () => {
    const started = await startJob(s.api, 'process-all');
    await waitCompleted(s.api, started.job_id);
    return started.total_items === 3 && started.job_id;
  }, 200);
  assert.equal((await getJob(s.api, id)).success_items, 3);
});

serverTest('after a rename the list has the new name once, marked, and not the old', { books: 1 }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  for (const slot of [0, 1]) {
    const answer = await list(s.workerClient(slot));
    assert.deepEqual(answer.files.map((f) => [f.relative_path, f.processed]), [['Iron Meridian/Iron Meridian - Chapter 0001.cbz', true]]);
    assert.equal(answer.unmarked_count, 0);
  }
});

serverTest('marks outlive a restart and a scan', { books: 3, set: { scan_interval_s: 1 } }, async (s) => {
  await waitCompleted(s.api, (await startJob(s.api, 'process-all')).job_id);
  assert.equal(await s.stop(), 0);
  await s.start();
  assert.equal((await list(s.api, '?filter=marked')).total_files, 3);
});
