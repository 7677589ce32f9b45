/*
 * announce.js - what a screen reader is told of a running job, and how often. Pure.
 *
 * The bar changes many times a second; it is spoken after each further 10 %, but not twice within 3 s, and
 * after 15 s when anything changed. Beginning and end are always spoken.
 */
const STEP_PERCENT = 10;
const SOONEST_MS = 3000;
const LATEST_MS = 15000;

export const firstAnnouncement = () => ({ id: null, status: null, percent: -1, processed: -1, at_ms: 0 });

/* Whether `job` is to be spoken now; `last` is what this returned as `next` before. */
export function announcement(last, job, isEnded, now_ms) {
  const next = { id: job.job_id, status: job.status, percent: job.percent, processed: job.processed, at_ms: now_ms };
  if (last.id !== job.job_id) return { speak: true, next };
  if (isEnded) return last.status === job.status ? { speak: false, next: last } : { speak: true, next };
  const waited_ms = now_ms - last.at_ms;
  const moved = job.processed !== last.processed;
  const far = job.percent - last.percent >= STEP_PERCENT && waited_ms >= SOONEST_MS;
  return moved && (far || waited_ms >= LATEST_MS) ? { speak: true, next } : { speak: false, next: last };
}
