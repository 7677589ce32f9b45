/*
 * address.js - the view of the library in the address and in the history of the browser, so that reload and back give
 * it again, and where the list was.
 */
import { addressOf } from './query.js';

/* createAddress(window) gives {query, saved, write, keepTop} */
export function createAddress({ history, location }) {
  return {
    /* What the address says; empty for one that says nothing. */
    query: () => new URLSearchParams(location.search),
    /* {view, top} of this entry of the history, or null for one that was not written here. */
    saved: () => history.state?.library ?? null,
    /* A new entry, or (`replace`) the same one with another view. */
    write(view, replace) {
      const text = addressOf(view);
      const url = `${location.pathname}${text ? `?${text}` : ''}`;
      const state = { library: { view, top: 0 } };
      if (replace) history.replaceState(state, '', url);
      else history.pushState(state, '', url);
    },
    keepTop(top) {
      if (history.state?.library) history.replaceState({ library: { ...history.state.library, top } }, '');
    },
  };
}
