/* Who gets which item: priority, fair share, one lease for each path, and what becomes of a lease. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store_fixture.h"

static void clear(struct item *items, int n)
{
    for (int i = 0; i < n; i++)
        item_clear(&items[i]);
}

static int count_of(const struct item *items, int n, const char *job_id)
{
    int found = 0;
    for (int i = 0; i < n; i++)
        found += strcmp(items[i].job_id, job_id) == 0;
    return found;
}

static void start(int n, enum job_priority priority, const char *made_by, char ret[UUID_SIZE])
{
    fx_start(&(struct fx_job){.n = n, .priority = priority, .made_by = made_by}, ret);
}

/* ---- which job ---- */

static void urgent_job_is_served_whole_before_others(void **state)
{
    (void)state;
    char low[UUID_SIZE], normal[UUID_SIZE], high[UUID_SIZE];
    start(20, PRIORITY_LOW, NULL, low);
    start(20, PRIORITY_NORMAL, NULL, normal);
    start(6, PRIORITY_HIGH, NULL, high);
    struct item it[16];
    int n = fx_claim(fx.owner, 4, it);
    assert_int_equal(n, 4);
    assert_int_equal(count_of(it, n, high), 4);
    clear(it, n);
    n = fx_claim(fx.owner, 8, it); /* two are left of it, then the next in rank */
    assert_int_equal(count_of(it, n, high), 2);
    assert_int_equal(count_of(it, n, normal), 6);
    assert_int_equal(count_of(it, n, low), 0);
    assert_int_equal(fx_get(low).status, JOB_QUEUED); /* nothing of it was claimed */
    clear(it, n);
}

static void equals_share_and_nothing_stays_unused(void **state)
{
    (void)state;
    char big[UUID_SIZE], small[UUID_SIZE];
    start(100, PRIORITY_NORMAL, NULL, big);
    start(3, PRIORITY_NORMAL, NULL, small);
    struct item it[16];
    int n = fx_claim(fx.owner, 4, it);
    assert_int_equal(count_of(it, n, big), 2);
    assert_int_equal(count_of(it, n, small), 2);
    clear(it, n);
    n = fx_claim(fx.owner, 8, it);
    assert_int_equal(n, 8);
    assert_int_equal(count_of(it, n, small), 1);
    assert_int_equal(count_of(it, n, big), 7);
    clear(it, n);
}

/* One at a time, as with one idle thread: the job with fewer running items is next. */
static void single_claims_share_too(void **state)
{
    (void)state;
    char big[UUID_SIZE], late[UUID_SIZE];
    start(100, PRIORITY_NORMAL, NULL, big);
    struct item it[8], one;
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    start(10, PRIORITY_NORMAL, NULL, late);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fx_claim(fx.owner, 1, &one), 1);
        assert_string_equal(one.job_id, late);
        item_clear(&one);
    }
    clear(it, 3);
}

static void among_equals_the_own_job_then_the_older_one(void **state)
{
    (void)state;
    char first[UUID_SIZE], second[UUID_SIZE], own[UUID_SIZE];
    start(1, PRIORITY_NORMAL, "worker 1", first);
    start(1, PRIORITY_NORMAL, "worker 1", second);
    start(1, PRIORITY_NORMAL, "worker 0", own); /* fx_claim claims for worker 0 */
    const char *const order[] = {own, first, second};
    for (int i = 0; i < 3; i++) {
        struct item it;
        assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
        assert_string_equal(it.job_id, order[i]);
        item_clear(&it);
    }
}

static void note_started(void *ctx, const struct job *j)
{
    (*(int *)ctx)++;
    must(j->status == JOB_PROCESSING && j->started_at > 0);
}

static void first_claim_starts_the_job_once(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    fx_start_items(3, id);
    struct item it[2];
    int started = 0;
    for (int i = 0; i < 2; i++) {
        fx_begin();
        fx_ok(store_claim(fx.jobs, &fx_claimer, 1, fx_now(), &it[i], note_started, &started, &err),
              &err);
        fx_commit();
    }
    assert_int_equal(started, 1);
    assert_int_equal(it[0].attempt, 1);
    assert_string_equal(it[0].path, "item 1");
    assert_string_equal(it[1].path, "item 2");
    assert_string_equal(it[0].operation, "noop");
    assert_string_equal(it[0].options, "{}");
    assert_int_equal(
        fx_int(GATE_JOBS,
               "SELECT count(*) FROM events WHERE json_extract(data, '$.status') = 'processing'"),
        1);
    clear(it, 2);
}

static void paused_and_cancelling_jobs_give_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    char paused[UUID_SIZE], cancelled[UUID_SIZE];
    struct item it[4];
    fx_start_items(3, cancelled);
    assert_int_equal(fx_claim(fx.owner, 1, it), 1);
    fx_start_items(3, paused);
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE jobs SET paused = 1 WHERE status = 'queued'"),
                     SQLITE_OK);
    assert_int_equal(fx_cancel(cancelled, NULL), 1);
    assert_int_equal(store_has_work(fx.read, 0, &err), 0);
    assert_int_equal(fx_claim(fx.owner, 4, it + 1), 0);
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE jobs SET paused = 0"), SQLITE_OK);
    assert_int_equal(store_has_work(fx.read, 0, &err), 1);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_CANCELLED, NULL), 1);
    item_clear(&it[0]);
}

/* ---- one lease for each path ---- */

static void two_jobs_never_hold_one_book(void **state)
{
    (void)state;
    static const char *const a_paths[] = {"x.cbz", "y.cbz"}, *const b_paths[] = {"y.cbz", "z.cbz"};
    char a[UUID_SIZE], b[UUID_SIZE];
    struct item it[4], later[4];
    fx_start_paths(a_paths, 2, a);
    fx_start_paths(b_paths, 2, b);
    int n = fx_claim(fx.owner, 4, it);
    assert_int_equal(n, 3); /* x, y once, z */
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(it[i].path, it[k].path);
    assert_int_equal(fx_claim(fx.owner, 4, later), 0);
    for (int i = 0; i < n; i++)
        if (strcmp(it[i].path, "y.cbz") == 0)
            assert_int_equal(fx_finish(&it[i], fx.owner, ITEM_OK, NULL), 1);
    assert_int_equal(fx_claim(fx.owner, 4, later), 1);
    assert_string_equal(later[0].path, "y.cbz");
    clear(later, 1);
    clear(it, n);
}

static void same_path_twice_in_one_job_runs_one_after_the_other(void **state)
{
    (void)state;
    static const char *const paths[] = {"x.cbz", "x.cbz"};
    char id[UUID_SIZE];
    struct item it[2];
    fx_start_paths(paths, 2, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 1);
    assert_int_equal(it[0].seq, 1);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    item_clear(&it[0]);
    assert_int_equal(fx_claim(fx.owner, 2, it), 1);
    assert_int_equal(it[0].seq, 2);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
    item_clear(&it[0]);
}

static void strings_of_jobs_without_files_may_be_the_same(void **state)
{
    (void)state;
    static const char *const paths[] = {"x", "x"};
    char id[UUID_SIZE];
    struct item it[2];
    fx_start(&(struct fx_job){.paths = paths, .n = 2, .priority = PRIORITY_NORMAL}, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    clear(it, 2);
}

static int declare(const struct item *it, const char *owner, const char *target, struct err *err)
{
    *err = (struct err){0};
    fx_begin();
    struct err part = {0};
    fx_ok(store_part_begin(fx.store, GATE_JOBS, &part), &part);
    int rc = store_item_declare(fx.jobs, it, owner, "{\"step\":1}", target, err);
    fx_ok(store_part_end(fx.store, GATE_JOBS, rc >= 0, &part), &part);
    fx_commit();
    return rc;
}

static void name_to_be_is_held_like_the_name_that_is(void **state)
{
    (void)state;
    struct err err;
    static const char *const a_paths[] = {"x.cbz", "y.cbz"}, *const b_paths[] = {"new.cbz"};
    char a[UUID_SIZE], b[UUID_SIZE];
    struct item it[2], other;
    fx_start_paths(a_paths, 2, a);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    assert_int_equal(declare(&it[0], fx.owner, "new.cbz", &err), 0);
    assert_int_equal(declare(&it[0], fx.owner, "new.cbz", &err), 0); /* saying it twice is fine */
    assert_int_equal(declare(&it[1], fx.owner, "new.cbz", &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_int_equal(declare(&it[1], fx.owner, "x.cbz", &err), -1); /* the other's own name */
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_int_equal(declare(&it[1], fx.owner, NULL, &err), 0);
    fx_start_paths(b_paths, 1, b);
    assert_int_equal(fx_claim(fx.owner, 1, &other), 0);
    assert_int_equal(fx_finish_renamed(&it[0], fx.owner, "new.cbz"), 1);
    assert_int_equal(fx_claim(fx.owner, 1, &other), 1);
    assert_string_equal(other.job_id, b);
    item_clear(&other);
    clear(it, 2);
}

static void declaration_comes_back_with_the_item(void **state)
{
    (void)state;
    struct err err;
    static const char *const paths[] = {"x.cbz"}, *const taken[] = {"new.cbz"};
    char id[UUID_SIZE], other_id[UUID_SIZE];
    struct item it, other;
    fx_start_paths(paths, 1, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_null(it.intent);
    assert_int_equal(declare(&it, fx.owner, "new.cbz", &err), 0);
    assert_int_equal(fx_return(&it, fx.owner, true), 1);
    item_clear(&it);
    /* its target is claimed with it: not while another item is at that name */
    fx_start(&(struct fx_job){.paths = taken, .n = 1, .exclusive = true, .priority = PRIORITY_HIGH},
             other_id);
    assert_int_equal(fx_claim(fx.owner, 1, &other), 1);
    assert_string_equal(other.job_id, other_id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 0);
    assert_int_equal(fx_finish(&other, fx.owner, ITEM_OK, NULL), 1);
    item_clear(&other);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_string_equal(it.intent, "{\"step\":1}");
    assert_int_equal(it.attempt, 2);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM leased_paths"), 2);
    item_clear(&it);
}

static void queued_items_of_other_jobs_follow_a_rename(void **state)
{
    (void)state;
    static const char *const paths[] = {"old.cbz"};
    char a[UUID_SIZE], b[UUID_SIZE], strings[UUID_SIZE];
    struct item it, next;
    fx_start_paths(paths, 1, a);
    fx_start_paths(paths, 1, b);
    fx_start(&(struct fx_job){.paths = paths, .n = 1, .priority = PRIORITY_LOW}, strings);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_string_equal(it.job_id, a);
    assert_int_equal(fx_finish_renamed(&it, fx.owner, "new.cbz"), 1);
    assert_int_equal(fx_claim(fx.owner, 1, &next), 1);
    assert_string_equal(next.job_id, b);
    assert_string_equal(next.path, "new.cbz");
    item_clear(&next);
    assert_int_equal(fx_claim(fx.owner, 1, &next), 1);
    assert_string_equal(next.path, "old.cbz"); /* not a file, only the same word */
    item_clear(&next);
    item_clear(&it);
    assert_string_equal(fx_text(GATE_JOBS, "SELECT path FROM job_items WHERE status = 'ok'"),
                        "old.cbz");
}

static void paths_that_are_not_utf8_are_kept_byte_for_byte(void **state)
{
    (void)state;
    static const char *const paths[] = {"caf\xe9/\xff\xfe.cbz", "caf\xc3\xa9.cbz"};
    char id[UUID_SIZE];
    struct item it[2];
    fx_start_paths(paths, 2, id);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    assert_string_equal(it[0].path, paths[0]);
    assert_string_equal(it[1].path, paths[1]);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    clear(it, 2);
}

/* ---- the lease ---- */

static void finish_after_lease_lost_returns_0(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it, again;
    struct err err;
    fx_start_items(2, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_return(&it, fx.owner, true), 1);
    struct job before = fx_get(id), job;
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, &job), 0);
    assert_int_equal(fx_return(&it, fx.owner, true), 0);
    assert_int_equal(declare(&it, fx.owner, "new", &err), -1);
    assert_int_equal(err.code, ERR_NOT_ACTIVE);
    assert_int_equal(fx_claim(fx.owner, 1, &again), 1);
    assert_int_equal(again.seq, it.seq);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, &job),
                     0); /* same owner, the attempt before */
    assert_int_equal(fx_finish(&again, fx_dead_owner(1), ITEM_OK, &job), 0); /* another owner */
    struct job after = fx_get(id);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(fx_finish(&again, fx.owner, ITEM_OK, &job), 1);
    item_clear(&again);
    item_clear(&it);
}

static void uncounted_return_takes_the_attempt_back(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(1, id);
    static const struct {
        bool counted;
        int attempt_next;
    } steps[] = {{false, 1}, {false, 1}, {true, 2}, {false, 2}, {true, 3}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
        assert_int_equal(fx_return(&it, fx.owner, steps[i].counted), 1);
        item_clear(&it);
        assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
        assert_int_equal(it.attempt, steps[i].attempt_next);
        assert_int_equal(fx_return(&it, fx.owner, false), 1);
        item_clear(&it);
    }
}

static void claim_that_is_undone_leaves_all_queued(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const paths[] = {"x.cbz", "y.cbz"};
    char id[UUID_SIZE];
    struct item it[2];
    fx_start_paths(paths, 2, id);
    fx_begin();
    assert_int_equal(store_claim(fx.jobs, &fx_claimer, 2, fx_now(), it, NULL, NULL, &err), 2);
    fx_rollback();
    assert_int_equal(fx_get(id).status, JOB_QUEUED);
    assert_int_equal(fx_return(&it[0], fx.owner, false),
                     0); /* what the writer does: it changes nothing */
    clear(it, 2);
    assert_int_equal(fx_claim(fx.owner, 2, it), 2);
    assert_int_equal(it[0].attempt, 1);
    clear(it, 2);
}

static void more_jobs_than_one_look_takes_are_all_served(void **state)
{
    (void)state;
    enum { JOBS = 40 };
    char ids[JOBS][UUID_SIZE];
    struct item it[16];
    for (int i = 0; i < JOBS; i++)
        fx_start_items(1, ids[i]);
    int left = JOBS;
    for (int n; (n = fx_claim(fx.owner, 16, it)) > 0; left -= n)
        for (int i = 0; i < n; i++) {
            assert_int_equal(fx_finish(&it[i], fx.owner, ITEM_OK, NULL), 1);
            item_clear(&it[i]);
        }
    assert_int_equal(left, 0);
}

/* A poisonous item must not take innocent ones along: whoever dies on its last attempt has nothing else. */
static void item_on_its_last_attempt_is_claimed_alone(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it[4];
    fx_start_items(4, id);
    for (int deaths = 1; deaths < FX_MAX_ATTEMPTS;
         deaths++) { /* the first item and its neighbour die twice */
        assert_int_equal(fx_claim(fx.owner, 2, it), 2);
        assert_int_equal(it[0].seq, 1);
        assert_int_equal(fx_return(&it[0], fx.owner, true), 1);
        assert_int_equal(fx_return(&it[1], fx.owner, true), 1);
        clear(it, 2);
    }
    assert_int_equal(fx_claim(fx.owner, 4, it), 1); /* items 3 and 4 would be beside it */
    assert_int_equal(it[0].seq, 1);
    assert_int_equal(it[0].attempt, FX_MAX_ATTEMPTS);
    assert_int_equal(fx_claim(fx.owner, 4, it + 1), 0);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    clear(it, 1);
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE job_items SET attempts = 0 WHERE seq = 3"), 0);
    assert_int_equal(fx_claim(fx.owner, 1, it), 1); /* the neighbour, alone too */
    assert_int_equal(it[0].seq, 2);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    clear(it, 1);
    assert_int_equal(fx_claim(fx.owner, 4, it), 2);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    assert_int_equal(fx_finish(&it[1], fx.owner, ITEM_OK, NULL), 1);
    clear(it, 2);
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
}

static void item_on_its_last_attempt_waits_until_its_owner_has_nothing_else(void **state)
{
    (void)state;
    char first[UUID_SIZE], second[UUID_SIZE];
    struct item other, it[2];
    fx_start_items(1, first);
    for (int deaths = 1; deaths < FX_MAX_ATTEMPTS; deaths++) {
        assert_int_equal(fx_claim(fx.owner, 1, it), 1);
        assert_int_equal(fx_return(&it[0], fx.owner, true), 1);
        clear(it, 1);
    }
    fx_start_items(1, second);
    assert_int_equal(fx_sql(GATE_JOBS, "UPDATE jobs SET priority = 2 WHERE rowid = 2"), 0);
    assert_int_equal(fx_claim(fx.owner, 2, &other), 1);
    assert_string_equal(other.job_id, second);
    assert_int_equal(fx_claim(fx.owner, 2, it), 0);
    assert_int_equal(fx_finish(&other, fx.owner, ITEM_OK, NULL), 1);
    clear(&other, 1);
    assert_int_equal(fx_claim(fx.owner, 2, it), 1);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    clear(it, 1);
}

static void files_can_be_left_out_or_limited(void **state)
{
    (void)state;
    static const char *const books[] = {"a.cbz", "b.cbz", "c.cbz"}, *const strings[] = {"x", "y"};
    struct claimer who = fx_claimer;
    struct item it[5];
    struct err err = {0};
    char id[UUID_SIZE], other[UUID_SIZE];
    fx_start_paths(books, 3, id);
    assert_int_equal(store_has_work(fx.read, CLAIM_NO_FILES, &err), 0);
    fx_start(&(struct fx_job){.paths = strings, .n = 2, .priority = PRIORITY_LOW}, other);
    assert_int_equal(store_has_work(fx.read, CLAIM_NO_FILES, &err), 1);
    who.max_files = CLAIM_NO_FILES;
    fx_begin();
    assert_int_equal(store_claim(fx.jobs, &who, 5, fx_now(), it, NULL, NULL, &err), 2);
    fx_commit();
    assert_string_equal(it[0].job_id, other);
    clear(it, 2);
    who.max_files = 1;
    fx_begin();
    assert_int_equal(store_claim(fx.jobs, &who, 5, fx_now(), it, NULL, NULL, &err), 1);
    fx_commit();
    assert_string_equal(it[0].path, "a.cbz");
    clear(it, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(item_on_its_last_attempt_is_claimed_alone),
        FX_TEST(item_on_its_last_attempt_waits_until_its_owner_has_nothing_else),
        FX_TEST(urgent_job_is_served_whole_before_others),
        FX_TEST(equals_share_and_nothing_stays_unused),
        FX_TEST(single_claims_share_too),
        FX_TEST(among_equals_the_own_job_then_the_older_one),
        FX_TEST(first_claim_starts_the_job_once),
        FX_TEST(paused_and_cancelling_jobs_give_nothing),
        FX_TEST(two_jobs_never_hold_one_book),
        FX_TEST(same_path_twice_in_one_job_runs_one_after_the_other),
        FX_TEST(strings_of_jobs_without_files_may_be_the_same),
        FX_TEST(name_to_be_is_held_like_the_name_that_is),
        FX_TEST(declaration_comes_back_with_the_item),
        FX_TEST(queued_items_of_other_jobs_follow_a_rename),
        FX_TEST(paths_that_are_not_utf8_are_kept_byte_for_byte),
        FX_TEST(finish_after_lease_lost_returns_0),
        FX_TEST(uncounted_return_takes_the_attempt_back),
        FX_TEST(claim_that_is_undone_leaves_all_queued),
        FX_TEST(more_jobs_than_one_look_takes_are_all_served),
        FX_TEST(files_can_be_left_out_or_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
