/* watch.h: what inotify tells of a real tree, and of the limits of the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch.h"
#include "../lib/scratch.h"

static struct scratch scratch;
static struct watch *w;
static int
    fail_with; /* errno of inotify_add_watch from the second folder on, and of inotify_init1; 0 = none */

int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (fail_with && watch_folders(w) >= 1) {
        errno = fail_with;
        return -1;
    }
    return __real_inotify_add_watch(fd, path, mask);
}

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __wrap_inotify_init1(int flags)
{
    if (!fail_with)
        return __real_inotify_init1(flags);
    errno = fail_with;
    return -1;
}

static int setup(void **state)
{
    (void)state;
    struct err err = {0};
    scratch_make(&scratch);
    assert_int_equal(chdir(scratch.dir), 0);
    assert_int_equal(watch_open(&w, &err), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    watch_close(w);
    fail_with = 0;
    assert_int_equal(chdir("/"), 0);
    scratch_remove(&scratch);
    return 0;
}

static void name(const char *path)
{
    int fd = open(path[0] ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    watch_folder(w, fd, path);
    (void)close(fd);
}

static void walk(const char *const *folders)
{
    struct err err = {0};
    watch_begin(w);
    for (; *folders; folders++)
        name(*folders);
    if (watch_end(w, &err) < 0)
        fail_msg("%s", err.msg);
}
#define WALK(...) walk((const char *const[]){__VA_ARGS__, NULL})

static void add(void *ctx, enum watch_event e, const char *path)
{
    char *text = ctx;
    size_t len = strlen(text);
    static const char letters[] = {
        [WATCH_CHANGED] = 'C', [WATCH_WRITTEN] = 'W', [WATCH_TREE] = 'T'};
    char one[160];
    int n = snprintf(one, sizeof(one), "%c:%s ", letters[e], path ? path : "");
    if (len >= (size_t)n && strcmp(text + len - n, one) == 0)
        return; /* said twice in a row */
    (void)snprintf(text + len, 1024 - len, "%s", one);
}

/* "C:a.cbz W:b.cbz T: ": all that happened, without repetitions. */
static const char *told(void)
{
    static char text[1024];
    text[0] = '\0';
    watch_read(w, add, text);
    return text;
}

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static void books_are_told_of_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(mkdir("Wolf", 0700), 0);
    WALK("", "Wolf");
    assert_int_equal(watch_folders(w), 2);
    assert_string_equal(told(), "");
    write_file("Wolf/a.cbz");
    assert_string_equal(told(), "C:Wolf/a.cbz W:Wolf/a.cbz C:Wolf/a.cbz ");
    write_file("Wolf/notes.txt");
    write_file("Wolf/.part.cbz");
    assert_string_equal(told(), "");
    assert_int_equal(rename("Wolf/.part.cbz", "b.CBR"), 0);
    assert_string_equal(told(), "C:b.CBR ");
    assert_int_equal(rename("Wolf/a.cbz", "a 2.cbz"), 0);
    assert_string_equal(told(), "C:Wolf/a.cbz C:a 2.cbz ");
    assert_int_equal(unlink("a 2.cbz"), 0);
    assert_string_equal(told(), "C:a 2.cbz ");
    int fd = open("b.CBR", O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "y", 1), 1);
    assert_string_equal(told(), "W:b.CBR ");
    (void)close(fd);
    assert_string_equal(told(), "C:b.CBR ");
    assert_int_equal(chmod("b.CBR", 0400), 0);
    fd = open("b.CBR", O_RDONLY | O_CLOEXEC);
    (void)close(fd);
    assert_string_equal(told(), "");
}

static void folders_that_come_and_go_ask_for_the_tree(void **state)
{
    (void)state;
    WALK("");
    assert_int_equal(mkdir("Wolf", 0700), 0);
    assert_string_equal(told(), "T: ");
    assert_int_equal(mkdir(".hidden", 0700), 0);
    assert_string_equal(told(), "");
    WALK("", "Wolf");
    assert_int_equal(rename("Wolf", "Fox"), 0);
    assert_string_equal(told(), "T: ");
    WALK("", "Fox"); /* the same folder, by its new name */
    write_file("Fox/a.cbz");
    assert_string_equal(told(), "C:Fox/a.cbz W:Fox/a.cbz C:Fox/a.cbz ");
    assert_int_equal(watch_folders(w), 2);
    WALK(""); /* left out by rule from now on */
    assert_int_equal(watch_folders(w), 1);
    write_file("Fox/b.cbz");
    assert_string_equal(told(), "");
    WALK("", "Fox");
    assert_int_equal(unlink("Fox/a.cbz"), 0);
    assert_int_equal(unlink("Fox/b.cbz"), 0);
    assert_int_equal(rmdir("Fox"), 0);
    assert_string_equal(told(), "C:Fox/a.cbz C:Fox/b.cbz T: ");
    assert_int_equal(watch_folders(w), 1);
}

static void a_limit_of_the_kernel_is_named(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(mkdir("Wolf", 0700), 0);
    fail_with = ENOSPC;
    watch_begin(w);
    name("");
    name("Wolf");
    name("Wolf");
    assert_int_equal(watch_end(w, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.msg, "3 folders"));
    assert_non_null(strstr(err.msg, "fs.inotify.max_user_watches"));
    fail_with = EMFILE;
    struct watch *other;
    assert_int_equal(watch_open(&other, &err), -1);
    assert_non_null(strstr(err.msg, "fs.inotify.max_user_instances"));
    fail_with = 0;
    WALK("", "Wolf"); /* when it was raised */
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(books_are_told_of_and_nothing_else),
        TEST(folders_that_come_and_go_ask_for_the_tree),
        TEST(a_limit_of_the_kernel_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
