// book.js and drafts.js: what is typed over the tags of a book, and what becomes of it when the book changes meanwhile.
import assert from 'node:assert/strict';
import test from 'node:test';
import * as B from '../../htdocs/js/book.js';
import { draftOf, hasDraft, keepDraft } from '../../htdocs/js/drafts.js';

const BASE = { Title: 'Old', Summary: 'one\r\ntwo', Year: '2014' };
const draft = (edits = {}) => Object.entries(edits).reduce((d, [name, text]) => B.edit(d, name, text), B.newDraft(BASE));

test('what is typed is an edit only while it differs from the book', () => {
  const typed = draft({ Title: 'New' });
  assert.equal(B.valueOf(typed, 'Title'), 'New');
  assert.ok(B.isDirty(typed));
  assert.ok(!B.isDirty(B.edit(typed, 'Title', 'Old')));
  assert.ok(!B.isDirty(draft({ Writer: '' })), 'an empty field of a tag that is not there');
  assert.ok(!B.isDirty(draft({ Summary: 'one\ntwo' })), 'a text field turns line ends into one kind');
  assert.ok(!B.isDirty(null));
});

test('changes say old and new, and what is sent takes an emptied tag out', () => {
  const typed = draft({ Title: 'New', Year: '', Writer: 'W' });
  assert.deepEqual(B.changesOf(typed), [
    { name: 'Title', before: 'Old', after: 'New' }, { name: 'Year', before: '2014', after: null }, { name: 'Writer', before: null, after: 'W' }]);
  assert.deepEqual(B.tagsOf(typed), { Title: 'New', Year: null, Writer: 'W' });
});

test('read again: what was typed stays, what the book says by now is no edit, and an overtaken value is a conflict', () => {
  const typed = draft({ Title: 'Mine', Year: '2015', Writer: 'W' });
  const { draft: next, conflicts } = B.reread(typed, { Title: 'Theirs', Year: '2015', Summary: 'new' });
  assert.deepEqual(conflicts, ['Title']);
  assert.deepEqual(next.edits, { Title: 'Mine', Writer: 'W' });
  assert.equal(B.valueOf(next, 'Summary'), 'new', 'what was not typed over follows the book');
  assert.deepEqual(B.reread(next, next.base).conflicts, [], 'a conflict is told once');
  assert.deepEqual(B.reread(draft({ Title: 'Mine' }), { Year: '2014' }).conflicts, ['Title'], 'taken out elsewhere');
});

const FIELDS = ['Title', 'Summary', 'Year', 'Colour'].map((name) => ({ name, kind: name === 'Year' ? 'integer' : 'string' }));

test('fields come in groups; one that no group knows is there, too', () => {
  assert.deepEqual(B.groupsOf(FIELDS).map((group) => [group.name, group.fields.map((field) => field.name)]),
    [['main', ['Title', 'Summary']], ['published', ['Year']], ['other', ['Colour']]]);
  assert.deepEqual(B.groupsOf([]), []);
});

test('values are checked before they are sent; taking a tag out is always right', () => {
  assert.deepEqual(B.problemsOf(FIELDS, { Title: 'x', Year: '20x' }), { Year: { code: 'integer' } });
  assert.deepEqual(B.problemsOf(FIELDS, { Year: null, Title: null }), {});
  assert.deepEqual(B.problemsOf(FIELDS, { Unknown: 'x' }), {}, 'the server knows better');
});

test('the form for many: only what was touched is sent, and only "clear" takes a tag out', () => {
  let touched = B.touch({}, 'Title', { kind: 'set', text: 'T' });
  touched = B.touch(touched, 'Year', { kind: 'clear' });
  touched = B.touch(touched, 'Writer', { kind: 'set', text: '' });
  assert.deepEqual(B.wishesOf(touched), { Title: 'T', Year: null });
  assert.deepEqual(B.touch(touched, 'Year', null), { Title: { kind: 'set', text: 'T' } });
  assert.deepEqual(B.touch(touched, 'Title', { kind: 'set', text: '' }), { Year: { kind: 'clear' } }, 'emptied again: kept');
});

test('a row of the history: the name, and tags from what is kept or from the six fields of old rows', () => {
  const row = { before_filename: 'a', after_filename: 'b', changes: { Web: [null, 'w'] } };
  assert.deepEqual(B.changesOfRow(row), { renamed: { before: 'a', after: 'b' }, tags: [{ name: 'Web', before: null, after: 'w' }] });
  const old = { before_filename: 'a', after_filename: 'a', changes: null, before_title: 'x', after_title: 'y', before_year: null, after_year: null };
  assert.deepEqual(B.changesOfRow(old), { renamed: null, tags: [{ name: 'Title', before: 'x', after: 'y' }] });
  assert.equal(B.changesOfRow({ before_filename: 'a', after_filename: null, changes: null }).renamed, null, 'a delete is no new name');
});

test('paths go by the id, whatever the file is called', () => {
  assert.equal(B.filePath({ file_id: 'id:7' }, '/cover'), 'api/file/id%3A7/cover');
  assert.equal(B.callPath('rename-file', { file_id: 'id:7' }), 'api/rename-file/id%3A7');
});

test('drafts are kept while there is something in them, and the browser asks before the page is left', () => {
  const listening = new Set();
  globalThis.window = { addEventListener: (name) => listening.add(name), removeEventListener: (name) => listening.delete(name) };
  try {
    keepDraft('id:1', draft({ Title: 'New' }));
    keepDraft('id:2', draft({ Title: 'New' }));
    assert.ok(hasDraft('id:1') && listening.has('beforeunload'));
    assert.equal(draftOf('id:1').edits.Title, 'New');
    keepDraft('id:1', draft());
    assert.ok(!hasDraft('id:1') && listening.has('beforeunload'), 'there is another one');
    keepDraft('id:2', null);
    assert.equal(draftOf('id:2'), null);
    assert.equal(listening.size, 0);
  } finally {
    delete globalThis.window;
  }
});
