// make-screenshots [--only NAME,NAME] [--png] [FOLDER]: pictures of every view of tests/lib/views.js over the demo library,
// light and dark, for a desk and a phone, into docs/screenshots. Look at them before you commit them (--png for viewers that
// do not know WebP).
//
//   make screenshots
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Browser } from '../lib/browser.js';
import { ROOT, Server } from '../lib/server.js';
import { VIEWS, closeView, openView, prepareViews } from '../lib/views.js';

const args = process.argv.slice(2);
const format = args.includes('--png') ? 'png' : 'webp';
const at = args.indexOf('--only');
const only = at >= 0 ? args[at + 1].split(',') : null;
const folder = path.resolve(args.find((a, i) => !a.startsWith('--') && i !== at + (at >= 0 ? 1 : args.length)) || path.join(ROOT, 'docs/screenshots'));

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };
const LIMIT = 2.5e6; // bytes of all pictures

// The browser packs what it shows; no library for pictures is needed.
async function shoot(page, file) {
  const client = await page.context().newCDPSession(page);
  const { data } = await client.send('Page.captureScreenshot', format === 'webp' ? { format, quality: 82 } : { format });
  fs.writeFileSync(file, Buffer.from(data, 'base64'));
  await client.detach();
}

const server = new Server({
  threads: 2,
  books: (dir) => {
    fs.rmdirSync(dir);
    execFileSync(path.join(ROOT, 'tests/tools/make-demo'), [dir], { stdio: 'ignore' });
  },
});
const browser = new Browser(server.dir);
let bytes = 0;
try {
  await server.start();
  await browser.start();
  fs.mkdirSync(folder, { recursive: true });
  const facts = await prepareViews(server);
  for (const view of VIEWS.filter((v) => !only || only.includes(v.name))) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ['light', 'dark']) {
        browser.look = { viewport, colorScheme };
        const page = await openView(view, browser, server, facts);
        const file = path.join(folder, `${view.name}-${size}-${colorScheme}.${format}`);
        await page.evaluate(() => document.fonts.ready);
        await shoot(page, file);
        bytes += fs.statSync(file).size;
        await closeView(view, page, server);
      }
    }
  }
} finally {
  if (browser.context) await browser.close();
  await server.end();
}
console.log(`${folder}: ${bytes} bytes`);
if (format === 'webp' && bytes > LIMIT) throw new Error(`the pictures are ${bytes} bytes together, over ${LIMIT}`);
