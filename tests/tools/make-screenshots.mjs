// make-screenshots: docs/screenshot.png, of the real page over a real job. Look at it before you commit it.
//
//   make all ui && node tests/tools/make-screenshots.mjs
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Browser } from '../lib/browser.js';
import { ROOT, Server } from '../lib/server.js';
import { until } from '../lib/until.js';

// Some damaged books, so that the page has failures to show; one slow thread in each worker, so that there is time to look.
const server = new Server({
  threads: 1,
  set: { commit_gather_ms: 60 },
  books: (dir) => {
    fs.rmdirSync(dir);
    execFileSync(path.join(ROOT, 'tests/tools/make-library'),
      ['--out', dir, '--series', '30', '--issues', '80', '--pages', '4', '--corrupt', '2', '--quiet']);
  },
});
const browser = new Browser(server.dir);
try {
  await server.start();
  await browser.start();
  const page = await browser.open(server.url);
  await page.locator('#btn-process-all:not([disabled])').click();
  await page.locator('#btn-confirm').click();
  await until('a fifth to be done and a rate to be told', 60, () => page.evaluate(() => {
    const { processed, total } = document.body.dataset;
    return Number(processed) > Number(total) / 5 && document.querySelector('#progress-pace')?.textContent.includes('left');
  }));
  await page.screenshot({ path: path.join(ROOT, 'docs/screenshot.png') });
} finally {
  await browser.close();
  await server.end();
}
