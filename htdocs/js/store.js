/*
 * store.js - what the views draw from: signals, written by main.js and library.js only.
 */
import { signal, computed } from '@preact/signals';
import * as S from './state.js';
import { none } from './selection.js';

export const jobs = signal(S.initial());
export const connection = signal({ quality: 'reconnecting', newsAt_ms: 0, checkedAt_ms: 0 });
export const quality = computed(() => connection.value.quality);
export const pace = signal([]); /* of the followed job; pace.js */
export const failures = signal({ id: null, results: [], next: null, loading: false });
export const held = signal(null); /* why the server holds all jobs, or null */
export const operations = signal([]); /* of GET api/config */
export const notices = signal([]); /* {id, kind, text, action} */
export const theme = signal('system');
export const now_ms = signal(Date.now()); /* ticks once a second while a job runs, or the stream is away */
export const confirming = signal(null); /* {operation, count, run} */

export const followed = computed(() => S.followedJob(jobs.value));
export const starting = computed(() => !!jobs.value.starting);

/* Where the page is: {view, id, url} of routes.js; `view` is 'none' for an address that it does not have. */
export const route = signal({ view: 'library', id: null, url: null });
/* The newest message of the stream that is not about a job. */
export const message = signal(null);

/* The list: the view asked for, what is known of the answer, and how the asking goes. */
export const view = signal(null); /* query.js */
export const files = signal(null); /* {total, counts}; the rows are library.row(index) */
export const revision = signal(0); /* grows when rows have changed */
export const loading = signal(false);
export const totals = signal({ all: null, unmarked: null });
export const selection = signal(none()); /* selection.js */
export const selecting = signal(false); /* a range is being asked for */
export const active = signal(-1); /* the row that the keyboard is at */
export const rows = signal({ from: 0, to: 0, top: -1 }); /* drawn now; `top` is the first that is seen, -1 when the head of the list is */
export const covers = signal(false);
export const folders = signal(null); /* {folder, list, next} */

/* What view_book.js shows: the drawer of a file, the form for a selection, the question before a selection is deleted. */
export const opened = signal(null); /* file object of the list */
export const editing = signal(null); /* selection.js */
export const deleting = signal(null); /* selection.js */

let noticeId = 0;

/* Shows a notice until it is dismissed; one with the same `about` is replaced. */
export function notify(kind, text, action = null, about = text) {
  noticeId += 1;
  notices.value = [...notices.peek().filter((notice) => notice.about !== about), { id: noticeId, kind, text, action, about }].slice(-5);
}

export function dismiss(match) {
  const kept = notices.peek().filter((notice) => !match(notice));
  if (kept.length !== notices.peek().length) notices.value = kept;
}
