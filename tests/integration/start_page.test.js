// Starting any operation with its options, and the preview before it, in headless Chromium against the real server.
import assert from 'node:assert/strict';
import { pageTest, untilEnded, untilFocused, untilPage } from '../lib/browser.js';
import { listBooks, makeBook, makeBooks } from '../lib/books.js';
import { getJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { until } from '../lib/until.js';

const HOSTILE = '"><img src=x onerror=alert(1)> \u202e 007.cbz';
const press = (page, id) => page.click(`#${id}`);
const shot = async (page, name) => process.env.LB_SHOTS && page.screenshot({ path: `${process.env.LB_SHOTS}/${name}.png` });
const jobsOf = async (s) => (await s.api.get('/api/jobs')).json.jobs;
const previewState = (page, state) => until(`the preview to be ${state}`, 20, async () => (await page.getAttribute('.preview', 'data-state').catch(() => null)) === state);
const rowsOf = (page) => page.locator('.preview-table tbody tr').evaluateAll((list) => list.map((row) => [row.dataset.kind, row.innerText]));

async function openForm(page, operation, scope) {
  await page.waitForSelector('#file-table tbody tr');
  await press(page, 'btn-more');
  await page.waitForSelector('#start-operation');
  if (operation) await page.selectOption('#start-operation', operation);
  if (scope) await page.selectOption('#start-scope', scope);
}

// The body that the page sends with `act`.
async function sent(page, act) {
  const request = page.waitForRequest((r) => r.method() === 'POST' && r.url().endsWith('/api/jobs'));
  await act();
  return (await request).postDataJSON();
}

// A value for each kind of field, as it is typed and as it is to arrive.
function sample(name, schema) {
  const one = schema.anyOf ? schema.anyOf[0] : schema;
  if (name === 'job') return ['01a201b6-1ff7-7910-bb8f-a9ac9e1e529c'];
  if (one.enum) return [one.enum[one.enum.length > 2 ? 1 : 0]];
  if (one.type === 'boolean') return [true, 'yes'];
  if (one.type === 'integer') return [Math.min(one.maximum ?? 3, Math.max(one.minimum ?? 3, 3))];
  if (one.type === 'number') return [one.maximum === undefined ? 1.5 : one.maximum / 2];
  return [name === 'format' ? '{series} #{issue:3}' : 'Some text'];
}

pageTest('start: every operation of the server has a form, and what is set in it is what the job is sent', { books: 2, seconds: 120, expectCuts: true }, async (s, b) => {
  const { operations } = (await s.api.get('/api/config')).json;
  assert.ok(operations.length >= 9, `${operations.length} operations`);
  const page = await b.open(s.url);
  // Nothing is to be done with the library: the answer is the test's own.
  await page.route((url) => url.pathname === '/api/jobs', (route) => (route.request().method() === 'POST'
    ? route.fulfill({ status: 400, json: { error: 'seen', code: 'bad_field' } }) : route.fallback()));
  await openForm(page);
  for (const { name, options, accepts } of operations) {
    await page.selectOption('#start-operation', name);
    const want = {};
    const limit = options.maxProperties ?? Infinity;
    for (const [key, schema] of Object.entries(options.properties)) {
      if (Object.keys(want).length === limit) break;
      if (schema.type === 'object') {
        want[key] = {};
        const some = Object.entries(schema.properties).filter(([, inner]) => inner !== false);
        for (const [i, [tag, inner]] of some.entries()) {
          const [value, typed = String(value)] = sample(tag, inner);
          want[key][tag] = value;
          await press(page, `opt-${key}-add`);
          await page.selectOption(`#opt-${key}-name-${i}`, tag);
          const control = page.locator(`#opt-${key}-value-${i}`);
          if (await control.evaluate((e) => e.tagName === 'SELECT')) await control.selectOption(typed);
          else await control.fill(typed);
        }
        continue;
      }
      const [value, typed = String(value)] = sample(key, schema);
      want[key] = value;
      const control = page.locator(`#opt-${key}`);
      if (await control.evaluate((e) => e.tagName === 'SELECT')) await control.selectOption(typed);
      else await control.fill(typed);
    }
    if (accepts === 'strings') await page.fill('#start-items', 'one\n  two  \n\nthree');
    else await page.selectOption('#start-scope', 'marked');
    const body = await sent(page, () => press(page, 'btn-start'));
    assert.equal(body.operation, name);
    assert.deepEqual(body.options ?? {}, want, name);
    if (accepts === 'strings') assert.deepEqual(body.files, ['one', 'two', 'three']);
    else assert.deepEqual(body.select, { filter: 'marked' });
    await page.waitForSelector('#start-error');
  }
});

pageTest('start: options reach the job, and are there again the next time', { books: 4 }, async (s, b) => {
  const page = await b.open(s.url);
  await openForm(page, 'rename', 'all');
  await page.fill('#opt-format', '{series} no {issue:5}');
  await page.selectOption('#opt-parser', 'better');
  await page.click('.start-more summary');
  await page.selectOption('#start-priority', 'high');
  await page.fill('#start-max_threads', '1');
  await page.fill('#start-title', 'My <b>names</b>');
  await page.setViewportSize({ width: 360, height: 740 });
  await shot(page, 'start-form-phone');
  await page.setViewportSize({ width: 1280, height: 800 });
  await shot(page, 'start-form');
  await page.dblclick('#btn-start');
  const end = await untilEnded(page, 20);
  assert.equal(await page.locator('#start-dialog').count(), 0);
  const job = await getJob(s.api, end.jobId);
  assert.deepEqual([job.operation, job.priority, job.max_threads, job.title], ['rename', 'high', 1, 'My <b>names</b>']);
  assert.equal((await jobsOf(s)).length, 1, 'a double click starts one job');
  assert.ok(listBooks(s.library).every((name) => / no 0000\d\.cbz$/.test(name)), listBooks(s.library).join());
  assert.match(await page.innerText('#progress-title'), /My <b>names<\/b>/);
  await press(page, 'btn-close');
  await page.reload({ waitUntil: 'domcontentloaded' });
  await openForm(page);
  assert.equal(await page.inputValue('#start-operation'), 'rename');
  assert.equal(await page.inputValue('#opt-format'), '{series} no {issue:5}');
  assert.equal(await page.inputValue('#opt-parser'), 'better');
  assert.equal(await page.inputValue('#start-title'), '', 'a title is for one job');
});

pageTest('start: what is wrong is said at its field, by the page and by the server', { books: 2, expectCuts: true }, async (s, b) => {
  const page = await b.open(s.url);
  await openForm(page, 'process', 'all');
  await page.fill('#opt-padding', '65');
  await press(page, 'btn-start');
  assert.equal(await page.innerText('#opt-padding-error'), 'It must be 0 to 64.');
  await untilFocused(page, '#opt-padding'); // where it is wrong, typing goes on
  await page.fill('#opt-padding', 'x');
  await press(page, 'btn-preview');
  assert.equal(await page.innerText('#opt-padding-error'), 'A whole number is needed.');
  await page.fill('#opt-padding', '');
  await page.fill('#opt-format', '{nonsense} {issue}');
  await press(page, 'btn-start');
  await page.waitForSelector('#opt-format-error');
  assert.match(await page.innerText('#opt-format-error'), /nonsense/);
  await shot(page, 'start-error');
  await page.selectOption('#start-operation', 'tag');
  await press(page, 'btn-start');
  assert.equal(await page.innerText('#opt-tags-error'), 'This is needed.');
  await press(page, 'opt-tags-add');
  await page.selectOption('#opt-tags-name-0', 'Month');
  await page.fill('#opt-tags-value-0', '13');
  await press(page, 'btn-start');
  assert.equal(await page.innerText('#opt-tags-error'), 'Month: It must be -1 to 12, but not 0.');
  assert.equal((await jobsOf(s)).length, 0);
});

pageTest('preview: a table old -> new that can be filtered and searched, then Apply', {
  books: (dir) => {
    makeBooks(dir, 6);
    makeBook(dir, `Odd/${HOSTILE}`);
    makeBook(dir, 'Odd/no number.cbz');
  },
}, async (s, b) => {
  const before = listBooks(s.library);
  const page = await b.open(s.url);
  await openForm(page, 'process', 'all');
  await press(page, 'btn-preview');
  await previewState(page, 'completed');
  await until('the rows', 10, async () => (await rowsOf(page)).length === 8);
  await shot(page, 'preview');
  await page.setViewportSize({ width: 360, height: 740 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await shot(page, 'preview-phone-dark');
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'nothing is cut off');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
  assert.deepEqual(listBooks(s.library), before, 'nothing is changed');
  assert.equal(await page.locator('#progress-dialog').count(), 0, 'a preview is not followed as a job');
  const rows = await rowsOf(page);
  assert.ok(rows.some(([, text]) => text.includes('Iron Meridian - Chapter 0001.cbz') && text.includes('Chapter 1')), JSON.stringify(rows));
  assert.equal(await page.locator('img[src=x]').count(), 0);
  assert.ok(rows.some(([, text]) => text.includes('"><img src=x onerror=alert(1)>') && !text.includes('\u202e')));
  await until('the figures', 10, async () => (await page.innerText('[data-filter=all]')).includes('8'));
  await page.fill('.preview-search', 'meridian');
  await until('six rows', 10, async () => (await rowsOf(page)).length === 6);
  await page.fill('.preview-search', '');
  await page.click('[data-filter=changes]');
  await until('only changes', 10, async () => (await page.getAttribute('.preview-table', 'aria-busy')) === 'false' && (await rowsOf(page)).length > 0 && (await rowsOf(page)).every(([kind]) => kind === 'changes'));
  const [preview] = await jobsOf(s);
  assert.equal(preview.dry_run, true);
  await page.dblclick('#btn-preview-apply');
  const end = await untilEnded(page, 20);
  assert.equal(await page.locator('#start-dialog').count(), 0);
  const list = await jobsOf(s);
  assert.equal(list.length, 2, 'one preview and one job');
  assert.equal(end.jobId, list.find((job) => !job.dry_run).job_id);
  assert.ok(listBooks(s.library).some((name) => name.endsWith('Iron Meridian - Chapter 0001.cbz')));
});

pageTest('preview: says when files have changed since, and can be made again', { books: 3 }, async (s, b) => {
  const page = await b.open(s.url);
  await openForm(page, 'normalize', 'all');
  await press(page, 'btn-preview');
  await previewState(page, 'completed');
  assert.equal(await page.locator('.preview-changed').count(), 0);
  assert.equal(await page.innerText('#btn-preview-apply'), 'Apply');
  const first = await page.getAttribute('.preview', 'data-job-id');
  await waitCompleted(s.api, (await s.api.post('/api/jobs', { operation: 'normalize', select: { filter: 'all' } })).json.job_id);
  await page.waitForSelector('.preview-changed');
  assert.equal(await page.innerText('#btn-preview-apply'), 'Apply all the same');
  await press(page, 'btn-preview-again');
  await until('another preview', 20, async () => (await page.getAttribute('.preview', 'data-job-id')) !== first);
  await previewState(page, 'completed');
  assert.equal(await page.locator('.preview-changed').count(), 0);
  await until('nothing to do', 10, async () => (await rowsOf(page)).filter(([kind]) => kind === 'nothing').length === 3);
});

pageTest('preview: closing a running one cancels it', { books: (dir) => makeBooks(dir, 60), seconds: 120 }, async (s, b) => {
  const blocker = await startNoop(s.api, 64, 60000, { priority: 'high' }); // so that the preview does not end by itself
  const page = await b.open(s.url);
  await openForm(page, 'process', 'all');
  await press(page, 'btn-preview');
  await until('the preview to run', 20, async () => (await page.getAttribute('.preview', 'data-job-id')) !== null);
  const id = await page.getAttribute('.preview', 'data-job-id');
  await press(page, 'btn-preview-close');
  await until('it to be cancelled', 20, async () => (await getJob(s.api, id)).status === 'cancelled');
  assert.ok(await page.isVisible('#start-operation'), 'back at the form');
  await s.api.post(`/api/jobs/${blocker}/cancel`);
  await untilPage('the other job to be cancelled', page, 20, (v) => v.status === 'cancelled');
});

pageTest('preview: what cannot be known before it runs is offered without one', { books: 2, expectCuts: true }, async (s, b) => {
  const page = await b.open(s.url);
  // The page believes in a preview that the server does not have.
  await page.route((url) => url.pathname === '/api/config', async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    json.operations.find((one) => one.name === 'verify').previews = true;
    await route.fulfill({ json });
  });
  await page.reload({ waitUntil: 'domcontentloaded' });
  await openForm(page, 'verify', 'all');
  await press(page, 'btn-preview');
  await previewState(page, 'refused');
  assert.match(await page.innerText('.preview [role=alert]'), /cannot be known before it runs/);
  await press(page, 'btn-preview-apply');
  const end = await untilEnded(page, 20);
  assert.equal((await getJob(s.api, end.jobId)).operation, 'verify');
});

pageTest('start: all that match but one are a selection without a list, for a button and for the form', { books: 30 }, async (s, b) => {
  const page = await b.open(s.url);
  await page.waitForSelector('#file-table tbody tr');
  await page.fill('#search', 'glass');
  await until('those that match', 10, async () => (await page.locator('#file-table tbody input[type=checkbox]').count()) === 5);
  await page.focus('#file-table');
  await page.keyboard.press('Control+a');
  await page.locator('#file-table tbody input[type=checkbox]').nth(2).uncheck();
  await page.click('#btn-more');
  await page.waitForSelector('#start-operation');
  assert.equal(await page.inputValue('#start-scope'), 'selected');
  assert.equal(await page.innerText('#start-scope option:checked'), 'Selected (4)');
  await page.selectOption('#start-operation', 'rename');
  await press(page, 'btn-preview');
  await previewState(page, 'completed');
  await until('a row for each', 10, async () => (await rowsOf(page)).length === 4);
  await press(page, 'btn-preview-close');
  await page.selectOption('#start-scope', 'shown');
  await press(page, 'btn-preview');
  await until('a row for all that match', 20, async () => (await rowsOf(page).catch(() => [])).length === 5);
  await press(page, 'btn-preview-close');
  await press(page, 'btn-start-close');
  const body = await sent(page, () => page.dblclick('#btn-normalize-selected'));
  assert.deepEqual([body.operation, body.title, body.files], ['normalize', 'Normalizing Selected Files...', undefined]);
  assert.equal(body.select.search, 'glass');
  assert.equal(body.select.except.length, 1);
  const end = await untilEnded(page, 20);
  assert.equal(end.total, 4);
  const started = (await jobsOf(s)).filter((job) => !job.dry_run);
  assert.deepEqual(started.map((job) => [job.operation, job.total_items]), [['normalize', 4]]);
  await until('the selection to be gone', 10, () => page.isDisabled('#btn-normalize-selected'));
  const { json } = await s.api.get('/api/files?filter=marked');
  assert.equal(json.total_files, 4, 'the one that was taken out is as it was, and those that do not match');
});

pageTest('start: all of more than a hundred files are asked about first', { books: (dir) => makeBooks(dir, 101), seconds: 120 }, async (s, b) => {
  const page = await b.open(s.url);
  await page.waitForSelector('#file-table tbody tr');
  await press(page, 'btn-normalize-all');
  await page.waitForSelector('#confirm-dialog[open]');
  assert.equal(await page.innerText('#confirm-title'), 'Normalize all 101 files?');
  await press(page, 'btn-confirm-no');
  await until('the question to be gone', 10, async () => (await page.locator('#confirm-dialog').count()) === 0);
  assert.deepEqual(await jobsOf(s), []);
  await press(page, 'btn-normalize-all');
  await page.dblclick('#btn-confirm');
  const end = await untilEnded(page, 60);
  assert.equal(end.total, 101);
  assert.equal((await jobsOf(s)).length, 1);
});
