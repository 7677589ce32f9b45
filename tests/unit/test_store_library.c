/* store_library.h on a real library.db behind its gate. */
#include "library_lab.h"
#include "store_history.h"

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
    struct library_change c = {.job_id = "j",
                               .seq = 1,
                               .operation = "process",
                               .path = "c",
                               .final_path = "c2",
                               .mark_processed = true,
                               .changed = true,
                               .stat = &stat,
                               .at = 300.0};
    ok(store_library_item_done(t.db, &c, &err), &err);
    assert_string_equal(arrived(), "b");
    /* A change of ours that marks nothing, as a tag. */
    struct library_stat tagged = {3, 3, 7};
    arrives("b", 3, 3);
    struct library_change d = {.job_id = "j",
                               .seq = 2,
                               .operation = "tag",
                               .path = "b",
                               .changed = true,
                               .stat = &tagged,
                               .at = 300.0};
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
    const struct CMUnitTest tests[] = {
        TEST(upsert_keeps_id_and_marks),
        TEST(a_gone_book_returns_with_id_and_marks),
        TEST(an_id_follows_a_rename),
        TEST(a_rename_takes_over_what_the_scan_saw),
        TEST(item_done_twice_is_once),
        TEST(a_deleted_book_leaves_only_its_history),
        TEST(item_done_without_a_change_only_marks),
        TEST(history_comes_newest_first_in_pages),
        TEST(new_and_changed_books_arrive_and_marked_ones_do_not),
        TEST(what_was_taken_or_done_has_not_arrived_any_more),
        TEST(a_library_is_scanned_for_the_first_time_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
