/*
 * view_book.js - what is shown of store.opened, store.editing and store.deleting: the drawer of one book, the form for many, and
 * the question before a delete. View({app}).
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as B from './book.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { dateTime, folder, num, size, visible } from './format.js';
import { draftOf, hasDraft, keepDraft } from './drafts.js';
import { useBook } from './use_book.js';
import { Delete } from './view_delete.js';
import { EditMany } from './view_edit_many.js';
import { History } from './view_book_history.js';
import { Tags } from './view_book_tags.js';

const NARROW = '(max-width: 640px)';
const BEHIND = '#main, .head, .skip';
const markOf = (file) => (file.duplicate ? 'duplicate' : file.processed ? 'marked' : 'unmarked');
const asSelection = (file) => Selection.put(Selection.none(), [file.file_id], true);

function Cover({ app, file }) {
  const source = app.routes.href(`${B.filePath(file, '/cover')}?of=${encodeURIComponent(`${file.modified}-${file.size}`)}`);
  const [failed, setFailed] = useState(null);
  if (failed === source) return html`<div class="cover none">${texts.bookNoCover}</div>`;
  return html`<img class="cover" src=${source} alt=${texts.bookCover(file.name)} decoding="async" onError=${() => setFailed(source)} />`;
}

function Problems({ problems }) {
  if (!problems?.length) return null;
  return html`
    <details class="problems"><summary><${Icon} name="alert" />${texts.bookProblems(problems.length)}</summary>
      <ul>${problems.map((problem) => html`<li><${Name} text=${problem.text} />${problem.entry && html` <${Name} class="dim" text=${problem.entry} />`}</li>`)}</ul>
    </details>
  `;
}

function Facts({ app, file, book }) {
  const fact = (name, value) => html`<div><dt>${texts.bookFacts[name]}</dt><dd>${value}</dd></div>`;
  const path = folder(file.relative_path);
  return html`
    <div class="book-top">
      <${Cover} app=${app} file=${file} />
      <dl class="facts">
        ${fact('folder', path ? html`<${Name} text=${path} />` : texts.bookTop)}
        ${fact('size', size(file.size))}
        ${fact('modified', dateTime(file.modified))}
        ${book.pages !== null && fact('pages', num(book.pages))}
        ${fact('mark', html`<span data-mark=${markOf(file)}>${texts.marks[markOf(file)]}</span>`)}
      </dl>
    </div>
    <${Problems} problems=${file.problems} />
  `;
}

/* Process, rename, normalize and delete of this one file. */
function Actions({ app, file, book }) {
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState(null);
  const dirty = B.isDirty(book.draft);

  async function run(call) {
    if (busy) return;
    if (dirty) return setSaid({ ok: false, text: texts.bookDirtyFirst });
    setBusy(true);
    setSaid(null);
    try {
      const answer = await app.api.post(B.callPath(call, file), {});
      setSaid({ ok: true, text: answer.job_id ? texts.bookWaits : texts.bookActionDone[call] });
    } catch (error) {
      setSaid({ ok: false, text: texts.bookActionFailed(call, error.text) });
    }
    setBusy(false);
    void book.read();
  }

  return html`
    <div class="book-actions" role="group" aria-label=${texts.bookActionsLabel}>
      ${Object.entries(texts.bookActions).map(
        ([call, label]) => html`<button type="button" key=${call} data-call=${call} aria-disabled=${busy ? 'true' : null} onClick=${() => run(call)}>${label}</button>`,
      )}
      <button type="button" id="btn-book-delete" class="danger" onClick=${() => (store.deleting.value = asSelection(file))}>${texts.bookDelete}</button>
    </div>
    ${said && html`<p id="book-said" class=${said.ok ? 'dim' : 'why'} role=${said.ok ? 'status' : 'alert'}>${said.text}</p>`}
  `;
}

function Unread({ error, read }) {
  const text = error.status === 404 ? texts.bookGone : texts.bookUnreadable(error.text);
  return html`<p class="why" id="book-error" role="alert">${text} <button type="button" onClick=${read}>${texts.bookAgain}</button></p>`;
}

function Body({ app, file }) {
  const [kept] = useState(hasDraft(file.file_id));
  const book = useBook(app, file);
  return html`
    <${Facts} app=${app} file=${file} book=${book} />
    <${Actions} app=${app} file=${file} book=${book} />
    <section aria-labelledby="tags-title">
      <h3 id="tags-title">${texts.bookTags}</h3>
      ${book.error && html`<${Unread} error=${book.error} read=${book.read} />`}
      ${book.draft ? html`<${Tags} app=${app} file=${file} book=${book} kept=${kept} />` : !book.error && html`<p class="dim" role="status">${texts.bookReading}</p>`}
    </section>
    <${History} app=${app} file=${file} version=${book.reads} changed=${book.read} />
  `;
}

function Leave({ n, stay, go }) {
  const place = useRef(null);
  useEffect(() => place.current.focus(), []);
  return html`
    <div class="leave" role="alertdialog" aria-labelledby="leave-title" aria-describedby="leave-text">
      <p><strong id="leave-title">${texts.leaveTitle}</strong> <span id="leave-text">${texts.leaveText(n)}</span></p>
      <div class="foot">
        <button type="button" id="btn-leave-stay" ref=${place} onClick=${stay}>${texts.leaveStay}</button>
        <button type="button" id="btn-leave" class="danger" onClick=${go}>${texts.leaveGo}</button>
      </div>
    </div>
  `;
}

/* Is the window so narrow that the drawer covers all of it? Then nothing behind it can be reached. */
function useNarrow() {
  const [narrow, setNarrow] = useState(() => window.matchMedia(NARROW).matches);
  useEffect(() => {
    const query = window.matchMedia(NARROW);
    const look = () => setNarrow(query.matches);
    query.addEventListener('change', look);
    return () => query.removeEventListener('change', look);
  }, []);
  useEffect(() => {
    const behind = narrow ? document.querySelectorAll(BEHIND) : [];
    for (const element of behind) element.inert = true;
    return () => {
      for (const element of behind) element.inert = false;
    };
  }, [narrow]);
  return narrow;
}

/* Focus goes into the drawer when it opens, and back to the row of its file when it closes. */
function useFocus(place, file) {
  const newest = useRef(file.file_id);
  newest.current = file.file_id;
  useEffect(() => {
    const before = document.activeElement;
    place.current.focus({ preventScroll: true });
    document.body.dataset.drawer = 'open';
    return () => {
      delete document.body.dataset.drawer;
      const row = document.querySelector(`[data-open="${CSS.escape(newest.current)}"]`);
      for (const element of document.querySelectorAll(BEHIND)) element.inert = false;
      (row?.closest('[role="grid"]') ?? row ?? (before?.isConnected && before !== document.body ? before : document.getElementById('main')))?.focus();
    };
  }, []);
}

/* A button that goes away with the focus leaves it to the drawer: else the next key would reach nothing. */
function useLostFocus(place) {
  useEffect(() => {
    const drawer = place.current;
    let inside = true;
    const look = (event) => (inside = drawer.contains(event.target));
    const back = new MutationObserver(() => inside && document.activeElement === document.body && drawer.focus({ preventScroll: true }));
    back.observe(drawer, { childList: true, subtree: true });
    document.addEventListener('focusin', look);
    document.addEventListener('pointerdown', look);
    return () => {
      back.disconnect();
      document.removeEventListener('focusin', look);
      document.removeEventListener('pointerdown', look);
    };
  }, []);
}

const isTyping = (element) => !!element.closest('input, textarea, select, summary, [role="alertdialog"]');

function Drawer({ app, file }) {
  const place = useRef(null);
  const [leaving, setLeaving] = useState(false);
  const narrow = useNarrow();
  useFocus(place, file);
  useLostFocus(place);
  useEffect(() => setLeaving(false), [file.file_id]);

  const close = () => (store.opened.value = null);
  const ask = () => (hasDraft(file.file_id) ? setLeaving(true) : close());
  const stay = () => {
    setLeaving(false);
    place.current.focus();
  };
  const discard = () => {
    keepDraft(file.file_id, null);
    close();
  };
  async function go(step) {
    const next = await app.library.neighbour(file, step);
    if (next && store.opened.peek()?.file_id === file.file_id) store.opened.value = next;
  }
  function onKeyDown(event) {
    if (event.defaultPrevented) return;
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (leaving) stay();
      else ask();
    } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !isTyping(event.target) && !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      void go(event.key === 'ArrowDown' ? 1 : -1);
    }
  }
  return html`
    <section id="book" ref=${place} tabindex="-1" role=${narrow ? 'dialog' : null} aria-modal=${narrow ? 'true' : null} aria-labelledby="book-title"
      data-file-id=${file.file_id} onKeyDown=${onKeyDown}>
      <header class="book-head">
        <h2 id="book-title"><${Name} text=${file.name} /></h2>
        <button type="button" class="plain" id="btn-book-previous" aria-label=${texts.bookPrevious} title=${texts.bookPrevious} onClick=${() => go(-1)}><${Icon} name="up" /></button>
        <button type="button" class="plain" id="btn-book-next" aria-label=${texts.bookNext} title=${texts.bookNext} onClick=${() => go(1)}><${Icon} name="down" /></button>
        <button type="button" class="plain" id="btn-book-close" aria-label=${texts.bookClose} title=${texts.bookClose} onClick=${ask}><${Icon} name="cross" /></button>
      </header>
      ${leaving && html`<${Leave} n=${Object.keys(draftOf(file.file_id)?.edits ?? {}).length} stay=${stay} go=${discard} />`}
      <div class="book-body"><${Body} key=${file.file_id} app=${app} file=${file} /></div>
      <p class="vh" aria-live="polite">${visible(file.name)}</p>
    </section>
  `;
}

export function View({ app }) {
  const file = store.opened.value;
  const editing = store.editing.value;
  const deleting = store.deleting.value;
  return html`
    ${file && html`<${Drawer} app=${app} file=${file} />`}
    ${editing && html`<${EditMany} app=${app} selection=${editing} />`}
    ${deleting && html`<${Delete} app=${app} selection=${deleting} />`}
  `;
}
