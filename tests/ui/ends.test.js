/* ends.js: which ends of jobs are told, how, and by which tab. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createEnds, noticesOf } from '../../htdocs/js/ends.js';
import { createMemory } from '../../htdocs/js/memory.js';
import { notifyState, outcomePicture, ringPicture } from '../../htdocs/js/signs.js';
import * as S from '../../htdocs/js/state.js';
import { fakeClock, fakeStorage } from './fakes.js';

const A = '01920000-0000-7000-8000-00000000000a';
const B = '01920000-0000-7000-8000-00000000000b';
const C = '01920000-0000-7000-8000-00000000000c';
const message = (id, version, more = {}) => ({ job_id: id, status: 'processing', version, total_items: 10, processed_items: version, success_items: version, created_at: version, ...more });
const end = (id, more = {}) => message(id, 10, { status: 'completed', ...more });

/* A tab; those with the same storage and clock are of one browser. */
function tab(name, { storage, clock, visible = true, focused = true, choices = { notify: true, tone: true } }) {
  const memory = createMemory(() => storage);
  const told = [];
  const listeners = {};
  const document = { visibilityState: visible ? 'visible' : 'hidden', hasFocus: () => focused, addEventListener: (type, work) => (listeners[type] = work) };
  let state = S.initial();
  const say = (what) => (value) => told.push(`${what} ${value?.job_id?.slice(-1) ?? value}`);
  const signs = { tone: say('tone'), notify: say('notify'), badge: say('badge'), ring: say('ring'), outcome: say('outcome') };
  memory.set('notices', { ...noticesOf(memory), ...choices });
  const ends = createEnds({ memory, clock, document, tab: name, state: () => state, signs, toast: say('toast') });
  return {
    told,
    memory,
    /* As page.js does: the state first, then the message. */
    take(raw) {
      const before = state.jobs[raw.job_id];
      state = S.apply(state, raw);
      ends.paint();
      ends.job(state.jobs[raw.job_id], before);
    },
    close: () => (state = S.close(state)),
    show(now) {
      document.visibilityState = now ? 'visible' : 'hidden';
      listeners.visibilitychange();
    },
    heard: (what) => told.filter((text) => text.startsWith(what)),
  };
}

const browser = () => ({ storage: fakeStorage(), clock: fakeClock() });

test('the end of a job in an open dialog needs no toast and no notification, only the tone', async () => {
  const b = browser();
  const one = tab('1', b);
  one.take(message(A, 1));
  one.take(end(A));
  await b.clock.advance(2000);
  assert.deepEqual(one.told.filter((text) => !/^(ring|outcome)/.test(text)), ['tone a']);
});

test('with the dialog closed there is a toast; hidden there are notification and badge, which goes when somebody looks', async () => {
  const b = browser();
  const one = tab('1', b);
  one.take(message(A, 1));
  one.close();
  one.show(false);
  one.take(end(A));
  await b.clock.advance(2000);
  assert.deepEqual(one.told.filter((text) => !/^(ring|outcome)/.test(text)), ['toast a', 'tone a', 'notify a', 'badge 1']);
  one.show(true);
  assert.deepEqual(one.heard('badge'), ['badge 1', 'badge 0']);
});

test('nothing sounds or notifies that nobody asked for', async () => {
  const b = browser();
  const one = tab('1', { ...b, choices: { notify: false, tone: false } });
  one.take(message(A, 1));
  one.show(false);
  one.take(end(A));
  await b.clock.advance(2000);
  assert.deepEqual(one.told.filter((text) => !/^(ring|outcome)/.test(text)), ['badge 1']);
});

test('of many tabs one alone tells: the one that is looked at', async () => {
  const b = browser();
  const tabs = [tab('1', { ...b, visible: false }), tab('2', b), tab('3', { ...b, visible: false }), tab('4', { ...b, focused: false })];
  for (const one of tabs) one.take(message(A, 1));
  for (const one of tabs) one.take(end(A));
  await b.clock.advance(3000);
  assert.deepEqual(tabs.map((one) => one.heard('tone').length), [0, 1, 0, 0]);
  assert.deepEqual(tabs.map((one) => one.heard('notify').length), [0, 0, 0, 0], 'who looks needs none');
});

test('of many hidden tabs one alone tells, also when all write at once or one is late', async () => {
  for (const delays of [[0, 0, 0], [0, 100, 300], [0, 600, 5000]]) {
    const b = browser();
    const tabs = ['1', '2', '3'].map((name) => tab(name, b));
    for (const one of tabs) one.take(message(A, 1));
    for (const one of tabs) one.show(false);
    for (const [i, one] of tabs.entries()) b.clock.setTimeout(() => one.take(end(A)), delays[i]);
    await b.clock.advance(8000);
    assert.equal(tabs.flatMap((one) => one.heard('notify')).length, 1, delays.join());
  }
});

/*
 * Storages of tabs in processes of their own: a write is seen by others a moment later, all in one order; until then a
 * tab keeps to what it wrote itself.
 */
function lateStorages(n, clock, late_ms) {
  const all = Array.from({ length: n }, () => ({ values: fakeStorage(), own: new Map() }));
  return all.map((mine) => ({
    getItem: mine.values.getItem,
    removeItem: mine.values.removeItem,
    setItem(key, value) {
      mine.values.setItem(key, value);
      mine.own.set(key, (mine.own.get(key) ?? 0) + 1);
      clock.setTimeout(() => {
        mine.own.set(key, mine.own.get(key) - 1);
        for (const { values, own } of all) if (!own.get(key)) values.setItem(key, value);
      }, late_ms);
    },
  }));
}

test('tabs that do not see at once what the others write: the last name that all see tells, and it alone', async () => {
  const clock = fakeClock();
  const storages = lateStorages(3, clock, 80);
  const tabs = storages.map((storage, i) => tab(String(i), { storage, clock }));
  for (const one of tabs) one.take(message(A, 1));
  await clock.advance(1000);
  for (const one of tabs) one.show(false);
  for (const [i, one] of tabs.entries()) clock.setTimeout(() => one.take(end(A)), i * 20);
  await clock.advance(5000);
  assert.equal(tabs.flatMap((one) => one.heard('notify')).length, 1);
});

test('without storage each tab tells; the tag of the notification makes one of them', async () => {
  const clock = fakeClock();
  const none = { getItem: () => null, setItem: () => { throw new Error('forbidden'); }, removeItem: () => {} };
  const one = tab('1', { storage: none, clock });
  one.take(message(A, 1));
  one.take(end(A));
  await clock.advance(2000);
  assert.deepEqual(one.heard('toast'), [], 'what was watched is not known either');
});

test('only jobs that were watched or started here, or all by choice; previews and calls over one file never', async () => {
  for (const all of [false, true]) {
    const b = browser();
    const one = tab('1', { ...b, visible: false, choices: { notify: true, all } });
    one.take(message(A, 1));
    one.take(message(B, 1, { dry_run: true }));
    one.take(message(C, 1, { single: true }));
    one.take(end(A));
    one.take(end(B, { dry_run: true }));
    one.take(end(C, { single: true }));
    await b.clock.advance(3000);
    assert.deepEqual(one.heard('notify'), all ? ['notify a'] : [], `all: ${all}`);
  }
});

test('what had ended before is no news', async () => {
  const b = browser();
  const one = tab('1', b);
  one.take(end(A));
  one.take(end(A, { version: 11 }));
  await b.clock.advance(2000);
  assert.deepEqual(one.told.filter((text) => !/^(ring|outcome)/.test(text)), []);
});

test('the favicon is a ring while it runs, and after an end that nobody saw how it went', () => {
  const b = browser();
  const one = tab('1', b);
  one.take(message(A, 4));
  assert.equal(one.told.at(-1), 'ring 40');
  one.show(false);
  one.take(end(A));
  assert.equal(one.heard('outcome').at(-1), 'outcome a');
  one.show(true);
  assert.equal(one.told.at(-1), 'outcome null');
  one.take(message(B, 2, { created_at: 99 }));
  one.close();
  one.take(end(B));
  assert.equal(one.told.findLast((text) => text.startsWith('outcome')), 'outcome null', 'seen at once');
});

test('what is remembered stays small', async () => {
  const b = browser();
  const one = tab('1', b);
  for (let i = 0; i < 120; i += 1) {
    const id = `01920000-0000-7000-8000-${String(i).padStart(12, '0')}`;
    one.take(message(id, 1, { created_at: i }));
    one.take(end(id));
    one.close();
  }
  await b.clock.advance(60000);
  assert.equal(one.memory.get('watched').length, 50);
  assert.ok(b.storage.keys().filter((key) => key.startsWith('longbox.noticed.')).length <= 50);
});

test('pictures are data, and say how far it is and how it went', () => {
  assert.match(ringPicture(50), /^data:image\/svg\+xml,/);
  assert.notEqual(ringPicture(5), ringPicture(10));
  const pictures = [{ status: 'completed', errors: 0 }, { status: 'completed', errors: 1 }, { status: 'cancelled' }].map(outcomePicture);
  assert.equal(new Set(pictures).size, 3);
  assert.equal(outcomePicture({ status: 'failed' }), pictures[1]);
});

test('why a page cannot notify is known', () => {
  const of = (permission, isSecureContext = true) => notifyState({ isSecureContext, Notification: { permission } });
  assert.deepEqual([of('granted'), of('denied'), of('default'), of('granted', false), notifyState({ isSecureContext: true })], [null, 'denied', 'ask', 'insecure', 'absent']);
});
