/*
 * logs.js - lines of the log: taken apart, joined, filtered. Pure.
 */
const LEVELS = ['debug', 'info', 'warn', 'error'];

/* "2026-11-22T04:31:07.123Z warn worker=1 event=..." A line of another form has the level of a message, and no time. */
export function parseLine(text) {
  const match = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (error|warn|info|debug) (.*)$/s.exec(text);
  return match ? { text, time: match[1], level: match[2], rest: match[3] } : { text, time: '', level: 'info', rest: text };
}

export const linesOf = (logs) => String(logs ?? '').split('\n').filter((line) => line !== '');

/* Whether `tail` goes on with `known` where its line `at` is the last known one. */
function joinsAt(known, tail, at) {
  for (let i = at, k = known.length - 1; i >= 0 && k >= 0; i -= 1, k -= 1) if (tail[i] !== known[k]) return false;
  return true;
}

/*
 * The lines that come behind `known` in `tail`, which ends with the newest line; null when the two do not meet, so
 * that lines between them are not known. Of several places where they meet the last one counts.
 */
export function newLines(known, tail) {
  if (!known.length) return tail;
  const last = known[known.length - 1];
  for (let at = tail.length - 1; at >= 0; at -= 1) if (tail[at] === last && joinsAt(known, tail, at)) return tail.slice(at + 1);
  return null;
}

/* `entries` of parseLine that are of the level or above and contain the words, in any case. */
export function fitting(entries, level, words) {
  const least = LEVELS.indexOf(level);
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (least <= 0 && !wanted.length) return entries;
  return entries.filter((entry) => {
    if (LEVELS.indexOf(entry.level) < least) return false;
    const text = wanted.length ? entry.text.toLowerCase() : '';
    return wanted.every((word) => text.includes(word));
  });
}

const BLOCK = 200;

/*
 * `entries` in blocks of at most 200 whose borders stay where they are when lines are added behind or taken away in
 * front: [{key, entries}]. `first` is the number of the first entry, counted from the first line that ever was.
 * `before` are the blocks of the last time: those that did not change are given again as they were.
 */
export function inBlocks(entries, first, before = []) {
  const known = new Map(before.map((block) => [block.key, block]));
  const blocks = [];
  for (let from = 0; from < entries.length; ) {
    const key = Math.floor((first + from) / BLOCK);
    const to = Math.min(entries.length, (key + 1) * BLOCK - first);
    const old = known.get(key);
    const same = old && old.entries.length === to - from && old.entries[0] === entries[from] && old.entries[old.entries.length - 1] === entries[to - 1];
    blocks.push(same ? old : { key, entries: entries.slice(from, to) });
    from = to;
  }
  return blocks;
}
