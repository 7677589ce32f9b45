/* pidfile.h: one holder, stale files, and the moment at which one is removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pidfile.h"

static char folder[] = "/tmp/lb-pidfile-XXXXXX", path[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/lb-pidfile-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/pid", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void holds(const char *wanted)
{
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    fd_close(fd);
    assert_string_equal(text, wanted);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void no_path_is_no_file(void **state)
{
    (void)state;
    struct pidfile p;
    struct err err = {0};
    assert_int_equal(pidfile_open("", &p, &err), 0);
    assert_int_equal(p.fd, -1);
    pidfile_close(&p);
}

static void second_holder_is_refused_and_told_the_first(void **state)
{
    (void)state;
    struct pidfile a, b;
    struct err err = {0};
    char mine[32], wanted[160];
    assert_int_equal(pidfile_open(path, &a, &err), 0);
    (void)snprintf(mine, sizeof(mine), "%d\n", (int)getpid());
    holds(mine);
    assert_int_equal(pidfile_open(path, &b, &err), -1); /* a lock is of the open file */
    assert_int_equal(err.code, ERR_CONFLICT);
    (void)snprintf(wanted, sizeof(wanted), "pid file \"%s\" is in use by the process with pid %d",
                   path, (int)getpid());
    assert_string_equal(err.msg, wanted);
    pidfile_close(&b); /* of a failed open: touches nothing */
    holds(mine);
    pidfile_close(&a);
    assert_int_equal(access(path, F_OK), -1);
}

static void stale_file_is_taken_over_whatever_it_holds(void **state)
{
    (void)state;
    static const char *const texts[] = {"1\n", "", "123456789012345678901234567890\nmore\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct pidfile p;
        struct err err = {0};
        char mine[32];
        put(texts[i]);
        assert_int_equal(pidfile_open(path, &p, &err), 0);
        (void)snprintf(mine, sizeof(mine), "%d\n", (int)getpid());
        holds(mine);
        pidfile_close(&p);
    }
}

static void link_is_not_followed(void **state)
{
    (void)state;
    struct pidfile p;
    struct err err = {0};
    assert_int_equal(symlink("/tmp/lb-never", path), 0);
    assert_int_equal(pidfile_open(path, &p, &err), -1);
    assert_int_equal(access("/tmp/lb-never", F_OK), -1);
}

static void children_do_not_inherit_the_lock(void **state)
{
    (void)state;
    struct pidfile p;
    struct err err = {0};
    assert_int_equal(pidfile_open(path, &p, &err), 0);
    assert_int_equal(fcntl(p.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    pidfile_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_path_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(second_holder_is_refused_and_told_the_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(stale_file_is_taken_over_whatever_it_holds, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(link_is_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(children_do_not_inherit_the_lock, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
