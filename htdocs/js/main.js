/*
 * main.js - the page of everything but one driven batch: /, /jobs, /jobs/{id}, /history, /settings, /logs, /server.
 */
import { render } from 'preact';
import * as S from './state.js';
import * as store from './store.js';
import { createAddress } from './address.js';
import { install } from './install.js';
import { createLibrary } from './library.js';
import { createPage } from './page.js';
import { createPreferences } from './preferences.js';
import { createRoutes } from './routes.js';
import { html } from './dom.js';
import { App } from './view_app.js';

let heldAt_ms = 0; /* when the stream has said last what jobs are held for; what was asked for before is older */
let noticing = null; /* noticing.js; loaded with the first job */

const page = createPage({
  jobs: { held: (reason, asked_ms) => asked_ms >= heldAt_ms && (store.held.value = reason) },
  onJob(job, before) {
    if (before && S.ended(job) && !S.ended(before) && !job.dry_run) library.refresh();
    noticing ??= import('./noticing.js').then((module) => module.createNoticing({ memory, clock, jobs }));
    noticing.then((ends) => ends.job(job, before), () => (noticing = null)); /* the server is away: with the next message */
  },
  onOther(message) {
    if (message?.type === 'service') {
      heldAt_ms = performance.now();
      store.held.value = message.data?.held ?? null;
    }
    if (message && ['library_changed', 'file_processed', 'missed'].includes(message.type)) library.changed();
    store.message.value = message;
  },
});
const { api, memory, clock, jobs, moreFailures } = page;
const preferences = createPreferences({ api, memory });
const library = createLibrary({ api, preferences, clock, address: createAddress(window) });
const routes = createRoutes({ window, changed: (route, url) => (store.route.value = { ...(route ?? { view: 'none', id: null }), url }) });

/* What every view is given. */
const app = { api, clock, memory, jobs, moreFailures, preferences, library, routes };

render(html`<${App} app=${app} />`, document.getElementById('app'));
page.start();
void jobs.resume();
void library.start();
install({ window, memory, base: document.baseURI });
