/*
 * view_logs.js - the newest lines of the log, which go on at the end while it is looked at.
 *
 * Every two seconds the last lines are asked for and joined to those that are here; all are read again only when more
 * came than was asked for. Lines stand in blocks, and the browser lays out those that can be seen (content-visibility).
 */
import { Component } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { html } from './dom.js';
import { visible } from './format.js';
import { fitting, inBlocks, linesOf, newLines, parseLine } from './logs.js';
import * as texts from './strings.js';

const FOLLOW_MS = 2000;
const TAIL = 200; /* lines asked for while following */
const AT_END_PX = 24;
const COUNTS = [200, 500, 2000, 10000];

const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;

function Line({ entry }) {
  return html`<li class="log-line" data-level=${entry.level}>${entry.time && html`<time>${entry.time}</time> <b>${entry.level}</b> `}${visible(entry.rest)}</li>`;
}

class Block extends Component {
  shouldComponentUpdate(next) {
    return next.block !== this.props.block;
  }
  render({ block }) {
    return html`<ol class="log-block">${block.entries.map((entry) => html`<${Line} entry=${entry} />`)}</ol>`;
  }
}

/* What was read: `entries`, the number of the first of them, how many lines the server keeps, and the question. */
const NOTHING = { entries: [], first: 0, total: 0, read: false, of: null };

/* Reads, and goes on reading while `following`. Only the newest question counts. */
function useLog(api, type, count, following) {
  const [log, setLog] = useState(NOTHING);
  const [error, setError] = useState(null);
  const question = `${type} ${count}`;
  const now = useRef(log);
  now.current = log;

  async function read(lines, signal) {
    const answer = await api.get(`api/logs?type=${type}&lines=${lines}`, { signal, tries: 1 });
    return { lines: linesOf(answer.logs), total: answer.total_lines };
  }

  async function look(signal, whole) {
    const known = now.current;
    let answer = await read(whole ? count : Math.min(TAIL, count), signal);
    let fresh = whole ? null : newLines(known.entries.map((entry) => entry.text), answer.lines);
    if (!whole && !fresh) {
      answer = await read(count, signal);
      fresh = newLines(known.entries.map((entry) => entry.text), answer.lines);
    }
    if (signal.aborted) return;
    setError(null);
    if (fresh && !fresh.length && answer.total === known.total) return;
    const all = fresh ? [...known.entries, ...fresh.map(parseLine)] : answer.lines.map(parseLine);
    const dropped = Math.max(0, all.length - count);
    setLog({ entries: dropped ? all.slice(dropped) : all, first: (fresh ? known.first : 0) + dropped, total: answer.total, read: true, of: question });
  }

  useEffect(() => {
    const ended = new AbortController();
    let timer = null;
    let whole = true;
    async function turn() {
      clearTimeout(timer);
      if (whole || document.visibilityState === 'visible') {
        try {
          await look(ended.signal, whole);
          whole = false;
        } catch (failure) {
          if (!ended.signal.aborted) setError(failure.text ?? failure.message);
        }
      }
      if (!ended.signal.aborted && (following || whole)) timer = setTimeout(turn, FOLLOW_MS);
    }
    whole = now.current.of !== question;
    void turn();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [type, count, following]);
  return { log, error };
}

/* Into the clipboard; without a secure context by the older way. */
async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'vh';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('refused');
}

function download(text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = texts.logFile;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const textOf = (entries) => entries.map((entry) => `${entry.text}\n`).join('');

function Choice({ label, id, value, options, onChange }) {
  return html`
    <label class="field">${label}
      <select id=${id} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
        ${options.map(([key, text]) => html`<option value=${key}>${text}</option>`)}
      </select>
    </label>
  `;
}

export function View({ app }) {
  const [type, setType] = useState('basic');
  const [count, setCount] = useState(500);
  const [level, setLevel] = useState('debug');
  const [words, setWords] = useState('');
  const [follow, setFollow] = useState(true);
  const [isAtEnd, setAtEnd] = useState(true);
  const [said, setSaid] = useState('');
  const box = useRef(null);
  const blocks = useRef([]);
  const { log, error } = useLog(app.api, type, count, follow && isAtEnd);
  const shown = useMemo(() => fitting(log.entries, level, words), [log, level, words]);
  const isWhole = shown === log.entries;
  blocks.current = inBlocks(shown, isWhole ? log.first : 0, blocks.current);

  const toEnd = () => (box.current.scrollTop = box.current.scrollHeight);
  useLayoutEffect(() => {
    if (follow && isAtEnd) toEnd();
  }, [shown, follow]);

  function scrolled() {
    const end = atEnd(box.current);
    if (end !== isAtEnd) setAtEnd(end);
  }
  const state = !follow ? 'stopped' : isAtEnd ? 'following' : 'scrolled';
  return html`
    <section class="sheet logs">
      <h1>${texts.logsTitle}</h1>
      <div class="tools">
        <input type="search" id="log-filter" aria-label=${texts.logSearch} placeholder=${texts.logSearch} value=${words} onInput=${(event) => setWords(event.currentTarget.value)} />
        <${Choice} label=${texts.logLevel} id="log-level" value=${level} options=${Object.entries(texts.logLevels)} onChange=${setLevel} />
        <${Choice} label=${texts.logType} id="log-type" value=${type} options=${Object.entries(texts.logTypes)} onChange=${setType} />
        <${Choice} label=${texts.logLines} id="log-lines" value=${count} options=${COUNTS.map((n) => [n, n])} onChange=${(value) => setCount(Number(value))} />
      </div>
      <div class="log-state">
        <label class="field"><input type="checkbox" id="log-follow" checked=${follow} onChange=${(event) => setFollow(event.currentTarget.checked)} />${texts.logFollow}</label>
        <span id="log-state" data-state=${state}>${texts.logStates[state]}</span>
        <span id="log-count" class="count">${log.read && texts.logCount(shown.length, log.entries.length, log.total)}</span>
        ${state === 'scrolled' && html`<button id="log-end" onClick=${() => { toEnd(); setAtEnd(true); }}>${texts.logToEnd}</button>`}
        <button id="log-copy" disabled=${!shown.length} onClick=${() => copy(textOf(shown)).then(() => setSaid(texts.logCopied), () => setSaid(texts.logCopyFailed))}>${texts.logCopy}</button>
        <button id="log-save" disabled=${!shown.length} onClick=${() => download(textOf(shown))}>${texts.logSave}</button>
        <span role="status">${said}</span>
      </div>
      ${error && html`<p class="why" role="alert">${texts.logFailed(error)}</p>`}
      ${type === 'debug' && log.read && !log.entries.some((entry) => entry.level === 'debug') && html`<p class="dim">${texts.logDebugOff}</p>`}
      <div id="log" class="log" ref=${box} role="region" aria-label=${texts.logsTitle} tabindex="0" dir="ltr" aria-busy=${!log.read} onScroll=${scrolled}>
        ${log.read && !shown.length && html`<p class="empty">${log.entries.length ? texts.logNothing : texts.logEmpty}</p>`}
        ${blocks.current.map((block) => html`<${Block} key=${block.key} block=${block} />`)}
      </div>
    </section>
  `;
}
