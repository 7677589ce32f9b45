/*
 * view_library.js - the list of files with search, filter, order and pages.
 */
import { useEffect, useRef } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { FILTERS, PER_PAGE, SORTS, fileKey, pageNumbers } from './query.js';
import { date, dateTime, folder, num, plural, size, visible } from './format.js';

const MARK_ICON = { marked: 'check', unmarked: 'circle', duplicate: 'copy' };
const markOf = (file) => (file.duplicate ? 'duplicate' : file.processed ? 'marked' : 'unmarked');

function Tools({ library }) {
  const view = store.view.value;
  const order = `${view.sort} ${view.direction}`;
  return html`
    <form class="tools" role="search" onSubmit=${(event) => event.preventDefault()}>
      <input id="search" type="search" placeholder="Search names and folders" aria-label="Search names and folders"
        autocomplete="off" spellcheck=${false} onInput=${(event) => library.search(event.currentTarget.value)} />
      <label class="field"><span>Show</span>
        <select id="filter" value=${view.filter} onChange=${(event) => library.setFilter(event.currentTarget.value)}>
          ${FILTERS.map((name) => html`<option value=${name}>${texts.filters[name]}</option>`)}
        </select>
      </label>
      <label class="field narrow-only"><span>Order</span>
        <select id="sort" value=${order} onChange=${(event) => library.setSort(...event.currentTarget.value.split(' '))}>
          ${SORTS.flatMap((name) =>
            ['asc', 'desc'].map((way) => html`<option value=${`${name} ${way}`}>${texts.sorts[name]} ${way === 'asc' ? '\u2191' : '\u2193'}</option>`),
          )}
        </select>
      </label>
      <label class="field"><span>Per page</span>
        <select id="per-page" value=${String(view.perPage)} onChange=${(event) => library.setPerPage(Number(event.currentTarget.value))}>
          ${PER_PAGE.map((n) => html`<option value=${String(n)}>${n}</option>`)}
        </select>
      </label>
    </form>
  `;
}

/* A checkbox that can be half on, which no attribute can say. */
function PageBox({ keys, library }) {
  const box = useRef(null);
  const on = keys.filter((key) => Selection.has(store.selection.value, key)).length;
  useEffect(() => {
    box.current.indeterminate = on > 0 && on < keys.length;
  });
  return html`
    <input id="select-page" type="checkbox" ref=${box} disabled=${keys.length === 0} checked=${on > 0 && on === keys.length}
      aria-label="Select all on this page" onChange=${() => library.togglePage(keys)} />
  `;
}

function SortHead({ name, library }) {
  const { sort, direction } = store.view.value;
  const mine = sort === name;
  const next = mine && direction === 'asc' ? 'desc' : 'asc';
  return html`
    <th role="columnheader" class=${name} aria-sort=${mine ? `${direction}ending` : null}>
      <button class="plain" onClick=${() => library.setSort(name, next)}>${texts.sorts[name]}${mine && html`<${Icon} name=${direction === 'asc' ? 'up' : 'down'} />`}</button>
    </th>
  `;
}

function Row({ file, library }) {
  const key = fileKey(file);
  const mark = markOf(file);
  const chosen = Selection.has(store.selection.value, key);
  return html`
    <tr role="row" class=${chosen ? 'chosen' : ''}>
      <td role="cell" class="box"><input type="checkbox" checked=${chosen} aria-label=${`Select ${visible(file.name)}`} onChange=${() => library.toggleOne(key)} /></td>
      <td role="cell" class="name" onClick=${() => library.toggleOne(key)}>
        <${Name} class="file" text=${file.name} />
        ${folder(file.relative_path) && html`<${Name} class="folder" text=${folder(file.relative_path)} />`}
      </td>
      <td role="cell" class="size">${size(file.size)}</td>
      <td role="cell" class="date"><span title=${dateTime(file.modified)}>${date(file.modified)}</span></td>
      <td role="cell" class="mark"><span data-mark=${mark}><${Icon} name=${MARK_ICON[mark]} />${texts.marks[mark]}</span></td>
    </tr>
  `;
}

function Table({ library }) {
  const { files } = store.files.value;
  return html`
    <table id="file-table" role="table" aria-busy=${store.loading.value ? 'true' : 'false'} aria-label="Files">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" class="box"><${PageBox} keys=${files.map(fileKey)} library=${library} /></th>
          <${SortHead} name="name" library=${library} />
          <${SortHead} name="size" library=${library} />
          <${SortHead} name="date" library=${library} />
          <th role="columnheader" class="mark">Status</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${files.map((file) => html`<${Row} key=${file.relative_path} file=${file} library=${library} />`)}
      </tbody>
    </table>
  `;
}

function Pages({ library }) {
  const { page, total_pages: pages } = store.files.value;
  if (!(pages > 1)) return null;
  const button = (n, text, label) =>
    html`<button class="plain" disabled=${n < 1 || n > pages} aria-label=${label} onClick=${() => library.setPage(n)}>${text}</button>`;
  return html`
    <nav class="pages" aria-label="Pages">
      ${button(page - 1, '\u2039', 'Previous page')}
      ${pageNumbers(page, pages).map((n) =>
        n === null
          ? html`<span aria-hidden="true">\u2026</span>`
          : html`<button class="plain" aria-current=${n === page ? 'page' : null} aria-label=${`Page ${n}`} onClick=${() => library.setPage(n)}>${num(n)}</button>`,
      )}
      ${button(page + 1, '\u203a', 'Next page')}
    </nav>
  `;
}

function Empty() {
  const { search, filter } = store.view.value;
  if (search) return html`<p class="empty">No file matches this search.</p>`;
  if (filter !== 'all') return html`<p class="empty">No file has this mark.</p>`;
  return html`<p class="empty">No comics yet. Files put into the library folder appear here.</p>`;
}

export function Library({ library }) {
  const answer = store.files.value;
  if (!store.view.value) return html`<p class="empty">Reading the library\u2026</p>`;
  const chosen = Selection.sizeOf(store.selection.value);
  return html`
    <section class="library" aria-label="Library">
      <${Tools} library=${library} />
      ${!answer && html`<p class="empty">${store.loading.value ? 'Reading the library\u2026' : 'The list is not here yet.'}</p>`}
      ${answer &&
      html`
        <p class="sums">
          <span>${plural(answer.total_files, 'file', 'files')}</span>
          ${chosen > 0 && html`<span>${num(chosen)} selected <button class="plain" id="btn-clear" onClick=${library.clearSelection}>Clear</button></span>`}
        </p>
        ${answer.files.length > 0 ? html`<${Table} library=${library} />` : html`<${Empty} />`}
        <${Pages} library=${library} />
      `}
    </section>
  `;
}
