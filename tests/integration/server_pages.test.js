// The pages for settings, logs and the server, in Chromium over a real server.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { makeBook } from '../lib/books.js';
import { pageTest } from '../lib/browser.js';
import { startNoop, waitCompleted } from '../lib/jobs.js';
import { until } from '../lib/until.js';

const at = (s, view) => `${s.url.replace(/\/$/, '')}/${view}`;
const setting = (page, key) => page.locator(`.setting[data-key=${key}]`);
const values = async (s) => Object.fromEntries((await s.api.get('/api/settings')).json.settings.map((x) => [x.key, x.value]));

pageTest('settings: each with range and default; wrong ones are told at the field, right ones are saved; back to the default', {}, async (s, b) => {
  b.expectCuts = true; // the refusal of the server is a 4xx, which the browser calls an error
  const page = await b.open(at(s, 'settings'));
  const padding = setting(page, 'issue_number_padding');
  await padding.waitFor();
  assert.match(await padding.innerText(), /0 to 64 digits · Default: 4/);
  assert.equal(await page.locator('.setting').count(), Object.keys(await values(s)).length);
  await padding.locator('input').fill('65');
  await page.keyboard.press('Enter');
  assert.match(await padding.locator('.why').innerText(), /0 to 64 digits/);
  assert.equal(await padding.locator('input').getAttribute('aria-invalid'), 'true');
  assert.equal((await values(s)).issue_number_padding, 4, 'nothing was sent');
  await padding.locator('input').fill('3');
  await page.keyboard.press('Enter');
  await until('"saved"', 5, async () => (await padding.locator('.saved').innerText()) === 'Saved');
  assert.equal((await values(s)).issue_number_padding, 3);
  await padding.locator('[data-reset]').click();
  await until('the default', 5, async () => (await values(s)).issue_number_padding === 4 && (await padding.locator('input').inputValue()) === '4');
  const format = setting(page, 'filename_format');
  await format.locator('input').fill('{series}/{issue}');
  await page.keyboard.press('Enter');
  await until('the word of the server', 5, async () => /slash/.test(await format.locator('.why').innerText()));
  assert.equal(await format.locator('input').inputValue(), '{series}/{issue}', 'what was typed stays');
  assert.equal((await values(s)).filename_format, '{series} - Chapter {issue}');
});

pageTest('settings: a change made elsewhere appears, but not over what is being typed', {}, async (s, b) => {
  const page = await b.open(at(s, 'settings'));
  const padding = setting(page, 'issue_number_padding').locator('input');
  const format = setting(page, 'filename_format');
  await padding.waitFor();
  await until('the stream', 10, () => page.evaluate(() => document.body.dataset.quality === 'live'));
  await format.locator('input').fill('mine {issue}');
  await s.api.call('PATCH', '/api/settings', { issue_number_padding: 7, filename_format: 'theirs {issue}' });
  await until('the new number', 5, async () => (await padding.inputValue()) === '7');
  assert.equal(await format.locator('input').inputValue(), 'mine {issue}');
  assert.match(await format.locator('.elsewhere').innerText(), /theirs \{issue\}/);
  await format.locator('.elsewhere button').click();
  assert.equal(await format.locator('input').inputValue(), 'theirs {issue}');
});

pageTest('settings: new books are processed by themselves when that is switched on; covers and notices are chosen here, too', { books: 1 }, async (s, b) => {
  const page = await b.open(at(s, 'settings'));
  const watcher = page.locator('[data-key=watcher_enabled] input');
  await watcher.waitFor();
  assert.equal(await watcher.isChecked(), false);
  await watcher.check();
  await until('the word that it is saved', 10, async () => /Saved/.test(await page.innerText('[data-key=watcher_enabled]')));
  await until('the watcher to be on', 10, async () => (await s.api.get('/api/watcher/status')).json.enabled === true);
  await page.check('#show-covers');
  await until('the preference', 10, async () => (await s.api.get('/api/preferences')).json.covers === true);
  assert.equal(await page.isChecked('#notice-tone'), false, 'no sound unless it is asked for');
});

pageTest('settings: what the typed template gives is tried on books, which stay as they are; a wrong one is told', {
  books: (dir) => makeBook(dir, 'Wolf/x 3.cbz', { tags: { Number: 3, Year: 2011 } }),
}, async (s, b) => {
  b.expectCuts = true;
  const page = await b.open(at(s, 'settings'));
  const format = setting(page, 'filename_format').locator('input');
  await format.fill('{series} #{issue:2} ({year})');
  await page.locator('#btn-samples').click();
  await until('the name', 10, async () => (await page.locator('#samples').innerText()).includes('Wolf #03 (2011).cbz'));
  assert.deepEqual(fs.readdirSync(path.join(s.library, 'Wolf')), ['x 3.cbz']);
  assert.equal((await values(s)).filename_format, '{series} - Chapter {issue}', 'nothing is saved by trying');
  await format.fill('{seris} {issue}');
  await page.locator('#btn-samples').click();
  await until('the reason', 10, async () => (await page.locator('#samples').innerText()).includes('{seris}'));
});

pageTest('settings: the configuration is there to read, with what a change takes', { set: { heartbeat_s: 9 } }, async (s, b) => {
  const page = await b.open(at(s, 'settings'));
  await page.locator('details summary').click();
  const row = page.locator('#fixed tr', { hasText: 'heartbeat_s' });
  assert.match(await row.innerText(), /9 s[^]*after a reload/);
  assert.equal(await row.getAttribute('data-changed'), 'yes');
  assert.match(await page.locator('#fixed tr', { hasText: 'listen' }).first().innerText(), /after a restart/);
});

const following = (page, state) => until(`"${state}"`, 10, () => page.evaluate((want) => document.getElementById('log-state')?.dataset.state === want, state));
const lastLine = (page) => page.evaluate(() => [...document.querySelectorAll('.log-line')].pop()?.textContent ?? '');

pageTest('logs: follow to the end; scrolled up they stay; filter and level; hostile text is text', {
  books: (dir) => makeBook(dir, 'Wolf/<img src=x onerror=alert(1)>\u202e 3.cbz'),
}, async (s, b) => {
  for (let i = 0; i < 20; i++) await waitCompleted(s.api, await startNoop(s.api, 3));
  const page = await b.open(at(s, 'logs'));
  await following(page, 'following');
  const id = await startNoop(s.api, 2);
  await until('its last line', 15, async () => (await lastLine(page)).includes(id));
  await page.evaluate(() => { document.getElementById('log').scrollTop = 0; });
  await following(page, 'scrolled');
  const before = await lastLine(page);
  const asked = [];
  page.on('request', (r) => r.url().includes('/api/logs') && asked.push(r.url()));
  const later = await startNoop(s.api, 2);
  await waitCompleted(s.api, later);
  await page.evaluate(() => new Promise((done) => { setTimeout(done, 2500); })); // longer than the time between two questions
  assert.deepEqual(asked, [], 'nothing is asked while somebody reads');
  assert.equal(await lastLine(page), before);
  await page.locator('#log-end').click();
  await until('the newest line', 10, async () => (await lastLine(page)).includes(later));
  await page.locator('#log-filter').fill(`completed ${later}`);
  await until('one line', 5, async () => await page.locator('.log-line').count() === 1);
  await page.locator('#log-filter').fill('');
  await s.api.post('/api/jobs/process-all');
  await page.locator('#log-level').selectOption('error');
  await until('no line', 5, async () => /No line fits/.test(await page.locator('#log').innerText()));
  await page.locator('#log-level').selectOption('debug');
  assert.equal(await page.locator('#log img').count(), 0);
  const [saved] = await Promise.all([page.waitForEvent('download'), page.locator('#log-save').click()]);
  assert.ok(fs.readFileSync(await saved.path(), 'utf8').includes(later));
});

pageTest('logs: 10,000 lines are scrolled without a long pause', { set: { log_max_bytes: 8000000 }, seconds: 120 }, async (s, b) => {
  const lines = Array.from({ length: 12000 }, (_, i) => `2026-11-22T04:31:07.${String(i % 1000).padStart(3, '0')}Z info worker=0 event="made for this test" n=${i} ${'x'.repeat(i % 150)}`);
  const file = path.join(s.state, 'log/longbox.log');
  fs.appendFileSync(file, `${lines.join('\n')}\n`);
  const page = await b.open(at(s, 'logs'));
  await page.locator('#log-lines').selectOption('10000');
  await until('10,000 lines', 30, async () => await page.locator('.log-line').count() === 10000);
  const longest = await page.evaluate(async () => {
    const box = document.getElementById('log');
    let [worst, last] = [0, performance.now()];
    for (let i = 0; i < 200; i++) {
      box.scrollTop = (box.scrollHeight / 200) * ((i * 37) % 200);
      await new Promise((done) => { requestAnimationFrame(done); });
      const now = performance.now();
      worst = Math.max(worst, now - last);
      last = now;
    }
    return worst;
  });
  console.log(`the longest frame of 200 jumps through 10,000 lines: ${longest.toFixed(0)} ms`);
  const laidOut = await page.evaluate(() => [...document.querySelectorAll('.log-block')].filter((e) => e.firstElementChild.checkVisibility({ contentVisibilityAuto: true })).length);
  assert.ok(laidOut < 10, `${laidOut} of 50 blocks are laid out`);
});

pageTest('server: workers, jobs and disks; a killed worker shows as restarted; a library that is away is named', { books: 3 }, async (s, b) => {
  b.expectCuts = true;
  const page = await b.open(at(s, 'server'));
  const row = (slot) => page.locator('#workers tbody tr').nth(slot).innerText();
  await until('both workers', 10, async () => /Ready/.test(await row(0)) && /Ready/.test(await row(1)));
  assert.match(await page.locator('#overall').innerText(), /Everything works/);
  for (const text of ['Library', 'State']) assert.match(await page.locator('#disks').innerText(), new RegExp(text));
  for (const file of ['jobs.db', 'library.db', 'preferences.db']) assert.match(await page.locator('#stores').innerText(), new RegExp(file));
  await waitCompleted(s.api, await startNoop(s.api, 30));
  await until('the job', 10, async () => /Finished\s*1/.test(await page.locator('#queue').innerText()));
  const [victim] = s.workers();
  process.kill(victim.pid, 'SIGKILL');
  await until('the restart', 15, async () => /1, 1 crash/.test(await row(0)) && !(await row(0)).includes(String(victim.pid)));
  fs.renameSync(s.library, `${s.library}.away`);
  await until('the folder that is away', 15, async () => /Something is wrong/.test(await page.locator('#overall').innerText())
    && (await page.locator('[data-check=watched_dir]').getAttribute('data-ok')) === 'no');
  fs.renameSync(`${s.library}.away`, s.library);
  await until('all to be well', 15, async () => /Everything works/.test(await page.locator('#overall').innerText()));
});
