// The end of a job is noticed by who is elsewhere: title, favicon, toast, notification, badge, tone; in headless Chromium against the real server.
import assert from 'node:assert/strict';
import { pageTest, untilEnded, untilLive, untilPage } from '../lib/browser.js';
import { makeBatch, processNext } from '../lib/batches.js';
import { startNoop } from '../lib/jobs.js';
import { until } from '../lib/until.js';

const press = (page, id) => page.click(`#${id}`);
const shot = async (page, name) => process.env.LB_SHOTS && page.screenshot({ path: `${process.env.LB_SHOTS}/${name}.png` });
const running = (page, id, least = 1) => untilPage(`${least} items of ${id} done`, page, 20, (v) => v.jobId === id && v.processed >= least);
const icon = (page) => page.getAttribute('link[rel=icon]', 'href');
const signs = (page) => page.evaluate(() => globalThis.signs);

// Notes what the page does to be noticed. `hidden` makes it believe that nobody sees it.
function watchSigns() {
  globalThis.signs = { notes: [], badges: [], tones: 0, asked: 0 };
  globalThis.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      globalThis.signs.notes.push({ title, ...options });
    }

    static requestPermission() {
      globalThis.signs.asked += 1;
      return super.requestPermission();
    }
  };
  navigator.setAppBadge = async (n) => { globalThis.signs.badges.push(n); };
  navigator.clearAppBadge = async () => { globalThis.signs.badges.push(0); };
  const { createOscillator } = AudioContext.prototype;
  AudioContext.prototype.createOscillator = function () {
    globalThis.signs.tones += 1;
    return createOscillator.call(this);
  };
  let state = null;
  const { get } = Object.getOwnPropertyDescriptor(Document.prototype, 'visibilityState');
  Object.defineProperty(document, 'visibilityState', { get: () => state ?? get.call(document) });
  globalThis.see = (now) => {
    state = now ? null : 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
  };
}

async function openNotices(page) {
  await press(page, 'btn-details');
  await page.click('#job-details summary');
  await page.waitForSelector('#notice-notify');
}

const noted = async (s, b) => {
  await b.context.addInitScript(watchSigns);
  await b.context.grantPermissions(['notifications'], { origin: new URL(s.url).origin });
};

pageTest('notices: what was chosen happens once at the end, in one of three tabs, and is kept', { seconds: 120 }, async (s, b) => {
  await noted(s, b);
  const page = await b.open(s.url);
  const id = await makeBatch(s.api, 20); // goes on only when it is told to
  await processNext(s.api, id);
  await running(page, id);
  await openNotices(page);
  assert.deepEqual(await page.$$eval('.notice-choices input', (list) => list.map((box) => box.checked)), [false, false, false], 'nothing by itself');
  assert.equal((await signs(page)).asked, 0, 'nobody is asked before a click');
  await page.check('#notice-notify');
  await page.check('#notice-tone');
  await shot(page, 'notices');
  await until('the tone to be heard once', 10, async () => (await signs(page)).tones === 2);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await running(page, id);
  await openNotices(page);
  assert.deepEqual(await page.$$eval('.notice-choices input', (list) => list.map((box) => box.checked)), [true, true, false]);

  const tabs = [page, await b.open(s.url), await b.open(s.url)];
  for (const tab of tabs) await running(tab, id);
  for (const tab of tabs) await tab.evaluate(() => globalThis.see(false));
  await until('the title to say how far', 10, async () => (await page.title()) === '(5 %) Longbox');
  assert.match(await icon(page), /^data:image\/svg\+xml,/);
  const ring = await icon(page);
  await processNext(s.api, id);
  await until('the ring to grow', 20, async () => (await icon(page)) !== ring);
  await s.api.post(`/api/jobs/${id}/cancel`);
  for (const tab of tabs) await untilPage('the end', tab, 20, (v) => v.status === 'cancelled');
  const all = async () => Promise.all(tabs.map(signs));
  await until('one notification', 10, async () => (await all()).flatMap((one) => one.notes).length === 1);
  const [note] = (await all()).flatMap((one) => one.notes);
  assert.equal(note.title, 'A batch: cancelled');
  assert.match(note.body, /^2 of 20 files done, 18 not touched/);
  assert.equal(note.tag, `longbox-${id}`);
  assert.deepEqual((await all()).flatMap((one) => one.badges), [1]);
  const outcome = await icon(page);
  assert.match(outcome, /^data:image\/svg\+xml,/);
  assert.match(await page.title(), /^! A batch/);
  for (const tab of tabs) await tab.evaluate(() => globalThis.see(true));
  await until('the plain icon', 5, async () => (await icon(page)) === 'favicon.svg');
  assert.equal(await page.title(), 'Longbox');
  assert.deepEqual((await all()).flatMap((one) => one.badges), [1, 0]);
  assert.equal((await all()).flatMap((one) => one.notes).length, 1, 'still one');
});

pageTest('notices: jobs that nobody watched here are told only by choice', { seconds: 120 }, async (s, b) => {
  await noted(s, b);
  const page = await b.open(s.url);
  await untilLive(page);
  await page.evaluate(() => localStorage.setItem('longbox.notices', JSON.stringify({ notify: true })));
  const seen = await startNoop(s.api, 24, 1000); // the page remembers it until its end
  await until('it to be watched', 20, () => page.evaluate((id) => (localStorage.getItem('longbox.watched') ?? '').includes(id), seen));
  await untilEnded(page, 20);
  await press(page, 'btn-close');
  await page.evaluate(() => globalThis.see(false));
  const first = await startNoop(s.api, 2, 400);
  await untilPage('the end of the first', page, 20, (v) => v.jobId === first && v.status === 'completed' && v.summary);
  await page.evaluate(() => localStorage.setItem('longbox.notices', JSON.stringify({ notify: true, all: true })));
  const second = await startNoop(s.api, 2, 400);
  const tags = async () => (await signs(page)).notes.map((note) => note.tag);
  await until('the notification', 20, async () => (await tags()).includes(`longbox-${second}`));
  assert.ok(!(await tags()).includes(`longbox-${first}`), 'nobody watched it');
});

pageTest('notices: a blocked browser says so, and cannot be ticked', {}, async (s, b) => {
  await b.context.addInitScript(() => Object.defineProperty(Notification, 'permission', { get: () => 'denied' }));
  const page = await b.open(s.url);
  await running(page, await makeBatch(s.api, 2), 0);
  await openNotices(page);
  assert.equal(await page.isDisabled('#notice-notify'), true);
  assert.match(await page.innerText('#notice-why'), /blocked/);
});

pageTest('notices: without a secure context the page says why there are none', { flags: ['--host-resolver-rules=MAP comics.lan 127.0.0.1'], set: { hosts: 'comics.lan' } }, async (s, b) => {
  const page = await b.open(s.url.replace('127.0.0.1', 'comics.lan'));
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await running(page, await makeBatch(s.api, 2), 0);
  await openNotices(page);
  assert.equal(await page.isDisabled('#notice-notify'), true);
  assert.match(await page.innerText('#notice-why'), /https, or localhost/);
  await page.check('#notice-tone'); // a tone needs no secure context
  assert.equal(await page.isChecked('#notice-tone'), true);
  b.errors = b.errors.filter((text) => !/Cross-Origin-Opener-Policy/.test(text)); // the browser's own word about plain HTTP
});

pageTest('notices: with reduced motion the ring moves in large steps', {}, async (s, b) => {
  const page = await b.open(s.url);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const seen = new Set();
  const id = await makeBatch(s.api, 40);
  await page.exposeFunction('iconSeen', (href) => seen.add(href));
  await page.evaluate(() => new MutationObserver(() => globalThis.iconSeen(document.querySelector('link[rel=icon]').getAttribute('href')))
    .observe(document.querySelector('link[rel=icon]'), { attributes: true }));
  for (let i = 1; i <= 40; i++) {
    await processNext(s.api, id);
    await running(page, id, i);
  }
  await untilEnded(page, 30);
  await until('the plain icon', 5, async () => (await icon(page)) === 'favicon.svg');
  assert.ok([...seen].filter((href) => href.startsWith('data:')).length <= 4, `${seen.size} pictures`);
});
