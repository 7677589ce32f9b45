/*
 * batch.js - the page of one job: /batch-jobs/{id}. It drives a batch that clients drive, and watches any other job.
 *
 * For tests and scripts: what page.js says, and <body> carries data-lead (me, other, nobody) and data-driver (a state
 * of drive.js).
 */
import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import * as S from './state.js';
import * as store from './store.js';
import { createDriver } from './drive.js';
import { createItems, mergeItems, settleItem, SHOWN_MAX } from './items.js';
import { leadOfTabs } from './lead.js';
import { createPage } from './page.js';
import { createPreferences } from './preferences.js';
import { html } from './dom.js';
import { BatchApp, NO_ID } from './view_batch.js';

/* The last part of the address; what is no id is asked for all the same, and not found. */
const id = decodeId(window.location.pathname.split('/').pop()).toLowerCase() || NO_ID;
const path = `api/batch-jobs/${encodeURIComponent(id)}`;

function decodeId(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const lead = signal('nobody');
const driving = signal('idle');
const listed = signal(null); /* the items, when they are few enough to be listed */

const page = createPage({
  jobs: { only: id, held: (reason) => (store.held.value = reason), open: (made) => window.location.assign(new URL(`batch-jobs/${made}`, document.baseURI)) },
  onJob: moved,
});
const { api, memory, clock, jobs } = page;
const preferences = createPreferences({ api, memory });
const items = createItems({ api, path, clock, changed: (list) => (listed.value = mergeItems(listed.value, list)) });

const leader = leadOfTabs({
  key: `drive.${id}`,
  memory,
  clock,
  changed(who) {
    lead.value = who;
    driver.go();
  },
});

const clientDriven = (job) => !!job && !S.ended(job) && job.drive === 'client';

const driver = createDriver({
  api,
  path,
  clock,
  may() {
    const job = S.followedJob(jobs.state());
    return leader.who() === 'me' && clientDriven(job) && !job.paused && !S.isCancelling(jobs.state(), job);
  },
  answered(answer) {
    leader.renew();
    if (listed.value) listed.value = settleItem(listed.value, answer);
    jobs.advance(id, answer);
  },
  look: () => void jobs.look(id),
  changed: (state) => (driving.value = state),
});

/* The job has changed: who may drive, and which items are done, may have changed with it. */
function moved(job) {
  leader.want(clientDriven(job));
  driver.go();
  if (driver.state() === 'waiting') driver.poke();
  if (job.total <= SHOWN_MAX) items.moved();
}

/* There is no such job: nothing more can come. */
effect(() => store.jobs.value.missing && page.connection.stop());
effect(() => {
  document.body.dataset.lead = lead.value;
  document.body.dataset.driver = driving.value;
});
effect(() => store.quality.value === 'live' && driver.poke()); /* the server is back */
window.addEventListener('online', driver.poke);
render(
  html`<${BatchApp} id=${id} jobs=${jobs} preferences=${preferences} moreFailures=${page.moreFailures}
    lead=${lead} driving=${driving} items=${listed} />`,
  document.getElementById('app'),
);
page.start();
jobs.show(id);
void preferences.read();
