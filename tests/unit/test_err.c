/* err.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "err.h"

static void every_code_has_a_name_of_its_own_and_a_status(void **state)
{
    (void)state;
    for (int i = 0; i < ERR__COUNT; i++) {
        enum err_code code = (enum err_code)i;
        assert_true(strlen(err_name(code)) > 0);
        assert_int_equal(err_parse(err_name(code)), code);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(err_name(code), err_name((enum err_code)k));
        if (code == ERR_NONE)
            continue;
        assert_in_range(err_http_status(code), 400, 507);
        if (err_http_status(code) < 500)
            assert_false(err_is_retryable(code)); /* the same request would fail again */
    }
    assert_int_equal(err_parse("no such name"), ERR_INTERNAL);
    assert_string_equal(err_name(ERR_BUSY), "busy");
    assert_int_equal(err_http_status(ERR_BUSY), 503);
    assert_true(err_is_retryable(ERR_BUSY));
}

static void message_grows_outward(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ERR_BUSY, "database is %s", "locked"), -1);
    assert_int_equal(err_wrap(&e, "claim"), -1);
    assert_int_equal(err_wrap(&e, "job %d", 7), -1);
    assert_string_equal(e.msg, "job 7: claim: database is locked");
    assert_int_equal(e.code, ERR_BUSY);
    assert_int_equal(e.sys, 0);
}

static void field_is_named_and_forgotten_by_the_next_error(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_field(&e, ERR_BAD_FIELD, "per_page", "per_page must be %d to %d", 10, 500),
                     -1);
    assert_string_equal(e.field, "per_page");
    assert_string_equal(e.msg, "per_page must be 10 to 500");
    (void)err_wrap(&e, "request");
    assert_string_equal(e.field, "per_page");
    (void)err_set(&e, ERR_IO, "gone");
    assert_string_equal(e.field, "");
}

static void errno_is_told_and_left_as_it_was(void **state)
{
    (void)state;
    struct err e = {0};
    errno = ENOENT;
    assert_int_equal(err_sys(&e, ERR_IO, "open %s", "x"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(e.sys, ENOENT);
    assert_int_equal(e.code, ERR_IO);
    assert_string_equal(e.msg, "open x: No such file or directory");
}

static void full_disk_is_known_by_its_code(void **state)
{
    (void)state;
    static const int full[] = {ENOSPC, EDQUOT};
    for (size_t i = 0; i < ARRAY_LEN(full); i++) {
        struct err e = {0};
        errno = full[i];
        (void)err_sys(&e, ERR_IO, "write");
        assert_int_equal(e.code, ERR_NO_SPACE);
        errno = full[i];
        (void)err_sys(&e, ERR_BOOK, "write");
        assert_int_equal(e.code, ERR_BOOK);
    }
}

static void long_message_is_cut_and_still_a_string(void **state)
{
    (void)state;
    struct err e = {0};
    char long_text[1000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    (void)err_set(&e, ERR_IO, "%s", long_text);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    (void)err_wrap(&e, "job");
    assert_int_equal(strncmp(e.msg, "job: xxx", 8), 0);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    (void)err_wrap(&e, "%s", long_text);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    errno = EIO;
    (void)err_sys(&e, ERR_IO, "%s", long_text);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    (void)err_field(&e, ERR_BAD_FIELD, long_text, "no");
    assert_int_equal(strlen(e.field), sizeof(e.field) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_of_its_own_and_a_status),
        cmocka_unit_test(message_grows_outward),
        cmocka_unit_test(field_is_named_and_forgotten_by_the_next_error),
        cmocka_unit_test(errno_is_told_and_left_as_it_was),
        cmocka_unit_test(full_disk_is_known_by_its_code),
        cmocka_unit_test(long_message_is_cut_and_still_a_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
