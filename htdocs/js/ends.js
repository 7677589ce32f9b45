/*
 * ends.js - makes the end of a job noticed by who is elsewhere: toast, tone, notification, badge, favicon.
 *
 * Of a job that was started or watched in this browser, or of all of them by choice. Every tab has its toast and its
 * favicon; of all tabs of a browser one alone sounds and notifies: the one that is being looked at, else the one whose
 * name stands in storage when all have had the time to write theirs.
 *
 * createEnds({memory, clock, document, tab, state, signs, toast, look, live})
 *   state()    of state.js
 *   signs      of signs.js
 *   toast(job) says it in the page
 * In memory: `notices` {notify, tone, all}, `watched` [ids], `noticed.<id>` {tab}
 */
import * as S from './state.js';

const KEPT_MAX = 50; /* ids that are remembered */
const SETTLE_MS = 250;
const WAIT_MS = { attended: 0, visible: 150, hidden: 400 };

export const noticesOf = (memory) => ({ notify: false, tone: false, all: false, ...memory.get('notices') });

const idsOf = (memory, key) => (Array.isArray(memory.get(key)) ? memory.get(key) : []);

/* Puts an id into a list in memory; gives those that fall out of it. */
function keepId(memory, key, id) {
  const ids = idsOf(memory, key);
  if (ids.includes(id)) return [];
  const next = [...ids, id];
  memory.set(key, next.slice(-KEPT_MAX));
  return next.slice(0, -KEPT_MAX);
}

export function createEnds({ memory, clock, document, tab, state, signs, toast }) {
  let unseen = 0;
  const isHidden = () => document.visibilityState === 'hidden';
  const attention = () => (isHidden() ? 'hidden' : document.hasFocus() ? 'attended' : 'visible');
  const wait = (ms) => new Promise((done) => clock.setTimeout(done, ms));
  const isWatched = (id) => idsOf(memory, 'watched').includes(id);

  /* Whether this tab is the one that tells. Without storage each is; the notification's tag then makes one of them. */
  async function claim(id) {
    const key = `noticed.${id}`;
    await wait(WAIT_MS[attention()]);
    if (memory.get(key)) return false;
    memory.set(key, { tab });
    for (const old of keepId(memory, 'noticed', id)) memory.remove(`noticed.${old}`);
    await wait(SETTLE_MS);
    const claimed = memory.get(key);
    return !claimed || claimed.tab === tab;
  }

  async function tell(job) {
    const shown = state().open && state().followed === job.job_id;
    if (!shown) toast(job);
    if (!(await claim(job.job_id))) return;
    const { notify, tone } = noticesOf(memory);
    if (tone) signs.tone(job);
    if (attention() === 'attended') return;
    if (notify) signs.notify(job);
    if (isHidden()) signs.badge((unseen += 1));
  }

  /* The favicon: how far the followed job is, and after an end that nobody saw, how it went, until somebody comes. */
  let endedHidden = null;
  let ran = null;
  function paint() {
    const job = S.followedJob(state());
    if (!isHidden()) endedHidden = null;
    if (job && S.ended(job) && ran === job.job_id && isHidden()) endedHidden = job.job_id;
    ran = job && !S.ended(job) ? job.job_id : null;
    if (job && !S.ended(job)) signs.ring(job.percent);
    else signs.outcome(job && endedHidden === job.job_id ? job : null);
  }

  document.addEventListener('visibilitychange', () => {
    if (!isHidden() && unseen > 0) signs.badge((unseen = 0));
    paint();
  });

  return {
    /* A message about a job was taken; `before` is what was known of it. */
    job(job, before) {
      if (job.dry_run || job.single) return; /* who asked for it is told by the answer */
      const followed = state().followed === job.job_id;
      if (followed && (state().pinned || !isHidden())) keepId(memory, 'watched', job.job_id);
      const isEnd = S.ended(job) && before && !S.ended(before);
      if (isEnd && (isWatched(job.job_id) || noticesOf(memory).all)) void tell(job);
    },
    paint,
  };
}
