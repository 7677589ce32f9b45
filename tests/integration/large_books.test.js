// Books around and beyond 4 GiB, where zip64 begins: changed in place, in no time, and read by others. The page is a hole
// in the file, so that they take no room.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { BIN, ROOT } from '../lib/server.js';

const run = promisify(execFile);
const EDIT = path.join(BIN, '../books/edit');
const GIB4 = 2 ** 32;
const PYTHON = 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.namelist()); print(z.read("ComicInfo.xml").decode())';

// What each reader says the tags are. None of them looks at the page.
const READERS = {
  'Python zipfile': (f) => run('python3', ['-c', PYTHON, f]),
  unzip: (f) => run('unzip', ['-p', f, 'ComicInfo.xml']),
  '7-Zip': (f) => run('7z', ['x', '-so', f, 'ComicInfo.xml']),
  bsdtar: (f) => run('bsdtar', ['-xOf', f, 'ComicInfo.xml']),
};

async function withBook(place, body) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-large-'));
  try {
    const file = path.join(dir, 'book.cbz');
    await run(path.join(ROOT, 'tests/readers/make-large'), [file, String(place)]);
    await body(file, (title, ...how) => run(EDIT, [...how, dir, 'book.cbz', `Title=${title}`]).then((r) => r.stdout.trim()));
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

async function checkRead(file, title) {
  for (const [name, read] of Object.entries(READERS)) {
    const { stdout } = await read(file);
    assert.ok(stdout.includes(`<Title>${title}</Title>`), `${name}: ${stdout}`);
  }
}

for (const [name, place] of [['5 GB', 5e9], ['just above 4 GiB', GIB4 + 10]]) {
  test(`a book of ${name} is changed in place`, () => withBook(place, async (file, edit) => {
    await checkRead(file, 'Old');
    const blocks = fs.statSync(file).blocks;
    for (const title of ['New', 'A longer title than before, and then some', 'Short']) {
      const method = await edit(title);
      assert.ok(method === 'settle' || method === 'clone', method);
      await checkRead(file, title);
    }
    assert.ok(fs.statSync(file).blocks < blocks + 64, 'the page is a hole still');
  }));
}

test('a tail whose form would differ at its two places is not settled', () => withBook(GIB4 - 300, async (file, edit) => {
  await checkRead(file, 'Old');
  const method = await edit('New', '--preview'); // the copy would write 4 GiB
  assert.ok(method === 'copy' || method === 'clone', method);
  await checkRead(file, 'Old');
}));

test('a book that ends below 4 GiB stays without zip64', () => withBook(GIB4 - 1e6, async (file, edit) => {
  assert.ok(['settle', 'clone'].includes(await edit('New')));
  const { stdout } = await run('tail', ['-c', '600', file], { encoding: 'latin1' });
  assert.ok(stdout.includes('PK\x05\x06') && !stdout.includes('PK\x06\x06'));
  await checkRead(file, 'New');
}));
