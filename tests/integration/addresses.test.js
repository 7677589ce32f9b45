// The addresses of the page: each one opens by itself, and is gone to without a load; under a base path, too.
import assert from 'node:assert/strict';
import { pageTest, untilFocused } from '../lib/browser.js';
import { until } from '../lib/until.js';

const ID = '01920000-0000-7000-8000-000000000000'; // there is no such job, and the browser's console tells of the 404
const VIEWS = { '': 'library', jobs: 'jobs', [`jobs/${ID}`]: 'job', history: 'history', settings: 'settings', logs: 'logs', server: 'server' };
const shows = (page, view) => until(`the view ${view}`, 10, () => page.evaluate((v) => document.querySelector('main')?.dataset.view === v, view));

for (const base of ['', '/comics']) {
  pageTest(`page: each address opens, ${base ? `below ${base}` : 'at the root'}`, { books: 1, set: { base_path: base }, expectCuts: true }, async (s, b) => {
    const home = `${s.url.replace(/\/$/, '')}${base}/`;
    for (const [address, view] of Object.entries(VIEWS)) {
      const page = await b.open(home + address);
      await shows(page, view);
      await page.close();
    }
  });
}

pageTest('page: links change the view without a load, and back comes back', { books: 1, set: { base_path: '/comics' }, expectCuts: true }, async (s, b) => {
  const page = await b.open(`${s.url.replace(/\/$/, '')}/comics/jobs/${ID}`);
  await shows(page, 'job');
  await page.evaluate(() => (globalThis.sameDocument = true));
  for (const view of ['history', 'library', 'jobs']) {
    await page.click(`.nav a[href$="/${view === 'library' ? 'comics/' : view}"]`);
    await shows(page, view);
    assert.equal(await page.title(), { history: 'History – Longbox', library: 'Longbox', jobs: 'Jobs – Longbox' }[view]);
    await untilFocused(page, '#main'); // reading goes on at the view
  }
  assert.ok(page.url().endsWith('/comics/jobs'));
  await page.goBack();
  await shows(page, 'library');
  await until('the list', 10, async () => await page.locator('#file-table tbody tr').count() === 1);
  assert.ok(await page.evaluate(() => globalThis.sameDocument), 'the page was not loaded again');
});
