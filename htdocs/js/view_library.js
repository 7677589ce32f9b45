/*
 * view_library.js - the library: search, filter, order and folders, and around the list what is selected of it.
 */
import { useEffect, useRef } from 'preact/hooks';
import { html } from './dom.js';
import { lazy } from './lazy.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { List } from './view_list.js';
import { FILTERS, PER_PAGE, SORTS } from './query.js';
import { num, plural } from './format.js';

const Folders = lazy(() => import('./view_folders.js'), { waiting: null });
const Pages = lazy(() => import('./view_pages.js'), { waiting: null });

/* What is typed is the user's; only another address changes it. */
function Search({ library }) {
  const box = useRef(null);
  const { search } = store.view.value;
  useEffect(() => {
    if (document.activeElement !== box.current) box.current.value = search;
  }, [search]);
  return html`
    <input id="search" type="search" placeholder=${texts.listSearch} aria-label=${texts.listSearch} ref=${box}
      autocomplete="off" spellcheck=${false} onInput=${(event) => library.search(event.currentTarget.value)} />
  `;
}

function Choice({ id, label, value, options, onChoose, narrow }) {
  return html`
    <label class=${`field${narrow ? ' narrow-only' : ''}`}><span>${label}</span>
      <select id=${id} value=${value} onChange=${(event) => onChoose(event.currentTarget.value)}>
        ${options.map(([name, text]) => html`<option value=${name}>${text}</option>`)}
      </select>
    </label>
  `;
}

function Tools({ library }) {
  const view = store.view.value;
  const counts = store.files.value?.counts;
  const filters = FILTERS.map((name) => [name, `${texts.filters[name]}${counts ? ` (${num(counts[name])})` : ''}`]);
  const orders = SORTS.flatMap((name) => ['asc', 'desc'].map((way) => [`${name} ${way}`, `${texts.sorts[name]} ${way === 'asc' ? '\u2191' : '\u2193'}`]));
  const lengths = PER_PAGE.map((n) => [String(n), n ? String(n) : texts.listEverything]);
  return html`
    <form class="tools" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${Search} library=${library} />
      <${Choice} id="filter" label=${texts.listShow} value=${view.filter} options=${filters} onChoose=${library.setFilter} />
      <${Choice} id="sort" label=${texts.listOrder} value=${`${view.sort} ${view.direction}`} options=${orders} narrow onChoose=${(order) => library.setSort(...order.split(' '))} />
      <${Choice} id="per-page" label=${texts.listPerPage} value=${String(view.perPage)} options=${lengths} onChoose=${(n) => library.setPerPage(Number(n))} />
      <button id="btn-covers" type="button" aria-pressed=${store.covers.value ? 'true' : 'false'} onClick=${() => library.setCovers(!store.covers.value)}>${texts.listCovers}</button>
    </form>
  `;
}

function chosenText(selection, n) {
  if (selection.kind === 'keys') return texts.listSelected(n);
  return selection.except.size === 0 ? texts.listAllMatch(n) : texts.listMatchBut(n, selection.except.size);
}

/* How many there are, and how many of them are selected. */
function Sums({ library }) {
  const selection = store.selection.value;
  const n = Selection.sizeOf(selection);
  return html`
    <div class="sums">
      <span class="total">${plural(store.files.value.total, 'file', 'files')}</span>
      <span class="chosen-text" role="status">
        ${store.selecting.value ? texts.listSelecting : n > 0 ? chosenText(selection, n) : ''}
        ${n > 0 && selection.kind === 'match' && html` <span class="hint">${texts.listMatchHint}</span>`}
      </span>
      ${n > 0 &&
      html`
        <button class="plain" id="btn-edit-many" onClick=${() => (store.editing.value = selection)}>${texts.listEdit}</button>
        <button class="plain" id="btn-delete-many" onClick=${() => (store.deleting.value = selection)}>${texts.listRemove}</button>
        <button class="plain" id="btn-clear" onClick=${library.clearSelection}>${texts.listClear}</button>
      `}
    </div>
  `;
}

function Empty() {
  const { search, filter, folder } = store.view.value;
  return html`<p class="empty">${search ? texts.listNoMatch : filter !== 'all' || folder ? texts.listNoneHere : texts.listNoBooks}</p>`;
}

export function Library({ library }) {
  const answer = store.files.value;
  if (!store.view.value) return html`<p class="empty">${texts.listReading}</p>`;
  return html`
    <section class="library" aria-label=${texts.nav.library}>
      <${Tools} library=${library} />
      ${!answer && html`<p class="empty">${store.loading.value ? texts.listReading : texts.listNotHere}</p>`}
      ${answer &&
      html`
        <div class="shelf">
          <${Folders} library=${library} />
          <div class="books">
            <${Sums} library=${library} />
            ${answer.total > 0 ? html`<${List} library=${library} />` : html`<${Empty} />`}
            ${store.view.value.perPage > 0 && html`<${Pages} library=${library} />`}
          </div>
        </div>
      `}
    </section>
  `;
}
