/*
 * view_frame.js - what stands around every view: head, notices, and what is spoken.
 */
import { html, Icon } from './dom.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { Quality } from './view_quality.js';
import { announcement, firstAnnouncement } from './announce.js';

function Colours({ preferences }) {
  return html`
    <label class="field"><span class="vh">${texts.colours}</span>
      <select id="theme" value=${store.theme.value} onChange=${(event) => preferences.setTheme(event.currentTarget.value)}>
        ${Object.entries(texts.themes).map(([name, text]) => html`<option value=${name}>${text}</option>`)}
      </select>
    </label>
  `;
}

function Nav({ href }) {
  const { view } = store.route.value;
  const here = (name) => (name === view || (name === 'jobs' && view === 'job') ? 'page' : null);
  return html`
    <nav class="nav" aria-label=${texts.navLabel}>
      ${Object.entries(texts.nav).map(([name, text]) => html`<a href=${href(name === 'library' ? './' : name)} aria-current=${here(name)}>${text}</a>`)}
    </nav>
  `;
}

/* `href(path)` gives addresses. `quiet`: there is nothing to be connected for. */
export function Head({ preferences, href, quiet }) {
  return html`
    <header class="head">
      <a class="brand" href=${href('./')}><img src=${href('favicon.svg')} alt="" width="28" height="28" />Longbox</a>
      <${Nav} href=${href} />
      ${!quiet && html`<${Quality} />`}
      <${Colours} preferences=${preferences} />
    </header>
  `;
}

export function Notices() {
  return html`
    <div class="notices" aria-live="polite">
      ${store.notices.value.map(
        (notice) => html`
          <div class="notice" data-kind=${notice.kind} key=${notice.id} role=${notice.kind === 'error' ? 'alert' : 'status'}>
            <${Icon} name=${notice.kind === 'error' ? 'alert' : 'check'} />
            <p>${notice.text}</p>
            ${notice.action &&
            html`<button onClick=${() => {
              store.dismiss((other) => other.id === notice.id);
              notice.action.run();
            }}>${notice.action.text}</button>`}
            <button class="plain" aria-label="Dismiss" onClick=${() => store.dismiss((other) => other.id === notice.id)}><${Icon} name="cross" /></button>
          </div>
        `,
      )}
    </div>
  `;
}

let last = firstAnnouncement();
const said = { polite: '', assertive: '' };

/* Two regions for screen readers: progress politely and seldom, the end at once. */
export function Spoken() {
  const job = store.followed.value;
  if (job) {
    const isEnded = S.ended(job);
    const { speak, next } = announcement(last, job, isEnded, Date.now());
    last = next;
    if (speak) said[isEnded ? 'assertive' : 'polite'] = texts.spoken(job, isEnded);
  }
  return html`
    <div class="vh" role="status" aria-live="polite">${said.polite}</div>
    <div class="vh" aria-live="assertive">${said.assertive}</div>
  `;
}
