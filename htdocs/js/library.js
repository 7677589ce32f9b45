/*
 * library.js - reads the list of files, and keeps filter, order and page size in the preferences.
 *
 * Only the newest question counts; an older answer that comes late is dropped. What is shown stays while the
 * next answer is awaited.
 */
import { batch } from '@preact/signals';
import * as Q from './query.js';
import * as Selection from './selection.js';
import * as texts from './strings.js';
import { view, files, loading, totals, selection, notify, dismiss } from './store.js';

const SEARCH_MS = 300;
const SPACING_MS = 3000;

export function createLibrary({ api, preferences, clock }) {
  let asking = null;
  let searchTimer = null;
  let changeTimer = null;
  let loadedAt = 0;

  async function load() {
    if (asking) asking.abort();
    const mine = new AbortController();
    asking = mine;
    loading.value = true;
    try {
      const answer = await api.get(Q.filesPath(view.value), { signal: mine.signal });
      if (mine !== asking) return;
      await take(answer, mine);
      dismiss((notice) => notice.about === 'list');
    } catch (error) {
      if (mine === asking) notify('error', texts.listFailed(error.text ?? error.message), { text: texts.retry, run: load }, 'list');
    } finally {
      if (mine === asking) {
        loading.value = false;
        loadedAt = clock.now();
      }
    }
  }

  async function take(answer, mine) {
    const { filter, search } = view.value;
    batch(() => {
      files.value = answer;
      const all = filter === 'all' && !search ? answer.total_files : totals.value.all;
      totals.value = { all, unmarked: answer.unmarked_count };
      if (answer.page !== view.value.page) view.value = { ...view.value, page: answer.page };
    });
    if (filter === 'all' && !search) return;
    const counts = await api.get('api/scan-unmarked', { signal: mine.signal }).catch(() => null);
    if (counts && mine === asking) totals.value = { all: counts.total_count, unmarked: counts.unmarked_count };
  }

  function change(patch, saved) {
    view.value = { ...view.value, page: 1, ...patch };
    if (saved) void preferences.save(saved);
    void load();
  }

  return {
    load,
    /* Preferences first, so that the saved filter is the one the first list is asked with. */
    async start() {
      view.value = Q.withPreferences(Q.firstView(), await preferences.read());
      await load();
    },
    search(text) {
      clock.clearTimeout(searchTimer);
      searchTimer = clock.setTimeout(() => text !== view.value.search && change({ search: text }), SEARCH_MS);
    },
    setFilter: (filter) => change({ filter }, { filterMode: filter }),
    setPerPage: (perPage) => change({ perPage }, { perPage }),
    setSort: (sort, direction) => change({ sort, direction }, { sort, direction }),
    setPage: (page) => change({ page }),
    /* A job has ended: the list is read at once. */
    refresh: () => void (view.value && load()),
    /* Files on the disk have changed; many such messages make one question each 3 s. */
    changed() {
      if (changeTimer !== null || !view.value) return;
      changeTimer = clock.setTimeout(() => {
        changeTimer = null;
        void load();
      }, Math.max(200, loadedAt + SPACING_MS - clock.now()));
    },
    toggleOne: (key) => (selection.value = Selection.toggle(selection.value, key)),
    togglePage: (keys) => (selection.value = Selection.toggleAll(selection.value, keys)),
    clearSelection: () => (selection.value = Selection.none()),
  };
}
