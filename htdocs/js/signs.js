/*
 * signs.js - what a tab can do to be noticed: favicon, badge, tone, notification. What a browser does not have is left out.
 */
import * as texts from './strings.js';

const STEP = 5; /* percent; a favicon that changes at each file would flicker */
const CALM_STEP = 25;
const AROUND = 2 * Math.PI * 13;
const COLOURS = { run: '#2f6f6a', ok: '#2b8a4b', bad: '#c0392b', cancelled: '#7a8582' };

const picture = (body) => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${body}</svg>`)}`;
const circle = (colour, part) =>
  `<circle cx="16" cy="16" r="13" fill="none" stroke="${colour}" stroke-width="6" stroke-dasharray="${(AROUND * part).toFixed(1)} 99" transform="rotate(-90 16 16)"/>`;
const line = (path) => `<path d="${path}" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/>`;

export const ringPicture = (percent) => picture(circle('#9aa5a2', 1) + circle(COLOURS.run, percent / 100));
const kindOf = (job) => (job.status === 'cancelled' ? 'cancelled' : job.status === 'completed' && !job.errors ? 'ok' : 'bad');
export const outcomePicture = (job) =>
  picture(`<circle cx="16" cy="16" r="16" fill="${COLOURS[kindOf(job)]}"/>${line({ ok: 'M9 17l5 5 9-11', bad: 'M16 8v10M16 24v.1', cancelled: 'M11 11l10 10M21 11l-10 10' }[kindOf(job)])}`);

/* Two short notes, up when all went well, else down. */
export async function playTone(window, isGood) {
  const Audio = window.AudioContext ?? window.webkitAudioContext;
  if (!Audio) return;
  const audio = new Audio();
  try {
    /* Browsers give no sound to a page that nobody has touched; then nobody waits for one here either. */
    if (audio.state !== 'running') await Promise.race([audio.resume(), new Promise((done) => setTimeout(done, 500))]);
    if (audio.state !== 'running') return;
    const notes = isGood ? [523.25, 783.99] : [392, 261.63];
    for (const [i, pitch] of notes.entries()) {
      const at = audio.currentTime + i * 0.16;
      const [voice, volume] = [audio.createOscillator(), audio.createGain()];
      voice.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, at);
      volume.gain.exponentialRampToValueAtTime(0.12, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.3);
      voice.connect(volume).connect(audio.destination);
      voice.start(at);
      voice.stop(at + 0.32);
    }
    await new Promise((done) => setTimeout(done, 800));
  } finally {
    void audio.close();
  }
}

/* Why the page cannot notify: insecure, absent, denied; 'ask' when the browser has to be asked first; null when it can. */
export function notifyState(window) {
  if (!window.isSecureContext) return 'insecure';
  if (!('Notification' in window)) return 'absent';
  const { permission } = window.Notification;
  if (permission === 'granted') return null;
  return permission === 'denied' ? 'denied' : 'ask';
}

/* createSigns({window, show}): `show(id)` shows the job whose notification was clicked. */
export function createSigns({ window, show }) {
  const { document, navigator } = window;
  const link = document.querySelector('link[rel~="icon"]');
  const plain = link?.getAttribute('href');
  const calm = window.matchMedia?.('(prefers-reduced-motion: reduce)');
  const icon = (href) => link && link.getAttribute('href') !== href && link.setAttribute('href', href);
  return {
    ring(percent) {
      const step = calm?.matches ? CALM_STEP : STEP;
      icon(ringPicture(Math.floor(percent / step) * step));
    },
    outcome: (job) => icon(job ? outcomePicture(job) : plain),
    badge(n) {
      const done = n > 0 ? navigator.setAppBadge?.(n) : navigator.clearAppBadge?.();
      done?.catch(() => {}); /* a page that is not installed may have none */
    },
    tone: (job) => void playTone(window, kindOf(job) === 'ok').catch(() => {}), /* no sound device */
    notify(job) {
      if (notifyState(window) !== null) return;
      try {
        const note = new window.Notification(texts.endTitle(job), { body: texts.endBody(job), tag: `longbox-${job.job_id}` });
        note.onclick = () => {
          window.focus();
          show(job.job_id);
          note.close();
        };
      } catch {
        /* Some phones let only a service worker notify; the toast is there. */
      }
    },
  };
}
