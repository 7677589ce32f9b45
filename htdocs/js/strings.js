/*
 * strings.js - every text of the page, in one place; those of starting jobs in strings_start.js, which is loaded with them.
 */
import { ended } from './state.js';
import { num, ofTotal, plural, plainTitle, duration, rate, visible } from './format.js';

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

export const jobPages = {
  jobFilters: { all: 'All', active: 'Running and waiting', completed: 'Finished', failed: 'Failed', cancelled: 'Cancelled' },
  anyOperation: 'All operations',
  searchJobs: 'Search jobs: title, operation, id',
  pauseAll: 'Pause all',
  resumeAll: 'Resume all',
  noJobs: 'No jobs yet. Start one in the library; it is listed here, and kept for a day after its end.',
  noJobsFound: 'No job is like that.',
  clearFilter: 'Show all',
  jobsFailed: (why) => `The jobs could not be read: ${why}.`,
  newJobs: (n) => `Show ${plural(n, 'new job', 'new jobs')}`,
  more: 'Show more',
  sources: { page: 'the page', 'command line': 'the command line', api: 'a program', 'old api': 'a program', retry: 'a retry', undo: 'an undo', 'follow-up': 'the job before', watcher: 'the folder watcher' },
  startedBy: (source) => (source ? `by ${jobPages.sources[source] ?? visible(source)}` : ''),
  stateOf: (job) => (isPaused(job) ? paused : job.cancelling && !ended(job) ? cancelling : statuses[job.status] ?? job.status),
  ranFor: (seconds) => (seconds < 0.1 ? 'in no time' : `in ${duration(seconds)}`),
  preview: 'Preview',
  retry: 'Retry',
  pauseJob: 'Pause',
  resumeJob: 'Resume',
  cancelJob: 'Cancel',
  deleteJob: 'Delete',
  about: (what, job) => `${what}: ${plainTitle(job.title)}`,
  callFailed: (what, why) => `${what}: that did not work: ${why}.`.replace(/\.\.$/, '.'),
  askDelete: { title: 'Delete this job?', text: 'Its list of results goes with it. Files, and the history of changes, stay as they are.', yes: 'Delete', no: 'Keep' },
  askUndo: (job) => ({
    title: `Undo ${plainTitle(job.title)}?`,
    text: `Names, tags and marks that it changed in ${plural(job.success, 'file', 'files')} are put back, as a new job. What has changed again since then stays, and is listed.`,
    yes: 'Undo',
    no: 'Keep as it is',
  }),
  undo: 'Undo',
  undoJob: 'Undo this job',
  readingJob: 'Reading the job\u2026',
  noSuchJob: 'No such job',
  noSuchJobText: 'There is none with this id here: the address is wrong, or the job has been deleted or has aged out.',
  allJobs: 'All jobs',
  facts: { operation: 'Operation', state: 'State', source: 'Started', created: 'Made', running: 'Ran for', waited: 'Waited for', items: 'Time of all files', id: 'Id', error: 'Error', parent: 'Comes from', followed: 'Followed by', batch: 'Batch' },
  parentKinds: { retry: 'a retry of', follow_up: 'what went well in' },
  thatJob: 'another job',
  itsPage: 'its own page',
  priority: 'Priority',
  priorities: { low: 'Low', normal: 'Normal', high: 'High' },
  maxThreads: 'Files at once, at most',
  noLimit: 'no limit',
  changed: (what) => `${what}: changed.`,
  speed: 'Files per second',
  speedShort: 'Too short for a picture.',
  speedNone: 'Nothing has finished yet.',
  speedTable: 'The same as a table',
  speedColumns: ['From', 'Done', 'Failed', 'Per second'],
  speedLabel: (peak, mean) => `Files per second over time: ${rate(mean) || 'none'} on average, ${rate(peak) || 'none'} at most. The table below has the numbers.`,
  plotNames: { time: 'Time', ok: 'Done', failed: 'Failed' },
  slowest: 'Slowest files',
  reasons: 'Why files failed',
  reasonCount: (n) => `${num(n)}\u00d7`,
  otherReasons: (n) => `${plural(n, 'file', 'files')} failed for other reasons.`,
  showReason: 'Show these files',
  forReason: 'Failed for this reason:',
  results: 'Files',
  outcomes: { all: 'All', ok: 'Done', error: 'Failed' },
  searchResults: 'Search the names',
  noResults: 'No file has finished yet.',
  noResultsFound: 'No file is like that.',
  resultsUnread: (why) => `The files could not be read: ${why}.`,
  summaryUnread: (why) => `The figures could not be read: ${why}.`,
  downloadCsv: 'CSV',
  downloadJson: 'JSON',
  downloadLabel: 'Download all results',
  earlier: 'Back',
  later: 'Next',
  fromTo: (from, to) => `${num(from)} to ${num(to)}`,
  itemDone: 'Done',
  itemFailed: 'Failed',
  options: 'Options',
  took: (seconds) => (seconds < 0.0995 ? `${Math.round(seconds * 1000)} ms` : duration(seconds)),

  searchHistory: 'Search: name, title, series',
  historyOf: 'Changes of one file:',
  allChanges: 'Show all changes',
  noHistory: 'Nothing has been changed yet. Every change of a book is listed here, and can be undone.',
  noHistoryFound: 'No change is like that.',
  historyFailed: (why) => `The history could not be read: ${why}.`,
  newChanges: 'Show new changes',
  undoing: 'Undoing\u2026',
  undone: 'Undone',
  anUndo: 'Undo of an earlier change',
  undoDone: (row) => `${visible(row.after_filename ?? row.before_filename ?? '')}: the change was undone.`,
  undoLater: 'The undo takes longer; it goes on as a job.',
  undoFailed: (why) => `The change was not undone: ${why}.`.replace(/\.\.$/, '.'),
  fileHistory: 'All changes of this file',
  jobLink: 'Job',
  absent: 'none',
  deletedFile: 'deleted',
  changesOf: (n, total) => `${num(n)} of ${plural(total, 'change', 'changes')}`,
};
