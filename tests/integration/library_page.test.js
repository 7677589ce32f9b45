// The list of the library in headless Chromium: a list of any length, selection, keyboard, folders, address, names that
// do harm. LB_SHOTS=folder keeps screenshots.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { listed, pageTest, untilFocused } from '../lib/browser.js';
import { bookBytes, makeBook, makeBooks } from '../lib/books.js';
import { startJob, waitCompleted } from '../lib/jobs.js';
import { makeNames, scrollThrough } from '../lib/scroll.js';
import { until } from '../lib/until.js';

const untilListed = (page, n) => until(`a list of ${n}`, 20, async () => await listed(page) === n);
const shot = async (page, name) => process.env.LB_SHOTS && page.screenshot({ path: `${process.env.LB_SHOTS}/${name}.png` });
const sums = (page) => page.innerText('.sums');
const untilSums = (page, words) => until(`"${words}"`, 10, async () => words.test(await sums(page)));

// What is seen of the list: [{index, name, y, chosen, active, blank}], without what lies under its head.
const seen = (page) => page.$$eval('#file-table tbody tr', (list) => list.map((tr) => ({
  index: Number(tr.dataset.index), name: tr.querySelector('.file')?.textContent, y: Math.round(tr.getBoundingClientRect().top),
  chosen: tr.getAttribute('aria-selected') === 'true', active: tr.classList.contains('active'), blank: tr.classList.contains('blank'),
})).filter((row) => row.y >= 80 && row.y < innerHeight));
const untilSeen = (page, what, test) => until(what, 15, async () => {
  const rows = await seen(page);
  return rows.length > 0 && rows.every((row) => !row.blank) && test(rows) ? rows : null;
});
const activeIndex = (page) => page.getAttribute('#file-table', 'aria-activedescendant').then((id) => (id ? Number(id.slice(4)) : null));

pageTest('library page: the keyboard goes through all, and selects over what was not read', {
  books: (dir) => makeNames(dir, 3000), seconds: 120,
}, async (s, b) => {
  const page = await b.open(s.url);
  await untilListed(page, 3000);
  assert.ok(await page.locator('#file-table tbody tr').count() < 60, 'few rows are there');
  await page.focus('#file-table');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.equal(await activeIndex(page), 1);
  await page.keyboard.press('Space');
  await untilSums(page, /1 selected/);
  await page.keyboard.press('End');
  await untilSeen(page, 'the last row', (rows) => rows.at(-1).index === 2999 && rows.at(-1).active);
  await page.keyboard.press('PageUp');
  assert.ok(await activeIndex(page) < 2999 && await activeIndex(page) > 2950);
  await page.keyboard.press('End');
  await page.keyboard.press('Shift+ArrowUp'); // from row 1 to 2998, of which most were never read
  await untilSums(page, /2,998 selected/);
  const last = (await seen(page)).filter((row) => row.index > 2990);
  assert.deepEqual(last.map((row) => row.chosen), last.map((row) => row.index < 2999));
  await page.keyboard.press('Escape');
  await until('nothing selected', 5, async () => !/selected/.test(await sums(page)));
  await page.keyboard.press('Home');
  assert.equal(await activeIndex(page), 0);
  await page.keyboard.press('Control+a');
  await untilSums(page, /All 3,000 files that match are selected/);
  assert.match(await sums(page), /A job takes what matches when it starts/);
  await page.keyboard.press('Space');
  await untilSums(page, /All that match but 1 are selected: 2,999/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'file-table', 'the focus has not moved');
});

pageTest('library page: clicks select, with shift a range; the head selects all', { books: (dir) => makeNames(dir, 200) }, async (s, b) => {
  const page = await b.open(s.url);
  await untilListed(page, 200);
  const row = (index) => page.locator(`#row-${index} td.size`);
  await row(2).click();
  await row(6).click({ modifiers: ['Shift'] });
  await untilSums(page, /^200 files\s+5 selected/);
  await page.locator('#row-4 input').click();
  await untilSums(page, /4 selected/);
  assert.deepEqual((await seen(page)).filter((r) => r.chosen).map((r) => r.index), [2, 3, 5, 6]);
  await page.locator('#select-page').check();
  await untilSums(page, /All 200 files that match/);
  await page.selectOption('#filter', 'marked');
  await until('the selection to end with its question', 10, async () => !/selected/.test(await sums(page)));
  await page.selectOption('#filter', 'all');
  await page.selectOption('#per-page', '25');
  await untilListed(page, 25); // of 200
  await page.locator('.pages button', { hasText: '2' }).first().click();
  await untilSeen(page, 'row 25', (rows) => rows[0].index === 25);
  await page.locator('#select-page').check();
  await untilSums(page, /25 selected/);
  await page.click('#btn-clear');
  assert.deepEqual((await s.api.get('/api/preferences')).json, { theme: null, perPage: 25, pages: true, filterMode: 'all' });
});

pageTest('library page: the address keeps the view, and back keeps the place', { books: (dir) => makeNames(dir, 1000), seconds: 120 }, async (s, b) => {
  const page = await b.open(s.url);
  await untilListed(page, 1000);
  await page.locator('#folders button', { hasText: 'Press 1' }).click();
  await untilListed(page, 240);
  await page.locator('#folders button', { hasText: 'Series 00005' }).click();
  await untilListed(page, 40);
  assert.equal(new URL(page.url()).search, '?folder=Press+1%2FSeries+00005');
  await page.goBack();
  await untilListed(page, 240);
  await page.fill('#search', '010 (2014)');
  await untilListed(page, 6);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await untilListed(page, 6);
  assert.equal(await page.inputValue('#search'), '010 (2014)');
  assert.match(await page.innerText('#filter option:checked'), /All \(6\)/);
  await page.goBack();
  await untilListed(page, 240);
  assert.equal(await page.inputValue('#search'), '');
  await page.goBack();
  await untilListed(page, 1000);
  await page.focus('#file-table');
  for (let i = 0; i < 30; i += 1) await page.keyboard.press('PageDown');
  const there = await untilSeen(page, 'rows further down', (rows) => rows[0].index > 250);
  await until('the place to be kept', 5, () => page.evaluate(() => history.state.library.top === Math.round(scrollY)));
  await page.evaluate(() => document.querySelector('.nav a[href$="jobs"]').click()); // a mouse would scroll up to it
  await until('another view', 10, async () => await page.locator('#file-table').count() === 0);
  await page.goBack();
  await untilListed(page, 1000);
  await untilSeen(page, 'the place', (rows) => rows[0].index === there[0].index);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await untilListed(page, 1000);
  await untilSeen(page, 'the place after a reload', (rows) => rows[0].index === there[0].index);
  const other = await b.open(`${s.url}/?filter=unmarked&sort=size&direction=desc&search=Series+00007`);
  await untilListed(other, 40);
  assert.deepEqual([await other.inputValue('#filter'), await other.inputValue('#search')], ['unmarked', 'Series 00007']);
});

pageTest('library page: what changes on the disk moves nothing that is read', {
  books: (dir) => makeNames(dir, 400), set: { scan_interval_s: 5 }, seconds: 120,
}, async (s, b) => {
  const page = await b.open(s.url);
  await untilListed(page, 400);
  await page.focus('#file-table');
  for (let i = 0; i < 10; i += 1) await page.keyboard.press('PageDown');
  await page.keyboard.press('Space');
  const before = await untilSeen(page, 'one selected', (rows) => rows.some((row) => row.chosen) && rows[0].index > 20);
  makeBooks(path.join(s.library, 'A first'), 7); // before all others
  await untilListed(page, 407);
  const after = await untilSeen(page, 'the rows with other numbers', (rows) => rows[0].index === before[0].index + 7);
  assert.deepEqual(after.map(({ name, y, chosen, active }) => ({ name, y, chosen, active })), before.map(({ name, y, chosen, active }) => ({ name, y, chosen, active })));
  await untilFocused(page, '#file-table');
  await page.keyboard.press('Control+a');
  await untilSums(page, /All 407/);
  makeBook(s.library, 'A second/1.cbz');
  await untilSums(page, /All 408 files that match are selected/);
});

pageTest('library page: covers, problems and marks are on the rows', { books: 30, expectCuts: true }, async (s, b) => {
  fs.writeFileSync(path.join(s.library, 'Iron Meridian', 'A broken.cbz'), 'PK\x03\x04 no book');
  await waitCompleted(s.api, (await s.api.post('/api/jobs', { operation: 'verify', select: { filter: 'all' } })).json.job_id);
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-selected', { files: [s.books[0]] })).job_id);
  const page = await b.open(s.url);
  const asked = [];
  await page.route('**/api/file/*/cover*', (route) => {
    asked.push(new URL(route.request().url()).pathname);
    const image = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="90"><rect width="60" height="90" fill="#2a6a64"/></svg>';
    return route.fulfill(asked.length % 3 ? { contentType: 'image/svg+xml', body: image } : { status: 404, body: '' });
  });
  await untilListed(page, 31);
  assert.equal(asked.length, 0, 'no cover is asked for unless it is wanted');
  await page.click('#btn-covers');
  await until('covers', 10, async () => await page.locator('.cover img:not([hidden])').count() > 3 && asked.length > 5);
  assert.ok(asked.every((p) => /^\/api\/file\/id%3A\d+\/cover$/.test(p)), asked[0]);
  assert.ok(asked.length < 31, 'only near the screen');
  assert.equal((await s.api.get('/api/preferences')).json.covers, true);
  await shot(page, 'library-covers');
  const { counts } = (await s.api.get('/api/files?limit=1')).json;
  assert.ok(counts.problems > 0, JSON.stringify(counts));
  await page.selectOption('#filter', 'problems');
  await untilListed(page, counts.problems);
  await page.fill('#search', 'A broken');
  await untilListed(page, 1);
  await untilSeen(page, 'the broken book', (rows) => rows[0].name === 'A broken.cbz');
  assert.match(await page.innerText('#file-table tbody .mark'), /Unmarked\s+\d+ problems?/);
  await page.fill('#search', '');
  await untilListed(page, counts.problems);
  await page.selectOption('#filter', 'marked');
  await until('the marked book', 10, async () => (await page.innerText('#file-table tbody .mark')).startsWith('Marked'));
  const words = (await page.locator('#filter option').allTextContents()).join(', ');
  assert.equal(words, `All (31), Marked (1), Unmarked (30), Duplicates (0), Problems (${counts.problems})`);
});

const HOSTILE = ['"><img src=x onerror=alert(1)>.cbz', 'two\nlines\r.cbz', '\u202egnp.cbz', 'שלום עולם 12.cbz', 'مجلة مصورة 3.cbz', `${'長'.repeat(83)}a.cbz`, `${'W'.repeat(251)}.cbz`];

for (const [size, viewport, colorScheme] of [['desk', { width: 1280, height: 800 }, 'light'], ['phone', { width: 360, height: 740 }, 'dark']]) {
  pageTest(`library page: names that do harm are shown as one line, ${size}`, {
    books(dir) {
      for (const name of HOSTILE) fs.writeFileSync(path.join(dir, name), bookBytes({ key: name }));
      fs.writeFileSync(Buffer.concat([Buffer.from(`${dir}/not text `), Buffer.from([0xe9, 0xff]), Buffer.from('.cbz')]), bookBytes({ key: 'bytes' }));
      makeBook(dir, '<b>bold<b>/line\nbreak/1.cbz');
    },
  }, async (s, b) => {
    const folder = Buffer.concat([Buffer.from(`${s.library}/folder `), Buffer.from([0xe9])]); // no other part of the test could read it
    fs.mkdirSync(folder);
    fs.writeFileSync(Buffer.concat([folder, Buffer.from('/in it.cbz')]), bookBytes({ key: 'in' }));
    await waitCompleted(s.api, (await s.api.post('/api/jobs', { operation: 'verify', select: { filter: 'all' } })).json.job_id);
    const page = await b.open(s.url);
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await untilListed(page, HOSTILE.length + 3);
    await page.evaluate(() => document.querySelector('#file-table').scrollIntoView());
    await shot(page, `library-hostile-${size}`);
    const facts = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth - innerWidth,
      rows: [...document.querySelectorAll('#file-table tbody tr')].map((tr) => Math.round(tr.getBoundingClientRect().height)),
      markup: document.querySelectorAll('#file-table img, #file-table b, #folders b').length,
      names: [...document.querySelectorAll('#file-table .file')].map((e) => [e.tagName, e.textContent]),
      boxes: [...document.querySelectorAll('#file-table tbody input')].every((e) => /^Select \S/.test(e.getAttribute('aria-label'))),
    }));
    assert.ok(facts.wide <= 0, `${facts.wide} px too wide`);
    assert.equal(new Set(facts.rows).size, 1, `rows of one height: ${facts.rows}`);
    assert.equal(facts.markup, 0);
    assert.ok(facts.names.every(([tag, text]) => tag === 'BDI' && !/[\n\r\u202e]/.test(text)), JSON.stringify(facts.names));
    assert.ok(facts.boxes);
    await page.locator('#file-table').focus();
    await page.keyboard.press('Control+a');
    await page.click('#btn-clear');
    await page.keyboard.press('Tab');
    if (size === 'phone') await page.click('#btn-folders');
    const folders = page.locator('#folders ul button');
    assert.equal(await folders.count(), 2);
    assert.ok(await folders.nth(1).isDisabled(), 'a folder that cannot be named');
    await folders.nth(0).click();
    if (size === 'phone') await page.click('#btn-folders');
    await page.locator('#folders ul button', { hasText: 'line' }).click();
    await untilListed(page, 1);
    await shot(page, `library-folder-${size}`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  });
}

// The whole proof, 100,000 files and 1,000 windows, is `make bench-list`. Of time only what the page itself takes is judged.
pageTest('library page: scrolling through 10,000 files stays cheap and keeps little', { books: (dir) => makeNames(dir, 10000), seconds: 180, own: true }, async (s, b) => {
  const page = await b.open(s.url);
  await untilListed(page, 10000);
  const r = await scrollThrough(b, page, 60);
  const said = JSON.stringify(r);
  assert.ok(r.tasks > 60 && r.frames >= 240, said);
  assert.equal(r.blank, 0, `each window was drawn: ${said}`);
  assert.ok(r.tasks_cpu_over_50 <= 2, `tasks of more than 50 ms: ${said}`); // a machine that is busy otherwise makes one longer
  assert.ok(r.rows < 60 && r.nodes < 5000, `rows are used again: ${said}`);
  assert.ok(r.heap_mb < 20 && r.renderer_mb > 10 && r.renderer_mb < 150, `memory: ${said}`);
});
