/*
 * view_book_tags.js - the tags of one book: edited in place, looked at as old -> new, then written.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { html, Name } from './dom.js';
import * as B from './book.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { fieldsOf } from './options.js';
import { Labelled } from './view_options.js';

/* The fields of the operation `tag`; [] until the server has said which there are. */
export function tagFields() {
  const operation = store.operations.value.find((one) => one.name === 'tag');
  return operation ? fieldsOf(operation.options).find((field) => field.name === 'tags')?.fields ?? [] : [];
}

const NUMERIC = { integer: 'numeric', number: 'decimal' };

/* A control for one element. A value that the schema does not have is offered, too, when the book has it. */
export function TagControl({ field, value, set, attributes, placeholder, empty }) {
  const typed = (event) => set(event.currentTarget.value);
  if (field.kind === 'enum') {
    const values = value === '' || field.values.includes(value) ? field.values : [value, ...field.values];
    return html`<select ...${attributes} value=${value} onChange=${typed}>
      <option value="">${empty}</option>${values.map((one) => html`<option value=${one}>${one}</option>`)}
    </select>`;
  }
  if (B.isLong(field.name)) return html`<textarea ...${attributes} dir="auto" rows="4" placeholder=${placeholder} value=${value} onInput=${typed}></textarea>`;
  return html`<input ...${attributes} type="text" dir="auto" inputmode=${NUMERIC[field.kind] ?? null} autocomplete="off" spellcheck=${false}
    placeholder=${placeholder} value=${value} onInput=${typed} />`;
}

const Value = ({ text }) => (text === null ? html`<i class="dim">${texts.tagNone}</i>` : html`<${Name} text=${text} />`);

/* Old -> new, as a list. */
export const Changes = ({ changes }) => html`
  <dl class="changes">
    ${changes.map(
      ({ name, before, after }) => html`<div key=${name}><dt>${texts.tagLabel(name)}</dt>
        <dd><del><${Value} text=${before} /></del> <span aria-hidden="true">\u2192</span><span class="vh"> ${texts.becomes} </span> <ins><${Value} text=${after} /></ins></dd></div>`,
    )}
  </dl>
`;

function Conflict({ name, book }) {
  return html`
    <p class="conflict" role="alert">${texts.tagsConflict} <${Value} text=${book.draft.base[name] ?? null} />
      <button type="button" onClick=${() => book.edit(name, book.draft.base[name] ?? '')}>${texts.tagsTakeTheirs}</button></p>
  `;
}

function Field({ field, book, error }) {
  const { draft, conflicts } = book;
  const { name } = field;
  return html`
    <div class="tag" data-tag=${name} data-edited=${name in draft.edits ? 'yes' : null}>
      <${Labelled} id=${`tag-${name}`} label=${texts.tagLabel(name)} error=${error}
        body=${(attributes) => html`<${TagControl} field=${field} value=${B.valueOf(draft, name)} set=${(text) => book.edit(name, text)}
          attributes=${attributes} placeholder=${texts.tagEmpty} empty=${texts.tagEmpty} />`} />
      ${conflicts.includes(name) && html`<${Conflict} name=${name} book=${book} />`}
    </div>
  `;
}

function Groups({ fields, book, errors, review }) {
  const groups = B.groupsOf(fields);
  const open = useMemo(() => groups.map((group, i) => i === 0 || group.fields.some((field) => B.valueOf(book.draft, field.name) !== '')), [fields.length]);
  return html`
    <div hidden=${review}>
      ${groups.map(
        (group, i) => html`<details key=${group.name} open=${open[i] || group.fields.some((field) => errors[field.name])}>
          <summary>${texts.tagGroups[group.name]}</summary>
          <div class="tag-fields">${group.fields.map((field) => html`<${Field} key=${field.name} field=${field} book=${book} error=${errors[field.name]} />`)}</div>
        </details>`,
      )}
    </div>
  `;
}

/* What an error of the server is about: a field of the form, or '' for the whole. */
const placeOf = (error, fields) => (fields.some((field) => field.name === error.field) ? error.field : '');

/* The steps of saving: {errors, review, busy, said, start, write, back}. */
function useSaving(app, file, book, fields) {
  const [state, setState] = useState({ errors: {}, review: false, busy: false, said: null });
  const set = (patch) => setState((now) => ({ ...now, ...patch }));

  async function start() {
    if (state.busy) return;
    const problems = B.problemsOf(fields, book.draft.edits);
    const errors = Object.fromEntries(Object.entries(problems).map(([name, problem]) => [name, texts.optionError(problem)]));
    if (Object.keys(errors).length > 0) return set({ errors, said: null });
    set({ busy: true, errors: {}, said: null });
    const conflicts = await book.read(); /* so that "old" is what the book says now */
    if (!conflicts) set({ busy: false });
    else if (conflicts.length > 0) set({ busy: false, errors: { '': texts.tagsConflicts(conflicts.length) } });
    else set({ busy: false, review: true });
  }

  async function write() {
    if (state.busy) return;
    set({ busy: true, errors: {} });
    try {
      const answer = await app.api.post(B.filePath(file, '/tags?names=comicinfo'), B.tagsOf(book.draft));
      set({ busy: false, review: false, said: answer.job_id ? texts.bookWaits : texts.tagsSaved });
      await book.read();
    } catch (error) {
      set({ busy: false, review: false, errors: { [placeOf(error, fields)]: placeOf(error, fields) ? error.text : texts.tagsFailed(error.text) } });
    }
  }

  return { ...state, start, write, back: () => set({ review: false }), hush: () => state.said && set({ said: null }), clear: () => set({ errors: {}, said: null, review: false }) };
}

function Review({ changes, saving }) {
  const place = useRef(null);
  useEffect(() => place.current.focus(), []);
  return html`
    <section class="review" aria-labelledby="review-title">
      <h4 id="review-title" tabindex="-1" ref=${place}>${texts.tagsReviewTitle}</h4>
      ${changes.length > 0 ? html`<${Changes} changes=${changes} />` : html`<p class="dim">${texts.tagsSaveClean}</p>`}
      <div class="foot">
        <button type="button" id="btn-tags-back" onClick=${saving.back}>${texts.tagsBack}</button>
        <button type="button" id="btn-tags-write" class="strong" disabled=${changes.length === 0} aria-disabled=${saving.busy ? 'true' : null} onClick=${saving.write}>${texts.tagsWrite}</button>
      </div>
    </section>
  `;
}

export function Tags({ app, file, book: read, kept }) {
  const fields = tagFields();
  const saving = useSaving(app, file, read, fields);
  const changes = B.changesOf(read.draft);
  const book = {
    ...read,
    edit(name, text) {
      saving.hush();
      read.edit(name, text);
    },
  };
  const said = saving.said === texts.bookWaits && changes.length === 0 ? texts.tagsSaved : saving.said; /* its turn came */
  const place = useRef(null);
  useEffect(() => {
    if (Object.keys(saving.errors).some(Boolean)) place.current.querySelector('[aria-invalid="true"]')?.focus();
  }, [saving.errors]);
  const submit = (event) => {
    event.preventDefault();
    if (changes.length > 0) void saving.start();
  };
  const discard = () => {
    book.discard();
    saving.clear();
  };
  return html`
    <form class="form tags" ref=${place} onSubmit=${submit} noValidate aria-label=${texts.bookTags}>
      ${kept && changes.length > 0 && html`<p class="dim" role="status">${texts.tagsKept}</p>`}
      <${Groups} fields=${fields} book=${book} errors=${saving.errors} review=${saving.review} />
      ${saving.review && html`<${Review} changes=${changes} saving=${saving} />`}
      ${saving.errors[''] && html`<p class="why" id="tags-error" role="alert">${saving.errors['']}</p>`}
      ${!saving.review &&
      html`<div class="foot tags-foot">
        <p class="dim" role="status" id="tags-said">${said ?? (changes.length > 0 ? texts.tagsUnsaved(changes.length) : null)}</p>
        ${changes.length > 0 &&
        html`<button type="button" id="btn-tags-discard" onClick=${discard}>${texts.tagsDiscard}</button>
          <button id="btn-tags-save" class="strong" aria-disabled=${saving.busy ? 'true' : null}>${texts.tagsReview}</button>`}
      </div>`}
    </form>
  `;
}
