/*
 * drafts.js - what was typed for a book and not saved, as long as the page is open: file_id -> draft of book.js. Going to another
 * file, or closing the drawer by mistake, loses nothing; leaving the page is asked about by the browser.
 */
import { isDirty } from './book.js';

const drafts = new Map();
const ask = (event) => event.preventDefault();

export const draftOf = (id) => drafts.get(id) ?? null;
export const hasDraft = (id) => drafts.has(id);

/* Keeps a draft, or forgets it when there is nothing in it. */
export function keepDraft(id, draft) {
  const before = drafts.size;
  if (isDirty(draft)) drafts.set(id, draft);
  else drafts.delete(id);
  if (!globalThis.window || (before > 0) === (drafts.size > 0)) return;
  /* Only while it is needed: a page with this listener is not kept by the browser for going back. */
  if (drafts.size > 0) window.addEventListener('beforeunload', ask);
  else window.removeEventListener('beforeunload', ask);
}
