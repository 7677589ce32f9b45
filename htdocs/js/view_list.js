/*
 * view_list.js - the files as a list of any length: only rows near the screen are there, and they are used again.
 *
 * The page itself scrolls, not a box in it: then the wheel, the space bar, fingers, a phone's address line that goes away
 * and the browser's memory of where one was work as everywhere. All rows have one height; 100,000 of the tallest make
 * 10 million pixels, Firefox draws 17 million, Chromium 33.
 *
 * The keyboard stays with the table, which names the row it is at (aria-activedescendant): a row that is taken away by
 * scrolling takes no focus with it.
 */
import { Component } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { fileKey } from './query.js';
import { date, dateTime, folder, num, size, visible } from './format.js';

const AROUND = 8; /* rows drawn above and below what is seen */
const HEAD_PX = 88; /* what stays at the top while the list scrolls */
const FOOT_PX = 64; /* what may lie over its bottom */
const HEIGHTS = { wide: [56, 92], narrow: [76, 92] }; /* without and with covers */
const MARK_ICON = { marked: 'check', unmarked: 'circle', duplicate: 'copy' };
const KEEP_MS = 200;

const narrow = window.matchMedia('(max-width: 640px)');
const rowHeight = () => HEIGHTS[narrow.matches ? 'narrow' : 'wide'][store.covers.value ? 1 : 0];
const markOf = (file) => (file.duplicate ? 'duplicate' : file.processed ? 'marked' : 'unmarked');

function Status({ file }) {
  const mark = markOf(file);
  const problems = file.problems?.length ?? 0;
  return html`
    <span data-mark=${mark}><${Icon} name=${MARK_ICON[mark]} />${texts.marks[mark]}</span>
    ${problems > 0 && html`<span data-mark="problems"><${Icon} name="alert" />${texts.listProblems(problems)}</span>`}
  `;
}

/* A cover that cannot be had leaves an empty frame. */
const hide = (event) => (event.currentTarget.hidden = true);

function Cover({ file }) {
  const url = `api/file/${encodeURIComponent(fileKey(file))}/cover?v=${Math.round(file.modified * 1000)}`;
  return html`<span class="cover"><img key=${url} src=${url} alt="" loading="lazy" decoding="async" onError=${hide} /></span>`;
}

const PROPS = ['index', 'file', 'top', 'chosen', 'active', 'covers'];

class Row extends Component {
  shouldComponentUpdate(next) {
    return PROPS.some((name) => next[name] !== this.props[name]);
  }

  render({ index, file, top, chosen, active, covers }) {
    const place = { id: `row-${index}`, 'aria-rowindex': index + 2, 'data-index': index, style: { top: `${top}px` } };
    if (!file) return html`<tr role="row" class="blank" aria-busy="true" ...${place}><td role="gridcell" class="name">\u2026</td></tr>`;
    const where = folder(file.relative_path);
    return html`
      <tr role="row" class=${`${chosen ? 'chosen' : ''}${active ? ' active' : ''}`} aria-selected=${chosen ? 'true' : 'false'} ...${place}>
        <td role="gridcell" class="box"><input type="checkbox" tabindex="-1" checked=${chosen} aria-label=${texts.listSelect(visible(file.name))} /></td>
        <td role="gridcell" class="name">
          ${covers && html`<${Cover} file=${file} />`}
          <span class="names" title=${visible(file.relative_path)}>
            <button class="plain open" tabindex="-1" data-open=${fileKey(file)}><${Name} class="file" text=${file.name} /></button>
            ${where && html`<${Name} class="folder" text=${where} />`}
          </span>
        </td>
        <td role="gridcell" class="size">${size(file.size)}</td>
        <td role="gridcell" class="date"><span title=${dateTime(file.modified)}>${date(file.modified)}</span></td>
        <td role="gridcell" class="mark"><${Status} file=${file} /></td>
      </tr>
    `;
  }
}

function Rows({ library, first, count, height }) {
  const { from, to } = store.rows.value;
  const selection = store.selection.value;
  const covers = store.covers.value;
  void store.revision.value;
  const pool = to - from; /* as many rows as are there: the one that leaves at the top comes in at the bottom */
  const drawn = [];
  for (let index = Math.max(from, first); index < Math.min(to, first + count); index += 1) {
    const file = library.row(index);
    drawn.push(html`<${Row} key=${index % pool} index=${index} file=${file} top=${(index - first) * height} covers=${covers}
      active=${index === store.active.value} chosen=${file !== null && Selection.has(selection, fileKey(file))} />`);
  }
  return drawn;
}

/* The box in the head: checked, or half so, which no attribute can say. */
function AllBox({ library }) {
  const box = useRef(null);
  const selection = store.selection.value;
  const [from, to] = library.range();
  const paged = store.view.value.perPage > 0;
  void store.revision.value;
  let on = Selection.sizeOf(selection);
  if (paged) {
    on = 0;
    for (let i = from; i < to; i += 1) on += library.row(i) !== null && Selection.has(selection, fileKey(library.row(i))) ? 1 : 0;
  }
  const all = on > 0 && on >= to - from;
  useEffect(() => {
    box.current.indeterminate = on > 0 && !all;
  });
  return html`
    <input id="select-page" type="checkbox" ref=${box} disabled=${to === from} checked=${all}
      aria-label=${paged ? texts.listSelectPage : texts.listSelectAll} onChange=${(event) => library.toggleAll(event.currentTarget.checked)} />
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

/* The keyboard of the list. Gives false for a key that is none of its own. */
function press(event, library, go) {
  const [from, to] = library.range();
  const { key, shiftKey: shift } = event;
  const active = store.active.value;
  const screen = Math.max(1, Math.floor((window.innerHeight - HEAD_PX - FOOT_PX) / rowHeight()));
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: screen, PageUp: -screen, Home: -Infinity, End: Infinity };
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === 'a' && !shift) library.selectAll();
  else if (event.ctrlKey || event.metaKey || event.altKey) return false;
  else if (key in steps && to > from) {
    const next = active < 0 ? (key === 'End' ? to - 1 : Math.max(from, store.rows.value.top)) : Math.min(to - 1, Math.max(from, active + steps[key]));
    if (shift) library.extend(next, active < 0 ? next : active);
    go(next);
  } else if (key === ' ' && active >= 0) {
    if (shift) library.extend(active);
    else library.toggle(active);
  } else if (key === 'Enter' && active >= 0) store.opened.value = library.row(active);
  else if (key === 'Escape' && Selection.sizeOf(store.selection.value) > 0) library.clearSelection();
  else return false;
  return true;
}

/* Which rows are seen, as the page lies now. */
function measure(body, library, first, count) {
  const height = rowHeight();
  const head = -body.getBoundingClientRect().top;
  const clamp = (n) => first + Math.min(count, Math.max(0, n));
  const seen = Math.max(0, Math.floor((head + HEAD_PX) / height));
  const shown = Math.ceil(window.innerHeight / height) + 1;
  const at = Math.max(0, Math.min(Math.floor(head / height), count - shown));
  const next = { from: clamp(at - AROUND), to: clamp(at + shown + AROUND), top: head + HEAD_PX > 0 && count > 0 ? clamp(Math.min(seen, count - 1)) : -1 };
  const { from, to, top } = store.rows.value;
  if (from !== next.from || to !== next.to || top !== next.top) store.rows.value = next;
  if (next.to > next.from) library.want(next.from, next.to);
}

export function List({ library }) {
  const table = useRef(null);
  const body = useRef(null);
  const { sort, direction } = store.view.value;
  const [first, behind] = library.range();
  const count = behind - first;
  const height = rowHeight();
  const active = store.active.value;
  const { from, to } = store.rows.value;
  const look = useRef(null);
  look.current = () => measure(body.current, library, first, count);

  useLayoutEffect(() => {
    const listTop = () => body.current.getBoundingClientRect().top + window.scrollY;
    const was = library.drawn((rows) => {
      if (rows !== null) window.scrollBy(0, rows * rowHeight());
      else window.scrollTo(0, Math.min(window.scrollY, Math.max(0, listTop() - HEAD_PX)));
      look.current();
    });
    if (was > 0) window.scrollTo(0, was);
    let timer = 0;
    const scrolled = () => {
      look.current();
      clearTimeout(timer);
      timer = setTimeout(() => library.keepTop(Math.round(window.scrollY)), KEEP_MS);
    };
    const keyed = (event) => {
      const { target } = event;
      if (event.defaultPrevented || document.querySelector('dialog[open]') || (target !== document.body && !target.closest?.('#file-table tbody'))) return;
      const mine = event.key === 'Escape' || event.key.toLowerCase() === 'a';
      if (mine && press(event, library, () => {})) event.preventDefault();
    };
    window.addEventListener('scroll', scrolled, { passive: true });
    window.addEventListener('resize', scrolled);
    document.addEventListener('keydown', keyed);
    return () => {
      clearTimeout(timer);
      library.gone();
      window.removeEventListener('scroll', scrolled);
      window.removeEventListener('resize', scrolled);
      document.removeEventListener('keydown', keyed);
    };
  }, []);
  useLayoutEffect(() => look.current(), [first, count, height, sort, direction]);

  const go = (index) => {
    store.active.value = index;
    const top = body.current.getBoundingClientRect().top + window.scrollY + (index - first) * height;
    if (top - HEAD_PX < window.scrollY) window.scrollTo(0, top - HEAD_PX);
    else if (top + height + FOOT_PX > window.scrollY + window.innerHeight) window.scrollTo(0, top + height + FOOT_PX - window.innerHeight);
    look.current();
  };
  const keyDown = (event) => {
    if (event.target.closest('thead')) return;
    if (press(event, library, go)) event.preventDefault();
  };
  const click = (event) => {
    const row = event.target.closest('tr[data-index]');
    if (!row) return;
    const index = Number(row.dataset.index);
    store.active.value = index;
    table.current.focus({ preventScroll: true });
    if (event.target.closest('.open')) store.opened.value = library.row(index);
    else if (event.shiftKey) library.extend(index);
    else library.toggle(index);
  };
  const noText = (event) => event.shiftKey && event.preventDefault(); /* else a range of text is selected as well */

  return html`
    <table id="file-table" role="grid" tabindex="0" ref=${table} class=${store.covers.value ? 'with-covers' : ''} aria-label=${texts.listFiles}
      aria-rowcount=${behind + 1} aria-multiselectable="true" aria-busy=${store.loading.value ? 'true' : 'false'}
      aria-activedescendant=${active >= from && active < to ? `row-${active}` : null} onKeyDown=${keyDown}>
      <thead role="rowgroup">
        <tr role="row" aria-rowindex="1">
          <th role="columnheader" class="box"><${AllBox} library=${library} /></th>
          <${SortHead} name="name" library=${library} />
          <${SortHead} name="size" library=${library} />
          <${SortHead} name="date" library=${library} />
          <th role="columnheader" class="mark">${texts.listStatus}</th>
        </tr>
      </thead>
      <tbody role="rowgroup" ref=${body} style=${{ height: `${count * height}px`, '--row': `${height}px` }} onClick=${click} onMouseDown=${noText}>
        <${Rows} library=${library} first=${first} count=${count} height=${height} />
      </tbody>
    </table>
  `;
}
