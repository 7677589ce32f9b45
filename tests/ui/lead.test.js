import test from 'node:test';
import assert from 'node:assert/strict';
import { createLead } from '../../htdocs/js/lead.js';
import { createMemory } from '../../htdocs/js/memory.js';
import { fakeChannels, fakeClock, fakeStorage, randomFrom } from './fakes.js';

/*
 * localStorage as tabs in several processes see it: what a tab writes it reads back at once; the others see it, and all
 * agree on the order, some ms later.
 */
function lateStorages(clock, ms = 40) {
  const views = [];
  return () => {
    const own = fakeStorage();
    views.push(own);
    const everywhere = (work) => {
      work(own);
      clock.setTimeout(() => views.forEach(work), ms);
    };
    return {
      getItem: own.getItem,
      setItem: (key, value) => everywhere((storage) => storage.setItem(key, value)),
      removeItem: (key) => everywhere((storage) => storage.removeItem(key)),
    };
  };
}

/* A browser: one clock, one storage, channels that reach the other tabs after a moment. */
function browser({ channels: talk = true, storage = fakeStorage(), late = false } = {}) {
  const clock = fakeClock();
  const channels = fakeChannels(clock);
  const random = randomFrom(7);
  const tabs = [];
  const ownStorage = late ? lateStorages(clock) : () => storage;

  function tab(name) {
    const window = new EventTarget();
    const document = new EventTarget();
    const own = { alive: true, timers: new Set() };
    const ownClock = {
      now: clock.now,
      setTimeout: (work, ms) => clock.setTimeout(() => own.alive && work(), ms),
      clearTimeout: clock.clearTimeout,
    };
    let mine = null;
    const openChannel = () => (mine = talk ? channels() : null);
    const view = ownStorage();
    const told = [];
    const lead = createLead({ key: 'drive.x', tab: name, memory: createMemory(() => view), openChannel, clock: ownClock, random, page: { window, document }, changed() {}, told: (word) => told.push(word) });
    const made = {
      name,
      lead,
      told,
      who: () => lead.who(),
      fire: (target, type) => ({ window, document })[target].dispatchEvent(new Event(type)),
      /* No event, no word: the process is gone, or stands still. */
      kill: () => {
        own.alive = false;
        mine?.close();
      },
      thaw: () => (own.alive = true),
    };
    tabs.push(made);
    return made;
  }
  return { clock, tab, storage, channels, leaders: () => tabs.filter((t) => t.who() === 'me').map((t) => t.name) };
}

test('the only tab leads within a moment', async () => {
  const { clock, tab } = browser();
  const a = tab('a');
  assert.equal(a.who(), 'nobody');
  a.lead.want(true);
  await clock.advance(200);
  assert.equal(a.who(), 'me');
});

test('of tabs opened in the same instant one leads, the others say so, and it stays that one', async () => {
  const { clock, tab, leaders } = browser();
  const tabs = ['a', 'b', 'c', 'd'].map(tab);
  for (const t of tabs) t.lead.want(true);
  await clock.advance(1500);
  assert.equal(leaders().length, 1);
  const [first] = leaders();
  assert.deepEqual(tabs.map((t) => t.who()).sort(), ['me', 'other', 'other', 'other']);
  for (let i = 0; i < 30; i += 1) {
    await clock.advance(1000);
    assert.deepEqual(leaders(), [first]);
  }
});

test('tabs that take the lead before they see each other do it: one leads, and never two', async () => {
  const { clock, tab, leaders } = browser({ late: true });
  const tabs = ['a', 'b', 'c'].map(tab);
  for (const t of tabs) t.lead.want(true);
  for (let i = 0; i < 300; i += 1) {
    await clock.advance(10);
    assert.ok(leaders().length <= 1, `${leaders()} lead`);
  }
  assert.equal(leaders().length, 1);
});

for (const [target, type] of [['window', 'pagehide'], ['document', 'freeze']]) {
  test(`a leader that gets ${type} passes the lead on at once`, async () => {
    const { clock, tab, leaders } = browser();
    const [a, b] = ['a', 'b'].map(tab);
    a.lead.want(true);
    await clock.advance(200);
    b.lead.want(true);
    assert.equal(b.who(), 'other');
    a.fire(target, type);
    assert.equal(a.who(), 'nobody');
    await clock.advance(300);
    assert.deepEqual(leaders(), ['b']);
    a.fire(target, type === 'freeze' ? 'resume' : 'pageshow');
    if (type === 'pagehide') assert.equal(a.who(), 'other');
  });
}

test('a tab thawed again watches the one that took over', async () => {
  const { clock, tab } = browser();
  const [a, b] = ['a', 'b'].map(tab);
  for (const t of [a, b]) t.lead.want(true);
  await clock.advance(1500);
  const [leader, watcher] = a.who() === 'me' ? [a, b] : [b, a];
  leader.fire('document', 'freeze');
  await clock.advance(300);
  assert.equal(watcher.who(), 'me');
  leader.fire('document', 'resume');
  await clock.advance(1500);
  assert.equal(leader.who(), 'other');
  assert.equal(watcher.who(), 'me');
});

test('a leader that was killed without a word is followed when its lease is over', async () => {
  const { clock, tab } = browser();
  const [a, b] = ['a', 'b'].map(tab);
  a.lead.want(true);
  await clock.advance(200);
  b.lead.want(true);
  a.kill();
  await clock.advance(2000);
  assert.equal(b.who(), 'other');
  await clock.advance(3500);
  assert.equal(b.who(), 'me');
});

test('a leader that stood still steps back when it wakes', async () => {
  const { clock, tab } = browser();
  const [a, b] = ['a', 'b'].map(tab);
  a.lead.want(true);
  await clock.advance(200);
  b.lead.want(true);
  a.kill();
  await clock.advance(6000);
  assert.equal(b.who(), 'me');
  a.thaw();
  a.lead.renew();
  assert.equal(a.who(), 'other');
  assert.equal(b.who(), 'me');
});

test('the lead is given back when the batch has ended, and nothing is left in the storage', async () => {
  const { clock, tab, storage } = browser();
  const a = tab('a');
  a.lead.want(true);
  await clock.advance(200);
  a.lead.want(false);
  assert.equal(a.who(), 'nobody');
  assert.equal(storage.getItem('longbox.drive.x'), null);
  await clock.advance(10000);
  assert.equal(a.who(), 'nobody');
});

test('without channels the lead is passed on within a second and a bit', async () => {
  const { clock, tab } = browser({ channels: false });
  const [a, b] = ['a', 'b'].map(tab);
  a.lead.want(true);
  await clock.advance(200);
  b.lead.want(true);
  a.fire('window', 'pagehide');
  await clock.advance(1200);
  assert.equal(b.who(), 'me');
});

test('words reach the other tabs that want the lead, and no one else', async () => {
  const { clock, tab } = browser();
  const [a, b, c] = ['a', 'b', 'c'].map(tab);
  a.lead.want(true);
  b.lead.want(true);
  a.lead.tell({ n: 1 });
  c.lead.want(true);
  c.lead.want(false);
  a.lead.tell({ n: 2 });
  await clock.advance(1000);
  assert.deepEqual([a.told, b.told, c.told], [[], [{ n: 1 }, { n: 2 }], []]);
});

for (const type of ['pagehide', 'freeze']) {
  test(`${type} leaves no channel open, and waking opens one`, async () => {
    const { clock, tab, channels } = browser();
    const a = tab('a');
    const target = type === 'freeze' ? 'document' : 'window';
    a.lead.want(true);
    await clock.advance(200);
    assert.equal(channels.open.size, 1);
    a.fire(target, type);
    assert.equal(channels.open.size, 0);
    a.fire(target, type === 'freeze' ? 'resume' : 'pageshow');
    assert.equal(channels.open.size, 1);
    a.lead.want(false);
    assert.equal(channels.open.size, 0);
  });
}

test('without storage every tab leads', async () => {
  const broken = { getItem() { throw new Error('denied'); }, setItem() { throw new Error('denied'); }, removeItem() { throw new Error('denied'); } };
  const { clock, tab } = browser({ storage: broken });
  const [a, b] = ['a', 'b'].map(tab);
  for (const t of [a, b]) t.lead.want(true);
  await clock.advance(5000);
  assert.deepEqual([a.who(), b.who()], ['me', 'me']);
});

test('a lease from the far future, of a clock since set back, binds nobody', async () => {
  const { clock, tab, storage } = browser();
  storage.setItem('longbox.drive.x', JSON.stringify({ tab: 'gone', until_ms: clock.now() + 3600_000 }));
  const a = tab('a');
  a.lead.want(true);
  await clock.advance(200);
  assert.equal(a.who(), 'me');
});

test('tabs that come and go in any order: never two leaders for longer than a moment, and never none', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const { clock, tab, leaders } = browser();
    const random = randomFrom(seed);
    let alive = [];
    for (let step = 0; step < 20; step += 1) {
      if (alive.length === 0 || (random() < 0.5 && alive.length < 5)) {
        const t = tab(`t${step}`);
        t.lead.want(true);
        alive.push(t);
      } else {
        const [gone] = alive.splice(Math.floor(random() * alive.length), 1);
        if (random() < 0.5) gone.fire('window', 'pagehide');
        else gone.kill();
        gone.who = () => 'gone';
      }
      await clock.advance(Math.floor(random() * 400));
    }
    await clock.advance(8000);
    const names = alive.map((t) => t.name);
    const now = leaders().filter((name) => names.includes(name));
    assert.equal(now.length, alive.length ? 1 : 0, `seed ${seed}: ${now}`);
  }
});
