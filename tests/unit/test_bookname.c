/* test_bookname.c - the cases of tests/data/chapters.tsv and rename.tsv, and what they do not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bookname.h"
#include "tsv.h"
#include "utf8.h"

static void number_is_the_compatible_answer_for_every_row(void **state)
{
    (void)state;
    FILE *f = tsv_open("chapters.tsv");
    char line[1024], *cells[TSV_CELLS];
    int rows = 0, wrong = 0, n;
    while ((n = tsv_row(f, line, sizeof(line), cells)) > 0) {
        assert_true(n >= 3);
        char got[64] = "";
        bool found = bookname_number(cells[1], got, sizeof(got));
        rows++;
        if (found != (cells[2][0] != '\0') || strcmp(got, cells[2]) != 0) {
            print_error("%s \"%s\": got \"%s\", want \"%s\"\n", cells[0], cells[1], got, cells[2]);
            wrong++;
        }
    }
    (void)fclose(f);
    assert_int_equal(wrong, 0);
    assert_int_equal(rows, 83);
}

/* Rows whose old answer must not be used as a name: what a user would expect instead. NULL = no
 * name, an error. */
static const struct {
    const char *id, *want;
} safe[] = {
    {"R024",
     "Glass Harbor - Chapter 3-4.cbz"}, /* issue 3/4: one name, still readable as three of four */
    {"R045", NULL},                     /* an empty template names nothing: leave the book alone */
    {"R069", "Fate-Harbor - Chapter 0012.cbz"},         /* a slash in a title is not a folder */
    {"R070", "etc-Harbor - Chapter 0012.cbz"},          /* a path: nothing climbs, its words stay */
    {"R072", "Harbor-Quay - Chapter 0012.cbz"},         /* a backslash is a slash on Windows */
    {"R073", "Who What! 'Why' Now - Chapter 0012.cbz"}, /* what Windows refuses goes, what it allows
                                                           stays */
    {"R074", "hidden Harbor - Chapter 0012.cbz"},       /* a book must not vanish from listings */
    {"R084", "{issue} - Chapter 0012.cbz"}, /* a series that is called "{issue}": values are not
                                               templates */
};

static const char *expected(const char *id, const char *origin, const char *unsafe)
{
    for (size_t i = 0; i < ARRAY_LEN(safe); i++)
        if (strcmp(safe[i].id, id) == 0)
            return safe[i].want;
    if (unsafe[0])
        fail_msg("row %s is unsafe and has no expectation here", id);
    return origin;
}

static const char *or_null(const char *s)
{
    return s[0] ? s : NULL;
}

static void format_is_the_old_name_where_that_is_safe(void **state)
{
    (void)state;
    FILE *f = tsv_open("rename.tsv");
    char line[1024], *cells[TSV_CELLS];
    int rows = 0, wrong = 0, n;
    while ((n = tsv_row(f, line, sizeof(line), cells)) > 0) {
        const char *want = expected(cells[0], cells[10], cells[11]);
        struct bookname_tags tags = {
            .series = or_null(cells[4]),
            .title = or_null(cells[5]),
            .volume = or_null(cells[6]),
            .year = or_null(cells[7]),
            .publisher = or_null(cells[8]),
            .issue = or_null(cells[9]),
        };
        char got[BOOKNAME_MAX + 1] = "";
        struct err err = {0};
        int rc = bookname_format(cells[1], (int)strtol(cells[2], NULL, 10), BOOKNAME_STRICT,
                                 cells[3], &tags, got, &err);
        rows++;
        if (want ? rc != 0 || strcmp(got, want) != 0 : rc == 0) {
            print_error("%s: got %d \"%s\", want \"%s\"\n", cells[0], rc, got,
                        want ? want : "an error");
            wrong++;
        }
        if (rc < 0)
            assert_int_equal(err.code, ERR_RANGE);
    }
    (void)fclose(f);
    assert_int_equal(wrong, 0);
    assert_int_equal(rows, 53);
}

static void number_follows_the_observed_table(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Foo ch 12", "12"},
        {"Foo Chapter-003.5", "003.5"},
        {"Foo CH.7", "7"},
        {"Foo ch_8 v2", "8"},
        {"Foo chap 9", "9"},
        {"Foo 012 (2019)", "012"},
        {"Foo [3] 4", "4"},
        {"Foo (1)", ""},
        {"Foo", ""},
        {"Foo (2019) 12", "01"},
        {"2019 Foo 5", "2019"},
        {"Foo v2 #13", "2"},
        {"Foo (12 of 20)", "2"},
        {"Batch 10 Foo", "10"},
        {"Foo 1.2.3", "1.2"},
        {"Foo ch1,5", "1"},
        {"Foo chapter 10-11", "10"},
        {"Foo12a", "12"},
        {"Foo -1", "1"},
        {"Foo (12.5)", "2"},
        {"Foo (12.55)", "2.5"},
        {"Foo 1.5) 7", "1"},
        {"Foo.cb7", ""},
        {"Foo 3.CBR", "3"},
        {"Foo 3.7", "3.7"},
        {"", ""},
        {"chch5", "5"},
        {"ch", ""},
        {"Foo \xff 8.cbz", "8"},
        {"Foo \xef\xbc\x91\xef\xbc\x92", "\xef\xbc\x91\xef\xbc\x92"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[64] = "";
        (void)bookname_number(cases[i][0], got, sizeof(got));
        assert_string_equal(got, cases[i][1]);
    }
}

static void number_that_does_not_fit_is_none(void **state)
{
    (void)state;
    char got[4] = "";
    assert_false(bookname_number("Foo 1234", got, sizeof(got)));
    assert_true(bookname_number("Foo 123", got, sizeof(got)));
    assert_string_equal(got, "123");
}

/* The name for one issue, or "" with err filled. */
static const char *name_of(const char *template, const char *series, const char *issue)
{
    static char got[BOOKNAME_MAX + 1];
    struct bookname_tags tags = {.series = series, .issue = issue};
    struct err err = {0};
    if (bookname_format(template, 4, BOOKNAME_STRICT, ".cbz", &tags, got, &err) < 0)
        got[0] = '\0';
    return got;
}

static void issue_follows_the_observed_table(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"1", "0001", "1"},
        {"71.40", "0071.4", "71.4"},
        {"3.0", "0003", "3"},
        {"0.5", "0000.5", "0.5"},
        {"12345", "12345", "12345"},
        {"-1", "-001", "-1"},
        {"1/2", "1-2", "1-2"},
        {"1AU", "1AU", "1AU"},
        {"1.2.3", "1.2.3", "1.2.3"},
        {"nan", "nan", "nan"},
        {"007", "0007", "7"},
        {" 7 ", "0007", "7"},
        {"1e3", "1000", "1000"},
        {"25e-1", "0002.5", "2.5"},
        {"1e-2", "0000.01", "0.01"},
        {"1e99", "1e99", "1e99"},
        {"-0", "0000", "0"},
        {"-0.5", "-000.5", "-0.5"},
        {".5", "0000.5", "0.5"},
        {"5.", "0005", "5"},
        {"+5", "0005", "5"},
        {"1e", "1e", "1e"},
        {"-", "-", "-"},
        {"0", "0000", "0"},
        {"\xc2\xbd", "\xc2\xbd", "\xc2\xbd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char want[64];
        (void)snprintf(want, sizeof(want), "%s_%s.cbz", cases[i][1], cases[i][2]);
        assert_string_equal(name_of("{issue}_{issue_no_pad}", "S", cases[i][0]), want);
    }
}

static void braces_that_are_no_placeholder(void **state)
{
    (void)state;
    assert_string_equal(name_of("{series} {} {issue", "S", "1"), "S {} {issue.cbz");
    assert_string_equal(name_of("{ {series}", "S", "1"), "{ S.cbz");
    assert_string_equal(name_of("{series}{issue:03d}{Series}", "S", "1"), "S.cbz");
    assert_string_equal(name_of("{series}", "{title}{series}", "1"), "{title}{series}.cbz");
}

static void unsafe_text_becomes_safe(void **state)
{
    (void)state;
    assert_string_equal(name_of("{series}", "Batman: Year One", "1"), "Batman_ Year One.cbz");
    assert_string_equal(name_of("{series}/{issue}", "S", "1"), "S-0001.cbz");
    assert_string_equal(name_of("{series}",
                                "a\x01\x7f\xe2\x80\xae"
                                "b\xc2\x9f",
                                "1"),
                        "ab.cbz");
    assert_string_equal(name_of("{series}", "bad \xff byte", "1"), "bad \xef\xbf\xbd byte.cbz");
    assert_string_equal(name_of("{series}", "Con", "1"), "Con_.cbz");
    assert_string_equal(name_of("{series}", "lpt1.x", "1"), "lpt1_.x.cbz");
    assert_string_equal(name_of("{series}", "Conan", "1"), "Conan.cbz");
    assert_string_equal(name_of("{series}", "...And Justice", "1"), "And Justice.cbz");
    assert_string_equal(name_of("{series}", "AC//DC", "1"), "AC-DC.cbz");
    assert_string_equal(name_of("{series}", "A / B", "1"), "A - B.cbz");
    assert_string_equal(name_of("{series}.CBZ", "S", "1"), "S.CBZ");
    assert_string_equal(name_of("{series}", "..", "1"), "");
    assert_string_equal(name_of(".cbz", "", "1"), "");
}

static void long_series_keeps_the_number(void **state)
{
    (void)state;
    char series[2001];
    for (size_t i = 0; i < 2000; i += 2)
        memcpy(series + i, "\xc3\xa9", 2);
    series[2000] = '\0';
    char first[BOOKNAME_MAX + 1];
    memcpy(first, name_of("{series} - Chapter {issue}", series, "1"), sizeof(first));
    const char *second = name_of("{series} - Chapter {issue}", series, "2");
    assert_true(strlen(first) <= BOOKNAME_MAX && strlen(first) > BOOKNAME_MAX - 3);
    assert_true(utf8_valid(first, strlen(first)));
    assert_string_equal(first + strlen(first) - strlen(" - Chapter 0001.cbz"),
                        " - Chapter 0001.cbz");
    assert_string_not_equal(first, second);
}

static void long_template_is_cut_before_the_extension(void **state)
{
    (void)state;
    char template[401];
    for (size_t i = 0; i < 399; i += 3)
        memcpy(template + i, "\xe2\x82\xac", 3);
    template[399] = '\0';
    const char *got = name_of(template, "S", "1");
    assert_int_equal(strlen(got), 249 + 4); /* 83 characters of three bytes and the extension */
    assert_true(utf8_valid(got, strlen(got)));
    assert_string_equal(got + 249, ".cbz");
}

static void template_is_checked(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(bookname_check_template("{series} - Chapter {issue}", &err), 0);
    assert_int_equal(bookname_check_template("{issue}{a/b}", &err), 0);
    assert_int_equal(bookname_check_template("{series}\\{issue}", &err), -1);
    assert_int_equal(bookname_check_template("{series} {year}", &err), -1); /* one name for all */
    assert_int_equal(err_http_status(err.code), 422);
    assert_int_equal(bookname_check_template("{title}", &err), 0);
    assert_int_equal(bookname_check_template("{issue_no_pad}", &err), 0);
    assert_int_equal(bookname_check_template("", &err), -1);
    assert_int_equal(err_http_status(err.code), 400);
    assert_string_equal(err.field, "format");
    assert_int_equal(bookname_check_template("  ", &err), -1);
    assert_int_equal(bookname_check_template("{series}/{issue}", &err), -1);
    assert_int_equal(bookname_check_template("x \xff", &err), -1);
    char text[514];
    memset(text, 'x', 513);
    memcpy(text, "{issue}", 7);
    text[513] = '\0';
    assert_int_equal(bookname_check_template(text, &err), -1);
    text[512] = '\0';
    assert_int_equal(bookname_check_template(text, &err), 0);
}

static void series_of_a_folder(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Batman", "Batman"},
        {"Batman_ Year One", "Batman: Year One"},
        {"Batman (*)", "Batman"},
        {"Batman [*] Beyond", "Batman Beyond"},
        {"(*) Batman", "Batman"},
        {"(*)", ""},
        {"Batman (2016)", "Batman (2016)"},
        {"a  b", "a  b"},
        {" x ", "x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[64];
        bookname_series_from_folder(cases[i][0], got, sizeof(got));
        assert_string_equal(got, cases[i][1]);
    }
    char small[5];
    bookname_series_from_folder("ab\xc3\xa9\xc3\xa9", small, sizeof(small));
    assert_string_equal(small, "ab\xc3\xa9");
    bookname_series_from_folder("abc\xc3\xa9", small, sizeof(small));
    assert_string_equal(small, "abc");
}

/* ---- what old templates do not have ---- */

static const char *element_of(void *ctx, const char *name)
{
    static const char *const values[][2] = {
        {"Writer", "Ann Olsen, Bo Ek"}, {"Count", "6"},        {"Month", "3"},
        {"AlternateCount", "-1"},       {"CoverArtist", "Cy"}, {"Number", "007"},
        {"Imprint", "A/B: C"}};
    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    return NULL;
}

static const char *name_by(const char *template, enum bookname_policy policy, const char *series)
{
    static char got[BOOKNAME_MAX + 1];
    struct bookname_tags tags = {
        .series = series, .issue = "12.5", .volume = "2", .element = element_of};
    struct err err = {0};
    if (bookname_format(template, 4, policy, ".cbz", &tags, got, &err) < 0)
        (void)snprintf(got, sizeof(got), "%.200s", err.msg);
    return got;
}

static void parts_between_angles_go_when_something_in_them_is_missing(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{series}< v{volume}>< ({year})> {issue}", "S v2 0012.5.cbz"},
        {"{series}< v{volume} of {year}> {issue}", "S 0012.5.cbz"},
        {"{series}< [{nobody}]> {issue}", "S 0012.5.cbz"},
        {"{series} <always> {issue}", "S always 0012.5.cbz"},
        {"<{title}>{series}", "S.cbz"},
        {"{series} <{issue}", "S 0012.5.cbz"}, /* not checked: no part */
        {"{series} > {issue}", "S 0012.5.cbz"},
        {"({year}) {series} [{volume}]", "() S [2].cbz"}, /* brackets are text */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(name_by(cases[i][0], BOOKNAME_STRICT, "S"), cases[i][1]);
    /* A value is not looked at again. */
    assert_string_equal(name_by("{series}< ({year})> 1", BOOKNAME_POSIX, "a<{issue}>b"),
                        "a<{issue}>b 1.cbz");
}

static void elements_and_widths(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{Writer} {issue}", "Ann Olsen, Bo Ek 0012.5.cbz"},
        {"{writer}", "Ann Olsen, Bo Ek.cbz"},
        {"{cover_artist}{CoverArtist}{COVERARTIST}", "CyCyCy.cbz"},
        {"{issue:2} {issue:6} {issue:0}", "12.5 000012.5 12.5.cbz"},
        {"{issue_no_pad} {volume:3} {volume}", "12.5 002 2.cbz"},
        {"{Count:2} {Month:2} {month}", "06 03 3.cbz"},
        {"{Number} {number:5}", "007 00007.cbz"},
        {"{Imprint}", "A-B_ C.cbz"},
        {"{series}<{AlternateCount}><{Editor}>", "S.cbz"},
        {"{Series}{Volume}{Pages}{Year}x", "x.cbz"}, /* never known; old templates have them */
        {"{issue:03d}{issue:}{issue:99}{issue:x}x", "x.cbz"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(name_by(cases[i][0], BOOKNAME_STRICT, "S"), cases[i][1]);
}

static void policies(void **state)
{
    (void)state;
    const char *odd = "a:b\\c?*\"|<d>";
    assert_string_equal(name_by("{series}", BOOKNAME_POSIX, odd), "a:b\\c?*\"|<d>.cbz");
    assert_string_equal(name_by("{series}", BOOKNAME_STRICT, odd), "a_b-c' d.cbz");
    assert_string_equal(name_by("{series}", BOOKNAME_POSIX, "../a/b\x01\xe2\x80\xae"), "a-b.cbz");
    assert_string_equal(name_by("{series}", BOOKNAME_POSIX, ".con"), "con.cbz");
    assert_string_equal(name_by("{series}", BOOKNAME_STRICT, "con"), "con_.cbz");
    assert_string_equal(name_by("{series}", BOOKNAME_STRICT, "COM\xc2\xb2.x"),
                        "COM\xc2\xb2_.x.cbz");
    assert_string_equal(name_by("{series}", BOOKNAME_STRICT, "CONOUT$"), "CONOUT$_.cbz");
    char got[BOOKNAME_MAX + 1];
    struct bookname_tags tags = {.series = "End. ."};
    struct err err = {0};
    assert_int_equal(bookname_format("{series}", 0, BOOKNAME_STRICT, "", &tags, got, &err), 0);
    assert_string_equal(got, "End");
    assert_int_equal(bookname_format("{series}", 0, BOOKNAME_POSIX, "", &tags, got, &err), 0);
    assert_string_equal(got, "End. .");
    enum bookname_policy policy;
    assert_true(bookname_policy_from("posix", &policy) && policy == BOOKNAME_POSIX);
    assert_true(bookname_policy_from("strict", &policy) && policy == BOOKNAME_STRICT);
    assert_false(bookname_policy_from("", &policy));
}

static void template_errors_say_what_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{issue} <a", "has a < without a >"},
        {"{issue} a>", "has a > without a <"},
        {"<{issue}<{title}>>", "cannot be nested"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        assert_int_equal(bookname_check_template(cases[i][0], &err), -1);
        assert_non_null(strstr(err.msg, cases[i][1]));
        assert_string_equal(err.field, "format");
    }
    struct err err = {0};
    assert_int_equal(bookname_check_template("{series}< v{volume}> {issue:3}", &err), 0);
    assert_int_equal(bookname_check_template("{series} {Number}", &err), 0);
    char unknown[BOOKNAME_PLACEHOLDER];
    assert_false(bookname_unknown_placeholder("{series} {writer} {issue:3} {} {a", unknown));
    assert_true(bookname_unknown_placeholder("{series} {isue} {x}", unknown));
    assert_string_equal(unknown, "{isue}");
    assert_true(bookname_unknown_placeholder("{Series}", unknown));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_is_the_compatible_answer_for_every_row),
        cmocka_unit_test(number_follows_the_observed_table),
        cmocka_unit_test(number_that_does_not_fit_is_none),
        cmocka_unit_test(format_is_the_old_name_where_that_is_safe),
        cmocka_unit_test(issue_follows_the_observed_table),
        cmocka_unit_test(braces_that_are_no_placeholder),
        cmocka_unit_test(unsafe_text_becomes_safe),
        cmocka_unit_test(long_series_keeps_the_number),
        cmocka_unit_test(long_template_is_cut_before_the_extension),
        cmocka_unit_test(template_is_checked),
        cmocka_unit_test(parts_between_angles_go_when_something_in_them_is_missing),
        cmocka_unit_test(elements_and_widths),
        cmocka_unit_test(policies),
        cmocka_unit_test(template_errors_say_what_is_wrong),
        cmocka_unit_test(series_of_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
