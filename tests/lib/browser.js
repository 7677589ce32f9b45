// The page in headless Chromium. What the page writes to the console as an error, and what it throws, fails the test.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { commandLine, isAlive, signal, tree } from './processes.js';
import { serverTest } from './server.js';
import { until } from './until.js';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';
const NETWORK = /net::ERR_|Failed to load resource/;

const COMMON = { executablePath: EXECUTABLE, headless: true, chromiumSandbox: false };
// Pages for the address bar, which nobody sees here and which cost as much as the page under test; after them what
// playwright-core switches off, because only one list is heard.
const NO_FEATURES = ['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose',
  'HttpsUpgrades', 'MediaRouter', 'OptimizationHints', 'PaintHolding', 'RenderDocument', 'ThirdPartyStoragePartitioning', 'Translate'];
const ARGS = ['--disable-dev-shm-usage', '--disable-gpu', `--disable-features=${NO_FEATURES}`];
const IDLE_MS = 3000; // so long the shared Chromium waits for the next test of its file

const chromium = () => createRequire(import.meta.url)('playwright-core').chromium;
const shared = { browser: null, users: 0, timer: null };

// One Chromium for all tests of a file, because its start costs more than most tests; each has a context of its own,
// which shares nothing with others.
async function takeContext(options) {
  shared.users += 1;
  clearTimeout(shared.timer);
  shared.browser ??= chromium().launch({ ...COMMON, args: ARGS });
  return (await shared.browser).newContext(options);
}

function giveContext() {
  shared.users -= 1;
  if (shared.users > 0) return;
  shared.timer = setTimeout(() => {
    const { browser } = shared;
    shared.browser = null;
    void browser.then((b) => b.close());
  }, IDLE_MS);
}

export class Browser {
  // expectCuts: lost connections are part of the test, so the browser's own words about them are no errors.
  // flags: more of the browser's command line. own: a Chromium for this test alone, with a profile that outlives kill().
  // serviceWorkers: "allow" where they are what is tested.
  constructor(dir, { expectCuts = false, flags = [], own = false, serviceWorkers = 'block' } = {}) {
    this.profile = path.join(dir, 'profile');
    this.expectCuts = expectCuts;
    this.flags = flags;
    this.own = own || flags.length > 0;
    this.serviceWorkers = serviceWorkers;
    this.look = null; // {viewport, colorScheme, ...} of pages that are opened from now on, as emulateMedia takes them
    this.errors = [];
    this.pages = [];
  }

  async start() {
    const options = { serviceWorkers: this.serviceWorkers, viewport: { width: 1100, height: 800 } };
    this.context = await (this.own ? this.launch(options) : takeContext(options));
    await this.context.addInitScript(() => {
      globalThis.seenTexts = []; // what stood as "k of n", and what the bar said
      new MutationObserver(() => {
        const text = document.getElementById('progress-text')?.textContent;
        const bar = Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow'));
        const last = globalThis.seenTexts[globalThis.seenTexts.length - 1];
        if (text && (text !== last?.text || bar !== last.bar)) globalThis.seenTexts.push({ text, bar });
      }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
      globalThis.seenJobs = []; // what the page applied
      document.addEventListener('longbox:job', (e) => globalThis.seenJobs.push(structuredClone(e.detail)));
      globalThis.seenEvents = []; // what its stream brought: its own, or the one it shares
      globalThis.EventSource = class extends EventSource {
        constructor(...args) {
          super(...args);
          this.addEventListener('message', (e) => globalThis.seenEvents.push(JSON.parse(e.data)));
        }
      };
      if (globalThis.SharedWorker) globalThis.SharedWorker = class extends SharedWorker {
        constructor(...args) {
          super(...args);
          this.port.addEventListener('message', ({ data }) => data.message && globalThis.seenEvents.push(data.message));
        }
      };
    });
    return this;
  }

  async launch(options) {
    fs.mkdirSync(this.profile, { recursive: true });
    const context = await chromium().launchPersistentContext(this.profile, { ...COMMON, ...options, args: [...ARGS, ...this.flags] });
    this.pid = tree(process.pid).find((p) => p.pid !== process.pid && commandLine(p.pid)[0].includes('chrom')
      && commandLine(p.pid).some((a) => a === `--user-data-dir=${this.profile}`)).pid;
    return context;
  }

  async open(url) {
    const page = await this.context.newPage();
    if (this.look) {
      const { viewport, ...media } = this.look;
      await page.setViewportSize(viewport);
      await page.emulateMedia(media);
    }
    page.on('console', (m) => {
      if (m.type() === 'error' && !(this.expectCuts && NETWORK.test(m.text()))) {
        this.errors.push(`console: ${m.text()} (${m.location().url})`);
      }
    });
    page.on('pageerror', (e) => this.errors.push(`thrown: ${e.stack || e}`));
    this.pages.push(page);
    await page.goto(url, { waitUntil: 'domcontentloaded' });
    return page;
  }

  // As a power switch would; the profile stays.
  async kill() {
    const all = tree(this.pid);
    for (const p of all) signal(p.pid, 'SIGKILL');
    await until('the browser to be gone', 10, () => all.every((p) => !isAlive(p.pid)));
    await this.context.close().catch(() => {}); // it is gone already
    this.pages = [];
    for (const name of ['SingletonLock', 'SingletonSocket', 'SingletonCookie']) {
      fs.rmSync(path.join(this.profile, name), { force: true });
    }
  }

  async close() {
    await this.context.close().catch(() => {}); // may have been killed
    if (!this.own) giveContext();
    else if (isAlive(this.pid)) for (const p of tree(this.pid)) signal(p.pid, 'SIGKILL');
  }
}

// What the page shows now.
export function look(page) {
  return page.evaluate(() => {
    const text = (id) => (document.getElementById(id) || {}).innerText;
    const dialog = document.getElementById('progress-dialog');
    const d = document.body?.dataset ?? {};
    return {
      dialog: Boolean(dialog && dialog.getClientRects().length > 0),
      text: text('progress-text'), summary: text('summary'), quality: d.quality,
      jobId: d.jobId, status: d.jobStatus, processed: Number(d.processed), total: Number(d.total), version: Number(d.version),
    };
  });
}

// How many files the list has. Of a long one only the rows near the screen are there.
export function listed(page) {
  return page.evaluate(() => Number(document.getElementById('file-table')?.getAttribute('aria-rowcount') ?? 1) - 1);
}

// Waits until the page shows what is asked for; the reload of a page is waited out.
export function untilPage(what, page, seconds, test) {
  let last;
  return until(what, seconds, async () => {
    try {
      last = await look(page);
    } catch (e) {
      if (!/navigat|destroyed|context/.test(e.message)) throw e;
      return null;
    }
    return test(last) ? last : null;
  }, 100).catch((e) => { throw new Error(`${e.message}; the page shows ${JSON.stringify(last)}`); });
}

export const untilFocused = (page, selector) => until(`the focus to be at ${selector}`, 10,
  () => page.evaluate((wanted) => document.activeElement?.matches(wanted), selector));

// The page hears of every job from now on, also of one that ends at once.
export const untilLive = (page) => untilPage('the page to be live', page, 20, (v) => v.quality === 'live');

export const untilEnded = (page, seconds, status = 'completed') => untilPage(`the page to show "${status}" with a summary`,
  page, seconds, (v) => v.status === status && v.summary);

// The states of a job the page applied since it was loaded, with what must hold for them.
export async function appliedJobs(page, jobId) {
  const jobs = (await page.evaluate(() => globalThis.seenJobs)).filter((j) => j.job_id === jobId);
  for (let i = 1; i < jobs.length; i++) {
    assert.ok(jobs[i].version >= jobs[i - 1].version, `version ${jobs[i].version} after ${jobs[i - 1].version}`);
    assert.ok(jobs[i].processed >= jobs[i - 1].processed, 'progress never goes backwards');
  }
  return jobs;
}

// Every k of n for which the page's own stream brought an event of the job.
export async function streamedSteps(page, jobId) {
  const events = await page.evaluate(() => globalThis.seenEvents);
  return [...new Set(events.filter((e) => e.type === 'job_updated' && e.data.job_id === jobId).map((e) => e.data.progress.processed))];
}

// A test with a server and a browser; the body gets (server, browser, t).
export function pageTest(name, options, body) {
  serverTest(name, { seconds: 150, ...options }, async (server, t) => {
    const browser = new Browser(server.dir, options);
    await browser.start();
    try {
      await body(server, browser, t);
      assert.deepEqual(browser.errors, [], 'errors of the page');
    } catch (e) {
      for (const page of browser.pages) {
        const shown = await look(page).catch((x) => x.message);
        console.error(`--- ${page.url()} shows ${JSON.stringify(shown)}; errors: ${JSON.stringify(browser.errors)}`);
      }
      throw e;
    } finally {
      await browser.close();
    }
  });
}
