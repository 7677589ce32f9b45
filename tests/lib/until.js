// until(what, seconds, probe): waits until probe() gives something true and returns it. A probe may be async; what it
// throws ends the wait. When the time is over, the error says what was awaited and what the probe gave last. However
// few the seconds, it waits for PATIENCE_S: a busy machine is no fault of the product. What has to be fast is measured.
import { inspect } from 'node:util';

const PATIENCE_S = 30;

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// What probe() gives as soon as it is true, else what it gave last, after so many seconds.
export async function atMost(seconds, probe, pauseMs = 15) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const got = await probe();
    if (got || Date.now() >= end) return got;
    await sleep(pauseMs);
  }
}

export async function until(what, seconds, probe, pauseMs = 15) {
  const limit = Math.max(seconds, PATIENCE_S);
  const got = await atMost(limit, probe, pauseMs);
  if (!got) throw new Error(`waited ${limit} s for ${what}; the last look gave ${inspect(got)}`);
  return got;
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
