// Chromium as users have it: tabs in the background are hidden, their timers are slowed down, and pages go into the page
// cache. Playwright switches all of that off, for each page it sees; so this speaks to the browser by itself.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { isAlive, signal, tree } from './processes.js';
import { serverTest } from './server.js';
import { until, within } from './until.js';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';
const ANSWER_S = 120;

class Tab {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId, notKept: [] });
  }

  // notKept: why the browser did not take the page back from its page cache, as it says it, for each time.
  heard(method, { notRestoredExplanations }) {
    if (method === 'Page.backForwardCacheNotUsed') this.notKept.push(...notRestoredExplanations);
  }

  send(method, params = {}) { return this.browser.send(method, params, this.sessionId); }

  // What a function gives in the page. It is sent as text, so it sees its argument and the page, nothing else.
  async evaluate(work, argument) {
    const expression = `(${work})(${JSON.stringify(argument) ?? ''})`;
    const { result, exceptionDetails: thrown } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (thrown) throw new Error(thrown.exception?.description || thrown.text);
    return result.value;
  }

  async goto(url) {
    await this.send('Page.navigate', { url });
  }

  // One step back in the tab's history, as the button does it.
  async back() {
    const { currentIndex, entries } = await this.send('Page.getNavigationHistory');
    await this.send('Page.navigateToHistoryEntry', { entryId: entries[currentIndex - 1].id });
  }

  show() { return this.browser.send('Target.activateTarget', { targetId: this.targetId }); }

  close() { return this.browser.send('Target.closeTarget', { targetId: this.targetId }); }
}

export class PlainBrowser {
  // flags: more of the command line. script: the text of a script that runs in each page before its own.
  constructor(dir, { flags = [], script } = {}) {
    this.script = script;
    this.waiting = new Map();
    this.tabs = new Map(); // by session
    this.n = 0;
    this.rest = '';
    this.child = spawn(EXECUTABLE, ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--no-first-run',
      '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup', // pages that nobody sees here
      '--window-size=1100,800', `--user-data-dir=${path.join(dir, 'plain')}`, '--remote-debugging-pipe', ...flags, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true });
    this.child.stdio[4].on('data', (bytes) => this.read(bytes));
    this.child.stdio[3].on('error', () => {}); // it was closed
  }

  read(bytes) {
    const parts = (this.rest + bytes.toString('latin1')).split('\0');
    this.rest = parts.pop();
    for (const part of parts) {
      const { id, result, error, method, params, sessionId } = JSON.parse(Buffer.from(part, 'latin1').toString());
      if (method) this.tabs.get(sessionId)?.heard(method, params);
      const settle = this.waiting.get(id);
      this.waiting.delete(id);
      if (settle) settle(error ? { error } : { result });
    }
  }

  async send(method, params = {}, sessionId) {
    const id = ++this.n;
    const answer = new Promise((done) => this.waiting.set(id, done));
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await within(`an answer to ${method}`, ANSWER_S, answer);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async open(url) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, targetId, sessionId);
    this.tabs.set(sessionId, tab);
    await tab.send('Page.enable');
    if (this.script) await tab.send('Page.addScriptToEvaluateOnNewDocument', { source: this.script });
    await tab.goto(url);
    return tab;
  }

  async close() {
    const all = tree(this.child.pid);
    for (const p of all) signal(p.pid, 'SIGKILL');
    await until('the browser to be gone', 10, () => all.every((p) => !isAlive(p.pid)));
    for (const settle of this.waiting.values()) settle({ error: { message: 'the browser was closed' } }); // a crashed tab never answers
  }
}

// A test with a server and such a browser; the body gets (server, browser, t).
export function plainTest(name, options, body) {
  serverTest(name, { seconds: 90, ...options }, async (server, t) => {
    const browser = new PlainBrowser(server.dir, options);
    try {
      await body(server, browser, t);
    } finally {
      await browser.close();
    }
  });
}
