// Scrolling through the list of the library as a trace of Chromium sees it; for the test and for the benchmark.
import fs from 'node:fs';
import path from 'node:path';
import { commandLine, tree } from './processes.js';

// n books that are only names, 40 to a folder. An empty file is a book to the list.
export function makeNames(library, n) {
  for (let k = 0; k < n; k += 40) {
    const series = `Series ${String(k / 40).padStart(5, '0')}`;
    const dir = path.join(library, `Press ${(k / 40) % 4}`, series);
    fs.mkdirSync(dir, { recursive: true });
    for (let i = 0; i < 40 && k + i < n; i++) fs.closeSync(fs.openSync(path.join(dir, `${series} ${String(i + 1).padStart(3, '0')} (2014).cbz`), 'w'));
  }
}

// MB that the renderer process of the page has for itself and its share of what it has with others.
export function rendererMb(browserPid) {
  const sizes = tree(browserPid).filter((p) => commandLine(p.pid).join(' ').includes('--type=renderer')).map((p) => {
    const found = /^Pss:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${p.pid}/smaps_rollup`, 'utf8'));
    return found ? Number(found[1]) / 1024 : 0;
  });
  return Math.max(...sizes);
}

// Ends the trace and gives its events.
async function endTrace(cdp) {
  const events = [];
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const complete = new Promise((done) => cdp.once('Tracing.tracingComplete', done));
  await cdp.send('Tracing.end');
  await complete;
  return events;
}

// How long the main thread of the page was busy at a stretch: ms of its own time, whatever else the machine did, and by the clock.
function tasks(events, pid) {
  const main = events.find((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain' && e.pid === pid);
  const all = events.filter((e) => e.pid === pid && e.tid === main?.tid && e.name.endsWith('RunTask') && e.ph === 'X');
  return { cpu: all.map((e) => (e.tdur ?? e.dur) / 1000), clock: all.map((e) => e.dur / 1000) };
}

// Scrolls through `count` windows of 100 rows from the top, a quarter of a window each frame, and waits at each until its
// rows are there. Gives the longest tasks and frames, what was drawn at most, and the memory afterwards.
export async function scrollThrough(browser, page, count) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await cdp.send('Tracing.start', { traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', '__metadata'], recordMode: 'recordContinuously' }, transferMode: 'ReportEvents' });
  const seen = await page.evaluate(async (windows) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const body = document.querySelector('#file-table tbody');
    const row = parseFloat(getComputedStyle(body).getPropertyValue('--row'));
    const start = body.getBoundingClientRect().top + scrollY;
    const frames = [];
    let rows = 0;
    let blank = 0;
    let last = await frame();
    const step = async () => {
      const now = await frame();
      frames.push(now - last);
      last = now;
      rows = Math.max(rows, body.rows.length);
    };
    for (let i = 0; i < windows; i += 1) {
      for (let quarter = 0; quarter < 4; quarter += 1) {
        scrollTo(0, start + (i + quarter / 4) * 100 * row);
        await step();
      }
      for (let tries = 0; body.querySelector('.blank') && tries < 300; tries += 1) await step();
      blank += body.querySelectorAll('.blank').length;
    }
    return { frames, rows, blank };
  }, count);
  const events = await endTrace(cdp);
  const pids = [...new Set(events.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => e.pid))];
  const { cpu, clock } = pids.map((pid) => tasks(events, pid)).sort((a, b) => b.cpu.length - a.cpu.length)[0];
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const metric = (name) => metrics.find((m) => m.name === name).value;
  await cdp.detach();
  const longest = (list) => list.reduce((most, ms) => Math.max(most, ms), 0);
  const over = (list) => list.filter((ms) => ms > 50).length;
  return {
    windows: count, tasks: cpu.length, task_cpu_ms: longest(cpu), tasks_cpu_over_50: over(cpu), task_ms: longest(clock), tasks_over_50: over(clock),
    frames: seen.frames.length, frame_ms: longest(seen.frames), frames_over_50: over(seen.frames),
    rows: seen.rows, blank: seen.blank, heap_mb: metric('JSHeapUsedSize') / 1048576, nodes: metric('Nodes'), renderer_mb: rendererMb(browser.pid),
  };
}
