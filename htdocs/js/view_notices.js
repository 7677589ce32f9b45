/*
 * view_notices.js - how this browser makes the end of a job noticed: the choices of ends.js. View({app}) stands alone.
 */
import { useState } from 'preact/hooks';
import { html } from './dom.js';
import * as texts from './strings.js';
import { noticesOf } from './ends.js';
import { notifyState, playTone } from './signs.js';

export function Notices({ app }) {
  const [choices, setChoices] = useState(noticesOf(app.memory));
  const [state, setState] = useState(notifyState(window));
  const put = (change) => {
    const next = { ...noticesOf(app.memory), ...change };
    app.memory.set('notices', next);
    setChoices(next);
  };
  /* The browser's own question comes only now, on a click that asks for it. */
  async function wantNotify(event) {
    const box = event.currentTarget;
    if (!box.checked) return put({ notify: false });
    if (state === 'ask') await window.Notification.requestPermission();
    const now = notifyState(window);
    setState(now);
    box.checked = now === null;
    return put({ notify: now === null });
  }
  const cannot = state !== null && state !== 'ask';
  return html`
    <div class="notice-choices" role="group" aria-label=${texts.noticesTitle}>
      <label><input type="checkbox" id="notice-notify" checked=${choices.notify && state === null} disabled=${cannot}
        aria-describedby=${cannot ? 'notice-why' : null} onChange=${wantNotify} />${texts.noticesNotify}</label>
      ${cannot && html`<p class="dim" id="notice-why" role="status">${texts.noticesWhy[state]}</p>`}
      <label><input type="checkbox" id="notice-tone" checked=${choices.tone} onChange=${(event) => {
        put({ tone: event.currentTarget.checked });
        if (event.currentTarget.checked) void playTone(window, true).catch(() => {}); /* so that one knows it */
      }} />${texts.noticesTone}</label>
      <label><input type="checkbox" id="notice-all" checked=${choices.all} onChange=${(event) => put({ all: event.currentTarget.checked })} />${texts.noticesAll}</label>
    </div>
  `;
}

export function View({ app }) {
  return html`<section class="sheet"><h2>${texts.noticesTitle}</h2><${Notices} app=${app} /></section>`;
}
