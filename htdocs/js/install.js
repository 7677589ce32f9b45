/*
 * install.js - the service worker (sw.js), with which the page opens while the server is away, and can be installed.
 *
 * Browsers have it only in secure contexts: HTTPS, or this machine itself. This browser may do without (settings).
 */
const KEY = 'worker';

export const canInstall = (window) => window.isSecureContext && !!window.navigator.serviceWorker;
export const isWanted = (memory) => memory.get(KEY) !== false;

/* After the page is there, so that it takes nothing from the first view. */
export function install({ window, memory, base }) {
  if (!canInstall(window) || !isWanted(memory)) return;
  const register = () => window.navigator.serviceWorker.register(new URL('sw.js', base)).catch(() => {}); /* the page works without */
  if (window.document.readyState === 'complete') register();
  else window.addEventListener('load', register, { once: true });
}

/* Wanted or not, from now on; what was kept goes with it. */
export async function setWanted({ window, memory, base }, wanted) {
  memory.set(KEY, wanted);
  if (wanted) return install({ window, memory, base });
  const registration = await window.navigator.serviceWorker.getRegistration(base);
  await registration?.unregister();
  for (const name of await window.caches.keys()) if (name.startsWith(`longbox ${new URL('.', base).pathname} `)) await window.caches.delete(name);
  return undefined;
}
