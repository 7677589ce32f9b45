/*
 * test_bookname_parse.c - the parser "better" against what people say names are: two public suites (filenames.tsv), our
 * chapters.tsv, and names.tsv with names_final.tsv, which were written before the parser. The limits below are what it
 * reaches: a change that reads a name worse fails here and shows the name.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bookname_parse.h"
#include "tsv.h"
#include "utf8.h"

static struct bookname_parsed parse(const char *name, const char *folder)
{
    struct bookname_parsed p;
    bookname_parse(name, folder, &p);
    return p;
}

/* Equal as numbers where both are, else as text. */
static bool same_number(const char *a, const char *b)
{
    char *end_a, *end_b;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    if (a[0] && b[0] && !*end_a && !*end_b)
        return x == y;
    while (a[0] == '0' && a[1] >= '0' && a[1] <= '9')
        a++;
    return strcmp(a, b) == 0;
}

struct columns {
    int name, series, issue, count, volume, year, title;
};

struct tally {
    int rows, core, all;      /* all: issue_count and title are right as well */
    int sure, sure_and_right; /* of those above the limit that jobs have */
};

/* A file's rows; core is series, issue, volume and year. */
static struct tally score(const char *file, struct columns c)
{
    FILE *f = tsv_open(file);
    char line[2048], *cells[TSV_CELLS];
    struct tally t = {0};
    while (tsv_row(f, line, sizeof(line), cells) > 0) {
        struct bookname_parsed p = parse(cells[c.name], NULL);
        bool core = strcmp(p.series, cells[c.series]) == 0 &&
                    same_number(cells[c.issue], p.issue) &&
                    same_number(cells[c.volume], p.volume) && same_number(cells[c.year], p.year);
        bool rest =
            same_number(cells[c.count], p.issue_count) && strcmp(p.title, cells[c.title]) == 0;
        t.rows++;
        t.core += core;
        t.all += core && rest;
        t.sure += p.confidence >= PARSED_SURE;
        t.sure_and_right += p.confidence >= PARSED_SURE && core;
        if (!core || !rest)
            print_message("%s: %s: series \"%s\" issue %s of %s volume %s year %s title \"%s\"\n",
                          file, cells[c.name], p.series, p.issue, p.issue_count, p.volume, p.year,
                          p.title);
    }
    (void)fclose(f);
    print_message("%s: core %d, all %d of %d; sure of %d, right in %d of these\n", file, t.core,
                  t.all, t.rows, t.sure, t.sure_and_right);
    return t;
}

static void public_names_are_read_as_their_suites_say(void **state)
{
    (void)state;
    struct tally t = score("filenames.tsv", (struct columns){2, 3, 5, 6, 7, 9, 12});
    assert_int_equal(t.rows, 110);
    assert_true(t.core >= 110);
    assert_true(t.all >= 108);
}

static void names_of_our_own_are_read_as_a_person_does(void **state)
{
    (void)state;
    struct columns c = {2, 3, 4, 5, 6, 7, 8};
    struct tally t = score("names.tsv", c);
    assert_int_equal(t.rows, 134);
    assert_true(t.core >= 132 && t.all >= 132);
    assert_true(t.sure_and_right * 100 >= t.sure * 98);
}

static void names_kept_back_are_read_as_a_person_does(void **state)
{
    (void)state;
    struct columns c = {2, 3, 4, 5, 6, 7, 8};
    struct tally t = score("names_final.tsv", c);
    assert_int_equal(t.rows, 66);
    assert_true(t.core >= 66 && t.all >= 66);
    assert_int_equal(t.sure_and_right, t.sure);
}

static void chapters_are_those_of_a_person(void **state)
{
    (void)state;
    FILE *f = tsv_open("chapters.tsv");
    char line[1024], *cells[TSV_CELLS];
    int rows = 0, wrong = 0;
    while (tsv_row(f, line, sizeof(line), cells) > 0) {
        struct bookname_parsed p = parse(cells[1], NULL);
        rows++;
        if (!same_number(cells[3], p.issue)) {
            print_error("%s \"%s\": got \"%s\", want \"%s\"\n", cells[0], cells[1], p.issue,
                        cells[3]);
            wrong++;
        }
    }
    (void)fclose(f);
    assert_int_equal(wrong, 0);
    assert_int_equal(rows, 83);
}

static void the_folder_is_a_hint(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        /* name, folder, series, issue */
        {"Chapter 12.cbz", "Glass Harbor", "Glass Harbor", "12"},
        {"012 - The Ferry.cbz", "Glass Harbor (2011)", "Glass Harbor", "12"},
        {"v03.cbz", "Glass Harbor v2", "Glass Harbor", "3"},
        {"12.cbz", "Glass Harbor", "Glass Harbor", "12"},
        {"Sector 2099.cbz", "Sector 2099", "Sector 2099", ""},
        {"Sector 2099 12.cbz", "Sector 2099 (1994)", "Sector 2099", "12"},
        {"sector_2099_12.cbz", "Sector 2099", "Sector 2099", "12"},
        {"100 Winters.cbz", "100 Winters", "100 Winters", ""},
        {"Harbor: Year One 01.cbz", "Harbor: Year One", "Harbor: Year One", "1"},
        {"Harbor - Year One 01.cbz", "Harbor_ Year One (*)", "Harbor: Year One", "1"},
        {"Other Name 12.cbz", "Glass Harbor", "Other Name", "12"}, /* a hint, not a rule */
        {"001.cbz", "鉄の子午線 第二部", "鉄の子午線 第二部", "1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bookname_parsed p = parse(cases[i][0], cases[i][1]);
        assert_string_equal(p.series, cases[i][2]);
        assert_string_equal(p.issue, cases[i][3]);
    }
    assert_true(parse("Glass Harbor 12", "Glass Harbor").confidence >
                parse("Glass Harbor 12", NULL).confidence);
}

static void pairs_ranges_and_decimals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Orchard 012-013", "12"},         {"Orchard 012+013", "12"},
        {"Orchard 12, 13", "12"},          {"Orchard #12 & #13", "12"},
        {"Orchard 12,5", "12.5"},          {"Orchard 1,000", "1000"},
        {"Orchard 26 \u00bd", "26\u00bd"}, {"Orchard #1/2", "\u00bd"},
        {"Orchard 12 v2", "12"},           {"Orchard Chapter 4AU", "4AU"},
        {"Orchard S1 E12", "12"},          {"Orchard #0.0.1", "0.0.1"},
        {"Orchard 010.0", "10"},           {"Orchard -1", "-1"},
        {"Orchard 0\u00bd", "\u00bd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(parse(cases[i][0], NULL).issue, cases[i][1]);
    assert_string_equal(parse("Orchard 12, 2014", NULL).year, "2014");
    assert_string_equal(parse("Orchard v01-v03", NULL).volume, "1");
}

static void what_is_a_guess_says_so(void **state)
{
    (void)state;
    static const char *const guesses[] = {"Some Name 13 Some Title.cbz", "action comics 2026.cbz",
                                          "Catch-22.cbz", "300.cbz"};
    static const char *const sure[] = {"Orchard #12", "Orchard ch. 12", "Orchard 012",
                                       "Orchard (2015)", "Orchard 3 of 5"};
    for (size_t i = 0; i < ARRAY_LEN(guesses); i++)
        assert_true(parse(guesses[i], NULL).confidence < PARSED_SURE);
    for (size_t i = 0; i < ARRAY_LEN(sure); i++)
        assert_true(parse(sure[i], NULL).confidence >= PARSED_SURE);
}

static void check_text(const char *text)
{
    assert_true(utf8_valid(text, strlen(text)));
    for (const char *p = text; *p; p++)
        assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_all(const char *name)
{
    struct bookname_parsed p = parse(name, name);
    check_text(p.series);
    check_text(p.title);
    check_text(p.issue);
    check_text(p.issue_count);
    check_text(p.volume);
    check_text(p.year);
    assert_true(p.confidence > 0 && p.confidence < 1);
}

static void hostile_names_give_clean_text(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        ".cbz",
        "...",
        "#",
        "(",
        ")",
        "[[[[",
        "]]]]",
        "#-",
        "-",
        "--",
        "v",
        "ch",
        "ch.",
        "1-",
        "1/",
        "1.",
        "½",
        "\xff\xfe\x80",
        "a\xc2",
        "a\xe7\xac",
        "#\xff",
        "12\xff",
        "vol\xc2",
        "\x01\x02\x7f",
        "a\tb\n12",
        "%2",
        "%zz 1",
        "\xe2\x80\xaetxt.12 #3",
        "99999999999999999999",
        "#99999999999999999999",
        "1,000,000,000,000",
        "1.1.1.1.1.1.1.1",
        "of of of",
        "1 of of 2",
        "& & &",
        "1 & 2 & 3",
        "()()()()",
        "(((((((((((((1",
        "S01E",
        "S01E1E1E1",
        "第話",
        "第",
        "c012c013c014c015",
        "v01v02v03",
        "12-13-14-15-16",
        "2014-13-45",
        "0000000",
        "-0",
        "#-0.0",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        check_all(names[i]);
    static const char *const pieces[] = {"1 ", "(", "a", "#1", "é", "第", "_", "1-", "(1)", "v1"};
    char *long_name = malloc(20001);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        size_t len = strlen(pieces[i]), n = 0;
        for (; n + len <= 20000; n += len)
            memcpy(long_name + n, pieces[i], len);
        long_name[n] = '\0';
        check_all(long_name);
    }
    free(long_name);
}

static void the_locale_changes_nothing(void **state)
{
    (void)state;
    static const char *const locales[] = {"tr_TR.UTF-8", "de_DE.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue; /* not on this machine */
        struct bookname_parsed p = parse("IRIS ISSUE 12.5 (2015).ZIP", NULL);
        assert_string_equal(p.series, "IRIS");
        assert_string_equal(p.issue, "12.5");
        assert_string_equal(parse("Éclats TOME 4", NULL).volume, "4");
    }
    (void)setlocale(LC_ALL, "C");
    assert_string_equal(parse("ГЛАВА 7", NULL).issue, "7");
}

static void accents_may_be_characters_of_their_own(void **state)
{
    (void)state;
    struct bookname_parsed p = parse("Faro Capi\xcc\x81tulo 9.cbz", NULL); /* as macOS writes it */
    assert_string_equal(p.series, "Faro");
    assert_string_equal(p.issue, "9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_names_are_read_as_their_suites_say),
        cmocka_unit_test(names_of_our_own_are_read_as_a_person_does),
        cmocka_unit_test(names_kept_back_are_read_as_a_person_does),
        cmocka_unit_test(chapters_are_those_of_a_person),
        cmocka_unit_test(the_folder_is_a_hint),
        cmocka_unit_test(pairs_ranges_and_decimals),
        cmocka_unit_test(what_is_a_guess_says_so),
        cmocka_unit_test(hostile_names_give_clean_text),
        cmocka_unit_test(the_locale_changes_nothing),
        cmocka_unit_test(accents_may_be_characters_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
