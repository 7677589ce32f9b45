/*
 * format.js - numbers, times and names as people read them. Pure.
 */
const number = new Intl.NumberFormat('en');
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const num = (value) => number.format(value);
export const ofTotal = (done, total) => `${num(done)} of ${num(total)}`;
export const plural = (n, one, many) => `${num(n)} ${n === 1 ? one : many}`;

/* Whole percent, rounded down, so that 100 is said only when it is done. */
export const percent = (value) => `${Math.floor(value)} %`;

export function size(bytes) {
  if (!Number.isFinite(bytes) || bytes < 0) return '';
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? num(Math.round(value)) : oneDigit.format(value)} ${units[unit]}`;
}

/* "14.2 files/s", or per minute when slower than one in two seconds. */
export function rate(perSecond) {
  if (!(perSecond > 0)) return '';
  if (perSecond >= 0.5) return `${perSecond >= 100 ? num(Math.round(perSecond)) : oneDigit.format(perSecond)} files/s`;
  return `${oneDigit.format(perSecond * 60)} files/min`;
}

/* "about 2 min left"; coarse, because it is a guess. */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '';
  if (seconds < 5) return 'a few seconds left';
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 3570) return `about ${Math.max(1, Math.round(seconds / 60))} min left`;
  const half = Math.round(seconds / 1800) / 2;
  return half >= 48 ? `about ${num(Math.round(half / 24))} days left` : `about ${oneDigit.format(half)} h left`;
}

/* "41 s", "3 min 5 s", "2 h 10 min" */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '';
  if (seconds < 10) return `${oneDigit.format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  const minutes = Math.round(whole / 60);
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

const dateShort = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
const dateLong = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const asDate = (formatter) => (seconds) => (Number.isFinite(seconds) ? formatter.format(new Date(seconds * 1000)) : '');
export const date = asDate(dateShort);
export const dateTime = asDate(dateLong);

/*
 * A file name as one honest line: control characters, line ends and marks that turn the direction of what
 * follows ("exe.cbz" for "zbc.exe") become a replacement sign. Right-to-left letters need none of them.
 */
export const visible = (name) =>
  String(name ?? '').replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd');

/* The folder part of a relative path, without the name; '' for the top. */
export function folder(relativePath) {
  const at = String(relativePath ?? '').lastIndexOf('/');
  return at > 0 ? relativePath.slice(0, at) : '';
}

/* A job's title without the dots that mean "is running". */
export const plainTitle = (title) => visible(title || 'Job').replace(/(\.{3}|\u2026)$/, '');
