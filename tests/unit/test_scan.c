/* scan_walk.h: what a walk over a real tree finds, and how that differs from what was known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "scan_walk.h"
#include "../lib/scratch.h"

static struct scratch scratch;

static int setup(void **state)
{
    (void)state;
    scratch_make(&scratch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

static void folder(const char *path)
{
    assert_int_equal(mkdirat(scratch.fd, path, 0700), 0);
}

static void file(const char *path, const char *text)
{
    int fd = openat(scratch.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void walk(struct scan_walk *w)
{
    struct err err = {0};
    if (scan_walk(scratch.fd, w, &err) < 0)
        fail_msg("%s", err.msg);
}

/* "a|b": the paths of a list. */
static const char *text_of(const struct scan_list *l)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < l->n; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? "|" : "",
                                scan_list_path(l, i));
    return text;
}

static void only_books_in_byte_order(void **state)
{
    (void)state;
    folder("b");
    folder("b/Deep");
    folder("B c");
    file("b/2.cbz", "22");
    file("b/Deep/1.CBR", "");
    file("b/Deep/bad\xff name.cb7", "x");
    file("B c/9.cbt", "x");
    file("b.cbz", "x");
    file("notes.txt", "x");
    file("b/.cbz", "x");
    file("b/.longbox-1.cbz", "x");
    file("cbz", "x");
    folder(".hidden");
    file(".hidden/1.cbz", "x");
    folder("folder.cbz");
    file("folder.cbz/in.cbz", "x");
    assert_int_equal(mkfifoat(scratch.fd, "fifo.cbz", 0600), 0);
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    walk(&w);
    assert_string_equal(
        text_of(&w.found),
        "B c/9.cbt|b.cbz|b/2.cbz|b/Deep/1.CBR|b/Deep/bad\xff name.cb7|folder.cbz/in.cbz");
    assert_int_equal(w.found.entries[2].stat.size, 2);
    struct stat st;
    assert_int_equal(fstatat(scratch.fd, "b/2.cbz", &st, 0), 0);
    assert_int_equal(w.found.entries[2].stat.inode, (int64_t)st.st_ino);
    assert_true(w.found.entries[2].stat.mtime == library_stat_from(&st).mtime);
    assert_int_equal(w.unreadable.n + w.excluded.n, 0);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    folder("real");
    file("real/1.cbz", "x");
    assert_int_equal(symlinkat("real", scratch.fd, "linked"), 0);
    assert_int_equal(symlinkat("real/1.cbz", scratch.fd, "2.cbz"), 0);
    assert_int_equal(symlinkat("..", scratch.fd, "real/up"), 0);
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    walk(&w);
    assert_string_equal(text_of(&w.found), "real/1.cbz");
    assert_string_equal(text_of(&w.excluded), "2.cbz|linked|real/up");
    assert_true(scan_still_missing(scratch.fd, &w, "linked/1.cbz")); /* there, but not by rule */
}

static void own_folders_are_skipped_wherever_they_lie(void **state)
{
    (void)state;
    folder("a");
    folder("a/trash");
    file("a/trash/1.cbz", "x");
    folder("a/kept");
    file("a/kept/trash.cbz", "x");
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/a/kept/../trash/", scratch.dir);
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    scan_walk_skip(&w, path);
    scan_walk_skip(&w, "/nonexistent");
    scan_walk_skip(&w, "");
    scan_walk_skip(&w, scratch.dir); /* the library itself is never skipped */
    walk(&w);
    assert_string_equal(text_of(&w.found), "a/kept/trash.cbz");
    assert_string_equal(text_of(&w.excluded), "a/trash");
    assert_true(scan_still_missing(scratch.fd, &w, "a/trash/1.cbz"));
    assert_false(scan_still_missing(scratch.fd, &w, "a/kept/trash.cbz"));
    assert_true(scan_still_missing(scratch.fd, &w, "a/kept/other.cbz"));
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    char path[256] = "d";
    for (int i = 1; i < SCAN_DEPTH_MAX + 3; i++) {
        folder(path);
        char book[300];
        (void)snprintf(book, sizeof(book), "%s/1.cbz", path);
        file(book, "x");
        (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/d");
    }
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    walk(&w);
    assert_int_equal(w.found.n, SCAN_DEPTH_MAX - 1); /* the root is the first level */
    assert_int_equal(w.excluded.n, 1);
}

static void a_stop_ends_the_walk(void **state)
{
    (void)state;
    struct err err = {0};
    atomic_bool stop = true;
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {.stop = &stop};
    assert_int_equal(scan_walk(scratch.fd, &w, &err), -1);
    assert_int_equal(err.code, ERR_STOPPING);
}

static void a_lost_or_replaced_root_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    char moved[80];
    (void)snprintf(moved, sizeof(moved), "%s-moved", scratch.dir);
    int fd;
    assert_int_equal(scan_root_open(scratch.fd, scratch.dir, &fd, &err), 0);
    (void)close(fd);
    assert_int_equal(rename(scratch.dir, moved), 0);
    assert_int_equal(scan_root_open(scratch.fd, scratch.dir, &fd, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(mkdir(scratch.dir, 0700), 0); /* an empty mount point, say */
    assert_int_equal(scan_root_open(scratch.fd, scratch.dir, &fd, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.msg, "another one"));
    assert_int_equal(rmdir(scratch.dir), 0);
    assert_int_equal(rename(moved, scratch.dir), 0);
    assert_int_equal(scan_root_open(scratch.fd, scratch.dir, &fd, &err), 0);
    (void)close(fd);
}

/* ---- the difference ---- */

static void put(struct scan_list *l, const char *path, int64_t size, bool gone)
{
    struct library_stat st = {.size = size, .mtime = 1, .inode = 1};
    scan_list_add(l, path, &st, gone);
}

static void diff_names_what_came_changed_and_went(void **state)
{
    (void)state;
    struct scan_list known = {0};
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    put(&known, "a", 1, false);
    put(&known, "b", 1, false);
    put(&known, "c", 1, true);
    put(&known, "d", 1, true);
    put(&known, "e", 1, false);
    put(&known, "z", 1, false);
    put(&w.found, "a", 1, false); /* the same */
    put(&w.found, "aa", 1, false);
    put(&w.found, "b", 2, false);
    put(&w.found, "d", 1, false); /* is back */
    put(&w.found, "z", 1, false);
    struct scan_diff d LB_CLEANUP(scan_diff_clear) = {0};
    scan_diff(&known, &w, &d);
    assert_int_equal(d.n_present, 3);
    assert_string_equal(scan_list_path(&w.found, d.present[0]), "aa");
    assert_string_equal(scan_list_path(&w.found, d.present[1]), "b");
    assert_string_equal(scan_list_path(&w.found, d.present[2]), "d");
    assert_int_equal(d.added, 2);
    assert_int_equal(d.changed, 1);
    assert_int_equal(d.n_missing, 1);
    assert_string_equal(scan_list_path(&known, d.missing[0]), "e");
    scan_list_clear(&known);
}

static void diff_of_empty_sides(void **state)
{
    (void)state;
    struct scan_list known = {0};
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    struct scan_diff d LB_CLEANUP(scan_diff_clear) = {0};
    scan_diff(&known, &w, &d);
    assert_int_equal(d.n_present + d.n_missing, 0);
    scan_diff_clear(&d);
    put(&known, "a", 1, false);
    scan_diff(&known, &w, &d);
    assert_int_equal(d.n_missing, 1);
    scan_diff_clear(&d);
    scan_diff(&w.found, &(struct scan_walk){.found = known}, &d);
    assert_int_equal(d.added, 1);
    scan_list_clear(&known);
}

static void nothing_goes_in_folders_that_could_not_be_read(void **state)
{
    (void)state;
    struct scan_list known = {0};
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    static const char *const paths[] = {"a/1", "a/b/2", "a/b/c/3", "a/bb/4", "a/b-/5", "x"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        put(&known, paths[i], 1, false);
    scan_list_sort(&known);
    put(&w.unreadable, "other", 0, false);
    put(&w.unreadable, "a/b", 0, false);
    scan_list_sort(&w.unreadable);
    struct scan_diff d LB_CLEANUP(scan_diff_clear) = {0};
    scan_diff(&known, &w, &d);
    struct scan_list missing = {0};
    for (size_t i = 0; i < d.n_missing; i++)
        put(&missing, scan_list_path(&known, d.missing[i]), 1, false);
    assert_string_equal(text_of(&missing), "a/1|a/b-/5|a/bb/4|x");
    scan_list_clear(&missing);
    scan_diff_clear(&d);
    put(&w.unreadable, "", 0, false); /* the root itself, in part */
    scan_list_sort(&w.unreadable);
    scan_diff(&known, &w, &d);
    assert_int_equal(d.n_missing, 0);
    scan_list_clear(&known);
}

static void the_second_look_takes_what_is_there_now(void **state)
{
    (void)state;
    file("1.cbz", "x");
    file("2.cbz", "x");
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    walk(&w);
    file("1.cbz", "longer");
    assert_int_equal(unlinkat(scratch.fd, "2.cbz", 0), 0);
    struct library_found found;
    assert_true(scan_still_found(scratch.fd, &w, 0, &found));
    assert_string_equal(found.path, "1.cbz");
    assert_int_equal(found.stat.size, 6);
    assert_false(scan_still_found(scratch.fd, &w, 1, &found));
    assert_false(scan_still_missing(scratch.fd, &w, "1.cbz")); /* came between walk and write */
    assert_true(scan_still_missing(scratch.fd, &w, "2.cbz"));
    assert_true(scan_still_missing(scratch.fd, &w, "1.cbz/in.cbz"));
}

static bool is_there(const char *path)
{
    return faccessat(scratch.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void copies_that_the_dead_left_are_removed(void **state)
{
    (void)state;
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {0};
    folder("a");
    file("a/.longbox-1f.tmp", "half");
    file("a/.longbox-2f.tmp", "in use");
    file("a/.longbox-.tmp", "no number");
    file("a/.longbox-1g.tmp", "no number");
    file("a/.longbox-1f.tmp.cbz", "another name");
    assert_int_equal(symlinkat(".longbox-2f.tmp", scratch.fd, "a/.longbox-3f.tmp"), 0);
    int fd = openat(scratch.fd, "a/.longbox-2f.tmp", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    walk(&w);
    (void)close(fd);
    assert_false(is_there("a/.longbox-1f.tmp"));
    assert_true(is_there("a/.longbox-2f.tmp"));
    assert_true(is_there("a/.longbox-.tmp"));
    assert_true(is_there("a/.longbox-1g.tmp"));
    assert_true(is_there("a/.longbox-1f.tmp.cbz"));
    assert_true(is_there("a/.longbox-3f.tmp"));
    assert_int_equal(w.found.n, 0);
}

static void note_folder(void *ctx, int fd, const char *path)
{
    char *text = ctx;
    size_t len = strlen(text);
    assert_true(fd >= 0);
    (void)snprintf(text + len, 256 - len, "<%s>", path);
}

static void every_folder_is_told_before_it_is_read(void **state)
{
    (void)state;
    char text[256] = "";
    struct scan_walk w LB_CLEANUP(scan_walk_clear) = {.on_folder = note_folder, .ctx = text};
    folder("a");
    folder("a/b");
    folder("a/.hidden");
    folder("mine");
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/mine", scratch.dir);
    scan_walk_skip(&w, path);
    walk(&w);
    assert_string_equal(text, "<><a><a/b>");
}

static void a_marked_book_is_known_by_number_size_and_time(void **state)
{
    (void)state;
    struct scan_list known = {0};
    struct scan_marked m;
    for (int i = 0; i < 6; i++) { /* 0, 0, 1, 1, 2, 2: links share a number */
        struct library_stat st = {.size = i, .mtime = 1, .inode = i / 2};
        scan_list_add(&known, "x", &st, false);
        known.entries[i].processed = i != 5;
    }
    scan_marked_make(&known, &m);
    assert_int_equal(m.n, 5);
    for (int i = 0; i < 6; i++) {
        struct library_stat st = {.size = i, .mtime = 1, .inode = i / 2};
        assert_int_equal(scan_marked_has(&m, &st), i != 5);
        st.mtime = 2;
        assert_false(scan_marked_has(&m, &st));
        st.inode = 77;
        assert_false(scan_marked_has(&m, &st));
    }
    scan_marked_clear(&m);
    scan_list_clear(&known);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_books_in_byte_order),
        TEST(links_are_not_followed),
        TEST(own_folders_are_skipped_wherever_they_lie),
        TEST(depth_has_a_limit),
        TEST(a_stop_ends_the_walk),
        TEST(a_lost_or_replaced_root_is_an_error),
        TEST(diff_names_what_came_changed_and_went),
        TEST(diff_of_empty_sides),
        TEST(nothing_goes_in_folders_that_could_not_be_read),
        TEST(the_second_look_takes_what_is_there_now),
        TEST(copies_that_the_dead_left_are_removed),
        TEST(every_folder_is_told_before_it_is_read),
        TEST(a_marked_book_is_known_by_number_size_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
