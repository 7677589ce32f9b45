#!/usr/bin/env node
/*
 * longbox-batch: drives a batch of Longbox, item by item. For Node 18 or newer and for browsers; nothing else is needed.
 *
 *     longbox-batch.mjs URL ID                     a batch that is there
 *     longbox-batch.mjs URL new OPERATION ITEM...  makes one, prints its id, and drives that
 *
 * URL is the server with its base path, as http://localhost:8080 or https://host/comics. Or in a program:
 *
 *     const batch = await makeBatch('http://localhost:8080', 'process', ['Glass Harbor/Glass Harbor #1 (2009).cbz']);
 *     for await (const step of driveBatch(batch)) console.log(step.progress);
 *
 * It may be stopped and started again at any time, and several may drive one batch: each call gets another item. When
 * an answer is lost, the item has run and counts; calling again is safe and runs the next one.
 *
 * Exit status: 0 completed, 1 completed with errors of items, 2 wrong usage or no such batch, 3 cancelled, failed or
 * refused, 4 the server is not reachable, or not again within PATIENCE (60) seconds.
 */
const LATER = new Set([429, 502, 503, 504]);
const ENDED = new Set(['completed', 'failed', 'cancelled']);
const sleep = (s) => new Promise((done) => setTimeout(done, s * 1000));

/* The server said no (`status` is that of HTTP), or gave no answer for as long as there was patience (`status` 0). */
export class BatchError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/* A name for one intended action, also where crypto.randomUUID is missing (browsers on plain HTTP). */
const randomKey = () => Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 10)).join('');

/* One exchange: {status, answer}, or {why, wait_s} when the server is away or asks to come later. */
async function exchange(url, { method, headers = {}, body }) {
  let response;
  let answer;
  try {
    response = await fetch(url, {
      method,
      headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }), ...headers },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(40000),
    });
    answer = JSON.parse(await response.text());
  } catch (error) {
    if (!response || response.ok) return { why: error.cause?.message ?? error.message };
    answer = {};
  }
  if (response.ok) return { status: response.status, answer };
  const why = answer.error ?? `status ${response.status}`;
  if (!LATER.has(response.status)) throw new BatchError(response.status, why);
  const named = Number(response.headers.get('Retry-After') || NaN);
  return { why, wait_s: Number.isFinite(named) ? named : undefined };
}

/* One call, repeated while the server is away or asks to come later. */
async function call({ url, patience_s = 60 }, method, path, more = {}) {
  const end = Date.now() + patience_s * 1000;
  for (let pause_s = 1; ; pause_s = Math.min(pause_s * 2, 5)) {
    const { answer, why, wait_s = pause_s } = await exchange(`${url.replace(/\/$/, '')}/api/batch-jobs${path}`, { method, ...more });
    if (answer) return answer;
    if (Date.now() + wait_s * 1000 > end) throw new BatchError(0, why);
    await sleep(wait_s);
  }
}

/* Makes a batch: {url, id, patience_s}. However often the request has to be sent, there is one: it carries a key. */
export async function makeBatch(url, operation, items, { name = 'From a script', patience_s = 60, ...more } = {}) {
  const body = { name, operation, items, drive: 'client', ...more };
  const made = await call({ url, patience_s }, 'POST', '', { body, headers: { 'Idempotency-Key': randomKey() } });
  return { url, id: made.id, patience_s };
}

/* The batch with its items. */
export const lookAtBatch = (batch) => call(batch, 'GET', `/${encodeURIComponent(batch.id)}`);

/* The item takes longer than an answer may (202): waits until it is done, so that they run one by one. */
async function waitFor(batch, itemId) {
  const item = () => call(batch, 'GET', `/${encodeURIComponent(batch.id)}/items/${encodeURIComponent(itemId)}`);
  for (let pause_s = 1; (await item()).status === 'processing'; pause_s = Math.min(pause_s * 2, 5)) await sleep(pause_s);
}

/* One answer of process-next. While it is refused (paused, or the server drives): the batch as it is. */
async function processNext(batch) {
  try {
    return await call(batch, 'POST', `/${encodeURIComponent(batch.id)}/process-next`);
  } catch (error) {
    if (error.status !== 409) throw error;
    const now = await lookAtBatch(batch);
    return { ...now, status: ENDED.has(now.status) ? `job_${now.status}` : 'refused' };
  }
}

/* Runs item after item. Yields each answer; the last one's `status` is job_completed or job_cancelled. */
export async function* driveBatch(batch) {
  for (let pause_s = 1; ; ) {
    const answer = await processNext(batch);
    if (answer.status !== 'refused') yield answer;
    if (answer.status.startsWith('job_')) return;
    if (answer.status === 'processed') {
      pause_s = 1;
    } else if (answer.itemId) {
      await waitFor(batch, answer.itemId);
    } else {
      await sleep(pause_s); /* no_items: others run the last ones */
      pause_s = Math.min(pause_s * 2, 5);
    }
  }
}

async function main([url, id, operation, ...items]) {
  if (!id || (id === 'new' && items.length === 0)) {
    console.error('usage: longbox-batch.mjs URL ID\n       longbox-batch.mjs URL new OPERATION ITEM...');
    return 2;
  }
  const patience_s = Number(process.env.PATIENCE ?? 60);
  let step;
  try {
    const batch = id === 'new' ? await makeBatch(url, operation, items, { patience_s }) : { url, id, patience_s };
    if (id === 'new') console.log(batch.id);
    for await (step of driveBatch(batch)) console.log(`${step.progress.completed} of ${step.progress.total}`);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    console.error(`longbox-batch: ${error.status ? '' : 'the server is not reachable: '}${error.message}`);
    return error.status === 0 ? 4 : [400, 404].includes(error.status) ? 2 : 3;
  }
  if (step.status !== 'job_completed') {
    console.error(`longbox-batch: the batch ended as ${step.status.slice(4)}`);
    return 3;
  }
  console.log(`completed, ${step.progress.failed} failed`);
  return step.progress.failed ? 1 : 0;
}

/* Run by Node, not imported. */
async function isProgram() {
  if (typeof process === 'undefined' || !process.argv?.[1]) return false;
  const [{ realpathSync }, { pathToFileURL }] = await Promise.all([import('node:fs'), import('node:url')]);
  return import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href;
}

if (await isProgram()) process.exitCode = await main(process.argv.slice(2));
