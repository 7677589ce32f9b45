/*
 * job_calls.js - what the pages of jobs ask the server for, beside what jobs.js does. A failure becomes a notice.
 */
import * as store from './store.js';
import * as texts from './strings.js';

const path = (id, rest = '') => `api/jobs/${encodeURIComponent(id)}${rest}`;

/* createCalls({api, jobs}): each call gives its answer, or null when it failed. */
export function createCalls({ api, jobs }) {
  async function call(what, send) {
    try {
      return await send();
    } catch (error) {
      store.notify('error', texts.jobsCallFailed(what, error.text ?? String(error)));
      return null;
    }
  }

  /* A new job made of this one. */
  async function derive(what, rest, id) {
    const job = await call(what, () => api.post(path(id, rest), {}, { tries: rest === '/retry' ? 3 : 1 }));
    if (job) jobs.receive(job);
    return job;
  }

  return {
    retry: (id) => derive(texts.jobsRetry, '/retry', id),
    undo: (id) => derive(texts.jobsUndoJob, '/undo', id),
    remove: (id) => call(texts.jobsDeleteJob, () => api.delete(path(id))),
    pauseAll: (paused) => call(paused ? texts.jobsPauseAll : texts.jobsResumeAll, () => api.post(`api/jobs/${paused ? 'pause' : 'resume'}`, {}, { tries: 3 })),
    async change(id, what, body) {
      const job = await call(what, () => api.patch(path(id), body, { tries: 3 }));
      if (job) jobs.receive(job);
      return job;
    },
  };
}
