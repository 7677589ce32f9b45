/*
 * view_batch.js - the page of one job: progress, who drives it, its items, and what can follow.
 */
import { html, Icon, Name } from './dom.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { plainTitle } from './format.js';
import { SHOWN_MAX } from './items.js';
import { lazy } from './lazy.js';
import { Head, Notices, Spoken } from './view_frame.js';
import { Bar, Counts, Item, PauseButton, Running, Summary } from './view_progress.js';

const FollowUps = lazy(() => import('./view_follow.js'));

/* Who runs the items, and the way to change it. */
function Driver({ job, jobs, lead, driving }) {
  const clients = job.drive === 'client';
  const asked = store.jobs.value.pending[job.job_id] === 'drive';
  const text = clients ? texts.driver(lead.value, driving.value, job) : texts.serverDrives;
  return html`
    <div class="driver" id="driver" data-drive=${job.drive}>
      <p role="status">${text}</p>
      ${job.drive &&
      html`<button id="btn-drive" aria-disabled=${asked ? 'true' : null}
        onClick=${() => jobs.setDrive(job.job_id, clients ? 'server' : 'client')}>${clients ? texts.toServer : texts.toClient}</button>`}
    </div>
  `;
}

const ICONS = { done: 'check', failed: 'cross', cancelled: 'cross', running: 'play', waiting: 'dot' };

function BatchItem({ item }) {
  return html`
    <li data-item=${item.id} data-state=${item.state}>
      <${Icon} name=${ICONS[item.state]} />
      <span class="what"><${Name} text=${item.name} />
        ${item.error && html`<span class="why"><${Name} text=${item.error} /></span>`}</span>
      <span class="word">${texts.itemStates[item.state]}</span>
    </li>
  `;
}

function Items({ items }) {
  return html`
    <section class="sheet" aria-labelledby="items-title">
      <h3 id="items-title">Items</h3>
      <ol id="batch-items" class="batch-items">${items.map((item) => html`<${BatchItem} key=${item.id} item=${item} />`)}</ol>
    </section>
  `;
}

function Buttons({ job, jobs }) {
  if (S.ended(job)) return null;
  const cancelling = S.isCancelling(store.jobs.value, job);
  return html`
    <div class="foot">
      <${PauseButton} job=${job} jobs=${jobs} off=${cancelling} />
      <button id="btn-cancel" aria-disabled=${cancelling ? 'true' : null} onClick=${() => jobs.cancel(job.job_id)}>${cancelling ? texts.cancelling : texts.cancel}</button>
    </div>
  `;
}

function Job({ job, jobs, moreFailures, lead, driving, items }) {
  const isEnded = S.ended(job);
  const listed = items !== null && job.total <= SHOWN_MAX;
  return html`
    <section class="sheet" id="batch" aria-labelledby="progress-title" data-status=${job.status}>
      <h2 id="progress-title">${texts.heading(job)}</h2>
      ${job.parent && html`<p class="dim">${texts.parents[job.parent_kind] ?? texts.parents.retry} <a href=${`batch-jobs/${job.parent}`}>${texts.parentLink}</a></p>`}
      <${Bar} job=${job} label=${plainTitle(job.title)} />
      <${Counts} job=${job} />
      ${isEnded
        ? html`<${Summary} job=${job} jobs=${jobs} moreFailures=${moreFailures} listed=${listed} />${job.status === 'completed' && html`<${FollowUps} job=${job} jobs=${jobs} />`}`
        : html`<${Running} job=${job} listed=${listed} /><${Driver} job=${job} jobs=${jobs} lead=${lead} driving=${driving} />`}
      <${Buttons} job=${job} jobs=${jobs} />
    </section>
    ${listed && html`<${Items} items=${items} />`}
  `;
}

const href = (path) => new URL(path, document.baseURI).href;

/* Stands for an id when the address has none. */
export const NO_ID = '-';

function Missing({ id }) {
  return html`
    <section class="sheet" id="missing">
      <h2>No such job</h2>
      <p>${id === NO_ID ? 'The address names no job.' : html`There is no job <code>${id}</code> here: the address is wrong, or the job has been deleted or has aged out.`}</p>
    </section>
  `;
}

export function BatchApp({ id, jobs, preferences, moreFailures, lead, driving, items }) {
  const state = store.jobs.value;
  const job = S.followedJob(state);
  return html`
    <${Head} preferences=${preferences} href=${href} quiet=${state.missing} />
    <${Notices} />
    <main class="batch">
      <h1 class="vh">${texts.batchPage}</h1>
      <p><a href="./">${texts.allFiles}</a></p>
      ${job && html`<${Job} job=${job} jobs=${jobs} moreFailures=${moreFailures} lead=${lead} driving=${driving} items=${items.value} />`}
      ${!job && (!state.missing ? html`<p class="empty">${texts.loading}</p>` : html`<${Missing} id=${id} />`)}
    </main>
    <${Spoken} />
  `;
}
