/* notify.h: what a service manager hears, and which of its variables are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notify.h"

/* An abstract address of our own; the manager's end of it. */
static int manager(char ret[64])
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int n = snprintf(ret, 64, "@lb-notify-%d", (int)getpid());
    memcpy(sa.sun_path + 1, ret + 1, (size_t)n - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    return fd;
}

static void heard(int fd, const char *wanted)
{
    char text[128] = "";
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    assert_int_equal(n, (ssize_t)strlen(wanted));
    assert_string_equal(text, wanted);
}

static void manager_hears_and_the_environment_is_cleared(void **state)
{
    (void)state;
    char address[64], pid[32];
    int fd = manager(address);
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    (void)setenv("NOTIFY_SOCKET", address, 1);
    (void)setenv("WATCHDOG_USEC", "3000000", 1);
    (void)setenv("WATCHDOG_PID", pid, 1);
    struct notify n;
    notify_init(&n);
    assert_int_equal(n.watchdog_ms, 3000);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    notify_send(&n, "READY=1");
    heard(fd, "READY=1");
    (void)close(fd);
    notify_send(&n, "STOPPING=1"); /* nobody is there any more: no matter */
    notify_clear(&n);
}

static void watchdog_of_another_process_is_not_ours(void **state)
{
    (void)state;
    char address[64];
    int fd = manager(address);
    (void)setenv("NOTIFY_SOCKET", address, 1);
    (void)setenv("WATCHDOG_USEC", "3000000", 1);
    (void)setenv("WATCHDOG_PID", "1", 1);
    struct notify n;
    notify_init(&n);
    assert_int_equal(n.watchdog_ms, 0);
    notify_clear(&n);
    (void)close(fd);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    static const char *const addresses[] = {NULL, "", "@", "/", "relative", "vsock:2:1234"};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        if (addresses[i])
            (void)setenv("NOTIFY_SOCKET", addresses[i], 1);
        struct notify n;
        notify_init(&n);
        assert_int_equal(n.fd, -1);
        assert_int_equal(n.watchdog_ms, 0);
        notify_send(&n, "READY=1");
        notify_clear(&n);
    }
}

static int listen_fds(const char *count, const char *pid, struct err *err)
{
    int fd = -1;
    (void)setenv("LISTEN_FDS", count, 1);
    (void)setenv("LISTEN_PID", pid, 1);
    int rc = notify_listen_fd(&fd, err);
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_PID"));
    assert_int_equal(fd, rc == 1 ? 3 : -1);
    return rc;
}

static void only_one_socket_for_this_process_is_taken(void **state)
{
    (void)state;
    char pid[32];
    struct err err = {0};
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(dup2(STDERR_FILENO, 3), 3);
    assert_int_equal(listen_fds("1", pid, &err), 1);
    assert_int_equal(listen_fds("1", "1", &err), 0);
    assert_int_equal(listen_fds("0", pid, &err), 0);
    assert_int_equal(listen_fds("x", pid, &err), 0);
    assert_int_equal(listen_fds("2", pid, &err), -1);
    assert_int_equal(err.code, ERR_CONFIG);
    (void)close(3);
    assert_int_equal(listen_fds("1", pid, &err) == -1, 1); /* said to be there, and is not */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manager_hears_and_the_environment_is_cleared),
        cmocka_unit_test(watchdog_of_another_process_is_not_ours),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(only_one_socket_for_this_process_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
