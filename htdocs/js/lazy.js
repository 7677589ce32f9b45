/*
 * lazy.js - parts of the page that are loaded when they are first shown.
 */
import { useEffect, useState } from 'preact/hooks';
import { html } from './dom.js';
import * as texts from './strings.js';

const waitingText = html`<p class="empty" aria-busy="true">${texts.loadingPart}</p>`;

const sheets = new Map(); /* name -> promise */

/* Loads the style css/<name>.css; SHEETS has the names that build.mjs gave them, beside this script. */
function loadSheet(name) {
  if (!sheets.has(name))
    sheets.set(
      name,
      new Promise((done, failed) => {
        const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: new URL(SHEETS[name], import.meta.url).href, onload: done, onerror: failed });
        document.head.append(link);
      }).catch((error) => {
        sheets.delete(name);
        throw error;
      }),
    );
  return sheets.get(name);
}

/*
 * A component that loads the module of `load`, and the style `sheet` when one is named, and draws the component that the
 * module calls `View`, with the same properties. Meanwhile it draws `waiting`.
 * A part that cannot be loaded says so: mostly the server has another version by now, whose parts have other names.
 */
export function lazy(load, { waiting = waitingText, sheet = null } = {}) {
  let View = null;
  return function Part(props) {
    const [state, setState] = useState(View ? 'here' : 'loading');
    const read = () =>
      Promise.all([load(), sheet && loadSheet(sheet)]).then(
        ([module]) => {
          View = module.View;
          setState('here');
        },
        () => setState('failed'),
      );
    useEffect(() => void (View || read()), []);
    if (View) return html`<${View} ...${props} />`;
    if (state === 'loading') return waiting;
    return html`<p class="empty" role="alert">${texts.partFailed} <button onClick=${() => window.location.reload()}>${texts.reload}</button></p>`;
  };
}
