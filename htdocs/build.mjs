/*
 * build.mjs - bundles the page: `node htdocs/build.mjs build/htdocs`.
 *
 * Writes index.html, favicon.svg, static/app-<hash>.js, static/app-<hash>.css and static/licences.txt into the
 * given folder; what was in its static/ before is removed. Prints what a first visit loads. Names with hashes
 * may be cached for ever; index.html and favicon.svg may not.
 */
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUDGET_BYTES = 40 * 1024; /* gzip, all of the first view */
const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] && resolve(process.argv[2]);
if (!out) {
  console.error('usage: node htdocs/build.mjs FOLDER');
  process.exit(2);
}

/* The folder of the package that a bundled file came from, or null for our own. */
function packageFolder(file) {
  const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(resolve(file).replaceAll('\\', '/'));
  return match && match[1];
}

async function licences(inputs) {
  const folders = [...new Set(inputs.map(packageFolder).filter(Boolean))].sort();
  const texts = [];
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} ${version} (${license}) brings no licence text`);
    texts.push(`${name} ${version} (${license})\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`);
  }
  return texts.join(`\n${'-'.repeat(78)}\n\n`);
}

await rm(join(out, 'static'), { recursive: true, force: true });
await mkdir(join(out, 'static'), { recursive: true });
const result = await build({
  entryPoints: { app: join(here, 'js/main.js'), style: join(here, 'css/app.css') },
  outdir: join(out, 'static'),
  entryNames: 'app-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2020', 'chrome111', 'firefox113', 'safari16.2'],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
const names = Object.keys(result.metafile.outputs).map((file) => basename(file));
const script = names.find((name) => name.endsWith('.js'));
const style = names.find((name) => name.endsWith('.css'));

let page = await readFile(join(here, 'index.html'), 'utf8');
for (const [from, to] of [['js/main.js', `static/${script}`], ['css/app.css', `static/${style}`]]) {
  if (!page.includes(`"${from}"`)) throw new Error(`index.html does not name ${from}`);
  page = page.replace(`"${from}"`, `"${to}"`);
}
await writeFile(join(out, 'index.html'), page);
await writeFile(join(out, 'favicon.svg'), await readFile(join(here, 'favicon.svg')));
await writeFile(join(out, 'static/licences.txt'), await licences(Object.keys(result.metafile.inputs)));

let sum = 0;
for (const name of ['index.html', 'favicon.svg', `static/${script}`, `static/${style}`]) {
  const bytes = await readFile(join(out, name));
  const packed = gzipSync(bytes, { level: 9 }).length;
  sum += packed;
  console.log(`${name}  ${bytes.length} bytes, ${packed} gzip`);
}
console.log(`first view: ${sum} bytes gzip of ${BUDGET_BYTES} (${relative(process.cwd(), out) || '.'})`);
if (sum > BUDGET_BYTES) {
  console.error('the first view is over its budget');
  process.exit(1);
}
