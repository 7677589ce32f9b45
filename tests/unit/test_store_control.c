/* Pause, resume, priority, limit of threads, retry; and the way from the first schema to the one with all that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema.h"
#include "store_fixture.h"

static const bool yes = true, no = false;
static const enum job_priority low = PRIORITY_LOW, high = PRIORITY_HIGH;

/* One commit. Returns what the store says; the code of an error is in *ret_code. */
static int change(const char *id, const struct job_change *c, bool *ret_changed,
                  enum err_code *ret_code)
{
    struct err err = {0};
    struct job job;
    fx_begin();
    int rc = store_job_change(fx.jobs, id, c, fx_now(), &job, ret_changed, &err);
    if (ret_code)
        *ret_code = err.code;
    else
        fx_ok(rc, &err);
    fx_commit();
    return rc;
}

static void set_paused(const char *id, const bool *paused)
{
    bool changed;
    assert_int_equal(change(id, &(struct job_change){.paused = paused}, &changed, NULL), 1);
    assert_true(changed);
}

static void set_max_threads(const char *id, int max)
{
    bool changed;
    assert_int_equal(change(id, &(struct job_change){.max_threads = &max}, &changed, NULL), 1);
}

static void finish_all(const char *id, enum item_outcome outcome)
{
    struct item it;
    while (fx_claim(fx.owner, 1, &it) == 1) {
        assert_string_equal(it.job_id, id);
        assert_int_equal(fx_finish(&it, fx.owner, outcome, NULL), 1);
        item_clear(&it);
    }
}

static int64_t events_of(const char *id)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM events WHERE job_id = '%s'", id);
    return fx_int(GATE_JOBS, sql);
}

static void paused_job_is_not_claimed_and_its_running_items_finish(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[4];
    struct err err = {0};
    struct job job;
    fx_start_items(4, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    set_paused(id, &yes);
    assert_true(fx_get(id).paused);
    assert_int_equal(fx_get(id).running, 2);
    assert_int_equal(fx_claim(fx.owner, 4, it + 2), 0);
    assert_int_equal(store_has_work(fx.read, 0, &err), 0);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, &job), 1);
    assert_int_equal(job.status, JOB_PROCESSING);
    assert_int_equal(job.running, 1); /* the row that the change returns */
    int64_t version = job.version, event = job.last_event_id;
    assert_int_equal(fx_return(&it[1], fx.owner, false),
                     1); /* claimed ahead: as if never claimed */
    job = fx_get(id);
    assert_int_equal(job.running, 0);
    assert_true(job.version > version && job.last_event_id > event); /* and it is told */
    assert_int_equal(
        fx_int(GATE_JOBS, "SELECT max(attempts) FROM job_items WHERE status = 'queued'"), 0);
    assert_int_equal(fx_claim(fx.owner, 4, it + 2), 0);
    set_paused(id, &no);
    assert_int_equal(fx_get(id).running, -1);
    assert_int_equal(store_has_work(fx.read, 0, &err), 1);
    item_clear(&it[0]);
    item_clear(&it[1]);
    finish_all(id, ITEM_OK);
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
}

static void last_item_of_a_paused_job_ends_it(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(1, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    set_paused(id, &yes);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, NULL), 1);
    item_clear(&it);
    struct job job = fx_get(id);
    assert_int_equal(job.status, JOB_COMPLETED);
    json_t *o = job_to_json(&job, fx_now());
    assert_true(json_is_false(json_object_get(o, "paused"))); /* what ended waits for nothing */
    json_decref(o);
}

static void change_is_one_version_and_one_event_and_none_without_one(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    bool changed;
    int eight = 8;
    fx_start_items(2, id);
    struct job_change all = {
        .paused = &yes, .priority = &high, .max_threads = &eight, .title = "Mine"};
    int64_t version = fx_get(id).version, events = events_of(id);
    assert_int_equal(change(id, &all, &changed, NULL), 1);
    assert_true(changed);
    struct job job = fx_get(id);
    assert_int_equal(job.version, version + 1);
    assert_int_equal(events_of(id), events + 1);
    assert_true(job.paused && job.priority == PRIORITY_HIGH && job.max_threads == 8);
    assert_string_equal(job.title, "Mine");
    char data[512];
    (void)snprintf(data, sizeof(data), "%s",
                   fx_text(GATE_JOBS, "SELECT data FROM events ORDER BY id DESC LIMIT 1"));
    assert_non_null(strstr(data, "\"paused\":true"));
    assert_int_equal(change(id, &all, &changed, NULL), 1);
    assert_false(changed);
    assert_int_equal(fx_get(id).version, version + 1);
    assert_int_equal(events_of(id), events + 1);
}

static void ended_job_takes_a_title_and_nothing_else(void **state)
{
    (void)state;
    char id[UUID_SIZE], unknown[UUID_SIZE];
    bool changed;
    enum err_code code;
    int two = 2;
    fx_start_items(1, id);
    finish_all(id, ITEM_OK);
    const struct job_change refused[] = {{.paused = &yes},
                                         {.paused = &no},
                                         {.priority = &low},
                                         {.max_threads = &two},
                                         {.title = "x", .priority = &low}};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_int_equal(change(id, &refused[i], &changed, &code), -1);
        assert_int_equal(code, ERR_CONFLICT);
    }
    assert_int_equal(change(id, &(struct job_change){.title = "Done"}, &changed, NULL), 1);
    assert_string_equal(fx_get(id).title, "Done");
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
    uuid_new(unknown);
    assert_int_equal(change(unknown, &(struct job_change){.paused = &yes}, &changed, NULL), 0);
}

static void job_that_is_being_cancelled_is_not_paused(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    bool changed;
    enum err_code code;
    fx_start_items(2, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    set_paused(id, &yes);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(change(id, &(struct job_change){.paused = &no}, &changed, &code), -1);
    assert_int_equal(code, ERR_CONFLICT);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_CANCELLED, NULL), 1);
    item_clear(&it);
    assert_int_equal(fx_get(id).status, JOB_CANCELLED);
}

static void title_of_the_active_job_follows(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    bool changed;
    struct active_job active;
    struct err err = {0};
    fx_start_items(1, id);
    assert_int_equal(change(id, &(struct job_change){.title = "New"}, &changed, NULL), 1);
    fx_ok(store_active_get(fx.read, &active, &err), &err);
    assert_string_equal(active.title, "New");
    fx_begin();
    assert_int_equal(store_active_set(fx.jobs, id, "Somebody's own", fx_now(), &err), 1);
    fx_commit();
    assert_int_equal(change(id, &(struct job_change){.title = "Newer"}, &changed, NULL), 1);
    fx_ok(store_active_get(fx.read, &active, &err), &err);
    assert_string_equal(active.title, "Somebody's own");
}

static void limit_of_threads_holds_over_all_owners(void **state)
{
    (void)state;
    char id[UUID_SIZE], other[UUID_SIZE];
    struct item it[8];
    struct err err = {0};
    const char *second = fx_dead_owner(1);
    fx_start_items(6, id);
    set_max_threads(id, 2);
    assert_int_equal(fx_claim(fx.owner, 1, it), 1);
    assert_int_equal(fx_claim(second, 5, it + 1), 1);
    assert_int_equal(fx_claim(fx.owner, 5, it + 2), 0);
    assert_int_equal(store_has_work(fx.read, 0, &err), 0); /* nobody begins a transaction for it */
    fx_start_items(1, other);
    assert_int_equal(fx_claim(fx.owner, 5, it + 2), 1); /* another job goes past it */
    assert_string_equal(it[2].job_id, other);
    assert_int_equal(fx_finish(&it[1], second, ITEM_OK, NULL), 1);
    assert_int_equal(fx_claim(fx.owner, 5, it + 3), 1);
    set_max_threads(id, 0); /* no limit any more */
    assert_int_equal(fx_claim(fx.owner, 5, it + 4), 3);
    for (int i = 0; i < 7; i++)
        item_clear(&it[i]);
}

static void limit_below_what_runs_waits_for_it(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[4];
    fx_start_items(5, id);
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    set_max_threads(id, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fx_claim(fx.owner, 3, it + 3), 0);
        assert_int_equal(fx_finish(&it[i], fx.owner, ITEM_OK, NULL), 1);
        item_clear(&it[i]);
    }
    assert_int_equal(fx_claim(fx.owner, 3, it), 1);
    item_clear(&it[0]);
}

static void new_priority_counts_at_the_next_claim(void **state)
{
    (void)state;
    char first[UUID_SIZE], second[UUID_SIZE];
    struct item it[2];
    bool changed;
    fx_start_items(4, first);
    fx_start_items(4, second);
    assert_int_equal(change(second, &(struct job_change){.priority = &high}, &changed, NULL), 1);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(it[i].job_id, second);
        item_clear(&it[i]);
    }
    assert_int_equal(change(second, &(struct job_change){.priority = &low}, &changed, NULL), 1);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(it[i].job_id, first);
        item_clear(&it[i]);
    }
}

static int pause_all(bool paused, int max)
{
    struct err err = {0};
    fx_begin();
    int n = store_jobs_pause(fx.jobs, paused, max, fx_now(), &err);
    fx_ok(n, &err);
    fx_commit();
    return n;
}

static void all_unfinished_jobs_are_paused_and_later_ones_are_not(void **state)
{
    (void)state;
    char ended[UUID_SIZE], ids[3][UUID_SIZE], later[UUID_SIZE];
    struct item it;
    fx_start_items(1, ended);
    finish_all(ended, ITEM_OK);
    for (int i = 0; i < 3; i++)
        fx_start_items(2, ids[i]);
    set_paused(ids[1], &yes);
    assert_int_equal(pause_all(true, 1), 1); /* in parts */
    assert_int_equal(pause_all(true, 10), 1);
    assert_int_equal(pause_all(true, 10), 0);
    assert_false(fx_get(ended).paused);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 0);
    fx_start_items(1, later);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_string_equal(it.job_id, later);
    item_clear(&it);
    assert_int_equal(pause_all(false, 10), 3);
    for (int i = 0; i < 3; i++)
        assert_false(fx_get(ids[i]).paused);
}

static void only_owners_with_leases_of_a_paused_job_hear_of_it(void **state)
{
    (void)state;
    char held[UUID_SIZE], runs[UUID_SIZE], ids[4][UUID_SIZE];
    struct item it[2];
    struct err err = {0};
    const char *second = fx_dead_owner(1);
    fx_start_items(2, held);
    assert_int_equal(fx_claim(fx.owner, 1, it), 1);
    fx_start_items(2, runs);
    set_paused(held, &yes);
    assert_int_equal(fx_claim(second, 1, it + 1), 1);
    assert_int_equal(store_paused_leases(fx.read, fx.owner, ids, 4, &err), 1);
    assert_string_equal(ids[0], held);
    assert_int_equal(store_paused_leases(fx.read, second, ids, 4, &err), 0);
    assert_int_equal(fx_return(&it[0], fx.owner, false), 1);
    assert_int_equal(store_paused_leases(fx.read, fx.owner, ids, 4, &err), 0);
    item_clear(&it[0]);
    item_clear(&it[1]);
}

static void pause_is_no_part_of_the_rate(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[4];
    fx_start_items(10, id);
    assert_int_equal(fx_claim(fx.owner, 4, it), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fx_finish(&it[i], fx.owner, ITEM_OK, NULL), 1);
        item_clear(&it[i]);
    }
    set_paused(id, &yes);
    struct job job = fx_get(id);
    json_t *o = job_to_json(&job, fx_now());
    assert_true(json_is_null(json_object_get(o, "rate")));
    assert_true(json_is_null(json_object_get(o, "eta_seconds")));
    json_decref(o);
    fx.now += 3600;
    set_paused(id, &no);
    double resumed = fx.now;
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fx_finish(&it[i], fx.owner, ITEM_OK, NULL), 1);
        item_clear(&it[i]);
    }
    job = fx_get(id);
    o = job_to_json(&job, resumed + 4);
    assert_float_equal(json_number_value(json_object_get(o, "rate")), 0.5, 0.01);
    json_decref(o);
}

/* ---- retry ---- */

static int add_name(void *ctx, const char *path, struct err *err)
{
    (void)err;
    size_t len = strlen(ctx);
    (void)snprintf((char *)ctx + len, 256 - len, "%s,", path);
    return 0;
}

/* Stages and publishes the retry of a job, one item. */
static int start_retry(const char *parent, char ret[UUID_SIZE], struct err *err)
{
    uuid_new(ret);
    struct job_new n = {.job_id = ret,
                        .operation = "noop",
                        .title = "Again",
                        .options = "{}",
                        .total = 1,
                        .priority = PRIORITY_NORMAL,
                        .made_by = "worker 0",
                        .staged_by = fx.owner,
                        .parent = parent,
                        .parent_kind = "retry"};
    const char *path = "item 1";
    struct job job;
    fx_begin();
    int rc = store_job_stage(fx.jobs, &n, fx_now(), err);
    if (rc == 0) {
        fx_ok(store_job_stage_items(fx.jobs, ret, 1, &path, 1, err), err);
        fx_ok(store_job_publish(fx.jobs, ret, fx_now(), &job, err), err);
        assert_string_equal(job.parent, parent);
    }
    fx_commit();
    return rc;
}

static void what_is_not_done_is_what_failed_and_what_was_cancelled(void **state)
{
    (void)state;
    char id[UUID_SIZE], names[256] = "";
    struct item it[3];
    struct err err = {0};
    fx_start_items(5, id);
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    static const enum item_outcome outcomes[] = {ITEM_OK, ITEM_ERROR, ITEM_OK};
    assert_int_equal(fx_cancel(id, NULL), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fx_finish(&it[i], fx.owner, outcomes[i], NULL), 1);
        item_clear(&it[i]);
    }
    fx_ok(store_job_not_done(fx.read, id, add_name, names, &err), &err);
    assert_string_equal(names, "item 2,item 4,item 5,");
}

static int count_one(void *ctx, const char *path, struct err *err)
{
    (void)path;
    (void)err;
    ++*(int *)ctx;
    return 0;
}

static void many_items_are_read_in_parts(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct err err = {0};
    bool ended;
    int n = 0;
    fx_start_items(2500, id);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(fx_cancel_more(&ended), 1);
    assert_true(ended);
    fx_ok(store_job_not_done(fx.read, id, count_one, &n, &err), &err);
    assert_int_equal(n, 2500);
}

static void job_has_one_retry_until_that_is_deleted(void **state)
{
    (void)state;
    char id[UUID_SIZE], retry[UUID_SIZE], second[UUID_SIZE];
    struct err err = {0};
    struct job job;
    fx_start_items(1, id);
    finish_all(id, ITEM_ERROR);
    assert_int_equal(store_job_retry_of(fx.read, id, &job, &err), 0);
    fx_ok(start_retry(id, retry, &err), &err);
    assert_int_equal(start_retry(id, second, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    assert_int_equal(store_job_retry_of(fx.read, id, &job, &err), 1);
    assert_string_equal(job.job_id, retry);
    assert_int_equal(fx_delete(retry), 1);
    assert_int_equal(store_job_retry_of(fx.read, id, &job, &err), 0);
    fx_ok(start_retry(id, second, &err), &err);
    assert_int_equal(fx_delete(id), 1); /* the parent may go */
    (void)fx_sweep_all(0, 1000);
    assert_string_equal(fx_get(second).parent, id);
}

/* ---- the way from the first schema ---- */

/* A state folder as the first version left it: jobs.db with schema 1 and a job of three items, one of them done. */
static void make_old_file(char path[160])
{
    sqlite3 *conn;
    (void)snprintf(path, 160, "%s/jobs.db", fx.dir);
    assert_int_equal(sqlite3_open(path, &conn), SQLITE_OK);
    assert_string_equal(schema_steps[0].db, "jobs");
    assert_int_equal(schema_steps[0].version, 1);
    assert_int_equal(sqlite3_exec(conn, schema_steps[0].sql, NULL, NULL, NULL), SQLITE_OK);
    static const char sql[] =
        "PRAGMA user_version = 1;"
        "INSERT INTO jobs (job_id, operation, title, status, phase, total_items, processed_items, "
        "success_items, exclusive, version, created_at, started_at, owner) VALUES"
        " ('01920000-0000-7000-8000-000000000001', 'noop', 'Old', 'processing', 'live', 3, 1, 1, "
        "0, 7, 1, 2, 'worker 1');"
        "INSERT INTO job_items (job_id, seq, path) VALUES"
        " ('01920000-0000-7000-8000-000000000001', 2, 'b'),"
        " ('01920000-0000-7000-8000-000000000001', 3, 'c');"
        "INSERT INTO job_items (job_id, seq, path, status, result_no, finished_at) VALUES"
        " ('01920000-0000-7000-8000-000000000001', 1, 'a', 'ok', 1, 3);";
    assert_int_equal(sqlite3_exec(conn, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(conn), SQLITE_OK);
}

static int old_setup(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    fx_close();
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/jobs.db", fx.dir);
    (void)unlink(path);
    make_old_file(path);
    return 0;
}

static void file_of_the_first_version_is_upgraded_and_its_job_goes_on(void **state)
{
    (void)state;
    static const char id[] = "01920000-0000-7000-8000-000000000001";
    fx_reopen();
    assert_true(fx_int(GATE_JOBS, "PRAGMA user_version") >= 2);
    struct job job = fx_get(id);
    assert_int_equal(job.version, 7);
    assert_int_equal(job.max_threads, 0);
    assert_string_equal(job.parent, "");
    set_max_threads(id, 1);
    struct item it[2];
    assert_int_equal(fx_claim(fx.owner, 2, it), 1);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    item_clear(&it[0]);
    finish_all(id, ITEM_OK);
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
    fx_reopen(); /* and only once */
    assert_int_equal(fx_get(id).success, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(paused_job_is_not_claimed_and_its_running_items_finish),
        FX_TEST(last_item_of_a_paused_job_ends_it),
        FX_TEST(change_is_one_version_and_one_event_and_none_without_one),
        FX_TEST(ended_job_takes_a_title_and_nothing_else),
        FX_TEST(job_that_is_being_cancelled_is_not_paused),
        FX_TEST(title_of_the_active_job_follows),
        FX_TEST(limit_of_threads_holds_over_all_owners),
        FX_TEST(limit_below_what_runs_waits_for_it),
        FX_TEST(new_priority_counts_at_the_next_claim),
        FX_TEST(all_unfinished_jobs_are_paused_and_later_ones_are_not),
        FX_TEST(only_owners_with_leases_of_a_paused_job_hear_of_it),
        FX_TEST(pause_is_no_part_of_the_rate),
        FX_TEST(what_is_not_done_is_what_failed_and_what_was_cancelled),
        FX_TEST(many_items_are_read_in_parts),
        FX_TEST(job_has_one_retry_until_that_is_deleted),
        cmocka_unit_test_setup_teardown(file_of_the_first_version_is_upgraded_and_its_job_goes_on,
                                        old_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
