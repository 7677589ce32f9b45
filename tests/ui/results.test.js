/* results.js: results of a job, the newest first. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { readNewer, readOlder } from '../../htdocs/js/results.js';

/* A server with results 1 to n, of which every `fails`th is an error. */
function server(n, fails = 10) {
  const asked = [];
  return {
    asked,
    async get(path) {
      const query = new URL(path, 'http://x/').searchParams;
      asked.push(path);
      const outcome = query.get('outcome');
      const rest = [];
      for (let id = Number(query.get('after')) + 1; id <= n; id += 1) {
        const success = id % fails !== 0;
        if (outcome === 'all' || (outcome === 'ok') === success) rest.push({ id, item: `${id}.cbz`, success });
      }
      const results = rest.slice(0, Number(query.get('limit')));
      return { results, next: rest.length > results.length ? results[results.length - 1].id : null };
    },
  };
}
const ids = ({ rows }) => rows.map(({ id }) => id);

test('older ones come the newest first, window by window, each once', async () => {
  const api = server(250);
  const seen = [];
  let before = 251;
  while (before > 1) {
    const answer = await readOlder(api, 'j', {}, before);
    seen.push(...ids(answer));
    before = answer.before;
  }
  assert.deepEqual(seen, Array.from({ length: 250 }, (_, i) => 250 - i));
  assert.equal(api.asked.length, 3);
});

test('what finished since the first question is not told twice', async () => {
  assert.deepEqual(ids(await readOlder(server(300), 'j', {}, 51)), Array.from({ length: 50 }, (_, i) => 50 - i));
});

test('failed ones are looked for in many, but not without asking again', async () => {
  const api = server(100000, 50000);
  const first = await readOlder(api, 'j', { outcome: 'error' }, 100001);
  assert.deepEqual(ids(first), [100000]);
  assert.deepEqual([api.asked.length, first.before], [20, 80001]);
  const few = await readOlder(server(3000, 10), 'j', { outcome: 'error' }, 3001);
  assert.deepEqual([few.rows.length, few.before], [100, 2001], 'enough is enough');
});

test('newer ones are those behind the last, and a search goes along', async () => {
  const api = server(20);
  assert.deepEqual(ids(await readNewer(api, 'j', {}, 17)), [20, 19, 18]);
  assert.deepEqual(await readNewer(server(3000), 'j', {}, 0).then(({ rows, more }) => [rows[0].id, more]), [1000, 1000]);
  await readNewer(api, 'j', { search: 'a b&c' }, 0);
  assert.match(api.asked[1], /search=a\+b%26c/);
});
