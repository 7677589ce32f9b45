/*
 * job_parts.js - what the pages of jobs share: the state of a job as picture and word, its counts, its buttons.
 */
import { useComputed } from '@preact/signals';
import { html, Icon, Name } from './dom.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { num, ofTotal } from './format.js';
import { newest } from './job_list.js';

const ICONS = { queued: 'circle', processing: 'play', completed: 'check', failed: 'alert', cancelled: 'cross' };

/* The job as it is known now; redraws only when this job has changed. */
export function useJob(id, listed = null) {
  const live = useComputed(() => store.jobs.value.jobs[id] ?? null);
  return newest(listed, live.value);
}

export function State({ job }) {
  const paused = job.paused && !S.ended(job);
  const kind = paused ? 'paused' : job.status === 'completed' && job.errors > 0 ? 'partly' : job.status;
  return html`<span class="job-state" data-state=${kind}><${Icon} name=${paused ? 'pause' : kind === 'partly' ? 'alert' : ICONS[job.status] ?? 'dot'} />${texts.jobsStateOf(job)}</span>`;
}

/* "1,204 of 3,000, 3 failed" */
export function Numbers({ job }) {
  return html`<span class="job-numbers">${ofTotal(job.processed, job.total)}${job.errors > 0 && html`, <span class="bad">${num(job.errors)} failed</span>`}</span>`;
}

export const operationLabel = (name) => store.operations.value.find((operation) => operation.name === name)?.label ?? name;
export const Operation = ({ name }) => html`<${Name} text=${operationLabel(name)} />`;

/* Whether an undo of the job makes sense: it changed books, in a way that a preview could have told. */
export function undoable(job) {
  const operation = store.operations.value.find(({ name }) => name === job.operation);
  return S.ended(job) && !job.dry_run && job.success > 0 && (job.operation === 'undo' || !!operation?.previews);
}

/* Pause, resume and cancel, of a job that has not ended. */
export function Control({ job, jobs }) {
  const state = store.jobs.value;
  if (S.ended(job)) return null;
  const cancelling = S.isCancelling(state, job);
  const asked = state.pending[job.job_id];
  const pause = job.paused ? texts.jobsResumeJob : texts.jobsPauseJob;
  return html`
    <button class="job-pause" aria-label=${texts.jobsAbout(pause, job)} aria-disabled=${cancelling || asked ? 'true' : null}
      onClick=${() => !cancelling && jobs.setPaused(job.job_id, !job.paused)}>${pause}</button>
    <button class="job-cancel" aria-label=${texts.jobsAbout(texts.jobsCancelJob, job)} aria-disabled=${cancelling ? 'true' : null}
      onClick=${() => jobs.cancel(job.job_id)}>${cancelling ? texts.cancelling : texts.jobsCancelJob}</button>
  `;
}
