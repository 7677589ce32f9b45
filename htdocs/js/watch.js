/*
 * watch.js - the watchdog: asks the server when the stream does not speak.
 *
 * Stream open:  after `watchdog_timeout_ms` without news of a followed job, and after `silence_ms` without any
 *               message at all, one question is asked. News in the answer that the stream does not bring
 *               within 2 s means that the stream is dead behind an open connection.
 * Stream lost:  questions from 2 s on, each fruitless one doubling the step up to the watchdog time, or up to
 *               4 times that while the server cannot be reached. News sets the step back to 2 s, so a job
 *               that moves is followed closely without any stream.
 * Hidden page:  never more often than `watchdog_check_ms`.
 *
 * createWatch({clock, config, following, ask, onDead})
 *   clock      {now, setTimeout, clearTimeout}, ms
 *   config()   {watchdog_timeout_ms, watchdog_check_ms, silence_ms}
 *   following() whether a running job is followed
 *   ask()      promise of {news, failed}; never rejects
 *   onDead(news)   the stream is to be replaced; `news`: it has hidden some
 */
const FIRST_STEP_MS = 2000;
const GRACE_MS = 2000;

export function createWatch({ clock, config, following, ask, onDead }) {
  let up = false;
  let hidden = false;
  let asking = false;
  let stopped = true;
  let timer = null;
  let newsAt = clock.now(); /* last news of the followed job, or last question about it */
  let heardAt = clock.now(); /* last stream message, or last question */
  let askedAt = clock.now();
  let step = FIRST_STEP_MS;
  let away = false; /* the last question found no server */
  let streamMessages = 0;

  const longest = () => config().watchdog_timeout_ms * (away ? 4 : 1);

  /* When the next question is due. */
  function due() {
    const { watchdog_timeout_ms, watchdog_check_ms, silence_ms } = config();
    if (!up) return askedAt + Math.max(Math.min(step, longest()), hidden ? watchdog_check_ms : 0);
    const silent = heardAt + silence_ms;
    return following() ? Math.min(silent, newsAt + watchdog_timeout_ms) : silent;
  }

  /* A wall clock that was set back must not put the next question into the far future. */
  function mendClock() {
    const now = clock.now();
    newsAt = Math.min(newsAt, now);
    heardAt = Math.min(heardAt, now);
    askedAt = Math.min(askedAt, now);
    return now;
  }

  function arm() {
    clock.clearTimeout(timer);
    timer = null;
    if (stopped || asking) return;
    const wait = Math.max(10, due() - mendClock());
    timer = clock.setTimeout(tick, Math.min(wait, config().watchdog_check_ms));
  }

  function tick() {
    if (mendClock() < due()) arm();
    else void question();
  }

  async function question() {
    asking = true;
    const wasUp = up;
    const before = streamMessages;
    const answer = await ask();
    asking = false;
    const now = clock.now();
    askedAt = now;
    heardAt = now;
    newsAt = now;
    away = answer.failed;
    step = answer.news ? FIRST_STEP_MS : Math.min(step * 2, longest());
    if (wasUp && up && (answer.news || answer.failed))
      clock.setTimeout(() => {
        if (up && !stopped && streamMessages === before) onDead(answer.news);
      }, GRACE_MS);
    arm();
  }

  return {
    start() {
      stopped = false;
      arm();
    },
    stop() {
      stopped = true;
      clock.clearTimeout(timer);
    },
    /* A message came over the stream; `news` when it told something new of the followed job. */
    heard(news) {
      streamMessages += 1;
      heardAt = clock.now();
      if (news) newsAt = heardAt;
      arm();
    },
    /* The stream opened or was lost. */
    stream(open) {
      if (open === up) return;
      up = open;
      step = FIRST_STEP_MS;
      askedAt = clock.now();
      heardAt = askedAt;
      newsAt = askedAt;
      arm();
    },
    hidden(value) {
      hidden = value;
      arm();
    },
    /* Something happened that makes an answer likely to have changed (back online, job started). */
    soon() {
      step = FIRST_STEP_MS;
      if (!asking) askedAt = Math.min(askedAt, clock.now());
      arm();
    },
  };
}
