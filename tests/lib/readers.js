// Readers of zip archives that others wrote, as many as can be had here. Each takes a list of files and gives, for each,
// {entries: [[name, sha256], ...]} in its order, {error}, or for those that only check {ok: true}.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BIN, ROOT } from './server.js';

const exec = promisify(execFile);
const HERE = path.join(ROOT, 'tests/readers');
const SECONDS = 120;

const run = (command, args, options = {}) => exec(command, args, { timeout: SECONDS * 1000, maxBuffer: 1 << 28, ...options });
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
const works = (command, args) => run(command, args).then(() => true, () => false);

function scratch() {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'lb-reader-'));
}

// Programs of ours around a library: lines of JSON, one for each file.
const lines = (command, args) => async (files) => {
  const { stdout } = await run(command, [...args, ...files]);
  return stdout.trim().split('\n').map((l) => JSON.parse(l));
};

// Each file by itself; a complaint, or a wrong exit status, is its answer.
const each = (body) => async (files) => {
  const answers = [];
  for (const file of files) {
    const dir = scratch();
    try {
      answers.push(await body(file, dir));
    } catch (e) {
      answers.push({ error: `${e.message} ${e.stderr || ''}`.slice(0, 600) });
    } finally {
      fs.rmSync(dir, { recursive: true, force: true });
    }
  }
  return answers;
};

const content = (dir, name) => sha(fs.readFileSync(path.join(dir, name)));

const walk = (dir, below = '') => fs.readdirSync(path.join(dir, below), { withFileTypes: true })
  .flatMap((e) => (e.isDirectory() ? walk(dir, `${below}${e.name}/`) : [`${below}${e.name}`]));

// Programs that unpack into a folder: the names they list (one twice would show there), the contents they unpack.
const unpacker = (list, unpack) => each(async (file, dir) => {
  const { stderr } = await unpack(file, dir);
  const names = list ? await list(file) : walk(dir);
  return stderr.trim() ? { error: stderr } : { entries: names.map((n) => [n, content(dir, n)]) };
});
const namesOf = ({ stdout }) => stdout.split('\n').filter(Boolean);

// A shell only to connect files with standard input; the names go in as arguments.
const fromStdin = (command, file, dir) => run('sh', ['-c', `${command} < "$1"`, 'sh', file], { cwd: dir });

const utf8 = { env: { ...process.env, LC_ALL: 'C.UTF-8' } };

function libzip() {
  const program = path.join(BIN, '../readers/libzip');
  return each(async (file, dir) => {
    const names = namesOf(await run(program, [file, dir]));
    return { entries: names.map((n, i) => [n, content(dir, String(i))]) };
  });
}

async function built(command, args, program) {
  fs.mkdirSync(path.dirname(program), { recursive: true });
  await run(command, [...args], { env: { ...process.env, GOCACHE: path.join(ROOT, 'build/readers/go'), GOFLAGS: '-mod=mod', GO111MODULE: 'off' } });
  return program;
}

// [{name, needs, core, here, read}]: `needs` says what is missing when `here` is false.
export async function readers() {
  const go = path.join(ROOT, 'build/readers/archive_zip');
  const java = [path.join(HERE, 'ReadZip.java')];
  const table = [
    ['Python zipfile', 'python3', true, () => works('python3', ['-c', 'import zipfile']), lines('python3', [path.join(HERE, 'python_zipfile.py')])],
    ['unzip', 'unzip', true, () => works('unzip', ['-v']),
      unpacker(async (f) => namesOf(await run('unzip', ['-Z1', f], utf8)), (f, dir) => run('unzip', ['-q', f, '-d', dir], utf8))],
    ['zip -T', 'zip', true, () => works('zip', ['-v']), each(async (f) => { await run('zip', ['-T', f]); return { ok: true }; })],
    ['7-Zip', 'p7zip-full', true, () => works('7z', ['i']), unpacker(list7z, async (f, dir) => {
      const r = await run('7z', ['x', '-y', `-o${dir}`, f], utf8);
      return { stderr: /Warning|Error/i.test(r.stdout) ? r.stdout : r.stderr };
    })],
    ['bsdtar, file', 'libarchive-tools', true, () => works('bsdtar', ['--version']),
      unpacker(async (f) => namesOf(await run('bsdtar', ['-tf', f], utf8)), (f, dir) => run('bsdtar', ['-xf', f, '-C', dir], utf8))],
    ['bsdtar, stream', 'libarchive-tools', true, () => works('bsdtar', ['--version']),
      unpacker(async (f) => namesOf(await run('sh', ['-c', 'bsdtar -tf - < "$1"', 'sh', f], utf8)), (f, dir) => fromStdin('LC_ALL=C.UTF-8 bsdtar -xf -', f, dir))],
    ['libzip', 'libzip-dev', true, () => fs.existsSync(path.join(BIN, '../readers/libzip')), libzip()],
    ['BusyBox unzip', 'busybox', false, () => works('busybox', ['true']), // its list shows no letters beyond ASCII
      unpacker(null, (f, dir) => run('busybox', ['unzip', '-q', f, '-d', dir]))],
    ['Perl Archive::Zip', 'libarchive-zip-perl', false, () => works('perl', ['-MArchive::Zip', '-e', '1']), lines('perl', [path.join(HERE, 'archive_zip.pl')])],
    ['Java ZipFile', 'default-jdk-headless', false, () => works('javac', ['-version']), lines('java', [...java, 'file'])],
    ['Java ZipInputStream', 'default-jdk-headless', false, () => works('javac', ['-version']), lines('java', [...java, 'stream'])],
    ['Go archive/zip', 'golang-go', false, () => works('go', ['version']).then((yes) => yes && built('go', ['build', '-o', go, path.join(HERE, 'archive_zip.go')], go)), lines(go, [])],
  ].map(([name, needs, core, here, read]) => ({ name, needs, core, here, read }));
  const npm = path.join(HERE, 'npm.mjs');
  for (const name of namesOf(await run('node', [npm, '--list']))) {
    table.push({ name, needs: 'npm ci in tests/readers', core: true, here: () => fs.existsSync(path.join(HERE, 'node_modules')), read: lines('node', [npm, name]) });
  }
  for (const reader of table) reader.here = Boolean(await reader.here());
  return table;
}

async function list7z(file) {
  const { stdout } = await run('7z', ['l', '-ba', '-slt', file], utf8);
  return [...stdout.matchAll(/^Path = (.*)$/gm)].map((m) => m[1]);
}
