// Kills at every fault point of the sources, at the first, second, third ... passage. In `make soak` each point alone
// and on until it is not passed that often; in `make check` several points in one life of a server, two passages each.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { ROOT } from '../lib/server.js';
import { LONG, Patient, checkState } from './patient.js';
import { random } from './random.js';
import { outcome, scenario } from './scenario.js';

const SIDE_BY_SIDE = 2;
const CHAIN = 6; // deaths in one life of a server, in make check
const PASSAGES = [1, 2];
const MOST = 400; // passages tried of one point
const SEED = 20260101;

// Passed only by a large job: they have a test of their own.
const LARGE = ['checkpoint_before', 'checkpoint_after'];

function faultPoints() {
  const found = new Set();
  for (const folder of ['shared', 'workers', 'server']) {
    for (const file of fs.readdirSync(path.join(ROOT, folder)).filter((f) => f.endsWith('.c'))) {
      for (const m of fs.readFileSync(path.join(ROOT, folder, file), 'utf8').matchAll(/\bfault_hit\("(\w+)"\)/g)) found.add(m[1]);
    }
  }
  return [...found].sort();
}

const points = faultPoints();
const small = points.filter((p) => !LARGE.includes(p));
const fired = new Set(); // "name:n"
let undisturbed;

async function live(t, faults) {
  const once = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-once-'));
  try {
    const found = await scenario({ faults: faults.map((f) => `${f}:kill`).join(), once });
    const hit = fs.readdirSync(once);
    t.diagnostic(`died at ${hit.join(' ') || 'no point'}`);
    for (const h of hit) fired.add(h);
    assert.deepEqual(outcome(found), outcome(undisturbed), `after deaths at ${hit}`);
    return hit.length;
  } finally {
    fs.rmSync(once, { recursive: true, force: true });
  }
}

// Runs the tasks, some side by side; the first error ends it.
async function all(tasks) {
  const left = [...tasks];
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
    while (left.length) await left.shift()();
  }));
}

test('without kills the scenario ends as it should', async () => {
  assert.ok(points.length > 40, `found ${points.length} fault points`);
  undisturbed = await scenario();
  assert.deepEqual(undisturbed.problems, []);
  assert.equal(undisturbed.history.process, 12);
  assert.equal(undisturbed.jobs.last.success_items, 30);
});

if (LONG) {
  for (const name of small) {
    test(`kill at each passage of ${name}`, async (t) => {
      let [n, last] = [1, MOST];
      await all(Array.from({ length: MOST }, () => async () => {
        const at = n++;
        if (at <= last && !await live(t, [`${name}:${at}`])) last = at - 1;
      }));
      t.diagnostic(`note: ${name}: killed at ${[...fired].filter((f) => f.startsWith(`${name}:`)).length} passages`);
    });
  }
} else {
  test('kills at the first and second passage of every point, several in one life', async (t) => {
    const faults = random(SEED).shuffle(PASSAGES.flatMap((n) => small.map((p) => `${p}:${n}`)));
    const chains = [];
    while (faults.length) chains.push(faults.splice(0, CHAIN));
    await all(chains.map((c) => () => live(t, c)));
    // One death may keep a life from coming to the next point: what no chain came to is tried alone.
    const missed = notPassed();
    await all(missed.map((p) => () => live(t, [`${p}:1`])));
    t.diagnostic(`note: ${fired.size} deaths at ${small.length} points in ${chains.length} lives`);
  });
}

// Every other test's text: points that the scenario does not come to are named by the test that does.
function otherTests() {
  const folders = ['crash', 'integration', 'unit'].map((f) => path.join(ROOT, 'tests', f));
  const files = folders.flatMap((f) => fs.readdirSync(f).map((n) => path.join(f, n))).filter((f) => /\.(js|c|h)$/.test(f) && !f.endsWith('points.test.js'));
  return files.map((f) => fs.readFileSync(f, 'utf8')).join('\n');
}

function notPassed() {
  const elsewhere = otherTests();
  return small.filter((p) => !fired.has(`${p}:1`) && !elsewhere.includes(p));
}

test('every point was passed at least once, here or in a test that names it', () => {
  assert.deepEqual(notPassed(), []);
});

test('kills around checkpoints, in a job that needs them', async (t) => {
  const once = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-once-'));
  const faults = [1, 2, 3].flatMap((n) => LARGE.map((p) => `${p}:${n}:kill`)).join();
  const p = new Patient({ set: { max_attempts: 100, workers: 2, threads: 2 }, env: { LB_FAULT: faults, LB_FAULT_ONCE: once } });
  try {
    const id = await p.noop('large', 6000, 0);
    const job = await p.ended(id, 90);
    assert.equal(job.success_items, 6000);
    const hit = fs.readdirSync(once);
    t.diagnostic(`died at ${hit.join(' ')}`);
    for (const point of LARGE) assert.ok(hit.includes(`${point}:1`), `${point} was not passed`);
    await p.stop();
    assert.deepEqual((await checkState(p.s.state, p.s.library)).problems, []);
  } finally {
    await p.end();
    fs.rmSync(once, { recursive: true, force: true });
  }
});
