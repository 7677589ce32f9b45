/* The rules of the store that hold for every job: jobs.db refuses what breaks them, from whoever it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

/* ---- rule 1: a job, its items and the active job become visible together ---- */

static void new_job_is_seen_whole_or_not_at_all(void **state)
{
    (void)state;
    struct err err = {0};
    struct job job;
    char id[UUID_SIZE];
    uuid_new(id);
    struct job_new n = {.job_id = id,
                        .operation = "noop",
                        .title = "T",
                        .options = "{}",
                        .total = 2,
                        .priority = PRIORITY_NORMAL,
                        .made_by = "worker 1",
                        .staged_by = fx.owner};
    static const char *const paths[] = {"a", "b"};
    fx_begin();
    fx_ok(store_job_stage(fx.jobs, &n, fx_now(), &err), &err);
    fx_ok(store_job_stage_items(fx.jobs, id, 1, paths, 1, &err), &err);
    fx_commit();
    assert_false(fx_exists(id));
    assert_string_equal(fx_active(), "");
    struct item items[4];
    assert_int_equal(fx_claim(fx.owner, 4, items), 0);

    fx_begin();
    fx_ok(store_job_stage_items(fx.jobs, id, 2, paths + 1, 1, &err), &err);
    fx_ok(store_job_publish(fx.jobs, id, fx_now(), &job, &err), &err);
    assert_false(fx_exists(id)); /* another connection: not before the commit */
    assert_string_equal(fx_active(), "");
    fx_commit();
    assert_true(fx_exists(id));
    assert_string_equal(fx_active(), id);
    assert_int_equal(job.version, fx_get(id).version);
    assert_string_equal(fx_get(id).owner, "worker 1");
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events WHERE type = 'job_updated'"),
                     1);
}

static void publish_of_a_staging_that_was_swept_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    struct job job;
    char id[UUID_SIZE];
    uuid_new(id);
    fx_begin();
    assert_int_equal(store_job_publish(fx.jobs, id, fx_now(), &job, &err), -1);
    fx_rollback();
    assert_int_equal(err.code, ERR_STORE);
}

static void same_key_is_one_job(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE], found[UUID_SIZE] = "";
    fx_start(&(struct fx_job){.n = 1, .priority = PRIORITY_NORMAL, .key = "k1"}, id);
    assert_int_equal(store_job_by_key(fx.read, "k1", found, &err), 1);
    assert_string_equal(found, id);
    assert_int_equal(store_job_by_key(fx.read, "k2", found, &err), 0);
    char second[UUID_SIZE];
    uuid_new(second);
    struct job_new n = {.job_id = second,
                        .operation = "noop",
                        .title = "T",
                        .options = "{}",
                        .total = 1,
                        .made_by = "worker 1",
                        .staged_by = fx.owner,
                        .idempotency_key = "k1"};
    fx_begin();
    assert_int_equal(store_job_stage(fx.jobs, &n, fx_now(), &err), -1);
    fx_rollback();
    assert_int_equal(fx_delete(id), 1);
    assert_int_equal(store_job_by_key(fx.read, "k1", found, &err), 0);
    fx_start(&(struct fx_job){.n = 1, .priority = PRIORITY_NORMAL, .key = "k1"}, id);
}

/* ---- rules 2 and 3: counters, status, version ---- */

static void each_item_counts_once_and_the_last_one_ends_the_job(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(25, id);
    struct job before = fx_get(id), now;
    assert_int_equal(before.status, JOB_QUEUED);
    struct item it;
    for (int k = 1; k <= 25; k++) {
        assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
        assert_int_equal(fx_get(id).status, JOB_PROCESSING);
        assert_int_equal(fx_finish(&it, fx.owner, k % 3 ? ITEM_OK : ITEM_ERROR, &now), 1);
        item_clear(&it);
        struct job polled = fx_get(id);
        assert_int_equal(polled.processed, k);
        assert_int_equal(polled.success + polled.errors, k);
        assert_int_equal(polled.errors, k / 3);
        assert_true(polled.version > before.version);
        assert_int_equal(polled.status, k < 25 ? JOB_PROCESSING : JOB_COMPLETED);
        assert_int_equal(now.status, polled.status); /* the answer says what a poll says */
        assert_int_equal(now.version, polled.version);
        before = polled;
    }
    assert_true(before.completed_at > 0);
    assert_true(now.was_active);
    assert_string_equal(fx_active(), "");
}

static void finish_after_the_end_returns_0_and_changes_nothing(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(1, id);
    struct item it;
    struct job job;
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, &job), 1);
    struct job ended = fx_get(id);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_ERROR, &job), 0);
    struct job still = fx_get(id);
    assert_memory_equal(&ended, &still, sizeof(ended));
    item_clear(&it);
}

static void undone_commit_leaves_no_trace(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    fx_start_items(1, id);
    struct item it;
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    struct job before = fx_get(id), job;
    int64_t events = fx_int(GATE_JOBS, "SELECT count(*) FROM events");
    struct item_finish f = {.outcome = ITEM_OK, .own_event = true};
    fx_begin();
    fx_ok(store_item_finish(fx.jobs, &it, fx.owner, &f, fx_now(), &job, &err), &err);
    assert_int_equal(job.status, JOB_COMPLETED);
    struct job during = fx_get(id);
    fx_rollback();
    struct job after = fx_get(id);
    assert_memory_equal(&before, &during, sizeof(before));
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events"), events);
    assert_string_equal(fx_active(), id);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, &job), 1);
    item_clear(&it);
}

static void part_that_fails_is_undone_alone(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    fx_start_items(3, id);
    fx_begin();
    fx_ok(store_part_begin(fx.store, GATE_JOBS, &err), &err);
    struct job job;
    fx_ok(store_job_cancel(fx.jobs, id, fx_now(), &job, &err), &err);
    fx_ok(store_part_end(fx.store, GATE_JOBS, false, &err), &err);
    fx_ok(store_part_begin(fx.store, GATE_JOBS, &err), &err);
    json_t *data = json_object();
    assert_true(store_event_add(fx.jobs, "service", NULL, data, fx_now(), &err) > 0);
    json_decref(data);
    fx_ok(store_part_end(fx.store, GATE_JOBS, true, &err), &err);
    fx_commit();
    assert_false(fx_get(id).cancelling);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events WHERE type = 'service'"), 1);
}

static void refused(const char *sql)
{
    if (fx_sql(GATE_JOBS, sql) != SQLITE_CONSTRAINT)
        fail_msg("jobs.db took: %s", sql);
}

/* What a wrong program, or somebody with a shell, cannot write. */
static void schema_refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(3, id);
    struct item it[3];
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    assert_int_equal(fx_finish(&it[1], fx.owner, ITEM_ERROR, NULL), 1);
    /* all done, and not ended */
    refused("UPDATE jobs SET processed_items = 3, success_items = 2");
    refused("UPDATE jobs SET cancelled_items = 1");
    /* ended without a time, a time without an end, an end that is not one */
    refused("UPDATE jobs SET status = 'completed'");
    refused("UPDATE jobs SET completed_at = 1");
    refused("UPDATE jobs SET status = 'completed', completed_at = 1");
    refused("UPDATE jobs SET status = 'cancelled', completed_at = 1");
    /* counters that do not add up */
    refused("UPDATE jobs SET processed_items = 1");
    refused("UPDATE jobs SET success_items = 2");
    refused("UPDATE jobs SET success_items = -1, error_items = 3");
    refused("UPDATE jobs SET cancelled_items = 2");
    /* counters and version that go down */
    refused("UPDATE jobs SET processed_items = 1, success_items = 0");
    refused("UPDATE jobs SET version = version - 1");
    refused("UPDATE jobs SET total_items = 2, processed_items = 1, success_items = 0");
    refused("UPDATE jobs SET status = 'queued'");
    refused("UPDATE jobs SET status = 'nonsense'");
    refused("UPDATE jobs SET total_items = 0");
    refused("UPDATE job_items SET status = 'leased' WHERE seq = 1");
    refused("UPDATE job_items SET lease_owner = NULL WHERE seq = 3");
    refused("UPDATE job_items SET result_no = NULL WHERE seq = 1");
    refused("UPDATE job_items SET result_no = 1 WHERE seq = 2");
    refused("UPDATE job_items SET status = 'queued' WHERE seq = 1");
    refused("UPDATE job_items SET status = 'nonsense' WHERE seq = 1");
    refused("UPDATE job_items SET finished_at = NULL WHERE seq = 1");
    refused("UPDATE job_items SET finished_at = 1 WHERE seq = 3");
    refused("INSERT INTO active (id, updated_at) VALUES (2, 0)");
    refused("INSERT INTO leased_paths VALUES ('x', 'j', 1), ('x', 'k', 1)");
    for (int i = 0; i < 3; i++)
        item_clear(&it[i]);
}

static void schema_keeps_what_ended_as_it_is(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(2, id);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(fx_get(id).status, JOB_CANCELLED);
    refused("UPDATE jobs SET status = 'completed'");
    refused("UPDATE jobs SET status = 'processing', completed_at = NULL, cancelled_items = 0");
    refused("UPDATE jobs SET completed_at = completed_at + 1");
    refused("UPDATE jobs SET processed_items = 1, success_items = 1, cancelled_items = 1");
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE jobs SET title = 'of no importance'"), SQLITE_OK);
}

/* ---- rule 5: times ---- */

static void times_are_unix_seconds(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(1, id);
    struct item it;
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, NULL), 1);
    item_clear(&it);
    static const char *const columns[] = {"created_at", "started_at", "completed_at"};
    double last = 1790000000;
    for (int i = 0; i < 3; i++) {
        char sql[160];
        (void)snprintf(sql, sizeof(sql), "SELECT typeof(%s) FROM jobs", columns[i]);
        assert_string_equal(fx_text(GATE_JOBS, sql), "real");
        (void)snprintf(sql, sizeof(sql), "SELECT %s FROM jobs", columns[i]);
        double at = strtod(fx_text(GATE_JOBS, sql), NULL);
        assert_true(at > last && at < 1790000100);
        last = at;
    }
}

/* ---- reading ---- */

static void list_is_newest_first_and_pages(void **state)
{
    (void)state;
    struct err err = {0};
    char ids[5][UUID_SIZE];
    for (int i = 0; i < 5; i++)
        fx_start_items(1, ids[i]);
    assert_int_equal(fx_cancel(ids[1], NULL), 1);
    assert_int_equal(fx_delete(ids[3]), 1);
    struct job jobs[8];
    struct job_filter all = {.status = JOB__COUNT};
    assert_int_equal(store_job_list(fx.read, &all, jobs, 8, &err), 4);
    static const int order[] = {4, 2, 1, 0};
    for (int i = 0; i < 4; i++)
        assert_string_equal(jobs[i].job_id, ids[order[i]]);
    struct job_filter page = {.status = JOB__COUNT, .before = ids[2]};
    assert_int_equal(store_job_list(fx.read, &page, jobs, 1, &err), 1);
    assert_string_equal(jobs[0].job_id, ids[1]);
    struct job_filter cancelled = {.status = JOB_CANCELLED};
    assert_int_equal(store_job_list(fx.read, &cancelled, jobs, 8, &err), 1);
    assert_string_equal(jobs[0].job_id, ids[1]);
    struct job_filter active = {.only_active = true, .status = JOB__COUNT};
    assert_int_equal(store_job_list(fx.read, &active, jobs, 8, &err), 3);
    struct job_filter other = {.status = JOB__COUNT, .operation = "process"};
    assert_int_equal(store_job_list(fx.read, &other, jobs, 8, &err), 0);
    int64_t counts[JOB__COUNT];
    fx_ok(store_job_counts(fx.read, counts, &err), &err);
    assert_int_equal(counts[JOB_QUEUED], 3);
    assert_int_equal(counts[JOB_CANCELLED], 1);
    assert_int_equal(counts[JOB_PROCESSING] + counts[JOB_COMPLETED] + counts[JOB_FAILED], 0);
}

/* Jobs of one millisecond, on a page border. */
static void list_loses_no_job_of_the_same_instant(void **state)
{
    (void)state;
    struct err err = {0};
    char ids[4][UUID_SIZE];
    for (int i = 0; i < 4; i++)
        fx_start_items(1, ids[i]);
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE jobs SET created_at = 1790000000.5"), SQLITE_OK);
    struct job one;
    char before[UUID_SIZE] = "";
    int n = 0;
    for (;; n++) {
        struct job_filter f = {.status = JOB__COUNT, .before = n ? before : NULL};
        int rc = store_job_list(fx.read, &f, &one, 1, &err);
        fx_ok(rc, &err);
        if (rc == 0)
            break;
        assert_string_not_equal(one.job_id, before);
        memcpy(before, one.job_id, sizeof(before));
        assert_true(n < 5);
    }
    assert_int_equal(n, 4);
}

static int add_result(void *ctx, const struct job_result *r, struct err *err)
{
    (void)err;
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 256 - len, "%lld:%s:%s:%s ", (long long)r->id, r->path,
                   r->success ? "ok" : "error", r->message ? r->message : "-");
    return 0;
}

static void results_come_in_the_order_of_finishing(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    static const char *const paths[] = {"A/one.cbz", "A/Two.cbz", "B/three.cbz"};
    fx_start_paths(paths, 3, id);
    struct item it[3];
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    assert_int_equal(fx_finish(&it[2], fx.owner, ITEM_OK, NULL), 1);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_ERROR, NULL), 1);
    assert_int_equal(fx_finish(&it[1], fx.owner, ITEM_OK, NULL), 1);
    for (int i = 0; i < 3; i++)
        item_clear(&it[i]);
    static const struct {
        int64_t after;
        int outcome;
        const char *search;
        int max;
        const char *expect;
    } cases[] = {
        {0, 0, NULL, 10, "1:B/three.cbz:ok:- 2:A/one.cbz:error:it is broken 3:A/Two.cbz:ok:- "},
        {1, 0, NULL, 1, "2:A/one.cbz:error:it is broken "},
        {0, 1, NULL, 10, "1:B/three.cbz:ok:- 3:A/Two.cbz:ok:- "},
        {0, -1, NULL, 10, "2:A/one.cbz:error:it is broken "},
        {0, 0, "a/tW", 10, "3:A/Two.cbz:ok:- "},
        {0, 0, "%", 10, ""},
        {3, 0, NULL, 10, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[256] = "";
        fx_ok(store_results(fx.read, id, cases[i].after, cases[i].outcome, cases[i].search,
                            cases[i].max, add_result, text, &err),
              &err);
        assert_string_equal(text, cases[i].expect);
    }
    /* what people look at with the sqlite3 program */
    assert_string_equal(
        fx_text(GATE_JOBS,
                "SELECT group_concat(id || ' ' || item || ' ' || success || ' ' ||"
                " ifnull(error, '-'), '|') FROM (SELECT * FROM job_results ORDER BY id)"),
        "1 three.cbz 1 -|2 one.cbz 0 it is broken|3 Two.cbz 1 -");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(new_job_is_seen_whole_or_not_at_all),
        FX_TEST(publish_of_a_staging_that_was_swept_is_an_error),
        FX_TEST(same_key_is_one_job),
        FX_TEST(each_item_counts_once_and_the_last_one_ends_the_job),
        FX_TEST(finish_after_the_end_returns_0_and_changes_nothing),
        FX_TEST(undone_commit_leaves_no_trace),
        FX_TEST(part_that_fails_is_undone_alone),
        FX_TEST(schema_refuses_what_breaks_a_rule),
        FX_TEST(schema_keeps_what_ended_as_it_is),
        FX_TEST(times_are_unix_seconds),
        FX_TEST(list_is_newest_first_and_pages),
        FX_TEST(list_loses_no_job_of_the_same_instant),
        FX_TEST(results_come_in_the_order_of_finishing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
