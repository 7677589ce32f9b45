/*
 * strings_book.js - the texts of the drawer of one book, of the form for many, and of deleting; loaded with them.
 */
import { num, plural, visible } from './format.js';

export const bookClose = 'Close';
export const bookPrevious = 'Previous file';
export const bookNext = 'Next file';
export const bookCover = (name) => `Cover of ${visible(name)}`;
export const bookNoCover = 'No cover';
export const bookFacts = { folder: 'Folder', size: 'Size', modified: 'Modified', pages: 'Pages', mark: 'Status' };
export const bookTop = 'Top of the library';
export const bookReading = 'Reading the book\u2026';
export const bookProblems = (n) => `${plural(n, 'problem', 'problems')} found by Verify`;
export const bookUnreadable = (why) => `Its tags cannot be read: ${why}.`.replace(/\.\.$/, '.');
export const bookGone = 'This file is not there any more.';
export const bookAgain = 'Try again';
export const bookTags = 'Tags';
export const bookHistory = 'History';
export const bookActions = { 'process-file': 'Process', 'rename-file': 'Rename', 'normalize-file': 'Normalize' };
export const bookActionsLabel = 'With this file';
export const bookActionDone = { 'process-file': 'Processed.', 'rename-file': 'Renamed.', 'normalize-file': 'Normalized.' };
export const bookActionFailed = (call, why) => `${bookActions[call]} did not work: ${why}.`.replace(/\.\.$/, '.');
export const bookWaits = 'Another job has this book, so this waits its turn. It goes on by itself, also when this page is closed.';
export const bookDirtyFirst = 'Save or discard what you typed first.';
export const bookDelete = 'Delete\u2026';

export const tagGroups = {
  main: 'Story', published: 'Published', people: 'People', content: 'Content', kind: 'Kind', alternate: 'Alternate numbering', notes: 'Notes',
  other: 'Other',
};
const LABELS = { LanguageISO: 'Language (ISO code)', GTIN: 'GTIN', BlackAndWhite: 'Black and white', MainCharacterOrTeam: 'Main character or team', PageCount: 'Page count' };
/* "CoverArtist" as "Cover artist" */
export const tagLabel = (name) => LABELS[name] ?? visible(name).replace(/(?<=.)\p{Lu}/gu, (letter) => ` ${letter.toLowerCase()}`);
export const tagNone = 'not set';
export const tagEmpty = '\u2014';
export const tagsReview = 'Save\u2026';
export const tagsReviewTitle = 'This will change';
export const tagsWrite = 'Write to the book';
export const tagsBack = 'Back';
export const tagsDiscard = 'Discard';
export const tagsUnsaved = (n) => `${plural(n, 'change', 'changes')} not saved`;
export const tagsKept = 'What you typed before is still here.';
export const tagsSaved = 'Saved.';
export const tagsFailed = (why) => `Not saved: ${why}.`.replace(/\.\.$/, '.');
export const tagsConflict = 'Changed elsewhere meanwhile. The book says now:';
export const tagsTakeTheirs = 'Take this';
export const tagsConflicts = (n) => `${plural(n, 'value was', 'values were')} changed elsewhere while you typed. Look at them, then save again.`;
export const tagsSaveClean = 'The book says all of it already.';
export const becomes = 'becomes';
export const leaveTitle = 'Discard what you typed?';
export const leaveText = (n) => `${plural(n, 'change is', 'changes are')} not saved.`;
export const leaveStay = 'Keep editing';
export const leaveGo = 'Discard';

const VERBS = {
  process: 'Processed', rename: 'Renamed', normalize: 'Normalized', tag: 'Tags set', undo: 'Undone', convert: 'Converted', repair: 'Repaired',
  delete: 'Deleted',
};
export const historyVerb = (operation) => VERBS[operation] ?? visible(operation);
export const historyNone = 'Nothing was changed in this book yet.';
export const historyFailed = (why) => `The history could not be read: ${why}.`.replace(/\.\.$/, '.');
export const historyMore = (n) => `Show all ${num(n)}`;
export const historyUndo = 'Undo';
export const historyUndoLabel = (what, when) => `Undo: ${what}, ${when}`;
export const historyUndone = 'Undone.';
export const historyUndoFailed = (why) => `Not undone: ${why}.`.replace(/\.\.$/, '.');
export const historyName = 'Name';

export const manyTitle = (n) => `Edit tags of ${plural(n, 'file', 'files')}`;
export const manyHint = 'Only what you fill in or clear is changed. Everything else stays as it is in each book.';
export const manyKeep = 'Keep';
export const manyClear = 'Clear';
export const manyClearLabel = (name) => `Take ${tagLabel(name)} out of all of them`;
export const manyCleared = 'is taken out';
export const manyPreview = 'Preview';
export const manyCancel = 'Cancel';
export const manyNothing = 'Nothing is filled in yet.';
export const manyLoading = 'The server has not said yet what can be set.';

export const deleteTitle = (n) => (n === 1 ? 'Delete this file?' : `Delete ${num(n)} files?`);
export const deleteToTrash = (n) => `${n === 1 ? 'It goes' : 'They go'} to the trash folder of the server. Nothing there is overwritten.`;
export const deleteForGood = (n) => `There is no trash folder: ${n === 1 ? 'it is' : 'they are'} gone for good.`;
export const deleteAsking = 'Asking the server where deleted files go\u2026';
export const deleteNo = 'Keep';
export const deleteYes = (final) => (final ? 'Delete for good' : 'Move to the trash');
export const deleted = (name, final) => `${visible(name)} was ${final ? 'deleted' : 'moved to the trash'}.`;
export const deleteWaits = (name) => `${visible(name)} is deleted as soon as the job that has it is done.`;
export const deleteFailed = (why) => `Not deleted: ${why}.`.replace(/\.\.$/, '.');
