// The page as something that is installed: manifest, icons, and a service worker that opens it while the server is away
// and never shows an old page after an upgrade.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { pageTest } from '../lib/browser.js';
import { ROOT, serverTest } from '../lib/server.js';
import { until } from '../lib/until.js';

const BUILT = path.join(ROOT, 'build/htdocs');
const live = (page) => until('the page to be live', 20, () => page.evaluate(() => document.body.dataset.quality === 'live'));
const controlled = (page) => until('the service worker to be in charge', 20, () => page.evaluate(() => !!navigator.serviceWorker.controller));
const cacheNames = (page) => page.evaluate(() => caches.keys());
const script = (page) => page.evaluate(() => document.querySelector('script[type=module]').src.split('/').pop());

// A copy of the built page in a folder of the server's own, with another hash in the names of its files when asked to.
function copyPage(to) {
  fs.cpSync(BUILT, to, { recursive: true });
}
function upgradePage(folder) {
  const main = fs.readdirSync(path.join(folder, 'static')).find((f) => /^main-/.test(f));
  const renamed = main.replace(/-\w+\.js$/, '-UPGRADED.js');
  fs.renameSync(path.join(folder, 'static', main), path.join(folder, 'static', renamed));
  for (const file of ['index.html', 'deep.html', 'sw.js']) {
    const at = path.join(folder, file);
    const text = fs.readFileSync(at, 'utf8').replaceAll(main, renamed).replace(/VERSION="\w+"/, 'VERSION="upgraded"');
    fs.rmSync(at);
    fs.writeFileSync(at, text);
    fs.utimesSync(at, new Date(), new Date(Date.now() + 5000)); // also within the same second
  }
  return renamed;
}

for (const base of ['', '/comics']) {
  serverTest(`manifest, icons and service worker are served with their types, ${base ? `below ${base}` : 'at the root'}`, { set: { base_path: base } }, async (s) => {
    const page = await s.api.get(`${base}/`);
    assert.match(page.text, /<link rel="manifest" href="manifest.json">/);
    const manifest = await s.api.get(`${base}/manifest.json`);
    assert.match(manifest.headers['content-type'], /^application\/(manifest\+)?json/);
    assert.deepEqual([manifest.json.start_url, manifest.json.scope], ['./', './'], 'right below any path');
    assert.deepEqual(manifest.json.icons.map((icon) => icon.purpose).sort(), ['any', 'maskable']);
    for (const icon of manifest.json.icons) {
      const r = await s.api.get(`${base}/${icon.src}`);
      assert.equal(r.status, 200);
      assert.match(r.headers['content-type'], /^image\/svg\+xml/);
    }
    const worker = await s.api.get(`${base}/sw.js`);
    assert.match(worker.headers['content-type'], /javascript/);
    assert.equal(worker.headers['cache-control'], 'no-cache');
    const files = JSON.parse(/FILES=(\[[^\]]*\])/.exec(worker.text)[1]);
    assert.ok(files.length > 8, files.join());
    for (const file of files) assert.equal((await s.api.get(`${base}/${file.replace('./', '')}`)).status, 200, file);
    for (const file of fs.readdirSync(path.join(BUILT, 'static'))) assert.ok(file === 'licences.txt' || files.includes(`static/${file}`), file);
  });
}

const options = (name) => ({ books: 2, expectCuts: true, serviceWorkers: 'allow', ...name });

pageTest('service worker: with the server away each page opens and says so; back again it goes on', options(), async (s, b) => {
  const page = await b.open(s.url);
  await live(page);
  await controlled(page);
  const touched = [];
  page.on('response', (r) => r.fromServiceWorker() && touched.push(new URL(r.url()).pathname));
  await page.reload();
  await live(page);
  assert.ok(touched.some((p) => p.startsWith('/static/')), 'files of static/ come from it');
  assert.deepEqual(touched.filter((p) => /^\/(api|health|metrics)/.test(p)), [], 'it never touches the API');
  await s.stop();
  for (const [address, view] of [['', 'library'], ['settings', 'settings'], ['jobs/01920000-0000-7000-8000-000000000000', 'job']]) {
    await page.goto(`${s.url}/${address}`.replace(/([^:])\/\//, '$1/'));
    await until(`${view} with the word that the server is away`, 20, () => page.evaluate((v) => document.querySelector('main')?.dataset.view === v
      && document.querySelector('.head .quality').textContent.startsWith('Offline') && /cannot be reached/.test(document.querySelector('.notices').innerText), view));
  }
  await s.start();
  await live(page);
});

pageTest('service worker: after an upgrade the next load has the new page, and what was kept of the old one goes', options({
  set: {}, seconds: 120,
}), async (s, b) => {
  const folder = path.join(s.dir, 'htdocs');
  copyPage(folder);
  await s.stop();
  s.options.set.htdocs = folder;
  await s.start();
  const page = await b.open(s.url);
  await live(page);
  await controlled(page);
  const [before, caches1] = [await script(page), await cacheNames(page)];
  assert.equal(caches1.length, 1);
  const after = upgradePage(folder);
  assert.notEqual(after, before);
  await page.reload();
  assert.equal(await script(page), after, 'the very next load is the new page');
  await live(page);
  await until('only the new cache', 20, async () => (await cacheNames(page)).join() === 'longbox / upgraded');
  await s.stop();
  await page.goto(s.url);
  assert.equal(await script(page), after, 'and without the server it is the new one, too');
});

pageTest('service worker: who does not want it is rid of it, and of what it kept', options(), async (s, b) => {
  const page = await b.open(`${s.url.replace(/\/$/, '')}/settings`);
  await controlled(page);
  await page.locator('#keep-page').uncheck();
  const none = () => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length === 0 && (await caches.keys()).length === 0);
  await until('no worker and no cache', 10, none);
  await page.reload();
  await page.locator('#keep-page').waitFor();
  assert.equal(await page.locator('#keep-page').isChecked(), false);
  assert.ok(await none(), 'it does not come back by itself');
  await page.locator('#keep-page').check();
  await until('a worker again', 10, () => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length === 1));
});
