/*
 * samples.js - what a template of file names gives, tried on some books by a preview of a rename, which changes
 * nothing.
 */
import { ended } from './state.js';

const BOOKS = 10; /* the smallest page of the list */
const LOOK_MS = 150;
const LOOKS = 100;

/* A result of the preview -> {now, then, why}; `then` is null when the book keeps its name. */
function sampleOf(result) {
  const { preview, duplicate, message } = result.details ?? {};
  const then = preview?.after?.name ?? null;
  return { now: result.item, then, duplicate: !!duplicate, why: result.success ? (then || duplicate ? null : message ?? null) : result.error };
}

/*
 * Gives the samples; none when the library is empty. `options` are those of a rename. Throws ApiError, also for a
 * template that the server refuses.
 */
export async function takeSamples({ api, clock, options, signal }) {
  const { files } = await api.get(`api/files?per_page=${BOOKS}`, { signal });
  if (!files.length) return [];
  const { job_id: id } = await api.post('api/jobs', { operation: 'rename', files: files.map((file) => file.file_id), options, dry_run: true }, { signal });
  for (let look = 0; look < LOOKS; look += 1) {
    const job = await api.get(`api/jobs/${id}?results=${BOOKS}`, { signal });
    if (ended(job)) return job.results.map(sampleOf);
    await new Promise((done) => clock.setTimeout(done, LOOK_MS));
  }
  throw new Error('the jobs before it take too long');
}
