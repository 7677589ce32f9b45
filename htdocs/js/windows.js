/*
 * windows.js - the rows of a long list that are near the screen, read in windows of SIZE rows.
 *
 * Only what is wanted is read, two windows at once; what is no longer wanted is not waited for. The newest KEPT windows
 * are kept. After renew() what is there stays to be seen until all that is wanted has been read again, and is then
 * exchanged at once. After ask() the old list stays until the first window of the new one has come.
 *
 * createWindows({read, took, failed}) gives {ask, renew, want, find, row, again}
 *   read(offset, limit, signal)   a promise of an answer with `files`
 *   took(answer, {first, moved})   an answer came: whether it is the first to the newest ask() or renew(), and by how many
 *                         rows the row that shall stay lies further down now
 *   failed(error)         reading stops until again()
 */
import { fileKey } from './query.js';

export const SIZE = 100;
const KEPT = 24;
const AT_ONCE = 2;

export function createWindows({ read, took, failed }) {
  let shown = new Map(); /* number of a window -> {files, turn}; the newest used is last */
  let fresh = new Map(); /* read again, not shown yet */
  let turn = 0; /* of ask and renew */
  let listTurn = 0; /* of the last ask */
  let shownTurn = 0; /* the ask that `shown` answers */
  let toldTurn = -1;
  let wanted = [];
  let keep = null; /* {key, index}: a row that shall not move on the screen */
  let stopped = false;
  const reading = new Map(); /* number -> {controller, turn} */

  const isFresh = (n) => (shownTurn === listTurn && shown.get(n)?.turn === turn) || fresh.has(n);

  function place(n, files) {
    shown.delete(n);
    shown.set(n, { files, turn });
    for (const old of shown.keys()) {
      if (shown.size <= KEPT) break;
      if (!wanted.includes(old)) shown.delete(old);
    }
  }

  function moved() {
    if (!keep) return 0;
    const { key, index } = keep;
    keep = null;
    for (const n of wanted) {
      const at = shown.get(n)?.files.findIndex((file) => fileKey(file) === key) ?? -1;
      if (at >= 0) return n * SIZE + at - index;
    }
    return 0;
  }

  function take(n, answer) {
    if (shownTurn !== listTurn) {
      shown = new Map();
      shownTurn = listTurn;
      keep = null;
    }
    const first = toldTurn !== turn;
    toldTurn = turn;
    let by = 0;
    if (shown.has(n)) fresh.set(n, answer.files);
    else place(n, answer.files);
    if (fresh.size > 0 && wanted.every(isFresh)) {
      for (const [k, files] of fresh) place(k, files);
      fresh = new Map();
      by = moved();
    }
    took(answer, { first, moved: by });
  }

  async function readOne(n) {
    const mine = { controller: new AbortController(), turn };
    reading.set(n, mine);
    try {
      const answer = await read(n * SIZE, SIZE, mine.controller.signal);
      if (reading.get(n) !== mine) return;
      reading.delete(n);
      if (mine.turn === turn) take(n, answer);
    } catch (error) {
      if (reading.get(n) !== mine) return;
      reading.delete(n);
      stopped = true;
      failed(error);
    }
    pump();
  }

  function pump() {
    for (const [n, { controller, turn: asked }] of reading) {
      if (wanted.includes(n) && asked >= listTurn) continue;
      reading.delete(n);
      controller.abort();
    }
    for (const n of wanted) {
      if (stopped || reading.size >= AT_ONCE) return;
      if (!isFresh(n) && !reading.has(n)) void readOne(n);
    }
  }

  function want(from, to) {
    const first = Math.floor(from / SIZE);
    const last = Math.max(first, Math.ceil(to / SIZE) - 1);
    wanted = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    for (const n of wanted) {
      if (!shown.has(n)) continue;
      const window = shown.get(n); /* the newest used is last */
      shown.delete(n);
      shown.set(n, window);
    }
    pump();
  }

  function next() {
    turn += 1;
    fresh = new Map();
    stopped = false;
  }

  return {
    /* Another list: its rows from `from` on are wanted first. */
    ask(from) {
      next();
      listTurn = turn;
      want(from, from + 1);
    },
    /* The same list may have changed. `at` is the row that shall stay where it is, -1 for none. */
    renew(at = -1) {
      next();
      const file = at >= 0 ? this.row(at) : null;
      keep = file && { key: fileKey(file), index: at };
      pump();
    },
    want,
    /* The number of the first row of those that are here for which `test` is true, else -1. */
    find(test) {
      for (const [n, { files }] of shown) {
        const at = files.findIndex(test);
        if (at >= 0) return n * SIZE + at;
      }
      return -1;
    },
    row: (index) => shown.get(Math.floor(index / SIZE))?.files[index % SIZE] ?? null,
    again() {
      stopped = false;
      pump();
    },
  };
}
