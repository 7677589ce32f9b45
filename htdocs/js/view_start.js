/*
 * view_start.js - starts any operation that the server offers, with its options, and a preview first.
 *
 * What was chosen is kept in this browser, for each operation by itself. View({app, onClose}).
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './dom.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { num } from './format.js';
import { randomKey } from './api.js';
import { fieldOfError, fieldsOf, problemOf, readOptions } from './options.js';
import { scopeBody, scopesOf } from './scopes.js';
import { Labelled, Options } from './view_options.js';
import { Preview } from './view_preview.js';

const KEPT = 'start'; /* in memory.js: {operation, scope, forms: name -> {values, priority, max_threads}} */
const FORM = { values: {}, priority: 'normal', max_threads: '', title: '', items: '' };
const THREADS = { kind: 'integer', min: 1, max: 1024 };
const TITLE_BYTES = 200;

const isObject = (value) => !!value && typeof value === 'object' && !Array.isArray(value);
const kept = (memory) => (isObject(memory.get(KEPT)) ? memory.get(KEPT) : {});

/* What was chosen last for an operation; anything that is not what we wrote is not taken. */
function formOf(memory, operation) {
  const form = kept(memory).forms?.[operation];
  return isObject(form) && isObject(form.values) ? { ...FORM, ...form, title: '', items: '' } : FORM;
}

function keep(memory, operation, scope, { values, priority, max_threads }) {
  const before = kept(memory);
  memory.set(KEPT, { operation, scope, forms: { ...before.forms, [operation]: { values, priority, max_threads } } });
}

const lines = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/* The body of POST api/jobs, and what is wrong with the form: name -> sentence. */
export function requestOf(operation, scope, form) {
  const { options, problems } = readOptions(operation.options, form.values);
  const errors = Object.fromEntries(Object.entries(problems).map(([name, problem]) => [name, texts.optionError(problem)]));
  const threads = problemOf(THREADS, form.max_threads.trim());
  if (threads) errors.max_threads = texts.optionError(threads);
  const title = form.title.trim();
  if (new TextEncoder().encode(title).length > TITLE_BYTES) errors.title = texts.optionError({ code: 'long', n: TITLE_BYTES });
  const strings = operation.accepts === 'strings';
  const items = strings ? lines(form.items) : [];
  if (strings && items.length === 0) errors.items = texts.optionError({ code: 'missing' });
  const request = {
    operation: operation.name,
    ...(strings ? { files: items } : scopeBody(scope, store.selection.value, store.view.value)),
    ...(Object.keys(options).length > 0 && { options }),
    ...(form.priority !== 'normal' && { priority: form.priority }),
    ...(form.max_threads.trim() && !threads && { max_threads: Number(form.max_threads) }),
    ...(title && { title }),
  };
  return { request, errors };
}

/* Which part of the form an error of the server belongs to. */
function serverErrors(error, operation) {
  const own = { priority: 'priority', max_threads: 'max_threads', title: 'title', files: 'items' }[error.field];
  const name = own ?? fieldOfError(fieldsOf(operation.options), error.field);
  const isShown = name !== 'items' || operation.accepts === 'strings';
  return { [isShown ? name : '']: name && isShown ? error.text : texts.startRefused(error.text) };
}

function Scope({ scope, set }) {
  const scopes = scopesOf(store.selection.value, store.view.value, store.totals.value);
  return html`<${Labelled} id="start-scope" label=${texts.startScope}
    body=${(attributes) => html`<select ...${attributes} value=${scope} onChange=${(event) => set(event.currentTarget.value)}>
      ${scopes.map(({ name, count }) => html`<option value=${name}>${texts.startScopes[name]}${count === null ? '' : ` (${num(count)})`}</option>`)}
    </select>`} />`;
}

function Common({ form, errors, set }) {
  const line = (name) => html`<${Labelled} id=${`start-${name}`} label=${texts.startFields[name]} hint=${texts.startHints[name]} error=${errors[name]}
    body=${(attributes) => html`<input ...${attributes} type="text" inputmode=${name === 'max_threads' ? 'numeric' : null} autocomplete="off"
      value=${form[name]} onInput=${(event) => set({ [name]: event.currentTarget.value })} />`} />`;
  return html`
    <details class="start-more" open=${!!(errors.priority || errors.max_threads || errors.title) || null}>
      <summary>${texts.startMore}</summary>
      <${Labelled} id="start-priority" label=${texts.startFields.priority} error=${errors.priority}
        body=${(attributes) => html`<select ...${attributes} value=${form.priority} onChange=${(event) => set({ priority: event.currentTarget.value })}>
          ${Object.entries(texts.priorities).map(([name, text]) => html`<option value=${name}>${text}</option>`)}
        </select>`} />
      ${line('max_threads')}${line('title')}
    </details>
  `;
}

/* One key for one content: however often it is sent, there is one job. */
function useKey() {
  const last = useRef({ text: null, key: null });
  return (request) => {
    const text = JSON.stringify(request);
    if (last.current.text !== text) last.current = { text, key: randomKey() };
    return last.current.key;
  };
}

function useForm(app, operations) {
  const before = kept(app.memory);
  const [name, setName] = useState(operations.some((one) => one.name === before.operation) ? before.operation : operations[0].name);
  const [scope, setScope] = useState(Selection.sizeOf(store.selection.value) > 0 ? 'selected' : before.scope ?? 'unmarked');
  const [form, setForm] = useState(formOf(app.memory, name));
  const [errors, setErrors] = useState({});
  const operation = operations.find((one) => one.name === name) ?? operations[0];
  const names = scopesOf(store.selection.value, store.view.value, store.totals.value).map((one) => one.name);
  return {
    operation,
    scope: names.includes(scope) ? scope : 'all',
    form,
    errors,
    setErrors,
    setScope,
    choose(next) {
      setName(next);
      setForm(formOf(app.memory, next));
      setErrors({});
    },
    set: (change) => setForm((now) => ({ ...now, ...change })),
  };
}

function Form({ app, operations, state, preview, onClose, done }) {
  const { operation, scope, form, errors } = state;
  const fields = fieldsOf(operation.options);
  const [busy, setBusy] = useState(false);
  const keyOf = useKey();
  const place = useRef(null);
  useEffect(() => {
    if (Object.keys(errors).length > 0) place.current.querySelector('[aria-invalid="true"]')?.focus();
  }, [errors]);

  /* The body, or null when the page already sees that something is wrong. */
  function checked() {
    const { request, errors: found } = requestOf(operation, scope, form);
    state.setErrors(found);
    if (Object.keys(found).length > 0) return null;
    keep(app.memory, operation.name, scope, form);
    return request;
  }

  async function go() {
    const request = !busy && checked();
    if (!request) return;
    setBusy(true);
    try {
      await app.jobs.submit(request, keyOf(request));
      done(scope);
    } catch (error) {
      state.setErrors(serverErrors(error, operation));
      setBusy(false);
    }
  }

  function look() {
    const request = checked();
    if (request) preview(request);
  }

  const submit = (event) => {
    event.preventDefault();
    if (operation.previews) look();
    else void go();
  };
  return html`
    <form class="form" ref=${place} onSubmit=${submit} noValidate>
      <h2>${texts.startTitle}</h2>
      <div class="form-body">
        <${Labelled} id="start-operation" label=${texts.startOperation} hint=${operation.text}
          body=${(attributes) => html`<select ...${attributes} value=${operation.name} onChange=${(event) => state.choose(event.currentTarget.value)}>
            ${operations.map((one) => html`<option value=${one.name}>${one.label}</option>`)}
          </select>`} />
        ${operation.accepts === 'strings'
          ? html`<${Labelled} id="start-items" label=${texts.startItems} error=${errors.items} required
              body=${(attributes) => html`<textarea ...${attributes} rows="4" value=${form.items} onInput=${(event) => state.set({ items: event.currentTarget.value })}></textarea>`} />`
          : html`<${Scope} scope=${scope} set=${state.setScope} />`}
        <fieldset><legend>${texts.startOptions}</legend>
          ${fields.length === 0 && html`<p class="dim">${texts.startNoOptions}</p>`}
          <${Options} fields=${fields} values=${form.values} errors=${errors} set=${(name, value) => state.set({ values: { ...form.values, [name]: value } })} />
        </fieldset>
        <${Common} form=${form} errors=${errors} set=${state.set} />
        ${errors[''] && html`<p class="why" id="start-error" role="alert">${errors['']}</p>`}
      </div>
      <div class="foot">
        <button type="button" id="btn-start-close" onClick=${onClose}>${texts.startClose}</button>
        <button type="button" id="btn-start" class=${operation.previews ? '' : 'strong'} aria-disabled=${busy ? 'true' : null} onClick=${go}>${texts.startGo}</button>
        ${operation.previews && html`<button id="btn-preview" class="strong" aria-disabled=${busy ? 'true' : null}>${texts.startPreview}</button>`}
      </div>
    </form>
  `;
}

function Body({ app, operations, onClose }) {
  const state = useForm(app, operations);
  const [request, setRequest] = useState(null);
  const done = (scope) => {
    if (scope === 'selected') app.library.clearSelection();
    onClose();
  };
  if (request) return html`<${Preview} app=${app} request=${request} onApply=${() => done(state.scope)} onClose=${() => setRequest(null)} />`;
  return html`<${Form} app=${app} operations=${operations} state=${state} preview=${setRequest} onClose=${onClose} done=${done} />`;
}

export function View({ app, onClose }) {
  const dialog = useRef(null);
  const operations = store.operations.value;
  useEffect(() => dialog.current.showModal(), []);
  const close = () => dialog.current.close();
  return html`
    <dialog id="start-dialog" ref=${dialog} onClose=${onClose} aria-label=${texts.startTitle}>
      ${operations.length > 0
        ? html`<${Body} app=${app} operations=${operations} onClose=${close} />`
        : html`<p role="status">${texts.startNoOperations}</p><div class="foot"><button onClick=${close}>${texts.startClose}</button></div>`}
    </dialog>
  `;
}
