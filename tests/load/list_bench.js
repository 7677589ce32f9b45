// `make bench-list`: the list of a library of 100,000 files, on the server and in the page.
//
//   node tests/load/list_bench.js [--quick]
//
// Prints two tables and writes build/bench-list.json.
import fs from 'node:fs';
import path from 'node:path';
import { Browser, listed } from '../lib/browser.js';
import { makeNames, scrollThrough } from '../lib/scroll.js';
import { ROOT, Server } from '../lib/server.js';
import { until } from '../lib/until.js';

const QUICK = process.argv.includes('--quick');
const FILES = QUICK ? 20000 : 100000;
const WINDOWS = QUICK ? 100 : 1000;
const ROUNDS = 15;

async function lastWindow(client, query) {
  const times = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const from = process.hrtime.bigint();
    const { json } = await client.get(`/api/files?offset=${FILES - 100}&limit=100&${query}`);
    times.push(Number(process.hrtime.bigint() - from) / 1e6);
    if (i === 0 && json.files.length !== 100) throw new Error(`${query}: ${json.files.length} files`);
  }
  const rest = times.slice(1).sort((a, b) => a - b); // the first finds what a search keeps
  return { query, first_ms: times[0], median_ms: rest[Math.floor(rest.length / 2)], worst_ms: rest[rest.length - 1] };
}

async function main() {
  const server = new Server({ books: (dir) => makeNames(dir, FILES), workers: 2 });
  const browser = new Browser(server.dir, { own: true });
  try {
    server.books = []; // they are counted below
    await server.start();
    await until('the list', 120, async () => (await server.api.get('/api/files?limit=1')).json.total_files === FILES);
    const client = server.workerClient(0);
    const windows = [];
    for (const sort of ['name', 'date', 'size']) {
      for (const more of ['', '&filter=unmarked', '&search=cbz']) windows.push(await lastWindow(client, `sort=${sort}${more}`));
    }
    await browser.start();
    const page = await browser.open(server.url);
    await until('the page', 30, async () => await listed(page) === FILES);
    const scroll = await scrollThrough(browser, page, WINDOWS);
    for (const w of windows) console.log(`last 100 of ${FILES}, ${w.query.padEnd(26)} first ${w.first_ms.toFixed(1)} ms, median ${w.median_ms.toFixed(1)} ms, worst ${w.worst_ms.toFixed(1)} ms`);
    for (const [name, value] of Object.entries(scroll)) console.log(`${name.padEnd(20)} ${Math.round(value * 10) / 10}`);
    fs.mkdirSync(path.join(ROOT, 'build'), { recursive: true });
    fs.writeFileSync(path.join(ROOT, 'build/bench-list.json'), `${JSON.stringify({ at: new Date().toISOString(), files: FILES, windows, scroll }, null, 1)}\n`);
  } finally {
    if (browser.context) await browser.close();
    await server.end();
  }
}

await main();
