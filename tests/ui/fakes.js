/*
 * fakes.js - a clock that stands until it is told to go, and things that hang on it.
 */

/*
 * advance(ms) runs every timer that falls due, in order, and lets promises settle after each. jump(ms) sets the
 * wall clock, which timers do not notice.
 */
export function fakeClock(start = 1_000_000) {
  let now = start;
  let offset = 0;
  let next = 1;
  const timers = new Map();
  const settle = async () => {
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
  };
  return {
    now: () => now + offset,
    setTimeout(work, ms) {
      timers.set(next, { at: now + ms, work });
      next += 1;
      return next - 1;
    },
    clearTimeout: (id) => timers.delete(id),
    pending: () => timers.size,
    jump: (ms) => (offset += ms),
    settle,
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
        if (!due) break;
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].work();
        await settle();
      }
      now = Math.max(now, end);
      await settle();
    },
  };
}

/* A class like EventSource; `made` holds every one, newest last. */
export function fakeEventSource() {
  const made = [];
  class Source {
    constructor(url) {
      this.url = url;
      this.readyState = 0;
      made.push(this);
    }
    close() {
      this.readyState = 2;
    }
    opens() {
      this.readyState = 1;
      this.onopen({});
    }
    says(message) {
      this.onmessage({ data: typeof message === 'string' ? message : JSON.stringify(message) });
    }
    fails(readyState) {
      this.readyState = readyState;
      this.onerror({});
    }
  }
  return { Source, made, last: () => made[made.length - 1] };
}

/* As localStorage. */
export function fakeStorage() {
  const values = new Map();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, String(value)),
    removeItem: (key) => void values.delete(key),
    keys: () => [...values.keys()],
  };
}

/* Makes channels as BroadcastChannel: what one says reaches all others that are open, 1 ms later. `open` holds those. */
export function fakeChannels(clock) {
  const open = new Set();
  const channel = () => {
    const mine = {
      onmessage: null,
      close: () => open.delete(mine),
      postMessage(data) {
        for (const other of open) if (other !== mine) clock.setTimeout(() => open.has(other) && other.onmessage?.({ data }), 1);
      },
    };
    open.add(mine);
    return mine;
  };
  return Object.assign(channel, { open });
}

/* A small repeatable random source; the seed is in the failure message of those who use it. */
export function randomFrom(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function shuffled(list, random) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

/* The messages of one job as the server sends them, version by version: queued, running, each item, end. */
export function jobStory(id, { total = 5, failing = [], end = 'completed', stopAt = total, created_at = 100 } = {}) {
  const story = [];
  let errors = 0;
  const say = (status, processed, item) =>
    story.push({
      job_id: id,
      status,
      version: story.length + 1,
      progress: { processed, total, success: processed - errors, errors, percentage: (100 * processed) / total },
      title: 'Processing Files...',
      operation: 'process',
      created_at,
      ...(item ? { item } : {}),
    });
  say('queued', 0);
  say('processing', 0);
  for (let n = 1; n <= stopAt; n += 1) {
    const success = !failing.includes(n);
    if (!success) errors += 1;
    say(n === total ? end : 'processing', n, { item: `book ${n}.cbz`, success, error: success ? null : 'damaged' });
  }
  if (stopAt < total) say(end, stopAt);
  return story;
}

/* The same message as GET /api/jobs/{id} would answer. */
export function asPoll(event) {
  const { progress, item, ...rest } = event;
  return {
    ...rest,
    progress: progress.processed / progress.total,
    total_items: progress.total,
    processed_items: progress.processed,
    success_items: progress.success,
    error_items: progress.errors,
    error: null,
    results: [],
  };
}
