/*
 * build.mjs - bundles the page: `node htdocs/build.mjs build/htdocs`.
 *
 * Writes index.html, deep.html (the same for addresses one level down), batch.html, favicon.svg, the scripts, those
 * that are loaded later too, the worker that shares the stream and the style of all pages as static/<name>-<hash>,
 * static/licences.txt, and what makes it installable (manifest.json, icons, sw.js with the names of all these files)
 * into the given folder; what was in its static/ before is removed. Prints what a first visit of each page loads. Names
 * with hashes may be cached for ever; others may not.
 */
import { build, transform } from 'esbuild';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUDGET_BYTES = 40 * 1024; /* gzip, all of the first view of a page */
const TARGET = ['es2020', 'chrome111', 'firefox113', 'safari16.2'];
const PAGES = { 'index.html': 'main', 'batch.html': 'batch' }; /* and their scripts */
const LATER_STYLES = ['book', 'job', 'jobs', 'settings', 'start']; /* lazy.js loads them */
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

/*
 * All texts are in one file, and each part of the pages needs some of them. So each script gets its own copy of that
 * file, of which the bundler keeps what the script names.
 */
const ownTexts = {
  name: 'own-texts',
  setup(all) {
    all.onResolve({ filter: /^\.\/strings\.js$/ }, ({ path, importer, resolveDir }) => ({ path: join(resolveDir, path), suffix: `?${basename(importer)}` }));
  },
};

await rm(join(out, 'static'), { recursive: true, force: true });
await mkdir(join(out, 'static'), { recursive: true });
/* The worker comes first: the pages' scripts hold its name. */
const worker = await build({
  entryPoints: [join(here, 'js/hub_worker.js')],
  outdir: join(out, 'static'),
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'iife',
  target: TARGET,
  metafile: true,
  logLevel: 'warning',
});
const workerFile = `static/${basename(Object.keys(worker.metafile.outputs)[0])}`;
/* So do the styles of what is loaded later: css/<name>.css. */
const styles = await build({
  entryPoints: LATER_STYLES.map((name) => join(here, `css/${name}.css`)),
  outdir: join(out, 'static'),
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  target: TARGET,
  metafile: true,
  logLevel: 'warning',
});
const styleFiles = Object.fromEntries(Object.entries(styles.metafile.outputs).map(([file, { entryPoint }]) => [basename(entryPoint, '.css'), basename(file)]));
const result = await build({
  entryPoints: [...Object.values(PAGES).map((name) => join(here, `js/${name}.js`)), join(here, 'css/app.css')],
  outdir: join(out, 'static'),
  entryNames: '[name]-[hash]',
  bundle: true,
  inject: [join(here, 'js/common.js')], /* into every part, so that what is in it stays together */
  splitting: true,
  plugins: [ownTexts],
  minify: true,
  format: 'esm',
  target: TARGET,
  define: { HUB_WORKER: JSON.stringify(workerFile), SHEETS: JSON.stringify(styleFiles) },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
const { outputs } = result.metafile;
const inStatic = (file) => `static/${basename(file)}`;
/* A source file of a page -> the output it became. */
const built = new Map(Object.keys(outputs).flatMap((file) => (outputs[file].entryPoint ? [[relative(here, resolve(outputs[file].entryPoint)), file]] : [])));

/* The outputs that are loaded before the script in `file` runs. */
function needs(file, known = new Set()) {
  for (const { path, kind } of outputs[file].imports) {
    if (kind !== 'import-statement' || known.has(path)) continue;
    known.add(path);
    needs(path, known);
  }
  return [...known];
}

for (const name of ['favicon.svg', 'icon-maskable.svg', 'manifest.json']) await copyFile(join(here, name), join(out, name));
await writeFile(join(out, 'static/licences.txt'), await licences(Object.keys(result.metafile.inputs)));

let over = false;
for (const [name, script] of Object.entries(PAGES)) {
  let page = await readFile(join(here, name), 'utf8');
  const sources = [`js/${script}.js`, 'css/app.css'];
  const early = needs(built.get(sources[0])).map(inStatic);
  for (const source of sources) {
    if (!page.includes(`"${source}"`)) throw new Error(`${name} does not name ${source}`);
    page = page.replace(`"${source}"`, `"${inStatic(built.get(source))}"`);
  }
  page = page.replace('</head>', `${early.map((file) => `<link rel="modulepreload" href="${file}">\n`).join('')}</head>`);
  await writeFile(join(out, name), page);
  if (name === 'index.html') await writeFile(join(out, 'deep.html'), page.replace('<meta charset="utf-8">\n', '$&<base href="../">\n'));
  let sum = 0;
  for (const file of [name, 'favicon.svg', ...sources.map((source) => inStatic(built.get(source))), ...early, workerFile]) {
    const bytes = await readFile(join(out, file));
    const packed = gzipSync(bytes, { level: 9 }).length;
    sum += packed;
    console.log(`  ${file}  ${bytes.length} bytes, ${packed} gzip`);
  }
  console.log(`first view of ${name}: ${sum} bytes gzip of ${BUDGET_BYTES} (${relative(process.cwd(), out) || '.'})`);
  over ||= sum > BUDGET_BYTES;
}

/* The service worker knows all files by name, and is another one whenever one of them is. */
const kept = [...[outputs, styles.metafile.outputs].flatMap(Object.keys).map(inStatic).sort(), workerFile, './', 'deep.html', 'batch.html', 'favicon.svg', 'manifest.json'];
const source = await readFile(join(here, 'sw.js'), 'utf8');
const hash = createHash('sha256').update(source);
for (const file of kept) hash.update(await readFile(join(out, file === './' ? 'index.html' : file)));
const { code } = await transform(source, { minify: true });
await writeFile(join(out, 'sw.js'), code.replace('@VERSION@', hash.digest('hex').slice(0, 16)).replace('"@FILES@"', kept.map((file) => JSON.stringify(file)).join()));

if (over) {
  console.error('a first view is over its budget');
  process.exit(1);
}
