// One small life of a server: jobs over books, what they changed put back and changed again, a batch that a client drives
// and what follows it, a cancel, a deleted job, a rename with another template, a stop in the middle of a job and the start
// after it. What is left over at its end is the same whatever dies on the way.
import assert from 'node:assert/strict';
import { makeBooks } from '../lib/books.js';
import { until } from '../lib/until.js';
import { Patient, checkState } from './patient.js';

const BOOKS = 12;

export async function scenario({ faults = '', once = '', set = {} } = {}) {
  const p = new Patient({
    books: (dir) => makeBooks(dir, BOOKS, { copiedEvery: 3 }),
    set: { max_attempts: 100, graceful_timeout_s: 5, workers: 2, threads: 2, ...set },
    env: { LB_FAULT: faults, LB_FAULT_ONCE: once },
  });
  try {
    const before = Object.keys((await checkBooksOnly(p)).books).sort();
    const first = await p.noop('noop', 30, 3);
    const process = await p.start('process', '/api/jobs/process-all', {});
    const cancelled = await p.noop('cancelled', 40, 400);
    await p.call('POST', `/api/jobs/${cancelled}/cancel`);
    const deleted = await p.noop('deleted', 40, 100);
    await p.call('DELETE', `/api/jobs/${deleted}`);
    await p.drive('driven', 6);
    await p.ended(first);
    await p.ended(process);
    await p.ended(cancelled);
    const all = (key, operation, options, more) => p.start(key, '/api/jobs', { operation, select: { filter: 'all' }, options, ...more });
    const tag = await all('tag', 'tag', { tags: { Writer: 'A. Bell', Notes: 'new' } });
    await p.ended(tag);
    await p.ended(await all('preview', 'process', {}, { dry_run: true }));
    await p.ended(await all('undo-tag', 'undo', { job: tag }));
    await p.ended(await all('undo-process', 'undo', { job: process }));
    await p.call('POST', '/api/settings/filename-format', { format: '{series} #{issue}' });
    await p.ended(await p.start('rename', '/api/jobs/rename-all', {}));
    const last = await p.noop('last', 30, 20);
    await p.stop();
    await p.ended(last);
    await settle(p);
    const found = await checkState(p.s.state, p.s.library);
    assert.deepEqual(Object.keys(found.books).sort(), before, 'each book is there, its pages bit for bit');
    p.s.checkLog();
    return found;
  } catch (e) {
    console.error(`--- log of the server with LB_FAULT=${faults}\n${p.s.log().slice(-30000)}--- end of the log`);
    throw e;
  } finally {
    await p.end();
  }
}

// The pages as they are before anything runs; there are no databases yet.
async function checkBooksOnly(p) {
  await p.up();
  return checkState(p.s.state, p.s.library);
}

// Copies and lists follow a moment after the job's end.
async function settle(p) {
  let problems;
  await until('nothing to be wrong', 30, async () => {
    await p.up();
    ({ problems } = await checkState(p.s.state, p.s.library));
    return problems.length === 0;
  }, 200).catch((e) => { throw new Error(`${e.message}: ${JSON.stringify(problems)}`, { cause: e }); });
}

// What must be the same with and without kills. Of the cancelled job only that every item ended.
export function outcome(found) {
  const { cancelled, ...jobs } = found.jobs;
  return { jobs, history: found.history, names: Object.values(found.books).flat().sort(), cancelled: [cancelled.status, cancelled.total_items] };
}
