#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/scratch.h"
#include "path.h"

static struct scratch scratch;

static int setup(void **state)
{
    (void)state;
    scratch_make(&scratch);
    must(mkdirat(scratch.fd, "a", 0755) == 0 && mkdirat(scratch.fd, "a/b", 0755) == 0);
    scratch_write(&scratch, "a/b/f.cbz", "x", 1);
    must(symlinkat("/etc/hostname", scratch.fd, "out") == 0);
    must(symlinkat("..", scratch.fd, "up") == 0);
    must(symlinkat("a/b", scratch.fd, "in") == 0);
    must(symlinkat("loop", scratch.fd, "loop") == 0);
    must(symlinkat("nothing", scratch.fd, "dangling") == 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

static enum err_code from_client(const char *text, size_t len, char ret[PATH_MAX_BYTES])
{
    struct err err = {0};
    int rc = path_from_client("/library/comics", text, len, ret, &err);
    if (rc < 0)
        assert_true(err.code != ERR_NONE && err.msg[0] != '\0');
    return rc == 0 ? ERR_NONE : err.code;
}

static void client_path_is_made_relative(void **state)
{
    static const char *const cases[][2] = {
        {"a.cbz", "a.cbz"},
        {"a/b.cbz", "a/b.cbz"},
        {"./a//b.cbz", "a/b.cbz"},
        {"a/b/", "a/b"},
        {"/library/comics/a/b.cbz", "a/b.cbz"},
        {"/library/comics//a/./b.cbz", "a/b.cbz"},
        {"..a/b..", "..a/b.."},
        {"not utf-8 \xff\xfe", "not utf-8 \xff\xfe"},
    };
    char ret[PATH_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(from_client(cases[i][0], strlen(cases[i][0]), ret), ERR_NONE);
        assert_string_equal(ret, cases[i][1]);
    }
}

static void client_path_that_leaves_is_outside(void **state)
{
    static const char *const cases[] = {
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "/etc/passwd",
        "/library/comics2/x",
        "/library",
        "/library/comics/../x",
        "//library/comics/x",
    };
    char ret[PATH_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(from_client(cases[i], strlen(cases[i]), ret), ERR_PATH_OUTSIDE);
}

static void client_path_that_is_no_path_is_invalid(void **state)
{
    char ret[PATH_MAX_BYTES];
    char long_path[5000];
    (void)state;
    assert_int_equal(from_client("", 0, ret), ERR_PATH_INVALID);
    assert_int_equal(from_client("/library/comics", 15, ret), ERR_PATH_INVALID);
    assert_int_equal(from_client("/library/comics/", 16, ret), ERR_PATH_INVALID);
    assert_int_equal(from_client("./", 2, ret), ERR_PATH_INVALID);
    assert_int_equal(from_client("a\0b", 3, ret), ERR_PATH_INVALID);
    assert_int_equal(from_client("a\nb", 3, ret), ERR_PATH_INVALID);
    assert_int_equal(from_client("a\x7f", 2, ret), ERR_PATH_INVALID);
    memset(long_path, 'a', sizeof(long_path));
    assert_int_equal(from_client(long_path, 255, ret), ERR_NONE);
    assert_int_equal(from_client(long_path, 256, ret), ERR_PATH_INVALID);
    for (size_t i = 1; i < sizeof(long_path); i += 2)
        long_path[i] = '/';
    assert_int_equal(from_client(long_path, 4095, ret), ERR_NONE);
    assert_int_equal(strlen(ret), 4095);
    assert_int_equal(from_client(long_path, 4097, ret), ERR_PATH_INVALID);
    assert_int_equal(from_client(long_path, 5000, ret), ERR_PATH_INVALID);
}

static void refusal_quotes_the_path_escaped_and_cut(void **state)
{
    char ret[PATH_MAX_BYTES];
    char text[2000];
    struct err err = {0};
    (void)state;
    assert_int_equal(path_from_client("/l", "x\ny", 3, ret, &err), -1);
    assert_non_null(strstr(err.msg, "\"x\\x0ay\""));
    memset(text, 'b', sizeof(text));
    assert_int_equal(path_from_client("/l", text, sizeof(text), ret, &err), -1);
    assert_non_null(strstr(err.msg, "bbb..."));
    assert_non_null(strstr(err.msg, "too long"));
}

static enum err_code open_code(const char *path, int flags)
{
    struct err err = {0};
    int fd = -1;
    int rc = path_open(scratch.fd, path, flags, &fd, &err);
    if (rc == 0)
        must((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    fd_close(fd);
    return rc == 0 ? ERR_NONE : err.code;
}

static void open_stays_beneath_the_root(void **state)
{
    (void)state;
    assert_int_equal(open_code("a/b/f.cbz", O_RDONLY), ERR_NONE);
    assert_int_equal(open_code("in/f.cbz", O_RDONLY), ERR_NONE);
    assert_int_equal(open_code("a/b/g.cbz", O_RDONLY), ERR_NOT_FOUND);
    assert_int_equal(open_code("a/b/f.cbz/x", O_RDONLY), ERR_NOT_FOUND);
    assert_int_equal(open_code("dangling", O_RDONLY), ERR_NOT_FOUND);
    assert_int_equal(open_code("out", O_RDONLY), ERR_PATH_OUTSIDE);
    assert_int_equal(open_code("up/x", O_RDONLY), ERR_PATH_OUTSIDE);
    assert_int_equal(open_code("a/../a/b/f.cbz", O_RDONLY), ERR_PATH_OUTSIDE);
    assert_int_equal(open_code("/etc/hostname", O_RDONLY), ERR_PATH_OUTSIDE);
    assert_int_equal(open_code("loop", O_RDONLY), ERR_PATH_INVALID);
    assert_int_equal(open_code("a//b/f.cbz", O_RDONLY), ERR_PATH_INVALID);
    assert_int_equal(open_code("", O_RDONLY), ERR_PATH_INVALID);
}

static void parent_is_opened_with_the_base_name(void **state)
{
    struct err err = {0};
    struct stat st;
    const char *base;
    int fd;
    (void)state;
    assert_int_equal(path_open_parent(scratch.fd, "a/b/f.cbz", &fd, &base, &err), 0);
    assert_string_equal(base, "f.cbz");
    assert_int_equal(fstatat(fd, base, &st, 0), 0);
    fd_close(fd);
    assert_int_equal(path_open_parent(scratch.fd, "new.cbz", &fd, &base, &err), 0);
    assert_string_equal(base, "new.cbz");
    assert_int_equal(fstatat(fd, "a", &st, 0), 0);
    fd_close(fd);
    assert_int_equal(path_open_parent(scratch.fd, "up/new.cbz", &fd, &base, &err), -1);
    assert_int_equal(err.code, ERR_PATH_OUTSIDE);
    assert_int_equal(path_open_parent(scratch.fd, "zz/new.cbz", &fd, &base, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static int without_openat2(void *ctx)
{
    struct err err = {0};
    const char *base;
    int fd;
    (void)ctx;
    scratch_deny(SYS_openat2);
    must(open_code("a/b/f.cbz", O_RDONLY) == ERR_NONE);
    must(open_code("a/b/g.cbz", O_RDONLY) == ERR_NOT_FOUND);
    must(open_code("a/b/f.cbz/x", O_RDONLY) == ERR_NOT_FOUND);
    must(open_code("out", O_RDONLY) == ERR_PATH_OUTSIDE);
    must(open_code("up/x", O_RDONLY) == ERR_PATH_OUTSIDE);
    must(open_code("in/f.cbz", O_RDONLY) == ERR_PATH_OUTSIDE); /* no link is followed */
    must(path_open_parent(scratch.fd, "f.cbz", &fd, &base, &err) == 0);
    must(path_open_parent(scratch.fd, "a/b/f.cbz", &fd, &base, &err) == 0);
    must(faccessat(fd, base, F_OK, 0) == 0);
    return 0;
}

static void open_stays_beneath_the_root_on_old_kernels(void **state)
{
    (void)state;
    assert_int_equal(scratch_child(without_openat2, NULL), 0);
}

static void names_are_taken_apart(void **state)
{
    (void)state;
    assert_string_equal(path_base("a/b.cbz"), "b.cbz");
    assert_string_equal(path_base("b.cbz"), "b.cbz");
    assert_string_equal(path_extension("a.x/b"), "");
    assert_string_equal(path_extension("a/b.c.CBZ"), ".CBZ");
    assert_string_equal(path_extension("a/.cbz"), "");
    assert_true(path_is_book("a/b.CbZ"));
    assert_true(path_is_book("b.cbr") && path_is_book("b.cb7") && path_is_book("b.cbt"));
    assert_false(path_is_book("a/.cbz"));
    assert_false(path_is_book("a/.b.cbz"));
    assert_false(path_is_book("a/b.cbz.tmp"));
    assert_false(path_is_book("a.cbz/b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_path_is_made_relative),
        cmocka_unit_test(client_path_that_leaves_is_outside),
        cmocka_unit_test(client_path_that_is_no_path_is_invalid),
        cmocka_unit_test(refusal_quotes_the_path_escaped_and_cut),
        cmocka_unit_test(open_stays_beneath_the_root),
        cmocka_unit_test(parent_is_opened_with_the_base_name),
        cmocka_unit_test(open_stays_beneath_the_root_on_old_kernels),
        cmocka_unit_test(names_are_taken_apart),
    };
    return cmocka_run_group_tests_name("path", tests, setup, teardown);
}
