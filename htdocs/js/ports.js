/*
 * ports.js - the tabs behind the ports of a SharedWorker, and the hub whose stream they share.
 *
 * A port does not say when its tab is gone, so tabs are asked, and who leaves MISSED_MAX questions unanswered is
 * forgotten; should it only have slept, its next word brings it back, and it is told that it has missed something. The stream is open while anyone wants it.
 *
 * A tab says {join, delay_ms}, 'leave', 'alive' (the answer to 'ping'), or 'restart'; it is told words of hub.js, and 'ping'.
 *
 * createPorts({clock, stream})
 *   stream(callbacks)  makes the stream of events.js; callbacks hold firstDelayMs, too
 */
import { createHub } from './hub.js';

const PING_MS = 2000; /* also tells the tabs that the worker lives */
const MISSED_MAX = 5;

export function createPorts({ clock, stream }) {
  const missed = new Map(); /* ports that want the stream -> questions not answered */
  let delay_ms = 5000;
  let timer = null;
  const hub = createHub({
    stream: (callbacks) => stream({ ...callbacks, firstDelayMs: () => delay_ms }),
    tell: (word) => missed.forEach((_, port) => port.postMessage(word)),
  });

  function arm() {
    clock.clearTimeout(timer);
    timer = missed.size > 0 ? clock.setTimeout(look, PING_MS) : null;
  }

  function leave(port) {
    if (!missed.delete(port) || missed.size > 0) return;
    hub.close();
    arm();
  }

  function look() {
    for (const [port, n] of [...missed]) {
      missed.set(port, n + 1);
      if (n >= MISSED_MAX) leave(port);
      else port.postMessage('ping');
    }
    arm();
  }

  function hear(port, word) {
    if (word === 'leave') {
      leave(port);
      return;
    }
    const comes = !missed.has(port);
    missed.set(port, 0);
    if (word.join) delay_ms = word.delay_ms;
    if (comes || word.join) {
      if (!word.join) port.postMessage({ state: 'lost' });
      hub.open();
      hub.greet((said) => port.postMessage(said));
      if (timer === null) arm();
    } else if (word === 'restart') hub.restart();
  }

  return {
    connect: (port) => (port.onmessage = ({ data }) => hear(port, data)),
  };
}
