/*
 * figures.js - what is drawn and said of a job's throughput. Pure; `throughput` is that of the job's summary.
 */

/*
 * Points of the plot: times and files per second, each value holding until the next time. `running`: the last span is not
 * over, and would look like a fall. Null when there are too few for a picture.
 */
export function points({ start, seconds, ok, failed }, running) {
  const n = running ? ok.length - 1 : ok.length;
  if (start === null || n < 2) return null;
  const per = (list) => [...list.slice(0, n), list[n - 1]].map((count) => count / seconds);
  return [Array.from({ length: n + 1 }, (_, i) => start + i * seconds), per(ok), per(failed)];
}

/* At most `max` spans of equal length: [{from, seconds, ok, failed}], `from` in seconds after the start. */
export function spans({ seconds, ok, failed }, max) {
  const each = Math.max(1, Math.ceil(ok.length / max));
  const sum = (list, from) => list.slice(from, from + each).reduce((a, b) => a + b, 0);
  const found = [];
  for (let from = 0; from < ok.length; from += each) {
    found.push({ from: from * seconds, seconds: Math.min(each, ok.length - from) * seconds, ok: sum(ok, from), failed: sum(failed, from) });
  }
  return found;
}

/* Files per second: the most in one span, and over all. */
export function peakAndMean({ seconds, ok, failed }) {
  const counts = ok.map((count, i) => count + failed[i]);
  const all = counts.reduce((a, b) => a + b, 0);
  return { peak: Math.max(0, ...counts) / seconds, mean: counts.length > 0 ? all / (counts.length * seconds) : 0 };
}
