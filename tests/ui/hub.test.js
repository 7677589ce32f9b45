import test from 'node:test';
import assert from 'node:assert/strict';
import { createHub } from '../../htdocs/js/hub.js';
import { createStream } from '../../htdocs/js/events.js';
import { fakeClock, fakeEventSource } from './fakes.js';

const CLOSED = 2;
const job = (job_id, status, version) => ({ type: 'job_updated', data: { job_id, status, version } });

function rig() {
  const clock = fakeClock();
  const es = fakeEventSource();
  const told = [];
  const hub = createHub({
    tell: (word) => told.push(word),
    stream: (callbacks) => createStream({ url: 'x', EventSource: es.Source, clock, random: () => 1, firstDelayMs: () => 5000, ...callbacks }),
  });
  const greeted = () => {
    const words = [];
    hub.greet((word) => words.push(word));
    return words;
  };
  const says = (message, lastEventId = '') => es.last().onmessage({ data: JSON.stringify(message), lastEventId });
  return { clock, es, told, hub, greeted, says };
}

test('what the stream brings is told with its id, and so is how the stream is', () => {
  const { es, told, hub, says } = rig();
  hub.open();
  es.last().opens();
  says(job('a', 'processing', 3), '9');
  assert.deepEqual(told, [{ state: 'lost' }, { state: 'open' }, { message: job('a', 'processing', 3), id: '9' }]);
});

test('who comes later is told the newest of each job that has not ended, and how the service is', () => {
  const { es, hub, greeted, says } = rig();
  hub.open();
  assert.deepEqual(greeted(), [{ state: 'lost' }]);
  es.last().opens();
  says(job('a', 'processing', 1), '1');
  says(job('b', 'queued', 1), '2');
  says({ type: 'service', data: { held: 'disk full' } });
  says({ type: 'library_changed', data: {} }, '3');
  says(job('a', 'processing', 2), '4');
  says(job('b', 'cancelled', 2), '5');
  assert.deepEqual(greeted().map(({ message, state }) => message?.data.version ?? message?.data.held ?? state), [2, 'disk full', 'open']);
});

test('a stream that is made again goes on behind the last id, also of what another hub told', () => {
  const { es, hub, says } = rig();
  hub.heard({ message: job('a', 'processing', 1), id: '40' });
  hub.open();
  assert.match(es.last().url, /last_event_id=40$/);
  es.last().opens();
  says(job('a', 'processing', 2), '41');
  says({ type: 'service', data: { held: null } });
  hub.close();
  assert.equal(es.last().readyState, CLOSED);
  hub.open();
  assert.match(es.last().url, /last_event_id=41$/);
});

test('what another hub told is known to those who come later', () => {
  const { hub, greeted } = rig();
  hub.heard({ message: job('a', 'processing', 1), id: '40' });
  assert.equal(greeted()[0].message.data.job_id, 'a');
});

test('many tabs that find the stream dead make one new one', async () => {
  const { clock, es, hub } = rig();
  hub.open();
  es.last().opens();
  for (let i = 0; i < 12; i += 1) hub.restart();
  await clock.advance(5000);
  assert.equal(es.made.length, 2);
});

test('messages that are no object are passed on and kept from no harm', () => {
  const { es, told, hub, says } = rig();
  hub.open();
  es.last().opens();
  says(null);
  says({ type: 'job_updated' });
  assert.equal(told.length, 4);
});
