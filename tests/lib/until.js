// until(what, seconds, probe): waits until probe() gives something true and returns it. A probe may be async; what it
// throws ends the wait. When the time is over, the error says what was awaited and what the probe gave last.
import { inspect } from 'node:util';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export async function until(what, seconds, probe, pauseMs = 15) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const got = await probe();
    if (got) return got;
    if (Date.now() >= end) {
      throw new Error(`waited ${seconds} s for ${what}; the last look gave ${inspect(got)}`);
    }
    await sleep(pauseMs);
  }
}

// The promise, or an error when it is not settled in time.
export async function within(what, seconds, promise) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`waited ${seconds} s for ${what}`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
