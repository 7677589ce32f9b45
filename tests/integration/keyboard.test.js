// Every view (tests/lib/views.js) by keyboard alone, on narrow screens, with forced colours and without motion.
import assert from 'node:assert/strict';
import { makeAwkwardBooks } from '../lib/awkward.js';
import { pageTest } from '../lib/browser.js';
import { VIEWS, closeView, openView, prepareViews } from '../lib/views.js';

// Marks what a keyboard has to reach: within an open modal dialog, else on the whole page. Of radio buttons with one
// name, one. Gives how many.
const markStops = () => {
  const root = document.querySelector('dialog:modal') ?? document;
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('[inert]');
  const radios = new Set();
  let n = 0;
  for (const e of root.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')) {
    if (!seen(e) || e.disabled || e.tabIndex < 0 || e.closest('dialog:not([open])')) continue;
    if (e.type === 'radio') {
      if (radios.has(e.name) || !e.checked) continue;
      radios.add(e.name);
    }
    e.dataset.stop = String(n);
    n += 1;
  }
  return n;
};

// What has the focus: the number of the stop, and whether it can be seen that it has it.
const focused = () => {
  const e = document.activeElement;
  if (!e || e === document.body) return { stop: null };
  const style = getComputedStyle(document.getElementById(e.getAttribute('aria-activedescendant')) ?? e); // of a grid, its row
  const box = e.getBoundingClientRect();
  const outline = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  return { stop: e.dataset.stop ?? null, outline, inView: box.bottom > 0 && box.top < innerHeight && box.width > 0, what: e.outerHTML.slice(0, 120) };
};

// On 320 pixels, and at a desk at 200 %: nothing is wider than the window, and nothing moves for those who asked for that.
async function fitsNarrow(page, view) {
  for (const viewport of [{ width: 320, height: 640 }, { width: 640, height: 400 }]) {
    await page.setViewportSize(viewport);
    const { wide, moving } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 100)),
      moving: document.getAnimations().map((a) => a.effect?.target?.outerHTML.slice(0, 100)),
    }));
    assert.deepEqual(wide, [], `${view.name} is wider than ${viewport.width} pixels`);
    assert.deepEqual(moving, [], 'what moves');
  }
}

async function walk(view, s, b, facts) {
  b.look = { viewport: { width: 1100, height: 800 }, reducedMotion: 'reduce' };
  const page = await openView(view, b, s, facts);
  await page.evaluate(() => document.activeElement?.blur());
  const n = await page.evaluate(markStops);
  assert.ok(n > 1, `${n} things to reach`);
  const reached = new Set();
  for (let i = 0; i < n + 40 && reached.size < n; i++) { // rows and buttons may come meanwhile
    await page.keyboard.press('Tab');
    const at = await page.evaluate(focused);
    if (at.stop === null) continue; // the browser's own bar, or what came later
    assert.ok(at.outline, `the focus is not seen: ${at.what}`);
    assert.ok(at.inView, `the focus is out of sight: ${at.what}`);
    reached.add(at.stop);
  }
  const missed = await page.evaluate((got) => [...document.querySelectorAll('[data-stop]:not(:disabled)')]
    .filter((e) => !got.includes(e.dataset.stop)).map((e) => e.outerHTML.slice(0, 120)), [...reached]);
  assert.deepEqual(missed, [], 'never reached');
  await fitsNarrow(page, view);
  await closeView(view, page, s);
}

pageTest('by keyboard, and narrow: everything is reached, its focus seen, no way out closed; it fits 320 pixels', { books: makeAwkwardBooks, seconds: 400 }, async (s, b, t) => {
  const facts = await prepareViews(s);
  for (const view of VIEWS) await t.test(view.name, () => walk(view, s, b, facts));
});

pageTest('forced colours: the bar shows how far it is, and where one is stays marked', { books: makeAwkwardBooks }, async (s, b) => {
  b.look = { viewport: { width: 1100, height: 800 }, forcedColors: 'active', reducedMotion: 'reduce' };
  const page = await openView(VIEWS.find((v) => v.name === 'progress'), b, s, await prepareViews(s));
  const { bar, fill, border, here, other } = await page.evaluate(() => {
    const style = (selector) => getComputedStyle(document.querySelector(selector));
    return {
      bar: style('.bar').backgroundColor, fill: style('.fill').backgroundColor, border: style('.bar').borderTopStyle,
      here: style('.nav [aria-current]').textDecorationLine, other: style('.nav a:not([aria-current])').textDecorationLine,
    };
  });
  assert.notEqual(fill, bar, 'the filled part has a colour of its own');
  assert.equal(border, 'solid', 'the bar has an edge');
  assert.notEqual(here, other, 'the view one is at is marked by more than colour');
});
