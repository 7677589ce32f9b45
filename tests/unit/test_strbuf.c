/* strbuf.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

static void empty_is_a_string_too(void **state)
{
    (void)state;
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    assert_string_equal(strbuf_str(&b), "");
    strbuf_adds(&b, "");
    strbuf_add(&b, NULL, 0);
    assert_int_equal(b.len, 0);
    char *taken = strbuf_take(&b);
    assert_string_equal(taken, "");
    free(taken);
}

/* Every length around the borders where it grows. */
static void grows_without_losing_a_byte(void **state)
{
    (void)state;
    for (size_t total = 0; total < 300; total++) {
        struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
        for (size_t i = 0; i < total; i++)
            strbuf_addc(&b, (char)('a' + i % 26));
        struct strbuf whole LB_CLEANUP(strbuf_clear) = {0};
        strbuf_add(&whole, strbuf_str(&b), b.len);
        strbuf_addf(&whole, "%s", strbuf_str(&b));
        assert_int_equal(b.len, total);
        assert_int_equal(strlen(strbuf_str(&b)), total);
        assert_int_equal(whole.len, 2 * total);
        for (size_t i = 0; i < 2 * total; i++)
            assert_int_equal(strbuf_str(&whole)[i], 'a' + (i % (total ? total : 1)) % 26);
    }
}

static void holds_nul_bytes(void **state)
{
    (void)state;
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    strbuf_add(&b, "a\0b", 3);
    strbuf_adds(&b, "c");
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "a\0bc", 5);
}

static void reserved_room_can_be_written(void **state)
{
    (void)state;
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    strbuf_adds(&b, "abc");
    char *room = strbuf_reserve(&b, 1000);
    memset(room, 'z', 1000);
    b.len += 1000;
    strbuf_addc(&b, '!');
    assert_int_equal(b.len, 1004);
    assert_int_equal(b.data[1003], '!');
    assert_int_equal(b.data[1004], '\0');
}

static void reset_keeps_memory_and_take_gives_it_away(void **state)
{
    (void)state;
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&b, "%d-%s", 7, "x");
    size_t cap = b.cap;
    strbuf_reset(&b);
    assert_string_equal(strbuf_str(&b), "");
    assert_int_equal(b.cap, cap);
    strbuf_adds(&b, "y");
    char *taken = strbuf_take(&b);
    assert_string_equal(taken, "y");
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
    free(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_a_string_too),
        cmocka_unit_test(grows_without_losing_a_byte),
        cmocka_unit_test(holds_nul_bytes),
        cmocka_unit_test(reserved_room_can_be_written),
        cmocka_unit_test(reset_keeps_memory_and_take_gives_it_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
