/* What nobody needs any more goes, a little at a time, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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
    int rc = store_needs_sweep(fx.read, fx.board, keep_after, events_kept, &err);
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
    assert_int_equal(store_sweep(fx.jobs, fx.board, 0, 1000, &err), 1); /* only the first step */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(staging_of_a_dead_process_goes_and_of_a_living_one_stays),
        FX_TEST(key_of_a_dead_staging_is_free_before_its_rows_are_gone),
        FX_TEST(old_ended_jobs_go_and_no_others),
        FX_TEST(only_the_newest_events_stay),
        FX_TEST(clean_store_has_nothing_to_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
