/* Cancelling and deleting jobs in every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "store_fixture.h"

static void queued_job_is_cancelled_at_once(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct job job;
    fx_start_items(3, id);
    int64_t version = fx_get(id).version;
    assert_int_equal(fx_cancel(id, &job), 1);
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_int_equal(job.cancelled, 3);
    assert_true(job.was_active);
    assert_string_equal(fx_active(), "");
    struct job polled = fx_get(id);
    assert_int_equal(polled.status, JOB_CANCELLED);
    assert_true(polled.version > version);
    struct item it;
    assert_int_equal(fx_claim(fx.owner, 1, &it), 0);
}

static void running_items_finish_first_and_what_was_done_stays(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[4];
    struct job job;
    fx_start_items(6, id);
    assert_int_equal(fx_claim(fx.owner, 4, it), 4);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    assert_int_equal(fx_cancel(id, &job), 1);
    assert_int_equal(job.status, JOB_PROCESSING);
    assert_true(job.cancelling);
    assert_int_equal(job.cancelled, 2);
    assert_string_equal(fx_active(), id);
    char ids[4][UUID_SIZE];
    struct err err = {0};
    assert_int_equal(store_cancelling(fx.read, ids, 4, &err), 1);
    assert_string_equal(ids[0], id);
    assert_int_equal(fx_finish(&it[1], fx.owner, ITEM_OK, NULL), 1); /* could not stop in time */
    assert_int_equal(fx_finish(&it[2], fx.owner, ITEM_CANCELLED, NULL), 1);
    assert_int_equal(fx_get(id).status, JOB_PROCESSING);
    assert_int_equal(fx_finish(&it[3], fx.owner, ITEM_ERROR, &job), 1);
    assert_int_equal(job.status, JOB_CANCELLED);
    struct job polled = fx_get(id);
    assert_int_equal(polled.success, 2);
    assert_int_equal(polled.errors, 1);
    assert_int_equal(polled.cancelled, 3);
    assert_string_equal(fx_active(), "");
    assert_int_equal(store_cancelling(fx.read, ids, 4, &err), 0);
    for (int i = 0; i < 4; i++)
        item_clear(&it[i]);
}

static void cancelled_twice_is_cancelled_once(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    struct job first, second;
    fx_start_items(3, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_cancel(id, &first), 1);
    assert_int_equal(fx_cancel(id, &second), 1);
    assert_int_equal(second.version, first.version);
    assert_int_equal(second.cancelled, 2);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_CANCELLED, NULL), 1);
    item_clear(&it);
}

static void ended_or_unknown_job_cannot_be_cancelled(void **state)
{
    (void)state;
    char id[UUID_SIZE], unknown[UUID_SIZE];
    struct item it;
    fx_start_items(1, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, NULL), 1);
    item_clear(&it);
    struct job before = fx_get(id);
    int64_t events = fx_int(GATE_JOBS, "SELECT count(*) FROM events");
    assert_int_equal(fx_cancel(id, NULL), 0);
    struct job after = fx_get(id);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events"), events);
    uuid_new(unknown);
    assert_int_equal(fx_cancel(unknown, NULL), 0);
}

static void large_job_is_cancelled_in_parts(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    struct job job;
    struct err err = {0};
    bool ended;
    fx_start_items(5000, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_cancel(id, &job), 1);
    assert_int_equal(job.cancelled, STORE_CANCEL_CHUNK);
    assert_true(job.cancelling);
    int64_t version = job.version;
    for (int parts = 0;; parts++) {
        assert_int_equal(store_needs_cancel(fx.read, &err), parts < 2);
        if (fx_cancel_more(&ended) == 0)
            break;
        assert_false(ended); /* one is running */
        struct job now = fx_get(id);
        assert_true(now.version > version);
        version = now.version;
        assert_true(parts < 2);
    }
    assert_int_equal(fx_get(id).cancelled, 4999);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, &job), 1);
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_int_equal(job.success, 1);
    item_clear(&it);
}

static void last_part_ends_a_job_of_which_nothing_runs(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    bool ended;
    fx_start_items(2 * STORE_CANCEL_CHUNK, id);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(fx_get(id).status, JOB_QUEUED);
    assert_int_equal(fx_cancel_more(&ended), 1);
    assert_true(ended);
    assert_int_equal(fx_get(id).status, JOB_CANCELLED);
    assert_string_equal(fx_active(), "");
    assert_int_equal(fx_cancel_more(&ended), 0);
}

/* Its worker put it back when it was told to stop. */
static void item_put_back_into_a_cancelling_job_is_cancelled(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    bool ended;
    fx_start_items(1, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(fx_return(&it, fx.owner, false), 1);
    item_clear(&it);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 0);
    assert_int_equal(fx_cancel_more(&ended), 1);
    assert_true(ended);
}

static void active_job_stays_when_another_one_ends(void **state)
{
    (void)state;
    char first[UUID_SIZE], second[UUID_SIZE];
    struct job job;
    fx_start_items(1, first);
    fx_start_items(1, second);
    assert_string_equal(fx_active(), second);
    assert_int_equal(fx_cancel(first, &job), 1);
    assert_false(job.was_active);
    assert_string_equal(fx_active(), second);
}

/* ---- delete ---- */

static void ended_job_is_gone_at_once(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(2, id);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(fx_delete(id), 1);
    assert_false(fx_exists(id));
    assert_int_equal(fx_delete(id), 0);
    assert_int_equal(fx_cancel(id, NULL), 0);
}

static void running_job_is_hidden_then_stopped_then_swept(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const paths[] = {"a.cbz", "b.cbz", "c.cbz"};
    char id[UUID_SIZE], other[UUID_SIZE];
    struct item it[2], next;
    fx_start_paths(paths, 3, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    assert_int_equal(fx_delete(id), 1);
    assert_false(fx_exists(id));
    assert_string_equal(fx_active(), ""); /* nobody is told of it any more */
    int64_t counts[JOB__COUNT];
    fx_ok(store_job_counts(fx.read, counts, &err), &err);
    for (int i = 0; i < JOB__COUNT; i++)
        assert_int_equal(counts[i], 0);
    char ids[2][UUID_SIZE];
    assert_int_equal(store_cancelling(fx.read, ids, 2, &err),
                     1);             /* its threads are asked to stop */
    fx_start_paths(paths, 1, other); /* the books are still held */
    assert_int_equal(fx_claim(fx.owner, 1, &next), 0);
    assert_int_equal(fx_sweep_all(0, 1000), 0); /* not while something runs */
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_CANCELLED, NULL), 1);
    assert_int_equal(fx_finish(&it[1], fx.owner, ITEM_OK, NULL), 1);
    assert_true(fx_sweep_all(0, 1000) > 0);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM jobs"), 1);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM job_items"), 1);
    assert_int_equal(fx_claim(fx.owner, 1, &next), 1);
    item_clear(&next);
    item_clear(&it[0]);
    item_clear(&it[1]);
}

static void large_job_deleted_while_queued_goes_to_the_last_row(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    bool ended;
    fx_start_items(5000, id);
    assert_int_equal(fx_delete(id), 1);
    assert_string_equal(fx_active(), "");
    while (fx_cancel_more(&ended) == 1)
        ;
    assert_true(fx_sweep_all(0, 1000) >= 5);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM jobs"), 0);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM job_items"), 0);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT job_id IS NULL FROM active"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(queued_job_is_cancelled_at_once),
        FX_TEST(running_items_finish_first_and_what_was_done_stays),
        FX_TEST(cancelled_twice_is_cancelled_once),
        FX_TEST(ended_or_unknown_job_cannot_be_cancelled),
        FX_TEST(large_job_is_cancelled_in_parts),
        FX_TEST(last_part_ends_a_job_of_which_nothing_runs),
        FX_TEST(item_put_back_into_a_cancelling_job_is_cancelled),
        FX_TEST(active_job_stays_when_another_one_ends),
        FX_TEST(ended_job_is_gone_at_once),
        FX_TEST(running_job_is_hidden_then_stopped_then_swept),
        FX_TEST(large_job_deleted_while_queued_goes_to_the_last_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
