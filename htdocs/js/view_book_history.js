/*
 * view_book_history.js - what happened to one book, the newest first, and putting it back.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './dom.js';
import * as B from './book.js';
import * as texts from './strings.js';
import { dateTime } from './format.js';
import { Changes } from './view_book_tags.js';

const FIRST = 10;
const ALL = 1000;

/* Rows, read again when `version` changes: {rows, total, error, more}. */
function useHistory(api, file, version) {
  const [state, setState] = useState({ rows: null, total: 0, error: null });
  const [limit, setLimit] = useState(FIRST);
  const asked = useRef(0);
  useEffect(() => {
    const mine = ++asked.current;
    const query = new URLSearchParams({ file: file.file_id, limit });
    api.get(`api/processing-history?${query}`).then(
      ({ history, total }) => mine === asked.current && setState({ rows: history, total, error: null }),
      (error) => mine === asked.current && setState((now) => ({ ...now, error })),
    );
  }, [file.file_id, version, limit]);
  useEffect(() => () => (asked.current = -1), []);
  return { ...state, more: () => setLimit(ALL) };
}

function Row({ row, undo, busy }) {
  const { renamed, tags } = B.changesOfRow(row);
  const changes = [...(renamed ? [{ name: texts.historyName, ...renamed }] : []), ...tags];
  const what = texts.historyVerb(row.operation_type);
  const when = dateTime(row.timestamp);
  return html`
    <li data-history=${row.id}>
      <div class="history-head">
        <span><strong>${what}</strong> <span class="dim">${when}</span></span>
        ${row.can_undo && html`<button type="button" class="undo" aria-label=${texts.historyUndoLabel(what, when)} aria-disabled=${busy ? 'true' : null} onClick=${() => undo(row)}>${texts.historyUndo}</button>`}
      </div>
      ${changes.length > 0 && html`<${Changes} changes=${changes} />`}
      ${!row.can_undo && html`<p class="dim why-not">${row.why_not}</p>`}
    </li>
  `;
}

/* `changed` is called when a row was put back. */
export function History({ app, file, version, changed }) {
  const { rows, total, error, more } = useHistory(app.api, file, version);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState(null);

  async function undo(row) {
    if (busy) return;
    setBusy(true);
    setSaid(null);
    try {
      const answer = await app.api.post(`api/history/${row.id}/undo`, {});
      setSaid({ ok: true, text: answer.success ? texts.historyUndone : texts.bookWaits });
    } catch (failure) {
      setSaid({ ok: false, text: texts.historyUndoFailed(failure.text) });
    }
    setBusy(false);
    changed();
  }

  return html`
    <section aria-labelledby="history-title" id="book-history">
      <h3 id="history-title">${texts.bookHistory}</h3>
      ${said && html`<p class=${said.ok ? 'dim' : 'why'} role=${said.ok ? 'status' : 'alert'}>${said.text}</p>`}
      ${error && html`<p class="why" role="alert">${texts.historyFailed(error.text)}</p>`}
      ${rows?.length === 0 && html`<p class="dim">${texts.historyNone}</p>`}
      <ol class="history">${(rows ?? []).map((row) => html`<${Row} key=${row.id} row=${row} undo=${undo} busy=${busy} />`)}</ol>
      ${rows && total > rows.length && html`<p><button type="button" onClick=${more}>${texts.historyMore(total)}</button></p>`}
    </section>
  `;
}
