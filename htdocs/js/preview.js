/*
 * preview.js - what the results of a preview say, and how they are read.
 */
const PAGE = 500;
const READS_MAX = 8; /* questions for one "show more": what is looked for may be rare */

const lastPart = (path) => String(path ?? '').split('/').pop();

/* The folder that a path's file is in, without those above it. */
const folderOf = (path) => String(path ?? '').split('/').slice(-2, -1)[0] ?? '';

/*
 * A result as a row: {id, name, folder, newName, fields, error, note, changes, problem}. `newName` is null when the name
 * stays; `fields` are {name, before, after}, null for a tag that is not there.
 */
export function rowOf({ id, item, success, error, details = {} }) {
  const { before = {}, after = {}, method } = details.preview ?? {};
  const names = [...new Set([...Object.keys(before.tags ?? {}), ...Object.keys(after.tags ?? {})])];
  const fields = names.map((name) => ({ name, before: before.tags?.[name] ?? null, after: after.tags?.[name] ?? null }));
  const final = after.name ?? (success ? lastPart(details.final) : '');
  const newName = final && final !== (before.name ?? item) ? final : null;
  return {
    id,
    name: item,
    folder: folderOf(details.original),
    newName,
    fields,
    error: success ? null : error,
    note: details.message ?? null,
    changes: success && (newName !== null || fields.length > 0 || (method !== undefined && method !== 'none')),
    problem: !success || details.duplicate === true,
  };
}

export const FILTERS = {
  all: () => true,
  changes: (row) => row.changes,
  nothing: (row) => !row.changes && !row.error,
  problems: (row) => row.problem,
};

/*
 * Reads rows of the job `id` behind `after` that `filter` and `search` want, at least `want` if there are so many and
 * they are not too rare. Gives {rows, next, looked}: `next` is where to go on, null at the end.
 */
export async function readRows(api, id, { filter = 'all', search = '', after = 0, want = 100 }) {
  const outcome = filter === 'changes' || filter === 'nothing' ? 'ok' : 'all';
  const rows = [];
  let next = after;
  let looked = 0;
  for (let i = 0; i < READS_MAX && next !== null && rows.length < want; i += 1) {
    const query = new URLSearchParams({ limit: PAGE, after: next, outcome, ...(search && { search }) });
    const answer = await api.get(`api/jobs/${encodeURIComponent(id)}/results?${query}`);
    rows.push(...answer.results.map(rowOf).filter(FILTERS[filter]));
    looked += answer.results.length;
    next = answer.next ?? null;
  }
  return { rows, next, looked };
}

/* How many rows each filter has: read whole, so only of a preview that is not too long. */
export const TALLY_MAX = PAGE * READS_MAX;
export async function tally(api, id) {
  const { rows } = await readRows(api, id, { want: Infinity });
  return Object.fromEntries(Object.entries(FILTERS).map(([name, wants]) => [name, rows.filter(wants).length]));
}

/*
 * Whether files may have changed between two states of state.js: an operation that changes files, other than a
 * preview, has done items meanwhile.
 */
export function worked(before, now, operations) {
  const changing = new Set(operations.filter((one) => one.changes_files).map((one) => one.name));
  return Object.values(now.jobs).some((job) => !job.dry_run && changing.has(job.operation) && job.success > (before.jobs[job.job_id]?.success ?? 0));
}
