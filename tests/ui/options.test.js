/* options.js: from a schema to a form, and from what was typed to the options of a job. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fieldOfError, fieldsOf, problemOf, readOptions } from '../../htdocs/js/options.js';

const schema = (properties, more = {}) => ({ type: 'object', properties, additionalProperties: false, ...more });
const kinds = (properties) => Object.fromEntries(fieldsOf(schema(properties)).map((field) => [field.name, field.kind]));
const NUMBER = { anyOf: [{ type: 'integer', minimum: -1, maximum: 12, not: { const: 0 } }, { type: 'string', pattern: '^([+-]?[0-9]+)?$' }, { type: 'null' }] };
const TAGS = schema({ Title: { type: ['string', 'number', 'null'] }, Month: NUMBER, Manga: { enum: ['No', 'Yes', '', null] }, Pages: false }, { minProperties: 1 });

test('each kind of value has its kind of field', () => {
  assert.deepEqual(
    kinds({
      a: { type: 'boolean' }, b: { type: 'integer' }, c: { type: 'number' }, d: { type: 'string' }, e: { type: 'string', enum: ['x'] },
      f: { type: 'array', items: { type: 'string' } }, g: { type: 'object', additionalProperties: { type: 'string' } }, h: TAGS, i: NUMBER, j: { enum: ['No', '', null] }, k: true,
    }),
    { a: 'boolean', b: 'integer', c: 'number', d: 'string', e: 'enum', f: 'strings', g: 'map', h: 'map', i: 'integer', j: 'enum', k: 'string' },
  );
  assert.deepEqual(fieldsOf(null), []);
  assert.deepEqual(fieldsOf({}), []);
});

test('a field has the limits, the default and the words of its schema', () => {
  const [field] = fieldsOf(schema({ n: { type: 'integer', minimum: 0, maximum: 64, default: 4, description: 'how many' } }, { required: ['n'] }));
  assert.deepEqual([field.min, field.max, field.fallback, field.hint, field.required], [0, 64, 4, 'how many', true]);
  const [map] = fieldsOf(schema({ tags: TAGS }));
  assert.deepEqual(map.fields.map((one) => one.name), ['Title', 'Month', 'Manga'], 'what is false cannot be set');
  assert.deepEqual(map.fields[2].values, ['No', 'Yes']);
});

test('what is empty is left out, all else arrives with its type', () => {
  const all = schema({ yes: { type: 'boolean' }, no: { type: 'boolean' }, n: { type: 'integer' }, x: { type: 'number' }, s: { type: 'string' }, list: { type: 'array', items: { type: 'string' } }, none: { type: 'string' } });
  const { options, problems } = readOptions(all, { yes: 'yes', no: 'no', n: ' 7 ', x: '.5', s: ' as it is ', list: ' a \n\nb', none: '' });
  assert.deepEqual(options, { yes: true, no: false, n: 7, x: 0.5, s: ' as it is ', list: ['a', 'b'] });
  assert.deepEqual(problems, {});
  assert.deepEqual(readOptions(all, {}), { options: {}, problems: {} });
});

test('tags: numbers are numbers, an empty value takes the tag out, lines without a name are nothing', () => {
  const { options, problems } = readOptions(schema({ tags: TAGS }), { tags: [{ name: 'Title', value: '7' }, { name: 'Month', value: '3' }, { name: 'Manga', value: '' }, { name: '', value: 'x' }] });
  assert.deepEqual(options, { tags: { Title: '7', Month: 3, Manga: null } });
  assert.deepEqual(problems, {});
});

test('a name such as __proto__ is a name', () => {
  const { options } = readOptions(schema({ map: { type: 'object', additionalProperties: { type: 'string' } } }), { map: [{ name: '__proto__', value: 'x' }] });
  assert.equal(JSON.stringify(options), '{"map":{"__proto__":"x"}}');
});

test('what is wrong is said of its field', () => {
  const problem = (properties, values, more) => readOptions(schema(properties, more), values).problems;
  const n = { type: 'integer', minimum: 0, maximum: 64 };
  assert.deepEqual(problem({ n }, { n: '65' }), { n: { code: 'range', min: 0, max: 64, not: undefined } });
  assert.equal(problem({ n }, { n: '-1' }).n.code, 'range');
  for (const text of ['1.5', 'x', '1e3', '0x1', '1 2']) assert.deepEqual(problem({ n }, { n: text }).n, { code: 'integer' }, text);
  assert.deepEqual(problem({ n }, { n: '' }, { required: ['n'] }), { n: { code: 'missing' } });
  assert.deepEqual(problem({ s: { type: 'string', maxLength: 2 } }, { s: 'abc' }).s, { code: 'long', n: 2 });
  assert.deepEqual(problem({ s: { type: 'string', minLength: 2 } }, { s: 'a' }).s, { code: 'short', n: 2 });
  assert.deepEqual(problem({ s: { type: 'string', pattern: '^a+$' } }, { s: 'b' }).s, { code: 'pattern' });
  assert.deepEqual(problem({ e: { enum: ['a'] } }, { e: 'b' }).e, { code: 'enum' }, 'also of what was kept from another version');
  assert.deepEqual(problem({ list: { type: 'array', minItems: 2 } }, { list: 'a' }).list, { code: 'few', n: 2 });
  assert.deepEqual(problem({ tags: TAGS }, { tags: [] }, { required: ['tags'] }).tags, { code: 'missing' });
  assert.equal(problem({ tags: TAGS }, { tags: [{ name: 'Month', value: '0' }] }).tags.at, 'Month');
  assert.equal(problem({ tags: TAGS }, { tags: [{ name: 'Title', value: 'a' }, { name: 'Title', value: 'b' }] }).tags.code, 'twice');
  assert.deepEqual(problem({ a: { type: 'string' }, b: { type: 'string' } }, {}, { minProperties: 1 }), { '': { code: 'few', n: 1 } });
  assert.deepEqual(problem({ a: { type: 'string' }, b: { type: 'string' } }, { a: '1', b: '2' }, { maxProperties: 1 }), { '': { code: 'many', n: 1 } });
  assert.equal(problemOf({ kind: 'integer', not: 0 }, '0').code, 'range');
});

test('an error of the server belongs to its field, or to the map that has it', () => {
  const fields = fieldsOf(schema({ parser: { type: 'string' }, tags: TAGS }));
  assert.equal(fieldOfError(fields, 'parser'), 'parser');
  assert.equal(fieldOfError(fields, 'Month'), 'tags');
  assert.equal(fieldOfError(fields, 'select'), '');
  assert.equal(fieldOfError(fields, null), '');
});
