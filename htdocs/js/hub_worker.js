/*
 * hub_worker.js - the SharedWorker that holds the stream of all tabs of a browser. A script of its own: static/hub_worker-<hash>.js.
 *
 * After an upgrade of the server, tabs that were loaded before it and after it have a worker each, and so a stream each.
 * Where a worker has no EventSource, nobody is answered, and the tabs help themselves (shared.js).
 */
import { createStream } from './events.js';
import { createPorts } from './ports.js';

const clock = { setTimeout: (work, ms) => setTimeout(work, ms), clearTimeout: (timer) => clearTimeout(timer) };
const url = new URL('../api/events/stream', self.location.href).href;

if (self.EventSource) {
  const ports = createPorts({ clock, stream: (callbacks) => createStream({ url, EventSource: self.EventSource, clock, ...callbacks }) });
  self.onconnect = (event) => ports.connect(event.ports[0]);
}
