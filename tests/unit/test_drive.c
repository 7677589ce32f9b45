/* Calls that wait for items: who gets which, and what each is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "drive.h"

static const char JOB[] = "01920000-0000-7000-8000-000000000001";
static const char OTHER[] = "01920000-0000-7000-8000-000000000002";

static struct drives *drives;

static int setup(void **state)
{
    (void)state;
    drives = drives_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(drives_running(drives), 0);
    drives_free(drives); /* fails when a call is left */
    return 0;
}

static struct item item(const char *job_id, int64_t seq)
{
    struct item it = {.seq = seq, .attempt = 1, .driven = true};
    memcpy(it.job_id, job_id, sizeof(it.job_id));
    return it;
}

static enum drive_state state_of(struct drive *one)
{
    struct drive_view v;
    drive_look(one, &v);
    return v.state;
}

static void claimed(const char *job_id, int64_t seq)
{
    struct item it = item(job_id, seq);
    drives_claimed(drives, &it);
}

static void tell(const char *job_id, int64_t seq, bool returned)
{
    struct drive_results r = {0};
    struct item it = item(job_id, seq);
    struct drive_result *one = drive_results_add(&r, &it);
    one->returned = returned;
    one->outcome = ITEM_ERROR;
    (void)snprintf(one->message, sizeof(one->message), "item %d", (int)seq);
    one->job.processed = seq;
    drives_tell(drives, &r);
    drive_results_clear(&r);
}

static void items_go_to_those_who_waited_longest(void **state)
{
    (void)state;
    struct claim_demand d[STORE_DEMANDS_MAX];
    struct drive *a = drive_begin(drives, JOB), *b = drive_begin(drives, JOB);
    struct drive *c = drive_begin(drives, OTHER);
    assert_int_equal(drives_demands(drives, d), 2);
    assert_string_equal(d[0].job_id, JOB);
    assert_int_equal(d[0].n, 2);
    assert_int_equal(d[1].n, 1);
    assert_int_equal(state_of(a), DRIVE_WAITS);
    assert_int_equal(drives_take(drives, d), 2);
    assert_int_equal(state_of(a), DRIVE_CLAIMS);
    assert_int_equal(drives_demands(drives, d), 0); /* they claim already */
    struct drive *late = drive_begin(drives, JOB);
    claimed(JOB, 7);
    drives_release(drives);
    assert_int_equal(state_of(a), DRIVE_RUNS);
    assert_int_equal(state_of(b), DRIVE_WAITS);
    assert_int_equal(state_of(c), DRIVE_WAITS);
    assert_int_equal(state_of(late), DRIVE_WAITS); /* it was not of that commit */
    assert_int_equal(drives_running(drives), 1);
    struct drive *all[] = {a, b, c, late};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        drive_end(all[i]);
}

static void a_call_is_told_what_came_of_its_item(void **state)
{
    (void)state;
    struct claim_demand d[STORE_DEMANDS_MAX];
    struct drive *a = drive_begin(drives, JOB), *b = drive_begin(drives, JOB);
    assert_int_equal(drives_take(drives, d), 1);
    claimed(JOB, 1);
    claimed(JOB, 2);
    drives_release(drives);
    tell(OTHER, 1, false); /* the same number of another job */
    tell(JOB, 3, false);   /* nobody's */
    assert_int_equal(drives_running(drives), 2);
    tell(JOB, 2, false);
    tell(JOB, 1, true);
    struct drive_view v;
    drive_look(b, &v);
    assert_int_equal(v.state, DRIVE_DONE);
    assert_int_equal(v.seq, 2);
    assert_int_equal(v.outcome, ITEM_ERROR);
    assert_string_equal(v.message, "item 2");
    assert_int_equal(v.job.processed, 2);
    assert_int_equal(state_of(a), DRIVE_WAITS); /* put back: it asks again */
    assert_int_equal(drives_demands(drives, d), 1);
    drive_end(a);
    drive_end(b);
}

static void who_goes_away_takes_nothing_along(void **state)
{
    (void)state;
    struct claim_demand d[STORE_DEMANDS_MAX];
    struct drive *a = drive_begin(drives, JOB), *b = drive_begin(drives, JOB);
    assert_int_equal(drives_take(drives, d), 1);
    drive_end(a); /* while it claims */
    claimed(JOB, 1);
    claimed(JOB, 2); /* leased for a: nobody's now */
    drives_release(drives);
    assert_int_equal(state_of(b), DRIVE_RUNS);
    assert_int_equal(drives_running(drives), 1);
    drive_end(b); /* while it runs */
    assert_int_equal(drives_running(drives), 0);
    tell(JOB, 1, false);
    tell(JOB, 2, false);
}

static void more_jobs_than_a_claim_can_serve_wait_for_the_next(void **state)
{
    (void)state;
    enum { MANY = STORE_DEMANDS_MAX + 4 };
    struct claim_demand d[STORE_DEMANDS_MAX];
    struct drive *all[MANY];
    for (int i = 0; i < MANY; i++) {
        char id[UUID_SIZE];
        (void)snprintf(id, sizeof(id), "01920000-0000-7000-8000-%012d", i);
        all[i] = drive_begin(drives, id);
    }
    assert_int_equal(drives_take(drives, d), STORE_DEMANDS_MAX);
    assert_int_equal(state_of(all[MANY - 1]), DRIVE_WAITS);
    assert_int_equal(drives_take(drives, d), MANY - STORE_DEMANDS_MAX);
    for (int i = 0; i < MANY; i++)
        drive_end(all[i]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(items_go_to_those_who_waited_longest),
        T(a_call_is_told_what_came_of_its_item),
        T(who_goes_away_takes_nothing_along),
        T(more_jobs_than_a_claim_can_serve_wait_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
