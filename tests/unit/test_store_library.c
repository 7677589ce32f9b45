/* store_library.h on a real library.db behind its gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "store.h"
#include "store_history.h"
#include "store_library.h"

static struct {
    char dir[64];
    struct board *board;
    struct store *store;
    struct db *db;
} t;

static void ok(int rc, const struct err *err)
{
    if (rc < 0)
        fail_msg("%s", err->msg);
}

static int setup(void **state)
{
    (void)state;
    struct err err = {0};
    int fd, bells[BOARD_MAX_SLOTS];
    (void)snprintf(t.dir, sizeof(t.dir), "/tmp/lb-test-library-XXXXXX");
    assert_non_null(mkdtemp(t.dir));
    ok(board_create(1, &t.board, &fd, bells, &err), &err);
    (void)close(fd);
    for (int i = 0; i < BOARD_MAX_SLOTS; i++)
        (void)close(bells[i]);
    ok(store_open(t.dir, t.board, &t.store, &err), &err);
    t.db = store_db(t.store, GATE_LIBRARY);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(t.store);
    static const char *const names[] = {"jobs", "preferences", "library"};
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 9; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s.db%s", t.dir, names[i / 3], ends[i % 3]);
        (void)unlink(path); /* not all of them exist */
    }
    return rmdir(t.dir);
}

static void begin(void)
{
    struct err err = {0};
    ok(store_begin(t.store, GATE_LIBRARY, false, &err), &err);
}

static void commit(void)
{
    struct err err = {0};
    ok(store_commit(t.store, GATE_LIBRARY, &err), &err);
}

static void seen(const char *path, int64_t size, double mtime)
{
    struct err err = {0};
    struct library_found f = {path, {size, mtime, 7}, false};
    ok(store_library_upsert(t.db, &f, 1, 100.0, &err), &err);
}

static void gone(const char *path)
{
    struct err err = {0};
    ok(store_library_gone(t.db, &path, 1, 200.0, &err), &err);
}

static void mark(const char *path, enum library_mark processed, enum library_mark duplicate)
{
    struct err err = {0};
    assert_int_equal(store_library_mark(t.db, path, processed, duplicate, &err), 1);
}

/* The row of a book on the disk; file_id 0 when there is none. */
static struct library_file row(const char *path)
{
    struct err err = {0};
    struct library_file f = {0};
    ok(store_library_get(t.db, path, &f, &err), &err);
    return f;
}

static struct library_totals totals(void)
{
    struct err err = {0};
    struct library_totals ret;
    ok(store_library_totals(t.db, &ret, &err), &err);
    return ret;
}

struct list {
    char text[1024]; /* "a b c": the paths */
    struct library_page page;
};

static int add_path(void *ctx, const char *path, struct err *err)
{
    (void)err;
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 1024 - len, "%s%s", len ? " " : "", path);
    return 0;
}

static void arrives(const char *path, int64_t size, double mtime)
{
    struct err err = {0};
    struct library_found f = {path, {size, mtime, 7}, true};
    ok(store_library_upsert(t.db, &f, 1, 100.0, &err), &err);
}

static void taken(const char *path, int64_t size, double mtime)
{
    struct err err = {0};
    struct library_found f = {path, {size, mtime, 7}, true};
    ok(store_library_taken(t.db, &f, 1, &err), &err);
}

/* "a b c": what has arrived. */
static const char *arrived(void)
{
    static char text[1024];
    struct err err = {0};
    text[0] = '\0';
    ok(store_library_arrived(t.db, add_path, text, &err), &err);
    return text;
}

static int add_file(void *ctx, const struct library_file *f, struct err *err)
{
    return add_path(ctx, f->path, err);
}

static struct list list(struct library_query query)
{
    struct err err = {0};
    struct list ret = {0};
    ok(store_library_list(t.db, &query, add_file, ret.text, &ret.page, &err), &err);
    return ret;
}

/* What the triggers keep is what counting gives. */
static int count_file(void *ctx, const struct library_file *f, struct err *err)
{
    (void)err;
    struct library_totals *c = ctx;
    c->files += !f->gone;
    c->processed += !f->gone && f->processed;
    c->duplicates += !f->gone && f->duplicate;
    return 0;
}

static void totals_are_true(void)
{
    struct err err = {0};
    struct library_totals kept = totals(), counted = {0};
    ok(store_library_each_known(t.db, count_file, &counted, &err), &err);
    assert_int_equal(kept.files, counted.files);
    assert_int_equal(kept.processed, counted.processed);
    assert_int_equal(kept.duplicates, counted.duplicates);
}

static void upsert_keeps_id_and_marks(void **state)
{
    (void)state;
    begin();
    seen("A/1.cbz", 10, 1.5);
    int64_t id = row("A/1.cbz").file_id;
    assert_true(id > 0);
    mark("A/1.cbz", LIBRARY_MARK_SET, LIBRARY_MARK_SET);
    seen("A/1.cbz", 20, 2.5);
    struct library_file f = row("A/1.cbz");
    assert_int_equal(f.file_id, id);
    assert_int_equal(f.stat.size, 20);
    assert_true(f.stat.mtime == 2.5);
    assert_true(f.processed && f.duplicate);
    mark("A/1.cbz", LIBRARY_MARK_KEEP, LIBRARY_MARK_CLEAR);
    assert_true(row("A/1.cbz").processed && !row("A/1.cbz").duplicate);
    totals_are_true();
    commit();
}

static void a_gone_book_returns_with_id_and_marks(void **state)
{
    (void)state;
    begin();
    seen("A/1.cbz", 10, 1);
    seen("A/2.cbz", 10, 1);
    mark("A/1.cbz", LIBRARY_MARK_SET, LIBRARY_MARK_KEEP);
    int64_t id = row("A/1.cbz").file_id;
    gone("A/1.cbz");
    gone("A/unknown.cbz");
    assert_int_equal(row("A/1.cbz").file_id, 0);
    assert_string_equal(list((struct library_query){.page = 1}).text, "A/2.cbz");
    assert_int_equal(totals().files, 1);
    assert_int_equal(totals().processed, 0);
    seen("A/1.cbz", 10, 1); /* the very same file */
    assert_int_equal(row("A/1.cbz").file_id, id);
    assert_true(row("A/1.cbz").processed);
    assert_int_equal(totals().processed, 1);
    gone("A/2.cbz");
    struct err err = {0};
    assert_int_equal(store_library_remove(t.db, "A/2.cbz", &err), 1);
    totals_are_true();
    commit();
}

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

static void an_id_follows_a_rename(void **state)
{
    (void)state;
    struct err err = {0};
    begin();
    seen("old", 1, 1);
    mark("old", LIBRARY_MARK_SET, LIBRARY_MARK_KEEP);
    int64_t id = row("old").file_id;
    assert_int_equal(store_library_rename(t.db, "old", "New", &err), 1);
    assert_int_equal(row("New").file_id, id);
    assert_true(row("New").processed);
    assert_int_equal(row("old").file_id, 0);
    char *path LB_CLEANUP(mem_free) = NULL;
    assert_int_equal(store_library_path_of(t.db, id, &path, &err), 1);
    assert_string_equal(path, "New");
    char *none = NULL;
    assert_int_equal(store_library_path_of(t.db, id + 1000, &none, &err), 0);
    assert_int_equal(store_library_rename(t.db, "old", "New", &err), 0);
    assert_int_equal(row("New").file_id, id);
    assert_string_equal(list((struct library_query){.what.search = "new"}).text, "New");
    assert_int_equal(store_library_remove(t.db, "New", &err), 1);
    assert_int_equal(store_library_remove(t.db, "New", &err), 0);
    totals_are_true();
    commit();
}

static void a_rename_takes_over_what_the_scan_saw(void **state)
{
    (void)state;
    struct err err = {0};
    begin();
    seen("old", 1, 1);
    mark("old", LIBRARY_MARK_KEEP, LIBRARY_MARK_SET);
    int64_t id = row("old").file_id;
    gone("old"); /* a scan between the rename and its record */
    seen("new", 1, 1);
    assert_int_equal(store_library_rename(t.db, "old", "new", &err), 1);
    assert_int_equal(row("new").file_id, id);
    assert_true(row("new").duplicate);
    assert_int_equal(totals().files, 1);
    totals_are_true();
    commit();
}

static int take_history(void *ctx, const struct library_history *h, struct err *err)
{
    (void)err;
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 1024 - len, "%s|%s|%s>%s|%s>%s|%s>%s;", h->path, h->operation,
                   h->before_name, h->after_name ? h->after_name : "-",
                   h->before.title ? h->before.title : "-", h->after.title ? h->after.title : "-",
                   h->before.volume ? h->before.volume : "-",
                   h->after.volume ? h->after.volume : "-");
    return 0;
}

static void item_done_twice_is_once(void **state)
{
    (void)state;
    struct err err = {0};
    begin();
    seen("S/1.cbz", 1, 1);
    int64_t id = row("S/1.cbz").file_id;
    struct library_stat after = {.size = 99, .mtime = 5, .inode = 8};
    struct library_change c = {.job_id = "job",
                               .seq = 3,
                               .operation = "process",
                               .path = "S/1.cbz",
                               .final_path = "S/S - Chapter 0001.cbz",
                               .mark_processed = true,
                               .changed = true,
                               .before = {.volume = "2"},
                               .after = {.title = "Chapter 1", .volume = "2"},
                               .stat = &after,
                               .at = 50};
    for (int i = 0; i < 2; i++) {
        ok(store_library_item_done(t.db, &c, &err), &err);
        struct library_file f = row(c.final_path);
        assert_int_equal(f.file_id, id);
        assert_int_equal(f.stat.size, 99);
        assert_true(f.processed && !f.duplicate);
        assert_int_equal(totals().files, 1);
        assert_int_equal(totals().history, 1);
    }
    char text[1024] = "";
    int64_t total;
    ok(store_history_list(t.db, &(struct history_query){.limit = 10}, take_history, text, &total,
                          &err),
       &err);
    assert_int_equal(total, 1);
    assert_string_equal(
        text, "S/S - Chapter 0001.cbz|process|1.cbz>S - Chapter 0001.cbz|->Chapter 1|2>2;");
    totals_are_true();
    commit();
}

static void item_done_without_a_change_only_marks(void **state)
{
    (void)state;
    struct err err = {0};
    begin();
    seen("a", 1, 1);
    struct library_change c = {.job_id = "job",
                               .seq = 1,
                               .operation = "rename",
                               .path = "a",
                               .mark_processed = true,
                               .mark_duplicate = true,
                               .at = 50};
    ok(store_library_item_done(t.db, &c, &err), &err);
    assert_true(row("a").processed && row("a").duplicate);
    assert_int_equal(row("a").stat.size, 1);
    assert_int_equal(totals().history, 0);
    struct library_stat st = {.size = 4, .mtime = 1, .inode = 1};
    c.path = "never scanned";
    c.stat = &st;
    ok(store_library_item_done(t.db, &c, &err), &err);
    assert_true(row("never scanned").processed);
    totals_are_true();
    commit();
}

static void a_deleted_book_leaves_only_its_history(void **state)
{
    (void)state;
    struct err err = {0};
    begin();
    seen("S/1.cbz", 1, 1);
    seen("S/2.cbz", 1, 1);
    int64_t id = row("S/1.cbz").file_id;
    assert_int_equal(store_library_mark(t.db, "S/1.cbz", LIBRARY_MARK_SET, LIBRARY_MARK_SET, &err),
                     1);
    struct library_change c = {.job_id = "job",
                               .seq = 1,
                               .operation = "delete",
                               .path = "S/1.cbz",
                               .changed = true,
                               .removed = true,
                               .at = 50};
    for (int i = 0; i < 2; i++) { /* the second time as after a crash */
        ok(store_library_item_done(t.db, &c, &err), &err);
        assert_int_equal(totals().files, 1);
        assert_int_equal(totals().processed, 0);
        assert_int_equal(totals().history, 1);
    }
    seen("S/1.cbz", 5, 5); /* another book of that name */
    assert_true(row("S/1.cbz").file_id != id);
    assert_false(row("S/1.cbz").processed || row("S/1.cbz").duplicate);
    totals_are_true();
    commit();
    char text[1024] = "";
    int64_t total;
    ok(store_history_list(t.db, &(struct history_query){.limit = 10}, take_history, text, &total,
                          &err),
       &err);
    assert_string_equal(text, "S/1.cbz|delete|1.cbz>-|->-|->-;");
}

static void history_comes_newest_first_in_pages(void **state)
{
    (void)state;
    struct err err = {0};
    begin();
    for (int i = 1; i <= 3; i++) {
        char path[2] = {(char)('0' + i), '\0'};
        struct library_change c = {.job_id = "job",
                                   .seq = i,
                                   .operation = "x",
                                   .path = path,
                                   .changed = true,
                                   .after = {.title = "t"},
                                   .at = i == 2 ? 90 : 10};
        ok(store_library_item_done(t.db, &c, &err), &err);
    }
    commit();
    char text[1024] = "";
    int64_t total;
    ok(store_history_list(t.db, &(struct history_query){.limit = 2}, take_history, text, &total,
                          &err),
       &err);
    assert_string_equal(text, "2|x|2>2|->t|->-;3|x|3>3|->t|->-;");
    assert_int_equal(total, 3);
    text[0] = '\0';
    ok(store_history_list(t.db, &(struct history_query){.limit = 2, .offset = 2}, take_history,
                          text, &total, &err),
       &err);
    assert_string_equal(text, "1|x|1>1|->t|->-;");
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

static void new_and_changed_books_arrive_and_marked_ones_do_not(void **state)
{
    (void)state;
    begin();
    seen("old", 1, 1);
    seen("marked", 1, 1);
    mark("marked", LIBRARY_MARK_SET, LIBRARY_MARK_KEEP);
    seen("away", 1, 1);
    gone("away");
    seen("replaced", 1, 1);
    gone("replaced");
    assert_string_equal(arrived(), "");
    arrives("new", 1, 1);
    arrives("old", 2, 1);      /* another size */
    arrives("marked", 2, 2);   /* ours already */
    arrives("away", 1, 1);     /* is back as it was: a disk that was not mounted */
    arrives("replaced", 1, 9); /* is back as another one */
    assert_string_equal(arrived(), "new old replaced");
    arrives("new", 1, 1);
    gone("replaced");
    assert_string_equal(arrived(), "new old");
    commit();
}

static void what_was_taken_or_done_has_not_arrived_any_more(void **state)
{
    (void)state;
    struct err err = {0};
    begin();
    arrives("a", 1, 1);
    arrives("b", 1, 1);
    arrives("c", 1, 1);
    taken("a", 1, 1);
    taken("b", 1, 5); /* it has changed since */
    assert_string_equal(arrived(), "b c");
    /* A job renamed c; the scan saw the new name before the job's record. */
    arrives("c2", 1, 1);
    struct library_stat stat = {1, 1, 7};
    struct library_change c = {.job_id = "j", .seq = 1, .operation = "process", .path = "c", .final_path = "c2",
                               .mark_processed = true, .changed = true, .stat = &stat, .at = 300.0};
    ok(store_library_item_done(t.db, &c, &err), &err);
    assert_string_equal(arrived(), "b");
    /* A change of ours that marks nothing, as a tag. */
    struct library_stat tagged = {3, 3, 7};
    arrives("b", 3, 3);
    struct library_change d = {.job_id = "j", .seq = 2, .operation = "tag", .path = "b", .changed = true, .stat = &tagged, .at = 300.0};
    ok(store_library_item_done(t.db, &d, &err), &err);
    assert_string_equal(arrived(), "");
    arrives("b", 4, 4);
    arrives("d", 4, 4);
    ok(store_library_none_arrived(t.db, &err), &err);
    assert_string_equal(arrived(), "");
    commit();
}

static void a_library_is_scanned_for_the_first_time_once(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(totals().scanned);
    begin();
    seen("a", 1, 1);
    assert_false(totals().scanned);
    ok(store_library_scanned(t.db, &err), &err);
    commit();
    assert_true(totals().scanned);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(upsert_keeps_id_and_marks),
        TEST(a_gone_book_returns_with_id_and_marks),
        TEST(lists_are_sorted_both_ways),
        TEST(a_page_past_the_end_is_the_last_page),
        TEST(filters_and_their_totals),
        TEST(a_window_is_any_part_of_the_list),
        TEST(what_a_search_found_is_dropped_when_the_library_changes),
        TEST(folders_and_what_is_below_them),
        TEST(search_takes_any_case_and_no_wildcards),
        TEST(an_id_follows_a_rename),
        TEST(a_rename_takes_over_what_the_scan_saw),
        TEST(item_done_twice_is_once),
        TEST(a_deleted_book_leaves_only_its_history),
        TEST(item_done_without_a_change_only_marks),
        TEST(history_comes_newest_first_in_pages),
        TEST(a_callback_can_end_the_list),
        TEST(new_and_changed_books_arrive_and_marked_ones_do_not),
        TEST(what_was_taken_or_done_has_not_arrived_any_more),
        TEST(a_library_is_scanned_for_the_first_time_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
