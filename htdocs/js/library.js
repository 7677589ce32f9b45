/*
 * library.js - the list of files: what is asked for, what of it is read, and what is selected.
 *
 * The view is in the address; filter, order and page size are kept in the preferences too. Only what is on the screen is
 * read (windows.js). What is shown stays while the next answer is awaited.
 */
import { batch, effect, untracked } from '@preact/signals';
import * as Q from './query.js';
import * as Selection from './selection.js';
import * as texts from './strings.js';
import { createWindows } from './windows.js';
import { active, covers, dismiss, files, folders, loading, notify, revision, route, rows, selecting, selection, totals, view } from './store.js';

const SEARCH_MS = 300;
const SPACING_MS = 3000;

export function createLibrary({ api, preferences, clock, address }) {
  let searchTimer = null;
  let changeTimer = null;
  let loadedAt = 0;
  let saved = {}; /* preferences */
  let top = null; /* where the list was when it was left: for the list, once */
  let moveBy = () => {}; /* of the list on the screen */
  let base = null; /* the selection that a range is added to, and where it began */
  let anchor = -1;
  let newestRange = 0;

  const windows = createWindows({
    read: (offset, limit, signal) => api.get(Q.listPath(view.value, 'files', offset, limit), { signal }),
    took,
    failed(error) {
      loading.value = false;
      notify('error', texts.listFailed(error.text ?? error.message), { text: texts.retry, run: windows.again }, 'list');
    },
  });

  function took(answer, { first, moved }) {
    batch(() => {
      const { total_files: total, counts } = answer;
      const pages = Q.pageCount(view.value, total);
      files.value = { total, counts };
      if (selection.value.kind === 'match') selection.value = { ...selection.value, total };
      if (view.value.page > pages) view.value = { ...view.value, page: pages };
      if (moved !== 0) {
        if (active.value >= 0) active.value += moved;
        if (anchor >= 0) anchor += moved;
        moveBy(moved);
      }
      if (active.value >= total) active.value = total - 1;
      loading.value = false;
      revision.value += 1;
    });
    loadedAt = clock.now();
    if (!first) return;
    dismiss((notice) => notice.about === 'list');
    void sums(answer);
    void readFolders();
  }

  /* How many there are in the whole library, for the buttons of the operations. */
  async function sums({ counts, unmarked_count: unmarked }) {
    const { search, folder } = view.value;
    if (!search && !folder) totals.value = { all: counts.all, unmarked };
    else {
      const all = await api.get('api/scan-unmarked').catch(() => null);
      if (all) totals.value = { all: all.total_count, unmarked: all.unmarked_count };
    }
  }

  async function readFolders(more = false) {
    const { folder } = view.value;
    const known = more ? folders.value : null;
    const query = new URLSearchParams({ folder, offset: known?.next ?? 0 });
    const answer = await api.get(`api/folders?${query}`).catch(() => null);
    if (!answer || folder !== view.value.folder) return;
    folders.value = { folder, list: [...(known?.list ?? []), ...answer.folders], next: answer.next };
  }

  const range = () => Q.pageRange(view.value, files.value?.total ?? 0);

  /* Shows another view. Its files are asked for when they are others. */
  function show(next) {
    const same = view.value !== null && Q.sameList(view.value, next);
    const sameFiles = same || (view.value !== null && ['search', 'filter', 'folder'].every((name) => view.value[name] === next[name]));
    batch(() => {
      view.value = next;
      active.value = -1;
      anchor = -1;
      if (!sameFiles && selection.value.kind === 'match') selection.value = Selection.none();
      if (!same) loading.value = true;
    });
    if (!same) windows.ask((next.page - 1) * next.perPage);
  }

  function change(patch, { replace = false } = {}) {
    const next = { ...view.value, page: 1, ...patch };
    const wish = Q.toPreferences(patch);
    if (Object.keys(wish).length > 0) {
      saved = { ...saved, ...wish };
      void preferences.save(wish);
    }
    address.write(next, replace);
    show(next);
    moveBy(null);
  }

  /* The view of the address; one that says nothing is as the preferences have it. */
  function arrive() {
    const entry = address.saved();
    const query = address.query();
    const usual = Q.withPreferences(Q.firstView(), saved);
    const next = entry ? { ...entry.view, perPage: usual.perPage } : String(query) ? Q.fromAddress(usual, query) : usual;
    top = entry?.top ?? 0;
    if (!entry) address.write(next, true);
    show(next);
  }

  const keysOf = (from, to) => {
    const list = [];
    for (let i = from; i < to; i += 1) {
      const file = windows.row(i);
      if (!file) return null;
      list.push(Q.fileKey(file));
    }
    return list;
  };

  /* Rows that were not read are asked for by their place; the newest wish counts. */
  async function putRange(from, to, inside, on) {
    newestRange += 1;
    const mine = newestRange;
    let keys = to - from <= 1000 ? keysOf(from, to) : null;
    if (!keys) {
      selecting.value = true;
      try {
        keys = (await api.get(Q.listPath(view.value, 'ids', from, to - from))).ids;
      } catch (error) {
        if (mine === newestRange) notify('error', texts.rangeFailed(error.text), null, 'range');
      }
      if (mine === newestRange) selecting.value = false;
    }
    if (keys && mine === newestRange) selection.value = Selection.put(on, keys, inside);
  }

  function selectAll() {
    const { search, filter, folder } = view.value;
    const total = files.value?.total ?? 0;
    newestRange += 1;
    selecting.value = false;
    if (total > 0) selection.value = { kind: 'match', query: { search, filter, folder }, except: new Set(), total };
  }

  function clearSelection() {
    newestRange += 1;
    selecting.value = false;
    anchor = -1;
    selection.value = Selection.none();
  }

  return {
    row: windows.row,
    want: windows.want,
    range,
    /* Preferences first, so that the saved filter is the one the first list is asked with. */
    async start() {
      saved = await preferences.read();
      covers.value = saved.covers === true;
      effect(() => {
        if (route.value.view === 'library') untracked(arrive);
      });
    },
    /* The list is on the screen: `move(rows)` scrolls by so many rows, or with null to the head of the list. Gives where it was. */
    drawn(move) {
      moveBy = move;
      const was = top;
      top = null;
      return was;
    },
    gone: () => (moveBy = () => {}),
    keepTop: address.keepTop,
    search(text) {
      clock.clearTimeout(searchTimer);
      searchTimer = clock.setTimeout(() => text !== view.value.search && change({ search: text }, { replace: view.value.search !== '' && text !== '' }), SEARCH_MS);
    },
    setFilter: (filter) => change({ filter }),
    setFolder: (folder) => change({ folder }),
    moreFolders: () => readFolders(true),
    setPerPage: (perPage) => change({ perPage }),
    setSort: (sort, direction) => change({ sort, direction }),
    setPage: (page) => change({ page }),
    setCovers(on) {
      covers.value = on;
      saved = { ...saved, covers: on };
      void preferences.save({ covers: on });
    },
    /* A job has ended: the list is read at once. */
    refresh: () => void (view.value && windows.renew(rows.value.top)),
    /* Files on the disk have changed; many such messages make one question each 3 s. */
    changed() {
      if (changeTimer !== null || !view.value) return;
      changeTimer = clock.setTimeout(() => {
        changeTimer = null;
        windows.renew(rows.value.top);
      }, Math.max(200, loadedAt + SPACING_MS - clock.now()));
    },
    /* Selects row `index`, or takes it out. */
    toggle(index) {
      const file = windows.row(index);
      if (!file) return;
      newestRange += 1;
      selecting.value = false;
      selection.value = Selection.toggle(selection.value, Q.fileKey(file));
      anchor = index;
      base = selection.value;
    },
    /* Selects from where the last one was selected to row `index`. `from` is where a range without that begins. */
    extend(index, from = index) {
      if (anchor < 0) {
        anchor = from;
        base = selection.value;
      }
      void putRange(Math.min(anchor, index), Math.max(anchor, index) + 1, true, base ?? selection.value);
    },
    /* The box in the head: all that match, or on numbered pages those of this page. */
    toggleAll(on) {
      if (view.value.perPage) void putRange(...range(), on, selection.value);
      else if (on) selectAll();
      else clearSelection();
    },
    selectAll,
    clearSelection,
    /* A file of the list that `test` is true for, among those that are here; else null. */
    known: (test) => windows.row(windows.find(test)),
    /* The file before (-1) or behind (1) one of the list; a promise, of null where there is none. */
    async neighbour(file, step) {
      const at = windows.find((one) => one.file_id === file.file_id);
      const index = at + step;
      if (at < 0 || index < 0 || index >= files.value.total) return null;
      const next = windows.row(index) ?? (await api.get(Q.listPath(view.value, 'files', index, 1)).catch(() => null))?.files[0] ?? null;
      if (next) active.value = index;
      return next;
    },
  };
}
