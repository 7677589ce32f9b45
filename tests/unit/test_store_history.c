/* test_store_history.c - the history of one file through its names, the search, and what can still be undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store_fixture.h"
#include "store_history.h"
#include "store_library.h"
#include "strbuf.h"

#define KEPT(now)                                                                                  \
    "{\"tags\":{\"Web\":[null,\"w\"]},\"member\":{\"had\":false},\"now\":{\"crc\":" #now "}}"

static struct db *library(void)
{
    return store_db(fx.store, GATE_LIBRARY);
}

static int64_t inode_of(const char *path)
{
    int64_t n = 7;
    for (; *path; path++)
        n = n * 31 + *path;
    return n;
}

static void run(const char *sql)
{
    assert_int_equal(fx_sql(GATE_LIBRARY, sql), 0);
}

/* A finished item. Returns the id of its row. */
static int64_t done(struct library_change c)
{
    static int64_t seq;
    struct err err = {0};
    struct library_stat st = {1, 1, inode_of(c.path)};
    c.job_id = "job";
    c.seq = ++seq;
    c.changed = true;
    c.stat = c.removed ? NULL : &st;
    c.at = (double)seq;
    if (!c.operation)
        c.operation = c.removed ? "delete" : c.final_path ? "rename" : "tag";
    fx_ok(store_begin(fx.store, GATE_LIBRARY, false, &err), &err);
    fx_ok(store_library_item_done(library(), &c, &err), &err);
    fx_ok(store_commit(fx.store, GATE_LIBRARY, &err), &err);
    return fx_int(GATE_LIBRARY, "SELECT max(id) FROM history");
}

static int64_t tagged(const char *path)
{
    return done((struct library_change){.path = path, .undo = KEPT(1)});
}

static int64_t renamed(const char *from, const char *to)
{
    return done((struct library_change){.path = from, .final_path = to, .undo = "{}"});
}

static int take(void *ctx, const struct library_history *h, struct err *err)
{
    (void)err;
    strbuf_addf(ctx, " %lld", (long long)h->id);
    return 0;
}

static int take_hindrance(void *ctx, const struct library_history *h, struct err *err)
{
    (void)err;
    strbuf_addf(ctx, " %lld:%d", (long long)h->id, (int)h->hindrance);
    return 0;
}

static void rows_are(struct history_query query, const char *want, int64_t want_total)
{
    struct err err = {0};
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    int64_t total;
    if (!query.limit)
        query.limit = 100;
    fx_ok(store_history_list(library(), &query, take, &got, &total, &err), &err);
    assert_string_equal(strbuf_str(&got), want);
    assert_int_equal(total, want_total);
}

static void file_has(const char *path, const char *want)
{
    int64_t n = 0;
    for (const char *p = want; *p; p++)
        n += *p == ' ';
    rows_are((struct history_query){.file = path}, want, n);
}

static void hindrances_are(const char *want)
{
    struct err err = {0};
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    int64_t total;
    fx_ok(store_history_list(library(), &(struct history_query){.limit = 100}, take_hindrance, &got,
                             &total, &err),
          &err);
    assert_string_equal(strbuf_str(&got), want);
}

static void a_file_has_its_rows_under_every_name(void **state)
{
    (void)state;
    (void)tagged("S/a");             /* 1 */
    (void)tagged("S/other");         /* 2 */
    (void)renamed("S/a", "S/b");     /* 3 */
    (void)renamed("S/b", "T/c\xff"); /* 4 */
    (void)tagged("T/c\xff");         /* 5 */
    (void)tagged("S/a");             /* 6: another book, under the first name */
    file_has("T/c\xff", " 5 4 3 1");
    file_has("S/a", " 6");
    file_has("S/other", " 2");
    file_has("S/b", "");
    file_has("nowhere", "");
}

static void rows_without_an_id_are_found_through_the_names(void **state)
{
    (void)state;
    (void)tagged("S/a");                                                         /* 1 */
    (void)done((struct library_change){.path = "S/a", .final_path = "S/a.cbz"}); /* 2: convert */
    (void)tagged("S/a.cbz");                                                     /* 3 */
    (void)renamed("S/a.cbz", "S/b.cbz");                                         /* 4 */
    (void)renamed("S/b.cbz", "S/a.cbz");                                         /* 5: and back */
    file_has("S/a.cbz", " 5 4 3 2 1");
    run("DELETE FROM history_undo WHERE history_id < 5"); /* they grew old */
    file_has("S/a.cbz", " 5 4 3 2 1");
    run("DELETE FROM history_undo");
    file_has("S/a.cbz", " 5 4 3 2 1");
}

static void a_new_file_has_not_the_rows_of_the_deleted_one(void **state)
{
    (void)state;
    (void)tagged("a");                                                 /* 1 */
    (void)renamed("a", "b");                                           /* 2 */
    (void)done((struct library_change){.path = "b", .removed = true}); /* 3 */
    file_has("b", " 3 2 1");
    (void)tagged("b"); /* 4 */
    file_has("b", " 4");
    run("DELETE FROM history_undo");
    file_has("b", " 4");
    (void)done((struct library_change){.path = "x", .final_path = "b"}); /* 5 */
    file_has("b", " 5");
}

static void search_looks_at_names_and_tags_in_any_case(void **state)
{
    (void)state;
    (void)renamed("S/Wölfe 1", "S/b");                                                     /* 1 */
    (void)done((struct library_change){.path = "S/x", .after = {.title = "Der WÖLF"}});    /* 2 */
    (void)done((struct library_change){.path = "S/y", .before = {.series = "100%_wolf"}}); /* 3 */
    rows_are((struct history_query){.search = "wöl"}, " 2 1", 2);
    rows_are((struct history_query){.search = "%_"}, " 3", 1);
    rows_are((struct history_query){.search = "s/"}, " 3 2 1", 3);
    rows_are((struct history_query){.search = "S/", .limit = 1, .offset = 1}, " 2", 3);
    rows_are((struct history_query){.search = "", .limit = 2}, " 3 2", 3);
    rows_are((struct history_query){.file = "S/b", .search = "WÖLFE"}, " 1", 1);
    rows_are((struct history_query){.file = "S/b", .search = "other"}, "", 0);
}

static void what_can_be_undone_is_known(void **state)
{
    (void)state;
    (void)done((struct library_change){.path = "a", .undo = KEPT(1)});
    hindrances_are(" 1:0");
    (void)done((struct library_change){.path = "a", .undo = KEPT(2)});
    hindrances_are(" 2:0 1:6");
    (void)done((struct library_change){.path = "a", .undo = KEPT(1), .undo_of = 2});
    hindrances_are(" 3:0 2:1 1:0");
    (void)renamed("a", "b");
    hindrances_are(" 4:0 3:0 2:1 1:0");
    (void)renamed("b", "c");
    hindrances_are(" 5:0 4:7 3:0 2:1 1:0");
    (void)tagged("b"); /* another file has the name that was left */
    hindrances_are(" 6:0 5:8 4:7 3:0 2:1 1:0");
    run("UPDATE files SET gone_at = 1 WHERE path = 'b'");
    hindrances_are(" 6:4 5:0 4:7 3:0 2:1 1:0");
}

static void what_was_not_kept_cannot_be_undone(void **state)
{
    (void)state;
    (void)done((struct library_change){.path = "a", .operation = "convert"});
    (void)done((struct library_change){.path = "b", .operation = "process"});
    (void)done((struct library_change){.path = "c", .undo = "{\"moved_to\":\"/d/c\"}"});
    (void)done((struct library_change){
        .path = "d", .undo = "{\"tags\":{},\"member\":{\"had\":true},\"now\":null}"});
    (void)done((struct library_change){.path = "b", .removed = true});
    hindrances_are(" 5:2 4:5 3:3 2:4 1:2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_file_has_its_rows_under_every_name),
        FX_TEST(rows_without_an_id_are_found_through_the_names),
        FX_TEST(a_new_file_has_not_the_rows_of_the_deleted_one),
        FX_TEST(search_looks_at_names_and_tags_in_any_case),
        FX_TEST(what_can_be_undone_is_known),
        FX_TEST(what_was_not_kept_cannot_be_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
