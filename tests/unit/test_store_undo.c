/* test_store_undo.c - what library.db keeps of a change so that it can be put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"
#include "store_history.h"
#include "store_library.h"
#include "store_undo.h"
#include "strbuf.h"

#define JOB   "00000000-0000-7000-8000-000000000001"
#define OTHER "00000000-0000-7000-8000-000000000002"

static struct db *library(void)
{
    return store_db(fx.store, GATE_LIBRARY);
}

static void begin(void)
{
    struct err err = {0};
    fx_ok(store_begin(fx.store, GATE_LIBRARY, false, &err), &err);
}

static void commit(void)
{
    struct err err = {0};
    fx_ok(store_commit(fx.store, GATE_LIBRARY, &err), &err);
}

/* A finished item; its file is seen by its stat. Returns the id of its row of history. */
static int64_t done(struct library_change c)
{
    static int64_t inode;
    struct err err = {0};
    struct library_stat st = {.size = 1, .mtime = 1, .inode = ++inode};
    c.changed = true;
    c.stat = &st;
    c.at = 10;
    if (!c.operation)
        c.operation = "process";
    begin();
    fx_ok(store_library_item_done(library(), &c, &err), &err);
    commit();
    return fx_int(GATE_LIBRARY, "SELECT max(id) FROM history");
}

static struct undo_row get(int64_t id)
{
    struct err err = {0};
    struct undo_row r = {0};
    int rc = store_undo_get(library(), id, &r, &err);
    fx_ok(rc, &err);
    assert_int_equal(rc, 1);
    return r;
}

static int64_t of_job(const char *job, const char *path)
{
    struct err err = {0};
    int64_t id;
    fx_ok(store_undo_of_job(library(), job, path, &id, &err), &err);
    return id;
}

static int add_line(void *ctx, const char *path, struct err *err)
{
    (void)err;
    strbuf_addf(ctx, "%s;", path);
    return 0;
}

static void paths_are(const char *job, const char *want)
{
    struct err err = {0};
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    fx_ok(store_undo_paths(library(), job, add_line, &got, &err), &err);
    assert_string_equal(strbuf_str(&got), want);
}

static void what_is_kept_comes_back(void **state)
{
    (void)state;
    struct library_change c = {.job_id = JOB,
                               .seq = 1,
                               .path = "S/a",
                               .final_path = "T/b",
                               .mark_processed = true,
                               .before = {.title = "old", .volume = "2"},
                               .after = {.title = "new", .volume = "2"},
                               .undo = "{\"tags\":{\"Web\":[null,\"w\"]}}"};
    int64_t id = done(c);
    (void)done(c); /* again, after a crash: recorded once, with the marks of the first time */
    assert_int_equal(fx_int(GATE_LIBRARY, "SELECT count(*) FROM history_undo"), 1);
    struct undo_row r LB_CLEANUP(undo_row_clear) = get(id);
    assert_true(r.kept);
    assert_string_equal(r.operation, "process");
    assert_string_equal(r.before_path, "S/a");
    assert_string_equal(r.after_path, "T/b");
    assert_string_equal(r.before.title, "old");
    assert_string_equal(r.after.title, "new");
    assert_null(r.after.series);
    assert_string_equal(r.data, c.undo);
    assert_int_equal(r.was_processed, 0);
    assert_int_equal(r.was_duplicate, -1);
    assert_int_equal(r.undone_by, 0);
    struct err err = {0};
    assert_int_equal(store_undo_get(library(), 99, &(struct undo_row){0}, &err), 0);
}

static void undo_clears_marks_and_is_undone_in_turn(void **state)
{
    (void)state;
    struct library_change c = {
        .job_id = JOB, .seq = 1, .path = "a", .mark_processed = true, .undo = "{}"};
    int64_t first = done(c);
    struct library_change u = {.job_id = OTHER,
                               .seq = 1,
                               .path = "a",
                               .operation = "undo",
                               .unmark_processed = true,
                               .undo = "{}",
                               .undo_of = first};
    assert_int_equal(fx_int(GATE_LIBRARY, "SELECT processed FROM files"), 1);
    int64_t second = done(u);
    assert_int_equal(fx_int(GATE_LIBRARY, "SELECT processed FROM files"), 0);
    struct undo_row a LB_CLEANUP(undo_row_clear) = get(first);
    struct undo_row b LB_CLEANUP(undo_row_clear) = get(second);
    assert_int_equal(a.undone_by, second);
    assert_int_equal(b.undone_by, 0);
    assert_int_equal(b.was_processed, 1);
    assert_int_equal(of_job(JOB, "a"), 0);
    paths_are(JOB, "");

    u.seq = 2;
    u.unmark_processed = false;
    u.mark_processed = true;
    u.undo_of = second;
    int64_t third = done(u);
    struct undo_row again LB_CLEANUP(undo_row_clear) = get(first);
    assert_int_equal(again.undone_by, 0); /* done again: it can be undone again */
    assert_int_equal(of_job(JOB, "a"), first);
    assert_int_equal(of_job(OTHER, "a"), third);
    paths_are(JOB, "a;");
}

static void rows_follow_their_file(void **state)
{
    (void)state;
    int64_t first = done((struct library_change){
        .job_id = JOB, .seq = 1, .path = "a", .final_path = "b", .undo = "{}"});
    (void)done((struct library_change){
        .job_id = OTHER, .seq = 1, .path = "b", .final_path = "c\xff", .undo = "{}"});
    char *path LB_CLEANUP(mem_free) = NULL;
    struct err err = {0};
    assert_int_equal(store_undo_path(library(), first, &path, &err), 1);
    assert_string_equal(path, "c\xff");
    assert_int_equal(of_job(JOB, "c\xff"), first);
    assert_int_equal(of_job(JOB, "b"), 0);
    int64_t old =
        done((struct library_change){.job_id = JOB, .seq = 2, .path = "x", .final_path = "S/y"});
    assert_int_equal(of_job(JOB, "S/y"), old);
    struct undo_row r LB_CLEANUP(undo_row_clear) = get(old);
    assert_false(r.kept);
    assert_string_equal(r.before_path, "S/x"); /* of the name that is known */
    paths_are(JOB, "S/y;c\xff;");
}

static int chained(const char *job)
{
    struct err err = {0};
    int rc = store_undo_is_chained(library(), job, &err);
    fx_ok(rc, &err);
    return rc;
}

static void names_that_were_taken_over_are_seen(void **state)
{
    (void)state;
    (void)done((struct library_change){
        .job_id = JOB, .seq = 1, .path = "b", .final_path = "c", .undo = "{}"});
    (void)done((struct library_change){.job_id = JOB, .seq = 2, .path = "x", .undo = "{}"});
    (void)done((struct library_change){
        .job_id = OTHER, .seq = 1, .path = "a", .final_path = "b", .undo = "{}"});
    assert_int_equal(chained(JOB), 0);
    (void)done((struct library_change){
        .job_id = JOB, .seq = 3, .path = "d", .final_path = "b", .undo = "{}"});
    assert_int_equal(chained(JOB), 1);
    assert_int_equal(chained(OTHER), 0);
}

static void only_the_newest_are_kept(void **state)
{
    (void)state;
    int64_t first =
        done((struct library_change){.job_id = JOB, .seq = 1, .path = "a", .undo = "{}"});
    assert_int_equal(first, 1);
    assert_int_equal(
        fx_sql(GATE_LIBRARY, "UPDATE sqlite_sequence SET seq = 99999 WHERE name = 'history'"), 0);
    (void)done((struct library_change){.job_id = JOB, .seq = 2, .path = "b", .undo = "{}"});
    assert_int_equal(fx_int(GATE_LIBRARY, "SELECT count(*) FROM history_undo"), 2);
    (void)done((struct library_change){.job_id = JOB, .seq = 3, .path = "c", .undo = "{}"});
    assert_int_equal(fx_int(GATE_LIBRARY, "SELECT count(*) FROM history_undo"), 2);
    assert_int_equal(fx_int(GATE_LIBRARY, "SELECT min(history_id) FROM history_undo"), 100000);
    struct undo_row r LB_CLEANUP(undo_row_clear) = get(first);
    assert_false(r.kept);
}

static int take(void *ctx, const struct library_history *h, struct err *err)
{
    (void)err;
    strbuf_addf(ctx, "%lld %s %s %lld %lld;", (long long)h->id, h->job_id,
                h->changes ? h->changes : "-", (long long)h->undo_of, (long long)h->undone_by);
    return 0;
}

static void history_tells_of_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    int64_t total;
    (void)done((struct library_change){.job_id = "j",
                                       .seq = 1,
                                       .path = "a",
                                       .undo = "{\"tags\":{\"Web\":[null,\"w\"]},\"member\":{}}"});
    (void)done(
        (struct library_change){.job_id = "k", .seq = 1, .path = "a", .undo = "{}", .undo_of = 1});
    (void)done((struct library_change){.job_id = "l", .seq = 1, .path = "b"});
    fx_ok(store_history_list(library(), &(struct history_query){.limit = 10}, take, &got, &total,
                             &err),
          &err);
    assert_string_equal(strbuf_str(&got), "3 l - 0 0;2 k - 1 0;1 j {\"Web\":[null,\"w\"]} 0 2;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(what_is_kept_comes_back),  FX_TEST(undo_clears_marks_and_is_undone_in_turn),
        FX_TEST(rows_follow_their_file),   FX_TEST(names_that_were_taken_over_are_seen),
        FX_TEST(only_the_newest_are_kept), FX_TEST(history_tells_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
