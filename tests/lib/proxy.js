// A proxy of the test between a browser and the server. It can cut event streams, or everything, answer them with 502 or
// let them stand open and silent, and let them pass again; with `slot` it sends /api to that worker alone, so that a tab talks to a worker of the test's choice.
import http from 'node:http';
import { SlotAgent } from './connect.js';

const isStream = (url) => url.startsWith('/api/events/stream');

export class Proxy {
  constructor(server, { slot, streams = true } = {}) {
    this.target = new URL(server.url);
    this.streams = streams; // do streams pass?
    this.broken = false;    // is a stream answered with 502?
    this.silent = false;    // does nothing come through an open stream?
    this.all = true;        // does anything pass?
    this.requests = [];     // {at, method, url, status, worker}
    this.sockets = new Set();
    this.streamSockets = new Set();
    this.front = new http.Agent({ keepAlive: true });
    this.worker = slot === undefined ? null : new SlotAgent(server.socket, slot, 64);
    this.http = http.createServer((req, res) => this.pass(req, res));
    this.http.keepAliveTimeout = 60000;
    this.http.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      if (!this.all) socket.destroy();
    });
  }

  async start() {
    await new Promise((done) => this.http.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.http.address().port}`;
    return this;
  }

  pass(req, res) {
    const record = { at: Date.now(), method: req.method, url: req.url };
    this.requests.push(record);
    const stream = isStream(req.url);
    if (!this.all || (stream && !this.streams)) return req.socket.destroy();
    if (stream && this.broken) return res.writeHead(502).end();
    const direct = this.worker && req.url.startsWith('/api');
    const out = http.request({
      ...(direct ? {} : { host: this.target.hostname, port: this.target.port }),
      agent: direct ? this.worker : this.front,
      method: req.method, path: req.url, headers: req.headers,
    }, (answer) => {
      record.status = answer.statusCode;
      record.worker = answer.headers['x-longbox-worker'];
      res.writeHead(answer.statusCode, answer.headers);
      res.flushHeaders();
      if (stream) answer.on('data', (bytes) => this.silent || res.write(bytes)).on('end', () => res.end());
      else answer.pipe(res);
      answer.on('error', () => req.socket.destroy());
      answer.on('aborted', () => req.socket.destroy());
    });
    if (stream) this.streamSockets.add(req.socket);
    out.on('error', () => req.socket.destroy());
    res.on('close', () => {
      this.streamSockets.delete(req.socket);
      out.destroy();
    });
    req.pipe(out);
    return undefined;
  }

  // Requests whose path begins so.
  count(prefix, method = 'GET') {
    return this.requests.filter((r) => r.method === method && r.url.startsWith(prefix)).length;
  }

  cutStreams() {
    this.streams = false;
    for (const socket of this.streamSockets) socket.destroy();
  }

  breakStreams() {
    this.broken = true;
    for (const socket of this.streamSockets) socket.destroy();
  }

  restoreStreams() {
    this.streams = true;
    this.broken = false;
  }

  silenceStreams() { this.silent = true; }

  cutAll() {
    this.all = false;
    for (const socket of this.sockets) socket.destroy();
  }

  restoreAll() { this.all = true; }

  close() {
    this.http.close();
    for (const socket of this.sockets) socket.destroy();
    this.front.destroy();
    if (this.worker) this.worker.destroy();
  }
}

export async function startProxy(server, options) {
  const proxy = await new Proxy(server, options).start();
  server.open.push(proxy);
  return proxy;
}
