// docs/openapi.yaml, against which every answer of a server under test is checked: checkAnswer() throws when the document
// has no such status for the route, or when the body is not what it says. What is not in the document's paths has to be
// an error.
//
// Reading YAML and making validators takes longer than many a test. It is done once for each text of the document; what
// comes of it is kept in build/.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const EVENT = '/components/schemas/Event';
const ERROR = '/components/schemas/Error';
const here = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const escaped = (key) => key.replace(/~/g, '~0').replace(/\//g, '~1');
const at = (document, pointer) => pointer.slice(1).split('/').reduce((v, key) => v[key.replace(/~1/g, '/').replace(/~0/g, '~')], document);

// Every schema of an answer, by its address.
function addresses(document) {
  const found = new Set([EVENT, ERROR]);
  const look = (value, pointer) => {
    if (value.$ref) return;
    for (const [type, content] of Object.entries(value.content || {})) if (content.schema) found.add(`${pointer}/content/${escaped(type)}/schema`);
  };
  for (const [name, value] of Object.entries(document.components.responses)) look(value, `/components/responses/${name}`);
  for (const [root, items] of [['/paths', document.paths], ['/components/pathItems', document.components.pathItems]]) {
    for (const [name, item] of Object.entries(items)) {
      for (const [method, { responses }] of Object.entries(item)) {
        for (const [status, value] of Object.entries(responses || {})) look(value, `${root}/${escaped(name)}/${method}/responses/${status}`);
      }
    }
  }
  return [...found];
}

// A module with the document and, as v0, v1 ..., its validators.
async function make(text) {
  const [{ default: Ajv }, { default: standalone }, { parse }] = await Promise.all([import('ajv/dist/2020.js'), import('ajv/dist/standalone/index.js'), import('yaml')]);
  const document = parse(text);
  const ajv = new Ajv({ strict: false, validateSchema: false, code: { source: true } });
  ajv.addSchema(document, 'openapi');
  const list = addresses(document);
  const names = {};
  list.forEach((pointer, i) => {
    ajv.addSchema({ $ref: `openapi#${pointer.split('/').map(encodeURIComponent).join('/')}` }, `v${i}`);
    names[`v${i}`] = `v${i}`;
  });
  return `${standalone(ajv, names)}\nexports.document = ${JSON.stringify(document)};\nexports.addresses = ${JSON.stringify(list)};\n`;
}

async function load() {
  const text = fs.readFileSync(here('docs/openapi.yaml'), 'utf8');
  const maker = fs.readFileSync(fileURLToPath(import.meta.url), 'utf8');
  const kept = here(`build/openapi-${createHash('sha256').update(text).update(maker).digest('hex').slice(0, 16)}.cjs`);
  if (!fs.existsSync(kept)) {
    fs.mkdirSync(here('build'), { recursive: true });
    fs.writeFileSync(`${kept}.${process.pid}`, await make(text));
    fs.renameSync(`${kept}.${process.pid}`, kept);
  }
  return createRequire(import.meta.url)(kept);
}

const made = await load();
export const { document } = made;
const validators = new Map(made.addresses.map((pointer, i) => [pointer, made[`v${i}`]]));

// What a $ref leads to, with its own address.
function follow(value, pointer) {
  while (value.$ref) {
    pointer = value.$ref.slice(1);
    value = at(document, pointer);
  }
  return { value, pointer };
}

export const methodsOf = (item) => Object.keys(follow(item, '').value).filter((k) => /^(get|put|post|patch|delete)$/.test(k));

// Templates after plain paths; a {path} holds slashes.
const routes = Object.entries(document.paths).map(([path, item]) => ({
  path,
  depth: path.split('{').length,
  pattern: new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace('{path}', '.+').replace(/\{\w+\}/g, '[^/]+')}$`),
  ...follow(item, `/paths/${escaped(path)}`),
})).sort((a, b) => a.depth - b.depth);

function misfit(pointer, body) {
  const check = validators.get(pointer);
  return check(body) ? '' : check.errors.map((e) => `body${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`).join(', ');
}

// "" or what is wrong with an event of /api/events/stream.
export const eventMisfit = (event) => misfit(EVENT, event);

function answerMisfit(method, path, answer) {
  const found = routes.filter((r) => r.pattern.test(path));
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const route = found.find((r) => r.value[verb]);
  if (!route) {
    if (answer.status < 400) return 'this method and path are not in the document';
    return answer.json === undefined ? '' : misfit(ERROR, answer.json);
  }
  const listed = route.value[verb].responses[answer.status];
  if (!listed) return `${route.path} has no answer ${answer.status}`;
  const response = follow(listed, `${route.pointer}/${verb}/responses/${answer.status}`);
  if (method === 'HEAD' || !answer.text) return '';
  const type = answer.headers['content-type']?.split(';')[0];
  const content = response.value.content?.[type];
  if (!content) return `${route.path} has no ${type} in its answer ${answer.status}`;
  return answer.json === undefined ? '' : misfit(`${response.pointer}/content/${escaped(type)}/schema`, answer.json);
}

const BASE = /^(?:https?:\/\/[^/]+)?(?:\/comics)?(\/(?:api|health|metrics)(?:[/?].*)?)$/; // behind any base path of the tests

// `answer` is what tests/lib/client.js gives. What the front end says by itself, in words, is not ours to describe.
export function checkAnswer(method, target, answer) {
  const path = BASE.exec(target)?.[1].split('?')[0];
  if (!path || (answer.worker === undefined && answer.json === undefined)) return;
  const wrong = answerMisfit(method, path, answer);
  if (wrong) throw new Error(`docs/openapi.yaml: ${method} ${target.slice(0, 200)} was answered with ${answer.status}: ${wrong}\n${answer.text.slice(0, 1000)}`);
}
