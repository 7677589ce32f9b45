import test from 'node:test';
import assert from 'node:assert/strict';
import { createJobs } from '../../htdocs/js/jobs.js';
import { createMemory } from '../../htdocs/js/memory.js';
import { ApiError } from '../../htdocs/js/api.js';
import * as S from '../../htdocs/js/state.js';
import * as texts from '../../htdocs/js/strings.js';
import { asPoll, fakeStorage, jobStory } from './fakes.js';

const A = '01920000-0000-7000-8000-00000000000a';
const B = '01920000-0000-7000-8000-00000000000b';
const last = (list) => list[list.length - 1];
const settle = async () => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

/* `routes`: "METHOD path" -> answer, error or function; an unknown job is 404, as on the server. */
function rig({ routes = {}, storage = fakeStorage(), ...options } = {}) {
  const calls = [];
  const notices = [];
  const states = [];
  const call = async (method, path, body, options) => {
    calls.push({ method, path, body, options });
    const key = Object.keys(routes).find((name) => `${method} ${path}`.startsWith(name));
    const answer = key === undefined ? null : typeof routes[key] === 'function' ? routes[key](path, body) : routes[key];
    const given = await answer;
    if (given instanceof Error) throw given;
    if (given) return given;
    if (path.startsWith('api/jobs?')) return { jobs: [] };
    if (path === 'api/active-job') return { job_id: null, job_title: null };
    throw new ApiError('refused', 'Job not found', { status: 404 });
  };
  const memory = createMemory(() => storage);
  const jobs = createJobs({
    api: { get: (path, options) => call('GET', path, undefined, options), post: (path, body, options) => call('POST', path, body, options), patch: (path, body, options) => call('PATCH', path, body, options) },
    memory,
    changed: (state) => states.push(state),
    notify: (kind, text, action) => notices.push({ kind, text, action }),
    makeKey: () => 'key-1',
    ...options,
  });
  return { jobs, calls, notices, states, memory, storage };
}

const network = () => new ApiError('network', 'Server not reachable');
const deferred = () => {
  let done;
  const promise = new Promise((resolve) => (done = resolve));
  return { promise, done };
};

test('the tracking state is set before anything is awaited', () => {
  const { jobs, calls } = rig({ routes: { 'POST api/jobs/process-all': new Promise(() => {}) } });
  void jobs.start('process', 'all');
  assert.equal(jobs.state().starting.title, 'Processing Files...');
  assert.equal(jobs.state().open, true);
  assert.equal(calls.length, 1);
  assert.deepEqual(calls[0].options.headers, { 'Idempotency-Key': 'key-1' });
});

test('a job whose every event came before the POST was answered ends as completed', async () => {
  const post = deferred();
  const { jobs } = rig({ routes: { 'POST api/jobs/process-all': post.promise, [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))) } });
  const started = jobs.start('process', 'all');
  for (const event of jobStory(A)) jobs.receive(event);
  post.done({ job_id: A, total_items: 5 });
  assert.equal(await started, true);
  assert.equal(S.followedJob(jobs.state()).status, 'completed');
  assert.equal(jobs.running(), false);
});

test('a second click while the first is on its way starts nothing', async () => {
  const { jobs, calls } = rig({ routes: { 'POST api/jobs': new Promise(() => {}) } });
  void jobs.start('process', 'all');
  assert.equal(await jobs.start('process', 'all'), false);
  assert.equal(calls.length, 1);
});

test('after the answer the job is remembered and read once', async () => {
  const { jobs, calls, memory } = rig({
    routes: { 'POST api/jobs/rename-selected': { job_id: A, total_items: 2 }, [`GET api/jobs/${A}`]: asPoll(jobStory(A)[1]) },
  });
  await jobs.start('rename', 'selected', { files: ['a/b.cbz', 'c.cbz'] });
  assert.deepEqual(calls[0].body, { files: ['a/b.cbz', 'c.cbz'] });
  assert.deepEqual(memory.get('job'), { id: A, pinned: true });
  assert.deepEqual(calls.map((call) => call.method), ['POST', 'GET']);
});

test('a selection by question goes to the call for any job, with the title of the button', async () => {
  const { jobs, calls } = rig({ routes: { 'POST api/jobs': { job_id: A, total_items: 2 } } });
  const select = { filter: 'unmarked', search: 'wolf', except: ['id:7'] };
  assert.equal(await jobs.start('rename', 'selected', { select }), true);
  assert.deepEqual([calls[0].path, calls[0].body], ['api/jobs', { operation: 'rename', title: 'Renaming Selected Files...', select }]);
});

test('a whole body makes a job that is followed, a preview one that is not; both may be sent again', async () => {
  const made = (more) => ({ ...asPoll(jobStory(A)[1]), status: 'processing', ...more });
  const { jobs, calls } = rig({ routes: { 'POST api/jobs': (_path, body) => made({ job_id: body.dry_run ? B : A, dry_run: !!body.dry_run }) } });
  assert.equal(await jobs.submit({ operation: 'process', dry_run: true }, 'k-1'), B);
  assert.equal(jobs.state().followed, null, 'a preview that runs is not followed');
  assert.deepEqual(S.others(jobs.state()), []);
  assert.equal(await jobs.submit({ operation: 'process' }, 'k-2'), A);
  assert.equal(jobs.state().followed, A);
  assert.deepEqual(calls.filter((call) => call.method === 'POST').map(({ options }) => [options.tries, options.headers['Idempotency-Key']]), [[3, 'k-1'], [3, 'k-2']]);
});

test('an answer about a running job says whether jobs are held, one about an ended job does not', async () => {
  const said = [];
  let answer = { ...asPoll(jobStory(A)[1]), status: 'processing', held: 'library: disk full' };
  const { jobs } = rig({ routes: { [`GET api/jobs/${A}`]: () => answer }, held: (reason, asked_ms) => said.push(asked_ms <= performance.now() && reason) });
  await jobs.look(A);
  answer = { ...answer, held: undefined };
  await jobs.look(A);
  answer = { ...answer, status: 'completed' };
  await jobs.look(A);
  assert.deepEqual(said, ['library: disk full', null]);
});

test('the priority of a job is changed once per click, and its answer is the job', async () => {
  const { jobs, calls } = rig({ routes: { [`PATCH api/jobs/${A}`]: { ...asPoll(jobStory(A)[1]), status: 'processing', priority: 'high' } } });
  jobs.receive({ ...asPoll(jobStory(A)[0]), status: 'processing' });
  await Promise.all([jobs.setPriority(A, 'high'), jobs.setPriority(A, 'low')]);
  assert.deepEqual(calls.map(({ method, body }) => [method, body]), [['PATCH', { priority: 'high' }]]);
  assert.equal(jobs.state().jobs[A].priority, 'high');
});

test('a refused body is the caller\'s to show', async () => {
  const { jobs, notices } = rig({ routes: { 'POST api/jobs': new ApiError('refused', 'no', { status: 422, field: 'padding' }) } });
  await assert.rejects(jobs.submit({ operation: 'process' }, 'k-1'), { field: 'padding' });
  assert.deepEqual(notices, []);
  assert.equal(jobs.state().followed, null);
});

test('a refused start says why, and nothing is followed', async () => {
  const { jobs, notices } = rig({ routes: { 'POST api/jobs': new ApiError('refused', 'No files to process', { status: 400 }) } });
  assert.equal(await jobs.start('process', 'all'), false);
  assert.equal(jobs.state().starting, null);
  assert.equal(jobs.state().followed, null);
  assert.equal(notices[0].text, 'Processing Files did not start: No files to process.');
});

test('an answer without a job id is a refusal, not a stuck dialog', async () => {
  const { jobs, notices } = rig({ routes: { 'POST api/jobs': { ok: true } } });
  assert.equal(await jobs.start('process', 'all'), false);
  assert.equal(jobs.state().starting, null);
  assert.equal(notices.length, 1);
});

test('a lost answer is not sent again; the job is found among the running ones', async () => {
  const { jobs, calls, notices } = rig({ routes: { 'POST api/jobs': network(), 'GET api/jobs?status=active': { jobs: [asPoll(jobStory(A)[2])] } } });
  await jobs.start('process', 'all');
  assert.equal(calls.filter((call) => call.method === 'POST').length, 1);
  assert.equal(jobs.state().followed, A);
  assert.deepEqual(notices, []);
});

test('a lost answer and no such job: says so', async () => {
  const { jobs, notices } = rig({ routes: { 'POST api/jobs': network() } });
  await jobs.start('process', 'all');
  assert.equal(jobs.state().starting, null);
  assert.match(notices[0].text, /could not be reached/);
});

test('resume: the active job is followed', async () => {
  const { jobs, memory } = rig({ routes: { 'GET api/active-job': { job_id: A, job_title: 't' }, [`GET api/jobs/${A}`]: asPoll(jobStory(A)[3]) } });
  await jobs.resume();
  assert.equal(jobs.state().followed, A);
  assert.equal(jobs.state().open, true);
  assert.deepEqual(memory.get('job'), { id: A, pinned: false });
});

test('resume: the remembered job is followed before anything is awaited', () => {
  const { jobs, memory } = rig();
  memory.set('job', { id: A });
  void jobs.resume();
  assert.equal(jobs.state().followed, A);
});

test('resume: a job that ended while the page was away is shown with its results', async () => {
  const { jobs, memory } = rig({ routes: { [`GET api/jobs/${A}`]: asPoll(last(jobStory(A, { failing: [2] }))) } });
  memory.set('job', { id: A });
  await jobs.resume();
  assert.equal(S.followedJob(jobs.state()).status, 'completed');
  assert.equal(S.followedJob(jobs.state()).errors, 1);
  assert.equal(jobs.state().open, true);
});

test('resume: a remembered job that is gone is forgotten without a word', async () => {
  const { jobs, memory, notices } = rig();
  memory.set('job', { id: A });
  await jobs.resume();
  assert.equal(jobs.state().followed, null);
  assert.equal(memory.get('job'), null);
  assert.deepEqual(notices, []);
});

test('resume: an active job that is gone a moment later is not followed', async () => {
  const { jobs, notices } = rig({ routes: { 'GET api/active-job': { job_id: A, job_title: 't' } } });
  await jobs.resume();
  assert.equal(jobs.state().followed, null);
  assert.deepEqual(notices, []);
});

test('resume: one ended while away and another runs: the running one, and a word about the other', async () => {
  const { jobs, memory, notices } = rig({
    routes: { 'GET api/active-job': { job_id: B }, [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))), [`GET api/jobs/${B}`]: asPoll(jobStory(B)[2]) },
  });
  memory.set('job', { id: A });
  await jobs.resume();
  assert.equal(jobs.state().followed, B);
  assert.match(notices[0].text, /ended while you were away: 5 of 5 files done/);
  notices[0].action.run();
  assert.equal(jobs.state().followed, A);
});

test('resume: a server that is away keeps the remembered job followed, so that it is asked for again', async () => {
  const { jobs, memory, notices } = rig({ routes: { 'GET api/': network() } });
  memory.set('job', { id: A });
  await jobs.resume();
  assert.equal(jobs.state().followed, A);
  assert.equal(jobs.running(), true);
  assert.equal(notices.length, 1);
});

test('resume does not take the dialog from a job that the user started meanwhile', async () => {
  const active = deferred();
  const { jobs } = rig({
    routes: {
      'GET api/active-job': active.promise,
      'POST api/jobs/process-all': { job_id: B, total_items: 5 },
      [`GET api/jobs/${A}`]: asPoll(jobStory(A)[1]),
      [`GET api/jobs/${B}`]: asPoll(jobStory(B)[1]),
    },
  });
  const resumed = jobs.resume();
  await jobs.start('process', 'all');
  active.done({ job_id: A });
  await resumed;
  assert.equal(jobs.state().followed, B);
});

test('resume does not take the dialog from a job that is being started', async () => {
  const { jobs } = rig({
    routes: { 'GET api/active-job': { job_id: A }, 'POST api/jobs': new Promise(() => {}), [`GET api/jobs/${A}`]: { ...asPoll(jobStory(A)[1]), operation: 'rename' } },
  });
  const resumed = jobs.resume();
  void jobs.start('process', 'all');
  await resumed;
  assert.equal(jobs.state().followed, null);
  assert.ok(jobs.state().starting);
});

test('broken memory and no storage at all are harmless', async () => {
  for (const storage of [{ getItem: () => '{not json', setItem() {}, removeItem() {} }, null]) {
    const { jobs } = rig({ storage, routes: { 'GET api/active-job': { job_id: A }, [`GET api/jobs/${A}`]: asPoll(jobStory(A)[1]) } });
    await jobs.resume();
    assert.equal(jobs.state().followed, A);
  }
});

test('a closed summary is not shown again after a reload', async () => {
  const { jobs, memory } = rig();
  for (const event of jobStory(A)) jobs.receive(event);
  assert.deepEqual(memory.get('job'), { id: A, pinned: false });
  jobs.close();
  assert.equal(memory.get('job'), null);
});

test('cancel is shown at once, sent once, and ends with the job', async () => {
  const { jobs, calls } = rig({ routes: { [`POST api/jobs/${A}/cancel`]: { success: true }, [`GET api/jobs/${A}`]: { ...asPoll(jobStory(A)[3]), cancelling: true } } });
  jobs.receive(jobStory(A)[2]);
  const done = jobs.cancel(A);
  void jobs.cancel(A);
  assert.equal(S.isCancelling(jobs.state(), jobs.state().jobs[A]), true);
  await done;
  assert.equal(calls.filter((call) => call.method === 'POST').length, 1);
  assert.equal(S.isCancelling(jobs.state(), jobs.state().jobs[A]), true);
  jobs.receive({ ...jobStory(A)[4], status: 'cancelled', cancelling: false });
  assert.equal(S.isCancelling(jobs.state(), jobs.state().jobs[A]), false);
});

test('cancel of a job that has just ended shows its end, without an error', async () => {
  const { jobs, notices } = rig({
    routes: { [`POST api/jobs/${A}/cancel`]: new ApiError('refused', 'Job not found or already completed', { status: 400 }), [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))) },
  });
  jobs.receive(jobStory(A)[2]);
  await jobs.cancel(A);
  assert.equal(jobs.state().jobs[A].status, 'completed');
  assert.deepEqual(notices, []);
});

test('cancel that does not arrive says so and can be pressed again', async () => {
  const { jobs, notices } = rig({ routes: { 'POST api/jobs': network(), 'GET api/jobs/': network() } });
  jobs.receive(jobStory(A)[2]);
  await jobs.cancel(A);
  assert.equal(S.isCancelling(jobs.state(), jobs.state().jobs[A]), false);
  assert.match(notices[0].text, /could not be cancelled/);
});

test('ask: reads the followed job while it runs, the list of running jobs otherwise', async () => {
  const { jobs, calls } = rig({ routes: { [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))) } });
  assert.deepEqual(await jobs.ask(), { news: false, failed: false });
  jobs.receive(jobStory(A)[2]);
  assert.deepEqual(await jobs.ask(), { news: true, failed: false });
  await jobs.ask();
  assert.deepEqual(calls.map((call) => call.path), ['api/jobs?status=active&limit=20', `api/jobs/${A}?results=8`, 'api/jobs?status=active&limit=20']);
});

test('ask: no server is a failure, not an exception', async () => {
  const { jobs } = rig({ routes: { 'GET api/': network() } });
  assert.deepEqual(await jobs.ask(), { news: false, failed: true });
});

test('catching up: a job that ended while the stream was away is read although it is not the followed one', async () => {
  const { jobs } = rig({ routes: { [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))), [`GET api/jobs/${B}`]: asPoll(jobStory(B)[2]) } });
  jobs.receive(jobStory(A, { created_at: 1 })[2]);
  jobs.receive(jobStory(B, { created_at: 2 })[2]);
  assert.equal(jobs.state().followed, B);
  await jobs.catchUp();
  assert.equal(jobs.state().jobs[A].status, 'completed');
  assert.deepEqual(S.others(jobs.state()), []);
});

test('catching up twice at once asks once', async () => {
  const { jobs, calls } = rig();
  await Promise.all([jobs.catchUp(), jobs.catchUp()]);
  assert.equal(calls.length, 1);
  await settle();
  await jobs.catchUp();
  assert.equal(calls.length, 2);
});

test('an answer that only tells more about the same version is not news', async () => {
  const { jobs } = rig({ routes: { [`GET api/jobs/${A}`]: { ...asPoll(jobStory(A)[2]), owner: 'worker 1' } } });
  jobs.receive(jobStory(A)[2]);
  assert.deepEqual(await jobs.ask(), { news: false, failed: false });
  assert.equal(jobs.state().jobs[A].owner, 'worker 1');
});

test('resume: a job that was not chosen here gives way to a newer one, a chosen one does not', async () => {
  for (const pinned of [true, false]) {
    const { jobs, memory } = rig({ routes: { [`GET api/jobs/${A}`]: asPoll(jobStory(A, { created_at: 1 })[2]) } });
    memory.set('job', { id: A, pinned });
    await jobs.resume();
    jobs.receive(jobStory(B, { created_at: 2 })[1]);
    assert.equal(jobs.state().followed, pinned ? A : B);
  }
});

test('pause is sent once and its answer is taken; resume the same', async () => {
  const answer = deferred();
  const paused = { ...asPoll(jobStory(A)[3]), paused: true, version: 50 };
  const { jobs, calls } = rig({ routes: { [`POST api/jobs/${A}/pause`]: answer.promise, [`POST api/jobs/${A}/resume`]: { ...paused, paused: false, version: 51 } } });
  jobs.receive(jobStory(A)[2]);
  const done = jobs.setPaused(A, true);
  void jobs.setPaused(A, true);
  assert.equal(jobs.state().pending[A], 'pause');
  answer.done(paused);
  await done;
  assert.equal(calls.length, 1);
  assert.equal(jobs.state().pending[A], undefined);
  assert.equal(jobs.state().jobs[A].paused, true);
  await jobs.setPaused(A, false);
  assert.equal(jobs.state().jobs[A].paused, false);
});

test('a pause that comes too late shows the end, without an error; one that fails says so', async () => {
  const refusal = new ApiError('refused', 'the job has ended (completed)', { status: 409 });
  const late = rig({ routes: { [`POST api/jobs/${A}/pause`]: refusal, [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))) } });
  late.jobs.receive(jobStory(A)[2]);
  await late.jobs.setPaused(A, true);
  assert.equal(late.jobs.state().jobs[A].status, 'completed');
  assert.deepEqual(late.notices, []);
  const away = rig({ routes: { 'POST api/': network(), 'GET api/': network() } });
  away.jobs.receive(jobStory(A)[2]);
  await away.jobs.setPaused(A, true);
  assert.match(away.notices[0].text, /could not be paused/);
  assert.deepEqual(away.jobs.state().pending, {});
});

test('retry is sent once, and the new job is followed', async () => {
  const answer = deferred();
  const { jobs, calls, memory } = rig({ routes: { [`POST api/jobs/${A}/retry`]: answer.promise } });
  for (const event of jobStory(A, { failing: [2] })) jobs.receive(event);
  const done = jobs.retry(A);
  void jobs.retry(A);
  answer.done({ ...asPoll(jobStory(B)[0]), parent: A });
  await done;
  assert.equal(calls.filter((call) => call.method === 'POST').length, 1);
  assert.equal(jobs.state().followed, B);
  assert.equal(jobs.state().jobs[B].parent, A);
  assert.deepEqual(memory.get('job'), { id: B, pinned: true });
});

test('retry does not take the dialog from a job that was chosen meanwhile, and a refusal says why', async () => {
  const answer = deferred();
  const C = B.replace(/b$/, 'c');
  const refusal = new ApiError('refused', 'No item of this job failed', { status: 400 });
  const { jobs, notices } = rig({ routes: { [`POST api/jobs/${A}/retry`]: answer.promise, [`POST api/jobs/${B}/retry`]: refusal, [`GET api/jobs/${C}`]: asPoll(jobStory(C)[2]) } });
  for (const event of jobStory(A, { failing: [2] })) jobs.receive(event);
  const done = jobs.retry(A);
  jobs.receive(jobStory(C)[2]);
  jobs.show(C);
  answer.done(asPoll(jobStory(B)[0]));
  await done;
  assert.equal(jobs.state().followed, C);
  await jobs.retry(B);
  assert.match(notices[0].text, /No item of this job failed/);
});

test('the page of one job follows it alone: nothing is asked of others, remembered or taken over', async () => {
  const { jobs, calls, memory } = rig({ routes: { [`GET api/jobs/${A}`]: asPoll(jobStory(A)[2]) }, only: A });
  jobs.show(A);
  await settle();
  jobs.receive(jobStory(B)[2]);
  await jobs.catchUp();
  await jobs.ask();
  assert.deepEqual([...new Set(calls.map((call) => call.path.split('?')[0]))], [`api/jobs/${A}`]);
  assert.deepEqual(Object.keys(jobs.state().jobs), [A]);
  assert.equal(jobs.state().followed, A);
  assert.equal(memory.get('job'), null);
});

test('the page of one job still asks for it when it has ended, and knows when there is none', async () => {
  const ended = rig({ routes: { [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))) }, only: A });
  ended.jobs.show(A);
  await settle();
  await ended.jobs.ask();
  assert.deepEqual(ended.calls.map((call) => call.path), Array(2).fill(`api/jobs/${A}?results=8`));
  const none = rig({ only: A });
  none.jobs.show(A);
  await settle();
  assert.equal(none.jobs.state().followed, null);
});

test('a follow-up is asked for once, however often it is clicked, and opened', async () => {
  const opened = [];
  const answer = deferred();
  const { jobs, calls } = rig({ routes: { [`POST api/batch-jobs/${A}/follow-up`]: answer.promise, [`GET api/jobs/${A}`]: asPoll(last(jobStory(A))) }, only: A, open: (id) => opened.push(id) });
  for (const event of jobStory(A)) jobs.receive(event);
  jobs.show(A);
  const done = jobs.followUp(A, 'rename');
  void jobs.followUp(A, 'rename');
  assert.equal(jobs.state().pending[A], 'followUp');
  answer.done({ job_id: B, status: 'queued' });
  await done;
  const posts = calls.filter((call) => call.method === 'POST');
  assert.equal(posts.length, 1);
  assert.deepEqual(posts[0].body, { operation: 'rename' });
  assert.deepEqual(opened, [B]);
  assert.deepEqual(jobs.state().pending, {});
});

test('a follow-up that is refused says why, and can be asked for again', async () => {
  const { jobs, notices } = rig({ routes: { [`POST api/batch-jobs/${A}/follow-up`]: new ApiError('refused', 'No item went well', { status: 400 }) }, only: A });
  for (const event of jobStory(A)) jobs.receive(event);
  await jobs.followUp(A, 'rename');
  assert.match(notices[0].text, /^rename was not started: No item went well/);
  assert.deepEqual(jobs.state().pending, {});
});

test('hand-over: the answer is the job, a refusal is told', async () => {
  const given = { ...asPoll(jobStory(A)[2]), version: 50, drive: 'server' };
  const { jobs, calls } = rig({ routes: { [`PATCH api/jobs/${A}`]: given }, only: A });
  for (const event of jobStory(A).slice(0, 3)) jobs.receive(event);
  await jobs.setDrive(A, 'server');
  assert.deepEqual(calls[0].body, { drive: 'server' });
  assert.equal(jobs.state().jobs[A].drive, 'server');
  const refused = rig({ routes: { [`PATCH api/jobs/${A}`]: new ApiError('refused', 'it is being cancelled', { status: 409 }), [`GET api/jobs/${A}`]: asPoll(jobStory(A)[2]) } });
  for (const event of jobStory(A).slice(0, 3)) refused.jobs.receive(event);
  await refused.jobs.setDrive(A, 'client');
  assert.match(refused.notices[0].text, /could not be changed: it is being cancelled/);
});
