// npm.mjs READER FILE...: what a package of npm reads; output as python_zipfile.py describes. --list names the readers.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function drain(stream) {
  const sum = createHash('sha256');
  for await (const piece of stream) sum.update(piece);
  return sum.digest('hex');
}

async function yauzl(file) {
  const lib = require('yauzl');
  const zip = await new Promise((done, fail) => {
    lib.open(file, { autoClose: false, lazyEntries: true, strictFileNames: true }, (e, z) => (e ? fail(e) : done(z)));
  });
  const listed = await new Promise((done, fail) => {
    const all = [];
    zip.on('entry', (e) => { all.push(e); zip.readEntry(); }).on('end', () => done(all)).on('error', fail);
    zip.readEntry();
  });
  const entries = [];
  for (const e of listed) {
    const stream = await new Promise((done, fail) => { zip.openReadStream(e, (err, s) => (err ? fail(err) : done(s))); });
    entries.push([e.fileName, await drain(stream)]);
  }
  zip.close();
  return entries;
}

async function admZip(file) {
  const Zip = require('adm-zip');
  return new Zip(file).getEntries().map((e) => [e.entryName, sha(e.getData())]);
}

async function jszip(file) {
  const zip = await require('jszip').loadAsync(fs.readFileSync(file), { checkCRC32: true });
  return Promise.all(Object.values(zip.files).map(async (f) => [f.name, sha(await f.async('nodebuffer'))]));
}

async function fflate(file) {
  return Object.entries(require('fflate').unzipSync(fs.readFileSync(file))).map(([name, bytes]) => [name, sha(bytes)]);
}

async function nodeStreamZip(file) {
  const Zip = require('node-stream-zip');
  const zip = new Zip.async({ file });
  const entries = [];
  for (const e of Object.values(await zip.entries())) entries.push([e.name, sha(await zip.entryData(e))]);
  await zip.close();
  return entries;
}

async function unzipperFile(file) {
  const zip = await require('unzipper').Open.file(file);
  const entries = [];
  for (const e of zip.files) entries.push([e.path, sha(await e.buffer())]);
  return entries;
}

async function unzipperStream(file) {
  const entries = [];
  for await (const e of fs.createReadStream(file).pipe(require('unzipper').Parse({ forceStream: true }))) {
    entries.push([e.path, await drain(e)]);
  }
  return entries;
}

async function zipJs(file) {
  const lib = await import('@zip.js/zip.js');
  const zip = new lib.ZipReader(new lib.Uint8ArrayReader(new Uint8Array(fs.readFileSync(file))), { checkSignature: true, strictness: 'strict', useWebWorkers: false });
  const entries = [];
  for (const e of await zip.getEntries()) entries.push([e.filename, sha(await e.getData(new lib.Uint8ArrayWriter()))]);
  await zip.close();
  return entries;
}

const READERS = {
  yauzl, 'adm-zip': admZip, jszip, fflate, 'node-stream-zip': nodeStreamZip, 'unzipper, file': unzipperFile, 'unzipper, stream': unzipperStream, 'zip.js': zipJs,
};

const [name, ...files] = process.argv.slice(2);
if (name === '--list') {
  console.log(Object.keys(READERS).join('\n'));
} else {
  for (const file of files) {
    try {
      console.log(JSON.stringify({ file, entries: await READERS[name](file) }));
    } catch (e) {
      console.log(JSON.stringify({ file, error: String(e) }));
    }
  }
}
