// The drawer of one book, the form for many, and deleting, in headless Chromium against the real server.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pageTest, untilEnded, untilFocused } from '../lib/browser.js';
import { comicInfo, listBooks, makeBook, makeBooks, readTags, zip } from '../lib/books.js';
import { hold, holdArgs } from '../lib/hold.js';
import { waitCompleted } from '../lib/jobs.js';
import { until } from '../lib/until.js';

const HOSTILE = '"><img src=x onerror=alert(1)>.cbz';
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const SHOTS = process.env.LB_SHOTS;
const shot = async (page, name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png` });

const put = (dir, name, tags) => {
  fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
  fs.writeFileSync(path.join(dir, name), zip([{ name: '1.png', data: PIXEL }, { name: 'ComicInfo.xml', data: comicInfo(tags), deflate: true }]));
};
const library = (dir) => {
  put(dir, 'Wolf/a 1.cbz', { Title: 'Old', Series: 'Wolf', Summary: 'Two\nlines', Year: 2014 });
  put(dir, 'Wolf/b 2.cbz', { Title: 'Second' });
  put(dir, `Wolf/${HOSTILE}`, { Title: '<b>bold</b>', Series: '<script>alert(1)</script>' });
};

const tagsOf = (s, name) => readTags(path.join(s.library, name));
async function openBook(page, name) {
  await page.locator('button.open', { hasText: name }).click();
  await page.waitForSelector('#book .tags');
}
const opened = (page) => page.locator('#book').getAttribute('data-file-id');
const said = (page, id, words) => until(`${id} to say ${words}`, 30, async () => words.test(await page.locator(`#${id}`).innerText().catch(() => '')));
async function save(page) {
  await page.click('#btn-tags-save');
  await page.waitForSelector('#btn-tags-write');
}
pageTest('book: cover, facts and tags; an edit is shown as old -> new, written, in the history, and undone', { books: library }, async (s, b) => {
  const page = await b.open(s.url);
  await openBook(page, 'a 1.cbz');
  await untilFocused(page, '#book');
  await until('the cover', 30, () => page.evaluate(() => document.querySelector('img.cover')?.naturalWidth === 1));
  assert.equal(await page.inputValue('#tag-Title'), 'Old');
  assert.equal(await page.inputValue('#tag-Summary'), 'Two\nlines');
  assert.match(await page.innerText('.facts'), /Wolf/);
  assert.equal(await page.locator('#btn-tags-save').count(), 0, 'nothing was typed');
  await shot(page, 'book');

  await page.fill('#tag-Title', 'New');
  await page.fill('#tag-Year', '20x');
  await page.click('#btn-tags-save');
  assert.match(await page.innerText('#tag-Year-error'), /whole number/);
  await untilFocused(page, '#tag-Year');
  await page.fill('#tag-Year', '');
  await page.locator('.tags details', { hasText: 'Kind' }).locator('summary').click();
  await page.selectOption('#tag-Manga', 'Yes');
  await save(page);
  const changes = await page.locator('.review .changes > div').allInnerTexts();
  assert.deepEqual(changes.map((text) => text.replace(/\s+/g, ' ').trim()),
    ['Title Old → becomes New', 'Year 2014 → becomes not set', 'Manga not set → becomes Yes']);
  await shot(page, 'book-review');
  assert.equal(tagsOf(s, 'Wolf/a 1.cbz').Title, 'Old', 'nothing is written yet');
  await page.click('#btn-tags-write');
  await said(page, 'tags-said', /Saved/);
  const { Title, Year, Manga, Summary } = tagsOf(s, 'Wolf/a 1.cbz');
  assert.deepEqual([Title, Year, Manga, Summary], ['New', undefined, 'Yes', 'Two\nlines']);
  assert.equal(await page.locator('#progress-dialog, #progress-slim').count(), 0, 'one book is no job to be followed');

  await page.waitForSelector('#book-history .undo');
  assert.match(await page.innerText('#book-history'), /Tags set/);
  await shot(page, 'book-history');
  await page.click('#book-history .undo');
  await until('the old title', 30, async () => await page.inputValue('#tag-Title') === 'Old');
  assert.equal(tagsOf(s, 'Wolf/a 1.cbz').Title, 'Old');
  await until('the undone row to say so', 30, async () => /undone already/.test(await page.innerText('#book-history')));
});

pageTest('book: the server refuses a value: it is said at its field, and nothing is lost', { books: library, expectCuts: true }, async (s, b) => {
  const page = await b.open(s.url);
  await page.route((url) => url.pathname.endsWith('/tags'), (route) => (route.request().method() === 'POST'
    ? route.fulfill({ status: 422, json: { error: 'Day must be 1 to 30', code: 'out_of_range', field: 'Day' } }) : route.fallback()));
  await openBook(page, 'a 1.cbz');
  await page.fill('#tag-Day', '31');
  await save(page);
  await page.click('#btn-tags-write');
  await said(page, 'tag-Day-error', /1 to 30/);
  assert.equal(await page.inputValue('#tag-Day'), '31');
});

pageTest('book: what is typed outlives Escape, another file, and changes made elsewhere, which are shown as conflicts', { books: library }, async (s, b) => {
  const page = await b.open(s.url);
  await openBook(page, 'a 1.cbz');
  const id = await opened(page);
  await page.fill('#tag-Title', 'Mine');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#btn-leave-stay');
  await untilFocused(page, '#btn-leave-stay');
  await page.keyboard.press('Enter');
  assert.equal(await page.inputValue('#tag-Title'), 'Mine');
  await page.click('#btn-book-next');
  await until('the next file', 30, async () => await opened(page) !== id && await page.inputValue('#tag-Title').catch(() => '') === 'Second');
  await page.focus('#book');
  await page.keyboard.press('ArrowUp');
  await until('the first file with what was typed', 30, async () => await opened(page) === id && await page.inputValue('#tag-Title').catch(() => '') === 'Mine');

  const other = await s.api.post('/api/jobs', { operation: 'tag', files: ['Wolf/a 1.cbz'], options: { tags: { Title: 'Theirs', Writer: 'W' } } });
  await waitCompleted(s.api, other.json.job_id);
  await until('the conflict', 30, async () => /Theirs/.test(await page.locator('[data-tag=Title] .conflict').innerText().catch(() => '')));
  assert.equal(await page.inputValue('#tag-Title'), 'Mine');
  await until('what was not typed over', 20, async () => await page.inputValue('#tag-Writer') === 'W');
  await shot(page, 'book-conflict');
  await page.click('[data-tag=Title] .conflict button');
  assert.equal(await page.inputValue('#tag-Title'), 'Theirs');
  assert.equal(await page.locator('#btn-tags-save').count(), 0);
  await page.keyboard.press('Escape'); // the button that had the focus is gone
  await until('the drawer to be closed', 20, async () => await page.locator('#book').count() === 0);
  await untilFocused(page, '#file-table'); // which holds it for its rows
});

pageTest('book: one file is processed from its drawer, which follows its new name; a hostile name is only text', { books: library }, async (s, b) => {
  const page = await b.open(s.url);
  page.on('dialog', (d) => b.errors.push(`a dialog: ${d.message()}`));
  await openBook(page, HOSTILE);
  assert.equal(await page.innerText('#book-title'), HOSTILE);
  assert.equal(await page.inputValue('#tag-Title'), '<b>bold</b>');
  await page.fill('#tag-Number', '7');
  await page.click('[data-call=process-file]');
  await said(page, 'book-said', /Save or discard/);
  await page.fill('#tag-Series', '<img src=x onerror=alert(2)>');
  await save(page);
  await page.click('#btn-tags-write');
  await said(page, 'tags-said', /Saved/);
  await page.click('[data-call=rename-file]');
  await said(page, 'book-said', /Renamed/);
  await until('the new name', 30, async () => /Chapter 0007\.cbz/.test(await page.innerText('#book-title')));
  await until('the history under both names', 30, async () => (await page.locator('#book-history li').count()) === 2);
  await shot(page, 'book-hostile');
  assert.equal(await page.locator('img[src=x]').count(), 0);
});

pageTest('edit many: only what was touched, previewed, then applied; clearing is explicit', { books: library, seconds: 120 }, async (s, b) => {
  const page = await b.open(s.url);
  await page.waitForSelector('#file-table tbody tr');
  await page.click('#select-page');
  await page.click('#btn-edit-many');
  await page.waitForSelector('#many-Title');
  assert.match(await page.innerText('#many-title'), /3 files/);
  assert.ok(await page.isDisabled('#btn-many-preview'));
  await page.locator('#many-dialog details', { hasText: 'Published' }).locator('summary').click();
  await page.fill('#many-Publisher', 'North Star');
  await page.click('[data-tag=Series] .many-clear');
  await page.fill('#many-Year', 'soon');
  await page.click('#btn-many-preview');
  await said(page, 'many-Year-error', /whole number/);
  await shot(page, 'many');
  await page.fill('#many-Year', '');
  await page.click('#btn-many-preview');
  await page.waitForSelector('.preview[data-state=completed] .preview-table tbody tr');
  const text = await page.innerText('.preview-table');
  assert.match(text, /Publisher/);
  assert.match(text, /North Star/);
  await shot(page, 'many-preview');
  assert.equal(tagsOf(s, 'Wolf/b 2.cbz').Publisher, undefined, 'a preview writes nothing');
  await page.keyboard.press('Escape'); // back to the form, with everything in it
  assert.equal(await page.inputValue('#many-Publisher'), 'North Star');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#btn-leave-stay');
  await page.click('#btn-leave-stay');
  await page.click('#btn-many-preview');
  await page.waitForSelector('.preview[data-state=completed]');
  await page.click('#btn-preview-apply');
  const end = await untilEnded(page, 30);
  assert.equal(end.total, 3);
  assert.equal(await page.locator('#many-dialog').count(), 0);
  for (const name of ['Wolf/a 1.cbz', 'Wolf/b 2.cbz', `Wolf/${HOSTILE}`]) {
    assert.deepEqual([tagsOf(s, name).Publisher, tagsOf(s, name).Series], ['North Star', undefined], name);
  }
  assert.equal(tagsOf(s, 'Wolf/a 1.cbz').Title, 'Old');
});

const TRASH = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-trash-'));
process.on('exit', () => fs.rmSync(TRASH, { recursive: true, force: true }));
pageTest('delete: one from its drawer and many from the list go to the trash, after a question', { books: library, set: { trash_dir: TRASH } }, async (s, b) => {
  const page = await b.open(s.url);
  await openBook(page, HOSTILE);
  await page.click('#btn-book-delete');
  await said(page, 'delete-text', /trash folder/);
  await untilFocused(page, '#btn-delete-no');
  await shot(page, 'delete');
  await page.keyboard.press('Escape');
  await until('the question to be gone', 20, async () => await page.locator('#delete-dialog').count() === 0);
  assert.equal(listBooks(s.library).length, 3);
  await page.click('#btn-book-delete');
  await page.click('#btn-delete-yes');
  await until('the drawer to be closed', 30, async () => await page.locator('#book').count() === 0);
  assert.deepEqual(listBooks(TRASH), [`Wolf/${HOSTILE}`]);
  await until('the list', 30, async () => await page.locator('#file-table tbody tr').count() === 2);
  await page.click('#select-page');
  await page.click('#btn-delete-many');
  await said(page, 'delete-text', /trash folder/);
  await page.click('#btn-delete-yes');
  const end = await untilEnded(page, 30);
  assert.equal(end.total, 2);
  assert.deepEqual(listBooks(s.library), []);
  assert.equal(listBooks(TRASH).length, 3);
});

pageTest('delete for good says so', { books: (dir) => makeBooks(dir, 2) }, async (s, b) => {
  const page = await b.open(s.url);
  await page.locator('button.open').first().click();
  await page.click('#btn-book-delete');
  await said(page, 'delete-text', /gone for good/);
  assert.equal(await page.innerText('#btn-delete-yes'), 'Delete for good');
  await page.click('#btn-delete-yes');
  await until('one file less', 30, () => listBooks(s.library).length === 1);
});

pageTest('book: what has no tags or no cover says why; on a phone the drawer covers the page and keeps the focus', {
  books: (dir) => {
    makeBook(dir, 'none.cbz', {});
    fs.writeFileSync(path.join(dir, 'rar.cbr'), Buffer.from('Rar!\x1a\x07\x01\x00 and more', 'latin1'));
  }, expectCuts: true,
}, async (s, b) => {
  const page = await b.open(s.url);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator('button.open', { hasText: 'rar.cbr' }).click();
  await said(page, 'book-error', /RAR archive/);
  await page.waitForSelector('.cover.none');
  const box = await page.locator('#book').boundingBox();
  assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 360, 740]);
  assert.equal(await page.getAttribute('#book', 'role'), 'dialog');
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement === document.body || !document.activeElement.closest('#main, .head')));
  }
  await shot(page, 'book-phone');
  await page.click('#btn-book-close');
  await until('the page to be reachable', 20, () => page.evaluate(() => !document.querySelector('#main').inert));
  await untilFocused(page, '#file-table');
});

pageTest('book: a save waits for the job that has the book, and the page says so', {
  books: library, args: holdArgs, set: { answer_wait_ms: 300 },
}, async (s, b) => {
  const page = await b.open(s.url);
  await openBook(page, 'a 1.cbz');
  const held = await hold(s, ['Wolf/a 1.cbz']);
  await page.fill('#tag-Title', 'Late');
  await save(page);
  await page.click('#btn-tags-write');
  await said(page, 'tags-said', /waits its turn/);
  held.release();
  await until('the tags to be written', 30, () => tagsOf(s, 'Wolf/a 1.cbz').Title === 'Late');
  await until('the draft to be settled', 30, async () => await page.locator('#btn-tags-save').count() === 0);
});
