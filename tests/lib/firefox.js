// Firefox, spoken to by itself over WebDriver BiDi; tabs have the interface of tests/lib/plain_browser.js. It comes from
// Debian (make soak installs it); tests that want it are skipped where it is not.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { isAlive, signal, tree } from './processes.js';
import { until, within } from './until.js';

const EXECUTABLE = process.env.FIREFOX || '/usr/bin/firefox-esr';
const START_S = 60;
const ANSWER_S = 120;

export const hasFirefox = fs.existsSync(EXECUTABLE);

// The client's side of RFC 6455, as far as one local peer that sends text needs it: no fragments, no compression.
class Socket {
  constructor(stream, onText) {
    Object.assign(this, { stream, onText, rest: Buffer.alloc(0) });
    stream.on('data', (bytes) => this.read(bytes));
    stream.on('error', () => {}); // who waits for an answer says so
  }

  static open(url, onText) {
    return new Promise((done, fail) => {
      const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': 13, 'sec-websocket-key': crypto.randomBytes(16).toString('base64') };
      http.get(url.replace(/^ws:/, 'http:'), { headers }, (answer) => fail(new Error(`${url} answers ${answer.statusCode}`)))
        .on('upgrade', (answer, stream) => done(new Socket(stream, onText))).on('error', fail);
    });
  }

  read(bytes) {
    this.rest = Buffer.concat([this.rest, bytes]);
    while (this.rest.length >= 2) {
      const short = this.rest[1] & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.rest.length < head) return;
      const size = short < 126 ? short : short === 126 ? this.rest.readUInt16BE(2) : Number(this.rest.readBigUInt64BE(2));
      if (this.rest.length < head + size) return;
      const text = this.rest.subarray(head, head + size).toString();
      const isText = (this.rest[0] & 15) === 1;
      this.rest = this.rest.subarray(head + size);
      if (isText) this.onText(text);
    }
  }

  send(text) {
    const data = Buffer.from(text);
    const long = data.length < 126 ? 0 : data.length < 65536 ? 2 : 8; // bytes of a length that is not in the second byte
    const head = Buffer.alloc(2 + long);
    head[0] = 0x81; // text, whole
    head[1] = 0x80 | (long === 0 ? data.length : long === 2 ? 126 : 127);
    if (long === 2) head.writeUInt16BE(data.length, 2);
    if (long === 8) head.writeBigUInt64BE(BigInt(data.length), 2);
    const mask = Buffer.from([1, 2, 3, 4]); // any but 0, which Firefox takes for none
    this.stream.write(Buffer.concat([head, mask, data.map((byte, i) => byte ^ mask[i % 4])]));
  }
}

class Tab {
  constructor(browser, context) {
    Object.assign(this, { browser, context });
  }

  send(method, params = {}) { return this.browser.send(`browsingContext.${method}`, { context: this.context, ...params }); }

  async evaluate(work, argument) {
    const expression = `(async () => JSON.stringify(await (${work})(${JSON.stringify(argument) ?? ''})))()`;
    const answer = await this.browser.send('script.evaluate', { expression, target: { context: this.context }, awaitPromise: true });
    if (answer.type !== 'success') throw new Error(answer.exceptionDetails.text);
    return answer.result.value === undefined ? undefined : JSON.parse(answer.result.value);
  }

  goto(url) { return this.send('navigate', { url, wait: 'interactive' }); }

  back() { return this.send('traverseHistory', { delta: -1 }); }

  show() { return this.send('activate'); }

  close() { return this.send('close'); }
}

export class Firefox {
  // script: the text of a script that runs in each page before its own.
  constructor(dir, { script } = {}) {
    this.dir = path.join(dir, 'firefox');
    this.script = script;
    this.waiting = new Map();
    this.n = 0;
    this.output = '';
  }

  async start() {
    fs.mkdirSync(this.dir, { recursive: true });
    this.child = spawn(EXECUTABLE, ['--headless', '--no-remote', '--profile', this.dir, '--remote-debugging-port', '0', 'about:blank'],
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: { ...process.env, HOME: this.dir } });
    this.child.stderr.on('data', (text) => { this.output += text; });
    const url = await until('Firefox to listen', START_S, () => /WebDriver BiDi listening on (ws:\S+)/.exec(this.output)?.[1]);
    this.socket = await Socket.open(`${url}/session`, (text) => {
      const answer = JSON.parse(text);
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    await this.send('session.new', { capabilities: {} });
    if (this.script) await this.send('script.addPreloadScript', { functionDeclaration: `() => { ${this.script} }` });
    return this;
  }

  async send(method, params) {
    const id = ++this.n;
    const answer = new Promise((done) => this.waiting.set(id, done));
    this.socket.send(JSON.stringify({ id, method, params }));
    const { result, error, message } = await within(`Firefox to answer ${method}`, ANSWER_S, answer);
    if (error) throw new Error(`${method}: ${error}: ${message}`);
    return result;
  }

  async open(url) {
    const { context } = await this.send('browsingContext.create', { type: 'tab' });
    const tab = new Tab(this, context);
    await tab.goto(url);
    return tab;
  }

  async close() {
    const all = tree(this.child.pid);
    for (const p of all) signal(p.pid, 'SIGKILL');
    await until('Firefox to be gone', 10, () => all.every((p) => !isAlive(p.pid)));
  }
}
