/*
 * lead_stream.js - the stream of all tabs where no SharedWorker can hold it: the tab that leads does, and tells the others.
 *
 * Followers keep what they are told as the leader's hub does, so that the next leader goes on where the last one was.
 *
 * createLeadStream({lead, stream, hear}) gives {resume, pause, restart}
 *   lead(options)      makes the lead of lead.js; options are its changed and told
 *   stream(callbacks)  makes the stream of events.js
 *   hear(word)         takes a word of hub.js
 * openLeadStream({memory, clock, url, firstDelayMs}, hear) is the same in a browser.
 */
import { createHub } from './hub.js';
import { leadOfTabs } from './lead.js';
import { createStream } from './events.js';

export function createLeadStream({ lead, stream, hear }) {
  const leader = lead({
    changed(who) {
      if (who === 'me') {
        hub.open();
        return;
      }
      hub.close();
      if (who === 'other') leader.tell('greet');
      else hear({ state: 'lost' });
    },
    told(word) {
      if (leader.who() === 'me') {
        if (word === 'greet') hub.greet(leader.tell);
        else if (word === 'open') hub.open();
        else if (word === 'restart') hub.restart();
      } else if (word.state || word.message) {
        hub.heard(word);
        hear(word);
      }
    },
  });
  const hub = createHub({
    stream,
    tell(word) {
      leader.tell(word);
      hear(word);
    },
  });
  /* What the leader is to do, whoever it is. */
  const order = (word) => (leader.who() === 'me' ? hub[word]() : leader.tell(word));
  return {
    resume() {
      leader.want(true);
      order('open');
    },
    pause: () => leader.want(false),
    restart: () => order('restart'),
  };
}

export const openLeadStream = ({ memory, clock, url, firstDelayMs }, hear) =>
  createLeadStream({
    hear,
    lead: (options) => leadOfTabs({ key: 'stream', memory, clock, ...options }),
    stream: (callbacks) => createStream({ url, EventSource: window.EventSource, clock, firstDelayMs, ...callbacks }),
  });
