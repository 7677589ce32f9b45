/*
 * state.js - what the page knows about jobs. Pure: every function takes a state and returns a state.
 *
 * A poll answer and a live event are the same message; the higher version wins, in any order. An ended
 * status is final and the percentage never falls. Messages about jobs that nobody asked for are kept too,
 * so an event that overtakes the answer to its own POST is not lost.
 *
 *   jobs      job id -> job, as normalise() makes it, with `percent` and `recent`
 *   followed  id of the job the dialog shows, or null
 *   pinned    the followed job was chosen by this page's user; a newer one does not take its place
 *   starting  {key, title, operation, known, closed} from the click until the answer to its POST, else null; `closed` when
 *             its dialog was closed meanwhile
 *   missing   id of the job that the server said last it does not know, or null
 *   open      the dialog is open (closed: a slim bar)
 *   cancels   ids for which cancel was asked and not yet acknowledged
 *   pending   id -> pause, resume, retry, drive or followUp, from the click until its answer
 */

const ENDED = new Set(['completed', 'failed', 'cancelled']);
const RECENT_MAX = 8;
const JOBS_MAX = 100;

export const initial = () => ({ jobs: {}, followed: null, pinned: false, starting: null, missing: null, open: false, cancels: {}, pending: {} });

export const ended = (job) => !!job && ENDED.has(job.status);
export const followedJob = (state) => (state.followed && state.jobs[state.followed]) || null;

/* The first defined value. */
const pick = (...values) => values.find((value) => value !== undefined && value !== null);
const count = (...values) => Math.max(0, Math.floor(Number(pick(...values)) || 0));

function dropUndefined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/* One shape for both kinds of message; null for what is not a job. `results` and `item` stay in it. */
export function normalise(raw) {
  if (!raw || typeof raw !== 'object' || typeof raw.job_id !== 'string' || typeof raw.status !== 'string') return null;
  const progress = raw.progress && typeof raw.progress === 'object' ? raw.progress : {};
  return dropUndefined({
    job_id: raw.job_id,
    status: raw.status,
    version: Number.isFinite(raw.version) ? raw.version : 0,
    total: count(raw.total_items, progress.total),
    processed: count(raw.processed_items, progress.processed),
    success: count(raw.success_items, progress.success),
    errors: count(raw.error_items, progress.errors),
    cancelled: count(raw.cancelled_items),
    title: raw.title,
    operation: raw.operation,
    error: raw.error,
    cancelling: raw.cancelling,
    paused: raw.paused,
    running: raw.running_items,
    rate: raw.rate,
    parent: raw.parent,
    drive: raw.drive,
    parent_kind: raw.parent_kind,
    follow_up: raw.follow_up,
    follow_ups: raw.follow_ups,
    owner: raw.owner,
    source: raw.source,
    max_threads: raw.max_threads,
    dry_run: raw.dry_run,
    single: raw.single,
    priority: raw.priority,
    created_at: raw.created_at,
    started_at: raw.started_at,
    completed_at: raw.completed_at,
    results: Array.isArray(raw.results) ? raw.results : undefined,
    item: raw.item && typeof raw.item === 'object' ? raw.item : undefined,
  });
}

function percentOf(job) {
  if (job.status === 'completed') return 100;
  return job.total > 0 ? Math.min(100, (job.processed / job.total) * 100) : 0;
}

/*
 * The newest finished items, oldest first, each with the version it came with. Events bring one each and may
 * come in any order; a poll brings the newest few together and stands for everything up to its version.
 */
function mergeRecent(recent, message) {
  let next = recent;
  const floor = recent.reduce((max, entry) => (entry.polled ? Math.max(max, entry.version) : max), -1);
  if (message.results && message.results.length > 0 && message.version > floor) {
    const polled = message.results.slice(-RECENT_MAX).map((item) => ({ ...item, version: message.version, polled: true }));
    next = [...polled, ...recent.filter((entry) => entry.version > message.version)];
  } else if (message.item && message.version > floor && !recent.some((entry) => entry.version === message.version)) {
    next = [...recent, { ...message.item, version: message.version }].sort((a, b) => a.version - b.version);
  }
  return next === recent ? recent : next.slice(-RECENT_MAX);
}

function mergeJob(known, message) {
  const { results, item, ...incoming } = message;
  const recent = mergeRecent(known ? known.recent : [], message);
  if (!known) return { ...incoming, percent: percentOf(incoming), recent };
  const wins = incoming.version > known.version && (!ended(known) || ended(incoming));
  const merged = wins ? { ...known, ...incoming } : { ...incoming, ...known };
  if (wins && ended(known)) merged.status = known.status;
  for (const counter of ['processed', 'success', 'errors']) merged[counter] = Math.max(known[counter], merged[counter]);
  merged.percent = Math.max(known.percent, percentOf(merged));
  merged.recent = recent;
  return merged;
}

const same = (a, b) => !!a && Object.keys(b).every((key) => a[key] === b[key]);

/* Later created; ids are time-ordered UUIDs and decide when a message did not carry the time. */
function newer(a, b) {
  if (!b) return true;
  if (a.created_at && b.created_at && a.created_at !== b.created_at) return a.created_at > b.created_at;
  return a.job_id > b.job_id;
}

/* A preview, or a call over one file, is shown by who asked for it, and by nobody else. */
const isForOne = (job) => !!(job.dry_run || job.single);

/* Whether a running job that was not chosen here becomes the followed one. */
function takesOver(state, job) {
  if (ended(job) || isForOne(job) || state.followed === job.job_id) return false;
  if (state.starting) return !state.followed && !state.starting.known.has(job.job_id) && job.operation === state.starting.operation;
  const current = followedJob(state);
  if (!state.followed) return true;
  if (!current) return false; /* being fetched: it decides for itself */
  if (ended(current)) return !state.open;
  return !state.pinned && newer(job, current);
}

/* Forgets the oldest ended jobs, so that a tab left open for weeks stays small. */
function prune(state) {
  const ids = Object.keys(state.jobs);
  if (ids.length <= JOBS_MAX) return state;
  const old = ids.filter((id) => ended(state.jobs[id]) && id !== state.followed).sort();
  const jobs = { ...state.jobs };
  for (const id of old.slice(0, ids.length - JOBS_MAX)) delete jobs[id];
  return { ...state, jobs };
}

/* Takes one message. Returns the same object when it says nothing new. */
export function apply(state, raw) {
  const message = normalise(raw);
  if (!message) return state;
  const known = state.jobs[message.job_id];
  const job = mergeJob(known, message);
  if (same(known, job) && !takesOver(state, job)) return state;
  let next = prune({ ...state, jobs: { ...state.jobs, [job.job_id]: job } });
  if (state.cancels[job.job_id] && (job.cancelling || ended(job))) next = cancelDone(next, job.job_id);
  if (takesOver(state, job)) next = { ...next, followed: job.job_id, pinned: false, open: true };
  return next;
}

/*
 * Takes what an answer of process-next says of its batch: whole counts and perhaps the end, but no version. It only
 * moves forward, so it may come before or after the events that tell the same.
 */
export function advance(state, id, { status, progress }) {
  const known = state.jobs[id];
  if (!known || ended(known) || !progress) return state;
  const job = {
    ...known,
    status: status === 'job_completed' ? 'completed' : known.status === 'queued' && count(progress.completed) > 0 ? 'processing' : known.status,
    processed: Math.max(known.processed, count(progress.completed)),
    success: Math.max(known.success, count(progress.successful)),
    errors: Math.max(known.errors, count(progress.failed)),
  };
  job.percent = Math.max(known.percent, percentOf(job));
  return same(known, job) ? state : { ...state, jobs: { ...state.jobs, [id]: job } };
}

/* The click: from here on events of the new job are taken, although its id is not known yet. */
export function begin(state, { key, title, operation }) {
  const known = new Set(Object.keys(state.jobs));
  return { ...state, followed: null, pinned: true, open: true, starting: { key, title, operation, known } };
}

/* The POST's answer. Events that overtook it are already in `jobs`. A dialog that was closed meanwhile stays so. */
export function started(state, key, { job_id, total_items, title, operation }) {
  if (!state.starting || state.starting.key !== key) return state;
  const { closed } = state.starting;
  if (closed && ended(state.jobs[job_id])) return { ...state, starting: null };
  const placeholder = { job_id, status: 'queued', version: -1, total_items, title, operation };
  return { ...apply({ ...state, starting: null, followed: job_id }, placeholder), pinned: true, open: !closed };
}

/* The POST failed. A job that was taken for ours meanwhile stays followed. */
export function refused(state, key) {
  if (!state.starting || state.starting.key !== key) return state;
  const next = { ...state, starting: null, open: !!state.followed };
  return next.followed ? next : followNewest(next);
}

/* Follows a job chosen by the user, or remembered from before; its data may come later. */
export const follow = (state, id, pinned = true) => ({ ...state, followed: id, pinned, open: true });

export const reopen = (state) => ({ ...state, open: true });

/* Running jobs that others may follow, but for the followed one, newest first. */
export function others(state) {
  return Object.values(state.jobs)
    .filter((job) => !ended(job) && !isForOne(job) && job.job_id !== state.followed)
    .sort((a, b) => (newer(a, b) ? -1 : 1));
}

function followNewest(state) {
  const [next] = others(state);
  return { ...state, followed: next ? next.job_id : null, pinned: false };
}

/* Closes the dialog: a running job goes on in the slim bar, an ended one is done with. */
export function close(state) {
  const job = followedJob(state);
  const closed = { ...state, open: false, starting: state.starting && { ...state.starting, closed: true } };
  return job && !ended(job) ? closed : followNewest(closed);
}

/* The server does not know this job, or not any more. */
export function forget(state, id) {
  const { [id]: _gone, ...jobs } = state.jobs;
  const next = { ...answered(cancelDone(state, id), id), jobs, missing: id };
  return state.followed === id ? followNewest({ ...next, open: false }) : next;
}

export const cancelAsked = (state, id) => ({ ...state, cancels: { ...state.cancels, [id]: true } });

export function cancelDone(state, id) {
  if (!state.cancels[id]) return state;
  const { [id]: _done, ...cancels } = state.cancels;
  return { ...state, cancels };
}

export const asked = (state, id, what) => ({ ...state, pending: { ...state.pending, [id]: what } });

export function answered(state, id) {
  if (!state.pending[id]) return state;
  const { [id]: _done, ...pending } = state.pending;
  return { ...state, pending };
}

/* Items that a retry would take: those that failed and those that were cancelled. */
export const notDone = (job) => (ended(job) ? Math.max(0, job.total - job.success) : 0);

/* What the server starts over the items that went well, and what was started: [{operation, made}], `made` an id or null. */
export function followUps({ follow_up: named = [], follow_ups: made = [] }) {
  const ids = new Map([...named.map((operation) => [operation, null]), ...made.map((one) => [one.operation, one.job_id])]);
  return [...ids].map(([operation, id]) => ({ operation, made: id }));
}

/* Of the server's operations those that can be run over the items of a job that went well, by a button alone. */
export function offers(job, operations) {
  const taken = new Set(followUps(job).map(({ operation }) => operation));
  const kind = operations.find(({ name }) => name === job.operation)?.accepts;
  const able = operations.filter(({ name, accepts, options }) => accepts === kind && !options?.required?.length && !options?.minProperties && !taken.has(name));
  const others = able.filter(({ name }) => name !== job.operation);
  return others.length > 0 ? others : able;
}

/* Cancel was asked for here or elsewhere, and the job has not ended. */
export const isCancelling = (state, job) => !!job && !ended(job) && (!!state.cancels[job.job_id] || !!job.cancelling);
