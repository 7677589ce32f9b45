// Books that we changed are read rightly by every reader of zip archives that can be had here: the new tags once, under
// the name they had, and every page, bit for bit. Which readers ran is part of the result.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { readers } from '../lib/readers.js';
import { BIN, ROOT } from '../lib/server.js';

const run = promisify(execFile);
const LONG = process.env.LB_CRASH === 'long'; // make soak
const EDITS = [1, 10]; // after which a book is kept to be read
const FOR_MANY = ['Python zipfile', 'Java ZipFile', 'Go archive/zip', 'yauzl', 'libzip'];
const sha = (text) => createHash('sha256').update(text).digest('hex');

function edit(library, name, title, how = []) {
  return run(path.join(BIN, '../books/edit'), [...how, library, name, `Title=${title}`]).then((r) => r.stdout.trim());
}

// What must be in the archive after the title was set; the tags are last wherever they were.
function expected(made, xml) {
  return [...made.entries, [made.tags_name, sha(xml)]];
}

// Ours are only those bytes of the XML that had to change; where there was none before, Python says what we wrote.
async function xmlOf(made, file, title) {
  if (made.tags) return made.tags.replace('<Title>Old<', `<Title>${title}<`);
  const script = 'import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read("ComicInfo.xml").decode())';
  const { stdout } = await run('python3', ['-c', script, file]);
  assert.ok(stdout.includes(`<Title>${title}</Title>`), stdout);
  return stdout;
}

// Changes each book ten times, and a copy of it once by the full copy; keeps books on the way, the untouched ones too.
async function makeBooks(dir, methods) {
  const library = path.join(dir, 'library');
  fs.mkdirSync(library);
  const { stdout } = await run(path.join(ROOT, 'tests/readers/make-cases'), LONG ? [library, 'many'] : [library], { maxBuffer: 1 << 28 });
  const books = [];
  const sizes = [];
  for (const [name, made] of Object.entries(JSON.parse(stdout))) {
    const book = path.join(library, `${name}.cbz`);
    const keep = (label, want, from = book) => {
      const file = path.join(dir, `${name}, ${label}.cbz`);
      fs.copyFileSync(from, file);
      books.push({ file, name, label, made, want });
    };
    const sorted = made.tags ? [...made.entries, [made.tags_name, sha(made.tags)]] : made.entries;
    keep('before', sorted);
    const copy = path.join(library, 'copy.cbz');
    fs.copyFileSync(book, copy);
    assert.equal(await edit(library, 'copy.cbz', 'Edit 01', ['--copy']), 'copy');
    for (let i = 1; i <= EDITS.at(-1); i++) {
      const title = `Edit ${String(i).padStart(2, '0')}`;
      const method = await edit(library, `${name}.cbz`, title);
      methods[method] = (methods[method] || 0) + 1;
      if (i === 1) assert.ok(withoutTime(book).equals(withoutTime(copy)), `${name}: ${method} and copy differ`);
      if (i === 1) sizes.push(fs.statSync(book).size);
      if (EDITS.includes(i)) keep(`${i} edit${i > 1 ? 's' : ''}`, expected(made, await xmlOf(made, book, title)));
    }
    assert.equal(fs.statSync(book).size, sizes.pop(), `${name}: ten edits of the same length do not make the book longer`);
  }
  return books;
}

// The archive carries the time of the change twice, in the two headers of the tags: the last one of each kind.
const HEADERS = [['PK\x03\x04', 10], ['PK\x01\x02', 12]]; // signature, where the four bytes of the time are

function withoutTime(file) {
  const bytes = fs.readFileSync(file);
  for (const [signature, time] of HEADERS) {
    const at = bytes.lastIndexOf(signature, undefined, 'latin1');
    assert.ok(at >= 0, file);
    bytes.fill(0, at + time, at + time + 4);
  }
  return bytes;
}

const byName = (entries) => [...entries].sort((a, b) => (a[0] < b[0] ? -1 : 1));
const show = (entries) => entries.map(([name, hash]) => `${name} ${hash.slice(0, 8)}`);

// '' when the reader saw the book as it is, else what it saw.
function judge(answer, book) {
  if (!answer) return 'no answer';
  if (answer.error !== undefined) return answer.error || 'an error';
  if (answer.ok) return '';
  try {
    assert.deepEqual(show(byName(answer.entries)), show(byName(book.want)));
    return '';
  } catch (e) {
    return e.message;
  }
}

test('books that were changed are read by all', { timeout: 900000 }, async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-readers-'));
  try {
    const all = await readers();
    const ran = all.filter((r) => r.here);
    const missing = all.filter((r) => !r.here);
    const methods = {};
    const books = await makeBooks(dir, methods);
    assert.ok(!methods.none && (methods.settle || methods.clone) > books.length, JSON.stringify(methods));
    const wrong = [];
    const unable = [];
    for (const reader of ran) {
      const read = books.filter((b) => b.name !== 'many' || FOR_MANY.includes(reader.name)); // others need minutes for each
      const answers = await reader.read(read.map((b) => b.file)).catch((e) => [{ error: e.message }]);
      const verdicts = books.map((b) => (read.includes(b) ? judge(answers[read.indexOf(b)], b) : ''));
      // Who could not read a book as others made it (streams and stored data descriptors) need not be able to now.
      const able = (b) => verdicts[books.findIndex((o) => o.name === b.name && o.label === 'before')] === '';
      const cannot = new Set(books.filter((b) => !able(b)).map((b) => b.name));
      if (cannot.size) unable.push(`${reader.name}: ${[...cannot].join(', ')}`);
      books.forEach((b, i) => { if (verdicts[i] && able(b)) wrong.push(`${reader.name}, ${b.name}, ${b.label}: ${verdicts[i]}`); });
    }
    t.diagnostic(`note: changes: ${Object.entries(methods).map(([m, n]) => `${n} by ${m}`).join(', ')}`);
    t.diagnostic(`note: ${books.length} books read by ${ran.length} readers: ${ran.map((r) => r.name).join('; ')}`);
    if (missing.length) t.diagnostic(`note: readers not here: ${missing.map((r) => `${r.name} (${r.needs})`).join('; ')}`);
    for (const text of unable) t.diagnostic(`note: could not read them before we changed them either: ${text}`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(missing.filter((r) => r.core).map((r) => r.name), [], 'readers that a checkout with `make check` has');
    assert.ok(ran.length >= 14, `${ran.length} readers ran`);
    assert.ok(unable.length < 6, unable.join('\n'));
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
});
