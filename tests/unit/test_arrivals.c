/* arrivals.h: when a new book is whole, and when those that are go into a job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "arrivals.h"

#define SETTLE 2000

static void set(struct arrivals *a, const char *const *paths, size_t n, int64_t now)
{
    arrivals_set(a, paths, n, now);
}

static void stat_at(struct arrivals *a, const char *path, int64_t size, bool written, int64_t now)
{
    struct library_stat st = {.size = size, .mtime = (double)size, .inode = 1};
    arrivals_note_stat(arrivals_find(a, path), &st, written, SETTLE, now);
}

/* -2: it is time; else when to look again, from now. */
static int64_t wait_at(const struct arrivals *a, int64_t now)
{
    int64_t ret = 0;
    return arrivals_are_due(a, SETTLE, now, &ret) ? -2 : ret;
}

static void a_book_that_stays_the_same_is_whole_after_the_settle_time(void **state)
{
    (void)state;
    struct arrivals a LB_CLEANUP(arrivals_clear) = {0};
    set(&a, (const char *const[]){"a"}, 1, 1000);
    assert_int_equal(wait_at(&a, 1000), -1); /* not looked at yet */
    stat_at(&a, "a", 5, false, 1000);
    assert_int_equal(wait_at(&a, 1000), SETTLE);
    stat_at(&a, "a", 6, false, 2000); /* it grew */
    stat_at(&a, "a", 6, false, 3999);
    assert_int_equal(wait_at(&a, 3999), 1);
    stat_at(&a, "a", 6, false, 4000);
    assert_int_equal(wait_at(&a, 4000), -2);
    stat_at(&a, "a", 7, false, 4100); /* and again */
    assert_int_equal(wait_at(&a, 4100), SETTLE);
}

static void what_is_written_waits_for_its_writer_but_not_for_ever(void **state)
{
    (void)state;
    struct arrivals a LB_CLEANUP(arrivals_clear) = {0};
    set(&a, (const char *const[]){"a", "b"}, 2, 1000);
    arrivals_note_write(&a, "b", true, 1000);
    stat_at(&a, "a", 5, true, 1000); /* a lease was refused */
    stat_at(&a, "b", 5, false, 1000);
    stat_at(&a, "a", 5, true, 100000);
    stat_at(&a, "b", 5, false, 100000);
    assert_int_equal(wait_at(&a, 100000), 1000 + ARRIVALS_WRITER_MS - 100000);
    arrivals_note_write(&a, "b", false, 100000); /* closed */
    stat_at(&a, "a", 5, false, 100000);
    assert_true(arrivals_find(&a, "a")->whole_ms > 0);
    stat_at(&a, "b", 5, false, 101999);
    assert_int_equal(arrivals_find(&a, "b")->whole_ms, 0);
    stat_at(&a, "b", 5, false, 102000);
    assert_int_equal(wait_at(&a, 102000), -2);
    arrivals_note_write(&a, "b", true, 103000);
    stat_at(&a, "b", 5, false, 103000 + ARRIVALS_WRITER_MS - 1);
    assert_int_equal(arrivals_find(&a, "b")->whole_ms, 0);
    stat_at(&a, "b", 5, false, 103000 + ARRIVALS_WRITER_MS);
    assert_true(arrivals_find(&a, "b")->whole_ms > 0);
    arrivals_note_write(&a, "not there", true, 1);
}

static void whole_ones_wait_for_others_but_not_long(void **state)
{
    (void)state;
    struct arrivals a LB_CLEANUP(arrivals_clear) = {0};
    set(&a, (const char *const[]){"a", "b"}, 2, 0);
    stat_at(&a, "a", 1, false, 0);
    stat_at(&a, "b", 1, false, 0);
    stat_at(&a, "a", 1, false, SETTLE);
    int64_t now = SETTLE;
    for (int64_t size = 2; now < SETTLE + ARRIVALS_GATHER_MS; now += 1000) {
        stat_at(&a, "b", size++, false, now);
        assert_true(wait_at(&a, now) >= 0);
    }
    assert_int_equal(wait_at(&a, now), -2);
    set(&a, (const char *const[]){"b", "c"}, 2, now); /* a was taken */
    assert_null(arrivals_find(&a, "a"));
    assert_true(arrivals_find(&a, "b")->seen);
    stat_at(&a, "b", 99, false, now);
    stat_at(&a, "c", 1, false, now);
    stat_at(&a, "b", 99, false, now + SETTLE);
    stat_at(&a, "c", 1, false, now + SETTLE);
    assert_int_equal(wait_at(&a, now + SETTLE), -2); /* both */
}

static void an_empty_file_is_not_waited_for(void **state)
{
    (void)state;
    struct arrivals a LB_CLEANUP(arrivals_clear) = {0};
    set(&a, (const char *const[]){"a", "b"}, 2, 0);
    stat_at(&a, "a", 0, false, 0);
    stat_at(&a, "a", 0, false, 10 * SETTLE);
    assert_int_equal(wait_at(&a, 10 * SETTLE), -1);
    stat_at(&a, "b", 1, false, 10 * SETTLE);
    stat_at(&a, "b", 1, false, 11 * SETTLE);
    assert_int_equal(wait_at(&a, 11 * SETTLE), -2);
    assert_int_equal(arrivals_find(&a, "a")->whole_ms, 0);
}

static void what_is_known_stays_known_whatever_comes_and_goes(void **state)
{
    (void)state;
    struct arrivals a LB_CLEANUP(arrivals_clear) = {0};
    static const char *const sets[][4] = {
        {"b", "d", NULL}, {"a", "b", "c", "d"}, {"d", NULL}, {NULL}, {"a", "d", "e", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        size_t n = 0;
        while (n < 4 && sets[i][n])
            n++;
        set(&a, sets[i], n, (int64_t)i);
        assert_int_equal(a.n, n);
        for (size_t k = 0; k < n; k++)
            assert_string_equal(arrivals_find(&a, sets[i][k])->path, sets[i][k]);
    }
    assert_int_equal(arrivals_find(&a, "d")->quiet_ms, 4); /* it was away in between */
    assert_null(arrivals_find(&a, "c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_book_that_stays_the_same_is_whole_after_the_settle_time),
        cmocka_unit_test(what_is_written_waits_for_its_writer_but_not_for_ever),
        cmocka_unit_test(whole_ones_wait_for_others_but_not_long),
        cmocka_unit_test(an_empty_file_is_not_waited_for),
        cmocka_unit_test(what_is_known_stays_known_whatever_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
