/*
 * preferences.js - what the user chose, kept on the server; the colours also in this browser, so that they are
 * right before the first answer.
 */
import * as texts from './strings.js';
import { theme, notify } from './store.js';

export function createPreferences({ api, memory }) {
  async function save(preferences) {
    try {
      await api.post('api/preferences', preferences, { tries: 3 });
    } catch (error) {
      notify('error', texts.saveFailed(error.text), null, 'save');
    }
  }

  function applyTheme(name) {
    theme.value = name in texts.themes ? name : 'system';
    if (theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  }

  return {
    save,
    /* Applies the theme, and gives all preferences; none when the server does not answer. */
    async read() {
      applyTheme(memory.get('theme') ?? 'system');
      const saved = await api.get('api/preferences').catch(() => ({}));
      if (saved.theme) applyTheme(saved.theme);
      return saved;
    },
    setTheme(name) {
      applyTheme(name);
      memory.set('theme', theme.value);
      void save({ theme: theme.value === 'system' ? null : theme.value });
    },
  };
}
