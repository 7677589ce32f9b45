// JSON calls with status and headers; every answer is checked against docs/openapi.yaml. A client goes through the front end, or holds one connection to one worker.
import http from 'node:http';
import { checkAnswer } from './contract.js';

const LIMIT_MS = 30000;

// One exchange. `target` is {host, port} or {} when the agent makes its own connections.
export function exchange(target, agent, { method = 'GET', path, headers = {}, body, limitMs = LIMIT_MS }) {
  return new Promise((done, fail) => {
    const req = http.request({ ...target, agent, method, path, headers }, (res) => {
      const parts = [];
      res.on('data', (part) => parts.push(part));
      res.on('error', fail);
      res.on('end', () => {
        try {
          const got = answer(res, Buffer.concat(parts));
          checkAnswer(method, path, got);
          done(got);
        } catch (e) {
          fail(e);
        }
      });
    });
    req.setTimeout(limitMs, () => req.destroy(new Error(`${method} ${path}: no answer in ${limitMs} ms`)));
    req.on('error', (e) => fail(new Error(`${method} ${path.slice(0, 200)}: ${e.message}`, { cause: e })));
    req.end(body);
  });
}

function answer(res, bytes) {
  const text = bytes.toString();
  let json;
  if ((res.headers['content-type'] || '').startsWith('application/json')) json = JSON.parse(text);
  const slot = res.headers['x-longbox-worker'];
  return { status: res.statusCode, headers: res.headers, text, json, worker: slot === undefined ? undefined : Number(slot) };
}

export class Client {
  constructor(target, agent) {
    this.target = target;
    this.agent = agent;
  }

  // The call as it is; `body` is bytes or text, sent as given.
  raw(options) {
    const headers = { host: this.target.host ? `${this.target.host}:${this.target.port}` : 'localhost', ...options.headers };
    if (options.body !== undefined && headers['transfer-encoding'] === undefined) {
      headers['content-length'] = Buffer.byteLength(options.body);
    }
    return exchange(this.target, this.agent, { ...options, headers });
  }

  call(method, path, value, headers = {}) {
    if (value === undefined) return this.raw({ method, path, headers });
    return this.raw({ method, path, body: JSON.stringify(value), headers: { 'content-type': 'application/json', ...headers } });
  }

  get(path, headers) { return this.call('GET', path, undefined, headers); }
  post(path, value, headers) { return this.call('POST', path, value, headers); }
  del(path) { return this.call('DELETE', path); }

  close() { this.agent.destroy(); }
}

export function clientFor(url) {
  const u = new URL(url);
  return new Client({ host: u.hostname, port: Number(u.port) }, new http.Agent({ keepAlive: true }));
}
