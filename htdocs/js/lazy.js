/*
 * lazy.js - parts of the page that are loaded when they are first shown.
 */
import { useEffect, useState } from 'preact/hooks';
import { html } from './dom.js';
import * as texts from './strings.js';

/*
 * A component that loads the module of `load` and draws the component that it calls `View`, with the same properties.
 * A part that cannot be loaded says so: mostly the server has another version by now, whose parts have other names.
 */
export function lazy(load) {
  let View = null;
  return function Part(props) {
    const [state, setState] = useState(View ? 'here' : 'loading');
    const read = () =>
      load().then(
        (module) => {
          View = module.View;
          setState('here');
        },
        () => setState('failed'),
      );
    useEffect(() => void (View || read()), []);
    if (View) return html`<${View} ...${props} />`;
    if (state === 'loading') return html`<p class="empty" aria-busy="true">${texts.loadingPart}</p>`;
    return html`<p class="empty" role="alert">${texts.partFailed} <button onClick=${() => window.location.reload()}>${texts.reload}</button></p>`;
  };
}
