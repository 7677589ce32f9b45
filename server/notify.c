#include "notify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"

#define FIRST_LISTEN_FD 3 /* SD_LISTEN_FDS_START */

/* A whole number from the environment, which loses it; -1 when it is not there or is none. One thread runs. */
static int64_t take_number(const char *name)
{
    const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe) */
    char *end = NULL;
    int64_t v = text && *text ? strtoll(text, &end, 10) : -1;
    if (end && *end)
        v = -1;
    (void)unsetenv(name); /* NOLINT(concurrency-mt-unsafe) */
    return v;
}

void notify_init(struct notify *ret)
{
    *ret = (struct notify){.fd = -1, .address = {.sun_family = AF_UNIX}};
    int64_t usec = take_number("WATCHDOG_USEC"), pid = take_number("WATCHDOG_PID");
    const char *path = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe) */
    size_t len = path ? strlen(path) : 0;
    if (len > 1 && len < sizeof(ret->address.sun_path) && (path[0] == '/' || path[0] == '@')) {
        memcpy(ret->address.sun_path, path, len);
        if (path[0] == '@') /* an abstract address */
            ret->address.sun_path[0] = '\0';
        ret->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct err none = {0};
        if (fd >= 0 && child_fd_high(fd, &ret->fd, &none) < 0)
            ret->fd = -1;
        if (usec > 0 && (pid < 0 || pid == getpid()))
            ret->watchdog_ms = usec / 1000;
    }
    (void)unsetenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe) */
}

void notify_export(const struct notify *n)
{
    char path[sizeof(n->address.sun_path) + 1], usec[24];
    size_t len = n->address_len - offsetof(struct sockaddr_un, sun_path);
    if (n->fd < 0)
        return;
    memcpy(path, n->address.sun_path, len);
    path[len] = '\0';
    if (path[0] == '\0')
        path[0] = '@';
    (void)snprintf(usec, sizeof(usec), "%" PRId64, n->watchdog_ms * 1000);
    (void)setenv("NOTIFY_SOCKET", path, 1); /* NOLINT(concurrency-mt-unsafe) */
    (void)setenv("WATCHDOG_USEC", n->watchdog_ms ? usec : "",
                 1); /* NOLINT(concurrency-mt-unsafe) */
}

void notify_forget(void)
{
    (void)unsetenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe) */
    (void)unsetenv("WATCHDOG_USEC"); /* NOLINT(concurrency-mt-unsafe) */
}

void notify_clear(struct notify *n)
{
    fd_close(n->fd);
    n->fd = -1;
}

void notify_send(const struct notify *n, const char *text)
{
    if (n->fd < 0)
        return;
    (void)sendto(n->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&n->address,
                 n->address_len);
}

void notify_reloading(const struct notify *n)
{
    char text[80];
    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                   clock_mono_ms() * 1000);
    notify_send(n, text);
}

int notify_listen_fd(int *ret_fd, struct err *err)
{
    int64_t pid = take_number("LISTEN_PID"), n = take_number("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES"); /* NOLINT(concurrency-mt-unsafe) */
    if (n <= 0 || pid != getpid())
        return 0;
    if (n > 1)
        return err_set(err, ERR_CONFIG,
                       "%" PRId64 " sockets were handed over (LISTEN_FDS), one is used", n);
    if (fcntl(FIRST_LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0)
        return err_sys(err, ERR_CONFIG, "socket that was handed over (LISTEN_FDS)");
    *ret_fd = FIRST_LISTEN_FD;
    return 1;
}
