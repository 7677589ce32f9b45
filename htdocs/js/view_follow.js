/*
 * view_follow.js - what follows a completed job, has followed, and can be made to follow.
 */
import { html } from './dom.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { visible } from './format.js';

/* View({job, jobs, show}), `job` one that is completed: `show(id)` shows a job here; without it there is a link to its page. */
export function View({ job, jobs, show }) {
  const operations = store.operations.value;
  const label = (name) => operations.find((operation) => operation.name === name)?.label ?? visible(name);
  const busy = !!store.jobs.value.pending[job.job_id];
  const offers = job.success > 0 ? S.offers(job, operations) : [];
  const there = (operation, id) =>
    show
      ? html`<button data-operation=${operation} onClick=${() => show(id)}>${texts.showFollowUp(label(operation))}</button>`
      : html`<a class="button" data-operation=${operation} href=${`batch-jobs/${id}`}>${texts.showFollowUp(label(operation))}</a>`;
  return html`
    <div class="follow-ups" id="follow-ups">
      ${S.followUps(job).map(({ operation, made }) =>
        made ? there(operation, made) : job.success > 0 && html`<p class="dim" role="status">${texts.followUpComes(label(operation))}</p>`,
      )}
      ${offers.length > 0 && html`<span class="dim">${texts.runFollowUp(job.success)}</span>`}
      ${offers.map(
        ({ name, text }) => html`<button class=${show ? '' : 'strong'} data-operation=${name} title=${text} aria-disabled=${busy ? 'true' : null}
          onClick=${() => jobs.followUp(job.job_id, name)}>${label(name)}</button>`,
      )}
    </div>
  `;
}
