// The page of a batch, in headless Chromium against the real server: it drives, watches, and hands over.
import assert from 'node:assert/strict';
import { address, lead, running, shot, shownCounts, states, untilLead, untilWhole } from '../lib/batch_page.js';
import { getBatch, makeBatch } from '../lib/batches.js';
import { look, pageTest, untilEnded, untilPage } from '../lib/browser.js';
import { getJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { startProxy } from '../lib/proxy.js';
import { until } from '../lib/until.js';

const press = (page, id) => page.click(`#${id}`);

for (const n of [1, 3, 10]) {
  pageTest(`batch page: a batch of ${n} is driven, shows every step, and completes by itself`, {}, async (s, b) => {
    const id = await makeBatch(s.api, n, 150);
    const page = await b.open(address(s.url, id));
    const counts = await untilWhole(page, s, id, n);
    assert.deepEqual(counts, Array.from({ length: n + 1 }, (_, k) => k));
    await untilLead(page, 'nobody');
    assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('drive')).length), 0, 'no lease is left');
  });
}

pageTest('batch page: failed items count, the batch goes on, and the list says why', {}, async (s, b) => {
  const id = await makeBatch(s.api, 6, 50, { options: { fail_every: 3 } });
  const page = await b.open(address(s.url, id));
  await untilWhole(page, s, id, 6);
  assert.deepEqual(await states(page), ['done', 'done', 'failed', 'done', 'done', 'failed']);
  assert.match(await page.innerText('#batch-items li:nth-child(3)'), /item failed as asked/);
  assert.match(await page.innerText('#summary'), /2 failed/);
});

for (const [what, set] of [['answered when it is done', {}], ['answered "not yet" (202)', { answer_wait_ms: 1500 }]]) {
  pageTest(`batch page: a last item of 5 s, ${what}, never makes the bar fall`, { set }, async (s, b) => {
    const id = await makeBatch(s.api, 2, 5000);
    const page = await b.open(address(s.url, id));
    await running(page, 1);
    await until('the last item to run', 20, async () => (await states(page))[1] === 'running');
    const runs = await s.sqlite(`SELECT max(attempts) AS n FROM job_items WHERE job_id = '${id}'`);
    assert.equal(runs[0].n, 1);
    assert.equal((await look(page)).text, '1 of 2');
    assert.deepEqual(await untilWhole(page, s, id, 2), [0, 1, 2]);
  });
}

pageTest('batch page: cancel in the middle shows cancelled', {}, async (s, b) => {
  const id = await makeBatch(s.api, 50, 300);
  const page = await b.open(address(s.url, id));
  await running(page, 2);
  await press(page, 'btn-cancel');
  const end = await untilEnded(page, 20, 'cancelled');
  const job = await getJob(s.api, id);
  assert.equal(job.status, 'cancelled');
  assert.equal(end.processed, job.processed_items);
  assert.ok(job.cancelled_items > 0);
  await until('the items to say so', 20, async () => (await states(page)).includes('cancelled'));
  await shownCounts(page);
});

pageTest('batch page: refreshed at every stage, it goes on where it was', {}, async (s, b) => {
  const n = 6;
  const id = await makeBatch(s.api, n, 400);
  const page = await b.open(address(s.url, id));
  for (let k = 0; k < n; k++) {
    await untilPage(`${k} of ${n}`, page, 15, (v) => v.processed >= k && v.status !== undefined);
    await page.reload({ waitUntil: 'domcontentloaded' });
    const v = await untilPage('the batch again', page, 10, (now) => now.jobId === id);
    assert.ok(v.processed >= k);
  }
  await untilWhole(page, s, id, n);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await untilWhole(page, s, id, n);
  const runs = await s.sqlite(`SELECT sum(attempts) AS n FROM job_items WHERE job_id = '${id}'`);
  assert.equal(runs[0].n, n, 'no item ran twice');
});

pageTest('batch page: workers killed in the middle; the batch completes', {
  expectCuts: true, set: { reconnect_delay_ms: 300, watchdog_timeout_ms: 3000, watchdog_check_ms: 500 },
}, async (s, b) => {
  const id = await makeBatch(s.api, 12, 300);
  const page = await b.open(address(s.url, id));
  await running(page, 3);
  for (const w of s.workers()) process.kill(w.pid, 'SIGKILL');
  await untilWhole(page, s, id, 12, 60);
});

pageTest('batch page: the server is restarted in the middle; the batch completes', {
  expectCuts: true, seconds: 150, set: { reconnect_delay_ms: 300, watchdog_timeout_ms: 3000, watchdog_check_ms: 500 },
}, async (s, b) => {
  const id = await makeBatch(s.api, 12, 300);
  const page = await b.open(address(s.url, id));
  await running(page, 3);
  await s.kill();
  await untilPage('a word that it is away', page, 15, (v) => v.quality === 'offline');
  const before = await look(page);
  assert.equal(before.status, 'processing');
  await s.start();
  await untilWhole(page, s, id, 12, 60);
});

pageTest('batch page: without any stream the answers alone bring it to its end', {
  expectCuts: true, set: { watchdog_timeout_ms: 1500, watchdog_check_ms: 300, reconnect_delay_ms: 500 },
}, async (s, b) => {
  const proxy = await startProxy(s, { streams: false });
  const id = await makeBatch(s.api, 10, 150);
  const page = await b.open(address(proxy.url, id));
  const counts = await untilWhole(page, s, id, 10);
  assert.deepEqual(counts, Array.from({ length: 11 }, (_, k) => k));
});

pageTest('batch page: everything is cut for a while; it goes on and completes', {
  expectCuts: true, set: { reconnect_delay_ms: 500, watchdog_timeout_ms: 3000, watchdog_check_ms: 500 },
}, async (s, b) => {
  const proxy = await startProxy(s);
  const id = await makeBatch(s.api, 12, 200);
  const page = await b.open(address(proxy.url, id));
  await running(page, 3);
  proxy.cutAll();
  await untilPage('a word that it is away', page, 15, (v) => v.quality === 'offline');
  assert.match(await page.innerText('#driver'), /tries again/);
  proxy.restoreAll();
  await untilWhole(page, s, id, 12, 40);
});

pageTest('batch page: the server finishes it, and is asked to give it back', { expectCuts: true }, async (s, b) => { // a call that crosses the hand-over is refused
  const id = await makeBatch(s.api, 120, 700);
  const page = await b.open(address(s.url, id));
  await running(page, 2);
  await page.focus('#btn-drive');
  await page.keyboard.press('Enter');
  await until('the server to drive', 20, async () => /The server runs/.test(await page.innerText('#driver')));
  assert.equal((await getBatch(s.api, id)).drive, 'server');
  await untilLead(page, 'nobody');
  const at = await look(page);
  await untilPage('it to go on', page, 10, (v) => v.processed > at.processed);
  await page.keyboard.press('Enter'); // the focus has stayed where it was
  await untilLead(page, 'me');
  assert.equal((await getBatch(s.api, id)).drive, 'client');
  await page.keyboard.press('Enter');
  await until('the server to drive', 20, async () => (await getBatch(s.api, id)).drive === 'server');
  await page.goto('about:blank'); // nobody watches
  await waitCompleted(s.api, id, 40);
  await page.goto(address(s.url, id));
  await untilWhole(page, s, id, 120);
});

pageTest('batch page: paused here and there, it waits, and goes on when it is resumed', { expectCuts: true }, async (s, b) => {
  const id = await makeBatch(s.api, 12, 200);
  const page = await b.open(address(s.url, id));
  await running(page, 2);
  await press(page, 'btn-pause');
  await until('the word for it', 20, async () => /Nothing new is started/.test(await page.innerText('#driver')));
  const still = await until('nothing to run', 10, async () => {
    const batch = await getBatch(s.api, id);
    return batch.items.every((item) => item.status !== 'processing') && batch;
  });
  await untilPage('the page to say the same', page, 20, (v) => v.processed === still.progress.completed);
  assert.ok(still.remainingItems > 0, 'the pause came in the middle');
  assert.equal((await s.api.post(`/api/jobs/${id}/resume`)).status, 200);
  await untilWhole(page, s, id, 12);
});

pageTest('batch page: any other job is watched', {}, async (s, b) => {
  const id = await startNoop(s.api, 40, 150);
  const page = await b.open(address(s.url, id));
  await untilPage('it to run', page, 10, (v) => v.processed > 0);
  assert.equal(await lead(page), 'nobody');
  await untilWhole(page, s, id, 40);
});

pageTest('batch page: works behind a base path, whether or not it is taken off outside', { set: { base_path: '/comics' } }, async (s, b) => {
  for (const base of [`${s.url}/comics`, s.url]) {
    const id = await makeBatch(s.api, 3, 100);
    const page = await b.open(address(base, id));
    await untilWhole(page, s, id, 3);
    assert.equal(await page.getAttribute('link[rel=icon]', 'href'), 'favicon.svg');
    await page.click('text=All files');
    assert.equal(page.url(), `${base}/`);
    await until('the library', 10, () => page.locator('#btn-process-all').count());
  }
});

pageTest('batch page: an unknown id is said in so many words, and nothing is asked again', { expectCuts: true }, async (s, b) => {
  const proxy = await startProxy(s);
  for (const id of ['01a20000-0000-7000-8000-00000000dead', 'nonsense', '']) {
    const page = await b.open(address(proxy.url, id));
    await until('the message', 10, async () => (await page.locator('#missing').count()) === 1);
    assert.match(await page.innerText('#missing'), id ? new RegExp(`There is no job ${id} here`) : /names no job/);
    const asked = proxy.requests.length;
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.evaluate(() => new Promise((done) => setTimeout(done, 600))); // longer than any first step of asking again
    assert.deepEqual(proxy.requests.slice(asked).map((r) => r.url).filter((url) => url.includes('job')), []);
  }
});

pageTest('batch page: names of items and of the batch are text, never markup', {}, async (s, b) => {
  const bad = "<img src=x onerror=document.title='broken'>";
  const r = await s.api.post('/api/batch-jobs', { name: bad, operation: 'noop', items: [bad, `${bad} 2`] });
  const page = await b.open(address(s.url, r.json.id));
  await untilWhole(page, s, r.json.id, 2);
  assert.equal(await page.locator('img[src=x]').count(), 0);
  assert.match(await page.innerText('#batch-items'), /<img src=x/);
});

pageTest('batch page: the library page leads to it', { books: 2 }, async (s, b) => {
  const page = await b.open(s.url);
  const id = await makeBatch(s.api, 4, 200);
  await page.click('#batch-link');
  assert.equal(page.url(), address(s.url, id));
  await untilWhole(page, s, id, 4);
});

for (const [size, viewport, scheme] of [['wide', { width: 1100, height: 800 }, 'light'], ['narrow', { width: 360, height: 740 }, 'dark']]) {
  pageTest(`batch page: fits, and tells a screen reader, ${size}`, {}, async (s, b) => {
    const r = await s.api.post('/api/batch-jobs', { name: 'New arrivals of a quite long week', operation: 'noop', options: { ms: 300, fail_every: 4 },
      items: Array.from({ length: 10 }, (_, i) => `Glass Harbor/Glass Harbor with a long name #${i + 1} (2009).cbz`) });
    const page = await b.open('about:blank');
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(address(s.url, r.json.id));
    await running(page, 4);
    const bar = page.getByRole('progressbar');
    assert.match(await bar.getAttribute('aria-valuetext'), /^\d+ of 10, \d+ percent$/);
    assert.equal(await bar.getAttribute('aria-label'), 'New arrivals of a quite long week');
    assert.equal(await page.locator('#driver [role=status]').count(), 1);
    await shot(page, `batch-running-${size}`);
    const fits = async () => {
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(inner <= outer, `${inner} in ${outer}`);
    };
    await fits();
    await untilWhole(page, s, r.json.id, 10);
    await until('the end to be spoken', 20, async () => /finished\. 8 of 10/.test(await page.textContent('[aria-live=assertive]')));
    await shot(page, `batch-ended-${size}`);
    await fits();
  });
}

pageTest('batch page: the buttons of what can follow appear by themselves, and lead to the new job', { books: 3 }, async (s, b) => {
  const r = await s.api.post('/api/batch-jobs', { name: 'Tags first', operation: 'normalize', items: s.books });
  const page = await b.open(address(s.url, r.json.id));
  await untilEnded(page, 30);
  await until('the buttons', 20, async () => (await page.locator('#follow-ups button').count()) >= 2);
  await shot(page, 'batch-follow-up');
  assert.equal(await page.locator('#follow-ups button[data-operation=normalize]').count(), 0, 'not what has just been done');
  assert.match(await page.innerText('#follow-ups'), /over the 3 that went well/);
  await page.click('#follow-ups button[data-operation=rename]');
  await page.waitForURL((url) => !url.pathname.endsWith(r.json.id));
  const made = new URL(page.url()).pathname.split('/').pop();
  const job = await getJob(s.api, made);
  assert.deepEqual([job.operation, job.parent, job.parent_kind], ['rename', r.json.id, 'follow_up']);
  await untilWhole(page, s, made, 3);
  await page.click('text=another job');
  assert.equal(page.url(), address(s.url, r.json.id));
  await until('the link to what followed', 20, async () => (await page.getAttribute('#follow-ups a', 'href')) === `batch-jobs/${made}`);
  assert.equal(await page.locator('#follow-ups button[data-operation=rename]').count(), 0);
});

pageTest('batch page: what follows by itself is shown without a refresh', { books: 3 }, async (s, b) => {
  const r = await s.api.post('/api/batch-jobs', { name: 'Both', operation: 'normalize', items: s.books, follow_up: ['rename'] });
  const page = await b.open(address(s.url, r.json.id));
  await untilEnded(page, 30);
  await until('the link', 10, async () => (await page.locator('#follow-ups a[data-operation=rename]').count()) === 1);
  await page.click('#follow-ups a[data-operation=rename]');
  const made = new URL(page.url()).pathname.split('/').pop();
  await untilWhole(page, s, made, 3);
});
