/* What nobody needs any more goes, a little at a time, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "store_fixture.h"

static void stage(const char *owner, const char *key, char ret[UUID_SIZE])
{
    struct err err = {0};
    uuid_new(ret);
    struct job_new n = {.job_id = ret,
                        .operation = "noop",
                        .title = "T",
                        .options = "{}",
                        .total = 3,
                        .made_by = "worker 1",
                        .staged_by = owner,
                        .idempotency_key = key};
    static const char *const paths[] = {"a", "b"};
    fx_begin();
    fx_ok(store_job_stage(fx.jobs, &n, fx_now(), &err), &err);
    fx_ok(store_job_stage_items(fx.jobs, ret, 1, paths, 2, &err), &err);
    fx_commit();
}

static int needs_sweep(double keep_after, int64_t events_kept)
{
    struct err err = {0};
    struct store_limits l = fx_limits(keep_after, events_kept);
    int rc = store_needs_sweep(fx.read, fx.board, &l, &err);
    fx_ok(rc, &err);
    return rc;
}

static void staging_of_a_dead_process_goes_and_of_a_living_one_stays(void **state)
{
    (void)state;
    struct err err = {0};
    struct job job;
    char dead[UUID_SIZE], mine[UUID_SIZE];
    stage(fx_dead_owner(1), NULL, dead);
    stage(fx.owner, NULL, mine);
    assert_int_equal(needs_sweep(0, 1000), 1);
    (void)fx_sweep_all(0, 1000);
    assert_int_equal(needs_sweep(0, 1000), 0);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM jobs"), 1);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM job_items"), 2);
    const char *const rest[] = {"c"};
    fx_begin();
    fx_ok(store_job_stage_items(fx.jobs, mine, 3, rest, 1, &err), &err);
    fx_ok(store_job_publish(fx.jobs, mine, fx_now(), &job, &err), &err);
    fx_commit();
    assert_true(fx_exists(mine));
}

static void key_of_a_dead_staging_is_free_before_its_rows_are_gone(void **state)
{
    (void)state;
    struct err err = {0};
    char dead[UUID_SIZE], id[UUID_SIZE];
    stage(fx_dead_owner(1), "key", dead);
    fx_begin();
    struct store_limits l = fx_limits(0, 1000);
    assert_int_equal(store_sweep(fx.jobs, fx.board, &l, &err), 1); /* only the first step */
    fx_commit();
    fx_start(&(struct fx_job){.n = 1, .priority = PRIORITY_NORMAL, .key = "key"}, id);
    (void)fx_sweep_all(0, 1000);
    assert_true(fx_exists(id));
}

static void old_ended_jobs_go_and_no_others(void **state)
{
    (void)state;
    char old_ended[UUID_SIZE], old_running[UUID_SIZE], new_ended[UUID_SIZE];
    fx_start_items(2, old_ended);
    fx_start_items(2, old_running);
    assert_int_equal(fx_cancel(old_ended, NULL), 1);
    double border = fx_now();
    fx_start_items(2, new_ended);
    assert_int_equal(fx_cancel(new_ended, NULL), 1);
    assert_int_equal(needs_sweep(border, 1000), 1);
    (void)fx_sweep_all(border, 1000);
    assert_false(fx_exists(old_ended));
    assert_true(fx_exists(old_running));
    assert_true(fx_exists(new_ended));
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM job_items"), 4);
}

static void only_the_newest_events_stay(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t oldest, newest;
    fx_ok(store_event_range(fx.read, &oldest, &newest, &err), &err);
    assert_int_equal(oldest, 0);
    assert_int_equal(newest, 0);
    json_t *data = json_object();
    fx_begin();
    for (int i = 0; i < 3500; i++)
        assert_true(store_event_add(fx.jobs, "service", NULL, data, fx_now(), &err) > 0);
    fx_commit();
    json_decref(data);
    assert_int_equal(needs_sweep(0, 3500), 0);
    assert_int_equal(needs_sweep(0, 3499), 1);
    assert_true(fx_sweep_all(0, 100) >= 4); /* in parts */
    fx_ok(store_event_range(fx.read, &oldest, &newest, &err), &err);
    assert_int_equal(oldest, 3401);
    assert_int_equal(newest, 3500);
    /* when none is left, the newest id is still known, and ids never come again */
    (void)fx_sweep_all(0, 0);
    fx_ok(store_event_range(fx.read, &oldest, &newest, &err), &err);
    assert_int_equal(oldest, 0);
    assert_int_equal(newest, 3500);
    char id[UUID_SIZE];
    fx_start_items(1, id);
    assert_int_equal(fx_get(id).last_event_id, 3501);
}

static void clean_store_has_nothing_to_sweep(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(2, id);
    int64_t before = store_data_version(fx.read);
    assert_int_equal(needs_sweep(0, 1000), 0);
    assert_int_equal(fx_sweep_all(0, 1000), 0);
    assert_true(fx_exists(id));
    assert_int_equal(store_data_version(fx.read), before);
}

/* ---- age ---- */

#define DAY_MS  (86400 * 1000LL)
#define YEAR_MS (365 * DAY_MS)

static void sweep_now(int64_t keep_s)
{
    struct err err = {0};
    struct store_limits l;
    fx_ok(store_limits_now(fx.read, fx.board, keep_s, 100000, &l, &err), &err);
    int rc = 1;
    while (rc == 1) {
        fx_begin();
        rc = store_sweep(fx.jobs, fx.board, &l, &err);
        fx_ok(rc, &err);
        fx_commit();
    }
}

static void end_one(char ret[UUID_SIZE])
{
    struct err err = {0};
    struct job job;
    fx_start_items(2, ret);
    fx_begin();
    assert_int_equal(store_job_cancel(fx.jobs, ret, clock_wall_s(), &job, &err), 1);
    fx_commit();
}

static void jump_of_the_wall_clock_makes_nothing_old(void **state)
{
    (void)state;
    static const int64_t jumps[] = {YEAR_MS, -YEAR_MS, YEAR_MS, 0};
    char id[4][UUID_SIZE];
    sweep_now(86400);
    for (int i = 0; i < 4; i++) {
        end_one(id[i]);
        clock_test_shift(jumps[i], 1000 * i);
        sweep_now(86400);
        for (int k = 0; k <= i; k++)
            assert_true(fx_exists(id[k]));
    }
    clock_test_shift(0, 0);
}

/* A start with a wrong clock: what ended just before is not old. */
static void start_with_a_clock_a_year_ahead_keeps_what_ended_just_before(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    end_one(id);
    json_t *data = json_object();
    fx_begin(); /* the newest thing that is known */
    assert_true(store_event_add(fx.jobs, "service", NULL, data, clock_wall_s(), &err) > 0);
    fx_commit();
    json_decref(data);
    clock_test_shift(YEAR_MS, 0);
    sweep_now(86400);
    assert_true(fx_exists(id));
    clock_test_shift(YEAR_MS + 2 * DAY_MS, 2 * DAY_MS); /* but after two days it is */
    sweep_now(86400);
    assert_false(fx_exists(id));
    clock_test_shift(0, 0);
}

static void what_was_kept_long_enough_goes_whatever_the_wall_clock_says(void **state)
{
    (void)state;
    char early[UUID_SIZE], late[UUID_SIZE], running[UUID_SIZE];
    sweep_now(86400);
    fx_start_items(1, running);
    end_one(early);
    int64_t wall = -YEAR_MS; /* it stays wrong */
    for (int hour = 1; hour <= 23; hour++) {
        clock_test_shift(wall, hour * 3600 * 1000LL);
        sweep_now(86400);
        assert_true(fx_exists(early));
    }
    end_one(late);
    for (int hour = 24; hour <= 27; hour++) {
        clock_test_shift(wall, hour * 3600 * 1000LL);
        sweep_now(86400);
    }
    assert_false(fx_exists(early));
    assert_true(fx_exists(late));
    assert_true(fx_exists(running));
    assert_true(fx_int(GATE_JOBS, "SELECT min(id) FROM events") > 1); /* its events went, too */
    clock_test_shift(0, 0);
}

static void space_goes_back_to_the_disk_in_small_steps(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    assert_int_equal(fx_int(GATE_JOBS, "PRAGMA auto_vacuum"), 2);
    fx_start_items(60000, id);
    int64_t pages = fx_int(GATE_JOBS, "PRAGMA page_count");
    bool ended = false;
    assert_int_equal(fx_cancel(id, NULL), 1);
    while (!ended)
        (void)fx_cancel_more(&ended);
    assert_int_equal(fx_delete(id), 1);
    assert_true(fx_sweep_all(0, 1000) > 60); /* in parts */
    assert_true(fx_int(GATE_JOBS, "PRAGMA page_count") < pages / 2);
    assert_true(fx_int(GATE_JOBS, "PRAGMA freelist_count") <= 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(staging_of_a_dead_process_goes_and_of_a_living_one_stays),
        FX_TEST(key_of_a_dead_staging_is_free_before_its_rows_are_gone),
        FX_TEST(old_ended_jobs_go_and_no_others),
        FX_TEST(only_the_newest_events_stay),
        FX_TEST(clean_store_has_nothing_to_sweep),
        FX_TEST(jump_of_the_wall_clock_makes_nothing_old),
        FX_TEST(start_with_a_clock_a_year_ahead_keeps_what_ended_just_before),
        FX_TEST(what_was_kept_long_enough_goes_whatever_the_wall_clock_says),
        FX_TEST(space_goes_back_to_the_disk_in_small_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
