/*
 * view_details.js - more of the followed job: its priority, each result, and what its end brings about.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './dom.js';
import * as S from './state.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { num } from './format.js';
import { readNewer, readOlder } from './results.js';
import { Notices } from './view_notices.js';
import { Item } from './view_progress.js';

const SPACING_MS = 400;
const SEARCH_MS = 300;
const SHOWN_MAX = 500; /* of a job that goes on, older ones make room */

function Priority({ job, jobs }) {
  const busy = store.jobs.value.pending[job.job_id] === 'priority';
  return html`
    <label class="field">${texts.startFields.priority}
      <select id="followed-priority" value=${job.priority ?? 'normal'} aria-disabled=${busy ? 'true' : null}
        onChange=${(event) => jobs.setPriority(job.job_id, event.currentTarget.value)}>
        ${Object.entries(texts.priorities).map(([name, text]) => html`<option value=${name}>${text}</option>`)}
      </select>
    </label>
  `;
}

/*
 * The results, kept in step with the job: {rows, before, loading, error, older}. One question at a time; what another
 * filter asked is dropped.
 */
function useResults(api, job, filter) {
  const empty = { rows: [], newest: job.processed, before: job.processed + 1, loading: true, error: null };
  const [state, setState] = useState(empty);
  const now = useRef(empty);
  const asked = useRef(0);
  const put = (next) => setState((now.current = next));

  async function read(mine, work) {
    try {
      const next = await work(now.current);
      if (mine === asked.current) put({ ...now.current, ...next, loading: false, error: null });
    } catch (error) {
      if (mine === asked.current) put({ ...now.current, loading: false, error });
    }
  }
  const older = async ({ rows, before }) => {
    const answer = await readOlder(api, job.job_id, filter, before);
    return { rows: [...rows, ...answer.rows], before: answer.before };
  };
  const newer = async ({ rows, newest, before }) => {
    const answer = await readNewer(api, job.job_id, filter, newest);
    const all = [...answer.rows, ...rows];
    const kept = all.slice(0, Math.max(SHOWN_MAX, rows.length));
    /* Every number up to here has been asked for, also those that the filter did not want. */
    return { rows: kept, newest: answer.more ?? Math.max(job.processed, answer.rows[0]?.id ?? 0), before: kept.length < all.length ? kept[kept.length - 1].id : before };
  };

  useEffect(() => {
    const mine = ++asked.current;
    put(empty);
    void read(mine, older);
    return () => (asked.current += 1);
  }, [job.job_id, filter.outcome, filter.search]);
  useEffect(() => {
    if (state.loading || state.newest >= job.processed) return undefined;
    const timer = setTimeout(() => {
      const mine = asked.current;
      put({ ...now.current, loading: true });
      void read(mine, newer);
    }, SPACING_MS);
    return () => clearTimeout(timer);
  }, [state.loading, state.newest >= job.processed]);
  return {
    ...state,
    older() {
      if (now.current.loading) return;
      put({ ...now.current, loading: true });
      void read(asked.current, older);
    },
  };
}

function Results({ api, job }) {
  const [outcome, setOutcome] = useState('all');
  const [typed, setTyped] = useState('');
  const [search, setSearch] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const { rows, before, loading, error, older } = useResults(api, job, { outcome, search });
  const counts = { all: job.processed, error: job.errors, ok: job.success };
  return html`
    <div class="preview-tools">
      <div class="choices" role="group" aria-label=${texts.previewFilter}>
        ${Object.entries(texts.outcomes).map(
          ([name, text]) => html`<button key=${name} data-outcome=${name} aria-pressed=${String(outcome === name)} onClick=${() => setOutcome(name)}
            >${text} <span class="count">${num(counts[name])}</span></button>`,
        )}
      </div>
      <input type="search" class="preview-search" id="latest-search" aria-label=${texts.previewSearch} placeholder=${texts.previewSearch} value=${typed}
        onInput=${(event) => setTyped(event.currentTarget.value)} />
    </div>
    <ol class="items" id="latest-results" tabindex="0" aria-label=${texts.results} aria-busy=${String(loading)}>
      ${rows.map((item) => html`<${Item} key=${item.id} item=${item} />`)}
      ${!loading && !error && rows.length === 0 && before <= 1 && html`<li class="dim">${texts.resultsNone}</li>`}
      ${error && html`<li class="why" role="alert">${texts.previewFailed(error.text)}</li>`}
      ${before > 1 && html`<li class="more"><button id="btn-older" aria-disabled=${loading ? 'true' : null} onClick=${older}>${texts.resultsOlder(before - 1)}</button></li>`}
    </ol>
  `;
}

export function View({ app, job }) {
  return html`
    <div class="details" id="job-details">
      ${!S.ended(job) && html`<${Priority} job=${job} jobs=${app.jobs} />`}
      <${Results} key=${job.job_id} api=${app.api} job=${job} />
      <details><summary>${texts.noticesTitle}</summary><${Notices} app=${app} /></details>
    </div>
  `;
}
