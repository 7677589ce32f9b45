/*
 * options.js - the form of an operation's options, made of its JSON Schema, and back. Pure.
 *
 * A field is {name, kind, required, hint, fallback, ...limits}; `kind` is
 *   boolean              no, yes, or as the server has it
 *   enum                 one of `values`
 *   integer, number      `min`, `max`, `not` (values that are none)
 *   string               `maxLength`, `pattern`
 *   strings              an array of strings, one a line; `minItems`, `maxItems`
 *   map                  an object: `fields` are those it may have; none: any name with a text. `minItems`, `maxItems`
 * What is left empty is left out, so that the server's own default holds. In a map an empty value stays: it takes a tag out.
 * Values of a form are texts; those of a map are lists of {name, value}.
 */

const asList = (value) => (Array.isArray(value) ? value : [value]);
const isWanted = (part) => part && part.type !== 'null';

/* Of the ways a value may be written the first one with a type that a form knows: a number rather than the text of one. */
const plain = (schema) => (schema.anyOf || schema.oneOf ? { ...schema, ...asList(schema.anyOf ?? schema.oneOf).find(isWanted) } : schema);

function kindOf({ type, enum: values, items, properties, additionalProperties }) {
  const types = asList(type).filter((one) => one && one !== 'null');
  if (values) return 'enum';
  if (types.includes('boolean')) return 'boolean';
  if (types.includes('string')) return 'string';
  if (types.includes('integer')) return 'integer';
  if (types.includes('number')) return 'number';
  if (types.includes('array') && (!items || asList(items.type).includes('string'))) return 'strings';
  if (types.includes('object') && (properties || additionalProperties !== false)) return 'map';
  return 'string';
}

function fieldOf(name, raw, required) {
  const schema = plain(raw);
  const kind = kindOf(schema);
  const field = {
    name,
    kind,
    required,
    hint: raw.description ?? schema.description ?? '',
    fallback: schema.default,
    min: schema.minimum,
    max: schema.maximum,
    not: schema.not?.const,
    minLength: schema.minLength,
    maxLength: schema.maxLength,
    pattern: schema.pattern,
    minItems: schema.minItems ?? schema.minProperties,
    maxItems: schema.maxItems ?? schema.maxProperties,
  };
  if (kind === 'enum') field.values = schema.enum.filter((value) => value !== null && value !== '').map(String);
  if (kind === 'map') field.fields = schema.properties ? fieldsOf(schema) : null;
  return field;
}

/* The fields of an object's schema, in its order. A property that is `false` cannot be set. */
export function fieldsOf(schema) {
  const required = new Set(schema?.required ?? []);
  return Object.entries(schema?.properties ?? {})
    .filter(([, one]) => one !== false)
    .map(([name, one]) => fieldOf(name, one === true ? {} : one, required.has(name)));
}

/* Why `text` is no value of `field`, as {code, ...}, or null; `texts.optionError` makes a sentence of it. */
export function problemOf(field, text) {
  const { kind, min, max, not, values, minLength, maxLength, pattern } = field;
  if (text === '') return field.required ? { code: 'missing' } : null;
  if (kind === 'integer' || kind === 'number') {
    const shape = kind === 'integer' ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)$/;
    if (!shape.test(text)) return { code: kind };
    const n = Number(text);
    if (n < (min ?? -Infinity) || n > (max ?? Infinity) || n === not) return { code: 'range', min, max, not };
  }
  if (kind === 'enum' && !values.includes(text)) return { code: 'enum' };
  if (kind === 'string') {
    if (minLength !== undefined && text.length < minLength) return { code: 'short', n: minLength };
    if (maxLength !== undefined && text.length > maxLength) return { code: 'long', n: maxLength };
    if (pattern && !new RegExp(pattern, 'u').test(text)) return { code: 'pattern' };
  }
  return null;
}

function valueOf(field, text) {
  if (field.kind === 'integer' || field.kind === 'number') return Number(text);
  if (field.kind === 'boolean') return text === 'yes';
  return text;
}

const amount = (field, n) => {
  if (n < (field.minItems ?? 0)) return { code: 'few', n: field.minItems };
  return n > (field.maxItems ?? Infinity) ? { code: 'many', n: field.maxItems } : null;
};

function readStrings(field, text) {
  const value = String(text ?? '').split('\n').map((line) => line.trim()).filter(Boolean);
  if (value.length === 0) return { problem: field.required ? { code: 'missing' } : null };
  return { value, problem: amount(field, value.length) };
}

function readMap(field, entries = []) {
  const value = {};
  let problem = null;
  for (const { name, value: text } of entries) {
    if (!name) continue;
    const inner = field.fields?.find((one) => one.name === name) ?? { kind: 'string' };
    const wrong = Object.hasOwn(value, name) ? { code: 'twice' } : problemOf({ ...inner, required: false }, text);
    if (wrong) problem ??= { ...wrong, at: name };
    Object.defineProperty(value, name, { value: text === '' ? null : valueOf(inner, text), enumerable: true, configurable: true, writable: true });
  }
  const n = Object.keys(value).length;
  if (n === 0 && !field.required) return { problem };
  return { value, problem: problem ?? (n === 0 ? { code: 'missing' } : amount(field, n)) };
}

function readOne(field, given) {
  if (field.kind === 'strings') return readStrings(field, given);
  if (field.kind === 'map') return readMap(field, given);
  const text = field.kind === 'string' ? String(given ?? '') : String(given ?? '').trim();
  const problem = problemOf(field, text);
  return { value: text === '' || problem ? undefined : valueOf(field, text), problem };
}

/*
 * {options, problems} of a form: `options` for the body of the job, `problems` name -> what is wrong. The name of a
 * problem of the whole is ''.
 */
export function readOptions(schema, values) {
  const options = {};
  const problems = {};
  for (const field of fieldsOf(schema)) {
    const { value, problem } = readOne(field, values[field.name]);
    if (problem) problems[field.name] = problem;
    if (value !== undefined) options[field.name] = value;
  }
  const whole = amount({ minItems: schema?.minProperties, maxItems: schema?.maxProperties }, Object.keys(options).length);
  if (whole && Object.keys(problems).length === 0) problems[''] = whole;
  return { options, problems };
}

/* Which of the fields a server's error belongs to: its own, or the map that holds a member of this name; '' for none. */
export function fieldOfError(fields, name) {
  if (!name) return '';
  if (fields.some((field) => field.name === name)) return name;
  return fields.find((field) => field.kind === 'map' && (!field.fields || field.fields.some((one) => one.name === name)))?.name ?? '';
}
