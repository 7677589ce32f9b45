// `make bench-page`: how long it takes from an item's commit to the number on the screen, and what a first visit loads.
//
//   node tests/load/page_bench.js [--quick]
//
// Chromium as users have it (tests/lib/plain_browser.js), plain HTTP through the front end. Prints, and writes
// build/bench-page.json. The figures of the old page are those of its description.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { untilEnded, untilPage } from '../lib/browser.js';
import { startNoop } from '../lib/jobs.js';
import { PlainBrowser } from '../lib/plain_browser.js';
import { ROOT, Server } from '../lib/server.js';
import { until } from '../lib/until.js';

const QUICK = process.argv.includes('--quick');
const ITEMS = QUICK ? 200 : 2000;
const ITEM_MS = 80; // with 8 threads 100 items a second
const ROUNDS = QUICK ? 1 : 5;
const LAN = 'longbox.lan';
const OLD = { requests: 13, bytes: 264404 };
const sorted = (list) => [...list].sort((a, b) => a - b);
const at = (list, part) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * part))];

// In each page: when the message with each count was made, when the page took it, when the number stood in the page, and
// when the next frame showed it.
function record() {
  globalThis.seen = { events: [], taken: [], numbers: [], frames: [], list_ms: null };
  const { seen } = globalThis;
  document.addEventListener('longbox:job', ({ detail }) => seen.taken.push([detail.processed, Date.now()]));
  let last = '';
  new MutationObserver(() => {
    if (seen.list_ms === null && document.querySelector('#file-table tbody tr')) seen.list_ms = performance.now();
    const text = document.getElementById('progress-text')?.textContent ?? '';
    if (text === last) return;
    last = text;
    const n = Number(text.split(' ')[0].replace(/,/g, ''));
    seen.numbers.push([n, Date.now()]);
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel(); // heard of after the frame
      port1.onmessage = () => seen.frames.push([n, Date.now()]);
      port2.postMessage(null);
    });
  }).observe(document, { subtree: true, childList: true, characterData: true });
  globalThis.SharedWorker = class extends SharedWorker {
    constructor(...args) {
      super(...args);
      this.port.addEventListener('message', ({ data }) => {
        const { message } = data;
        if (message?.type === 'job_updated') seen.events.push([message.data.progress.processed, message.timestamp * 1000]);
      });
    }
  };
}

// For each item: from the time in its event, taken before its commit, to the first number that counts it.
function delays(events, shown) {
  const list = [];
  let i = 0;
  for (const [n, from_ms] of events.filter(([n]) => n > 0)) {
    while (i < shown.length && shown[i][0] < n) i += 1;
    if (i < shown.length) list.push(Math.max(0, shown[i][1] - from_ms));
  }
  return list;
}

async function latency() {
  const server = await new Server({ books: 2 }).start();
  const browser = new PlainBrowser(server.dir, { script: `(${record})()` });
  try {
    const tabs = [await browser.open(server.url), await browser.open(server.url)];
    for (const tab of tabs) await untilPage('the tab to be live', tab, 30, (v) => v.quality === 'live');
    await startNoop(server.api, ITEMS, ITEM_MS);
    await untilEnded(tabs[1], 120);
    await untilPage('the hidden tab to know the end', tabs[0], 30, (v) => v.status === 'completed');
    const [hidden, shown] = await Promise.all(tabs.map((tab) => tab.evaluate(() => globalThis.seen)));
    const row = (name, list) => ({ name, samples: list.length, p50_ms: at(list, 0.5), p99_ms: at(list, 0.99), max_ms: at(list, 1) });
    return [
      row('in the page, tab in front', delays(shown.events, shown.numbers)),
      row('on the screen (after the next frame), tab in front', delays(shown.events, shown.frames)),
      row('taken by the hidden tab, which is drawn when it is shown', delays(hidden.events, hidden.taken)),
    ];
  } finally {
    await browser.close();
    await server.end();
  }
}

// Hands everything on, and counts what the browser asks for and gets.
async function startMeter(target) {
  const meter = { requests: [], bytes: 0 };
  const relay = net.createServer((socket) => {
    const out = net.connect(target.port, target.hostname);
    socket.on('data', (data) => {
      const line = /^([A-Z]+ \S+) HTTP\/1\.1\r\n/.exec(data.toString('latin1'));
      if (line) meter.requests.push(line[1]);
      out.write(data);
    });
    out.on('data', (data) => {
      meter.bytes += data.length;
      socket.write(data);
    });
    for (const [one, other] of [[socket, out], [out, socket]]) one.on('close', () => other.destroy()).on('error', () => other.destroy());
  });
  await new Promise((done) => relay.listen(0, '127.0.0.1', done));
  meter.url = `http://127.0.0.1:${relay.address().port}`;
  meter.close = () => relay.close();
  return meter;
}

// A first visit: a fresh profile, a library of 100 books; all requests until nothing more is asked for. Under a name of
// the LAN there is no service worker; on 127.0.0.1 there is, and it fills its cache behind the page.
async function firstVisit(server, host) {
  const meter = await startMeter(new URL(server.url));
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-first-'));
  const browser = new PlainBrowser(dir, { script: `(${record})()`, flags: [`--host-resolver-rules=MAP ${LAN} 127.0.0.1`] });
  try {
    await browser.send('Browser.getVersion'); // it has started
    const tab = await browser.open(`${meter.url.replace('127.0.0.1', host)}/`);
    await untilPage('the tab to be live', tab, 30, (v) => v.quality === 'live');
    const list_ms = await until('the list', 30, () => tab.evaluate(() => globalThis.seen.list_ms));
    let before;
    await until('the requests to be over', 10, () => before === meter.bytes || ((before = meter.bytes), false), 300);
    return { requests: meter.requests.length, bytes: meter.bytes, list_ms, asked: meter.requests };
  } finally {
    await browser.close();
    meter.close();
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

async function firstVisits() {
  const server = await new Server({ books: 100, set: { hosts: LAN } }).start();
  try {
    const first = {};
    for (const [name, host] of [['page', LAN], ['with_service_worker', '127.0.0.1']]) {
      const visits = [];
      for (let i = 0; i < ROUNDS; i++) visits.push(await firstVisit(server, host));
      first[name] = { ...visits[0], list_ms: at(visits.map((v) => v.list_ms), 0.5) };
    }
    return first;
  } finally {
    await server.end();
  }
}

function print({ rows, first }) {
  console.log(`from an item's commit to its number, ${ITEMS} items, 2 tabs`.padEnd(60) + 'samples   p50 ms   p99 ms   max ms');
  for (const r of rows) {
    console.log(r.name.padEnd(60) + String(r.samples).padStart(7) + [r.p50_ms, r.p99_ms, r.max_ms].map((v) => v.toFixed(1).padStart(9)).join(''));
  }
  for (const [name, v] of Object.entries(first)) {
    console.log(`first visit, 100 books, ${name.replace(/_/g, ' ')}: ${v.requests} requests, ${v.bytes} bytes, list after ${Math.round(v.list_ms)} ms (median of ${ROUNDS})`);
  }
  console.log(`the old page: ${OLD.requests} requests, ${OLD.bytes} bytes, and 10 requests of its service worker`);
}

const result = { at: new Date().toISOString(), cpu: os.cpus()[0].model, cores: os.cpus().length, rows: await latency(), first: await firstVisits(), old: OLD };
print(result);
fs.mkdirSync(path.join(ROOT, 'build'), { recursive: true });
fs.writeFileSync(path.join(ROOT, 'build/bench-page.json'), `${JSON.stringify(result, null, 2)}\n`);
