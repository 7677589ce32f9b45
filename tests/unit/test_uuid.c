/* uuid.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "base.h"
#include "clock.h"
#include "uuid.h"

static void new_ones_are_version_7_lower_case_and_valid(void **state)
{
    (void)state;
    char last[UUID_SIZE] = "";
    for (int i = 0; i < 1000; i++) {
        char id[UUID_SIZE];
        uuid_new(id);
        assert_int_equal(strlen(id), UUID_SIZE - 1);
        assert_true(uuid_valid(id));
        assert_int_equal(id[14], '7');
        assert_non_null(strchr("89ab", id[19]));
        for (const char *p = id; *p; p++)
            assert_false(isupper((unsigned char)*p));
        assert_string_not_equal(id, last);
        memcpy(last, id, sizeof(id));
    }
}

static void later_ones_sort_behind(void **state)
{
    (void)state;
    char last[UUID_SIZE], id[UUID_SIZE];
    uuid_new(last);
    static const int64_t steps_ms[] = {1, 255, 256, 65536, 86400000, 31536000000LL};
    int64_t shift = 0;
    for (size_t i = 0; i < ARRAY_LEN(steps_ms); i++) {
        shift += steps_ms[i] + 1;
        clock_test_shift(shift, 0);
        uuid_new(id);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof(id));
    }
    clock_test_shift(0, 0);
}

static void only_the_shape_of_a_uuid_is_valid(void **state)
{
    (void)state;
    assert_true(uuid_valid("0192f0c1-2345-7abc-89de-0123456789ab"));
    assert_true(uuid_valid("0192F0C1-2345-4ABC-89DE-0123456789AB")); /* any version, any case */
    static const char *const wrong[] = {
        "",
        "x",
        "0192f0c1-2345-7abc-89de-0123456789a",
        "0192f0c1-2345-7abc-89de-0123456789abc",
        "0192f0c12-345-7abc-89de-0123456789ab",
        "0192f0c1-2345-7abc-89de-0123456789ag",
        "0192f0c1+2345-7abc-89de-0123456789ab",
        "{192f0c1-2345-7abc-89de-0123456789a}",
        "0192f0c1-2345-7abc-89de-0123456789a ",
        "------------------------------------",
        "0192f0c1-2345-7abc-89de-0123456789\xe9z",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(uuid_valid(wrong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ones_are_version_7_lower_case_and_valid),
        cmocka_unit_test(later_ones_sort_behind),
        cmocka_unit_test(only_the_shape_of_a_uuid_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
