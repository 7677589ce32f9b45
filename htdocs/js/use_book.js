/*
 * use_book.js - one open book: its tags as the server has them, what is typed over them, and both kept right while things happen
 * elsewhere.
 */
import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import * as B from './book.js';
import * as store from './store.js';
import { draftOf, keepDraft } from './drafts.js';
import { worked } from './preview.js';

const AGAIN_MS = 400; /* many messages of one job make one question */

/*
 * Calls `changed` when files may have changed: the stream says so, or a job did. Not before a question about deleting is answered:
 * then the book may be gone because of the answer.
 */
function useChanges(changed) {
  const newest = useRef(changed);
  newest.current = changed;
  useEffect(() => {
    let timer = null;
    let message = store.message.peek();
    let jobs = store.jobs.peek();
    let pending = false;
    const later = () => {
      timer ??= setTimeout(() => {
        timer = null;
        if (store.deleting.peek()) return;
        pending = false;
        newest.current();
      }, AGAIN_MS);
    };
    const stop = effect(() => {
      const now = { message: store.message.value, jobs: store.jobs.value, operations: store.operations.value };
      const said = now.message !== message && (now.message?.type === 'library_changed' || now.message?.type === 'file_processed');
      const did = worked(jobs, now.jobs, now.operations);
      message = now.message;
      jobs = now.jobs;
      pending ||= said || did;
      if (pending && !store.deleting.value) later();
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
}

/*
 * useBook(app, file) gives {draft, conflicts, pages, error, reads, read, edit, discard}
 *   draft       of book.js; null until the book was read
 *   conflicts   names of elements that were changed elsewhere while they were being typed over
 *   reads       grows each time the book was read
 *   read()      reads it again; its promise gives the new conflicts, or null when it failed
 */
export function useBook(app, file) {
  const id = file.file_id;
  const state = useRef({ draft: null, conflicts: [], pages: null, error: null, reads: 0 });
  const asked = useRef(0);
  const [, redraw] = useState(0);
  const set = (patch) => {
    state.current = { ...state.current, ...patch };
    if ('draft' in patch) keepDraft(id, patch.draft);
    redraw((n) => n + 1);
  };

  function take(answer) {
    const typed = state.current.draft ?? draftOf(id);
    const { draft, conflicts } = typed ? B.reread(typed, answer.tags) : { draft: B.newDraft(answer.tags), conflicts: [] };
    const open = state.current.conflicts.filter((name) => name in draft.edits && !conflicts.includes(name));
    set({ draft, conflicts: [...open, ...conflicts], pages: answer.pages, error: null, reads: state.current.reads + 1 });
    if (answer.file && store.opened.peek()?.file_id === id) store.opened.value = answer.file;
    return conflicts;
  }

  async function read() {
    const mine = ++asked.current;
    try {
      const answer = await app.api.get(B.filePath(file, '/tags?names=comicinfo'));
      return mine === asked.current ? take(answer) : [];
    } catch (error) {
      if (mine === asked.current) set({ error, reads: state.current.reads + 1 });
      return null;
    }
  }

  useEffect(() => {
    void read();
    return () => void (asked.current = -1); /* what comes now is for nobody */
  }, []);
  useChanges(() => void read());

  return {
    ...state.current,
    read,
    edit(name, text) {
      const { draft, conflicts } = state.current;
      set({ draft: B.edit(draft, name, text), conflicts: conflicts.filter((one) => one !== name) });
    },
    discard: () => set({ draft: B.newDraft(state.current.draft.base), conflicts: [] }),
  };
}
