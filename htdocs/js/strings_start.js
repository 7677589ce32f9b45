/*
 * strings_start.js - the texts of what is loaded when a job is started with options, looked at in detail, or has ended.
 */
import { filters, heading, scopes, show, summary } from './strings.js';
import { num, ofTotal, plural, visible } from './format.js';

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
export const startScopes = { ...scopes, ...filters, all: 'All files', selected: 'Selected', shown: 'What the list shows' };
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
