/*
 * view_delete.js - asks before files of a selection are deleted, and says where they go.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html, Name } from './dom.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { randomKey } from './api.js';
import { fileKey } from './query.js';
import { keepDraft } from './drafts.js';

/* The one file of a selection, as far as the page knows it: {key, name}; null for many. */
function onlyOne(app, selection) {
  if (selection.kind !== 'keys' || selection.keys.size !== 1) return null;
  const [key] = selection.keys;
  const isIt = (file) => file.file_id === key || fileKey(file) === key;
  const open = store.opened.peek();
  const known = open && isIt(open) ? open : app.library.known(isIt);
  return { key, id: known?.file_id ?? null, name: known?.name ?? key.split('/').pop() };
}

/* Is what is deleted gone for good? null until the server has said it. */
function useFinal(api) {
  const [state, setState] = useState({ final: null, error: null });
  useEffect(() => {
    let gone = false;
    api.get('api/config').then(
      (config) => !gone && setState({ final: config.features?.trash_dir !== true, error: null }),
      (error) => !gone && setState({ final: null, error }),
    );
    return () => void (gone = true);
  }, []);
  return state;
}

async function deleteOne(app, one, final) {
  const answer = await app.api.del(`api/delete-file/${encodeURIComponent(one.key)}`);
  const waits = !!answer.job_id;
  store.notify('info', waits ? texts.deleteWaits(one.name) : texts.deleted(one.name, final));
  if (one.id) keepDraft(one.id, null);
  if (store.opened.peek()?.file_id === one.id) store.opened.value = null;
}

async function deleteAll(app, selection, key) {
  await app.jobs.submit({ operation: 'delete', ...Selection.bodyOf(selection), expect_items: Selection.sizeOf(selection) }, key);
  const open = store.opened.peek();
  if (open && (Selection.has(selection, fileKey(open)) || Selection.has(selection, open.file_id))) store.opened.value = null;
}

export function Delete({ app, selection }) {
  const dialog = useRef(null);
  const [one] = useState(() => onlyOne(app, selection)); /* the list may forget it while it is asked for */
  const n = Selection.sizeOf(selection);
  const { final, error } = useFinal(app.api);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(null);
  const key = useRef(randomKey()); /* one job, however often it is pressed */
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const close = () => (store.deleting.value = null);

  async function go() {
    if (busy) return;
    setBusy(true);
    setFailed(null);
    try {
      if (one) await deleteOne(app, one, final);
      else await deleteAll(app, selection, key.current);
      if (store.selection.peek() === selection) app.library.clearSelection();
      close();
      app.library.refresh();
    } catch (refused) {
      setFailed(texts.deleteFailed(refused.text));
      setBusy(false);
    }
  }

  const why = failed ?? (error && texts.deleteFailed(error.text));
  return html`
    <dialog id="delete-dialog" ref=${dialog} onClose=${close} aria-labelledby="delete-title" aria-describedby="delete-text">
      <h2 id="delete-title">${texts.deleteTitle(n)}</h2>
      ${one && html`<p><${Name} text=${one.name} /></p>`}
      <p id="delete-text" data-final=${String(final)}>${final === null ? texts.deleteAsking : final ? texts.deleteForGood(n) : texts.deleteToTrash(n)}</p>
      ${why && html`<p class="why" id="delete-error" role="alert">${why}</p>`}
      <div class="foot">
        <button type="button" id="btn-delete-no" autofocus onClick=${() => dialog.current.close()}>${texts.deleteNo}</button>
        <button type="button" id="btn-delete-yes" class="danger" disabled=${final === null} aria-disabled=${busy ? 'true' : null} onClick=${go}>${texts.deleteYes(final)}</button>
      </div>
    </dialog>
  `;
}
