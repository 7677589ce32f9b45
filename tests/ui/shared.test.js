import test from 'node:test';
import assert from 'node:assert/strict';
import { createShared } from '../../htdocs/js/shared.js';
import { fakeClock } from './fakes.js';

/* `worker`: answers, is silent, or throws when it is made. */
function rig({ worker = 'answers', loads = true } = {}) {
  const clock = fakeClock();
  const got = [];
  const states = [];
  const made = [];
  const lead = { calls: [], opened: 0, loads };
  const facts = { worker };
  const shared = createShared({
    openWorker() {
      if (facts.worker === 'throws') throw new Error('denied');
      const port = {
        words: [],
        isOpen: true,
        close: () => (port.isOpen = false),
        postMessage(word) {
          port.words.push(word);
          if (word.join && facts.worker === 'answers') port.onmessage({ data: { state: 'open' } });
        },
      };
      const one = { port };
      made.push(one);
      return one;
    },
    async openLead(hear) {
      lead.opened += 1;
      if (!lead.loads) throw new Error('away');
      lead.hear = hear;
      return Object.fromEntries(['resume', 'pause', 'restart'].map((name) => [name, () => lead.calls.push(name)]));
    },
    clock,
    firstDelayMs: () => 700,
    onMessage: (message) => got.push(message),
    onState: (state) => states.push(state),
  });
  const says = (data) => made[made.length - 1].port.onmessage({ data });
  const words = () => made[made.length - 1].port.words;
  return { clock, got, states, made, lead, facts, shared, says, words };
}

test('a tab joins the worker, hears it, and answers its pings', () => {
  const { got, states, shared, says, words } = rig();
  shared.resume();
  says({ message: { type: 'x' }, id: '3' });
  says('ping');
  assert.deepEqual(got, [{ type: 'x' }]);
  assert.deepEqual(states, ['open']);
  assert.deepEqual(words(), [{ join: true, delay_ms: 700 }, 'alive']);
});

test('paused: it has left and hears nothing; resumed: at a new port', () => {
  const { clock, got, states, made, shared, says, words } = rig();
  shared.resume();
  shared.pause();
  assert.equal(clock.pending(), 0);
  says({ message: { type: 'late' }, id: '' });
  says({ state: 'lost' });
  says('ping');
  assert.deepEqual(got, []);
  assert.equal(words().at(-1), 'leave');
  assert.equal(made[0].port.isOpen, false);
  shared.resume();
  assert.equal(made.length, 2);
  assert.deepEqual(states, ['open', 'paused', 'lost', 'open']);
});

test('a worker that falls silent is replaced', async () => {
  const { clock, states, made, lead, shared, says, words } = rig();
  shared.resume();
  for (let i = 0; i < 20; i += 1) {
    await clock.advance(2000);
    says('ping');
  }
  assert.equal(made.length, 1);
  await clock.advance(6000);
  assert.equal(made.length, 2);
  assert.equal(words().length, 1);
  assert.deepEqual(states, ['open', 'lost', 'open']);
  assert.equal(lead.opened, 0);
});

test('the second worker is silent, too: the tabs help themselves', async () => {
  const { clock, facts, states, lead, shared } = rig();
  shared.resume();
  facts.worker = 'silent';
  await clock.advance(6000 + 20000);
  assert.deepEqual(lead.calls, ['resume']);
  lead.hear({ state: 'open' });
  assert.deepEqual(states, ['open', 'lost', 'open']);
});

for (const worker of ['silent', 'throws']) {
  test(`a worker that ${worker}: the tabs help themselves`, async () => {
    const { clock, states, got, made, lead, shared } = rig({ worker });
    shared.resume();
    await clock.advance(worker === 'silent' ? 20000 : 0);
    assert.deepEqual(lead.calls, ['resume']);
    lead.hear({ state: 'open' });
    lead.hear({ message: { type: 'x' }, id: '1' });
    shared.restart();
    shared.pause();
    lead.hear({ message: { type: 'late' }, id: '2' });
    assert.deepEqual(lead.calls, ['resume', 'restart', 'pause']);
    assert.deepEqual(states, ['open', 'paused']);
    assert.deepEqual(got, [{ type: 'x' }]);
    if (worker === 'silent') assert.equal(made[0].port.words.at(-1), 'leave', 'should it wake after all, it holds no stream for nobody');
  });
}

test('a worker whose script cannot be loaded: the tabs help themselves at once', async () => {
  const { clock, made, lead, shared } = rig({ worker: 'silent' });
  shared.resume();
  made[0].onerror();
  await clock.advance(0);
  assert.deepEqual(lead.calls, ['resume']);
});

test('what the fallback takes cannot be loaded: the next resume tries again', async () => {
  const { clock, lead, shared } = rig({ worker: 'throws', loads: false });
  shared.resume();
  await clock.advance(0);
  shared.restart();
  shared.pause();
  assert.deepEqual([lead.opened, lead.calls], [1, []]);
  lead.loads = true;
  shared.resume();
  await clock.advance(0);
  assert.deepEqual([lead.opened, lead.calls], [2, ['resume']]);
});

test('paused while the fallback is loaded: it is not resumed by that', async () => {
  const { clock, lead, shared } = rig({ worker: 'throws' });
  shared.resume();
  shared.pause();
  await clock.advance(0);
  assert.deepEqual(lead.calls, []);
});

test('a dead stream is made anew by the worker; not while paused', () => {
  const { shared, words } = rig();
  shared.resume();
  shared.restart();
  assert.equal(words().at(-1), 'restart');
  shared.pause();
  const n = words().length;
  shared.restart();
  assert.equal(words().length, n);
});
