// The documents say what is: routes, error codes, members of real answers, examples, settings.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { makeBook, makeBooks } from '../lib/books.js';
import { checkAnswer, document, eventMisfit, methodsOf } from '../lib/contract.js';
import { startJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { ROOT, serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const read = (name) => fs.readFileSync(path.join(ROOT, name), 'utf8');
const withoutComments = (c) => c.replace(/\/\*[^]*?\*\//g, '');
const API = read('docs/API.md');
const STREAM = 'GET /api/events/stream'; // handed over by the dispatcher, not in the table of routes
const SOME_JOB = '00000000-0000-7000-8000-000000000000';

// "a-{b,c}" stands for "a-b" and "a-c"; "{id}" has no comma and stands for itself.
function expand(text) {
  const m = /\{([^{}]*,[^{}]*)\}/.exec(text);
  if (!m) return [text];
  return m[1].split(',').flatMap((word) => expand(text.slice(0, m.index) + word + text.slice(m.index + m[0].length)));
}

// A route is documented by a heading "### METHOD /path" or "### METHOD /path, METHOD /path".
function documentedRoutes() {
  const headings = [...API.matchAll(/^### ((?:GET|POST|PUT|PATCH|DELETE) .*)$/gm)].map((m) => m[1]);
  return headings.flatMap((h) => h.split(', ')).flatMap(expand);
}

// The fenced blocks of a language: [{line, text}].
function blocks(language) {
  const found = [];
  for (const m of API.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))) {
    found.push({ line: API.slice(0, m.index).split('\n').length, text: m[1] });
  }
  return found;
}

function parses(text, line) {
  assert.doesNotThrow(() => JSON.parse(text), `docs/API.md, the block at line ${line}: ${text.slice(0, 200)}`);
}

// Every member's name in a value, at any depth; `opaque` names are not looked into.
function memberNames(value, opaque = [], names = new Set()) {
  if (Array.isArray(value)) value.forEach((v) => memberNames(v, opaque, names));
  else if (value && typeof value === 'object') {
    for (const [name, v] of Object.entries(value)) {
      names.add(name);
      if (!opaque.includes(name)) memberNames(v, opaque, names);
    }
  }
  return names;
}

function namesAreDocumented(what, value, opaque) {
  const names = [...memberNames(value, opaque)];
  assert.ok(names.length > 0, `${what} has members`);
  const missing = names.filter((n) => !API.includes(`\`${n}\``) && !API.includes(`"${n}"`));
  assert.deepEqual(missing, [], `members of ${what} that docs/API.md does not name`);
}

// "not_found 404 no"
const errorCodes = () => [...withoutComments(read('shared/err.def')).matchAll(/ERR\(\w+, "(\w+)", (\d+), ([01])\)/g)]
  .filter((m) => m[1] !== 'none').map((m) => `${m[1]} ${m[2]} ${m[3] === '1' ? 'yes' : 'no'}`);
const configKeys = () => [...withoutComments(read('shared/config.def')).matchAll(/CFG_[A-Z]+\(\s*\w+,\s*"([^"]+)"/g)].map((m) => m[1]);

test('every route has a heading in docs/API.md, and every heading a route', () => {
  const table = withoutComments(read('workers/api_routes.c'));
  const routes = [...table.matchAll(/\{"([A-Z]+)",\s*"([^"]+)"/g)].map((m) => `${m[1]} ${m[2]}`);
  assert.ok(routes.length > 30, `${routes.length} routes read from workers/api_routes.c`);
  assert.deepEqual(documentedRoutes().sort(), [...routes, STREAM].sort());
});

test('docs/openapi.yaml has the same routes, and every $ref in it leads somewhere', () => {
  const routes = Object.entries(document.paths).flatMap(([p, item]) => methodsOf(item).map((m) => `${m.toUpperCase()} ${p}`));
  assert.deepEqual(routes.sort(), documentedRoutes().map((r) => r.replace('...}', '}')).sort());
  const refs = [...read('docs/openapi.yaml').matchAll(/\$ref: '#\/([^']*)'/g)].map((m) => m[1]);
  assert.ok(refs.length > 300, `${refs.length} refs`);
  for (const ref of refs) assert.ok(ref.split('/').reduce((v, key) => v?.[key], document), ref);
  const used = new Set(refs);
  for (const [kind, named] of Object.entries(document.components)) {
    for (const name of Object.keys(named)) assert.ok(used.has(`components/${kind}/${name}`), `${kind}/${name} is not used`);
  }
  assert.deepEqual(document.components.schemas.ErrorCode.enum, errorCodes().map((c) => c.split(' ')[0]));
});

test('an answer that docs/openapi.yaml does not know is found', () => {
  const answer = (status, json, type = 'application/json') => ({ status, json, text: JSON.stringify(json) ?? 'text', worker: 0, headers: { 'content-type': type } });
  const known = [
    ['GET', '/api/version', answer(200, { version: '1' })], ['GET', '/comics/api/version?x=1', answer(200, { version: '1' })],
    ['HEAD', '/api/version', answer(200)], ['GET', '/api/nothing', answer(404, { error: 'x', code: 'no_such_route' })],
    ['POST', '/api/version', answer(405, { error: 'x', code: 'method_not_allowed' })], ['GET', '/index.html', answer(200, {})],
    ['POST', '/api/process-file/a/b%20c.cbz', answer(200, { success: true })], ['GET', '/metrics', answer(200, undefined, 'text/plain; version=0.0.4')],
  ];
  for (const [method, target, a] of known) checkAnswer(method, target, a);
  const wrong = [
    ['GET', '/api/version', answer(200, { version: '1', more: 1 })], ['GET', '/api/version', answer(200, { version: 1 })], ['GET', '/api/version', answer(200, {})],
    ['GET', '/api/version', answer(201, { version: '1' })], ['HEAD', '/api/version', answer(204)], ['GET', '/api/nothing', answer(200, {})],
    ['GET', '/api/nothing', answer(404, { message: 'x' })], ['POST', '/api/version', answer(405, { error: 'x', code: 'what' })],
    ['GET', '/api/version', answer(200, undefined, 'text/html')], ['POST', '/api/jobs/pause', answer(200, { resumed: 1 })],
  ];
  for (const [method, target, a] of wrong) assert.throws(() => checkAnswer(method, target, a), /docs\/openapi.yaml/, `${method} ${target} ${a.text}`);
  assert.equal(eventMisfit({ type: 'watcher_status', data: { running: true, enabled: false }, timestamp: 1 }), '');
  assert.notEqual(eventMisfit({ type: 'watcher_status', data: { running: true }, timestamp: 1 }), '');
  assert.notEqual(eventMisfit({ type: 'news', data: {}, timestamp: 1 }), '');
});

test('the table of errors is that of err.def', () => {
  const codes = errorCodes();
  const rows = [...API.matchAll(/^\| `(\w+)` \| (\d{3}) \| (yes|no) \| .+ \|$/gm)].map((m) => `${m[1]} ${m[2]} ${m[3]}`);
  assert.ok(codes.length > 20, `${codes.length} codes read from shared/err.def`);
  assert.deepEqual(rows.sort(), codes.sort());
});

test('every example of JSON in docs/API.md parses', () => {
  const json = blocks('json');
  assert.ok(json.length > 30, `${json.length} examples`);
  for (const b of json) parses(b.text, b.line);
  for (const b of blocks('text')) {
    for (const m of b.text.matchAll(/^data: (.*)$/gm)) parses(m[1], b.line);
  }
  for (const b of blocks('sh')) {
    for (const m of b.text.matchAll(/-d '([^']*)'/g)) parses(m[1], b.line);
  }
  const fences = API.match(/^```/gm).length / 2;
  assert.equal(json.length + blocks('text').length + blocks('sh').length, fences, 'every block is sh, json or text');
});

// What an example leaves out is shown by an ellipsis.
test('the examples of jobs and history in docs/API.md have every member', () => {
  const schemas = document.components.schemas;
  const row = schemas.History.properties.history.items;
  let seen = 0;
  const whole = (value, schema, at) => {
    seen++;
    assert.deepEqual(schema.required.filter((name) => !(name in value)), [], `docs/API.md, ${at}`);
  };
  for (const b of blocks('json').filter(({ text }) => !text.includes('…":') && !text.includes('"…"'))) {
    const value = JSON.parse(b.text);
    if ('total_items' in value && 'status' in value) whole(value, schemas.Job, `the block at line ${b.line}`);
    if (value.history) whole(value.history[0], row, `the block at line ${b.line}`);
  }
  for (const m of API.matchAll(/^data: (\{"type".*)$/gm)) assert.equal(eventMisfit(JSON.parse(m[1])), '', m[1].slice(0, 60));
  assert.ok(seen > 6, `${seen} examples`);
});

test('every link inside docs/API.md leads to a heading', () => {
  const slug = (h) => h.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replace(/ /g, '-');
  const headings = [...API.matchAll(/^#+ (.*)$/gm)].map((m) => slug(m[1]));
  for (const m of API.matchAll(/\]\(#([^)]*)\)/g)) assert.ok(headings.includes(m[1]), `#${m[1]}`);
});

test('every setting is in docs/CONFIGURATION.md and in etc/longbox.yaml', () => {
  const keys = configKeys();
  assert.ok(keys.length > 30, `${keys.length} keys read from shared/config.def`);
  const rows = [...read('docs/CONFIGURATION.md').matchAll(/^\| `([a-z0-9_]+)` \|/gm)].map((m) => m[1]);
  const lines = [...read('etc/longbox.yaml').matchAll(/^#? ?([a-z0-9_]+):/gm)].map((m) => m[1]);
  for (const key of keys) {
    assert.ok(rows.includes(key), `${key} in docs/CONFIGURATION.md`);
    assert.ok(lines.includes(key), `${key} in etc/longbox.yaml`);
  }
  assert.deepEqual(rows.filter((key) => !keys.includes(key)), [], 'keys that are no more');
});

test('the settings that docs/API.md names are settings', () => {
  const keys = configKeys();
  for (const m of API.matchAll(/settings? `(\w+)`/g)) assert.ok(keys.includes(m[1]), m[1]);
});

serverTest('the running server has the documented methods at the documented paths, and no others', {}, async (s) => {
  const documented = documentedRoutes();
  // "/api/jobs/process-all" is a job's address too, by its form.
  const methodsAt = (p) => documented.map((d) => d.split(' '))
    .filter(([, pattern]) => new RegExp(`^${pattern.replace('{id}', '[^/]+')}$`).test(p)).map(([method]) => method);
  for (const p of new Set(documented.map((d) => d.split(' ')[1].replace('{id}', SOME_JOB)))) {
    const r = await s.api.call('OPTIONS', p);
    assert.equal(r.status, 405, `${p}: ${r.text}`);
    const allowed = r.headers.allow.split(', ').filter((m) => m !== 'HEAD');
    assert.deepEqual(allowed.sort(), [...new Set(methodsAt(p))].sort(), p);
  }
});

const library = (dir) => {
  makeBooks(dir, 3);
  makeBook(dir, 'Wolf/Wolf - Chapter 0003.cbz', { tags: { Number: 3 } });
  makeBook(dir, 'Wolf/second 3.cbz', { tags: { Number: 3 } });
};

serverTest('every member of a real answer is named in docs/API.md', { books: library }, async (s) => {
  const stream = await s.stream();
  const { job_id: id } = await startJob(s.api, 'process-all');
  const job = await waitCompleted(s.api, id);
  assert.ok(job.results.some((r) => r.details.duplicate), 'one is a duplicate');
  namesAreDocumented('a job', job);
  const noop = await startNoop(s.api, 2, 0, { options: { fail_every: 2 } });
  namesAreDocumented('a job with an error', await waitCompleted(s.api, noop));

  assert.equal((await s.api.post('/api/preferences', { theme: 'dark' })).status, 200);
  const message = (type) => stream.events.map((f) => f.message).find((m) => m.type === type);
  await stream.waitJob(noop, 10);
  await until('an event of the preferences', 10, () => message('settings_changed'));
  namesAreDocumented('events', stream.events.map((f) => f.message));
  for (const type of new Set(stream.events.map((f) => f.message.type))) assert.ok(API.includes(`| \`${type}\` |`), type);

  const answers = {
    '/api/jobs': [], [`/api/jobs/${id}/results`]: [], [`/api/jobs/${id}/summary`]: ['options'], '/api/active-job': [], '/api/events/stats': [], '/api/files': [],
    '/api/scan-unmarked': [], '/api/processing-history': [], '/api/preferences': [], '/api/version': [],
    '/api/config': ['options'], '/health': [], '/health/live': [], '/health/ready': [],
    '/api/settings/filename-format': [], '/api/settings/issue-number-padding': [],
  };
  for (const [p, opaque] of Object.entries(answers)) {
    const r = await s.api.get(p);
    assert.equal(r.status, 200, `${p}: ${r.text}`);
    if (r.json.history) assert.ok(r.json.history.length > 0, 'a row of history');
    if (r.json.files) assert.ok(r.json.files.length > 0, 'a file');
    namesAreDocumented(p, r.json, opaque);
  }
  namesAreDocumented('an error', (await s.api.post('/api/settings/issue-number-padding', { padding: -1 })).json);

  const config = (await s.api.get('/api/config')).json;
  for (const op of config.operations) {
    assert.ok(API.includes(`\`${op.name}\``), `operation ${op.name}`);
    for (const option of Object.keys(op.options.properties)) assert.ok(API.includes(`\`${option}\``), `option ${option}`);
  }
});
