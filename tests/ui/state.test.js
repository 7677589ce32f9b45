import test from 'node:test';
import assert from 'node:assert/strict';
import * as S from '../../htdocs/js/state.js';
import { asPoll, jobStory, randomFrom, shuffled } from './fakes.js';

const A = '01920000-0000-7000-8000-00000000000a';
const B = '01920000-0000-7000-8000-00000000000b';
const play = (messages, state = S.initial()) => messages.reduce(S.apply, state);
const last = (list) => list[list.length - 1];

test('a poll answer and an event of the same version give the same job', () => {
  const story = jobStory(A, { failing: [2] });
  for (const event of story) {
    const { recent: _a, ...fromEvent } = S.apply(S.initial(), event).jobs[A];
    const { recent: _b, ...fromPoll } = S.apply(S.initial(), asPoll(event)).jobs[A];
    delete fromPoll.error;
    assert.deepEqual(fromEvent, fromPoll);
  }
});

test('any order, with repeats and with polls between, ends in the same state; percent never falls; the end is final', () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = randomFrom(seed);
    const total = 1 + Math.floor(random() * 12);
    const stopAt = random() < 0.3 ? Math.floor(random() * total) : total;
    const end = stopAt < total ? 'cancelled' : 'completed';
    const story = jobStory(A, { total, stopAt, end, failing: [1, 3] });
    const noise = story.filter(() => random() < 0.3).map((event) => (random() < 0.5 ? asPoll(event) : event));
    let state = S.initial();
    let percent = 0;
    let version = -1;
    let ended = false;
    for (const message of shuffled([...story, ...noise], random)) {
      state = S.apply(state, message);
      const job = state.jobs[A];
      assert.ok(job.percent >= percent, `seed ${seed}: percent fell from ${percent} to ${job.percent}`);
      assert.ok(job.version >= version, `seed ${seed}: version fell`);
      assert.ok(!ended || S.ended(job), `seed ${seed}: left its end for ${job.status}`);
      ({ percent, version } = job);
      ended = S.ended(job);
    }
    const job = state.jobs[A];
    const final = last(story);
    assert.equal(job.status, end, `seed ${seed}`);
    assert.equal(job.version, final.version, `seed ${seed}`);
    assert.equal(job.processed, stopAt, `seed ${seed}`);
    assert.equal(job.success + job.errors, stopAt, `seed ${seed}`);
    const wanted = story.filter((event) => event.item).slice(-8).map((event) => event.item.item);
    assert.deepEqual(job.recent.map((item) => item.item), wanted, `seed ${seed}`);
  }
});

test('a repeated or older message changes nothing, not even the object', () => {
  const story = jobStory(A);
  const state = play(story.slice(0, 5));
  assert.equal(S.apply(state, story[4]), state);
  assert.equal(S.apply(state, { ...story[2], item: undefined }), state);
});

test('a higher version cannot bring an ended job back to life', () => {
  const state = play(jobStory(A));
  const zombie = { ...jobStory(A)[3], version: 99 };
  const job = S.apply(state, zombie).jobs[A];
  assert.equal(job.status, 'completed');
  assert.equal(job.processed, 5);
  assert.equal(job.percent, 100);
  assert.equal(job.version, 7);
});

test('percent does not fall when the total grows', () => {
  const [, , , , fourth] = jobStory(A, { total: 4 });
  const grown = { ...fourth, version: 9, progress: { ...fourth.progress, total: 30 } };
  assert.equal(play([fourth, grown]).jobs[A].percent, 75);
});

test('counts and percent do not fall even when a higher version says less', () => {
  const story = jobStory(A);
  const job = S.apply(play(story.slice(0, 6)), { ...story[3], version: 50 }).jobs[A];
  assert.equal(job.processed, 4);
  assert.equal(job.percent, 80);
});

test('what is not a job is ignored', () => {
  const state = S.initial();
  for (const raw of [null, undefined, 7, 'x', {}, { job_id: 4, status: 'queued' }, { job_id: A }, []]) assert.equal(S.apply(state, raw), state);
});

test('strange numbers become counts', () => {
  const job = S.normalise({ job_id: A, status: 'queued', progress: { processed: -3, total: 'NaN', success: 1.5 } });
  assert.deepEqual([job.processed, job.total, job.success, job.version], [0, 0, 1, 0]);
});

test('events that overtake the answer to the POST are kept, and the job is followed before the answer', () => {
  let state = S.begin(S.initial(), { key: 'k', title: 'Processing Files...', operation: 'process' });
  state = play(jobStory(A), state);
  assert.equal(state.followed, A);
  state = S.started(state, 'k', { job_id: A, total_items: 5, title: 't', operation: 'process' });
  assert.equal(state.followed, A);
  assert.equal(state.starting, null);
  assert.equal(state.jobs[A].status, 'completed');
  assert.equal(state.jobs[A].percent, 100);
});

test('the end that overtakes the answer is shown although it was the only event seen', () => {
  let state = S.begin(S.initial(), { key: 'k', title: 't', operation: 'process' });
  state = S.apply(state, last(jobStory(A)));
  state = S.started(state, 'k', { job_id: A, total_items: 5, title: 't', operation: 'process' });
  assert.equal(S.followedJob(state).status, 'completed');
});

test('a dialog that was closed before the answer to the POST stays closed', () => {
  const begun = S.begin(S.initial(), { key: 'k', title: 'T', operation: 'process' });
  const [first, , last] = [asPoll(jobStory(A)[1]), null, asPoll(jobStory(A).at(-1))];
  const seen = S.close(S.apply(S.apply(begun, first), last));
  const late = S.started(seen, 'k', { job_id: A, total_items: 2, title: 'T', operation: 'process' });
  assert.equal(late.open, false, 'it has ended, and was seen');
  assert.equal(late.followed, null);
  const running = S.started(S.close(S.apply(begun, first)), 'k', { job_id: A, total_items: 2, title: 'T', operation: 'process' });
  assert.deepEqual([running.open, running.followed], [false, A], 'a running one goes on in the slim bar');
});

test('while starting, a job that was known before or does something else is not taken for ours', () => {
  let state = S.apply(S.initial(), jobStory(B)[1]);
  state = S.begin(state, { key: 'k', title: 't', operation: 'process' });
  state = S.apply(state, jobStory(B)[2]);
  assert.equal(state.followed, null);
  state = S.apply(state, { ...jobStory('01920000-0000-7000-8000-00000000000c')[0], operation: 'rename' });
  assert.equal(state.followed, null);
});

test('the answer of an older start does not take over', () => {
  const state = S.begin(S.initial(), { key: 'new', title: 't', operation: 'process' });
  assert.equal(S.started(state, 'old', { job_id: A, total_items: 1 }), state);
  assert.equal(S.refused(state, 'old'), state);
});

test('a refused start goes back to the job that was followed before', () => {
  let state = S.apply(S.initial(), jobStory(B)[1]);
  state = S.refused(S.begin(state, { key: 'k', title: 't', operation: 'rename' }), 'k');
  assert.equal(state.starting, null);
  assert.equal(state.followed, B);
});

test('a job started elsewhere is followed and opens the dialog', () => {
  const state = S.apply(S.initial(), jobStory(A)[0]);
  assert.deepEqual([state.followed, state.open, state.pinned], [A, true, false]);
});

test('the newest of the jobs started elsewhere is followed, in whatever order they are told', () => {
  const a = jobStory(A, { created_at: 100 })[1];
  const b = jobStory(B, { created_at: 200 })[1];
  assert.equal(play([a, b]).followed, B);
  assert.equal(play([b, a]).followed, B);
  const strip = ({ created_at: _gone, ...rest }) => rest;
  assert.equal(play([strip(b), strip(a)]).followed, B);
  assert.deepEqual(S.others(play([a, b])).map((job) => job.job_id), [A]);
});

test('a job that the user chose keeps the dialog', () => {
  const state = S.follow(S.apply(S.initial(), jobStory(A)[1]), A);
  assert.equal(S.apply(state, jobStory(B, { created_at: 500 })[1]).followed, A);
});

test('a summary stays until it is closed; then the next running job is shown in the slim bar', () => {
  let state = play(jobStory(A));
  state = S.apply(state, jobStory(B)[1]);
  assert.equal(state.followed, A);
  assert.equal(state.open, true);
  state = S.close(state);
  assert.equal(state.followed, B);
  assert.equal(state.open, false);
});

test('closing while the job runs keeps following it', () => {
  const state = S.close(S.apply(S.initial(), jobStory(A)[1]));
  assert.deepEqual([state.followed, state.open], [A, false]);
  assert.deepEqual([play(jobStory(A), state).followed, play(jobStory(A), state).open], [A, false]);
  assert.equal(S.reopen(state).open, true);
});

test('an ended job of the past is not followed', () => {
  assert.equal(S.apply(S.initial(), last(jobStory(A))).followed, null);
});

test('cancelling is shown from the click until the server says it or the job ends', () => {
  const story = jobStory(A);
  let state = S.cancelAsked(play(story.slice(0, 3)), A);
  assert.equal(S.isCancelling(state, state.jobs[A]), true);
  state = S.apply(state, story[3]);
  assert.equal(S.isCancelling(state, state.jobs[A]), true);
  const told = S.apply(state, { ...story[4], cancelling: true });
  assert.deepEqual([told.cancels[A], S.isCancelling(told, told.jobs[A])], [undefined, true]);
  const done = S.apply(told, { ...story[5], status: 'cancelled', cancelling: false });
  assert.equal(S.isCancelling(done, done.jobs[A]), false);
});

test('forgetting the followed job turns to another running one', () => {
  let state = play([jobStory(A, { created_at: 1 })[1], jobStory(B, { created_at: 2 })[1]]);
  state = S.forget(state, B);
  assert.equal(state.followed, A);
  assert.equal(state.jobs[B], undefined);
  assert.equal(S.forget(state, A).followed, null);
});

test('a poll brings the latest items, later events add to them', () => {
  const story = jobStory(A, { total: 6 });
  const poll = { ...asPoll(story[4]), results: [1, 2, 3].map((n) => ({ item: `book ${n}.cbz`, success: true })) };
  const names = (state) => state.jobs[A].recent.map((item) => item.item);
  const wanted = ['book 1.cbz', 'book 2.cbz', 'book 3.cbz', 'book 4.cbz'];
  assert.deepEqual(names(play([poll, story[5]])), wanted);
  assert.deepEqual(names(play([story[5], poll])), wanted);
  assert.deepEqual(names(play([story[3], story[4], poll, story[5]])), wanted);
  assert.deepEqual(names(play([poll, story[5], story[3]])), wanted);
});

test('a tab that stays open for weeks forgets the oldest ended jobs, never a running or the followed one', () => {
  let state = S.follow(S.apply(S.initial(), last(jobStory(A))), A);
  for (let n = 100; n < 400; n += 1) state = S.apply(state, last(jobStory(`0193${n}`)));
  assert.ok(Object.keys(state.jobs).length <= 100);
  assert.ok(state.jobs[A]);
  assert.ok(state.jobs['0193399']);
});

test('what a retry would take is what failed and what was cancelled, of an ended job', () => {
  const done = play(jobStory(A, { total: 6, failing: [2, 5] })).jobs[A];
  assert.equal(S.notDone(done), 2);
  const stopped = play(jobStory(B, { total: 6, stopAt: 4, end: 'cancelled' })).jobs[B];
  assert.equal(S.notDone(stopped), stopped.total - stopped.success);
  assert.ok(S.notDone(stopped) >= 2);
  assert.equal(S.notDone(play(jobStory(A).slice(0, 3)).jobs[A]), 0);
});

/* The answer of process-next that ran item n of `event`. */
function asAnswer({ status, progress }) {
  const { processed: completed, total, success: successful, errors: failed, percentage } = progress;
  return { success: true, itemId: completed, status: status === 'completed' ? 'job_completed' : 'processed', remainingItems: total - completed,
    progress: { total, completed, successful, failed, percentage } };
}

test('answers of process-next and events in any order: nothing falls, and the end is the end', () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = randomFrom(seed);
    const total = 1 + Math.floor(random() * 10);
    const story = jobStory(A, { total, failing: [2] });
    const answers = story.filter((event) => event.item).map((event) => ({ answer: asAnswer(event) }));
    let state = S.apply(S.initial(), story[0]);
    let before = state.jobs[A];
    for (const message of shuffled([...story, ...answers, ...answers.slice(0, 2)], random)) {
      state = message.answer ? S.advance(state, A, message.answer) : S.apply(state, message);
      const job = state.jobs[A];
      for (const key of ['percent', 'processed', 'success', 'errors', 'version']) assert.ok(job[key] >= before[key], `seed ${seed}: ${key} fell`);
      assert.ok(!S.ended(before) || job.status === 'completed', `seed ${seed}: left its end for ${job.status}`);
      assert.ok(job.status !== 'completed' || job.processed === total, `seed ${seed}: completed with ${job.processed} of ${total}`);
      before = job;
    }
    assert.equal(before.status, 'completed', `seed ${seed}`);
    assert.equal(before.version, last(story).version, `seed ${seed}`);
    assert.equal(before.success + before.errors, total, `seed ${seed}`);
  }
});

test('the answer to the last item alone completes the batch, and an event that was late does not take it back', () => {
  const story = jobStory(A, { total: 3 });
  let state = play(story.slice(0, 4));
  state = S.advance(state, A, asAnswer(last(story)));
  assert.equal(state.jobs[A].status, 'completed');
  assert.equal(state.jobs[A].percent, 100);
  state = S.apply(state, { ...story[3], version: 99 });
  assert.equal(state.jobs[A].status, 'completed');
  assert.equal(state.jobs[A].processed, 3);
});

test('an answer that was late does not change how a batch ended', () => {
  const story = jobStory(A, { total: 5, stopAt: 2, end: 'cancelled' });
  const state = play(story);
  assert.equal(S.advance(state, A, { status: 'job_completed', progress: { total: 5, completed: 5, successful: 5, failed: 0 } }), state);
});

test('an answer about what is unknown, or without progress, changes nothing', () => {
  const state = play(jobStory(A).slice(0, 2));
  assert.equal(S.advance(state, B, asAnswer(last(jobStory(A)))), state);
  assert.equal(S.advance(state, A, { status: 'no_items' }), state);
  assert.equal(S.advance(state, A, { status: 'job_cancelled', progress: { total: 5, completed: 0, successful: 0, failed: 0 } }), state);
});

test('follow-ups: named ones before they are made, made ones with their id, in one list', () => {
  assert.deepEqual(S.followUps({}), []);
  assert.deepEqual(S.followUps({ follow_up: ['normalize', 'rename'], follow_ups: [{ operation: 'normalize', job_id: B }, { operation: 'verify', job_id: A }] }), [
    { operation: 'normalize', made: B },
    { operation: 'rename', made: null },
    { operation: 'verify', made: A },
  ]);
});

test('offered are operations of the same kind that need no options and have not followed; the own one only if there is no other', () => {
  const operations = [
    { name: 'process', accepts: 'books' },
    { name: 'rename', accepts: 'books', options: { type: 'object' } },
    { name: 'normalize', accepts: 'books' },
    { name: 'tag', accepts: 'books', options: { required: ['tags'] } },
    { name: 'undo', accepts: 'books', options: { minProperties: 1 } },
    { name: 'noop', accepts: 'strings' },
  ];
  const names = (job) => S.offers(job, operations).map(({ name }) => name);
  assert.deepEqual(names({ operation: 'process' }), ['rename', 'normalize']);
  assert.deepEqual(names({ operation: 'process', follow_up: ['rename'] }), ['normalize']);
  assert.deepEqual(names({ operation: 'noop' }), ['noop']);
  assert.deepEqual(names({ operation: 'noop', follow_ups: [{ operation: 'noop', job_id: B }] }), []);
  assert.deepEqual(S.offers({ operation: 'process' }, []), []);
});

for (const kind of ['dry_run', 'single']) {
  test(`a job that is ${kind} is known, but neither followed nor offered`, () => {
    const state = play(jobStory(A).slice(0, 2).map((event) => ({ ...event, [kind]: true })));
    assert.equal(state.jobs[A][kind], true);
    assert.equal(state.followed, null);
    assert.deepEqual(S.others(state), []);
    assert.equal(play(jobStory(B).slice(0, 2), state).followed, B);
  });
}
