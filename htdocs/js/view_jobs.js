/*
 * view_jobs.js - all jobs: what runs, what waits, what has ended.
 *
 * The numbers of a job come from the stream as everywhere; the list itself is read from the server, again when the stream
 * tells of a job that it does not have. Somebody who has scrolled is told of new jobs, and the list stays where it is.
 */
import { effect, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as S from './state.js';
import * as L from './job_list.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { dateTime, plainTitle } from './format.js';
import { Ask, ask } from './ask.js';
import { createCalls } from './job_calls.js';
import { Control, Numbers, Operation, State, useJob } from './job_parts.js';
import { Bar } from './view_progress.js';

const SEARCH_MS = 300;
const NEWS_MS = 400; /* a job that is news is looked for after so long, so that a burst is one question */
const HOLD_PX = 120; /* further down than this, nothing is put on top by itself */

/* The list of one visit: {list, filter, state, load, more, set, forget, close}. */
function createModel({ api, clock, routes }, firstFilter) {
  const filter = signal(firstFilter);
  const list = signal({ jobs: [], next: null, news: 0 });
  const state = signal({ loading: true, error: null, read: false });
  const asked = new Set(); /* ids that the stream told of, and that were looked for */
  let question = 0;
  let shown = null; /* the address of the first part of what the list shows: another filter begins another list */
  let timer = null; /* of a change of the filter */
  let newsTimer = null;

  async function read(path, take) {
    question += 1;
    const mine = question;
    state.value = { ...state.value, loading: true };
    try {
      const answer = await api.get(path);
      if (mine !== question) return;
      list.value = take(answer);
      state.value = { loading: false, error: null, read: true };
    } catch (error) {
      if (mine === question) state.value = { ...state.value, loading: false, error: error.text ?? String(error) };
    }
  }

  async function load() {
    const path = L.listPath(filter.value);
    await read(path, (answer) => {
      shown = path;
      return L.firstPart(answer);
    });
  }

  /* What is being read comes first; it may be another list. */
  function readNews() {
    const path = L.listPath(filter.peek());
    if (state.peek().loading) newsTimer = clock.setTimeout(readNews, NEWS_MS);
    else if (path === shown) void read(path, (answer) => L.withNewer(list.peek(), answer, window.scrollY > HOLD_PX));
  }

  const stop = effect(() => {
    const { jobs } = store.jobs.value;
    if (!state.peek().read) return;
    const news = L.unknown(list.peek(), jobs).filter((id) => !asked.has(id));
    if (news.length === 0) return;
    for (const id of news) asked.add(id);
    clock.clearTimeout(newsTimer);
    newsTimer = clock.setTimeout(readNews, NEWS_MS);
  });

  return {
    filter,
    list,
    state,
    load,
    more: () => L.listPath(filter.peek()) === shown && read(L.listPath(filter.peek(), list.peek().next), (answer) => L.withOlder(list.peek(), answer)),
    set(change) {
      filter.value = { ...filter.value, ...change };
      window.history.replaceState(null, '', routes.href(L.pathOf(filter.value)));
      clock.clearTimeout(timer);
      timer = clock.setTimeout(load, 'search' in change ? SEARCH_MS : 0);
    },
    forget: (id) => (list.value = L.without(list.peek(), id)),
    close() {
      stop();
      question += 1;
      clock.clearTimeout(timer);
      clock.clearTimeout(newsTimer);
    },
  };
}

function Filters({ model }) {
  const { status, operation, search } = model.filter.value;
  const names = [...new Set([...store.operations.value.map(({ name }) => name), ...(operation ? [operation] : [])])];
  return html`
    <div class="tools jobs-tools" role="search">
      <input type="search" id="jobs-search" value=${search} placeholder=${texts.jobsSearchJobs} aria-label=${texts.jobsSearchJobs} onInput=${(event) => model.set({ search: event.currentTarget.value })} />
      <label class="field"><span class="vh">${texts.jobsFacts.state}</span>
        <select id="jobs-status" value=${status} onChange=${(event) => model.set({ status: event.currentTarget.value })}>
          ${Object.entries(texts.jobsJobFilters).map(([name, text]) => html`<option value=${name}>${text}</option>`)}
        </select></label>
      <label class="field"><span class="vh">${texts.jobsFacts.operation}</span>
        <select id="jobs-operation" value=${operation} onChange=${(event) => model.set({ operation: event.currentTarget.value })}>
          <option value="">${texts.jobsAnyOperation}</option>
          ${names.map((name) => html`<option value=${name}>${store.operations.value.find((one) => one.name === name)?.label ?? name}</option>`)}
        </select></label>
    </div>
  `;
}

function When({ job }) {
  const now = store.now_ms.value / 1000;
  const ran = L.runTime(job, now);
  return html`<span class="job-when">${job.created_at && html`<time datetime=${new Date(job.created_at * 1000).toISOString()}>${dateTime(job.created_at)}</time>`}${ran !== null && html`<span>${texts.jobsRanFor(ran)}</span>`}</span>`;
}

function Row({ listed, app, calls, model }) {
  const job = useJob(listed.job_id, listed);
  const isEnded = S.ended(job);
  const left = S.notDone(job);
  const remove = async () => {
    if ((await ask(texts.jobsAskDelete)) && (await calls.remove(job.job_id))) model.forget(job.job_id);
  };
  return html`
    <li class="job-row" data-job-id=${job.job_id} data-status=${job.status}>
      <${State} job=${job} />
      <div class="job-what">
        <a class="job-title" href=${app.routes.href(`jobs/${job.job_id}`)}><bdi>${plainTitle(job.title)}</bdi></a>
        <span class="job-sub">${job.dry_run && html`<span class="tag">${texts.jobsPreview}</span> `}<${Operation} name=${job.operation} />${job.source && html` <span class="job-source">${texts.jobsStartedBy(job.source)}</span>`}</span>
      </div>
      <div class="job-progress">${!isEnded && html`<${Bar} job=${job} label=${plainTitle(job.title)} />`}<${Numbers} job=${job} /></div>
      <${When} job=${job} />
      <div class="job-buttons">
        <${Control} job=${job} jobs=${app.jobs} />
        ${isEnded && left > 0 && html`<button class="job-retry" title=${texts.retryLabel(job, left)} aria-label=${texts.jobsAbout(texts.jobsRetry, job)} onClick=${() => calls.retry(job.job_id)}>${texts.jobsRetry}</button>`}
        ${isEnded && html`<button class="plain job-delete" aria-label=${texts.jobsAbout(texts.jobsDeleteJob, job)} onClick=${remove}>${texts.jobsDeleteJob}</button>`}
      </div>
    </li>
  `;
}

function Empty({ model }) {
  const { loading, error } = model.state.value;
  if (error) return html`<p class="empty" role="alert">${texts.jobsJobsFailed(error)} <button onClick=${model.load}>${texts.retry}</button></p>`;
  if (loading) return html`<p class="empty" aria-busy="true">${texts.loadingPart}</p>`;
  if (!L.isFiltered(model.filter.value)) return html`<p class="empty">${texts.jobsNoJobs}</p>`;
  return html`<p class="empty">${texts.jobsNoJobsFound} <button onClick=${() => model.set(L.emptyFilter())}>${texts.jobsClearFilter}</button></p>`;
}

/* Of what the list shows, is there something to pause, or to resume? */
function useSome(list, test) {
  const { jobs } = store.jobs.value;
  return list.jobs.some((listed) => test(L.newest(listed, jobs[listed.job_id])));
}

function All({ list, calls }) {
  const runs = useSome(list, (job) => !S.ended(job) && !job.paused);
  const rests = useSome(list, (job) => !S.ended(job) && job.paused);
  return html`
    <div class="job-buttons">
      <button id="btn-pause-all" disabled=${!runs} onClick=${() => calls.pauseAll(true)}>${texts.jobsPauseAll}</button>
      <button id="btn-resume-all" disabled=${!rests} onClick=${() => calls.pauseAll(false)}>${texts.jobsResumeAll}</button>
    </div>
  `;
}

export function View({ app }) {
  const model = useMemo(() => createModel(app, L.filterOf(store.route.peek().url.searchParams)), []);
  const calls = useMemo(() => createCalls(app), []);
  useEffect(() => {
    void model.load();
    return model.close;
  }, []);
  const list = model.list.value;
  const { loading, error } = model.state.value;
  const showNews = () => {
    window.scrollTo(0, 0);
    void model.load();
  };
  return html`
    <div class="page-head"><h1>${texts.nav.jobs}</h1><${All} list=${list} calls=${calls} /></div>
    <${Filters} model=${model} />
    <div role="status" class="jobs-news">${list.news > 0 && html`<button id="btn-news" class="strong" onClick=${showNews}><${Icon} name="up" /> ${texts.jobsNewJobs(list.news)}</button>`}</div>
    ${list.jobs.length === 0
      ? html`<${Empty} model=${model} />`
      : html`<ol class="job-rows" id="jobs" aria-label=${texts.nav.jobs} aria-busy=${loading ? 'true' : 'false'}>
          ${list.jobs.map((job) => html`<${Row} key=${job.job_id} listed=${job} app=${app} calls=${calls} model=${model} />`)}
        </ol>
        ${error && html`<p role="alert" class="why"><${Name} text=${texts.jobsJobsFailed(error)} /></p>`}
        ${list.next && html`<p class="pages"><button id="btn-more" aria-disabled=${loading ? 'true' : null} onClick=${() => !loading && model.more()}>${texts.jobsMore}</button></p>`}`}
    <${Ask} />
  `;
}
