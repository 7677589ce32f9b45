/*
 * test_op_move.c - renaming without overwriting, also on file systems that this machine does not
 * have: renameat2 and fstatat are this program's own and can play one without RENAME_NOREPLACE,
 * without links, or one that ignores case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "op_move.h"

static int renameat2_errno; /* what renameat2 answers, 0 = the truth */
static bool ignore_case;

/* The name in the folder that is `name` but for its case; false when there is none. */
static bool spelled(int dir, const char *name, char ret[256])
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
    DIR *d = fdopendir(fd);
    bool found = false;
    struct dirent *e;
    while (!found && (e = readdir(d)) != NULL) {
        found = strcasecmp(e->d_name, name) == 0;
        if (found)
            (void)snprintf(ret, 256, "%s", e->d_name);
    }
    (void)closedir(d);
    return found;
}

int renameat2(int dir, const char *name, int to_dir, const char *to_name, unsigned flags)
{
    char other[256];
    if (renameat2_errno) {
        errno = renameat2_errno;
        return -1;
    }
    if (ignore_case && (flags & RENAME_NOREPLACE) && spelled(to_dir, to_name, other)) {
        errno = EEXIST;
        return -1;
    }
    return (int)syscall(SYS_renameat2, dir, name, to_dir, to_name, flags);
}

int fstatat(int dir, const char *name, struct stat *st, int flags)
{
    char real[256];
    if (ignore_case && !strchr(name, '/') && spelled(dir, name, real))
        name = real;
    return (int)syscall(SYS_newfstatat, dir, name, st, flags);
}

static char folder[64];
static int dir_fd = -1;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/longbox-move-XXXXXX");
    renameat2_errno = 0;
    ignore_case = false;
    if (!mkdtemp(folder))
        return -1;
    dir_fd = open(folder, O_PATH | O_DIRECTORY);
    return mkdirat(dir_fd, "sub", 0755);
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "A", "b", "sub/a", "sub/b"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unlinkat(dir_fd, names[i], 0);
    (void)unlinkat(dir_fd, "sub", AT_REMOVEDIR);
    fd_close(dir_fd);
    return rmdir(folder);
}

static void make(const char *name, const char *text)
{
    int fd LB_CLEANUP(fd_close) = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* What is in a file, "-" when there is none. */
static const char *text_of(const char *name)
{
    static char text[16];
    int fd LB_CLEANUP(fd_close) = openat(dir_fd, name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return "-";
    text[n] = '\0';
    return text;
}

static enum move_outcome move(const char *name, const char *to, bool was_free)
{
    struct err err = {0};
    enum move_outcome outcome;
    if (op_move(dir_fd, name, dir_fd, to, was_free, &outcome, &err) < 0)
        fail_msg("%s", err.msg);
    return outcome;
}

static void free_name_is_taken_over(void **state)
{
    (void)state;
    static const int answers[] = {0, EINVAL, ENOSYS};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        renameat2_errno = answers[i];
        make("a", "one");
        assert_int_equal(move("a", "b", true), MOVE_DONE);
        assert_string_equal(text_of("a"), "-");
        assert_string_equal(text_of("b"), "one");
        assert_int_equal(unlinkat(dir_fd, "b", 0), 0);
    }
}

static void other_file_is_never_overwritten(void **state)
{
    (void)state;
    static const int answers[] = {0, EINVAL, ENOSYS};
    make("a", "one");
    make("b", "two");
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        renameat2_errno = answers[i];
        assert_int_equal(move("a", "b", true), MOVE_TAKEN);
        assert_string_equal(text_of("a"), "one");
        assert_string_equal(text_of("b"), "two");
    }
}

static void hard_link_is_another_file_unless_it_is_ours(void **state)
{
    (void)state;
    struct stat st;
    make("a", "one");
    assert_int_equal(linkat(dir_fd, "a", dir_fd, "b", 0), 0);
    assert_int_equal(op_move_taken(dir_fd, "a", "b", &st), 1);
    assert_int_equal(move("a", "b", false), MOVE_TAKEN);
    assert_string_equal(text_of("a"), "one");
    assert_int_equal(move("a", "b", true), MOVE_DONE);
    assert_string_equal(text_of("a"), "-");
    assert_string_equal(text_of("b"), "one");
}

static void change_of_case_is_no_duplicate(void **state)
{
    (void)state;
    struct stat st;
    ignore_case = true;
    make("a", "one");
    assert_int_equal(op_move_taken(dir_fd, "a", "A", &st), 0);
    assert_int_equal(move("a", "A", true), MOVE_DONE);
    ignore_case = false;
    assert_string_equal(text_of("a"), "-");
    assert_string_equal(text_of("A"), "one");
}

static void change_of_case_of_a_linked_book_is_no_duplicate(void **state)
{
    (void)state;
    struct stat st;
    ignore_case = true;
    make("a", "one");
    assert_int_equal(linkat(dir_fd, "a", dir_fd, "sub/a", 0), 0); /* its second link is elsewhere */
    assert_int_equal(op_move_taken(dir_fd, "a", "A", &st), 0);
    assert_int_equal(move("a", "A", true), MOVE_DONE);
    ignore_case = false;
    assert_string_equal(text_of("A"), "one");
}

static void taken_says_by_whom(void **state)
{
    (void)state;
    struct stat st, b;
    make("a", "one");
    assert_int_equal(op_move_taken(dir_fd, "a", "b", &st), 0);
    make("b", "two");
    assert_int_equal(op_move_taken(dir_fd, "a", "b", &st), 1);
    assert_int_equal(fstatat(dir_fd, "b", &b, 0), 0);
    assert_int_equal(st.st_ino, b.st_ino);
    assert_int_equal(op_move_taken(dir_fd, "none", "b", &st), -1);
}

static void failures_have_a_reason(void **state)
{
    (void)state;
    struct err err = {0};
    enum move_outcome outcome;
    assert_int_equal(op_move(dir_fd, "none", dir_fd, "b", true, &outcome, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    make("a", "one");
    renameat2_errno = EXDEV;
    assert_int_equal(op_move(dir_fd, "a", dir_fd, "b", true, &outcome, &err), 0);
    assert_int_equal(outcome, MOVE_CROSS_DEVICE);
    renameat2_errno = EACCES;
    assert_int_equal(op_move(dir_fd, "a", dir_fd, "b", true, &outcome, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(text_of("a"), "one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(free_name_is_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(other_file_is_never_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(hard_link_is_another_file_unless_it_is_ours, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(change_of_case_is_no_duplicate, setup, teardown),
        cmocka_unit_test_setup_teardown(change_of_case_of_a_linked_book_is_no_duplicate, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(taken_says_by_whom, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_have_a_reason, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
