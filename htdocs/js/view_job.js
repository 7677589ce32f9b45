/*
 * view_job.js - everything about one job: state, speed over time, slowest files, why files failed, all results.
 *
 * State and counts come from the stream; the figures are asked for every few seconds while the job runs.
 */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as F from './figures.js';
import * as L from './job_list.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { dateTime, duration, num, plainTitle, rate, visible } from './format.js';
import { Ask, ask } from './ask.js';
import { createCalls } from './job_calls.js';
import { Control, Numbers, Operation, State, undoable, useJob } from './job_parts.js';
import { createPlot } from './plot.js';
import { Results, createResults } from './view_results.js';
import { Bar } from './view_progress.js';

const FIRST_MS = 1000; /* what has just begun is looked at sooner */
const AGAIN_MS = 3000;
const TABLE_ROWS = 12;

/* ---- figures ---- */

/* Reads the summary while the job runs, and once more when it has ended. */
function useSummary(id, app, isEnded) {
  const [state, setState] = useState({ summary: null, error: null });
  useEffect(() => {
    let open = true;
    let timer = null;
    let pause_ms = 0;
    const read = async () => {
      if (document.visibilityState === 'visible') {
        try {
          const summary = await app.api.get(`api/jobs/${encodeURIComponent(id)}/summary`);
          if (open) setState({ summary, error: null });
        } catch (error) {
          if (open) setState((known) => ({ ...known, error: error.text ?? String(error) }));
          if (error.status === 404) return;
        }
      }
      if (open && (!isEnded || document.visibilityState !== 'visible')) timer = app.clock.setTimeout(read, (pause_ms = Math.min(AGAIN_MS, pause_ms + FIRST_MS)));
    };
    void read();
    return () => {
      open = false;
      app.clock.clearTimeout(timer);
    };
  }, [id, isEnded]);
  return state;
}

function SpeedTable({ throughput }) {
  return html`
    <details class="plot-table">
      <summary>${texts.jobsSpeedTable}</summary>
      <table>
        <thead><tr>${texts.jobsSpeedColumns.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
        <tbody>${F.spans(throughput, TABLE_ROWS).map(
          ({ from, seconds, ok, failed }) =>
            html`<tr><td>${duration(from)}</td><td>${num(ok)}</td><td>${num(failed)}</td><td>${num(Math.round(((ok + failed) / seconds) * 10) / 10)}</td></tr>`,
        )}</tbody>
      </table>
    </details>
  `;
}

function Picture({ points }) {
  const place = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    plot.current = createPlot(place.current, texts.jobsPlotNames);
    return () => plot.current.free();
  }, []);
  useEffect(() => plot.current.set(points), [points]);
  useEffect(() => plot.current.colours(), [store.theme.value]);
  return html`<div class="plot" ref=${place}></div>`;
}

function Speed({ throughput, running }) {
  const points = useMemo(() => F.points(throughput, running), [throughput, running]);
  const { peak, mean } = F.peakAndMean(throughput);
  const some = throughput.ok.length > 0;
  return html`
    <section class="sheet" id="speed" aria-labelledby="speed-title">
      <h2 id="speed-title">${texts.jobsSpeed}</h2>
      ${points ? html`<div class="picture" role="img" aria-label=${texts.jobsSpeedLabel(peak, mean)}><${Picture} points=${points} /></div>` : html`<p class="dim">${some ? texts.jobsSpeedShort : texts.jobsSpeedNone}</p>`}
      ${some && html`<${SpeedTable} throughput=${throughput} />`}
    </section>
  `;
}

function Slowest({ list }) {
  return html`
    <section class="sheet" aria-labelledby="slow-title">
      <h2 id="slow-title">${texts.jobsSlowest}</h2>
      ${list.length === 0 && html`<p class="dim">${texts.jobsNoResults}</p>`}
      <ol class="slow" id="slowest">
        ${list.map(
          (item) => html`<li key=${item.id} data-ok=${item.success ? 'yes' : 'no'}><span class="time">${texts.jobsTook(item.seconds)}</span>
            <${Icon} name=${item.success ? 'check' : 'cross'} /><span><span class="vh">${item.success ? texts.jobsItemDone : texts.jobsItemFailed}: </span><${Name} text=${item.item} /></span></li>`,
        )}
      </ol>
    </section>
  `;
}

function Reasons({ list, other, results }) {
  if (list.length === 0) return null;
  return html`
    <section class="sheet" aria-labelledby="reasons-title">
      <h2 id="reasons-title">${texts.jobsReasons}</h2>
      <ol class="reasons" id="reasons">
        ${list.map(
          ({ reason, count, examples }) => html`
            <li key=${reason}><span class="n">${texts.jobsReasonCount(count)}</span>
              <span class="what"><${Name} text=${reason} /><span class="dim">${examples.map((item, i) => html`${i > 0 && ', '}<${Name} text=${item.item} />`)}</span></span>
              <button onClick=${() => results.ofReason(reason)}>${texts.jobsShowReason}</button></li>
          `,
        )}
      </ol>
      ${other > 0 && html`<p class="dim">${texts.jobsOtherReasons(other)}</p>`}
    </section>
  `;
}

function Figures({ running, state, results }) {
  const { summary, error } = state;
  if (!summary) return error && html`<p class="why" role="alert"><${Name} text=${texts.jobsSummaryUnread(error)} /></p>`;
  return html`
    <${Speed} throughput=${summary.throughput} running=${running} />
    <div class=${summary.reasons.length > 0 ? 'two' : ''}>
      <${Slowest} list=${summary.slowest} />
      <${Reasons} list=${summary.reasons} other=${summary.other_reasons} results=${results} />
    </div>
  `;
}

/* ---- what the job is ---- */

function Fact({ name, wide, children }) {
  return html`<div class=${wide ? 'wide' : null}><dt>${name}</dt><dd>${children}</dd></div>`;
}

/* What can still be changed. */
function Changeable({ job, calls }) {
  const setPriority = (event) => calls.change(job.job_id, texts.jobsPriority, { priority: event.currentTarget.value });
  const [typed, setTyped] = useState(null); /* events that arrive meanwhile do not take it away */
  const setMax = async (event) => {
    const text = event.currentTarget.value.trim();
    setTyped(text);
    await calls.change(job.job_id, texts.jobsMaxThreads, { max_threads: text === '' ? null : Number(text) });
    setTyped(null);
  };
  return html`
    <${Fact} name=${html`<label for="job-priority">${texts.jobsPriority}</label>`}>
      <select id="job-priority" value=${job.priority ?? 'normal'} onChange=${setPriority}>
        ${Object.entries(texts.jobsPriorities).map(([name, text]) => html`<option value=${name}>${text}</option>`)}
      </select></${Fact}>
    <${Fact} name=${html`<label for="job-max">${texts.jobsMaxThreads}</label>`}>
      <input id="job-max" type="number" min="1" max="1024" value=${typed ?? job.max_threads ?? ''} placeholder=${texts.jobsNoLimit}
        onInput=${(event) => setTyped(event.currentTarget.value)} onChange=${setMax} /></${Fact}>
  `;
}

function Links({ job, href }) {
  const to = (id, text) => html`<a href=${href(`jobs/${id}`)}>${text}</a>`;
  const made = S.followUps(job);
  return html`
    ${job.parent && html`<${Fact} name=${texts.jobsFacts.parent}><span>${texts.jobsParentKinds[job.parent_kind] ?? ''} ${to(job.parent, texts.jobsThatJob)}</span></${Fact}>`}
    ${made.length > 0 &&
    html`<${Fact} name=${texts.jobsFacts.followed}>${made.map(({ operation, made: id }, i) => html`${i > 0 && ', '}${id ? to(id, html`<${Operation} name=${operation} />`) : html`<${Operation} name=${operation} />`}`)}</${Fact}>`}
    <${Fact} name=${texts.jobsFacts.batch}><a href=${href(`batch-jobs/${job.job_id}`)}>${texts.jobsItsPage}</a></${Fact}>
  `;
}

function Facts({ job, summary, href, calls }) {
  const now = store.now_ms.value / 1000;
  const ran = L.runTime(job, now);
  const options = summary && Object.keys(summary.options).length > 0 ? summary.options : null;
  return html`
    <dl class="facts" id="facts">
      <${Fact} name=${texts.jobsFacts.operation}>${job.dry_run && html`<span class="tag">${texts.jobsPreview}</span> `}<${Operation} name=${job.operation} /></${Fact}>
      <${Fact} name=${texts.jobsFacts.created}>${dateTime(job.created_at)} ${texts.jobsStartedBy(job.source)}</${Fact}>
      ${ran !== null && html`<${Fact} name=${texts.jobsFacts.running}>${texts.jobsTook(ran)}</${Fact}>`}
      ${summary && html`<${Fact} name=${texts.jobsFacts.waited}>${texts.jobsTook(summary.times.queued)}</${Fact}>`}
      ${summary && html`<${Fact} name=${texts.jobsFacts.items}>${texts.jobsTook(summary.times.items)}</${Fact}>`}
      ${!S.ended(job) && html`<${Changeable} job=${job} calls=${calls} />`}
      <${Links} job=${job} href=${href} />
      <${Fact} name=${texts.jobsFacts.id}><code>${job.job_id}</code></${Fact}>
      ${options && html`<${Fact} name=${texts.jobsOptions} wide=${true}><code id="job-options">${visibleLines(options)}</code></${Fact}>`}
      ${job.error && html`<${Fact} name=${texts.jobsFacts.error} wide=${true}><span class="bad"><${Name} text=${job.error} /></span></${Fact}>`}
    </dl>
  `;
}

/* Options as "name: value" lines; what is an object stays JSON. */
const visibleLines = (options) =>
  Object.entries(options)
    .map(([name, value]) => visible(`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`))
    .join('\n');

function Buttons({ job, app, calls }) {
  const left = S.notDone(job);
  const go = (made) => made && app.routes.go(`jobs/${made.job_id}`);
  const remove = async () => {
    if ((await ask(texts.jobsAskDelete)) && (await calls.remove(job.job_id))) app.routes.go('jobs');
  };
  const undo = async () => {
    if (await ask(texts.jobsAskUndo(job))) go(await calls.undo(job.job_id));
  };
  return html`
    <div class="job-buttons">
      <${Control} job=${job} jobs=${app.jobs} />
      ${left > 0 && html`<button id="job-retry" onClick=${async () => go(await calls.retry(job.job_id))}>${texts.retryLabel(job, left)}</button>`}
      ${undoable(job) && html`<button id="job-undo" onClick=${undo}>${texts.jobsUndoJob}</button>`}
      ${S.ended(job) && html`<button id="job-delete" onClick=${remove}>${texts.jobsDeleteJob}</button>`}
    </div>
  `;
}

function Top({ job, app, calls, summary }) {
  const isEnded = S.ended(job);
  return html`
    <section class="sheet" id="job" data-job-id=${job.job_id} data-status=${job.status} aria-labelledby="job-title">
      <div class="job-top"><h1 id="job-title"><bdi>${plainTitle(job.title)}</bdi></h1><${State} job=${job} /></div>
      <${Bar} job=${job} label=${plainTitle(job.title)} />
      <div class="job-top"><span class="job-progress"><${Numbers} job=${job} /></span>${!isEnded && job.rate > 0 && html`<span class="dim">${rate(job.rate)}</span>`}
        <${Buttons} job=${job} app=${app} calls=${calls} /></div>
      <${Facts} job=${job} summary=${summary} href=${app.routes.href} calls=${calls} />
    </section>
  `;
}

/* ---- the page ---- */

function Job({ job, app }) {
  const id = job.job_id;
  const calls = useMemo(() => createCalls(app), [id]);
  const results = useMemo(() => createResults(app, id), [id]);
  const state = useSummary(id, app, S.ended(job));
  useEffect(() => results.close, [results]);
  /* Events may come by the hundred in a second: what they do not change is not drawn again. */
  const figures = useMemo(() => html`<${Figures} running=${!S.ended(job)} state=${state} results=${results} />`, [state, results, S.ended(job)]);
  const list = useMemo(() => html`<${Results} id=${id} results=${results} href=${app.routes.href} />`, [id, results]);
  return html`
    <${Top} job=${job} app=${app} calls=${calls} summary=${state.summary} />
    ${figures}
    ${list}
    <${Ask} />
  `;
}

function Missing({ id }) {
  return html`<section class="sheet" id="missing"><h1>${texts.jobsNoSuchJob}</h1><p><code>${visible(id)}</code></p><p>${texts.jobsNoSuchJobText}</p></section>`;
}

export function View({ app, id: given }) {
  const id = given.toLowerCase();
  const failed = useMemo(() => signal(false), [id]);
  const kept = useRef(null); /* the page forgets old jobs when it knows many */
  const read = async () => {
    failed.value = false;
    failed.value = (await app.jobs.look(id)).failed;
  };
  useEffect(() => void read(), [id]);
  const live = useJob(id, kept.current?.job_id === id ? kept.current : null);
  kept.current = live ?? kept.current;
  const missing = store.jobs.value.missing === id && !store.jobs.value.jobs[id];
  return html`
    <div class="job-page">
      <p><a href=${app.routes.href('jobs')}>${texts.jobsAllJobs}</a></p>
      ${missing
        ? html`<${Missing} id=${given} />`
        : live
          ? html`<${Job} key=${id} job=${live} app=${app} />`
          : failed.value
            ? html`<p class="empty" role="alert">${texts.partFailed} <button onClick=${read}>${texts.retry}</button></p>`
            : html`<p class="empty" aria-busy="true">${texts.jobsReadingJob}</p>`}
    </div>
  `;
}
