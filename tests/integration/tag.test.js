// The operation tag: any element of ComicInfo 2.1, checked when the job is made (API.md, Tags).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { makeBook, unzip } from '../lib/books.js';
import { waitCompleted } from '../lib/jobs.js';
import { serverTest } from '../lib/server.js';

const XML = '\ufeff<?xml version="1.0"?>\r\n<ComicInfo xmlns:my="urn:x">\r\n\t<!-- kept -->\r\n\t<Title>Old &amp; grey</Title>\r\n'
  + '\t<my:Shelf><![CDATA[a < b]]></my:Shelf>\r\n\t<Pages><Page Image="0" Type="FrontCover"/></Pages>\r\n</ComicInfo>\r\n';
const xmlOf = (file) => unzip(fs.readFileSync(file)).find((e) => e.name === 'ComicInfo.xml').data.toString();

const library = (dir) => {
  makeBook(dir, 'Wolf/a.cbz', { xml: XML });
  makeBook(dir, 'Wolf/b.cbz', {});
};
const start = (s, tags, files = ['Wolf/a.cbz', 'Wolf/b.cbz']) => s.api.post('/api/jobs', { operation: 'tag', files, options: { tags } });

serverTest('tag sets what is named, in every book, and leaves every other byte of the tags', { books: library }, async (s) => {
  const made = await start(s, { Writer: 'A. Bell', Year: 2014, Manga: 'YesAndRightToLeft', GTIN: null });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.json.title, 'Tagging Files...');
  const job = await waitCompleted(s.api, made.json.job_id);
  assert.equal(job.success_items, 2);
  assert.equal(xmlOf(path.join(s.library, 'Wolf/a.cbz')), XML
    .replace('</Title>', '</Title>\r\n\t<Year>2014</Year>\r\n\t<Writer>A. Bell</Writer>\r\n\t<Manga>YesAndRightToLeft</Manga>'));
  assert.match(xmlOf(path.join(s.library, 'Wolf/b.cbz')), /<Year>2014<\/Year>\s*<Writer>A. Bell<\/Writer>\s*<Manga>/);

  const { history } = (await s.api.get('/api/processing-history')).json;
  assert.equal(history.length, 2);
  assert.equal(history[0].operation_type, 'tag');
  assert.equal(history[0].before_year, null);
  assert.equal(history[0].after_year, '2014');
  assert.equal((await s.api.get('/api/files?filter=marked')).json.total_files, 0, 'tag marks nothing');

  const again = await start(s, { Writer: 'A. Bell', Year: '2014' });
  assert.equal((await waitCompleted(s.api, again.json.job_id)).success_items, 2);
  assert.equal((await s.api.get('/api/processing-history')).json.total, 2, 'nothing to do is not history');
});

serverTest('a value of the wrong type, an unknown tag or no tag makes no job', { books: library }, async (s) => {
  const wrong = [
    [{ Month: 13 }, 422, 'out_of_range', 'Month'],
    [{ CommunityRating: 5.1 }, 422, 'out_of_range', 'CommunityRating'],
    [{ Year: 'soon' }, 400, 'bad_field', 'Year'],
    [{ Manga: 'yes' }, 400, 'bad_field', 'Manga'],
    [{ AgeRating: '18' }, 400, 'bad_field', 'AgeRating'],
    [{ Pages: 'x' }, 400, 'bad_field', 'Pages'],
    [{ writer: 'x' }, 400, 'bad_field', 'tags'],
    [{}, 400, 'bad_field', 'tags'],
    [undefined, 400, 'bad_field', 'tags'],
    [{ Summary: 'x'.repeat(65537) }, 422, 'out_of_range', 'tags'],
  ];
  for (const [tags, status, code, field] of wrong) {
    const r = await start(s, tags);
    assert.deepEqual([r.status, r.json.code, r.json.field], [status, code, field], r.text);
  }
  assert.deepEqual((await s.api.get('/api/jobs')).json.jobs, []);
  const op = (await s.api.get('/api/config')).json.operations.find((o) => o.name === 'tag');
  const { properties } = op.options.properties.tags;
  assert.equal(Object.keys(properties).length, 44);
  assert.ok(properties.Manga.enum.includes('YesAndRightToLeft'));
});
