/*
 * view_actions.js - the buttons that start jobs; view_confirm.js asks before a big one.
 */
import { useState } from 'preact/hooks';
import { html } from './dom.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { num } from './format.js';
import { lazy } from './lazy.js';

const Question = lazy(() => import('./view_confirm.js'), { waiting: null });
const Start = lazy(() => import('./view_start.js'), { sheet: 'start' });

/* More files than this are not changed by one click alone. */
const ASK_ABOVE = 100;

function counts() {
  return { all: store.totals.value.all, selected: Selection.sizeOf(store.selection.value), unmarked: store.totals.value.unmarked };
}

async function startNow(jobs, library, operation, scope) {
  const selected = scope === 'selected' ? Selection.bodyOf(store.selection.value) : undefined;
  if ((await jobs.start(operation.name, scope, selected)) && selected) library.clearSelection();
}

function press(event, jobs, library, operation, scope, count) {
  if (event.detail > 1 || jobs.state().starting) return; /* the second half of a double click */
  const run = () => startNow(jobs, library, operation, scope);
  if (scope === 'all' && count > ASK_ABOVE) store.confirming.value = { operation, count, run };
  else void run();
}

export function Actions({ app }) {
  const { jobs, library } = app;
  const [more, setMore] = useState(false);
  const count = counts();
  const busy = store.starting.value;
  return html`
    <section class="actions" aria-label="Operations">
      ${texts.operations.map(
        (operation) => html`
          <div class="operation" key=${operation.name}>
            <h2>${operation.title}</h2>
            <p>${operation.hint}</p>
            <div class="buttons">
              ${Object.entries(texts.scopes).map(
                ([scope, text]) => html`
                  <button
                    id=${`btn-${operation.name}-${scope}`}
                    class=${operation.name === 'process' ? 'strong' : ''}
                    disabled=${count[scope] === 0}
                    aria-disabled=${busy ? 'true' : null}
                    onClick=${(event) => press(event, jobs, library, operation, scope, count[scope])}
                  ><span class="vh">${`${operation.title} `}</span>${text}${count[scope] === null ? '' : html` <span class="count">(${num(count[scope])})</span>`}</button>
                `,
              )}
            </div>
          </div>
        `,
      )}
      <p class="operation-more"><button id="btn-more" class="plain" aria-haspopup="dialog" onClick=${() => setMore(true)}>${texts.moreOperations}</button></p>
      ${more && html`<${Start} app=${app} onClose=${() => setMore(false)} />`}
    </section>
  `;
}

/* Asks, while there is something to ask. */
export const Confirm = () => store.confirming.value && html`<${Question} />`;
