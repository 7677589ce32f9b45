// An event stream as it comes over the wire: every chunk of the chunked encoding apart, every frame with its id, data,
// retry and comments. Works on any connected socket: to the front end, to a worker, to a proxy.
import net from 'node:net';
import { eventMisfit } from './contract.js';
import { within } from './until.js';

export function connectUrl(url) {
  const u = new URL(url);
  return new Promise((done, fail) => {
    const socket = net.connect(Number(u.port), u.hostname);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      done(socket);
    });
  });
}

// Cuts a byte stream into the chunks of HTTP/1.1; calls back with each whole chunk, with null at the last one.
class ChunkReader {
  constructor(onChunk) {
    this.rest = Buffer.alloc(0);
    this.onChunk = onChunk;
  }

  push(bytes) {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      const eol = this.rest.indexOf('\r\n');
      if (eol < 0) return;
      const size = parseInt(this.rest.subarray(0, eol).toString('latin1'), 16);
      if (Number.isNaN(size)) throw new Error(`not a chunk size: ${this.rest.subarray(0, eol)}`);
      if (this.rest.length < eol + 2 + size + 2) return;
      const chunk = this.rest.subarray(eol + 2, eol + 2 + size);
      this.rest = this.rest.subarray(eol + 2 + size + 2);
      this.onChunk(size === 0 ? null : chunk);
      if (size === 0) return;
    }
  }
}

export function parseFrame(text) {
  const frame = { raw: text, comments: [], dataLines: [] };
  for (const line of text.split('\n')) {
    if (line.startsWith(':')) frame.comments.push(line.slice(1).trim());
    else if (line.startsWith('id:')) frame.id = line.slice(3).trim();
    else if (line.startsWith('retry:')) frame.retry = Number(line.slice(6));
    else if (line.startsWith('event:')) frame.event = line.slice(6).trim();
    else if (line.startsWith('data:')) frame.dataLines.push(line.slice(5).replace(/^ /, ''));
    else frame.odd = line;
  }
  if (frame.dataLines.length) frame.message = JSON.parse(frame.dataLines.join('\n'));
  return frame;
}

export class Stream {
  constructor(socket) {
    this.socket = socket;
    this.chunks = []; // text of each chunk
    this.frames = []; // every frame, comments too
    this.events = []; // frames with data
    this.ended = false;
    this.head = Buffer.alloc(0);
    this.text = '';
    this.watchers = new Set();
    this.chunkReader = new ChunkReader((chunk) => this.takeChunk(chunk));
    socket.on('data', (bytes) => this.takeBytes(bytes));
    socket.on('error', () => this.finish());
    socket.on('close', () => this.finish());
    socket.on('end', () => this.finish());
  }

  takeBytes(bytes) {
    if (this.status !== undefined) return this.feed(bytes);
    this.head = Buffer.concat([this.head, bytes]);
    const at = this.head.indexOf('\r\n\r\n');
    if (at < 0) return undefined;
    const [first, ...lines] = this.head.subarray(0, at).toString('latin1').split('\r\n');
    this.headers = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      this.headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    this.status = Number(first.split(' ')[1]);
    this.worker = this.headers['x-longbox-worker'] === undefined ? undefined : Number(this.headers['x-longbox-worker']);
    this.feed(this.head.subarray(at + 4));
    return this.wake();
  }

  feed(bytes) {
    if (this.headers['transfer-encoding'] === 'chunked') this.chunkReader.push(bytes);
    else if (bytes.length) this.takeChunk(bytes);
  }

  takeChunk(chunk) {
    if (chunk === null) return this.finish();
    const text = chunk.toString();
    this.chunks.push(text);
    this.text += text;
    for (let at = this.text.indexOf('\n\n'); at >= 0; at = this.text.indexOf('\n\n')) {
      const frame = parseFrame(this.text.slice(0, at));
      frame.at = Date.now();
      this.text = this.text.slice(at + 2);
      this.frames.push(frame);
      if (frame.message) this.takeEvent(frame);
    }
    return this.wake();
  }

  // The old streams have messages without a type.
  takeEvent(frame) {
    const wrong = frame.message.type === undefined ? '' : eventMisfit(frame.message);
    if (wrong) throw new Error(`docs/openapi.yaml: an event does not fit: ${wrong}\n${frame.raw.slice(0, 1000)}`);
    this.events.push(frame);
  }

  finish() {
    this.ended = true;
    this.wake();
  }

  wake() {
    for (const w of this.watchers) w();
  }

  // Waits until test(this) gives something true and returns it.
  wait(what, seconds, test) {
    const described = () => `${what} (stream has status ${this.status}, ${this.frames.length} frames, `
      + `${this.events.length} events${this.ended ? ', and has ended' : ''})`;
    let look;
    const hit = new Promise((done, fail) => {
      look = () => {
        const got = test(this);
        if (got) done(got);
        else if (this.ended) fail(new Error(`the stream ended before ${described()}`));
      };
    });
    this.watchers.add(look);
    look();
    return within(what, seconds, hit).catch((e) => {
      throw new Error(`${e.message}: ${described()}`);
    }).finally(() => this.watchers.delete(look));
  }

  // The job_updated messages of one job, in order.
  jobEvents(jobId) {
    return this.events.map((f) => f.message).filter((m) => m.type === 'job_updated' && m.data.job_id === jobId).map((m) => m.data);
  }

  waitJob(jobId, seconds, test = (job) => isEnded(job.status)) {
    return this.wait(`an event of job ${jobId}`, seconds, () => this.jobEvents(jobId).find(test));
  }

  destroy() {
    this.socket.destroy();
  }
}

export const isEnded = (status) => ['completed', 'failed', 'cancelled'].includes(status);

// Asks for the stream on a connected socket and waits for the head of the answer. A `body` makes it a POST of JSON.
export async function openStream(socket, { path = '/api/events/stream', method = 'GET', body, headers = {}, lastEventId, host = 'localhost' } = {}) {
  const stream = new Stream(socket);
  const text = body === undefined ? '' : JSON.stringify(body);
  const all = { Host: host, Accept: 'text/event-stream', ...headers };
  if (lastEventId !== undefined) all['Last-Event-ID'] = lastEventId;
  if (text) all['Content-Type'] = 'application/json';
  if (text || method !== 'GET') all['Content-Length'] = Buffer.byteLength(text);
  socket.write(`${method} ${path} HTTP/1.1\r\n${Object.entries(all).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${text}`);
  await stream.wait('the head of the answer', 20, (s) => s.status !== undefined);
  return stream;
}
