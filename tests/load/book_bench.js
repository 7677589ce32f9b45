// `make bench-books`: what a change of one field costs, and reading tags, beside what others do with the same files in the
// same run.
//
//   node tests/load/book_bench.js [--quick]
//
// Files are made below TMPDIR and removed; less is made where the disk has less room, and the table says how much. Prints
// a table and writes build/bench-books.json.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BIN, ROOT } from '../lib/server.js';

const QUICK = process.argv.includes('--quick');
const BENCH = path.join(BIN, '../books/bench');
const LIBZIP = path.join(BIN, '../readers/libzip_tags');
const OTHERS = path.join(ROOT, 'tests/load/book_others.py');
const MB = 1e6;
const SIZES = QUICK
  ? { one: 20, rounds: 3, many: 40, manyMb: 2, threads: 8, wide: 0, tags: 500 }
  : { one: 105, rounds: 7, many: 1000, manyMb: 20, threads: 8, wide: 4600, tags: 10000 };
const OTHERS_OF_MANY = 100; // of the many books, others do so many: theirs is the same for each

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-bench-'));
const journal = path.join(folder, 'journal');
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => process.exit(1));

function run(command, args, input) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (text) => { out += text; });
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done(out) : fail(new Error(`${path.basename(command)} ${args.join(' ')}: ${code}`))));
    child.stdin?.on('error', () => {}); // it ended early: its exit status says why
    child.stdin?.end(input);
  });
}

const lines = (names) => names.map((n) => `${n}\n`).join('');
const ours = async (how, threads, dir, names) => JSON.parse(await run(BENCH, [how, String(threads), journal, dir], lines(names)));
const others = async (how, threads, dir, names) => JSON.parse(await run(OTHERS, [how, String(threads), dir], lines(names)));
const syncAll = () => run('sync', []); // nobody pays for what another one left

const room = () => {
  const s = fs.statfsSync ? fs.statfsSync(folder) : null;
  const free = s ? s.bavail * s.bsize : Number(execFileSync('df', ['--output=avail', '-B1', folder]).toString().split('\n')[1]);
  return free / MB;
};

async function books(name, n, megabytes, pages) {
  const dir = path.join(folder, name);
  await run(OTHERS, ['make', dir, String(n), String(megabytes), String(pages), 'book %05d.cbz']);
  await syncAll();
  return { dir, names: fs.readdirSync(dir).sort(), remove: () => fs.rmSync(dir, { recursive: true }) };
}

// One book, in turns, so that what else the machine does falls on all.
async function oneBook(label, megabytes, pages, rounds, rebuilds) {
  const b = await books(label, 1, megabytes, pages);
  const seen = { settle: [], copy: [], cp: [], rebuild: [] };
  let bytes;
  await ours('save', 1, b.dir, b.names); // all are warm
  for (let i = 0; i < rounds; i++) {
    bytes = await ours('save', 1, b.dir, b.names);
    seen.settle.push(bytes.ms.median);
    seen.copy.push((await ours('copy', 1, b.dir, b.names)).ms.median);
    await syncAll();
    seen.cp.push((await others('cp', 1, b.dir, b.names)).ms.median);
    if (rebuilds) seen.rebuild.push((await others('rebuild', 1, b.dir, b.names)).ms.median);
    await syncAll();
  }
  const size = fs.statSync(path.join(b.dir, b.names[0])).size;
  b.remove();
  const ms = Object.fromEntries(Object.entries(seen).filter(([, list]) => list.length).map(([how, list]) => [how, median(list)]));
  return { label, size, rounds, settled: bytes.settled === 1, bytes_passed: bytes.bytes_passed, bytes_disk: bytes.bytes_disk, ms };
}

async function manyBooks() {
  const n = Math.min(SIZES.many, Math.floor(room() * 0.7 / SIZES.manyMb));
  const b = await books('many', n, SIZES.manyMb, 24);
  const some = b.names.slice(0, OTHERS_OF_MANY);
  const save = await ours('save', SIZES.threads, b.dir, b.names);
  await syncAll();
  const cp = await others('cp', SIZES.threads, b.dir, some);
  await syncAll();
  const rebuild = await others('rebuild', SIZES.threads, b.dir, some);
  b.remove();
  return { books: n, wanted: SIZES.many, megabytes: SIZES.manyMb, threads: SIZES.threads, save, others_of: some.length, cp, rebuild };
}

async function tags() {
  const b = await books('tags', SIZES.tags, 0.074, 24);
  const rounds = [];
  for (let i = 0; i < 3; i++) {
    const read = await ours('read', 2, b.dir, b.names);
    const libzip = JSON.parse(await run(LIBZIP, ['2', b.dir], lines(b.names)));
    if (!read.tag_bytes || !libzip.xml_bytes) throw new Error('somebody found no tags');
    rounds.push({ ours: read.seconds, libzip: libzip.seconds });
  }
  b.remove();
  return { books: SIZES.tags, threads: 2, ours_s: median(rounds.map((r) => r.ours)), libzip_s: median(rounds.map((r) => r.libzip)), rounds };
}

const number = (v) => (v >= 1000 ? Math.round(v).toLocaleString('en') : v >= 10 ? v.toFixed(1) : v.toFixed(2));
function row(name, value, note = '') {
  console.log(`${name.padEnd(58)}${value.padStart(14)}  ${note}`);
}

function printOne(r) {
  console.log(`\n${r.label}: one field of a book of ${number(r.size / MB)} MB, median of ${r.rounds}`);
  row('changed by us', `${number(r.ms.settle)} ms`, `${r.settled ? 'settle' : 'NOT settled'}; ${r.bytes_passed.toLocaleString('en')} bytes passed to write, ${r.bytes_disk.toLocaleString('en')} to the disk`);
  const against = (ms) => `${number(ms / r.ms.settle)} x`;
  row('changed by our full copy', `${number(r.ms.copy)} ms`, against(r.ms.copy));
  row('cp --reflink=never and fsync', `${number(r.ms.cp)} ms`, against(r.ms.cp));
  if (r.ms.rebuild) row("ComicTagger's rebuild, not synced", `${number(r.ms.rebuild)} ms`, against(r.ms.rebuild));
}

function print(result) {
  printOne(result.one);
  if (result.wide) printOne(result.wide);
  const m = result.many;
  console.log(`\n${m.books} books of ${m.megabytes} MB, ${m.threads} at a time${m.books < m.wanted ? ` (the disk has no room for ${m.wanted})` : ''}; others did ${m.others_of} of them`);
  const each = (r) => r.seconds / r.books * 1e3;
  row('changed by us, each', `${number(each(m.save))} ms`, `all in ${number(m.save.seconds)} s; ${m.save.settled} settled; median ${number(m.save.ms.median)}, 99 % within ${number(m.save.ms.p99)} ms; ${number(m.save.bytes_passed / m.save.books)} bytes each`);
  row('cp --reflink=never and fsync, each', `${number(each(m.cp))} ms`, `${number(each(m.cp) / each(m.save))} x`);
  row("ComicTagger's rebuild, each, not synced", `${number(each(m.rebuild))} ms`, `${number(each(m.rebuild) / each(m.save))} x`);
  const t = result.tags;
  console.log(`\ntags of ${t.books} books, ${t.threads} threads, warm`);
  row('read by us', `${t.ours_s.toFixed(3)} s`);
  row('read by libzip (the bytes only)', `${t.libzip_s.toFixed(3)} s`, `${number(t.libzip_s / t.ours_s)} x`);
}

const result = {
  at: new Date().toISOString(), cpu: os.cpus()[0].model, cores: os.cpus().length, quick: QUICK,
  one: await oneBook('one', SIZES.one, 120, SIZES.rounds, true),
  wide: SIZES.wide && room() > 3 * SIZES.wide ? await oneBook('zip64', SIZES.wide, 46, 3, false) : null,
  many: await manyBooks(),
  tags: await tags(),
};
print(result);
fs.mkdirSync(path.join(ROOT, 'build'), { recursive: true });
fs.writeFileSync(path.join(ROOT, 'build/bench-books.json'), `${JSON.stringify(result, null, 2)}\n`);
