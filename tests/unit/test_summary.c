/* Why items failed, told as groups; and what a summary keeps of any number of results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "summary.h"
#include "utf8.h"

static void reason_is(const char *message, const char *path, const char *want)
{
    char got[REASON_SIZE];
    reason_of(message, path, got);
    assert_string_equal(got, want);
}

static void name_of_the_file_is_no_part_of_the_reason(void **state)
{
    (void)state;
    reason_is("Wolf/Wolf 12.cbz: no such file", "Wolf/Wolf 12.cbz", "…: no such file");
    reason_is("Wolf 12.cbz is damaged", "Wolf/Wolf 12.cbz", "… is damaged");
    reason_is("cannot read Wolf 12", "Wolf/Wolf 12.cbz", "cannot read …");
    reason_is("open /srv/comics/a/b.cbz: denied", "b.cbz", "open …: denied");
    reason_is("number 13 of \"Night \\\"Ferry\\\"\"; nothing", "x", "number # of \"…\"; nothing");
    reason_is("a b c", "a", "a b c"); /* a name that stands in every sentence */
    reason_is("", "", "");
}

static void numbers_do_not_split_but_an_exit_status_does(void **state)
{
    (void)state;
    reason_is("entry 17 of 120: bad sum", "x", "entry # of #: bad sum");
    reason_is("exit status 3: line 44", "x", "exit status 3: line #");
}

static void reason_is_one_line_of_utf8_and_short(void **state)
{
    (void)state;
    char long_text[2000], got[REASON_SIZE];
    reason_is("a\r\nb\xff"
              "c\x01",
              "x",
              "a  b\xef\xbf\xbd"
              "c ");
    for (size_t i = 0; i + 3 < sizeof(long_text); i += 3)
        memcpy(long_text + i, "\xe2\x82\xac", 4);
    for (int skip = 0; skip < 3; skip++) {
        reason_of(long_text + 3 - skip, "x", got);
        assert_true(strlen(got) > REASON_SIZE - 5 && utf8_valid(got, strlen(got)));
    }
    reason_is("open \"never closed", "x", "open \"never closed");
}

static struct summary s;

static void add(int64_t id, bool success, double at, double seconds, const char *message)
{
    char path[] = "some/book.cbz";
    struct job_result r = {.id = id,
                           .path = path,
                           .success = success,
                           .message = (char *)message,
                           .started_at = at - seconds,
                           .finished_at = at};
    summary_add(&s, &r);
}

static int64_t sum(const int32_t *of)
{
    int64_t n = 0;
    for (int i = 0; i < s.n_buckets; i++)
        n += of[i];
    return n;
}

static void every_result_is_in_one_bucket_however_long_the_job(void **state)
{
    (void)state;
    summary_init(&s, "job", 1000);
    for (int i = 1; i <= 5000; i++)
        add(i, i % 10 != 0, 1000 + i * 0.9, 0.1, "failed");
    assert_int_equal(sum(s.ok), 4500);
    assert_int_equal(sum(s.failed), 500);
    assert_true(s.n_buckets > SUMMARY_BUCKETS / 2 && s.n_buckets <= SUMMARY_BUCKETS);
    assert_true(s.width * s.n_buckets >= 4500 && s.width * (s.n_buckets - 1) <= 4500);
    int before = s.n_buckets;
    add(5001, true, 990, 0, NULL); /* the clock was set back */
    assert_int_equal(s.n_buckets, before);
    add(5002, true, 1000 + 86400 * 365, 0, NULL);
    assert_int_equal(sum(s.ok) + sum(s.failed), 5002);
}

static void what_is_told_twice_counts_once(void **state)
{
    (void)state;
    summary_init(&s, "job", 0);
    for (int i = 0; i < 2; i++) {
        add(1, true, 50, 1, NULL);
        add(2, false, 51, 2, "failed");
    }
    assert_int_equal(sum(s.ok), 1);
    assert_int_equal(sum(s.failed), 1);
    assert_int_equal(s.reasons[0].n, 1);
    assert_true(s.busy == 3 && s.start == 49);
}

static void slowest_are_kept_in_order(void **state)
{
    (void)state;
    summary_init(&s, "job", 1000);
    for (int i = 1; i <= 100; i++)
        add(i, true, 2000, (i * 37) % 101, NULL);
    assert_int_equal(s.n_slowest, SUMMARY_SLOWEST);
    for (int i = 0; i < SUMMARY_SLOWEST; i++)
        assert_true(s.slowest[i].seconds == 100 - i);
    assert_true((s.slowest[0].id * 37) % 101 == 100);
}

static void reasons_are_counted_and_those_without_room_too(void **state)
{
    (void)state;
    char text[32];
    int64_t counted = 0;
    summary_init(&s, "job", 1000);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof(text), "reason %c%c", 'a' + i % 50 / 10, 'a' + i % 10);
        add(i + 1, false, 1001, 0, text);
    }
    for (int i = 0; i < s.n_reasons; i++)
        counted += s.reasons[i].n;
    assert_int_equal(s.n_reasons, SUMMARY_REASONS);
    assert_int_equal(counted, 20 * SUMMARY_REASONS);
    assert_int_equal(s.n_other, 1000 - counted);
    assert_int_equal(s.reasons[3].examples[0], 4);
    assert_int_equal(s.reasons[3].examples[2], 104);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_of_the_file_is_no_part_of_the_reason),
        cmocka_unit_test(numbers_do_not_split_but_an_exit_status_does),
        cmocka_unit_test(reason_is_one_line_of_utf8_and_short),
        cmocka_unit_test(every_result_is_in_one_bucket_however_long_the_job),
        cmocka_unit_test(what_is_told_twice_counts_once),
        cmocka_unit_test(slowest_are_kept_in_order),
        cmocka_unit_test(reasons_are_counted_and_those_without_room_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
