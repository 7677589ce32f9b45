/* What gathers for the writer: nothing is lost, doubled or put out of order on its way into a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "store_fixture.h"
#include "writer_batch.h"

static void done_add(struct item_done_list *l, struct item *it, enum item_outcome outcome)
{
    struct item_done d = {.item = *it, .outcome = outcome, .finished_at = fx_now()};
    *it = (struct item){0};
    if (outcome == ITEM_ERROR)
        (void)err_set(&d.err, ERR_BOOK, "it is broken");
    item_done_list_add(l, &d);
    assert_null(d.item.path); /* taken */
}

static struct item made_item(int seq)
{
    struct item it = {
        .seq = seq, .path = mem_strdup("p"), .options = mem_strdup("{}"), .attempt = 1};
    return it;
}

static void list_keeps_order_when_a_round_comes_back(void **state)
{
    (void)state;
    struct item_done_list waiting = {0}, failed = {0};
    for (int i = 1; i <= 40; i++) {
        struct item it = made_item(i);
        done_add(i <= 20 ? &failed : &waiting, &it, ITEM_OK);
    }
    item_done_list_prepend(&waiting, &failed);
    assert_int_equal(failed.n, 0);
    assert_int_equal(waiting.n, 40);
    for (int i = 0; i < 40; i++)
        assert_int_equal(waiting.list[i].item.seq, i + 1);
    item_done_list_prepend(&waiting, &failed); /* nothing in front of it */
    assert_int_equal(waiting.n, 40);
    item_done_list_prepend(&failed, &waiting); /* in front of nothing */
    assert_int_equal(failed.n, 40);
    assert_int_equal(waiting.n, 0);
    item_done_list_clear(&failed);
    item_done_list_clear(&waiting);
}

static void returns_keep_order_and_whether_they_count(void **state)
{
    (void)state;
    struct item_return_list waiting = {0}, failed = {0};
    for (int i = 1; i <= 20; i++) {
        struct item it = made_item(i);
        item_return_list_add(i <= 10 ? &failed : &waiting, &it, i % 2);
        assert_null(it.path);
    }
    item_return_list_prepend(&waiting, &failed);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(waiting.list[i].item.seq, i + 1);
        assert_int_equal(waiting.list[i].counted, (i + 1) % 2);
    }
    item_return_list_clear(&waiting);
}

static void pace_lets_200_a_second_through_for_each_job(void **state)
{
    (void)state;
    struct pace p = {0};
    char a[UUID_SIZE], b[UUID_SIZE];
    uuid_new(a);
    uuid_new(b);
    int n = 0;
    while (pace_take(&p, a, 1000))
        n++;
    assert_int_equal(n, PACE_EVENTS);
    assert_true(pace_take(&p, b, 1000)); /* another job has its own */
    assert_false(pace_take(&p, a, 1004));
    assert_true(pace_take(&p, a, 1010)); /* 200/s is one in 5 ms */
    for (n = 0; pace_take(&p, a, 1110); n++)
        ;
    assert_in_range(n, 19, 21);
    for (n = 0; pace_take(&p, a, 1000000); n++)
        ;
    assert_int_equal(n, PACE_EVENTS); /* a pause saves up no more */
}

static void pace_forgets_the_job_of_long_ago(void **state)
{
    (void)state;
    struct pace p = {0};
    char ids[PACE_JOBS + 1][UUID_SIZE];
    for (int i = 0; i <= PACE_JOBS; i++) {
        uuid_new(ids[i]);
        assert_true(
            pace_take(&p, ids[i], 1000 + i)); /* the last one takes the place of the first */
    }
    int n = 0;
    while (pace_take(&p, ids[PACE_JOBS], 1000 + PACE_JOBS))
        n++;
    assert_int_equal(n, PACE_EVENTS - 1);
}

static int batch(const struct item_done_list *done, struct pace *pace)
{
    struct err err = {0};
    struct notes notes = {0};
    struct drive_results driven = {0};
    fx_begin();
    fx_ok(batch_finish(fx.jobs, fx.owner, done, pace, &notes, &driven, &err), &err);
    fx_commit();
    assert_int_equal(driven.n, 0); /* no call waits for them */
    int n = 0;
    for (size_t i = 0; i < notes.n; i++)
        n += notes.list[i].kind == NOTE_ENDED;
    notes_clear(&notes);
    return n;
}

static void finished_items_become_results_events_and_one_end(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[6];
    struct pace pace = {0};
    struct item_done_list done = {0};
    fx_start_items(6, id);
    assert_int_equal(fx_claim(fx.owner, 6, it), 6);
    int64_t events = fx_int(GATE_JOBS, "SELECT count(*) FROM events");
    for (int i = 0; i < 6; i++)
        done_add(&done, &it[i], i == 2 ? ITEM_ERROR : ITEM_OK);
    assert_int_equal(batch(&done, &pace), 1);
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
    assert_int_equal(fx_get(id).errors, 1);
    assert_string_equal(fx_text(GATE_JOBS, "SELECT error FROM job_results WHERE NOT success"),
                        "it is broken");
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events"), events + 6);
    assert_int_equal(batch(&done, &pace),
                     0); /* the same round again, after a commit that nobody knew of */
    assert_int_equal(fx_get(id).processed, 6);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events"), events + 6);
    item_done_list_clear(&done);
}

/* The job has made very many events a moment ago. */
static void spend(struct pace *p, const char *job_id)
{
    assert_true(pace_take(p, job_id, clock_mono_ms()));
    for (size_t i = 0; i < PACE_JOBS; i++)
        if (strcmp(p->jobs[i].job_id, job_id) == 0)
            p->jobs[i].tokens = -1e6;
}

/* Above 200 events a second a round is one event for each job, and says where the job is now. */
static void fast_job_makes_one_event_for_each_round(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[100];
    struct pace pace = {0};
    fx_start_items(101, id);
    assert_int_equal(fx_claim(fx.owner, 100, it), 100);
    spend(&pace, id);
    struct item_done_list done = {0};
    for (int i = 0; i < 100; i++)
        done_add(&done, &it[i], ITEM_OK);
    int64_t events = fx_int(GATE_JOBS, "SELECT count(*) FROM events");
    assert_int_equal(batch(&done, &pace), 0);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events"), events + 1);
    assert_int_equal(
        fx_int(GATE_JOBS,
               "SELECT json_extract(data, '$.processed_items') FROM events ORDER BY id DESC"),
        100);
    item_done_list_clear(&done);
}

/* The round's last item of a job had lost its lease: what was counted before it is still told. */
static void merged_progress_is_told_though_the_last_lease_was_lost(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[2];
    struct pace pace = {0};
    fx_start_items(3, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    spend(&pace, id);
    assert_int_equal(fx_return(&it[1], fx.owner, true), 1);
    struct item_done_list done = {0};
    done_add(&done, &it[0], ITEM_OK);
    done_add(&done, &it[1], ITEM_OK);
    (void)batch(&done, &pace);
    assert_int_equal(fx_get(id).processed, 1);
    assert_int_equal(
        fx_int(GATE_JOBS,
               "SELECT json_extract(data, '$.processed_items') FROM events ORDER BY id DESC"),
        1);
    item_done_list_clear(&done);
}

static void returned_items_are_queued_again(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it[2];
    struct item_return_list returns = {0};
    struct drive_results driven = {0};
    fx_start_items(2, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    item_return_list_add(&returns, &it[0], false);
    item_return_list_add(&returns, &it[1], true);
    for (int twice = 0; twice < 2; twice++) {
        fx_begin();
        fx_ok(batch_return(fx.jobs, fx.owner, &returns, &driven, &err), &err);
        fx_commit();
    }
    assert_string_equal(
        fx_text(
            GATE_JOBS,
            "SELECT group_concat(status || attempts) FROM (SELECT * FROM job_items ORDER BY seq)"),
        "queued0,queued1");
    item_return_list_clear(&returns);
}

/* A commit of which nobody knew whether it stands: handed in again, the call that waits is told the same. */
static void what_was_recorded_already_is_told_again(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it[2];
    fx_start_items(2, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    it[0].driven = it[1].driven = true;
    struct item_done_list done = {0};
    struct item_done first = {.outcome = ITEM_OK, .finished_at = fx_now()};
    struct item_done second = {.outcome = ITEM_OK, .finished_at = fx_now()};
    item_copy(&first.item, &it[0]);
    item_copy(&second.item, &it[1]);
    item_done_list_add(&done, &first);
    item_done_list_add(&done, &second);
    assert_int_equal(done.n_driven, 2);
    for (int twice = 0; twice < 2; twice++) {
        struct pace pace = {0};
        struct notes notes = {0};
        struct drive_results driven = {0};
        fx_begin();
        fx_ok(batch_finish(fx.jobs, fx.owner, &done, &pace, &notes, &driven, &err), &err);
        fx_commit();
        assert_int_equal(driven.n, 2);
        assert_false(driven.list[0].returned);
        assert_false(driven.list[1].returned);
        assert_int_equal(driven.list[1].seq, 2);
        assert_int_equal(driven.list[1].job.status, JOB_COMPLETED);
        drive_results_clear(&driven);
        notes_clear(&notes);
    }
    item_done_list_clear(&done);
    item_clear(&it[0]);
    item_clear(&it[1]);
}

/* Its worker was taken for dead: the item runs elsewhere, and the call asks again. */
static void a_lost_item_sends_its_call_back_to_wait(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(2, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_return(&it, fx.owner, true), 1);
    struct item_done_list done = {0};
    struct item_done late = {.item = it, .outcome = ITEM_OK, .finished_at = fx_now()};
    late.item.driven = true;
    item_done_list_add(&done, &late);
    struct pace pace = {0};
    struct notes notes = {0};
    struct drive_results driven = {0};
    fx_begin();
    fx_ok(batch_finish(fx.jobs, fx.owner, &done, &pace, &notes, &driven, &err), &err);
    fx_commit();
    assert_int_equal(driven.n, 1);
    assert_true(driven.list[0].returned);
    assert_int_equal(fx_get(id).processed, 0);
    drive_results_clear(&driven);
    notes_clear(&notes);
    item_done_list_clear(&done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pace_lets_200_a_second_through_for_each_job),
        cmocka_unit_test(pace_forgets_the_job_of_long_ago),
        FX_TEST(list_keeps_order_when_a_round_comes_back),
        FX_TEST(returns_keep_order_and_whether_they_count),
        FX_TEST(finished_items_become_results_events_and_one_end),
        FX_TEST(fast_job_makes_one_event_for_each_round),
        FX_TEST(merged_progress_is_told_though_the_last_lease_was_lost),
        FX_TEST(returned_items_are_queued_again),
        FX_TEST(what_was_recorded_already_is_told_again),
        FX_TEST(a_lost_item_sends_its_call_back_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
