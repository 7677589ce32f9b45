/*
 * pace.js - rate and time left from what was seen in the last 60 s. Pure.
 *
 * Nothing is said before it can be believed: 10 items or 5 s. A pace is a list of {at_ms, processed}.
 */
const WINDOW_MS = 60000;
const BELIEVE_ITEMS = 10;
const BELIEVE_MS = 5000;

export function paceAdd(pace, at_ms, processed) {
  const last = pace[pace.length - 1];
  if (last && last.processed === processed) return pace;
  const kept = pace.filter((sample) => at_ms - sample.at_ms <= WINDOW_MS);
  /* At most one sample in 250 ms is kept, so that a fast job does not fill memory. */
  const thin = kept.length > 1 && at_ms - kept[kept.length - 2].at_ms < 250 ? kept.slice(0, -1) : kept;
  return [...thin, { at_ms, processed }];
}

/*
 * {perSecond, secondsLeft}, either null when it cannot be believed. `job` is one of state.js; its own `rate`
 * is the server's and serves until this page has seen enough.
 */
export function paceOf(pace, job, now_ms) {
  const none = { perSecond: null, secondsLeft: null };
  if (job.paused || job.cancelling || job.processed < 1) return none;
  const first = pace[0];
  const span_ms = first ? now_ms - first.at_ms : 0;
  const seen = first ? job.processed - first.processed : 0;
  let perSecond = null;
  if (seen > 0 && span_ms > 0 && (span_ms >= BELIEVE_MS || (seen >= BELIEVE_ITEMS && span_ms >= 1000)))
    perSecond = (seen * 1000) / span_ms;
  else if (job.rate > 0 && job.processed >= BELIEVE_ITEMS) perSecond = job.rate;
  if (!perSecond) return none;
  return { perSecond, secondsLeft: Math.max(0, job.total - job.processed) / perSecond };
}
