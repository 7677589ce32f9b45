/*
 * sw.js - the service worker: while the server is away, the page opens all the same and says so.
 *
 * Pages come from the network and from the cache only when there is none, so that nobody sees an old page after an
 * upgrade; files of static/ have names that change with their content, and come from the cache first. Everything else,
 * api/ and the event streams above all, is not touched. The build fills in the two constants: the version is another
 * one whenever a file is, and with it this script, which is how browsers find the upgrade.
 */
const VERSION = '@VERSION@';
const FILES = ['@FILES@'];

const base = new URL('./', self.location);
const prefix = `longbox ${base.pathname} `;
const name = prefix + VERSION;

/* The file that the front end answers the address with (etc/h2o.conf.in), or null when it is none of the page. */
function pageFile(path, isPage) {
  if (path === 'favicon.svg' || path === 'manifest.json') return path;
  if (!isPage) return null;
  if (['', 'jobs', 'history', 'settings', 'logs', 'server'].includes(path)) return './';
  if (/^jobs\/[^/]+$/.test(path)) return 'deep.html';
  return /^batch-jobs\/[^/]+$/.test(path) ? 'batch.html' : null;
}

async function install() {
  const cache = await caches.open(name);
  await cache.addAll(FILES.map((file) => new Request(new URL(file, base), { cache: file.startsWith('static/') ? 'default' : 'no-cache' })));
  await self.skipWaiting();
}

async function activate() {
  for (const other of await caches.keys()) if (other.startsWith(prefix) && other !== name) await caches.delete(other);
  await self.clients.claim();
}

async function fromStatic(request) {
  const cache = await caches.open(name);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

async function fromNetwork(request, file) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(name)).match(new URL(file, base));
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return;
  const path = url.pathname.slice(base.pathname.length);
  const file = pageFile(path, request.mode === 'navigate');
  if (path.startsWith('static/')) event.respondWith(fromStatic(request));
  else if (file) event.respondWith(fromNetwork(request, file));
});
