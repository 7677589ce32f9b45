/*
 * connection.js - joins stream, watchdog and the life of the page, and says how good the connection is.
 *
 * Quality: live (stream open), reconnecting (lost a moment ago), polling (no stream, but questions are
 * answered; also a hidden page that gave its stream up), offline (no answer at all).
 * The page catches up when the stream opens, when it becomes visible, thaws, comes back from the page cache or
 * goes online. A page hidden for `hidden_ms` gives the stream up: when all are hidden, the browser has none.
 *
 * createConnection({jobs, stream, clock, config, page, changed, acted, onOther, hidden_ms})
 *   stream(callbacks)  makes the stream of shared.js
 *   page               {window, document}
 *   changed(facts)     {quality, newsAt_ms, checkedAt_ms}
 *   acted(how)         once for each incident: the watchdog found news that the stream had not brought, because it
 *                      was open and 'silent' or has been 'lost' for some time; null when the stream speaks again
 *   onOther(message)   a message of the stream that is not about a job; {type: 'missed'} when the stream had been given
 *                      up, so that there may have been some
 */
import { createWatch } from './watch.js';

const HIDDEN_MS = 60000;

export function createConnection({ jobs, stream: makeStream, clock, config, page, changed, acted, onOther, hidden_ms = HIDDEN_MS }) {
  const { window, document } = page;
  let up = false;
  let reached = true;
  let polled = false;
  let opened = false;
  let gaveUp = false;
  let stopped = false;
  let hiddenTimer = null;
  let newsAt_ms = clock.now();
  let checkedAt_ms = clock.now();
  let lostAt_ms = clock.now();
  let incident = null;

  function quality() {
    if (up) return 'live';
    if (window.navigator.onLine === false || !reached) return 'offline';
    return polled ? 'polling' : 'reconnecting';
  }

  const say = () => changed({ quality: quality(), newsAt_ms, checkedAt_ms });

  function act(how) {
    if (incident === how || (how && incident)) return;
    incident = how;
    acted(how);
  }

  async function ask() {
    const answer = await jobs.ask();
    if (!answer.failed) {
      polled = true;
      checkedAt_ms = clock.now();
    }
    /* Stream and server may be away for a moment: not worth a word. */
    const lost = stream.state() === 'lost' && clock.now() - lostAt_ms >= 2 * config().reconnect_delay_ms;
    if (answer.news && lost) act('lost');
    say();
    return answer;
  }

  const watch = createWatch({
    clock,
    config,
    following: jobs.running,
    ask,
    onDead(news) {
      if (news) act('silent');
      stream.restart();
    },
  });

  const stream = makeStream({
    onMessage(message) {
      checkedAt_ms = clock.now();
      act(null);
      if (message && message.type === 'job_updated') {
        const isFollowed = message.data && message.data.job_id === jobs.state().followed;
        watch.heard(jobs.receive(message.data) && isFollowed);
      } else {
        watch.heard(false);
        onOther(message);
      }
      say();
    },
    onState(state) {
      up = state === 'open';
      polled = false;
      watch.stream(up);
      if (up && (opened || jobs.running())) void jobs.catchUp();
      if (up && gaveUp && opened) onOther({ type: 'missed' });
      if (up) opened = true;
      if (state === 'lost') lostAt_ms = clock.now();
      gaveUp = state === 'paused' || (gaveUp && !up);
      say();
    },
  });

  function back() {
    if (stopped) return;
    clock.clearTimeout(hiddenTimer);
    hiddenTimer = null;
    watch.hidden(false);
    stream.resume();
    void jobs.catchUp();
  }

  function away() {
    if (stopped) return;
    watch.hidden(true);
    clock.clearTimeout(hiddenTimer);
    hiddenTimer = clock.setTimeout(() => stream.pause(), hidden_ms);
  }

  const isHidden = () => document.visibilityState === 'hidden';

  function start() {
    document.addEventListener('visibilitychange', () => (isHidden() ? away() : back()));
    document.addEventListener('freeze', () => stream.pause());
    document.addEventListener('resume', () => (isHidden() ? void jobs.catchUp() : back()));
    window.addEventListener('pagehide', () => stream.pause());
    window.addEventListener('pageshow', (event) => event.persisted && back());
    window.addEventListener('online', back);
    window.addEventListener('offline', say);
    stream.resume();
    watch.start();
    if (isHidden()) away();
  }

  return {
    start,
    /* There is nothing left to hear of. */
    stop() {
      stopped = true;
      clock.clearTimeout(hiddenTimer);
      stream.pause();
      watch.stop();
    },
    /* A request did or did not reach the server. */
    reach(ok) {
      if (ok === reached) return;
      reached = ok;
      if (ok && !up) polled = true;
      if (!ok) act(null); /* the mark says more */
      say();
    },
    /* The followed job has changed. */
    news() {
      newsAt_ms = clock.now();
      checkedAt_ms = newsAt_ms;
      say();
    },
    /* The configuration arrived, or the followed job is another one. */
    soon: () => watch.soon(),
  };
}
