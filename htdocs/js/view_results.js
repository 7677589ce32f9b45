/*
 * view_results.js - the results of one job, a page at a time, filtered; and all of them as a file.
 */
import { effect, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { html, Icon, Name } from './dom.js';
import * as store from './store.js';
import * as texts from './strings.js';

const PART = 50;
const SEARCH_MS = 300;
const AGAIN_MS = 2000;

/* The address of a page of results. */
export function resultsPath(id, { outcome, search, reason }, after) {
  const query = new URLSearchParams({ limit: String(PART) });
  if (outcome !== 'all') query.set('outcome', outcome);
  if (search.trim()) query.set('search', search.trim());
  if (reason) query.set('reason', reason);
  if (after) query.set('after', String(after));
  return `api/jobs/${encodeURIComponent(id)}/results?${query}`;
}

/*
 * createResults({api, clock}, id) gives {filter, page, chosen, set, ofReason, forward, back, close}
 *   page     {list, next, before, loading, error}: `before` has the cursors of the pages before this one
 *   chosen   counts the times that a reason was chosen elsewhere
 * A page that is not full is read again while the job goes on.
 */
export function createResults({ api, clock }, id) {
  const filter = signal({ outcome: 'all', search: '', reason: null });
  const page = signal({ list: [], next: null, after: 0, before: [], loading: true, error: null });
  const chosen = signal(0);
  let question = 0;
  let timer = null;
  let again = null;

  async function read(after, before) {
    question += 1;
    const mine = question;
    page.value = { ...page.value, loading: true };
    try {
      const { results, next } = await api.get(resultsPath(id, filter.peek(), after));
      if (mine === question) page.value = { list: results, next, after, before, loading: false, error: null };
    } catch (error) {
      if (mine === question) page.value = { ...page.value, loading: false, error: error.text ?? String(error) };
    }
  }

  const first = () => read(0, []);
  let seen = -1;
  const stop = effect(() => {
    const processed = store.jobs.value.jobs[id]?.processed ?? 0;
    const { next, after, before, loading } = page.value;
    if (loading || processed === seen || next !== null || again) return;
    again = clock.setTimeout(() => {
      again = null;
      seen = store.jobs.peek().jobs[id]?.processed ?? 0;
      void read(after, before);
    }, AGAIN_MS);
  });
  void first();

  return {
    filter,
    page,
    chosen,
    set(change) {
      filter.value = { ...filter.value, ...change };
      clock.clearTimeout(timer);
      timer = clock.setTimeout(first, 'search' in change ? SEARCH_MS : 0);
    },
    ofReason(reason) {
      filter.value = { outcome: 'error', search: '', reason };
      chosen.value += 1;
      void first();
    },
    first,
    forward: () => read(page.peek().next, [...page.peek().before, page.peek().after]),
    back: () => read(page.peek().before.at(-1) ?? 0, page.peek().before.slice(0, -1)),
    close() {
      stop();
      question += 1;
      clock.clearTimeout(timer);
      clock.clearTimeout(again);
    },
  };
}

const nameOf = (path) => String(path ?? '').split('/').pop();

function Result({ item }) {
  const { final, message } = item.details ?? {};
  const after = nameOf(final);
  return html`
    <li key=${item.id} data-ok=${item.success ? 'yes' : 'no'} data-result=${item.id}>
      <${Icon} name=${item.success ? 'check' : 'cross'} />
      <span class="what"><span class="vh">${item.success ? texts.jobsItemDone : texts.jobsItemFailed}: </span><${Name} text=${item.item} />
        ${item.success && after && after !== item.item && html`<span class="after"> \u2192 <${Name} text=${after} /></span>`}
        ${!item.success && html`<span class="why"><${Name} text=${item.error} /></span>`}
        ${message && html`<span class="note"><${Name} text=${message} /></span>`}</span>
    </li>
  `;
}

function Filters({ results }) {
  const { outcome, search, reason } = results.filter.value;
  return html`
    <div class="tools" role="search">
      <input type="search" id="results-search" value=${search} placeholder=${texts.jobsSearchResults} aria-label=${texts.jobsSearchResults} onInput=${(event) => results.set({ search: event.currentTarget.value })} />
      <label class="field"><span class="vh">${texts.jobsResults}</span>
        <select id="results-outcome" value=${outcome} onChange=${(event) => results.set({ outcome: event.currentTarget.value, reason: null })}>
          ${Object.entries(texts.jobsOutcomes).map(([name, text]) => html`<option value=${name}>${text}</option>`)}
        </select></label>
    </div>
    ${reason && html`<p class="chosen-reason"><span>${texts.jobsForReason}</span><${Name} text=${reason} /><button onClick=${() => results.set({ reason: null, outcome: 'all' })}>${texts.jobsClearFilter}</button></p>`}
  `;
}

function Pages({ results }) {
  const { list, next, before, loading } = results.page.value;
  if (!next && before.length === 0) return null;
  const from = before.length * PART;
  return html`
    <div class="pages">
      <button id="results-back" disabled=${before.length === 0} aria-disabled=${loading ? 'true' : null} onClick=${() => !loading && results.back()}>${texts.jobsEarlier}</button>
      <span class="dim">${list.length > 0 ? texts.jobsFromTo(from + 1, from + list.length) : ''}</span>
      <button id="results-next" disabled=${!next} aria-disabled=${loading ? 'true' : null} onClick=${() => !loading && results.forward()}>${texts.jobsLater}</button>
    </div>
  `;
}

function Downloads({ id, href }) {
  const path = `api/jobs/${id}/results`;
  return html`
    <div class="downloads" role="group" aria-label=${texts.jobsDownloadLabel}><span>${texts.jobsDownloadLabel}:</span>
      <a class="button" id="download-csv" download href=${href(`${path}.csv`)}>${texts.jobsDownloadCsv}</a>
      <a class="button" id="download-json" download href=${href(`${path}.json`)}>${texts.jobsDownloadJson}</a></div>
  `;
}

export function Results({ id, results, href }) {
  const heading = useRef(null);
  const { list, loading, error } = results.page.value;
  const { outcome, search, reason } = results.filter.value;
  const filtered = outcome !== 'all' || search.trim() || reason;
  useEffect(() => {
    if (results.chosen.value > 0) heading.current.focus();
  }, [results.chosen.value]);
  return html`
    <section class="sheet" id="results" aria-labelledby="results-title">
      <div class="job-top"><h2 id="results-title" tabindex="-1" ref=${heading}>${texts.jobsResults}</h2><${Downloads} id=${id} href=${href} /></div>
      <${Filters} results=${results} />
      ${error && html`<p class="why" role="alert"><${Name} text=${texts.jobsResultsUnread(error)} /> <button onClick=${results.first}>${texts.retry}</button></p>`}
      ${list.length === 0 && !error && html`<p class="empty" aria-busy=${loading ? 'true' : null}>${loading ? texts.loadingPart : filtered ? texts.jobsNoResultsFound : texts.jobsNoResults}</p>`}
      <ol class="result-rows" aria-label=${texts.jobsResults} aria-busy=${loading ? 'true' : null}>${list.map((item) => html`<${Result} key=${item.id} item=${item} />`)}</ol>
      <${Pages} results=${results} />
    </section>
  `;
}
