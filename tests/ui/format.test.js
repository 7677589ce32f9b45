import test from 'node:test';
import assert from 'node:assert/strict';
import * as F from '../../htdocs/js/format.js';
import { paceAdd, paceOf } from '../../htdocs/js/pace.js';
import { announcement, firstAnnouncement } from '../../htdocs/js/announce.js';
import * as texts from '../../htdocs/js/strings.js';

const table = (fn, rows) => rows.forEach(([input, wanted]) => assert.equal(fn(...[input].flat()), wanted, JSON.stringify(input)));

test('counts', () => {
  table(F.ofTotal, [[[1204, 3000], '1,204 of 3,000'], [[0, 1], '0 of 1']]);
  table((n) => F.plural(n, 'file', 'files'), [[1, '1 file'], [0, '0 files'], [2500, '2,500 files']]);
});

test('percent is rounded down: 100 only when done', () => table(F.percent, [[99.99, '99 %'], [100, '100 %'], [0, '0 %'], [42.9, '42 %']]));

test('sizes', () =>
  table(F.size, [[0, '0 B'], [999, '999 B'], [1000, '1 KB'], [1234, '1.2 KB'], [999499, '999 KB'], [999600, '1 MB'], [48_300_000, '48.3 MB'], [2e9, '2 GB'], [-1, ''], [undefined, '']]));

test('rates', () => table(F.rate, [[14.24, '14.2 files/s'], [2500, '2,500 files/s'], [0.5, '0.5 files/s'], [0.1, '6 files/min'], [0, ''], [NaN, ''], [null, '']]));

test('time left is coarse', () =>
  table(F.timeLeft, [[3, 'a few seconds left'], [12, 'about 15 s left'], [54, 'about 55 s left'], [55, 'about 1 min left'], [118, 'about 2 min left'], [3569, 'about 59 min left'], [5400, 'about 1.5 h left'], [86400 * 3, 'about 3 days left'], [-1, ''], [Infinity, '']]));

test('durations', () => table(F.duration, [[0.44, '0.4 s'], [41.2, '41 s'], [59.9, '1 min'], [60, '1 min'], [185, '3 min 5 s'], [7800, '2 h 10 min'], [7200, '2 h'], [-1, ''], [NaN, '']]));

test('hostile names become one line without hidden turns; right-to-left names stay', () => {
  assert.equal(F.visible('"><img src=x onerror=alert(1)>.cbz'), '"><img src=x onerror=alert(1)>.cbz');
  assert.equal(F.visible('a\nb\r\u2028c\u0000\u007f'), 'a\ufffdb\ufffd\ufffdc\ufffd\ufffd');
  assert.equal(F.visible('evil\u202egpj.cbz'), 'evil\ufffdgpj.cbz');
  assert.equal(F.visible('كتاب 12.cbz'), 'كتاب 12.cbz');
  assert.equal(F.visible(null), '');
});

test('folders', () => table(F.folder, [['a/b/c.cbz', 'a/b'], ['c.cbz', ''], ['', ''], [undefined, '']]));
test('titles lose the dots of "is running"', () => table(F.plainTitle, [['Processing Files...', 'Processing Files'], ['X\u2026', 'X'], [null, 'Job']]));

const job = (processed, more = {}) => ({ processed, total: 100, ...more });

test('no rate before 10 items or 5 s, then one of the last 60 s', () => {
  let pace = paceAdd([], 0, 0);
  pace = paceAdd(pace, 3000, 3);
  assert.equal(paceOf(pace, job(3), 3000).perSecond, null);
  assert.equal(paceOf(pace, job(3), 6000).perSecond, 0.5);
  let fast = paceAdd([], 0, 0);
  fast = paceAdd(fast, 1000, 10);
  assert.deepEqual(paceOf(fast, job(10), 1000), { perSecond: 10, secondsLeft: 9 });
});

test('the rate follows a change of speed within 60 s', () => {
  let pace = [];
  for (let t = 0; t <= 100; t += 1) pace = paceAdd(pace, t * 1000, t * 10);
  for (let t = 101; t <= 200; t += 1) pace = paceAdd(pace, t * 1000, 1000 + (t - 100));
  const { perSecond } = paceOf(pace, job(1100, { total: 2000 }), 200000);
  assert.ok(Math.abs(perSecond - 1) < 0.05, String(perSecond));
});

test('after a reload the rate of the server serves', () => {
  const pace = paceAdd([], 0, 50);
  assert.deepEqual(paceOf(pace, job(50, { rate: 5 }), 100), { perSecond: 5, secondsLeft: 10 });
  assert.equal(paceOf(paceAdd([], 0, 4), job(4, { rate: 5 }), 100).perSecond, null);
});

test('no time left while paused or cancelling', () => {
  const pace = paceAdd(paceAdd([], 0, 0), 9000, 50);
  assert.equal(paceOf(pace, job(50, { paused: true }), 9000).secondsLeft, null);
  assert.equal(paceOf(pace, job(50, { cancelling: true }), 9000).secondsLeft, null);
});

test('a fast job does not fill memory', () => {
  let pace = [];
  for (let n = 0; n < 60000; n += 1) pace = paceAdd(pace, n, n);
  assert.ok(pace.length < 300, String(pace.length));
});

test('a reader is told at the start, each 10 %, after 15 s, and at the end, once', () => {
  const told = [];
  let last = firstAnnouncement();
  const tell = (processed, at_ms, status = 'processing') => {
    const now = { job_id: 'a', status, processed, percent: processed };
    const { speak, next } = announcement(last, now, status === 'completed', at_ms);
    last = next;
    if (speak) told.push([processed, at_ms]);
  };
  for (let t = 0; t <= 40; t += 1) tell(t, t * 1000);
  tell(41, 56000);
  tell(41, 90000);
  tell(60, 91000);
  tell(75, 92000);
  tell(100, 92001, 'completed');
  tell(100, 92002, 'completed');
  assert.deepEqual(told, [[0, 0], [10, 10000], [20, 20000], [30, 30000], [40, 40000], [41, 56000], [60, 91000], [100, 92001]]);
});

test('summaries say what was done and what was not', () => {
  const base = { total: 25, success: 23, errors: 2, started_at: 100, completed_at: 141 };
  assert.equal(texts.summary(base), '23 of 25 files done, 2 failed, in 41 s');
  assert.equal(texts.summary({ ...base, success: 10, errors: 0, completed_at: null }), '10 of 25 files done, 15 not touched');
});
