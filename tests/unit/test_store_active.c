/* The active job: never one that ended, and the copy in preferences.db comes to the truth in whatever order it is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store_fixture.h"

static int set(const char *job_id, struct err *err)
{
    fx_begin();
    int rc = store_active_set(fx.jobs, job_id, "My title", fx_now(), err);
    fx_commit();
    return rc;
}

static int differs(void)
{
    struct err err = {0};
    int rc = store_active_differs(fx.read, store_reader_db(fx.reader, GATE_PREFERENCES), &err);
    fx_ok(rc, &err);
    return rc;
}

static int copy(void)
{
    struct err err = {0};
    fx_ok(store_begin(fx.store, GATE_PREFERENCES, false, &err), &err);
    int rc = store_active_copy(fx.jobs, fx.preferences, fx_now(), &err);
    fx_ok(rc, &err);
    fx_ok(store_commit(fx.store, GATE_PREFERENCES, &err), &err);
    return rc;
}

static const char *copied(void)
{
    return fx_text(GATE_PREFERENCES, "SELECT job_id FROM active_job");
}

static void late_call_does_not_revive_an_ended_job(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    fx_start_items(1, id);
    assert_int_equal(set(id, &err), 1);
    struct active_job active;
    fx_ok(store_active_get(fx.read, &active, &err), &err);
    assert_string_equal(active.title, "My title");
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_string_equal(fx_active(), "");
    assert_int_equal(set(id, &err), 0);
    assert_string_equal(fx_active(), "");
    assert_int_equal(fx_int(GATE_JOBS, "SELECT job_id IS NULL FROM active"), 1);
}

static void a_single_job_leaves_the_active_job_alone(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE], single[UUID_SIZE];
    const struct fx_job j = {.n = 1, .priority = PRIORITY_HIGH, .single = true};
    fx_start(&j, single);
    assert_string_equal(fx_active(), "");
    fx_start_items(2, id);
    fx_start(&j, single);
    assert_string_equal(fx_active(), id);
    assert_int_equal(store_job_is_single(fx.read, single, &err), 1);
    assert_int_equal(store_job_is_single(fx.read, id, &err), 0);
    assert_int_equal(store_job_is_single(fx.read, "no such job", &err), 0);
    assert_int_equal(fx_cancel(single, NULL), 1);
    assert_string_equal(fx_active(), id);
    assert_int_equal(set(single, &err), 0); /* it has ended */
    assert_string_equal(fx_active(), id);
}

static void unknown_job_cannot_be_active(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE], unknown[UUID_SIZE];
    fx_start_items(1, id);
    uuid_new(unknown);
    assert_int_equal(set(unknown, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(fx_active(), id);
    assert_int_equal(fx_delete(id), 1);
    assert_int_equal(set(id, &err), -1);
}

static void cleared_by_hand_is_none_though_the_job_runs(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    fx_start_items(1, id);
    fx_begin();
    fx_ok(store_active_clear(fx.jobs, fx_now(), &err), &err);
    fx_commit();
    assert_string_equal(fx_active(), "");
    assert_int_equal(set(id, &err), 1);
    assert_string_equal(fx_active(), id);
}

/* The row says X by a hand-written UPDATE, or by a program that died: no reader is told. */
static void row_that_names_an_ended_job_is_read_as_none(void **state)
{
    (void)state;
    char id[UUID_SIZE], sql[160];
    fx_start_items(1, id);
    assert_int_equal(fx_cancel(id, NULL), 1);
    (void)snprintf(sql, sizeof(sql), "UPDATE active SET job_id = '%s', job_title = 'T'", id);
    assert_int_equal(fx_sql(GATE_JOBS, sql), SQLITE_OK);
    assert_string_equal(fx_active(), "");
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE active SET job_id = 'nonsense'"), SQLITE_OK);
    assert_string_equal(fx_active(), "");
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE active SET job_id = NULL"), SQLITE_OK);
}

static void copy_follows_the_truth(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    assert_int_equal(differs(), 0);
    fx_start_items(1, id);
    assert_int_equal(differs(), 1);
    assert_int_equal(copy(), 1);
    assert_int_equal(differs(), 0);
    assert_string_equal(copied(), id);
    assert_int_equal(copy(), 0); /* nothing to do is not written */
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(differs(), 1);
    assert_int_equal(copy(), 1);
    assert_string_equal(copied(), "");
    assert_int_equal(fx_sql(GATE_PREFERENCES, "UPDATE active_job SET job_id = 'nonsense'"),
                     SQLITE_OK);
    assert_int_equal(differs(), 1);
    assert_int_equal(copy(), 1);
    assert_string_equal(copied(), "");
}

/*
 * Two workers, each with changes of its own and a copy to make after each; every interleaving of C1 (change) K1 (copy)
 * C2 K2 with C before K for each worker: at the end the copy is the truth.
 */
static void copy_converges_in_whatever_order(void **state)
{
    (void)state;
    static const char *const orders[] = {"1a2b", "12ab", "12ba", "21ab", "21ba", "2b1a"};
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        for (int kind = 0; kind < 4; kind++) {
            char jobs[2][UUID_SIZE];
            fx_start_items(1, jobs[0]);
            fx_start_items(1, jobs[1]);
            (void)copy();
            struct err err = {0};
            for (const char *p = orders[i]; *p; p++) {
                if (*p == 'a' || *p == 'b')
                    (void)copy();
                else if (kind & (*p == '1' ? 1 : 2))
                    assert_int_equal(fx_cancel(jobs[*p - '1'], NULL), 1);
                else
                    assert_int_equal(set(jobs[*p - '1'], &err), 1);
            }
            assert_int_equal(differs(), 0);
            char truth[UUID_SIZE];
            memcpy(truth, fx_active(), sizeof(truth));
            assert_string_equal(copied(), truth);
            for (int k = 0; k < 2; k++)
                assert_int_equal(fx_delete(jobs[k]), 1);
        }
}

static void a_job_of_the_watcher_takes_nobodys_place(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE], first[UUID_SIZE], second[UUID_SIZE];
    static const char *const paths[] = {"a/new.cbz", "a/newer.cbz"};
    const struct fx_job j = {.paths = paths, .n = 2, .exclusive = true, .priority = PRIORITY_NORMAL,
                             .source = JOB_SOURCE_WATCHER};
    fx_start(&j, first);
    assert_string_equal(fx_active(), first); /* there was none */
    assert_int_equal(store_path_is_busy(fx.read, "a/new.cbz", &err), 1);
    assert_int_equal(store_path_is_busy(fx.read, "a/other.cbz", &err), 0);
    fx_start_items(2, id);
    assert_string_equal(fx_active(), id); /* somebody asked for this one */
    fx_start(&j, second);
    assert_string_equal(fx_active(), id);
    assert_int_equal(fx_cancel(first, NULL), 1);
    assert_int_equal(fx_cancel(second, NULL), 1);
    assert_int_equal(store_path_is_busy(fx.read, "a/new.cbz", &err), 0);
}

static void a_running_item_is_busy(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    static const char *const paths[] = {"a/new.cbz"};
    fx_start_paths(paths, 1, id);
    struct item it;
    struct job job;
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(store_path_is_busy(fx.read, "a/new.cbz", &err), 1);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, &job), 1);
    assert_int_equal(store_path_is_busy(fx.read, "a/new.cbz", &err), 0);
    item_clear(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(late_call_does_not_revive_an_ended_job),
        FX_TEST(unknown_job_cannot_be_active),
        FX_TEST(a_single_job_leaves_the_active_job_alone),
        FX_TEST(a_job_of_the_watcher_takes_nobodys_place),
        FX_TEST(a_running_item_is_busy),
        FX_TEST(cleared_by_hand_is_none_though_the_job_runs),
        FX_TEST(row_that_names_an_ended_job_is_read_as_none),
        FX_TEST(copy_follows_the_truth),
        FX_TEST(copy_converges_in_whatever_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
