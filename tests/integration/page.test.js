// The seed scenarios with the page, in headless Chromium against the real server.
import assert from 'node:assert/strict';
import { Browser, appliedJobs, listed, look, pageTest, streamedSteps, untilEnded, untilLive, untilPage } from '../lib/browser.js';
import { listBooks, makeBooks } from '../lib/books.js';
import { getJob, startJob, startNoop, waitCompleted } from '../lib/jobs.js';
import { startProxy } from '../lib/proxy.js';
import { sleep, until } from '../lib/until.js';

const running = (page, least = 1) => untilPage(`${least} items done and the job running`, page, 20,
  (v) => v.dialog && v.status === 'processing' && v.processed >= least);
const press = (page, id) => page.click(`#${id}`);
const rows = listed;

for (const n of [1, 3, 10]) {
  pageTest(`page: Process All over ${n} completes without a refresh, every k of ${n} seen`, { books: n }, async (s, b) => {
    const page = await b.open(s.url);
    await until('the list', 10, async () => await rows(page) === n);
    await press(page, 'btn-process-all');
    const end = await untilEnded(page, 30);
    assert.equal(end.text, `${n} of ${n}`);
    assert.ok(end.dialog);
    const jobs = await appliedJobs(page, end.jobId);
    assert.equal(jobs[jobs.length - 1].status, 'completed');
    assert.deepEqual(await streamedSteps(page, end.jobId), Array.from({ length: n + 1 }, (_, k) => k));
    await press(page, 'btn-close');
    await untilPage('the dialog to be closed', page, 20, (v) => !v.dialog);
    await until('the new names in the list', 10, async () => (await page.innerText('#file-table')).includes('Iron Meridian - Chapter 0001.cbz'));
    assert.ok(listBooks(s.library).every((name) => name.includes(' - Chapter ')));
  });
}

pageTest('page: Process Selected takes what is ticked, Process Unmarked the rest', { books: 5 }, async (s, b) => {
  const page = await b.open(s.url);
  await until('the list', 10, async () => await rows(page) === 5);
  await page.locator('#file-table tbody input[type=checkbox]').nth(0).check();
  await page.locator('#file-table tbody input[type=checkbox]').nth(1).check();
  await press(page, 'btn-process-selected');
  const first = await untilEnded(page, 30);
  assert.equal(first.total, 2);
  await press(page, 'btn-close');
  await press(page, 'btn-process-unmarked');
  const second = await untilPage('the second job to be completed', page, 30, (v) => v.jobId !== first.jobId && v.status === 'completed' && v.summary);
  assert.equal(second.total, 3);
});

for (const operation of ['rename', 'normalize']) {
  pageTest(`page: the ${operation} buttons start their jobs`, { books: 4 }, async (s, b) => {
    const page = await b.open(s.url);
    let last = '';
    for (const which of ['selected', 'unmarked', 'all']) {
      await until('the list', 10, async () => await rows(page) === 4);
      if (which === 'selected') await page.locator('#file-table tbody input[type=checkbox]').nth(2).check();
      await press(page, `btn-${operation}-${which}`);
      const end = await untilPage(`${which} to be completed`, page, 30, (v) => v.jobId !== last && v.status === 'completed' && v.summary);
      assert.equal(end.total, { selected: 1, unmarked: 3, all: 4 }[which]);
      const job = await getJob(s.api, end.jobId);
      assert.equal(job.operation, operation);
      last = end.jobId;
      await press(page, 'btn-close');
    }
  });
}

pageTest('page: search and filter narrow the list', { books: 30 }, async (s, b) => {
  await waitCompleted(s.api, (await startJob(s.api, 'normalize-selected', { files: s.books.slice(0, 2) })).job_id);
  const page = await b.open(s.url);
  await until('the list', 10, async () => await rows(page) === 30);
  await page.fill('#search', 'glass');
  await until('five rows', 10, async () => await rows(page) === 5);
  await page.fill('#search', '');
  await page.selectOption('#filter', 'marked');
  await until('two rows', 10, async () => await rows(page) === 2);
});

pageTest('page: names of books are text, never markup', {
  books: (dir) => makeBooks(dir, 1).concat(makeBooks(`${dir}/<img src=x onerror=document.title='broken'>`, 1)),
}, async (s, b) => {
  const page = await b.open(s.url);
  await until('the list', 10, async () => await rows(page) === 2);
  await press(page, 'btn-process-all');
  await untilEnded(page, 30);
  assert.ok(!(await page.title()).includes('broken'));
  assert.equal(await page.locator('img[src=x]').count(), 0);
});

pageTest('page: a job of another client is shown without a refresh', { books: 2 }, async (s, b) => {
  const page = await b.open(s.url);
  await untilLive(page);
  const id = await startNoop(s.api, 30, 100);
  await untilPage('the job', page, 10, (v) => v.jobId === id && v.processed > 0);
  await untilEnded(page, 30);
});

pageTest('page: refresh in the middle goes on where it was', { books: 1 }, async (s, b) => {
  const page = await b.open(s.url);
  await untilLive(page);
  const id = await startNoop(s.api, 160, 600);
  const before = await running(page, 10);
  assert.equal(before.jobId, id);
  await page.reload({ waitUntil: 'domcontentloaded' });
  const after = await running(page, before.processed);
  assert.equal(after.jobId, id);
  const end = await untilEnded(page, 40);
  assert.equal(end.text, '160 of 160');
  await appliedJobs(page, id);
});

pageTest('page: refresh at once after the start finds the job', { books: (dir) => makeBooks(dir, 100) }, async (s, b) => {
  const blocker = await startNoop(s.api, 16, 1500); // holds the threads, so that the job is there to be found
  const page = await b.open(s.url);
  await until('the list', 10, async () => await rows(page) === 100);
  const answered = page.waitForResponse((r) => r.url().endsWith('/api/jobs/process-all'));
  await press(page, 'btn-process-all');
  const id = (await (await answered).json()).job_id;
  assert.notEqual(id, blocker);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await untilPage('the job', page, 10, (v) => v.dialog && v.jobId === id);
  const end = await untilEnded(page, 40);
  assert.equal(end.jobId, id);
  assert.equal(end.text, '100 of 100');
});

pageTest('page: two tabs on two workers show the same, and one cancels for both', { books: 2 }, async (s, b) => {
  const proxies = [await startProxy(s, { slot: 0 }), await startProxy(s, { slot: 1 })];
  const tabs = [await b.open(proxies[0].url), await b.open(proxies[1].url)];
  for (const tab of tabs) await untilLive(tab);
  const short = await startNoop(s.workerClient(0), 20, 100);
  for (const tab of tabs) {
    const end = await untilPage('the end', tab, 20, (v) => v.jobId === short && v.status === 'completed');
    assert.equal(end.processed, 20);
    await press(tab, 'btn-close'); // an open summary is not pushed away by another job
  }
  const long = await startNoop(s.workerClient(1), 400, 1000);
  for (const tab of tabs) await untilPage('the second job', tab, 20, (v) => v.jobId === long && v.dialog && v.processed > 0);
  await press(tabs[0], 'btn-cancel');
  const ends = [];
  for (const tab of tabs) ends.push(await untilEnded(tab, 20, 'cancelled'));
  assert.equal(ends[0].processed, ends[1].processed);
  for (const [k, proxy] of proxies.entries()) {
    const workers = new Set(proxy.requests.filter((r) => r.url.startsWith('/api') && r.worker !== undefined).map((r) => r.worker));
    assert.deepEqual([...workers], [String(k)]);
  }
});

pageTest('page: the stream is cut for 10 s and restored; the dialog catches up and completes', {
  books: 2, expectCuts: true, set: { reconnect_delay_ms: 1000 },
}, async (s, b) => {
  const proxy = await startProxy(s);
  const id = await startNoop(s.api, 150, 800); // 15 s
  const page = await b.open(proxy.url);
  await untilLive(page);
  await running(page, 4);
  proxy.cutStreams();
  await untilPage('a word that it is not live', page, 20, (v) => v.quality !== 'live');
  await sleep(10000); // the length of the cut is the scenario
  proxy.restoreStreams();
  const opened = proxy.count('/api/events/stream');
  await until('a new stream', 20, () => proxy.requests.filter((r) => r.url.startsWith('/api/events/stream') && r.status === 200).length >= 2);
  assert.ok(opened >= 1);
  await untilPage('live again', page, 20, (v) => v.quality === 'live');
  const end = await untilEnded(page, 40);
  assert.equal(end.text, '150 of 150');
  await appliedJobs(page, id);
});

pageTest('page: everything is cut for a while; the dialog catches up and completes', {
  books: 2, expectCuts: true, set: { reconnect_delay_ms: 500, watchdog_timeout_ms: 3000, watchdog_check_ms: 500 },
}, async (s, b) => {
  const proxy = await startProxy(s);
  const id = await startNoop(s.api, 40, 800);
  const page = await b.open(proxy.url);
  await running(page, 5);
  proxy.cutAll();
  await waitCompleted(s.api, id); // it ends while the page hears nothing
  assert.equal((await look(page)).status, 'processing');
  proxy.restoreAll();
  const end = await untilEnded(page, 30);
  assert.equal(end.text, '40 of 40');
});

pageTest('page: a stream that is never available: polling alone finishes the dialog', {
  books: 10, expectCuts: true, set: { watchdog_timeout_ms: 1500, watchdog_check_ms: 300, reconnect_delay_ms: 500 },
}, async (s, b) => {
  const proxy = await startProxy(s, { streams: false });
  const page = await b.open(proxy.url);
  await until('the list', 10, async () => await rows(page) === 10);
  await press(page, 'btn-process-all');
  const end = await untilEnded(page, 60);
  assert.equal(end.text, '10 of 10');
  assert.ok(proxy.requests.every((r) => !r.url.startsWith('/api/events/stream') || r.status === undefined), 'no stream came through');
  const id = await startNoop(s.api, 40, 1500); // longer than the page takes to come back
  await page.reload({ waitUntil: 'domcontentloaded' });
  await untilPage('the second job to be completed', page, 60, (v) => v.jobId === id && v.status === 'completed' && v.summary);
});

pageTest('page: cancel in the middle ends the dialog with what was done', { books: 2 }, async (s, b) => {
  const id = await startNoop(s.api, 400, 1000);
  const page = await b.open(s.url);
  await running(page, 8);
  await press(page, 'btn-cancel');
  const end = await untilEnded(page, 20, 'cancelled');
  const job = await getJob(s.api, id);
  assert.equal(job.status, 'cancelled');
  assert.equal(end.processed, job.processed_items);
  assert.ok(job.cancelled_items > 0);
});

pageTest('page: a job that finished while nobody watched is shown with its results', { books: 6 }, async (s, b) => {
  const page = await b.open(s.url);
  await untilLive(page);
  const id = await startNoop(s.api, 40, 100);
  await untilPage('the job', page, 10, (v) => v.jobId === id && v.processed > 0);
  await page.close();
  b.pages = [];
  await waitCompleted(s.api, id);
  const again = await b.open(s.url);
  const end = await untilEnded(again, 10);
  assert.equal(end.jobId, id);
  assert.equal(end.text, '40 of 40');
});

pageTest('page: browser killed and reopened finds its running job', { books: 2, own: true }, async (s, b) => {
  const id = await startNoop(s.api, 250, 800); // 25 s, longer than a browser takes to come back
  const page = await b.open(s.url);
  const before = await running(page, 5);
  await b.kill();
  const again = new Browser(s.dir, { own: true });
  await again.start();
  try {
    const fresh = await again.open(s.url);
    const found = await running(fresh, before.processed);
    assert.equal(found.jobId, id);
    await untilEnded(fresh, 60);
    assert.deepEqual(again.errors, []);
  } finally {
    await again.close();
  }
});

pageTest('page: a job that is gone is forgotten', { books: 2 }, async (s, b) => {
  const page = await b.open(s.url);
  await untilLive(page);
  const id = await startNoop(s.api, 40, 100);
  await untilPage('the end', page, 20, (v) => v.jobId === id && v.status === 'completed');
  await page.close();
  b.pages = [];
  await s.api.del(`/api/jobs/${id}`);
  b.expectCuts = true; // the browser writes the 404 of the remembered job to the console
  const again = await b.open(s.url);
  await until('the list', 10, async () => await rows(again) === 2);
  await untilPage('no job', again, 10, (v) => !v.dialog && !v.jobId);
});

pageTest('page: workers killed under it: the dialog completes', {
  books: 2, expectCuts: true, set: { reconnect_delay_ms: 300, watchdog_timeout_ms: 3000, watchdog_check_ms: 500 },
}, async (s, b) => {
  const page = await b.open(s.url);
  await untilLive(page);
  const id = await startNoop(s.api, 120, 300);
  await running(page, 5);
  for (const w of s.workers()) process.kill(w.pid, 'SIGKILL');
  const end = await untilEnded(page, 60);
  assert.equal(end.jobId, id);
  assert.equal(end.text, '120 of 120');
});
