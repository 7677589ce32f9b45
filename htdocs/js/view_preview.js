/*
 * view_preview.js - what a job would do, before it does it: progress, a table old -> new, and Apply.
 *
 * Preview({app, request, onApply, onClose})
 *   request        body of POST api/jobs, without dry_run
 *   onApply(id)    the real job has been started, and is followed
 *   onClose()      nothing was started; a preview that still runs is cancelled
 */
import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { num, ofTotal } from './format.js';
import { randomKey } from './api.js';
import { FILTERS, TALLY_MAX, readRows, tally, worked } from './preview.js';
import { Bar } from './view_progress.js';

const LOOK_MS = 1500;
const SEARCH_MS = 300;

/* Starts the preview and keeps it going: {id, job, refused, again}. What was left behind is cancelled. */
function usePreview(app, request) {
  const [run, setRun] = useState(0);
  const [state, setState] = useState({ id: null, refused: null });
  useEffect(() => {
    let gone = false;
    let made = null;
    const { title: _title, ...body } = request; /* so that the server calls it a preview */
    setState({ id: null, refused: null });
    const stop = () => made && !S.ended(app.jobs.state().jobs[made]) && void app.jobs.cancel(made);
    app.jobs.submit({ ...body, dry_run: true }, randomKey()).then(
      (id) => {
        made = id;
        if (gone) stop();
        else setState({ id, refused: null });
      },
      (error) => !gone && setState({ id: null, refused: error }),
    );
    return () => {
      gone = true;
      stop();
    };
  }, [run]);
  const job = state.id ? store.jobs.value.jobs[state.id] : null;
  /* The stream tells of it, too; where there is none, this does. */
  useEffect(() => {
    if (!state.id || S.ended(job)) return undefined;
    const timer = setInterval(() => void app.jobs.look(state.id), LOOK_MS);
    return () => clearInterval(timer);
  }, [state.id, job?.version, job?.status]);
  return { ...state, job, again: () => setRun(run + 1) };
}

/* Whether files may have changed since `id`, the preview, was started. */
function useChanged(id) {
  const [changed, setChanged] = useState(false);
  useEffect(() => {
    setChanged(false);
    if (!id) return undefined;
    const message = store.message.peek();
    const jobs = store.jobs.peek();
    return effect(() => {
      const now = store.message.value;
      const files = now !== message && (now?.type === 'library_changed' || now?.type === 'file_processed');
      if (files || worked(jobs, store.jobs.value, store.operations.value)) setChanged(true);
    });
  }, [id]);
  return changed;
}

/* Rows of the ended preview: {rows, next, looked, loading, error, more}. Only the newest question counts. */
function useRows(api, id, filter, search) {
  const none = { rows: [], next: 0, looked: 0, loading: true, error: null };
  const [state, setState] = useState(none);
  const asked = useRef(0);
  const read = async (from) => {
    const mine = ++asked.current;
    setState({ ...from, loading: true, error: null });
    try {
      const { rows, next, looked } = await readRows(api, id, { filter, search, after: from.next });
      if (mine === asked.current) setState({ rows: [...from.rows, ...rows], next, looked: from.looked + looked, loading: false, error: null });
    } catch (error) {
      if (mine === asked.current) setState({ ...from, loading: false, error });
    }
  };
  useEffect(() => {
    void read(none);
    return () => (asked.current += 1);
  }, [id, filter, search]);
  return { ...state, more: () => void read(state) };
}

const Value = ({ text }) => (text === null ? html`<i class="dim">${texts.previewAbsent}</i>` : html`<${Name} text=${text} />`);

function Field({ field }) {
  return html`
    <div class="pair"><dt>${field.name}</dt>
      <dd><del><${Value} text=${field.before} /></del> <span aria-hidden="true">\u2192 </span><span class="vh"> ${texts.previewBecomes} </span><ins><${Value} text=${field.after} /></ins></dd></div>
  `;
}

function Row({ row }) {
  const kind = row.error ? 'failed' : row.problem ? 'duplicate' : row.changes ? 'changes' : 'nothing';
  return html`
    <tr data-kind=${kind}>
      <td class="old"><${Name} class="file" text=${row.name} />${row.folder && html`<${Name} class="folder" text=${row.folder} />`}</td>
      <td class="new">
        ${row.newName !== null && html`<${Name} class="file" text=${row.newName} />`}
        ${row.fields.length > 0 && html`<dl>${row.fields.map((field) => html`<${Field} key=${field.name} field=${field} />`)}</dl>`}
        ${row.error && html`<p class="why"><${Name} text=${row.error} /></p>`}
        ${row.note && html`<p class="dim"><${Name} text=${row.note} /></p>`}
      </td>
      <td class="what"><span><${Icon} name=${{ failed: 'cross', duplicate: 'copy', changes: 'check', nothing: 'dot' }[kind]} />${texts.previewKinds[kind]}</span></td>
    </tr>
  `;
}

function Rows({ api, job }) {
  const [filter, setFilter] = useState('all');
  const [typed, setTyped] = useState('');
  const [search, setSearch] = useState('');
  const [counts, setCounts] = useState(null);
  const { rows, next, looked, loading, error, more } = useRows(api, job.job_id, filter, search);
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    if (job.total <= TALLY_MAX) tally(api, job.job_id).then(setCounts, () => {}); /* the filters work without figures */
  }, [job.job_id]);
  return html`
    <div class="preview-tools">
      <div class="choices" role="group" aria-label=${texts.previewFilter}>
        ${Object.keys(FILTERS).map(
          (name) => html`<button key=${name} data-filter=${name} aria-pressed=${String(filter === name)} onClick=${() => setFilter(name)}
            >${texts.previewFilters[name]}${counts && html` <span class="count">${num(counts[name])}</span>`}</button>`,
        )}
      </div>
      <input type="search" class="preview-search" aria-label=${texts.previewSearch} placeholder=${texts.previewSearch} value=${typed}
        onInput=${(event) => setTyped(event.currentTarget.value)} />
    </div>
    <div class="preview-rows" tabindex="0" role="group" aria-label=${texts.previewTitle}>
      <table class="preview-table" aria-busy=${String(loading)}>
        <thead><tr>${texts.previewHeads.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
        <tbody>${rows.map((row) => html`<${Row} key=${row.id} row=${row} />`)}</tbody>
      </table>
      ${!loading && !error && rows.length === 0 && html`<p class="empty">${texts.previewNone}</p>`}
      ${error && html`<p class="why" role="alert">${texts.previewFailed(error.text)}</p>`}
      ${(next !== null || error) && !loading && html`<p class="more"><button onClick=${more}>${texts.previewMore(looked, job.total)}</button></p>`}
    </div>
  `;
}

function Running({ job }) {
  return html`
    <div class="preview-running">
      <${Bar} job=${job} label=${texts.previewTitle} />
      <p role="status">${texts.previewRunning} <span class="count">${ofTotal(job.processed, job.total)}</span></p>
    </div>
  `;
}

/* It was refused as a preview, not as a job. */
const cannot = (error) => error.status === 422 && error.field === 'dry_run';

export function Preview({ app, request, onApply, onClose }) {
  const { id, job, refused, again } = usePreview(app, request);
  const changed = useChanged(id);
  const [applying, setApplying] = useState(false);
  const [failed, setFailed] = useState(null);
  const key = useRef(randomKey()); /* one job, however often Apply is pressed */
  const isEnded = S.ended(job);

  async function apply() {
    if (applying) return;
    setApplying(true);
    setFailed(null);
    try {
      onApply(await app.jobs.submit(request, key.current));
    } catch (error) {
      setFailed(error);
      setApplying(false);
    }
  }

  const mayApply = refused ? cannot(refused) : isEnded && job.status === 'completed';
  const label = refused ? texts.previewSkip : changed ? texts.previewApplyChanged : texts.previewApply;
  return html`
    <section class="preview" aria-labelledby="preview-title" data-state=${refused ? 'refused' : isEnded ? job.status : 'running'} data-job-id=${id}>
      <h2 id="preview-title">${texts.previewTitle}</h2>
      ${refused && html`<p class=${cannot(refused) ? '' : 'why'} role="alert">${cannot(refused) ? texts.previewCannot : texts.previewRefused(refused.text)}</p>`}
      ${!refused && !isEnded && html`<${Running} job=${job ?? { percent: 0, processed: 0, total: 0, status: 'queued' }} />`}
      ${isEnded && html`<p class="dim" role="status">${texts.previewSummary(job)}</p>`}
      ${isEnded && job.processed > 0 && html`<${Rows} key=${id} api=${app.api} job=${job} />`}
      ${isEnded && changed && html`<p class="preview-changed" role="alert"><${Icon} name="alert" />${texts.previewChanged}</p>`}
      ${failed && html`<p class="why" role="alert">${texts.previewNotApplied(failed.text)}</p>`}
      <div class="foot">
        <button id="btn-preview-close" onClick=${onClose}>${isEnded || refused ? texts.previewClose : texts.previewCancel}</button>
        ${(changed || (isEnded && job.status !== 'completed') || (refused && !cannot(refused))) && html`<button id="btn-preview-again" onClick=${again}>${texts.previewAgain}</button>`}
        ${(mayApply || (!refused && !isEnded)) && html`<button id="btn-preview-apply" class="strong" disabled=${!mayApply} aria-disabled=${applying ? 'true' : null} onClick=${apply}>${label}</button>`}
      </div>
    </section>
  `;
}
