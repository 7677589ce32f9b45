/*
 * view_progress.js - the dialog of the followed job, and the slim bar that stays when it is closed.
 *
 * The dialog is not modal: the list stays usable, and nothing that arrives by itself moves the focus.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { num, ofTotal, percent, plainTitle, rate, timeLeft } from './format.js';
import { lazy } from './lazy.js';
import { paceOf } from './pace.js';

const Details = lazy(() => import('./view_details.js'), { sheet: 'start' });
const FollowUps = lazy(() => import('./view_follow.js'));

const STALE_MS = 5000;
const QUIET_MS = 30000; /* silence worth a word although the stream is open: a long item */

export function Bar({ job, label }) {
  const fill = useRef(null);
  useEffect(() => {
    fill.current.style.transform = `scaleX(${job.percent / 100})`;
  });
  const value = Math.floor(job.percent);
  return html`
    <div class="bar" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${value}
      aria-valuetext=${`${ofTotal(job.processed, job.total)}, ${value} percent`} data-status=${job.status} data-paused=${job.paused && !S.ended(job) ? 'yes' : null}>
      <div class="fill" ref=${fill}></div>
    </div>
  `;
}

/* How it goes on, in words: waiting, paused, held, or how fast and how long yet; '' when that cannot be said. */
function paceText(job) {
  const asked = store.jobs.value.pending[job.job_id];
  if (job.paused || asked === 'pause') return job.paused && !job.running ? texts.paused : texts.pausing;
  if (store.held.value) return texts.held(store.held.value);
  if (job.status === 'queued') return texts.statuses.queued;
  const { perSecond, secondsLeft } = paceOf(store.pace.value, job, store.now_ms.value);
  return [rate(perSecond), secondsLeft === null ? '' : timeLeft(secondsLeft)].filter(Boolean).join(', ');
}

const Pace = ({ job }) => html`<p class="pace" id="progress-pace" data-held=${store.held.value ? 'yes' : null}>${paceText(job) || '\u00a0'}</p>`;

/* How the numbers came here, when that is not "just now over the stream". */
function Freshness() {
  const { newsAt_ms, checkedAt_ms } = store.connection.value;
  const quality = store.quality.value;
  const now = Math.max(store.now_ms.value, checkedAt_ms);
  const old = now - newsAt_ms >= (quality === 'live' ? QUIET_MS : STALE_MS);
  const { text, hint } = texts.qualities[quality];
  return html`
    <p class="fresh"><span class="quality" data-quality=${quality} title=${hint}>${text}</span>
      ${old && html`<span id="stale">${texts.stale(Math.floor((now - newsAt_ms) / 1000), Math.floor((now - checkedAt_ms) / 1000))}</span>`}</p>
  `;
}

const finalName = (item) => String(item.details?.final ?? '').split('/').pop();

export function Item({ item }) {
  const after = finalName(item);
  return html`
    <li data-ok=${item.success ? 'yes' : 'no'}>
      <${Icon} name=${item.success ? 'check' : 'cross'} />
      <span><span class="vh">${item.success ? 'Done: ' : 'Failed: '}</span><${Name} text=${item.item} />
        ${item.success && after && after !== item.item && html`<span class="after"> \u2192 <${Name} text=${after} /></span>`}
        ${!item.success && item.error && html`<span class="why"><${Name} text=${item.error} /></span>`}</span>
    </li>
  `;
}

const Latest = ({ job }) => html`
  <ol class="items" aria-label="Latest items">
    ${[...job.recent].reverse().slice(0, 5).map((item, i) => html`<${Item} key=${`${item.version} ${i} ${item.item}`} item=${item} />`)}
  </ol>
`;

/* `listed`, here and below: the page lists every item by itself. */
export function Running({ job, listed }) {
  return html`
    <div class="state"><${Pace} job=${job} /><${Freshness} /></div>
    ${!listed && html`<${Latest} job=${job} />`}
  `;
}

export function Summary({ job, jobs, moreFailures, listed }) {
  const left = S.notDone(job);
  const { id, results, next, loading } = store.failures.value;
  const mine = id === job.job_id && !listed ? results : [];
  return html`
    <div id="summary" data-status=${job.status}>
      <p>${texts.summary(job)}.</p>
      ${left > 0 &&
      html`<p><button id="btn-retry" aria-disabled=${store.jobs.value.pending[job.job_id] ? 'true' : null}
        onClick=${() => jobs.retry(job.job_id)}>${texts.retryLabel(job, left)}</button></p>`}
      ${job.error && html`<p class="why"><${Name} text=${job.error} /></p>`}
      ${mine.length > 0 &&
      html`
        <h3>Failed files</h3>
        <ol class="items" id="failures" tabindex="0" aria-label="Failed files">
          ${mine.map((item, i) => html`<${Item} key=${i} item=${item} />`)}
          ${next && html`<li class="more"><button disabled=${loading} onClick=${moreFailures}>Show more (${num(mine.length)} of ${num(job.errors)})</button></li>`}
        </ol>
      `}
    </div>
  `;
}

function Others({ jobs }) {
  const list = S.others(store.jobs.value);
  if (list.length === 0) return null;
  return html`
    <div class="others" id="other-jobs">
      <h3>Also running</h3>
      <ul>
        ${list.map(
          (job) => html`<li key=${job.job_id}>
            <button class="plain other" data-job-id=${job.job_id} title="Follow this job" onClick=${() => jobs.show(job.job_id)}>
              <span class="other-title">${texts.heading(job)}</span>
              <span class="count">${ofTotal(job.processed, job.total)}${job.errors ? `, ${num(job.errors)} failed` : ''}</span>
              <${Bar} job=${job} label=${plainTitle(job.title)} />
            </button></li>`,
        )}
      </ul>
    </div>
  `;
}

export function Counts({ job }) {
  return html`
    <p class="counts">
      <strong id="progress-text">${ofTotal(job.processed, job.total)}</strong>
      <span class="ok" id="progress-ok"><${Icon} name="check" />${num(job.success)} ok</span>
      <span class=${job.errors ? 'bad' : ''} id="progress-errors"><${Icon} name="cross" />${num(job.errors)} failed</span>
      ${!S.ended(job) && html`<span class="percent">${percent(job.percent)}</span>`}
    </p>
  `;
}

export function PauseButton({ job, jobs, off }) {
  const asked = store.jobs.value.pending[job.job_id];
  const label = { pause: 'Pausing\u2026', resume: 'Resuming\u2026' }[asked] ?? (job.paused ? 'Resume' : 'Pause');
  return html`<button id="btn-pause" aria-disabled=${off || asked ? 'true' : null} title=${job.paused ? null : 'Running files finish'}
    onClick=${() => !off && jobs.setPaused(job.job_id, !job.paused)}>${label}</button>`;
}

/* What is drawn from the click until the server has named the job. */
const placeholder = (starting) => ({
  job_id: null, status: 'queued', title: starting.title, processed: 0, total: 0, success: 0, errors: 0, percent: 0, recent: [],
});

/* Moves the focus into a dialog that the user's own click opened, and back when it is closed from within. */
function takeFocus(heading, focus) {
  if (!focus.wanted && !store.jobs.value.starting) return undefined;
  focus.wanted = false;
  const before = document.activeElement;
  heading.focus({ preventScroll: true });
  return () => {
    if (document.activeElement && document.activeElement !== document.body) return;
    if (!before || !before.isConnected) return;
    const usable = before.disabled ? before.parentElement.querySelector('button:enabled') : before;
    if (usable) usable.focus();
  };
}

function Dialog({ job, app, focus }) {
  const { jobs, moreFailures } = app;
  const [detailed, setDetailed] = useState(false);
  const heading = useRef(null);
  useEffect(() => takeFocus(heading.current, focus), []);
  const state = store.jobs.value;
  const isEnded = S.ended(job);
  const cancelling = S.isCancelling(state, job);
  const title = job.job_id ? texts.heading(job) : `${plainTitle(job.title)}: starting`;
  return html`
    <section id="progress-dialog" role="dialog" aria-modal="false" aria-labelledby="progress-title" data-status=${job.status}
      onKeyDown=${(event) => event.key === 'Escape' && jobs.close()}>
      <h2 id="progress-title" tabindex="-1" ref=${heading}>${title}</h2>
      <${Bar} job=${job} label=${plainTitle(job.title)} />
      <${Counts} job=${job} />
      ${isEnded ? html`<${Summary} job=${job} jobs=${jobs} moreFailures=${moreFailures} listed=${detailed} />` : html`<${Running} job=${job} listed=${detailed} />`}
      ${job.status === 'completed' && html`<${FollowUps} job=${job} jobs=${jobs} show=${jobs.show} />`}
      ${job.job_id && html`<p class="ways"><button id="btn-details" class="plain" aria-expanded=${String(detailed)} onClick=${() => setDetailed(!detailed)}>${texts.details}</button>
        <a id="job-link" href=${app.routes.href(`jobs/${job.job_id}`)}>${texts.jobPage}</a></p>`}
      ${detailed && job.job_id && html`<${Details} app=${app} job=${job} />`}
      ${job.drive === 'client' && !isEnded && html`<p class="pace">${texts.clientDrives} <a id="batch-link" href=${`batch-jobs/${job.job_id}`}>${texts.openBatch}</a></p>`}
      <${Others} jobs=${jobs} />
      <div class="foot">
        ${!isEnded && html`<${PauseButton} job=${job} jobs=${jobs} off=${cancelling || !job.job_id} />`}
        ${!isEnded && html`<button id="btn-cancel" aria-disabled=${cancelling || !job.job_id ? 'true' : null}
          onClick=${() => job.job_id && jobs.cancel(job.job_id)}>${cancelling ? 'Cancelling\u2026' : 'Cancel job'}</button>`}
        <button id="btn-close" class=${isEnded ? 'strong' : ''} onClick=${jobs.close}
          title=${isEnded ? null : 'The job goes on'}>Close</button>
      </div>
    </section>
  `;
}

function Slim({ job, jobs, focus }) {
  const more = S.others(store.jobs.value).length;
  const open = () => {
    focus.wanted = true;
    jobs.reopen();
  };
  return html`
    <aside id="progress-slim" aria-label="Job">
      <${Bar} job=${job} label=${plainTitle(job.title)} />
      <span class="slim-title">${texts.heading(job)}</span>
      <span class="count" id="slim-text">${ofTotal(job.processed, job.total)}${job.errors ? `, ${num(job.errors)} failed` : ''}${more ? `, ${num(more)} more running` : ''}</span>
      ${!S.ended(job) && html`<span class="slim-pace" data-held=${store.held.value ? 'yes' : null}>${paceText(job)}</span>`}
      <button id="btn-reopen" onClick=${open}>${texts.show}</button>
      ${S.ended(job) && html`<button class="plain" aria-label="Dismiss" onClick=${jobs.close}><${Icon} name="cross" /></button>`}
    </aside>
  `;
}

const focus = { wanted: false };

export function Progress({ app }) {
  const { jobs } = app;
  const state = store.jobs.value;
  const job = S.followedJob(state) ?? (state.starting ? placeholder(state.starting) : null);
  if (!job) return null;
  if (!state.open) return html`<${Slim} job=${job} jobs=${jobs} focus=${focus} />`;
  return html`<${Dialog} job=${job} app=${app} focus=${focus} />`;
}
