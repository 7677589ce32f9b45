/*
 * results.js - the results of a job, the newest first, as far back as they are wanted.
 *
 * The server gives results by their number, 1, 2, 3 … in the order in which items finished, and the first ones behind a
 * number. So older ones are read in windows of numbers, going back, and newer ones behind the last that is known.
 */
const LIMIT = 1000; /* the most that one answer has */
const PLAIN_WINDOW = 100;
const WINDOWS_MAX = 20;
const WANT = 50;

const pathOf = (id, query) => `api/jobs/${encodeURIComponent(id)}/results?${new URLSearchParams(query)}`;
const filterOf = ({ outcome = 'all', search = '' }) => ({ outcome, ...(search && { search }) });

/*
 * Results with a number below `before`: {rows, before}, the newest first; `before` is where to go on, 1 at the end.
 * Reads until there are some, or until so many numbers are looked through that the caller should be asked.
 */
export async function readOlder(api, id, filter, before) {
  const isPlain = filterOf(filter).outcome === 'all' && !filter.search;
  const window = isPlain ? PLAIN_WINDOW : LIMIT;
  const rows = [];
  let end = before;
  for (let i = 0; i < WINDOWS_MAX && end > 1 && rows.length < WANT; i += 1) {
    const after = Math.max(0, end - 1 - window);
    const { results } = await api.get(pathOf(id, { ...filterOf(filter), after, limit: window }));
    rows.push(...results.filter((row) => row.id < end).reverse());
    end = after + 1;
  }
  return { rows, before: end };
}

/* Results behind the number `after`, the newest first; of very many only the first ones, {rows, more}. */
export async function readNewer(api, id, filter, after) {
  const { results, next } = await api.get(pathOf(id, { ...filterOf(filter), after, limit: LIMIT }));
  return { rows: results.reverse(), more: next ?? null };
}
