/*
 * view_history.js - what was changed in books, and the way back.
 */
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { html, Name } from './dom.js';
import * as H from './history.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { dateTime, visible } from './format.js';
import { Operation } from './job_parts.js';

const SEARCH_MS = 300;
const HOLD_PX = 120;
const NEWS_MS = 1000;

function createModel({ api, clock, routes }, firstFilter) {
  const filter = signal(firstFilter);
  const state = signal({ rows: [], total: 0, news: false, loading: true, error: null });
  const busy = signal(new Set()); /* ids of rows that are being undone */
  let question = 0;
  let timer = null;
  let newsTimer = null;

  async function read(offset, limit, take) {
    question += 1;
    const mine = question;
    state.value = { ...state.value, loading: true };
    try {
      const answer = await api.get(H.historyPath(filter.peek(), offset, limit));
      if (mine === question) state.value = { ...state.value, ...take(answer), total: answer.total, loading: false, error: null };
    } catch (error) {
      if (mine === question) state.value = { ...state.value, loading: false, error: error.text ?? String(error) };
    }
  }

  const load = () => read(0, H.PART, (answer) => ({ rows: answer.history, news: false }));
  /* As many rows as there are, as they are now. */
  const again = () => read(0, Math.min(1000, Math.max(H.PART, state.peek().rows.length)), (answer) => ({ rows: answer.history, news: false }));

  /* A job has ended: there may be new rows. */
  function ended() {
    clock.clearTimeout(newsTimer);
    newsTimer = clock.setTimeout(() => {
      if (window.scrollY > HOLD_PX) state.value = { ...state.value, news: true };
      else void again();
    }, NEWS_MS);
  }

  async function undo(row) {
    if (busy.value.has(row.id)) return;
    busy.value = new Set([...busy.value, row.id]);
    try {
      const answer = await api.post(`api/history/${row.id}/undo`, {});
      store.notify('info', answer.success ? texts.jobsUndoDone(row) : texts.jobsUndoLater);
    } catch (error) {
      store.notify('error', texts.jobsUndoFailed(error.text ?? String(error)));
    }
    busy.value = new Set([...busy.value].filter((id) => id !== row.id));
    await again();
  }

  return {
    filter,
    state,
    busy,
    load,
    again,
    ended,
    undo,
    more: () => read(state.peek().rows.length, H.PART, (answer) => ({ rows: H.joined(state.peek().rows, answer.history) })),
    set(change) {
      filter.value = { ...filter.value, ...change };
      window.history.replaceState(null, '', routes.href(H.pathOf(filter.value)));
      clock.clearTimeout(timer);
      timer = clock.setTimeout(load, 'search' in change ? SEARCH_MS : 0);
    },
    close() {
      question += 1;
      clock.clearTimeout(timer);
      clock.clearTimeout(newsTimer);
    },
  };
}

const Value = ({ text }) => (text === null || text === '' ? html`<span class="dim">${texts.jobsAbsent}</span>` : html`<${Name} text=${text} />`);

function Fields({ row }) {
  const fields = H.fieldsOf(row);
  if (fields.length === 0) return null;
  return html`
    <dl class="fields">
      ${fields.map(({ name, before, after }) => html`<dt>${visible(name)}</dt><dd><${Value} text=${before} /> \u2192 <${Value} text=${after} /></dd>`)}
    </dl>
  `;
}

/* Undo, or why there is none. */
function Undo({ row, model }) {
  if (row.undone_by !== null) return html`<span class="job-state" data-state="cancelled">${texts.jobsUndone}</span>`;
  if (row.can_undo === false) return html`<span class="why-not"><${Name} text=${row.why_not ?? ''} /></span>`;
  const busy = model.busy.value.has(row.id);
  return html`<button class="undo" aria-label=${`${texts.jobsUndo}: ${visible(row.after_filename ?? row.before_filename ?? '')}`} aria-disabled=${busy ? 'true' : null} onClick=${() => model.undo(row)}>${busy ? texts.jobsUndoing : texts.jobsUndo}</button>`;
}

/* The address of a row may be that of another name by now: only what can be undone is surely there. */
function Row({ row, model, app }) {
  const { before, after } = H.namesOf(row);
  return html`
    <li class="change" data-history=${row.id} data-undone=${row.undone_by === null ? null : 'yes'}>
      <div class="job-sub"><time datetime=${new Date(row.timestamp * 1000).toISOString()}>${dateTime(row.timestamp)}</time><br /><${Operation} name=${row.operation_type} />
        ${row.undo_of !== null && html`<br /><span class="tag">${texts.jobsAnUndo}</span>`}</div>
      <div class="change-what">
        <span><${Name} text=${before} />${after !== before && html`<span class="after"> \u2192 ${after === null ? texts.jobsDeletedFile : html`<${Name} text=${after} />`}</span>`}</span>
        <${Fields} row=${row} />
        <div class="links">
          ${model.filter.value.file === null && row.can_undo !== false && html`<a href=${app.routes.href(H.pathOf({ search: '', file: row.filepath }))} onClick=${(event) => ofFile(event, model, row)}>${texts.jobsFileHistory}</a>`}
          ${row.job_id && html`<a href=${app.routes.href(`jobs/${row.job_id}`)}>${texts.jobsJobLink}</a>`}
        </div>
      </div>
      <${Undo} row=${row} model=${model} />
    </li>
  `;
}

function ofFile(event, model, row) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  model.set({ file: row.filepath, search: '' });
  window.scrollTo(0, 0);
}

function Empty({ model }) {
  const { loading, error } = model.state.value;
  const { search, file } = model.filter.value;
  if (error) return html`<p class="empty" role="alert">${texts.jobsHistoryFailed(error)} <button onClick=${model.load}>${texts.retry}</button></p>`;
  if (loading) return html`<p class="empty" aria-busy="true">${texts.loadingPart}</p>`;
  return html`<p class="empty">${search.trim() || file !== null ? texts.jobsNoHistoryFound : texts.jobsNoHistory}</p>`;
}

function Filters({ model }) {
  const { search, file } = model.filter.value;
  return html`
    <div class="tools jobs-tools" role="search">
      <input type="search" id="history-search" value=${search} placeholder=${texts.jobsSearchHistory} aria-label=${texts.jobsSearchHistory} onInput=${(event) => model.set({ search: event.currentTarget.value })} />
    </div>
    ${file !== null && html`<p class="chosen-reason jobs-tools"><span>${texts.jobsHistoryOf}</span><${Name} text=${file} /><button id="history-all" onClick=${() => model.set({ file: null })}>${texts.jobsAllChanges}</button></p>`}
  `;
}

export function View({ app }) {
  const model = useMemo(() => createModel(app, H.filterOf(store.route.peek().url.searchParams)), []);
  useEffect(() => {
    const onJob = ({ detail }) => detail.completed_at && model.ended();
    document.addEventListener('longbox:job', onJob);
    void model.load();
    return () => {
      document.removeEventListener('longbox:job', onJob);
      model.close();
    };
  }, []);
  const { rows, total, news, loading, error } = model.state.value;
  const showNews = () => {
    window.scrollTo(0, 0);
    void model.load();
  };
  return html`
    <div class="page-head"><h1>${texts.nav.history}</h1>${rows.length > 0 && html`<span class="dim" role="status">${texts.jobsChangesOf(rows.length, total)}</span>`}</div>
    <${Filters} model=${model} />
    <div role="status" class="jobs-news">${news && html`<button id="btn-news" class="strong" onClick=${showNews}>${texts.jobsNewChanges}</button>`}</div>
    ${rows.length === 0
      ? html`<${Empty} model=${model} />`
      : html`<ol class="job-rows" id="history" aria-label=${texts.nav.history} aria-busy=${loading ? 'true' : 'false'}>${rows.map((row) => html`<${Row} key=${row.id} row=${row} model=${model} app=${app} />`)}</ol>
        ${error && html`<p role="alert" class="why"><${Name} text=${texts.jobsHistoryFailed(error)} /></p>`}
        ${rows.length < total && html`<p class="pages"><button id="btn-more" aria-disabled=${loading ? 'true' : null} onClick=${() => !loading && model.more()}>${texts.jobsMore}</button></p>`}`}
  `;
}
