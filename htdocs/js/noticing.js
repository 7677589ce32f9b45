/*
 * noticing.js - ends.js and signs.js in a page; loaded when the first job is seen. createNoticing({memory, clock, jobs}).
 */
import { effect } from '@preact/signals';
import * as store from './store.js';
import * as texts from './strings.js';
import { randomKey } from './api.js';
import { createEnds } from './ends.js';
import { createSigns } from './signs.js';

export function createNoticing({ memory, clock, jobs }) {
  const ends = createEnds({
    memory,
    clock,
    document,
    tab: randomKey(),
    state: jobs.state,
    signs: createSigns({ window, show: jobs.show }),
    toast: (job) =>
      store.notify(job.status === 'completed' && !job.errors ? 'info' : 'error', `${texts.endTitle(job)}. ${texts.endBody(job)}.`,
        { text: texts.endShow, run: () => jobs.show(job.job_id) }, `end ${job.job_id}`),
  });
  effect(() => store.followed.value !== undefined && ends.paint());
  return ends;
}
