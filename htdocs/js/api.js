/*
 * api.js - requests to the server, relative to the page's own base.
 *
 * A GET is tried again with back-off when the server cannot be reached or says "later". Anything else is sent
 * once, unless the caller says that repeating is harmless. Failures are ApiError: `text` for people, `kind`
 * one of network, unreachable, refused; `field` the member that the server refused, or null; `retryAfter_s` what the server asked for, or null. A body that does
 * not say it is JSON is never parsed.
 */
export class ApiError extends Error {
  constructor(kind, text, { status = 0, code = null, field = null, retryAfter_s = null } = {}) {
    super(text);
    this.kind = kind;
    this.text = text;
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAfter_s = retryAfter_s;
  }
}

const TRIES = 4;
const FIRST_DELAY_MS = 500;
const LIMIT_MS = 30000;
const LATER = new Set([429, 502, 503, 504]);

const isJson = (response) => /^application\/(.+\+)?json\b/i.test(response.headers.get('content-type') || '');

/* Seconds; the form with a date is not used by our server. */
function retryAfter(response) {
  const seconds = Number(response.headers.get('retry-after') || NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

async function failure(response) {
  const { status } = response;
  const body = isJson(response) ? await response.json().catch(() => null) : null;
  const said = body && typeof body.error === 'string' ? body.error : null;
  const code = body && typeof body.code === 'string' ? body.code : null;
  const field = body && typeof body.field === 'string' ? body.field : null;
  const details = { status, code, field, retryAfter_s: retryAfter(response) };
  if (LATER.has(status)) return new ApiError('unreachable', said || 'Server not reachable', details);
  return new ApiError('refused', said || `The server answered with status ${status}`, details);
}

/* A random name for one intended action, also where crypto.randomUUID is missing (plain HTTP). */
export function randomKey(source = globalThis.crypto) {
  const bytes = new Uint8Array(16);
  if (source && source.getRandomValues) source.getRandomValues(bytes);
  else for (let i = 0; i < bytes.length; i += 1) bytes[i] = Math.floor(Math.random() * 256);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/*
 * createApi({base, fetch, delay, random, onReach})
 * `onReach(true | false)` is told after each attempt whether the server was reached.
 */
export function createApi({ base, fetch, delay, random = Math.random, onReach = () => {} }) {
  async function once(method, url, { body, headers = {}, signal }) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), LIMIT_MS);
    const stop = () => limit.abort();
    if (signal) signal.addEventListener('abort', stop);
    try {
      const init = { method, headers: { Accept: 'application/json', 'X-Longbox-Client': 'page', ...headers }, signal: limit.signal, cache: 'no-store' };
      if (body !== undefined) {
        init.headers['Content-Type'] = 'application/json';
        init.body = JSON.stringify(body);
      }
      const response = await fetch(url, init);
      if (!response.ok) throw await failure(response);
      if (response.status === 204) return null;
      if (!isJson(response)) throw new ApiError('refused', 'The answer was not what this page expects', { status: response.status });
      return await response.json();
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (signal && signal.aborted) throw new ApiError('aborted', 'No longer needed');
      throw new ApiError('network', 'Server not reachable');
    } finally {
      clearTimeout(timer);
      if (signal) signal.removeEventListener('abort', stop);
    }
  }

  async function request(method, path, options = {}) {
    const url = new URL(path, base).href;
    const tries = options.tries ?? (method === 'GET' ? TRIES : 1);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await once(method, url, options);
        onReach(true);
        return answer;
      } catch (error) {
        const away = error.kind === 'network' || error.kind === 'unreachable';
        if (error.kind !== 'aborted') onReach(!away);
        if (!away || attempt >= tries) throw error;
        await delay(FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + random() / 2));
      }
    }
  }

  return {
    get: (path, options) => request('GET', path, options),
    post: (path, body, options) => request('POST', path, { ...options, body }),
    del: (path, options) => request('DELETE', path, options),
    patch: (path, body, options) => request('PATCH', path, { ...options, body }),
    delete: (path, options) => request('DELETE', path, options),
  };
}
