import test from 'node:test';
import assert from 'node:assert/strict';
import { createApi, randomKey } from '../../htdocs/js/api.js';

const response = (status, body, type = 'application/json') => new Response(body === null ? null : typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'content-type': type } });

function rig(answers, base = 'http://h/comics/') {
  const calls = [];
  const waits = [];
  const reach = [];
  const api = createApi({
    base,
    random: () => 1,
    delay: async (ms) => void waits.push(ms),
    onReach: (ok) => reach.push(ok),
    fetch: async (url, init) => {
      calls.push({ url, init });
      const answer = answers[Math.min(calls.length, answers.length) - 1];
      if (answer instanceof Error) throw answer;
      return answer.clone();
    },
  });
  return { api, calls, waits, reach };
}

const fails = async (promise, wanted) => {
  await assert.rejects(promise, (error) => {
    for (const [key, value] of Object.entries(wanted)) assert.equal(error[key], value, key);
    return true;
  });
};

test('addresses are relative to the base of the page', async () => {
  const { api, calls } = rig([response(200, {})]);
  await api.get('api/jobs?status=active');
  assert.equal(calls[0].url, 'http://h/comics/api/jobs?status=active');
});

test('the text of an error is that of the JSON body', async () => {
  const { api } = rig([response(400, { error: 'No files specified', code: 'bad_input' })]);
  await fails(api.post('api/x', {}), { kind: 'refused', text: 'No files specified', status: 400, code: 'bad_input' });
});

test('a body that is not JSON is not parsed', async () => {
  const { api } = rig([response(500, '{"error":"x"}', 'text/html')]);
  await fails(api.post('api/x', {}), { kind: 'refused', text: 'The server answered with status 500' });
  const broken = rig([response(400, '{broken')]);
  await fails(broken.api.post('api/x', {}), { kind: 'refused', text: 'The server answered with status 400' });
  const page = rig([response(200, '<html>', 'text/html')]);
  await fails(page.api.get('api/x'), { kind: 'refused', text: 'The answer was not what this page expects' });
});

test('a GET is tried again, with growing delays, and reports each attempt', async () => {
  const { api, calls, waits, reach } = rig([new TypeError('failed'), response(502, 'bad', 'text/html'), response(503, { error: 'busy' }), response(200, { a: 1 })]);
  assert.deepEqual(await api.get('api/x'), { a: 1 });
  assert.equal(calls.length, 4);
  assert.deepEqual(waits, [500, 1000, 2000]);
  assert.deepEqual(reach, [false, false, false, true]);
});

test('a GET gives up after four attempts; a refusal is not tried again', async () => {
  const away = rig([new TypeError('failed')]);
  await fails(away.api.get('api/x'), { kind: 'network', text: 'Server not reachable' });
  assert.equal(away.calls.length, 4);
  const gone = rig([response(404, { error: 'Job not found' })]);
  await fails(gone.api.get('api/x'), { kind: 'refused', status: 404 });
  assert.equal(gone.calls.length, 1);
});

test('a POST is sent once, unless its caller knows better', async () => {
  const { api, calls } = rig([new TypeError('failed')]);
  await fails(api.post('api/jobs/process-all', {}), { kind: 'network' });
  assert.equal(calls.length, 1);
  await fails(api.post('api/jobs/1/cancel', {}, { tries: 3 }), { kind: 'network' });
  assert.equal(calls.length, 4);
});

test('a body goes as JSON, with the given headers', async () => {
  const { api, calls } = rig([response(200, {})]);
  await api.post('api/x', { files: ['a'] }, { headers: { 'Idempotency-Key': 'k' } });
  assert.equal(calls[0].init.body, '{"files":["a"]}');
  assert.equal(calls[0].init.headers['Content-Type'], 'application/json');
  assert.equal(calls[0].init.headers['Idempotency-Key'], 'k');
});

test('an aborted request is neither tried again nor a sign of a lost server', async () => {
  const stop = new AbortController();
  stop.abort();
  const { api, calls, reach } = rig([Object.assign(new Error('aborted'), { name: 'AbortError' })]);
  await fails(api.get('api/x', { signal: stop.signal }), { kind: 'aborted' });
  assert.equal(calls.length, 1);
  assert.deepEqual(reach, []);
});

test('keys are random, also without a crypto object', () => {
  for (const source of [undefined, {}, globalThis.crypto]) {
    const keys = new Set(Array.from({ length: 200 }, () => randomKey(source)));
    assert.equal(keys.size, 200);
    for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
  }
});

test('a failure tells after how many seconds the server wants to be asked again', async () => {
  const busy = new Response('{"error": "busy"}', { status: 503, headers: { 'content-type': 'application/json', 'retry-after': '7' } });
  const { api } = rig([busy]);
  await fails(api.post('api/x'), { kind: 'unreachable', status: 503, retryAfter_s: 7 });
  const none = rig([response(503, { error: 'busy' })]);
  await fails(none.api.post('api/x'), { retryAfter_s: null });
});
