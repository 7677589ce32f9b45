/*
 * book.js - what the drawer of one book and the form for many know, apart from how they look. Pure.
 *
 * A draft is {base, edits}: `base` is what the book says (element -> text), `edits` what was typed and differs from it.
 */
import { problemOf } from './options.js';

/* The elements of ComicInfo 2.1 as a form shows them; the first group is open. */
const GROUPS = {
  main: ['Title', 'Series', 'Number', 'Count', 'Volume', 'Summary'],
  published: ['Year', 'Month', 'Day', 'Publisher', 'Imprint'],
  people: ['Writer', 'Penciller', 'Inker', 'Colorist', 'Letterer', 'CoverArtist', 'Editor', 'Translator'],
  content: ['Genre', 'Tags', 'Characters', 'Teams', 'Locations', 'MainCharacterOrTeam', 'StoryArc', 'StoryArcNumber', 'SeriesGroup'],
  kind: ['Format', 'LanguageISO', 'AgeRating', 'Manga', 'BlackAndWhite', 'CommunityRating', 'PageCount', 'GTIN', 'Web'],
  alternate: ['AlternateSeries', 'AlternateNumber', 'AlternateCount'],
  notes: ['Notes', 'Review', 'ScanInformation'],
};
const LONG = new Set(['Summary', 'Notes', 'Review', 'ScanInformation']);

export const isLong = (name) => LONG.has(name);

/* [{name, fields}] of the fields of options.js; what no group names comes last, as `other`. */
export function groupsOf(fields) {
  const known = new Map(fields.map((field) => [field.name, field]));
  const groups = Object.entries(GROUPS).map(([name, names]) => ({ name, fields: names.flatMap((one) => known.get(one) ?? []) }));
  const named = new Set(Object.values(GROUPS).flat());
  const rest = fields.filter((field) => !named.has(field.name));
  return [...groups, { name: 'other', fields: rest }].filter((group) => group.fields.length > 0);
}

/* Line ends as a text field gives them: a value that was only shown must not count as edited. */
const plain = (text) => String(text ?? '').replace(/\r\n?/g, '\n');

export const newDraft = (tags) => ({ base: { ...tags }, edits: {} });
export const valueOf = (draft, name) => draft.edits[name] ?? plain(draft.base[name]);
export const isDirty = (draft) => !!draft && Object.keys(draft.edits).length > 0;

export function edit(draft, name, text) {
  const { [name]: _, ...edits } = draft.edits;
  if (plain(text) !== plain(draft.base[name])) edits[name] = plain(text);
  return { ...draft, edits };
}

/*
 * The book was read again: {draft, conflicts}. What was typed stays, but for what the book says now as well. A conflict is a
 * typed element whose value in the book is not the one it had when it was typed over: [name].
 */
export function reread(draft, tags) {
  let next = { base: { ...tags }, edits: {} };
  for (const [name, text] of Object.entries(draft.edits)) next = edit(next, name, text);
  const conflicts = Object.keys(next.edits).filter((name) => plain(draft.base[name]) !== plain(tags[name]));
  return { draft: next, conflicts };
}

/* [{name, before, after}]; null for a tag that is not there. */
export const changesOf = (draft) =>
  Object.entries(draft.edits).map(([name, text]) => ({ name, before: draft.base[name] || null, after: text === '' ? null : text }));

/* What the server is sent: the text of each edited element, null takes it out. */
export const tagsOf = (draft) => Object.fromEntries(changesOf(draft).map(({ name, after }) => [name, after]));

/* What is wrong with values, as the schema says: name -> problem of options.js. */
export function problemsOf(fields, values) {
  const known = new Map(fields.map((field) => [field.name, field]));
  const wrong = Object.entries(values).map(([name, text]) => [name, known.has(name) ? problemOf(known.get(name), (text ?? '').trim()) : null]);
  return Object.fromEntries(wrong.filter(([, problem]) => problem));
}

/*
 * The form for many: `touched` is name -> {kind: 'set', text} or {kind: 'clear'}; what is not in it is kept. A text that is empty
 * is no wish to take the tag out, that is said with `clear`.
 */
export function touch(touched, name, wish) {
  const { [name]: _, ...rest } = touched;
  return wish && (wish.kind === 'clear' || wish.text !== '') ? { ...rest, [name]: wish } : rest;
}
export const wishesOf = (touched) => Object.fromEntries(Object.entries(touched).map(([name, wish]) => [name, wish.kind === 'clear' ? null : wish.text]));

const FIELDS = ['title', 'series', 'issue', 'publisher', 'year', 'volume'];

/* What a row of the history changed: {renamed: {before, after} | null, tags: [{name, before, after}]}. */
export function changesOfRow(row) {
  const { before_filename: before, after_filename: after } = row;
  const renamed = before !== null && after !== null && before !== after ? { before, after } : null;
  if (row.changes) return { renamed, tags: Object.entries(row.changes).map(([name, [was, is]]) => ({ name, before: was, after: is })) };
  const pairs = FIELDS.map((name) => ({ name: name[0].toUpperCase() + name.slice(1), before: row[`before_${name}`], after: row[`after_${name}`] }));
  return { renamed, tags: pairs.filter((pair) => (pair.before ?? '') !== (pair.after ?? '')) };
}

/* The path of a file's calls. By its id, which stays the same when it is renamed. */
export const filePath = (file, rest = '') => `api/file/${encodeURIComponent(file.file_id)}${rest}`;
export const callPath = (call, file) => `api/${call}/${encodeURIComponent(file.file_id)}`;
