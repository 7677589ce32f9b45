/*
 * view_quality.js - the quality mark of the head: how good the connection is, and how old what is shown may be.
 */
import { html } from './dom.js';
import * as store from './store.js';
import * as texts from './strings.js';

const OLD_MS = 5000;

export function Quality() {
  const { quality, checkedAt_ms } = store.connection.value;
  const { text, hint } = texts.qualities[quality];
  const age_ms = store.now_ms.value - checkedAt_ms;
  return html`
    <span class="quality" data-quality=${quality} title=${hint}>
      <span>${text}${quality !== 'live' && age_ms >= OLD_MS && html`<span class="age"> <span>${texts.updatedWord} </span>${texts.ago(Math.floor(age_ms / 1000))}</span>`}</span>
    </span>
  `;
}
