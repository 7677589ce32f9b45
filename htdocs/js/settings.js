/*
 * settings.js - what may stand in the field of a setting, and which settings stand together. Pure.
 */
import * as texts from './strings.js';

const GROUPS = { filename_format: 'names', issue_number_padding: 'names', watcher_enabled: 'arrivals', log_max_bytes: 'log' };

/* [[group, settings]], in the order of the texts; a setting that the page does not know is in the last. */
export function grouped(settings) {
  return Object.keys(texts.settingGroups)
    .map((group) => [group, settings.filter((setting) => (GROUPS[setting.key] ?? 'other') === group)])
    .filter(([, list]) => list.length > 0);
}

/* What was typed, as a value for the server: {value} or {error}. */
export function parseDraft(setting, draft) {
  if (setting.type === 'string') {
    if (draft === '' && setting.min > 0) return { error: texts.needText };
    const bytes = new TextEncoder().encode(draft).length;
    return bytes < setting.min || bytes > setting.max ? { error: texts.needRange(setting) } : { value: draft };
  }
  const text = draft.trim();
  if (!/^[+-]?\d{1,15}$/.test(text)) return { error: texts.needWhole };
  const value = Number(text);
  return value < setting.min || value > setting.max ? { error: texts.needRange(setting) } : { value };
}

/* The settings with some new values, as an event of the stream brings them. */
export const withValues = (settings, values) =>
  settings.map((setting) => (Object.hasOwn(values, setting.key) ? { ...setting, value: values[setting.key] } : setting));
