/*
 * strings_server.js - the texts of the settings, the logs and the page of the server, which are loaded with these.
 */
import { duration, num, plural, size, visible } from './format.js';

/* ---- settings ---- */

export const settingsTitle = 'Settings';
export const settingsFailed = (why) => `The settings could not be read: ${why}.`;
export const settingGroups = { names: 'Names of books', log: 'Log', other: 'Other' };
export const settingNames = {
  filename_format: 'Template of file names',
  issue_number_padding: 'Digits of the number',
  log_max_bytes: 'Size of the log that is kept',
};
export const preferencesTitle = 'Look';
export const coloursText = 'Light, dark, or as this device has it. Kept on the server, for all browsers.';
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
export const paused = 'Paused';
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
export const ago = (seconds) => `${duration(seconds)} ago`;
export const notYet = 'not yet';
export const damaged = 'damaged';

export const libraryTitle = 'Library';
export const libraryWords = { files: 'Books', processed: 'Marked', duplicates: 'Duplicates', history: 'Rows of the history', scan: 'Last look at the folder' };
export const versionsTitle = 'Versions';
export const versionWords = { longbox: 'Longbox', sqlite: 'SQLite', kernel: 'Kernel' };
