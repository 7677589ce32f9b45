/*
 * view_edit_many.js - sets tags of all files of a selection: only what was filled in or cleared, and only after a preview.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './dom.js';
import * as B from './book.js';
import * as Selection from './selection.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { Labelled } from './view_options.js';
import { Preview } from './view_preview.js';
import { TagControl, tagFields } from './view_book_tags.js';

function Field({ field, wish, error, put }) {
  const { name } = field;
  const cleared = wish?.kind === 'clear';
  return html`
    <div class="tag many" data-tag=${name} data-edited=${wish ? 'yes' : null}>
      <${Labelled} id=${`many-${name}`} label=${texts.tagLabel(name)} error=${error}
        body=${(attributes) => html`<div class="many-value">
          <${TagControl} field=${field} value=${wish?.text ?? ''} set=${(text) => put(name, { kind: 'set', text })}
            attributes=${{ ...attributes, disabled: cleared }} placeholder=${cleared ? texts.manyCleared : texts.manyKeep} empty=${cleared ? texts.manyCleared : texts.manyKeep} />
          <button type="button" class="many-clear" aria-pressed=${String(cleared)} aria-label=${texts.manyClearLabel(name)} title=${texts.manyClearLabel(name)}
            onClick=${() => put(name, cleared ? null : { kind: 'clear' })}>${texts.manyClear}</button>
        </div>`} />
    </div>
  `;
}

function Form({ fields, touched, setTouched, errors, count, preview, onClose }) {
  const n = Object.keys(touched).length;
  const place = useRef(null);
  useEffect(() => {
    if (Object.keys(errors).length > 0) place.current.querySelector('[aria-invalid="true"]')?.focus();
  }, [errors]);
  const submit = (event) => {
    event.preventDefault();
    if (n > 0) preview();
  };
  return html`
    <form class="form" ref=${place} onSubmit=${submit} noValidate>
      <h2 id="many-title">${texts.manyTitle(count)}</h2>
      <p class="dim">${fields.length > 0 ? texts.manyHint : texts.manyLoading}</p>
      <div class="form-body">
        ${B.groupsOf(fields).map(
          (group, i) => html`<details key=${group.name} open=${i === 0 || group.fields.some((field) => touched[field.name] || errors[field.name])}>
            <summary>${texts.tagGroups[group.name]}</summary>
            <div class="tag-fields">${group.fields.map(
              (field) => html`<${Field} key=${field.name} field=${field} wish=${touched[field.name]} error=${errors[field.name]}
                put=${(name, wish) => setTouched(B.touch(touched, name, wish))} />`,
            )}</div>
          </details>`,
        )}
      </div>
      <div class="foot">
        <p class="dim many-count" role="status">${n === 0 ? texts.manyNothing : texts.tagsUnsaved(n)}</p>
        <button type="button" id="btn-many-close" onClick=${onClose}>${texts.manyCancel}</button>
        <button id="btn-many-preview" class="strong" disabled=${n === 0}>${texts.manyPreview}</button>
      </div>
    </form>
  `;
}

export function EditMany({ app, selection }) {
  const dialog = useRef(null);
  const [touched, setTouched] = useState({});
  const [errors, setErrors] = useState({});
  const [request, setRequest] = useState(null);
  const [leaving, setLeaving] = useState(false);
  const fields = tagFields();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const close = () => (store.editing.value = null);
  const dirty = Object.keys(touched).length > 0;
  const ask = () => (dirty ? setLeaving(true) : close());
  /* Escape: what was typed is not lost without a question. */
  const onCancel = (event) => {
    event.preventDefault();
    if (leaving) setLeaving(false);
    else if (request) setRequest(null);
    else ask();
  };

  function preview() {
    const tags = B.wishesOf(touched);
    const problems = B.problemsOf(fields, tags);
    const found = Object.fromEntries(Object.entries(problems).map(([name, problem]) => [name, texts.optionError(problem)]));
    setErrors(found);
    if (Object.keys(found).length === 0) setRequest({ operation: 'tag', ...Selection.bodyOf(selection), options: { tags } });
  }

  return html`
    <dialog id="many-dialog" ref=${dialog} onCancel=${onCancel} aria-labelledby="many-title">
      ${request
        ? html`<h2 class="vh" id="many-title">${texts.manyTitle(Selection.sizeOf(selection))}</h2>
            <${Preview} app=${app} request=${request} onApply=${close} onClose=${() => setRequest(null)} />`
        : html`<${Form} fields=${fields} touched=${touched} setTouched=${setTouched} errors=${errors} count=${Selection.sizeOf(selection)} preview=${preview} onClose=${ask} />`}
      ${leaving &&
      html`<div class="leave" role="alertdialog" aria-labelledby="many-leave">
        <p id="many-leave"><strong>${texts.leaveTitle}</strong></p>
        <div class="foot"><button type="button" id="btn-leave-stay" onClick=${() => setLeaving(false)}>${texts.leaveStay}</button>
          <button type="button" id="btn-leave" class="danger" onClick=${close}>${texts.leaveGo}</button></div>
      </div>`}
    </dialog>
  `;
}
