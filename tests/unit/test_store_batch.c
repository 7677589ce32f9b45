/* Jobs that a client drives, and what follows a job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

#define MANY 12

static void start(int n, enum job_drive drive, const char *follow_up, char ret[UUID_SIZE])
{
    struct err err = {0};
    struct job job;
    uuid_new(ret);
    struct job_new new = {.job_id = ret,
                          .operation = "noop",
                          .title = "A batch",
                          .options = "{}",
                          .total = n,
                          .priority = PRIORITY_NORMAL,
                          .made_by = "worker 0",
                          .staged_by = fx.owner,
                          .drive = drive,
                          .follow_up = follow_up};
    fx_begin();
    fx_ok(store_job_stage(fx.jobs, &new, fx_now(), &err), &err);
    for (int i = 1; i <= n; i++) {
        char name[32];
        const char *path = name;
        (void)snprintf(name, sizeof(name), "item %d", i);
        fx_ok(store_job_stage_items(fx.jobs, ret, i, &path, 1, &err), &err);
    }
    fx_ok(store_job_publish(fx.jobs, ret, fx_now(), &job, &err), &err);
    fx_commit();
}

/* What a worker leases whose callers wait for `n` items of `job_id`. */
static int claim(const char *job_id, int n, int max, struct item *ret)
{
    struct err err = {0};
    struct claim_demand demand = {.n = n};
    memcpy(demand.job_id, job_id, sizeof(demand.job_id));
    struct claimer who = fx_claimer;
    who.demands = &demand;
    who.n_demands = n > 0;
    fx_begin();
    int got = store_claim(fx.jobs, &who, max, fx_now(), ret, NULL, NULL, &err);
    fx_ok(got, &err);
    fx_commit();
    return got;
}

static void clear(struct item *items, int n)
{
    for (int i = 0; i < n; i++)
        item_clear(&items[i]);
}

static int drive(const char *job_id, enum job_drive to)
{
    struct err err = {0};
    struct job job;
    bool changed;
    struct job_change c = {.drive = &to};
    fx_begin();
    int rc = store_job_change(fx.jobs, job_id, &c, fx_now(), &job, &changed, &err);
    if (rc < 0)
        fx_rollback();
    else
        fx_commit();
    return rc < 0 ? -1 : changed;
}

static int demanded(const char *job_id)
{
    struct err err = {0};
    struct claim_demand demand = {.n = 1};
    memcpy(demand.job_id, job_id, sizeof(demand.job_id));
    int rc = store_has_demanded(fx.read, &demand, 1, &err);
    fx_ok(rc, &err);
    return rc;
}

static int has_work(void)
{
    struct err err = {0};
    int rc = store_has_work(fx.read, 0, &err);
    fx_ok(rc, &err);
    return rc;
}

/* ---- who drives ---- */

static void no_pool_takes_what_a_client_drives(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[MANY];
    start(5, DRIVE_CLIENT, NULL, id);
    assert_int_equal(has_work(), 0);
    assert_int_equal(claim(id, 0, MANY, it), 0);
    assert_int_equal(demanded(id), 1);
    assert_int_equal(claim(id, 2, MANY, it), 2); /* no more than clients wait for */
    assert_true(it[0].driven && it[1].driven);
    assert_int_equal(it[0].seq, 1);
    assert_int_equal(it[1].seq, 2);
    assert_int_equal(fx_get(id).status, JOB_PROCESSING);
    clear(it, 2);
}

static void a_demand_does_not_reach_what_the_server_drives(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[MANY];
    start(3, DRIVE_SERVER, NULL, id);
    assert_int_equal(demanded(id), 0);
    assert_int_equal(claim(id, 1, MANY, it), 3);
    assert_false(it[0].driven);
    clear(it, 3);
}

static void clients_and_pools_share(void **state)
{
    (void)state;
    char driven[UUID_SIZE], own[UUID_SIZE];
    struct item it[MANY];
    start(20, DRIVE_SERVER, NULL, own);
    start(20, DRIVE_CLIENT, NULL, driven);
    assert_int_equal(claim(driven, 10, 8, it), 8);
    int n = 0;
    for (int i = 0; i < 8; i++)
        n += it[i].driven;
    assert_int_equal(n, 4);
    clear(it, 8);
}

static void paused_cancelled_and_limited_jobs_give_no_item_to_a_client(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it[MANY];
    struct job job;
    bool changed, yes = true, no = false;
    int one = 1;
    start(4, DRIVE_CLIENT, NULL, id);
    struct job_change c = {.paused = &yes, .max_threads = &one};
    fx_begin();
    fx_ok(store_job_change(fx.jobs, id, &c, fx_now(), &job, &changed, &err), &err);
    fx_commit();
    assert_int_equal(demanded(id), 0);
    assert_int_equal(claim(id, 2, MANY, it), 0);
    c = (struct job_change){.paused = &no};
    fx_begin();
    fx_ok(store_job_change(fx.jobs, id, &c, fx_now(), &job, &changed, &err), &err);
    fx_commit();
    assert_int_equal(claim(id, 2, MANY, it), 1);
    assert_int_equal(demanded(id), 0); /* one at once */
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(claim(id, 2, MANY, it + 1), 0);
    clear(it, 1);
}

static void a_hand_over_is_one_version_and_ends_with_the_job(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[MANY];
    start(2, DRIVE_CLIENT, NULL, id);
    int64_t before = fx_get(id).version;
    assert_int_equal(drive(id, DRIVE_SERVER), 1);
    assert_int_equal(drive(id, DRIVE_SERVER), 0);
    assert_int_equal(fx_get(id).version, before + 1);
    assert_int_equal(has_work(), 1);
    assert_int_equal(claim(id, 0, 1, it), 1);
    assert_int_equal(drive(id, DRIVE_CLIENT), 1);
    assert_int_equal(has_work(), 0);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1); /* what runs, ends */
    clear(it, 1);
    assert_int_equal(claim(id, 1, 1, it), 1);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    clear(it, 1);
    assert_int_equal(drive(id, DRIVE_SERVER), -1);
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
}

struct rows {
    int n;
    struct item_row of[MANY];
};

static int add_row(void *ctx, const struct item_row *it, struct err *err)
{
    (void)err;
    struct rows *r = ctx;
    r->of[r->n++] = *it;
    return 0;
}

static void items_are_read_in_pages(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it[MANY];
    struct rows rows = {0};
    start(5, DRIVE_CLIENT, NULL, id);
    assert_int_equal(claim(id, 3, 3, it), 3);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    assert_int_equal(fx_finish(&it[1], fx.owner, ITEM_ERROR, NULL), 1);
    clear(it, 3);
    assert_int_equal(store_items(fx.read, id, 0, 4, add_row, &rows, &err), 4);
    static const enum item_state states[] = {ITEM_IS_OK, ITEM_IS_ERROR, ITEM_IS_LEASED,
                                             ITEM_IS_QUEUED};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rows.of[i].seq, i + 1);
        assert_int_equal(rows.of[i].state, states[i]);
    }
    assert_int_equal(store_items(fx.read, id, 4, 4, add_row, &rows, &err), 1);
    assert_int_equal(store_has_queued(fx.read, id, &err), 1);
    assert_int_equal(claim(id, 2, 2, it), 2);
    clear(it, 2);
    assert_int_equal(store_has_queued(fx.read, id, &err), 0);
}

/* ---- what follows ---- */

/* A job of n items that has completed; every third one failed. */
static void completed(int n, const char *follow_up, char ret[UUID_SIZE])
{
    struct item it;
    start(n, DRIVE_CLIENT, follow_up, ret);
    for (int i = 1; i <= n; i++) {
        assert_int_equal(claim(ret, 1, 1, &it), 1);
        assert_int_equal(fx_finish(&it, fx.owner, i % 3 ? ITEM_OK : ITEM_ERROR, NULL), 1);
        item_clear(&it);
    }
}

static struct follow_new what(const char *parent, int chunk)
{
    return (struct follow_new){.parent = parent,
                               .operation = "noop",
                               .title = "What follows",
                               .made_by = "worker 0",
                               .staged_by = fx.owner,
                               .chunk = chunk};
}

/* One step in a commit of its own. */
static int step(const struct follow_new *n, struct follow_up *f, struct job *ret, struct err *err)
{
    fx_begin();
    int rc = store_follow_step(fx.jobs, fx.board, n, f, fx_now(), ret, err);
    if (rc < 0)
        fx_rollback();
    else
        fx_commit();
    return rc;
}

static int n_due(void)
{
    struct err err = {0};
    struct job due[4];
    int n = store_follow_due(fx.read, due, 4, &err);
    fx_ok(n, &err);
    return n;
}

static void what_follows_is_due_when_the_job_completes_and_made_once(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct job made, again;
    start(1, DRIVE_CLIENT, "[\"noop\",\"noop\"]", id);
    assert_int_equal(n_due(), 0);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(n_due(), 0); /* what was cancelled is not followed */
    completed(7, "[\"noop\",\"noop\"]", id);
    assert_int_equal(n_due(), 1);
    struct follow_new n = what(id, 3);
    struct follow_up f = {0}, other = {0};
    assert_int_equal(step(&n, &f, &made, &err), FOLLOW_MORE);
    assert_int_equal(step(&n, &other, &again, &err), FOLLOW_OTHER); /* its maker lives */
    assert_int_equal(step(&n, &f, &made, &err), FOLLOW_MORE);
    assert_int_equal(step(&n, &f, &made, &err), FOLLOW_MADE);
    assert_int_equal(n_due(), 0);
    assert_int_equal(made.total, 5);
    assert_string_equal(made.parent, id);
    assert_string_equal(made.parent_kind, "follow_up:noop");
    assert_string_equal(made.follow_up, "[\"noop\"]"); /* the rest of the chain */
    assert_string_equal(fx_active(), made.job_id);
    assert_int_equal(step(&n, &other, &again, &err), FOLLOW_FOUND);
    assert_string_equal(again.job_id, made.job_id);
    struct job parent = fx_get(id);
    assert_non_null(strstr(parent.follow_ups, made.job_id));
    assert_int_equal(fx_delete(made.job_id), 1);
    assert_int_equal(n_due(), 0); /* deleted, it comes back only when it is asked for */
    other = (struct follow_up){0};
    assert_int_equal(step(&n, &other, &again, &err), FOLLOW_MORE);
}

static void what_follows_a_rename_has_the_new_name_and_leaves_out_what_left(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it[3];
    struct job made;
    static const char *const paths[] = {"a", "b", "c"};
    static const char *const finals[] = {"A", "", NULL};
    fx_start_paths(paths, 3, id);
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fx_finish_renamed(&it[i], fx.owner, finals[i]), 1);
    clear(it, 3);
    struct follow_new n = what(id, 100);
    struct follow_up f = {0};
    assert_int_equal(step(&n, &f, &made, &err), FOLLOW_MADE);
    assert_int_equal(made.total, 2);
    assert_string_equal(fx_text(GATE_JOBS,
                                "SELECT group_concat(path) FROM (SELECT path FROM job_items WHERE"
                                " status = 'queued' ORDER BY seq)"),
                        "A,c");
}

static void a_maker_that_died_is_replaced_and_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct job made;
    completed(5, "[\"noop\"]", id);
    struct follow_new dead = what(id, 2), n = what(id, 100);
    dead.staged_by = fx_dead_owner(1);
    struct follow_up f = {0}, mine = {0};
    assert_int_equal(step(&dead, &f, &made, &err), FOLLOW_MORE);
    assert_int_equal(step(&n, &mine, &made, &err), FOLLOW_MADE);
    assert_int_equal(made.total, 4);
    (void)fx_sweep_all(0, 1000);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM jobs"), 2);
    assert_int_equal(fx_recover(3), 0); /* the dead owner goes */
}

static void nothing_follows_what_has_no_success_or_did_not_complete(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it;
    struct job made;
    start(1, DRIVE_CLIENT, "[\"noop\"]", id);
    struct follow_new n = what(id, 100);
    struct follow_up f = {0};
    assert_int_equal(step(&n, &f, &made, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_int_equal(claim(id, 1, 1, &it), 1);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_ERROR, NULL), 1);
    item_clear(&it);
    assert_int_equal(n_due(), 1);
    assert_int_equal(step(&n, &f, &made, &err), FOLLOW_NOTHING);
    assert_int_equal(n_due(), 0);
    n = what("00000000-0000-7000-8000-000000000000", 100);
    err = (struct err){0};
    assert_int_equal(step(&n, &f, &made, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void a_job_has_so_many_followers_at_most(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct job made;
    completed(1, NULL, id);
    for (int i = 0; i <= JOB_FOLLOW_UPS_MAX; i++) {
        char name[32];
        struct follow_new n = what(id, 100);
        struct follow_up f = {0};
        (void)snprintf(name, sizeof(name), "an-operation-with-long-name-%d", i % 10);
        n.operation = name;
        int rc = step(&n, &f, &made, &err);
        assert_int_equal(rc, i < JOB_FOLLOW_UPS_MAX ? (int)FOLLOW_MADE : -1);
    }
    assert_int_equal(err.code, ERR_LIMIT);
    struct job parent = fx_get(id);
    json_t *o = job_to_json(&parent, fx_now());
    assert_int_equal(json_array_size(json_object_get(o, "follow_ups")), JOB_FOLLOW_UPS_MAX);
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(no_pool_takes_what_a_client_drives),
        FX_TEST(a_demand_does_not_reach_what_the_server_drives),
        FX_TEST(clients_and_pools_share),
        FX_TEST(paused_cancelled_and_limited_jobs_give_no_item_to_a_client),
        FX_TEST(a_hand_over_is_one_version_and_ends_with_the_job),
        FX_TEST(items_are_read_in_pages),
        FX_TEST(what_follows_is_due_when_the_job_completes_and_made_once),
        FX_TEST(what_follows_a_rename_has_the_new_name_and_leaves_out_what_left),
        FX_TEST(a_maker_that_died_is_replaced_and_nothing_is_left_of_it),
        FX_TEST(nothing_follows_what_has_no_success_or_did_not_complete),
        FX_TEST(a_job_has_so_many_followers_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
