/*
 * view_server.js - how the server is: checks, workers, jobs, disks, databases. Asked every two seconds while it is seen.
 */
import { useEffect, useState } from 'preact/hooks';
import { html, Icon } from './dom.js';
import { duration, num, size, visible } from './format.js';
import * as texts from './strings.js';

const EVERY_MS = 2000;

function useStatus(api) {
  const [status, setStatus] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const ended = new AbortController();
    let timer = null;
    async function turn() {
      clearTimeout(timer);
      if (document.visibilityState === 'visible') {
        try {
          setStatus(await api.get('api/status', { signal: ended.signal, tries: 1 }));
          setError(null);
        } catch (failure) {
          if (!ended.signal.aborted) setError(failure.text ?? failure.message);
        }
      }
      if (!ended.signal.aborted) timer = setTimeout(turn, EVERY_MS);
    }
    const seen = () => document.visibilityState === 'visible' && void turn();
    document.addEventListener('visibilitychange', seen);
    void turn();
    return () => {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, []);
  return { status, error };
}

/* A heading over a table that is as wide as it needs, and scrolls in its own frame. */
function Table({ id, title, heads, rows }) {
  return html`
    <section class="sheet">
      <h2 id=${`${id}-title`}>${title}</h2>
      <div class="wide" role="region" tabindex="0" aria-labelledby=${`${id}-title`}>
        <table id=${id} class="plain-table">
          <thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
          <tbody>${rows.map(([key, ...cells]) => html`<tr key=${key}>${cells.map((cell, i) => (i ? html`<td>${cell}</td>` : html`<th scope="row">${cell}</th>`))}</tr>`)}</tbody>
        </table>
      </div>
    </section>
  `;
}

function Facts({ id, title, facts }) {
  return html`
    <section class="sheet">
      <h2>${title}</h2>
      <dl class="facts" id=${id}>${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    </section>
  `;
}

function Checks({ checks }) {
  return html`
    <section class="sheet">
      <h2>${texts.checksTitle}</h2>
      <ul class="checks" id="checks">
        ${Object.entries(checks).map(([key, outcome]) => {
          const words = texts.checks[key] ?? { name: key, ok: outcome, bad: {} };
          const ok = outcome === 'ok';
          return html`<li key=${key} data-check=${key} data-ok=${ok ? 'yes' : 'no'}>
            <${Icon} name=${ok ? 'check' : 'alert'} /><span class="vh">${ok ? texts.good : texts.bad}:</span>
            <b>${words.name}</b> <span>${ok ? words.ok : words.bad[outcome] ?? outcome}</span>
          </li>`;
        })}
      </ul>
    </section>
  `;
}

const age = (seconds) => (seconds === null ? texts.none : duration(seconds));
const ago = (seconds) => (seconds === null ? texts.notYet : texts.ago(seconds));

const workerRow = (worker) => [
  worker.slot, num(worker.slot), texts.workerStates[worker.state] ?? worker.state, worker.pid ?? texts.none, age(worker.uptime_s),
  texts.restarts(worker.restarts, worker.crashes), num(worker.items_leased), texts.itemsDone(worker.items_done, worker.items_failed),
  texts.streams(worker.clients, worker.lag), size(worker.resident_bytes),
];
const frontRow = (front) => ['front', texts.frontEnd, front.pid ? texts.workerStates.ready : texts.workerStates.empty, front.pid ?? texts.none, age(front.uptime_s), num(front.crashes), ...Array(4).fill(texts.none)];

function jobFacts(jobs, workers) {
  const streams = [texts.openStreams, num(workers.reduce((sum, worker) => sum + worker.clients, 0))];
  if (!jobs) return [[texts.queueTitle, texts.unknown], streams];
  return [
    ...Object.entries(jobs.by_status).map(([status, n]) => [texts.jobWords[status] ?? status, num(n)]),
    [texts.paused, num(jobs.paused)], [texts.itemsRunning, num(jobs.items_leased)], [texts.itemsWaiting, num(jobs.items_waiting)], streams,
  ];
}

function libraryFacts(library) {
  const words = texts.libraryWords;
  if (!library) return [[texts.libraryTitle, texts.unknown]];
  return [...['files', 'processed', 'duplicates', 'history'].map((key) => [words[key], num(library[key])]), [words.scan, ago(library.scan_age_s)]];
}

const storeRow = (store) => [
  store.file, store.damaged ? `${store.file}: ${texts.damaged}` : store.file, size(store.bytes), size(store.log_bytes), ago(store.checkpoint_age_s), num(store.writes),
  `${num(Math.round(store.longest_wait_s * 1000))} ms`,
];
const diskRow = (disk) => [disk.name, texts.disks[disk.name] ?? disk.name, html`<bdi>${visible(disk.folder)}</bdi>`, texts.free(disk.free_bytes, disk.total_bytes), size(disk.total_bytes)];

function Status({ status }) {
  return html`
    <p class="overall" id="overall" data-ok=${status.status === 'healthy' ? 'yes' : 'no'} role="status">
      <${Icon} name=${status.status === 'healthy' ? 'check' : 'alert'} /> <b>${texts.overall[status.status] ?? status.status}</b>
      ${status.uptime_s !== null && html` <span>${texts.up(status.uptime_s)}</span>`}
    </p>
    ${status.held && html`<p class="why" id="held" role="alert">${texts.heldBy(status.held)}</p>`}
    <${Checks} checks=${status.checks} />
    <${Table} id="workers" title=${texts.workersTitle} heads=${texts.workerHeads} rows=${[...status.workers.map(workerRow), frontRow(status.frontend)]} />
    <div class="side">
      <${Facts} id="queue" title=${texts.queueTitle} facts=${jobFacts(status.jobs, status.workers)} />
      <${Facts} id="books" title=${texts.libraryTitle} facts=${libraryFacts(status.library)} />
    </div>
    <${Table} id="disks" title=${texts.disksTitle} heads=${texts.diskHeads} rows=${status.disks.map(diskRow)} />
    <${Table} id="stores" title=${texts.storesTitle} heads=${texts.storeHeads} rows=${status.stores.map(storeRow)} />
    <${Facts} id="versions" title=${texts.versionsTitle} facts=${Object.entries(status.versions).map(([key, version]) => [texts.versionWords[key] ?? key, version])} />
  `;
}

export function View({ app }) {
  const { status, error } = useStatus(app.api);
  return html`
    <div class="server" data-read=${status ? 'yes' : 'no'}>
      <h1>${texts.serverTitle}</h1>
      ${error && html`<p class="why" role="alert">${texts.serverFailed(error)}</p>`}
      ${status && html`<${Status} status=${status} />`}
    </div>
  `;
}
