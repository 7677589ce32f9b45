/*
 * memory.js - small facts that outlive the page, in localStorage.
 *
 * Storage may be absent, forbidden or full; then nothing is remembered and nothing fails.
 */
const PREFIX = 'longbox.';

export function createMemory(getStorage) {
  const attempt = (work) => {
    try {
      return work(getStorage()) ?? null;
    } catch {
      return null; /* private mode, blocked cookies, quota */
    }
  };
  return {
    get: (key) => attempt((storage) => JSON.parse(storage.getItem(PREFIX + key))),
    set: (key, value) => attempt((storage) => storage.setItem(PREFIX + key, JSON.stringify(value))),
    remove: (key) => attempt((storage) => storage.removeItem(PREFIX + key)),
  };
}
