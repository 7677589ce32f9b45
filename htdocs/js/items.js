/*
 * items.js - the items of a batch, read again when the batch has moved.
 *
 * One question at a time, the next one not before SPACING_MS, and always one a moment after the last movement;
 * so the list is never behind for long, however fast the batch is. Of a batch over SHOWN_MAX items nothing is read.
 */
const SPACING_MS = 250;
export const SHOWN_MAX = 500;

/* Words of the server for an item -> those of the page. */
const STATES = { queued: 'waiting', processing: 'running', completed: 'done', failed: 'failed', cancelled: 'cancelled' };

/* The items of an answer as the page draws them: [{id, name, state, error}]. */
export function readItems({ items }) {
  return items.map(({ id, path, status, error }) => ({ id, name: path, state: STATES[status] ?? 'waiting', error }));
}

const isFinal = ({ state }) => state === 'done' || state === 'failed' || state === 'cancelled';

/* A newer list over the one that is shown: what is done stays so, because an answer may have been overtaken. */
export function mergeItems(known, list) {
  const finals = new Map((known ?? []).filter(isFinal).map((item) => [item.id, item]));
  return list.map((item) => (isFinal(item) ? item : finals.get(item.id) ?? item));
}

/* The list with the outcome of one item, which an answer of process-next has told. */
export function settleItem(list, { itemId, success, error }) {
  if (typeof success !== 'boolean') return list;
  return list.map((item) => (item.id === itemId && !isFinal(item) ? { ...item, state: success ? 'done' : 'failed', error: error ?? null } : item));
}

/* createItems({api, path, clock, changed}); changed(items) is told each new list of the batch at `path`. */
export function createItems({ api, path, clock, changed }) {
  let reading = false;
  let wanted = 0; /* reads still to come */

  async function read() {
    wanted -= 1;
    const answer = await api.get(`${path}?items=${SHOWN_MAX}`).catch(() => null); /* the connection says that the server is away */
    if (answer) changed(readItems(answer));
    clock.setTimeout(() => {
      reading = wanted > 0;
      if (reading) void read();
    }, SPACING_MS);
  }

  return {
    /* Reads twice: which item runs next is only to be seen a moment after the one before is done. */
    moved() {
      wanted = 2;
      if (reading) return;
      reading = true;
      void read();
    },
  };
}
