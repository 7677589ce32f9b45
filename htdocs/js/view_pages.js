/*
 * view_pages.js - the numbers below a list that is shown in pages.
 */
import { html } from './dom.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { pageCount, pageNumbers } from './query.js';
import { num } from './format.js';

export function View({ library }) {
  const { page } = store.view.value;
  const pages = pageCount(store.view.value, store.files.value.total);
  if (!(pages > 1)) return null;
  const button = (n, text, label) =>
    html`<button class="plain" disabled=${n < 1 || n > pages} aria-label=${label} onClick=${() => library.setPage(n)}>${text}</button>`;
  return html`
    <nav class="pages" aria-label=${texts.listPages}>
      ${button(page - 1, '\u2039', texts.listPrevious)}
      ${pageNumbers(page, pages).map((n) =>
        n === null
          ? html`<span aria-hidden="true">\u2026</span>`
          : html`<button class="plain" aria-current=${n === page ? 'page' : null} aria-label=${texts.listPage(n)} onClick=${() => library.setPage(n)}>${num(n)}</button>`,
      )}
      ${button(page + 1, '\u203a', texts.listNext)}
    </nav>
  `;
}
