/*
 * events.js - the live stream, kept open.
 *
 * The browser reconnects by itself after a clean end, but never after an answer that is not 200; so whenever
 * the source is CLOSED a new one is made, after a delay that doubles up to 30 s, with jitter. The stream can
 * be given up (hidden tab, page cache) and taken again. Whether an open stream is really alive cannot be seen
 * here, because heartbeats are comments: watch.js finds out by asking, and calls restart().
 *
 * createStream({url, EventSource, clock, random, firstDelayMs, lastId, onMessage, onState})
 *   clock {setTimeout, clearTimeout};  firstDelayMs() in ms;  onMessage(parsed object, its id or '')
 *   lastId()  id of the last message, behind which a new stream goes on; '' for none
 *   onState('open' | 'lost' | 'paused'): lost is everything that is neither open nor given up on purpose
 */
const MAX_DELAY_MS = 30000;
const CLOSED = 2;

export function createStream({ url, EventSource, clock, random = Math.random, firstDelayMs, lastId = () => '', onMessage, onState }) {
  let source = null;
  let timer = null;
  let failures = 0;
  let broken = false; /* the source has failed since it was made or open */
  let state = 'lost';
  let paused = true;

  function say(next) {
    if (next === state) return;
    state = next;
    onState(next);
  }

  function drop() {
    clock.clearTimeout(timer);
    timer = null;
    if (source) source.close();
    source = null;
  }

  function later() {
    drop();
    const delay = Math.min(MAX_DELAY_MS, firstDelayMs() * 2 ** Math.min(failures, 16));
    failures += 1;
    timer = clock.setTimeout(open, delay * (0.5 + random() / 2));
  }

  function open() {
    drop();
    if (!EventSource) return;
    const last = lastId();
    const mine = new EventSource(last ? `${url}?last_event_id=${encodeURIComponent(last)}` : url);
    source = mine;
    broken = false;
    const isOpen = () => {
      broken = false;
      say('open');
    };
    mine.onopen = () => {
      if (mine === source) isOpen();
    };
    mine.onmessage = (event) => {
      if (mine !== source) return;
      failures = 0; /* a stream that opens and says nothing has not proved itself */
      isOpen();
      let message;
      try {
        message = JSON.parse(event.data);
      } catch {
        return; /* not for us; the next poll has the truth */
      }
      onMessage(message, event.lastEventId ?? '');
    };
    mine.onerror = () => {
      if (mine !== source) return;
      broken = true;
      say('lost');
      if (mine.readyState === CLOSED) later();
    };
  }

  return {
    /* Opens the stream, or opens it now when it is waiting. One that is open, or being opened, is left alone. */
    resume() {
      paused = false;
      if (source && !broken) return;
      failures = 0;
      if (state === 'paused') say('lost');
      open();
    },
    /* Gives the stream up until resume(). */
    pause() {
      paused = true;
      drop();
      say('paused');
    },
    /* The stream looks open but brings nothing: makes a new one. */
    restart() {
      if (paused) return;
      say('lost');
      later();
    },
    state: () => state,
  };
}
