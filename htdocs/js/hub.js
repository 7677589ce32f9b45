/*
 * hub.js - one stream for many tabs: what it brings is told to all, and who comes later is told what still holds.
 *
 * A word is {message, id}, or {state}: 'open' or 'lost'.
 *
 * createHub({stream, tell})
 *   stream(callbacks)  makes the stream of events.js
 *   tell(word)         tells every tab
 */
import { ended } from './state.js';

export function createHub({ stream: makeStream, tell }) {
  const kept = new Map(); /* what a stream says at its beginning: the jobs that have not ended, how the service is */
  let last = '';

  function keep({ message, id }) {
    if (id) last = id;
    if (!message || !message.data) return;
    if (message.type === 'service') kept.set('service', message);
    if (message.type !== 'job_updated') return;
    if (ended(message.data)) kept.delete(message.data.job_id);
    else kept.set(message.data.job_id, message);
  }

  function pass(word) {
    keep(word);
    tell(word);
  }

  const stream = makeStream({
    lastId: () => last,
    onMessage: (message, id) => pass({ message, id }),
    onState: (state) => state !== 'paused' && tell({ state }),
  });
  const state = () => (stream.state() === 'open' ? 'open' : 'lost');

  return {
    /* Opens the stream behind the last message; now, when it waits. */
    open() {
      stream.resume();
      if (state() === 'lost') tell({ state: 'lost' });
    },
    close: () => stream.pause(),
    /* A tab has found out that the stream is dead; the others may say so, too. */
    restart: () => state() === 'open' && stream.restart(),
    /* What a tab that comes later has to know. */
    greet(tellOne) {
      for (const message of kept.values()) tellOne({ message, id: '' });
      tellOne({ state: state() });
    },
    /* Another hub has told this: it is what this one would go on behind. */
    heard: keep,
  };
}
