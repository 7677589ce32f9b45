/*
 * view_options.js - the fields of options.js as a form.
 */
import { html, Icon } from './dom.js';
import * as texts from './strings.js';

/* A control with its label, hint and what is wrong with it. `body(attributes)` draws the control. */
export function Labelled({ id, label, hint, error, required, body }) {
  const notes = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return html`
    <div class="labelled" data-error=${error ? 'yes' : null}>
      <label for=${id}>${label}${required && html`<span class="dim" aria-hidden="true"> *</span>`}</label>
      ${body({ id, name: id, required, 'aria-describedby': notes || null, 'aria-invalid': error ? 'true' : null })}
      ${hint && html`<p class="dim" id=${`${id}-hint`}>${hint}</p>`}
      ${error && html`<p class="why" id=${`${id}-error`} role="alert">${error}</p>`}
    </div>
  `;
}

const Choice = ({ attributes, value, set, choices, empty }) => html`
  <select ...${attributes} value=${value} onChange=${(event) => set(event.currentTarget.value)}>
    ${empty !== null && html`<option value="">${empty}</option>`}
    ${choices.map(([name, text]) => html`<option value=${name}>${text}</option>`)}
  </select>
`;

const Line = ({ attributes, value, set, kind, placeholder }) => html`
  <input ...${attributes} type="text" inputmode=${{ integer: 'numeric', number: 'decimal' }[kind] ?? null} autocomplete="off" spellcheck=${false}
    placeholder=${placeholder} value=${value} onInput=${(event) => set(event.currentTarget.value)} />
`;

/* A value of a field that is no list. */
function One({ field, attributes, value, set, empty }) {
  if (field.kind === 'boolean') return html`<${Choice} attributes=${attributes} value=${value} set=${set} choices=${Object.entries(texts.optionYesNo)} empty=${empty} />`;
  if (field.kind === 'enum') return html`<${Choice} attributes=${attributes} value=${value} set=${set} choices=${field.values.map((one) => [one, one])} empty=${empty} />`;
  return html`<${Line} attributes=${attributes} value=${value} set=${set} kind=${field.kind} placeholder=${empty} />`;
}

/* Names and values: as many as are wanted. */
function Entries({ field, id, entries, set, attributes }) {
  const put = (i, change) => set(entries.map((entry, k) => (k === i ? { ...entry, ...change } : entry)));
  const free = (name) => !entries.some((entry) => entry.name === name);
  const names = (mine) => field.fields.map((one) => one.name).filter((name) => name === mine || free(name)).map((name) => [name, name]);
  const inner = (name) => field.fields?.find((one) => one.name === name) ?? { kind: 'string' };
  const add = () => {
    set([...entries, { name: '', value: '' }]);
    requestAnimationFrame(() => document.getElementById(`${id}-name-${entries.length}`)?.focus());
  };
  const label = (part, i) => ({ id: `${id}-${part}-${i}`, 'aria-label': `${part === 'name' ? texts.optionName : texts.optionValue} ${i + 1}` });
  return html`
    <div class="entries" role="group" ...${attributes} required=${null}>
      ${entries.map(
        (entry, i) => html`<div class="entry" key=${i}>
          ${field.fields
            ? html`<${Choice} attributes=${label('name', i)} value=${entry.name} set=${(name) => put(i, { name, value: '' })} choices=${names(entry.name)} empty=${texts.optionName} />`
            : html`<${Line} attributes=${label('name', i)} value=${entry.name} set=${(name) => put(i, { name })} placeholder=${texts.optionName} />`}
          <${One} field=${inner(entry.name)} attributes=${label('value', i)} value=${entry.value} set=${(value) => put(i, { value })} empty=${texts.optionRemove} />
          <button type="button" class="plain" aria-label=${texts.optionDrop(entry.name)} onClick=${() => set(entries.filter((_, k) => k !== i))}><${Icon} name="cross" /></button>
        </div>`,
      )}
      <button type="button" id=${`${id}-add`} onClick=${add}>${texts.optionAdd}</button>
    </div>
  `;
}

function Control({ field, id, value, set, attributes }) {
  if (field.kind === 'map') return html`<${Entries} field=${field} id=${id} entries=${Array.isArray(value) ? value : []} set=${set} attributes=${attributes} />`;
  if (field.kind === 'strings') return html`<textarea ...${attributes} rows="4" value=${value ?? ''} onInput=${(event) => set(event.currentTarget.value)}></textarea>`;
  return html`<${One} field=${field} attributes=${attributes} value=${value ?? ''} set=${set} empty=${texts.optionDefault(field.fallback)} />`;
}

/* Options({fields, values, errors, set}): `errors` name -> sentence, set(name, value) takes what was typed. */
export function Options({ fields, values, errors, set }) {
  return fields.map((field) => {
    const id = `opt-${field.name}`;
    return html`<${Labelled} key=${id} id=${id} label=${texts.optionLabel(field.name)} hint=${field.hint} error=${errors[field.name]} required=${field.required}
      body=${(attributes) => html`<${Control} field=${field} id=${id} value=${values[field.name]} set=${(value) => set(field.name, value)} attributes=${attributes} />`} />`;
  });
}
