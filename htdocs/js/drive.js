/*
 * drive.js - drives a batch: asks for one item after the other to be run, until none is left.
 *
 * Repeating a call is safe whatever became of the one before: an item whose answer was lost has been run and
 * counted, and the next call runs the next one.
 *
 * createDriver({api, path, clock, random, may, answered, ended, changed})
 *   path          of the batch: api/batch-jobs/<id>
 *   may()         whether this tab is to go on; asked before each call
 *   answered(answer)  each answer of process-next
 *   look()        the answer makes it worth reading what the batch is now: it ended, is gone, paused, or the
 *                 server drives it
 *   changed(state)    idle; running: an item runs; waiting: the last items run elsewhere, or the item takes
 *                     longer than an answer may; away: the server cannot be reached or asked to come later
 */
const POLITE_MS = 1000; /* first step of waiting for others */
const POLITE_MAX_MS = 5000;
const AWAY_MS = 1000;
const AWAY_MAX_MS = 15000;
const NAMED_MAX_MS = 60000;
const FINAL = new Set(['job_completed', 'job_cancelled']);

export function createDriver({ api, path, clock, random = Math.random, may, answered, look, changed }) {
  let going = false;
  let state = 'idle';
  let wakeUp = null;

  function say(next) {
    if (next === state) return;
    state = next;
    changed(state);
  }

  /* Waits, or until poke(); a time that the server named is not cut short. */
  function pause({ ms, named }) {
    return new Promise((done) => {
      const timer = clock.setTimeout(done, ms);
      if (named) return;
      wakeUp = () => {
        clock.clearTimeout(timer);
        done();
      };
    }).finally(() => (wakeUp = null));
  }

  const step = (first, most, n) => Math.min(most, first * 2 ** Math.min(n, 10)) * (0.75 + random() / 4);

  const polite = (tries) => ({ ms: step(POLITE_MS, POLITE_MAX_MS, tries.polite++) });

  /* What a call that failed means for the next one. */
  function afterFailure(error, tries) {
    if (error.kind === 'refused') {
      look();
      return error.status === 404 ? null : polite(tries);
    }
    say('away');
    if (error.retryAfter_s !== null) return { ms: Math.min(error.retryAfter_s * 1000, NAMED_MAX_MS), named: true };
    return { ms: step(AWAY_MS, AWAY_MAX_MS, tries.away++) };
  }

  /* One call. Gives the wait before the next one, {ms, named}, or null when there is none. */
  async function once(tries) {
    let answer;
    try {
      answer = await api.post(`${path}/process-next`);
    } catch (error) {
      return afterFailure(error, tries);
    }
    tries.away = 0;
    answered(answer);
    if (FINAL.has(answer.status)) {
      look();
      return null;
    }
    if (answer.status === 'processed') {
      tries.polite = 0;
      say('running');
      return { ms: 0 };
    }
    say('waiting');
    if (answer.status !== 'processing') return polite(tries);
    await untilDone(answer.itemId);
    return { ms: 0 };
  }

  /* Answered before the item was done: one at a time all the same. */
  async function untilDone(itemId) {
    for (const tries = { polite: 0 }; may(); ) {
      await pause(polite(tries));
      const item = await api.get(`${path}/items/${encodeURIComponent(itemId)}`).catch(() => null);
      if (item && item.status !== 'processing') return;
    }
  }

  async function run() {
    const tries = { away: 0, polite: 0 };
    say('running');
    while (may()) {
      const wait = await once(tries);
      if (wait === null) break;
      if (wait.ms > 0) await pause(wait);
    }
    going = false;
    say('idle');
  }

  return {
    /* Begins when it may and does not drive already. */
    go() {
      if (going || !may()) return;
      going = true;
      void run();
    },
    /* Something has changed that makes waiting longer pointless: the batch moved, the network is back. */
    poke: () => wakeUp && wakeUp(),
    state: () => state,
  };
}
