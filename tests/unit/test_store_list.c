/* store_list.c: pages, windows, folders and searches of the list. */
#include "library_lab.h"

static void lists_are_sorted_both_ways(void **state)
{
    (void)state;
    begin();
    seen("b", 1, 30);
    seen("a", 3, 20);
    seen("C", 2, 10);
    seen("d", 2, 10);
    commit();
    static const struct {
        enum library_sort sort;
        bool descending;
        const char *want;
    } cases[] = {
        {LIBRARY_BY_NAME, false, "C a b d"}, {LIBRARY_BY_NAME, true, "d b a C"},
        {LIBRARY_BY_DATE, false, "C d a b"}, {LIBRARY_BY_DATE, true, "b a d C"},
        {LIBRARY_BY_SIZE, false, "b C d a"}, {LIBRARY_BY_SIZE, true, "a d C b"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct library_query q = {.sort = cases[i].sort, .descending = cases[i].descending};
        assert_string_equal(list(q).text, cases[i].want);
    }
    struct library_query q = {.sort = LIBRARY_BY_SIZE, .what.search = "c"};
    assert_string_equal(list(q).text, "C");
}

static void a_page_past_the_end_is_the_last_page(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 25; i++) {
        char path[16];
        (void)snprintf(path, sizeof(path), "%02d", i);
        seen(path, 1, 1);
    }
    commit();
    struct list l = list((struct library_query){.page = 999, .per_page = 10});
    assert_string_equal(l.text, "20 21 22 23 24");
    assert_int_equal(l.page.page, 3);
    assert_int_equal(l.page.total_pages, 3);
    assert_int_equal(l.page.total_files, 25);
    l = list((struct library_query){.page = 2, .per_page = 10});
    assert_string_equal(l.text, "10 11 12 13 14 15 16 17 18 19");
    l = list((struct library_query){.page = -4, .per_page = 20});
    assert_int_equal(l.page.page, 1);
    assert_int_equal(l.page.total_pages, 2);
    l = list((struct library_query){.page = 7, .per_page = 0, .what.search = "2"});
    assert_string_equal(l.text, "02 12 20 21 22 23 24");
    assert_int_equal(l.page.page, 1);
    l = list((struct library_query){.page = 2, .per_page = 5, .what.search = "2"});
    assert_string_equal(l.text, "23 24");
    l = list((struct library_query){.page = 3, .per_page = 10, .what.search = "none"});
    assert_int_equal(l.page.page * 10 + l.page.total_pages, 11);
    assert_int_equal(l.page.total_files, 0);
}

static void filters_and_their_totals(void **state)
{
    (void)state;
    begin();
    seen("m", 1, 1);
    seen("u", 1, 1);
    seen("md", 1, 1);
    seen("d", 1, 1);
    mark("m", LIBRARY_MARK_SET, LIBRARY_MARK_KEEP);
    mark("md", LIBRARY_MARK_SET, LIBRARY_MARK_SET);
    mark("d", LIBRARY_MARK_KEEP, LIBRARY_MARK_SET);
    commit();
    static const struct {
        enum library_filter filter;
        const char *want;
        int64_t total;
    } cases[] = {
        {LIBRARY_ALL, "d m md u", 4},
        {LIBRARY_MARKED, "m md", 2},
        {LIBRARY_UNMARKED, "d u", 2},
        {LIBRARY_DUPLICATES, "d md", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct list l =
            list((struct library_query){.what.filter = cases[i].filter, .page = 1, .per_page = 10});
        assert_string_equal(l.text, cases[i].want);
        assert_int_equal(l.page.total_files, cases[i].total);
        assert_int_equal(l.page.totals.files - l.page.totals.processed, 2);
        char paths[1024] = "";
        struct err err = {0};
        ok(store_library_paths(t.db, &(struct library_question){cases[i].filter, NULL, NULL},
                               add_path, paths, &err),
           &err);
        assert_string_equal(paths, cases[i].want);
    }
    struct list l =
        list((struct library_query){.what.filter = LIBRARY_DUPLICATES, .what.search = "M"});
    assert_string_equal(l.text, "md");
    assert_int_equal(l.page.total_files, 1);
}

static void a_window_is_any_part_of_the_list(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 25; i++) {
        char path[16];
        (void)snprintf(path, sizeof(path), "%02d", i);
        seen(path, 25 - i, i / 10);
    }
    mark("21", LIBRARY_MARK_SET, LIBRARY_MARK_KEEP);
    mark("23", LIBRARY_MARK_SET, LIBRARY_MARK_SET);
    commit();
    struct list l = list((struct library_query){.offset = 7, .limit = 3});
    assert_string_equal(l.text, "07 08 09");
    assert_int_equal(l.page.total_files, 25);
    assert_string_equal(list((struct library_query){.offset = 23, .limit = 9}).text, "23 24");
    assert_string_equal(list((struct library_query){.offset = 25, .limit = 9}).text, "");
    assert_string_equal(
        list((struct library_query){.sort = LIBRARY_BY_SIZE, .offset = 1, .limit = 2}).text,
        "23 22");
    for (int again = 0; again < 2; again++) { /* the second time from what is kept */
        struct library_query q = {.what.search = "2", .offset = 2, .limit = 3};
        l = list(q);
        assert_string_equal(l.text, "20 21 22");
        assert_int_equal(l.page.total_files, 7);
        assert_int_equal(l.page.counts.processed * 10 + l.page.counts.duplicates, 21);
        q.descending = true;
        assert_string_equal(list(q).text, "22 21 20");
        q.what.filter = LIBRARY_MARKED;
        q.offset = 1;
        l = list(q);
        assert_string_equal(l.text, "21");
        assert_int_equal(l.page.total_files, 2);
        q.sort = LIBRARY_BY_DATE;
        q.what.filter = LIBRARY_UNMARKED;
        q.offset = 0;
        assert_string_equal(list(q).text, "24 22 20");
    }
}

static void what_a_search_found_is_dropped_when_the_library_changes(void **state)
{
    (void)state;
    begin();
    seen("a1", 1, 1);
    commit();
    const struct library_query q = {.what.search = "a"};
    assert_string_equal(list(q).text, "a1");
    begin();
    seen("a2", 1, 1);
    commit();
    assert_string_equal(list(q).text, "a1 a2");
    begin();
    mark("a1", LIBRARY_MARK_SET, LIBRARY_MARK_KEEP);
    commit();
    assert_int_equal(list(q).page.counts.processed, 1);
    begin();
    gone("a1");
    commit();
    assert_string_equal(list(q).text, "a2");
}

static int add_folder(void *ctx, const struct library_folder *f, struct err *err)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%s:%d/%d", f->path, (int)f->counts.files,
                   (int)f->counts.processed);
    return add_path(ctx, text, err);
}

static void check_folders(const char *folder, int64_t skip, int64_t max, const char *want,
                          bool want_more)
{
    struct err err = {0};
    char text[1024] = "";
    bool more = !want_more;
    ok(store_library_folders(t.db, folder, skip, max, add_folder, text, &more, &err), &err);
    assert_string_equal(text, want);
    assert_int_equal(more, want_more);
}

static void folders_and_what_is_below_them(void **state)
{
    (void)state;
    static const char *const paths[] = {"0",     "a",    "a!b/1",   "a/1",       "a/b/1",
                                        "a/b/2", "a0/1", "b\xff/1", "b\xff/c/2", "z"};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        seen(paths[i], 1, 1);
    mark("a/b/2", LIBRARY_MARK_SET, LIBRARY_MARK_KEEP);
    commit();
    check_folders(NULL, 0, 9, "a!b:1/0 a:3/1 a0:1/0 b\xff:2/0", false);
    check_folders("", 0, 2, "a!b:1/0 a:3/1", true);
    check_folders("", 2, 2, "a0:1/0 b\xff:2/0", false);
    check_folders("a", 0, 9, "a/b:2/1", false);
    check_folders("a/", 0, 9, "a/b:2/1", false);
    check_folders("a/b", 0, 9, "", false);
    check_folders("nothing", 0, 9, "", false);
    struct list l = list((struct library_query){.what.folder = "a"});
    assert_string_equal(l.text, "a/1 a/b/1 a/b/2");
    assert_int_equal(l.page.total_files * 10 + l.page.counts.processed, 31);
    l = list((struct library_query){.what.folder = "a/b/", .what.filter = LIBRARY_MARKED});
    assert_string_equal(l.text, "a/b/2");
    l = list((struct library_query){.what.folder = "a", .what.search = "B"});
    assert_string_equal(l.text, "a/b/1 a/b/2");
    struct err err = {0};
    char text[1024] = "";
    ok(store_library_paths(t.db, &(struct library_question){LIBRARY_UNMARKED, "1", "a"}, add_path,
                           text, &err),
       &err);
    assert_string_equal(text, "a/1 a/b/1");
}

static void search_takes_any_case_and_no_wildcards(void **state)
{
    (void)state;
    begin();
    seen("\xc3\x84rzte/\xc3\x89t\xc3\xa9.cbz", 1, 1); /* Ärzte/Été */
    seen("\xd0\x91\xd0\xad\xd0\x9c/100%.cbz", 1, 1);  /* БЭМ */
    seen("a_b/bad\xff.cbz", 1, 1);
    seen("axb/x.cbz", 1, 1);
    commit();
    static const char *const cases[][2] = {
        {"\xc3\xa4RZTE", "\xc3\x84rzte/\xc3\x89t\xc3\xa9.cbz"},
        {"\xc3\xa9t\xc3\x89", "\xc3\x84rzte/\xc3\x89t\xc3\xa9.cbz"},
        {"\xd0\xb1\xd1\x8d\xd0\xbc/1", "\xd0\x91\xd0\xad\xd0\x9c/100%.cbz"},
        {"0%", "\xd0\x91\xd0\xad\xd0\x9c/100%.cbz"},
        {"A_B", "a_b/bad\xff.cbz"},
        {"bad\xef\xbf\xbd", "a_b/bad\xff.cbz"}, /* as it is shown */
        {"bad\xff", "a_b/bad\xff.cbz"},
        {"%", "\xd0\x91\xd0\xad\xd0\x9c/100%.cbz"},
        {"'", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(list((struct library_query){.what.search = cases[i][0]}).text,
                            cases[i][1]);
}

static int refuse(void *ctx, const struct library_file *f, struct err *err)
{
    (void)ctx;
    return err_set(err, ERR_CANCELLED, "%s", f->path);
}

static void a_callback_can_end_the_list(void **state)
{
    (void)state;
    struct err err = {0};
    struct library_page page;
    begin();
    seen("a", 1, 1);
    seen("b", 1, 1);
    commit();
    assert_int_equal(
        store_library_list(t.db, &(struct library_query){0}, refuse, NULL, &page, &err), -1);
    assert_string_equal(err.msg, "a");
    begin(); /* no read transaction was left behind */
    commit();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_sorted_both_ways),
        TEST(a_page_past_the_end_is_the_last_page),
        TEST(filters_and_their_totals),
        TEST(a_window_is_any_part_of_the_list),
        TEST(what_a_search_found_is_dropped_when_the_library_changes),
        TEST(folders_and_what_is_below_them),
        TEST(search_takes_any_case_and_no_wildcards),
        TEST(a_callback_can_end_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
