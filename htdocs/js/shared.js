/*
 * shared.js - the one stream of all tabs of this browser. A tab uses it as if it were its own stream (events.js).
 *
 * A SharedWorker holds it (hub_worker.js). Where there is none, or it does not answer, the tab that leads holds it and
 * tells the others (lead_stream.js). Either way a stream that is made again, here or by the next leader, goes on behind
 * the last message, and a tab that paused is told what still holds when it is back.
 *
 * createShared({openWorker, openLead, clock, firstDelayMs, onMessage, onState})
 *   openWorker()    a SharedWorker; throws where there is none
 *   openLead(hear)  promise of createLeadStream of lead_stream.js
 *   firstDelayMs, onMessage, onState  as in events.js
 */
const ANSWER_MS = 20000; /* a worker starts within; the page polls meanwhile */
const SILENT_MS = 6000; /* a worker that lives has asked several times within; one dies with the tab whose process it shares */

export function createShared({ openWorker, openLead, clock, firstDelayMs, onMessage, onState }) {
  let state = 'lost';
  let paused = true;
  let way = viaWorker();

  function say(next) {
    if (next === state) return;
    state = next;
    onState(next);
  }

  function hear(word) {
    if (paused) return;
    if (word.state) say(word.state);
    else onMessage(word.message);
  }

  function viaWorker() {
    let port = null;
    let timer = null;
    let answered = false;

    function listen(ms) {
      clock.clearTimeout(timer);
      timer = clock.setTimeout(silent, ms);
    }

    /* A port that is open may hear something late, and that would throw a page out of the page cache. */
    function drop() {
      clock.clearTimeout(timer);
      if (!port) return;
      port.postMessage('leave');
      port.close();
      port = null;
    }

    function silent() {
      drop();
      if (!answered) {
        giveUp();
        return;
      }
      answered = false; /* the worker died: another one is started, or this tab gives up on workers */
      say('lost');
      join();
    }

    function giveUp() {
      drop();
      way = viaLead();
      way.resume();
    }

    function connect() {
      let worker;
      try {
        worker = openWorker();
      } catch {
        giveUp();
        return false;
      }
      const mine = worker.port;
      port = mine;
      worker.onerror = () => mine === port && giveUp();
      mine.onmessage = ({ data }) => {
        if (mine !== port) return;
        answered = true;
        listen(SILENT_MS);
        if (data === 'ping') mine.postMessage('alive');
        else hear(data);
      };
      return true;
    }

    function join() {
      if (!port && !connect()) return;
      port.postMessage({ join: true, delay_ms: firstDelayMs() });
      listen(answered ? SILENT_MS : ANSWER_MS);
    }

    return {
      resume: join,
      pause: drop,
      restart: () => port && port.postMessage('restart'),
    };
  }

  /* What it takes is loaded when it is needed; while that fails, the next resume() tries again. */
  function viaLead() {
    let asked = false;
    async function load() {
      if (asked) return;
      asked = true;
      const loaded = await openLead(hear).catch(() => null);
      asked = false;
      if (!loaded) return;
      way = loaded;
      if (!paused) way.resume();
    }
    return { resume: load, pause() {}, restart() {} };
  }

  return {
    /* Takes part in the stream; one that waits is opened now. */
    resume() {
      paused = false;
      if (state === 'paused') say('lost');
      way.resume();
    },
    /* Needs no stream until resume(). */
    pause() {
      paused = true;
      way.pause();
      say('paused');
    },
    /* The stream looks open but brings nothing. */
    restart() {
      if (!paused) way.restart();
    },
    state: () => state,
  };
}
