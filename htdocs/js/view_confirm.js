/*
 * view_confirm.js - the question before a job over many files.
 */
import { useEffect, useRef } from 'preact/hooks';
import { html } from './dom.js';
import * as store from './store.js';
import * as texts from './strings.js';

export function View() {
  const asked = store.confirming.value;
  const dialog = useRef(null);
  useEffect(() => {
    if (asked && !dialog.current.open) dialog.current.showModal();
  }, [asked]);
  if (!asked) return null;
  const done = () => (store.confirming.value = null);
  const go = () => {
    done();
    void asked.run();
  };
  return html`
    <dialog id="confirm-dialog" ref=${dialog} onClose=${done} aria-labelledby="confirm-title">
      <h2 id="confirm-title">${texts.confirmTitle(asked.operation, asked.count)}</h2>
      <p>${texts.confirmText[asked.operation.name]} You can cancel at any time; files already done stay done.</p>
      <div class="foot">
        <button id="btn-confirm-no" onClick=${done}>Keep as they are</button>
        <button id="btn-confirm" class="strong" onClick=${go}>${asked.operation.title} all</button>
      </div>
    </dialog>
  `;
}
