/*
 * strings.js - every text of the page, in one place. Each part of the page gets its own copy of what it names (build.mjs).
 */
import { ended } from './state.js';
import { duration, num, ofTotal, plainTitle, plural, rate, size, visible } from './format.js';

const DOING = { process: 'Processing', rename: 'Renaming', normalize: 'Normalizing' };
const WHICH = { all: '', selected: 'Selected ', unmarked: 'Unmarked ' };

export const operations = [
  { name: 'process', title: 'Process', hint: 'Metadata first, then the file name' },
  { name: 'rename', title: 'Rename', hint: 'File name only, from the metadata' },
  { name: 'normalize', title: 'Normalize', hint: 'Metadata only: title, series, number' },
];

export const scopes = { all: 'All', selected: 'Selected', unmarked: 'Unmarked' };
export const filters = { all: 'All', marked: 'Marked', unmarked: 'Unmarked', duplicates: 'Duplicates', problems: 'Problems' };
export const sorts = { name: 'Name', date: 'Modified', size: 'Size' };
export const marks = { marked: 'Marked', unmarked: 'Unmarked', duplicate: 'Duplicate' };
export const themes = { system: 'System', light: 'Light', dark: 'Dark' };

export const qualities = {
  live: { text: 'Live', hint: 'Changes arrive as they happen' },
  reconnecting: { text: 'Reconnecting', hint: 'The live connection is being made again' },
  polling: { text: 'Polling', hint: 'No live connection; the page asks the server regularly' },
  offline: { text: 'Offline', hint: 'The server cannot be reached; the page keeps trying' },
};

export const statuses = {
  queued: 'Waiting to start',
  processing: 'Running',
  completed: 'Finished',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const isPaused = (job) => !!job.paused && !ended(job);

export const jobTitle = (operation, scope) => `${DOING[operation]} ${WHICH[scope]}Files...`;

export const show = 'Show';
export const badAnswer = 'The answer of the server was not understood.';
export const startFailed = (title, why) => `${plainTitle(title)} did not start: ${why}.`.replace(/\.\.$/, '.');
export const startLost = (title) =>
  `${plainTitle(title)}: the server could not be reached, so it probably did not start. Look at the list and try again.`;
export const cancelFailed = (why) => `The job could not be cancelled: ${why}. It goes on; try again.`;
export const pauseFailed = (paused, why) => `The job could not be ${paused ? 'paused' : 'resumed'}: ${why}. Try again.`;
export const held = (why) => `On hold: ${visible(why)}. Nothing has failed; it goes on by itself.`;
export const details = 'Details';
export const jobPage = 'Page of this job';
export const priorityFailed = (why) => `The priority could not be changed: ${why}. Try again.`;
export const retryFailed = (why) => `The failed files were not taken again: ${why}. Try again.`;
export const driveFailed = (why) => `Who drives the batch could not be changed: ${why}. Try again.`;
export const followUpFailed = (operation, why) => `${visible(operation)} was not started: ${why}. Try again.`;
export const pausing = 'Pausing: running files finish';
export const paused = 'Paused';
export const retryLabel = (job, n) => `${job.errors === n ? 'Retry failed' : 'Run the rest'} (${num(n)})`;
export const resumeFailed = (why) => `Running jobs could not be asked for: ${why}. They appear as soon as the server answers.`;
export const listFailed = (why) => `The list could not be read: ${why}. What is shown may be old.`;
export const resultsFailed = (why) => `The failed files could not be read: ${why}.`;
export const saveFailed = (why) => `The setting works here but was not saved: ${why}.`;
export const unreachable = 'The server cannot be reached. Trying again; what runs there goes on without this page.';
export const retry = 'Try again';

export const confirmTitle = (operation, n) => `${operation.title} all ${plural(n, 'file', 'files')}?`;
export const confirmText = {
  process: 'Metadata in the files and their names are changed to match.',
  rename: 'File names are changed to match the metadata.',
  normalize: 'Title, series and number in the files are changed.',
};

/* "23 of 25 files done, 2 failed, in 41 s" */
export function summary(job) {
  const parts = [`${num(job.success)} of ${plural(job.total, 'file', 'files')} done`];
  if (job.errors) parts.push(`${num(job.errors)} failed`);
  const rest = job.total - job.success - job.errors;
  if (rest > 0) parts.push(`${num(rest)} not touched`);
  const took = job.completed_at && job.started_at ? duration(Math.max(0.1, job.completed_at - job.started_at)) : '';
  return `${parts.join(', ')}${took ? `, in ${took}` : ''}`;
}

const stateWord = (job) => (isPaused(job) ? paused : statuses[job.status] ?? job.status).toLowerCase();
export const heading = (job) => `${plainTitle(job.title)}${job.status === 'processing' && !job.paused ? '' : `: ${stateWord(job)}`}`;
export const endedAway = (job) => `${plainTitle(job.title)} ended while you were away: ${summary(job)}.`;
export const spoken = (job, isEnded) =>
  isEnded ? `${heading(job)}. ${summary(job)}.` : `${plainTitle(job.title)}: ${ofTotal(job.processed, job.total)}${job.errors ? `, ${num(job.errors)} failed` : ''}`;

/* ---- the connection ---- */

export const updatedWord = 'updated';
export const ago = (seconds) => `${duration(seconds)} ago`;
const updated = (seconds) => `${updatedWord} ${ago(seconds)}`;
export const stale = (newsSeconds, checkedSeconds) =>
  newsSeconds - checkedSeconds > 3 ? `${updated(newsSeconds)}, checked ${ago(checkedSeconds)}` : updated(newsSeconds);

/* What the watchdog did. */
export const acted = {
  silent: 'The live connection had fallen silent, so the page asked the server. What is shown is right; a new connection is being made.',
  lost: 'There is no live connection for now, so the page asks the server every few seconds. Nothing is lost.',
};

/* ---- the frame ---- */

export const nav = { library: 'Library', jobs: 'Jobs', history: 'History', settings: 'Settings', logs: 'Logs', server: 'Server' };
export const navLabel = 'Main';
export const colours = 'Colours';
export const skip = 'To the content';
export const allFiles = 'All files';
export const nowhere = 'There is no such page here.';
export const loadingPart = 'Loading\u2026';
export const partFailed = 'This part of the page could not be loaded. The server may be away, or has another version by now.';
export const reload = 'Load the page again';

/* ---- the library ---- */

export const listSearch = 'Search names and folders';
export const listShow = 'Show';
export const listOrder = 'Order';
export const listPerPage = 'Per page';
export const listEverything = 'All';
export const listCovers = 'Covers';
export const listFiles = 'Files';
export const listStatus = 'Status';
export const listReading = 'Reading the library\u2026';
export const listNotHere = 'The list is not here yet.';
export const listNoMatch = 'No file matches this search.';
export const listNoneHere = 'No file here has this mark.';
export const listNoBooks = 'No comics yet. Files put into the library folder appear here.';
export const listClear = 'Clear';
export const listEdit = 'Edit tags';
export const listRemove = 'Delete';
export const listSelectAll = 'Select all that match';
export const listSelectPage = 'Select all on this page';
export const listSelecting = 'Selecting\u2026';
export const listSelected = (n) => `${num(n)} selected`;
export const listAllMatch = (n) => `All ${plural(n, 'file', 'files')} that match ${n === 1 ? 'is' : 'are'} selected`;
export const listMatchBut = (n, but) => `All that match but ${num(but)} are selected: ${num(n)}`;
export const listMatchHint = 'A job takes what matches when it starts.';
export const listSelect = (name) => `Select ${name}`;
export const listProblems = (n) => plural(n, 'problem', 'problems');
export const listPages = 'Pages';
export const listPage = (n) => `Page ${n}`;
export const listPrevious = 'Previous page';
export const listNext = 'Next page';
export const listFolders = 'Folders';
export const listAllFolders = 'All folders';
export const listMoreFolders = 'More folders';
export const listBadFolder = 'The name of this folder is not valid text. Its books can be found by a search.';
export const rangeFailed = (why) => `The range was not selected: ${why}. Try again.`;

/* ---- the page of a batch ---- */

export const batchPage = 'Batch';
export const loading = 'Reading the job\u2026';
export const cancel = 'Cancel job';
export const cancelling = 'Cancelling\u2026';
export const clientDrives = 'The page of this batch, or a script, runs its items.';
export const openBatch = 'Open its page';
export const serverDrives = 'The server runs the items. This page may be closed.';
export const toServer = 'Let the server finish it';
export const toClient = 'Run it from this page';
export const itemStates = { waiting: 'Waiting', running: 'Running', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' };
export const parents = { retry: 'Takes what was not done again of', follow_up: 'Follows' };
export const parentLink = 'another job';

/* Who runs the items of a batch that clients drive; `lead` is of lead.js, `driving` of drive.js. */
export function driver(lead, driving, job) {
  if (job.cancelling) return 'What runs is asked to stop.';
  if (job.paused) return 'Nothing new is started until the batch is resumed.';
  if (lead === 'other') return 'Another tab of this browser runs the items. If it is closed, this one goes on.';
  if (lead === 'nobody') return 'No tab runs the items yet.';
  if (driving === 'waiting') return 'This tab waits: the last items are running.';
  if (driving === 'away') return 'This tab runs the items, and tries again as soon as the server answers.';
  return 'This tab runs the items, one after the other. Keep it open, or let the server finish.';
}

/* ---- starting any operation: the rest is in strings_start.js ---- */

export const moreOperations = 'More operations and options\u2026';
/* ---- jobs and history ---- */

export const jobsJobFilters = { all: 'All', active: 'Running and waiting', completed: 'Finished', failed: 'Failed', cancelled: 'Cancelled' };
export const jobsAnyOperation = 'All operations';
export const jobsSearchJobs = 'Search jobs: title, operation, id';
export const jobsPauseAll = 'Pause all';
export const jobsResumeAll = 'Resume all';
export const jobsNoJobs = 'No jobs yet. Start one in the library; it is listed here, and kept for a day after its end.';
export const jobsNoJobsFound = 'No job is like that.';
export const jobsClearFilter = 'Show all';
export const jobsJobsFailed = (why) => `The jobs could not be read: ${why}.`;
export const jobsNewJobs = (n) => `Show ${plural(n, 'new job', 'new jobs')}`;
export const jobsMore = 'Show more';
export const jobsSources = { page: 'the page', 'command line': 'the command line', api: 'a program', 'old api': 'a program', retry: 'a retry', undo: 'an undo', 'follow-up': 'the job before', watcher: 'the folder watcher' };
export const jobsStartedBy = (source) => (source ? `by ${jobsSources[source] ?? visible(source)}` : '');
export const jobsStateOf = (job) => (isPaused(job) ? paused : job.cancelling && !ended(job) ? cancelling : statuses[job.status] ?? job.status);
export const jobsRanFor = (seconds) => (seconds < 0.1 ? 'in no time' : `in ${duration(seconds)}`);
export const jobsPreview = 'Preview';
export const jobsRetry = 'Retry';
export const jobsPauseJob = 'Pause';
export const jobsResumeJob = 'Resume';
export const jobsCancelJob = 'Cancel';
export const jobsDeleteJob = 'Delete';
export const jobsAbout = (what, job) => `${what}: ${plainTitle(job.title)}`;
export const jobsCallFailed = (what, why) => `${what}: that did not work: ${why}.`.replace(/\.\.$/, '.');
export const jobsAskDelete = { title: 'Delete this job?', text: 'Its list of results goes with it. Files, and the history of changes, stay as they are.', yes: 'Delete', no: 'Keep' };
export const jobsAskUndo = (job) => ({
  title: `Undo ${plainTitle(job.title)}?`,
  text: `Names, tags and marks that it changed in ${plural(job.success, 'file', 'files')} are put back, as a new job. What has changed again since then stays, and is listed.`,
  yes: 'Undo',
  no: 'Keep as it is',
});
export const jobsUndo = 'Undo';
export const jobsUndoJob = 'Undo this job';
export const jobsReadingJob = 'Reading the job\u2026';
export const jobsNoSuchJob = 'No such job';
export const jobsNoSuchJobText = 'There is none with this id here: the address is wrong, or the job has been deleted or has aged out.';
export const jobsAllJobs = 'All jobs';
export const jobsFacts = { operation: 'Operation', state: 'State', source: 'Started', created: 'Made', running: 'Ran for', waited: 'Waited for', items: 'Time of all files', id: 'Id', error: 'Error', parent: 'Comes from', followed: 'Followed by', batch: 'Batch' };
export const jobsParentKinds = { retry: 'a retry of', follow_up: 'what went well in' };
export const jobsThatJob = 'another job';
export const jobsItsPage = 'its own page';
export const jobsPriority = 'Priority';
export const jobsPriorities = { low: 'Low', normal: 'Normal', high: 'High' };
export const jobsMaxThreads = 'Files at once, at most';
export const jobsNoLimit = 'no limit';
export const jobsChanged = (what) => `${what}: changed.`;
export const jobsSpeed = 'Files per second';
export const jobsSpeedShort = 'Too short for a picture.';
export const jobsSpeedNone = 'Nothing has finished yet.';
export const jobsSpeedTable = 'The same as a table';
export const jobsSpeedColumns = ['From', 'Done', 'Failed', 'Per second'];
export const jobsSpeedLabel = (peak, mean) => `Files per second over time: ${rate(mean) || 'none'} on average, ${rate(peak) || 'none'} at most. The table below has the numbers.`;
export const jobsPlotNames = { time: 'Time', ok: 'Done', failed: 'Failed' };
export const jobsSlowest = 'Slowest files';
export const jobsReasons = 'Why files failed';
export const jobsReasonCount = (n) => `${num(n)}\u00d7`;
export const jobsOtherReasons = (n) => `${plural(n, 'file', 'files')} failed for other reasons.`;
export const jobsShowReason = 'Show these files';
export const jobsForReason = 'Failed for this reason:';
export const jobsResults = 'Files';
export const jobsOutcomes = { all: 'All', ok: 'Done', error: 'Failed' };
export const jobsSearchResults = 'Search the names';
export const jobsNoResults = 'No file has finished yet.';
export const jobsNoResultsFound = 'No file is like that.';
export const jobsResultsUnread = (why) => `The files could not be read: ${why}.`;
export const jobsSummaryUnread = (why) => `The figures could not be read: ${why}.`;
export const jobsDownloadCsv = 'CSV';
export const jobsDownloadJson = 'JSON';
export const jobsDownloadLabel = 'Download all results';
export const jobsEarlier = 'Back';
export const jobsLater = 'Next';
export const jobsFromTo = (from, to) => `${num(from)} to ${num(to)}`;
export const jobsItemDone = 'Done';
export const jobsItemFailed = 'Failed';
export const jobsOptions = 'Options';
export const jobsTook = (seconds) => (seconds < 0.0995 ? `${Math.round(seconds * 1000)} ms` : duration(seconds));
export const jobsSearchHistory = 'Search: name, title, series';
export const jobsHistoryOf = 'Changes of one file:';
export const jobsAllChanges = 'Show all changes';
export const jobsNoHistory = 'Nothing has been changed yet. Every change of a book is listed here, and can be undone.';
export const jobsNoHistoryFound = 'No change is like that.';
export const jobsHistoryFailed = (why) => `The history could not be read: ${why}.`;
export const jobsNewChanges = 'Show new changes';
export const jobsUndoing = 'Undoing\u2026';
export const jobsUndone = 'Undone';
export const jobsAnUndo = 'Undo of an earlier change';
export const jobsUndoDone = (row) => `${visible(row.after_filename ?? row.before_filename ?? '')}: the change was undone.`;
export const jobsUndoLater = 'The undo takes longer; it goes on as a job.';
export const jobsUndoFailed = (why) => `The change was not undone: ${why}.`.replace(/\.\.$/, '.');
export const jobsFileHistory = 'All changes of this file';
export const jobsJobLink = 'Job';
export const jobsAbsent = 'none';
export const jobsDeletedFile = 'deleted';
export const jobsChangesOf = (n, total) => `${num(n)} of ${plural(total, 'change', 'changes')}`;

/* ---- previews ---- */

export const previewTitle = 'Preview';
export const previewRunning = 'Looking at the files; nothing is changed.';
export const previewSummary = (job) =>
  job.status === 'completed' ? `${plural(job.total, 'file', 'files')} looked at, nothing changed so far.` : `Stopped after ${ofTotal(job.processed, job.total)}.`;
export const previewFilter = 'Show';
export const previewFilters = { all: 'All', changes: 'Changes', nothing: 'Nothing to do', problems: 'Problems' };
export const previewSearch = 'Search the files';
export const previewHeads = ['Now', 'Then', 'What'];
export const previewKinds = { changes: 'Changes', nothing: 'Nothing to do', duplicate: 'Duplicate', failed: 'Cannot be done' };
export const previewAbsent = 'none';
export const previewBecomes = 'becomes';
export const previewFailed = (why) => `The results could not be read: ${why}.`;
export const previewNone = 'No file here.';
export const previewMore = (looked, total) => `Show more (${ofTotal(looked, total)} looked through)`;
export const previewChanged = 'Files have changed since this preview was made. What is done may differ.';
export const previewCannot = 'What this operation does cannot be known before it runs, so there is no preview.';
export const previewRefused = (why) => `No preview: ${why}.`;
export const previewNotApplied = (why) => `It was not started: ${why}.`;
export const previewApply = 'Apply';
export const previewApplyChanged = 'Apply all the same';
export const previewSkip = 'Start without a preview';
export const previewAgain = 'Preview again';
export const previewCancel = 'Cancel';
export const previewClose = 'Close';

/* ---- starting any operation ---- */

export const startTitle = 'Start an operation';
export const startOperation = 'Operation';
export const startScope = 'On';
export const startScopes = { all: 'All files', selected: 'Selected', unmarked: 'Unmarked', marked: 'Marked', duplicates: 'Duplicates', problems: 'Problems', shown: 'What the list shows' };
export const startItems = 'Items, one a line';
export const startOptions = 'Options';
export const startNoOptions = 'This operation has no options.';
export const startMore = 'Priority, threads, title';
export const startFields = { priority: 'Priority', max_threads: 'At most so many at once', title: 'Title' };
export const startHints = { max_threads: 'Empty: no limit', title: 'Empty: named after the operation' };
export const priorities = { low: 'Low', normal: 'Normal', high: 'High' };
export const startGo = 'Start';
export const startPreview = 'Preview first';
export const startClose = 'Close';
export const startRefused = (why) => `It was not started: ${why}.`;
export const startNoOperations = 'What the server can do is not known yet. It is asked again when the page is loaded.';
export const optionDefault = (value) => (value === undefined ? 'Default' : `Default: ${value}`);
export const optionYesNo = { yes: 'Yes', no: 'No' };
export const optionName = 'Name';
export const optionValue = 'Value';
export const optionRemove = 'empty: takes it out';
export const optionAdd = 'Add';
export const optionDrop = (name) => `Leave out ${visible(name) || 'this line'}`;

/* "padding" -> "Padding", "max_threads" -> "Max threads" */
export const optionLabel = (name) => visible(name).replaceAll('_', ' ').replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());

/* A sentence for what problemOf() of options.js found. */
export function optionError({ code, min, max, not, n, at }) {
  const range = min === undefined ? `at most ${num(max)}` : max === undefined ? `at least ${num(min)}` : `${num(min)} to ${num(max)}`;
  const text = {
    missing: 'This is needed',
    integer: 'A whole number is needed',
    number: 'A number is needed',
    range: `It must be ${range}${not === undefined ? '' : `, but not ${num(not)}`}`,
    enum: 'This is none of its values',
    short: `At least ${plural(n, 'character is', 'characters are')} needed`,
    long: `At most ${plural(n, 'character', 'characters')}`,
    pattern: 'It does not have the right form',
    few: `At least ${num(n)} needed`,
    many: `At most ${num(n)}`,
    twice: 'It is there twice',
  }[code];
  return `${at ? `${visible(at)}: ` : ''}${text}.`;
}

/* ---- details of the followed job ---- */

export const runFollowUp = (n) => `Then, over ${n === 1 ? 'the one' : `the ${num(n)}`} that went well:`;
export const showFollowUp = (label) => `${label}: show the job`;
export const followUpComes = (label) => `${label} follows by itself\u2026`;
export const results = 'Results';
export const outcomes = { all: 'All', error: 'Failed', ok: 'Done' };
export const resultsNone = 'No result here.';
export const resultsOlder = (n) => `Show older ones (${num(n)})`;

/* ---- the end of a job ---- */

export const noticesTitle = 'When a job ends';
export const noticesNotify = 'Notify me when I am elsewhere';
export const noticesTone = 'Play a short tone';
export const noticesAll = 'Also of jobs that nobody started or watched in this browser';
export const noticesWhy = {
  insecure: 'Notifications need an address with https, or localhost.',
  absent: 'This browser has no notifications.',
  denied: 'Notifications are blocked for this address in the settings of the browser.',
};
export const endTitle = heading;
export const endBody = summary;
export const endShow = show;

/* ---- one book, many books, deleting ---- */

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
export const manyClearLabel = (name) => `Clear ${tagLabel(name)} in all of them`;
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

/* ---- settings ---- */

export const settingsTitle = 'Settings';
export const settingsFailed = (why) => `The settings could not be read: ${why}.`;
export const settingGroups = { names: 'Names of books', arrivals: 'New books', log: 'Log', other: 'Other' };
export const settingNames = {
  filename_format: 'Template of file names',
  issue_number_padding: 'Digits of the number',
  log_max_bytes: 'Size of the log that is kept',
  watcher_enabled: 'Process new books by themselves',
};
export const preferencesTitle = 'Look';
export const coloursText = 'Light, dark, or as this device has it. Kept on the server, for all browsers.';
export const showCovers = 'Covers in the list';
export const keepPage = 'Keep the page in this browser, so that it opens while the server is away';
export const rangeOf = (setting) =>
  setting.type === 'string'
    ? `${num(setting.min)} to ${num(setting.max)} bytes of text`
    : `${num(setting.min)} to ${num(setting.max)}${setting.unit ? ` ${setting.unit}` : ''}`;
export const alsoAs = (setting, value) => (setting.unit === 'bytes' ? `${size(Number(value))}` : '');
export const defaultIs = (setting) => `Default: ${setting.type === 'string' ? visible(setting.default) : num(setting.default)}`;
export const save = 'Save';
export const saving = 'Saving\u2026';
export const saved = 'Saved';
export const reset = 'Back to the default';
export const undoTyping = 'Undo';
export const changedElsewhere = (value) => `Meanwhile changed elsewhere to: ${visible(value)}`;
export const takeIt = 'Take that';
export const needWhole = 'This must be a whole number.';
export const needRange = (setting) => `This must be ${rangeOf(setting)}.`;
export const needText = 'This must not be empty.';
export const notSaved = (why) => `Not saved: ${why}.`.replace(/\.\.$/, '.');

export const samplesTitle = 'What it gives';
export const showSamples = 'Show it on some books';
export const samplesRunning = 'Trying it on some books; nothing is changed\u2026';
export const samplesNone = 'There are no books to try it on.';
export const samplesFailed = (why) => `It could not be tried: ${why}.`.replace(/\.\.$/, '.');
export const samplesHeads = ['Now', 'Then'];
export const sampleSame = 'the same';
export const sampleTaken = 'that name is taken';

export const fixedTitle = 'Configuration of the server';
export const fixedText = 'What the server was started with. It is changed in its configuration file, longbox.yaml, in the environment, or by flags.';
export const fixedShow = (n, changed) => `Show all ${plural(n, 'key', 'keys')} (${changed ? `${num(changed)} not as by default` : 'all as by default'})`;
export const fixedHeads = ['Key', 'Value', 'Meaning', 'Takes effect'];
export const applies = { reload: 'after a reload (SIGHUP)', restart: 'after a restart' };
export const valueOf = ({ type, value, unit }) => {
  if (type === 'boolean') return value ? 'yes' : 'no';
  if (type === 'string') return value === '' ? 'not set' : visible(value);
  return `${num(value)}${unit ? ` ${unit}` : ''}`;
};

/* ---- logs ---- */

export const logsTitle = 'Logs';
export const logTypes = { basic: 'Basic', debug: 'With debug' };
export const logType = 'Kind';
export const logLines = 'Lines';
export const logLevel = 'Level';
export const logLevels = { debug: 'All', info: 'Info and above', warn: 'Warnings and errors', error: 'Errors' };
export const logSearch = 'Filter the lines';
export const logFollow = 'Follow';
export const logToEnd = 'To the newest line';
export const logCopy = 'Copy';
export const logCopied = 'Copied';
export const logCopyFailed = 'The browser did not allow it; mark the lines and copy them.';
export const logSave = 'Download';
export const logFile = 'longbox.log';
export const logNothing = 'No line fits.';
export const logEmpty = 'The log is empty.';
export const logDebugOff = 'There are lines of level debug only while the configuration has log_level: debug.';
export const logFailed = (why) => `The log could not be read: ${why}. Trying again.`;
export const logCount = (shown, read, total) =>
  `${shown === read ? plural(read, 'line', 'lines') : `${num(shown)} of ${plural(read, 'line', 'lines')}`}${total > read ? `, the newest of ${num(total)} that are kept` : ''}`;
export const logStates = { following: 'Following', stopped: 'Not following', scrolled: 'Not following: scrolled up' };

/* ---- the server ---- */

export const serverTitle = 'Server';
export const serverFailed = (why) => `How the server is could not be asked: ${why}. Trying again.`;
export const overall = { healthy: 'Everything works', unhealthy: 'Something is wrong' };
export const heldBy = (reason) => `Jobs wait and go on by themselves when this is over: ${reason}`;
export const up = (seconds) => `up for ${duration(seconds)}`;
export const checksTitle = 'Checks';
export const checks = {
  watched_dir: { name: 'Library folder', ok: 'can be read', bad: { error: 'cannot be read: is the disk there, and may the service read it?' } },
  database: { name: 'Databases', ok: 'can be read and written', bad: { error: 'cannot be read; the log says why' } },
  watcher: { name: 'Watch over the library', ok: 'new and changed files are found', bad: { error: 'the folder was not read for too long, or not wholly' } },
  workers: { name: 'Workers', ok: 'all are ready', bad: { error: 'none is ready' } },
  frontend: { name: 'Front end', ok: 'runs', bad: { error: 'does not run' } },
};
export const good = 'Good';
export const bad = 'Not good';

export const workersTitle = 'Workers';
export const workerHeads = ['Slot', 'State', 'Process', 'Up for', 'Restarts', 'Items now', 'Items done', 'Streams', 'Memory'];
export const workerStates = { empty: 'Empty', starting: 'Starting', ready: 'Ready', draining: 'Ending', backing_off: 'Waits before the next start' };
export const restarts = (restarted, crashes) => (crashes ? `${num(restarted)}, ${plural(crashes, 'crash', 'crashes')}` : num(restarted));
export const itemsDone = (done, failed) => (failed ? `${num(done)}, ${num(failed)} failed` : num(done));
export const streams = (clients, lag) => (lag > 0 ? `${num(clients)}, ${plural(lag, 'event', 'events')} behind` : num(clients));
export const frontEnd = 'Front end';
export const none = '\u2013';

export const queueTitle = 'Jobs';
export const jobWords = { queued: 'Waiting to start', processing: 'Running', completed: 'Finished', failed: 'Failed', cancelled: 'Cancelled' };
export const itemsRunning = 'Items that run';
export const itemsWaiting = 'Items that wait';
export const openStreams = 'Open event streams';
export const unknown = 'cannot be read';

export const disksTitle = 'Disks';
export const diskHeads = ['Of', 'Folder', 'Free', 'In all'];
export const disks = { library: 'Library', state: 'State' };
export const free = (freeBytes, total) => `${size(freeBytes)}${total > 0 ? ` (${num(Math.floor((freeBytes * 100) / total))} %)` : ''}`;

export const storesTitle = 'Databases';
export const storeHeads = ['File', 'Size', 'Log', 'Last checkpoint', 'Writes', 'Longest wait'];
export const notYet = 'not yet';
export const damaged = 'damaged';

export const libraryTitle = 'Library';
export const libraryWords = { files: 'Books', processed: 'Marked', duplicates: 'Duplicates', history: 'Rows of the history', scan: 'Last look at the folder' };
export const versionsTitle = 'Versions';
export const versionWords = { longbox: 'Longbox', sqlite: 'SQLite', kernel: 'Kernel' };
