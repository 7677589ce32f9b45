// kill -9 at random moments while jobs run over a library: of workers, of the front end, of the master, of everything.
import assert from 'node:assert/strict';
import test from 'node:test';
import { libraryDifferences, libraryHashes, makeBooks } from '../lib/books.js';
import { isEnded } from '../lib/jobs.js';
import { isAlive, signal, tree } from '../lib/processes.js';
import { sleep, until } from '../lib/until.js';
import { LONG, Patient, checkState } from './patient.js';
import { random } from './random.js';

const SEED = LONG ? Number(process.env.LB_SEED || Date.now() % 1e9) : 4711;
const WANTED = LONG ? { worker: 500, h2o: 50, master: 50, everything: 50 } : { worker: 60, h2o: 8, master: 8, everything: 8 };
const BOOKS = 60;
const FORMATS = ['{series} #{issue}', '{series} - Chapter {issue}', '{series} No. {issue_no_pad}'];

// Kills one thing. False when it was not there at this moment.
async function killOne(p, what, rnd) {
  if (what === 'everything') {
    await p.s.kill();
    await until('the end of the master', 10, () => p.gone);
    return true;
  }
  const all = tree(p.s.pid);
  if (what === 'master') {
    signal(p.s.pid, 'SIGKILL');
    await until('what it started to end', 15, () => all.every((x) => !isAlive(x.pid)));
    return true;
  }
  const victims = all.filter((x) => x.name === (what === 'worker' ? 'longbox-worker' : 'h2o'));
  if (!victims.length) return false;
  signal(rnd.pick(victims).pid, 'SIGKILL');
  return true;
}

// Jobs over all books and over nothing, side by side. Gives {id: success_items it must have}.
async function startJobs(p, round) {
  const expected = new Map();
  await p.call('POST', '/api/settings/filename-format', { format: FORMATS[round % FORMATS.length] });
  expected.set(await p.start(`books-${round}`, `/api/jobs/${round === 0 ? 'process-all' : 'rename-all'}`, {}), BOOKS);
  for (const [n, ms] of [[150, 15], [300, 2]]) expected.set(await p.noop(`noop-${round}-${n}`, n, ms), n);
  return expected;
}

async function killWhileRunning(p, left, kills, expected, rnd) {
  const open = new Set(expected.keys());
  while (open.size) {
    await sleep(rnd.below(120));
    const wanted = Object.keys(left).filter((k) => left[k] > 0);
    if (wanted.length) {
      // By their share of what is left, so that all kinds are spread over the whole run.
      const total = wanted.reduce((n, k) => n + left[k], 0);
      let at = rnd.below(total);
      const what = wanted.find((k) => (at -= left[k]) < 0);
      await p.up();
      if (await killOne(p, what, rnd)) {
        left[what]--;
        kills[what]++;
      }
    }
    for (const id of open) if (isEnded((await p.job(id)).status)) open.delete(id);
  }
}

test('kill -9 of anything at random moments of jobs over a library', async (t) => {
  const rnd = random(SEED);
  const p = new Patient({ books: (dir) => makeBooks(dir, BOOKS), set: { max_attempts: 100, workers: 2, threads: 3 } });
  const before = libraryHashes(p.s.library);
  const left = { ...WANTED };
  const kills = { worker: 0, h2o: 0, master: 0, everything: 0 };
  try {
    let rounds = 0;
    for (; Object.values(left).some((n) => n > 0); rounds++) {
      const expected = await startJobs(p, rounds);
      await killWhileRunning(p, left, kills, expected, rnd);
      for (const [id, n] of expected) {
        const job = await p.job(id);
        assert.deepEqual([job.status, job.success_items, job.error_items], ['completed', n, 0]);
      }
      let found;
      await until('the state to be whole', 20, async () => {
        await p.up();
        found = await checkState(p.s.state, p.s.library);
        return !found.problems.length;
      }, 300).catch((e) => { throw new Error(`${found.problems.join('\n')}\n${e.message}`); });
      assert.equal(found.history[rounds === 0 ? 'process' : 'rename'], rounds === 0 ? BOOKS : BOOKS * rounds);
      assert.deepEqual(libraryDifferences(before, libraryHashes(p.s.library)), []);
      p.s.checkLog();
      p.s.output = p.s.output.slice(-200000);
    }
    t.diagnostic(`note: seed ${SEED}: killed ${kills.worker} workers, ${kills.h2o} front ends, ${kills.master} masters, ${kills.everything} times everything, in ${rounds} rounds`);
  } catch (e) {
    console.error(`--- seed ${SEED}, killed ${JSON.stringify(kills)}; log of the server\n${p.s.log().slice(-30000)}--- end of the log`);
    throw e;
  } finally {
    await p.end();
  }
});
