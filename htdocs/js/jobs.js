/*
 * jobs.js - starts, follows, finds again, pauses, cancels and retries jobs. Holds the state of state.js and is the only writer.
 *
 * createJobs({api, memory, changed, notify, only, open})
 *   changed(state, previous, job)  after each change; `job` when a message about it was taken
 *   notify(kind, text, action)     something to tell the user: info, error
 *   only                           a page of one job: its id; nothing is asked or kept of others
 *   held(reason, asked_ms)         what the server holds all jobs for, or null: only an answer about a running job says it;
 *                                  with the time, of performance.now(), at which it was asked for
 *   open(id)                       shows a job that was made from the followed one; without it, it is followed
 *
 * The followed job's id and title are in the state, and in memory, before anything is awaited.
 */
import * as S from './state.js';
import * as texts from './strings.js';
import { ApiError, randomKey } from './api.js';

const ACTIVE = 'api/jobs?status=active&limit=20';
const LOST_MAX = 5;
const RECENT = 8;

export function createJobs({ api, memory, changed, notify, only = null, open = null, held = () => {}, makeKey = randomKey }) {
  let state = S.initial();
  let chosen = false; /* the user has picked a job since the page was loaded */

  function set(next, job = null) {
    if (next === state) return false;
    const previous = state;
    state = next;
    remember(previous);
    changed(state, previous, job);
    return true;
  }

  /* The followed job is remembered until its end was seen and closed. */
  function remember(previous) {
    if (only || (state.followed === previous.followed && state.pinned === previous.pinned)) return;
    if (state.followed) memory.set('job', { id: state.followed, pinned: state.pinned });
    else if (!state.starting) memory.remove('job');
  }

  /* Takes a message. Returns whether it was news: a higher version, not only more about the one we have. */
  function receive(raw) {
    if (only && raw && raw.job_id !== only) return false;
    const next = S.apply(state, raw);
    if (next === state) return false;
    const known = state.jobs[raw.job_id];
    const job = next.jobs[raw.job_id];
    set(next, job);
    return !known || job.version > known.version;
  }

  const jobPath = (id, rest = '') => `api/jobs/${encodeURIComponent(id)}${rest}`;

  /* Reads one job. Returns {news, failed}; a job that is gone is forgotten. */
  async function fetchJob(id, options) {
    const asked_ms = performance.now();
    try {
      const job = await api.get(jobPath(id, `?results=${RECENT}`), options);
      if (!S.ended(job)) held(job.held ?? null, asked_ms);
      return { news: receive(job), failed: false };
    } catch (error) {
      if (error.status !== 404) return { news: false, failed: true };
      return { news: set(S.forget(state, id)), failed: false };
    }
  }

  /* Reads what runs. Jobs that we believed to run and that are not in the list are read one by one. */
  async function fetchActive(options) {
    let list;
    try {
      list = (await api.get(ACTIVE, options)).jobs || [];
    } catch {
      return { news: false, failed: true };
    }
    const before = S.others(state).map((job) => job.job_id);
    let news = false;
    for (const job of list) news = receive(job) || news;
    const listed = new Set(list.map((job) => job.job_id));
    const lost = before.filter((id) => !listed.has(id) && id !== state.followed).slice(0, LOST_MAX);
    for (const answer of await Promise.all(lost.map((id) => fetchJob(id, options)))) news = answer.news || news;
    return { news, failed: false };
  }

  const running = () => !!state.followed && !S.ended(S.followedJob(state));

  /* One question of the watchdog: the followed job, or what runs when none is followed. */
  function ask() {
    return only || running() ? fetchJob(only ?? state.followed, { tries: 1 }) : fetchActive({ tries: 1 });
  }

  let catching = null;
  /* Everything a stream could have told us. One at a time; a second caller gets the same answer. */
  function catchUp() {
    catching ||= (async () => {
      const id = only ?? (running() ? state.followed : null);
      await Promise.all([id && fetchJob(id), !only && fetchActive()]);
      catching = null;
    })();
    return catching;
  }

  /* The POST's answer never came: did the job start? Never sends a second POST by itself. */
  async function findLost(key, title) {
    await fetchActive();
    const found = !!state.followed;
    set(S.refused(state, key));
    if (!found) notify('error', texts.startLost(title));
  }

  /*
   * Starts `operation` on `scope` (all, selected, unmarked). `selected`: what bodyOf() of selection.js gives. Returns
   * whether it started; while one is starting, a second call does nothing (double click).
   */
  async function start(operation, scope, selected) {
    if (state.starting) return false;
    chosen = true;
    const key = makeKey();
    const title = texts.jobTitle(operation, scope);
    set(S.begin(state, { key, title, operation }));
    const path = selected?.select ? 'api/jobs' : `api/jobs/${operation}-${scope}`;
    const body = selected?.select ? { operation, title, ...selected } : selected ?? {};
    try {
      const answer = await api.post(path, body, { headers: { 'Idempotency-Key': key } });
      if (!answer || typeof answer.job_id !== 'string') throw new ApiError('refused', texts.badAnswer);
      set(S.started(state, key, { job_id: answer.job_id, total_items: answer.total_items, title, operation }));
    } catch (error) {
      if (error.kind === 'network' || error.kind === 'unreachable') {
        await findLost(key, title);
        return false;
      }
      set(S.refused(state, key));
      notify('error', texts.startFailed(title, error.text));
      return false;
    }
    void fetchJob(state.followed);
    return true;
  }

  /*
   * Starts the job of a whole body of POST api/jobs, and follows it unless it is a preview. Gives its id, or throws an
   * ApiError. A key makes one job, however often it is sent.
   */
  async function submit(request, key) {
    const job = await api.post('api/jobs', request, { tries: 3, headers: { 'Idempotency-Key': key } });
    if (!job || typeof job.job_id !== 'string') throw new ApiError('refused', texts.badAnswer);
    receive(job);
    if (!request.dry_run) show(job.job_id);
    return job.job_id;
  }

  /* Cancel is harmless to repeat, so it is tried again when the server is away. */
  async function cancel(id) {
    if (state.cancels[id]) return;
    set(S.cancelAsked(state, id));
    try {
      await api.post(jobPath(id, '/cancel'), {}, { tries: 3 });
    } catch (error) {
      await fetchJob(id);
      const job = state.jobs[id];
      set(S.cancelDone(state, id));
      if (job && !S.ended(job)) notify('error', texts.cancelFailed(error.text));
      return;
    }
    await fetchJob(id);
  }

  /* A change of the job that is harmless to repeat; the answer is the job. */
  async function alter(id, what, send, failed) {
    if (state.pending[id]) return;
    set(S.asked(state, id, what));
    try {
      receive(await send({ tries: 3 }));
    } catch (error) {
      await fetchJob(id);
      const job = state.jobs[id];
      if (job && !S.ended(job)) notify('error', failed(error.text));
    }
    set(S.answered(state, id));
  }

  const setPriority = (id, priority) => alter(id, 'priority', (options) => api.patch(jobPath(id), { priority }, options), texts.priorityFailed);

  const setPaused = (id, paused) =>
    alter(id, paused ? 'pause' : 'resume', (options) => api.post(jobPath(id, paused ? '/pause' : '/resume'), {}, options), (why) => texts.pauseFailed(paused, why));

  /* Who runs the items from now on: client or server. */
  const setDrive = (id, drive) =>
    alter(id, 'drive', (options) => api.patch(jobPath(id), { drive }, options), texts.driveFailed);

  /* An answer of process-next. */
  function advance(id, answer) {
    const next = S.advance(state, id, answer);
    set(next, next.jobs[id]);
  }

  /* A job that is made from another one, and shown in its place. However often it is asked, there is one such job. */
  async function derive(id, what, path, body, failed) {
    if (state.pending[id]) return;
    chosen = true;
    set(S.asked(state, id, what));
    try {
      const job = await api.post(path, body, { tries: 3 });
      const made = job && (job.job_id ?? job.jobId);
      if (typeof made !== 'string') throw new ApiError('refused', texts.badAnswer);
      receive(job);
      if (state.followed === id) (open ?? show)(made);
    } catch (error) {
      notify('error', failed(error.text));
    }
    set(S.answered(state, id));
  }

  /* Takes what failed again, as a new job. */
  const retry = (id) => derive(id, 'retry', jobPath(id, '/retry'), {}, texts.retryFailed);

  /* Runs another operation over what went well. */
  const followUp = (id, operation) =>
    derive(id, 'followUp', `api/batch-jobs/${encodeURIComponent(id)}/follow-up`, { operation }, (why) => texts.followUpFailed(operation, why));

  /*
   * After loading: follows the remembered job at once, so that its events are shown; then asks which one is
   * active. One that ended while nobody watched is shown with its results; one that is gone is forgotten.
   */
  async function resume() {
    const remembered = memory.get('job');
    const old = remembered && typeof remembered.id === 'string' ? remembered.id : null;
    if (old) set(S.follow(state, old, remembered.pinned === true));
    let active = null;
    try {
      active = (await api.get('api/active-job')).job_id || null;
    } catch (error) {
      notify('error', texts.resumeFailed(error.text));
    }
    if (old) await fetchJob(old);
    if (active && active !== old) {
      const before = S.followedJob(state);
      await fetchJob(active);
      if (chosen || !state.jobs[active] || (before && !S.ended(before))) return;
      set(S.follow(state, active, false));
      if (before) notify('info', texts.endedAway(before), { text: texts.show, run: () => show(before.job_id) });
    }
  }

  /* Failed items of a job, a page at a time: {results, next}. */
  const failures = (id, after) =>
    api.get(jobPath(id, `/results?outcome=error&limit=50${after ? `&after=${encodeURIComponent(after)}` : ''}`));

  function show(id) {
    chosen = true;
    set(S.follow(state, id));
    void fetchJob(id);
  }

  return {
    state: () => state,
    receive,
    ask,
    catchUp,
    running,
    start,
    submit,
    cancel,
    setPaused,
    setPriority,
    setDrive,
    advance,
    look: fetchJob,
    retry,
    followUp,
    resume,
    failures,
    show,
    close: () => set(S.close(state)),
    reopen: () => set(S.reopen(state)),
  };
}
