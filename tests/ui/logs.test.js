import assert from 'node:assert/strict';
import test from 'node:test';
import { fitting, inBlocks, linesOf, newLines, parseLine } from '../../htdocs/js/logs.js';

test('a line is taken apart; one of another form stays whole', () => {
  assert.deepEqual(parseLine('2026-11-22T04:31:07.123Z warn worker=1 event="x y"'),
    { text: '2026-11-22T04:31:07.123Z warn worker=1 event="x y"', time: '2026-11-22T04:31:07.123Z', level: 'warn', rest: 'worker=1 event="x y"' });
  assert.deepEqual(parseLine('Segmentation fault'), { text: 'Segmentation fault', time: '', level: 'info', rest: 'Segmentation fault' });
  assert.deepEqual(linesOf('a\nb\n'), ['a', 'b']);
  assert.deepEqual(linesOf(''), []);
});

test('the new lines are those behind the last known one', () => {
  assert.deepEqual(newLines([], ['a', 'b']), ['a', 'b']);
  assert.deepEqual(newLines(['a', 'b'], ['a', 'b', 'c', 'd']), ['c', 'd']);
  assert.deepEqual(newLines(['a', 'b', 'c'], ['b', 'c']), []);
  assert.equal(newLines(['a', 'b'], ['x', 'y']), null, 'lines between are not known');
});

test('lines that stand twice are joined where all before them agree', () => {
  assert.deepEqual(newLines(['a', 'same', 'b', 'same'], ['same', 'b', 'same', 'c', 'same']), ['c', 'same'], 'not at the last "same"');
  assert.deepEqual(newLines(['same', 'same'], ['same', 'same', 'same']), [], 'equal lines: the last place counts');
});

test('filter: level and above, all words, any case', () => {
  const entries = ['T'].flatMap(() => ['debug', 'info', 'warn', 'error'].map((level) => parseLine(`2026-11-22T04:31:07.123Z ${level} worker=1 File="${level} Ä"`)));
  assert.equal(fitting(entries, 'debug', ''), entries, 'nothing to do gives the same list');
  assert.deepEqual(fitting(entries, 'warn', '').map((e) => e.level), ['warn', 'error']);
  assert.deepEqual(fitting(entries, 'debug', 'ERROR  file=').map((e) => e.level), ['error']);
  assert.deepEqual(fitting(entries, 'error', 'nothing'), []);
});

test('blocks keep their borders and stay the same objects while lines come and go', () => {
  const lines = Array.from({ length: 1000 }, (_, i) => parseLine(`line ${i}`));
  const one = inBlocks(lines.slice(0, 500), 0);
  assert.deepEqual(one.map((b) => [b.key, b.entries.length]), [[0, 200], [1, 200], [2, 100]]);
  const two = inBlocks(lines.slice(150, 650), 150, one);
  assert.deepEqual(two.map((b) => [b.key, b.entries.length]), [[0, 50], [1, 200], [2, 200], [3, 50]]);
  assert.equal(two[1], one[1], 'what did not change is given again');
  assert.notEqual(two[0], one[0]);
  assert.deepEqual(two.flatMap((b) => b.entries), lines.slice(150, 650));
});
