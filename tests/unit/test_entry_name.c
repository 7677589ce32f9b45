/* test_entry_name.c - what names in archives say, and the order in which pages are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "entry_name.h"

static bool ask(bool (*fn)(const char *, size_t), const char *name)
{
    return fn(name, strlen(name));
}

static void pages_and_junk_are_told_apart(void **state)
{
    (void)state;
    static const char *const pages[] = {"1.jpg", "a/b/c.PNG", "x.jpeg", "a.b.webp",
                                        "\xe3\x81.avif"};
    static const char *const others[] = {
        "",       "ComicInfo.xml", "__MACOSX/._1.jpg", "._1.jpg",       ".jpg", "a/.jpg",
        "a.jpg/", "jpg",           "Thumbs.db",        "__MACOSX/1.jpg"};
    static const char *const junk[] = {"Thumbs.db",   "a/THUMBS.DB",      ".DS_Store",
                                       "x/.ds_store", "__MACOSX/._1.jpg", "._x",
                                       "group.nfo",   "read.URL",         "@eaDir/x.jpg"};
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        assert_true(ask(entry_is_page, pages[i]) && !ask(entry_is_junk, pages[i]));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(ask(entry_is_page, others[i]));
    for (size_t i = 0; i < ARRAY_LEN(junk); i++)
        assert_true(ask(entry_is_junk, junk[i]));
    assert_true(ask(entry_is_archive, "a/extra.CBR") && !ask(entry_is_archive, "rar"));
    assert_true(ask(entry_is_comicinfo, "a/comicinfo.XML") &&
                !ask(entry_is_comicinfo, "xComicInfo.xml"));
}

static void unsafe_names_are_those_that_lead_away(void **state)
{
    (void)state;
    static const char *const unsafe[] = {"",    "/etc/passwd", "..",       "../a", "a/../b", "a/..",
                                         "\\a", "C:\\x",       "a\\..\\b", "a\nb", "a\x7f"};
    static const char *const safe[] = {"a",     "a..b",   "...",         "a/.../b",
                                       "..a/b", "a.. /b", "\xc3\xa9.jpg"};
    for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
        if (!ask(entry_is_unsafe, unsafe[i]))
            fail_msg("\"%s\" is taken for safe", unsafe[i]);
    for (size_t i = 0; i < ARRAY_LEN(safe); i++)
        if (ask(entry_is_unsafe, safe[i]))
            fail_msg("\"%s\" is taken for unsafe", safe[i]);
}

static int natural(const char *a, const char *b)
{
    return entry_compare(a, strlen(a), b, strlen(b));
}

static int plain(const char *a, const char *b)
{
    return entry_compare_plain(a, strlen(a), b, strlen(b));
}

static void numbers_count_by_value(void **state)
{
    (void)state;
    assert_true(natural("page 2.jpg", "page 10.jpg") < 0 && plain("page 2.jpg", "page 10.jpg") > 0);
    assert_true(natural("a/1.jpg", "a b/1.jpg") < 0);
    assert_true(natural("Cover.jpg", "cover 2.jpg") > 0 || natural("cover 2.jpg", "Cover.jpg") < 0);
    assert_true(natural("p1a2.jpg", "p1a10.jpg") < 0);
    assert_true(natural("01.jpg", "1.jpg") != 0);
    assert_int_equal(natural("x", "x"), 0);
    assert_true(natural("99999999999999999999998.jpg", "99999999999999999999999.jpg") < 0);
}

/* qsort needs an order: of any three, two comparisons decide the third. */
static void the_order_is_one(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",  "1",  "01",  "001",  "10", "2", "a",  "A",   "a1",  "a01",  "A1", "a10", "a/b", "a b",
        "a", "ab", "a2b", "a02b", "/",  "0", "00", "a-1", "a_1", "a\\b", "1a", "1/2", "01/1"};
    enum { N = ARRAY_LEN(names) };
    int (*const orders[])(const char *, const char *) = {natural, plain};
    for (size_t o = 0; o < 2; o++)
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                int ij = orders[o](names[i], names[j]), ji = orders[o](names[j], names[i]);
                assert_true((ij < 0) == (ji > 0) && (ij == 0) == (strcmp(names[i], names[j]) == 0));
                for (size_t k = 0; k < N; k++)
                    if (ij < 0 && orders[o](names[j], names[k]) < 0)
                        assert_true(orders[o](names[i], names[k]) < 0);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_and_junk_are_told_apart),
        cmocka_unit_test(unsafe_names_are_those_that_lead_away),
        cmocka_unit_test(numbers_count_by_value),
        cmocka_unit_test(the_order_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
