/*
 * main.js - the page of the library: /.
 */
import { render } from 'preact';
import * as S from './state.js';
import { createLibrary } from './library.js';
import { createPage } from './page.js';
import { createPreferences } from './preferences.js';
import { html } from './dom.js';
import { App } from './view_app.js';

const page = createPage({
  onJob: (job, before) => before && S.ended(job) && !S.ended(before) && library.refresh(),
  onOther(message) {
    if (message && (message.type === 'library_changed' || message.type === 'file_processed')) library.changed();
  },
});
const { api, memory, clock, jobs, moreFailures } = page;
const preferences = createPreferences({ api, memory });
const library = createLibrary({ api, preferences, clock });

render(html`<${App} jobs=${jobs} preferences=${preferences} library=${library} moreFailures=${moreFailures} />`, document.getElementById('app'));
page.start();
void jobs.resume();
void library.start();
