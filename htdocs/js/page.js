/*
 * page.js - what every page is made of: requests, jobs, the connection, and what tests and scripts read.
 *
 * For tests and scripts: <body> carries data-quality, data-job-id, data-job-status, data-paused, data-processed,
 * data-total and data-version of the followed job, and each change of any job is dispatched on `document` as
 * the event `longbox:job` with the job of state.js in `detail`.
 *
 * createPage({jobs, onJob, onOther}) gives {api, clock, memory, jobs, connection, moreFailures, start}
 *   jobs            further options of createJobs
 *   onJob(job, before)  a message about a job was taken; `before` is what was known of it
 *   onOther(message)    a message of the stream that is not about a job, or {type: 'missed'}: there may have been some
 */
import { effect } from '@preact/signals';
import * as S from './state.js';
import * as texts from './strings.js';
import { createApi } from './api.js';
import { createMemory } from './memory.js';
import { createJobs } from './jobs.js';
import { createShared } from './shared.js';
import { createConnection } from './connection.js';
import { paceAdd } from './pace.js';
import { percent, plainTitle } from './format.js';
import * as store from './store.js';

const TITLE = 'Longbox';
const CONFIG = { watchdog_timeout_ms: 60000, watchdog_check_ms: 15000, reconnect_delay_ms: 5000, heartbeat_s: 15 };

const clock = {
  now: () => Date.now(),
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

export function createPage({ jobs: options = {}, onJob = () => {}, onOther = () => {} }) {
  const base = document.baseURI;
  const config = { ...CONFIG };
  const memory = createMemory(() => window.localStorage);
  const api = createApi({
    base,
    fetch: (url, init) => fetch(url, init),
    delay: (ms) => new Promise((done) => clock.setTimeout(done, ms)),
    onReach: (ok) => connection.reach(ok),
  });
  const jobs = createJobs({ api, memory, changed, notify: store.notify, ...options });
  const firstDelayMs = () => config.reconnect_delay_ms;
  const connection = createConnection({
    jobs,
    clock,
    config: () => ({ ...config, silence_ms: 2 * config.heartbeat_s * 1000 + 5000 }),
    page: { window, document },
    stream: (callbacks) =>
      createShared({
        openWorker: () => new SharedWorker(new URL(HUB_WORKER, base)),
        async openLead(hear) {
          const { openLeadStream } = await import('./lead_stream.js');
          return openLeadStream({ memory, clock, url: new URL('api/events/stream', base).href, firstDelayMs }, hear);
        },
        clock,
        firstDelayMs,
        ...callbacks,
      }),
    changed: (facts) => (store.connection.value = facts),
    acted(how) {
      if (how) store.notify('info', texts.acted[how], null, 'watchdog');
      else store.dismiss((notice) => notice.about === 'watchdog');
    },
    onOther,
  });

  /* After each change of the jobs: signals, events, and what the end of a job brings about. */
  function changed(state, previous, job) {
    const now = S.followedJob(state);
    if (state.followed !== previous.followed) {
      store.pace.value = [];
      store.failures.value = { id: null, results: [], next: null, loading: false };
      connection.soon();
    }
    const before = S.followedJob(previous);
    if (now && (now.version !== before?.version || now.processed !== before?.processed || state.followed !== previous.followed)) {
      connection.news();
      store.pace.value = paceAdd(store.pace.value, clock.now(), now.processed);
    }
    store.jobs.value = state;
    if (job) {
      document.dispatchEvent(new CustomEvent('longbox:job', { detail: job }));
      onJob(job, previous.jobs[job.job_id]);
    }
    if (S.ended(now) && now.errors > 0 && store.failures.value.id !== now.job_id) void moreFailures();
  }

  /* The next page of the followed job's failed items. */
  async function moreFailures() {
    const { job_id: id } = S.followedJob(jobs.state());
    const known = store.failures.value.id === id ? store.failures.value : { id, results: [], next: null };
    store.failures.value = { ...known, loading: true };
    try {
      const answer = await jobs.failures(id, known.next);
      if (store.failures.value.id !== id) return;
      store.failures.value = { id, results: [...known.results, ...answer.results], next: answer.next ?? null, loading: false };
    } catch (error) {
      if (store.failures.value.id !== id) return;
      store.failures.value = { ...known, loading: false };
      store.notify('error', texts.resultsFailed(error.text), { text: texts.retry, run: moreFailures }, 'failures');
    }
  }

  async function readConfig() {
    const answer = await api.get('api/config').catch(() => null);
    for (const key of Object.keys(CONFIG)) if (answer && answer[key] > 0) config[key] = answer[key];
    if (answer && Array.isArray(answer.operations)) store.operations.value = answer.operations;
    connection.soon();
  }

  return {
    api,
    clock,
    memory,
    jobs,
    connection,
    moreFailures,
    start() {
      showState();
      setInterval(() => (jobs.running() || store.quality.value !== 'live') && (store.now_ms.value = clock.now()), 1000);
      connection.start();
      void readConfig();
    },
  };
}

/* What tests read. */
function mark() {
  const job = store.followed.value;
  const set = (name, value) => (value === undefined || value === null ? delete document.body.dataset[name] : (document.body.dataset[name] = value));
  document.body.dataset.quality = store.quality.value;
  set('jobId', job?.job_id);
  set('jobStatus', job?.status);
  set('paused', job?.paused && !S.ended(job) ? 'yes' : null);
  set('processed', job?.processed);
  set('total', job?.total);
  set('version', job?.version);
}

/* "Settings \u2013 Longbox" */
function place() {
  const { view } = store.route.value;
  const name = view === 'library' ? null : texts.nav[view === 'job' ? 'jobs' : view];
  return name ? `${name} \u2013 ${TITLE}` : TITLE;
}

let endedHidden = null; /* id of the job that ended while the page was hidden */
function retitle() {
  const job = store.followed.value;
  if (job && !S.ended(job)) {
    endedHidden = null;
    document.title = `(${percent(job.percent)}) ${place()}`;
    return;
  }
  const wasRunning = document.title.startsWith('(');
  if (job && wasRunning && document.visibilityState === 'hidden') endedHidden = job.job_id;
  const sign = job && job.status === 'completed' && !job.errors ? '\u2713' : '!';
  document.title = job && endedHidden === job.job_id ? `${sign} ${plainTitle(job.title)} \u2013 ${TITLE}` : place();
}

/* Keeps the marks, the tab's title and the word that the server is away in step with the signals. */
function showState() {
  effect(mark);
  effect(retitle);
  effect(() => {
    if (store.quality.value === 'offline') store.notify('error', texts.unreachable, null, 'unreachable');
    else store.dismiss((notice) => notice.about === 'unreachable');
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') endedHidden = null;
    retitle();
  });
}
