/* utf8.h, against the rules of RFC 3629 section 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "strbuf.h"
#include "utf8.h"

/* Every scalar value there and back; no surrogate. */
static void every_character_survives(void **state)
{
    (void)state;
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    for (unsigned cp = 0; cp <= 0x10ffff; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        strbuf_reset(&b);
        utf8_append(&b, cp);
        size_t want = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
        size_t len;
        const unsigned char *p = (const unsigned char *)b.data;
        if (b.len != want || utf8_len(p, b.len) != want || utf8_decode(p, b.len, &len) != cp ||
            len != want || (want > 1 && utf8_len(p, want - 1) != 0))
            fail_msg("U+%04X", cp);
    }
}

/* All pairs of bytes, and what the RFC's grammar says of them. */
static void two_bytes_are_a_character_only_as_the_grammar_says(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            const char s[2] = {(char)a, (char)b};
            bool tail = b >= 0x80 && b <= 0xbf;
            bool want = a < 0x80 ? b < 0x80 : a >= 0xc2 && a <= 0xdf && tail;
            if (utf8_valid(s, 2) != want)
                fail_msg("%02x %02x", (unsigned)a, (unsigned)b);
        }
}

static void wrong_sequences_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xe2\x28\xa1",
        "\xf0\x28\x8c\xbc",
        "a\xe9",
        "\xc3",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(utf8_valid(wrong[i], strlen(wrong[i])));
    static const char *const right[] = {"",
                                        "a",
                                        "\xc3\xa9",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        assert_true(utf8_valid(right[i], strlen(right[i])));
    assert_true(utf8_valid("a\0b", 3));
}

static void each_bad_byte_becomes_one_replacement_character(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"a\xe9z", "a\xef\xbf\xbdz"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc3\xa9\xff", "\xc3\xa9\xef\xbf\xbd"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
        utf8_append_lossy(&b, cases[i].in, strlen(cases[i].in));
        assert_string_equal(strbuf_str(&b), cases[i].out);
        assert_true(utf8_valid(strbuf_str(&b), b.len));
    }
    size_t len;
    assert_int_equal(utf8_decode((const unsigned char *)"\xff", 1, &len), 0xfffd);
    assert_int_equal(len, 1);
    assert_int_equal(utf8_len((const unsigned char *)"a", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_survives),
        cmocka_unit_test(two_bytes_are_a_character_only_as_the_grammar_says),
        cmocka_unit_test(wrong_sequences_are_refused),
        cmocka_unit_test(each_bad_byte_becomes_one_replacement_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
