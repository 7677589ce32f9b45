// Accessibility: axe-core over every view (tests/lib/views.js) in Chromium, light at a desk and dark on a phone.
// Contrast is among what it checks.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { makeAwkwardBooks } from '../lib/awkward.js';
import { pageTest } from '../lib/browser.js';
import { VIEWS, closeView, openView, prepareViews } from '../lib/views.js';

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCHEMES = { desk: 'light', phone: 'dark' }; // colours do not depend on the size
const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };

// What breaks a rule, each with its element and what axe says of it.
async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] })).violations);
  return found.flatMap((rule) => rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${node.html.slice(0, 160)} ${node.failureSummary.replace(/\s+/g, ' ')}`));
}

async function look(view, s, b, facts) {
  b.look = { viewport: SIZES.desk, reducedMotion: 'reduce' }; // a colour in motion is no colour yet
  const page = await openView(view, b, s, facts);
  for (const [size, viewport] of Object.entries(SIZES)) {
    const colorScheme = SCHEMES[size];
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    assert.ok(await page.locator(view.ready).first().isVisible(), view.ready);
    assert.deepEqual(await violations(page), [], `${view.name}, ${size}, ${colorScheme}`);
  }
  await closeView(view, page, s);
}

pageTest('axe finds nothing in any view', { books: makeAwkwardBooks, seconds: 400 }, async (s, b, t) => {
  const facts = await prepareViews(s);
  for (const view of VIEWS) await t.test(view.name, () => look(view, s, b, facts));
});

pageTest('axe is run: it finds a picture without a text and grey on grey', {}, async (s, b) => {
  const page = await b.open(s.url);
  await page.locator('main').waitFor();
  await page.evaluate(() => {
    const main = document.querySelector('main');
    main.append(document.createElement('img'));
    const p = document.createElement('p');
    p.textContent = 'hardly to be read';
    p.style.color = '#aaa';
    p.style.background = '#bbb';
    main.append(p);
  });
  const found = (await violations(page)).map((text) => text.split(' ')[0]);
  assert.ok(found.includes('image-alt') && found.includes('color-contrast'), found.join());
});
