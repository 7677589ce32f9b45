/*
 * job_list.js - the list of jobs as the server tells it, a part at a time. Pure.
 *
 * A list is {jobs, next, news}: jobs as state.js makes them, the newest first; the cursor of older ones, or null; and how
 * many new ones wait to be shown, so that nothing moves under somebody's finger.
 */
import { ended, normalise } from './state.js';

export const PART = 50;

export const emptyFilter = () => ({ status: 'all', operation: '', search: '' });
export const isFiltered = ({ status, operation, search }) => status !== 'all' || operation !== '' || search.trim() !== '';

/* The address of a part of the list. */
export function listPath({ status, operation, search }, before = null) {
  const query = new URLSearchParams({ limit: String(PART) });
  if (status !== 'all') query.set('status', status);
  if (operation) query.set('operation', operation);
  if (search.trim()) query.set('search', search.trim());
  if (before) query.set('before', before);
  return `api/jobs?${query}`;
}

/* The filter of an address of the page, and the address of a filter. */
export function filterOf(params) {
  return { status: params.get('status') || 'all', operation: params.get('operation') || '', search: params.get('search') || '' };
}
export function pathOf(filter) {
  const query = new URLSearchParams();
  if (filter.status !== 'all') query.set('status', filter.status);
  if (filter.operation) query.set('operation', filter.operation);
  if (filter.search.trim()) query.set('search', filter.search.trim());
  return `jobs${String(query) ? `?${query}` : ''}`;
}

const read = (answer) => answer.jobs.map(normalise).filter(Boolean);

export const firstPart = (answer) => ({ jobs: read(answer), next: answer.next ?? null, news: 0 });

/* With the next older part. */
export function withOlder(list, answer) {
  const known = new Set(list.jobs.map((job) => job.job_id));
  return { ...list, jobs: [...list.jobs, ...read(answer).filter((job) => !known.has(job.job_id))], next: answer.next ?? null };
}

/*
 * With a newer first part: jobs that are there are replaced in their places; new ones go on top, or, with `hold`, are only
 * counted. When all of the part is new the list begins anew, for there may be a gap behind it.
 */
export function withNewer(list, answer, hold) {
  const fresh = read(answer);
  const byId = new Map(fresh.map((job) => [job.job_id, job]));
  const known = new Set(list.jobs.map((job) => job.job_id));
  const news = fresh.filter((job) => !known.has(job.job_id));
  const jobs = list.jobs.map((job) => byId.get(job.job_id) ?? job);
  if (hold) return { ...list, jobs, news: news.length };
  if (answer.next && news.length === fresh.length) return firstPart(answer);
  return { ...list, jobs: [...news, ...jobs], news: 0 };
}

export const without = (list, id) => ({ ...list, jobs: list.jobs.filter((job) => job.job_id !== id) });

/* What is known of a job: the higher version, from the list or from the stream. */
export const newest = (listed, live) => (live && (!listed || live.version >= listed.version) ? live : listed);

/* Which of the jobs that the stream told of the list does not have, though they are newer than its newest. */
export function unknown(list, jobs) {
  const known = new Set(list.jobs.map((job) => job.job_id));
  const newestId = list.jobs[0]?.job_id ?? '';
  return Object.keys(jobs).filter((id) => id > newestId && !known.has(id));
}

/* Seconds from the first item to the end, or until now; null before it began. */
export function runTime(job, now_s) {
  if (!job.started_at) return null;
  return Math.max(0, (ended(job) ? job.completed_at ?? now_s : now_s) - job.started_at);
}
