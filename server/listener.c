#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "state.h"

#define SOCKET_NAME   "workers.sock"
#define FOLDER_PREFIX "/tmp/longbox-"

/* Takes away what an earlier master left in /tmp. Only names that we give are followed. */
static void remove_tmp_folder(const char *run_dir)
{
    char link_path[STATE_RUN_SIZE + 32], folder[64], path[96];
    (void)snprintf(link_path, sizeof(link_path), "%s/socket-folder", run_dir);
    ssize_t n = readlink(link_path, folder, sizeof(folder) - 1);
    if (n < 0)
        return;
    folder[n] = '\0';
    if (strncmp(folder, FOLDER_PREFIX, strlen(FOLDER_PREFIX)) == 0 &&
        strchr(folder + strlen(FOLDER_PREFIX), '/') == NULL) {
        (void)snprintf(path, sizeof(path), "%s/" SOCKET_NAME, folder);
        (void)unlink(path); /* gone is fine */
        (void)rmdir(folder);
    }
    (void)unlink(link_path);
}

static bool fits(const char *path, size_t size)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    size_t len = strlen(path);
    return len < size && strspn(path, fine) == len;
}

static int choose_path(const char *run_dir, char *ret, size_t size, struct err *err)
{
    char path[STATE_RUN_SIZE + 32], folder[] = FOLDER_PREFIX "XXXXXX";
    (void)snprintf(path, sizeof(path), "%s/" SOCKET_NAME, run_dir);
    if (fits(path, size)) {
        memcpy(ret, path, strlen(path) + 1);
        return 0;
    }
    if (mkdtemp(folder) == NULL)
        return err_sys(
            err, ERR_IO,
            "%s cannot be the address of a socket (over %zu bytes, or special characters), "
            "and no folder for it could be made in /tmp",
            LOG_QUOTE(path), size - 1);
    (void)snprintf(path, sizeof(path), "%s/socket-folder", run_dir);
    if (symlink(folder, path) < 0) {
        (void)err_sys(err, ERR_IO, "make %s", LOG_QUOTE(path));
        (void)rmdir(folder);
        return -1;
    }
    (void)snprintf(ret, size, "%s/" SOCKET_NAME, folder);
    return 0;
}

int listener_workers(const char *run_dir, struct listener *ret, struct err *err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    remove_tmp_folder(run_dir);
    if (choose_path(run_dir, ret->path, sizeof(ret->path), err) < 0)
        return -1;
    memcpy(sa.sun_path, ret->path, sizeof(sa.sun_path));
    (void)unlink(ret->path); /* of an earlier run: the lock says that nobody listens there */
    int fd LB_CLEANUP(fd_close) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, ERR_IO, "make a Unix socket");
    mode_t was = umask(0177);
    int rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
    (void)umask(was);
    if (rc < 0)
        return err_sys(err, ERR_IO, "bind %s", LOG_QUOTE(ret->path));
    if (listen(fd, LISTENER_BACKLOG) < 0)
        return err_sys(err, ERR_IO, "listen on %s", LOG_QUOTE(ret->path));
    int low = fd;
    fd = -1;
    return child_fd_high(low, &ret->fd, err);
}

int listener_public(const char *text, struct listener *ret, struct err *err)
{
    struct address a;
    if (address_parse(text, &a, err) < 0)
        return -1;
    int fd LB_CLEANUP(fd_close) = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, ERR_IO, "make a socket for %s", text);
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return err_sys(err, ERR_IO, "listen on %s", text);
    if (a.sa.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
        return err_sys(err, ERR_IO, "listen on %s", text);
    if (bind(fd, (struct sockaddr *)&a.sa, a.len) < 0 || listen(fd, LISTENER_BACKLOG) < 0)
        return err_sys(err, ERR_IO, "listen on %s", text);
    if (getsockname(fd, (struct sockaddr *)&a.sa, &a.len) < 0)
        return err_sys(err, ERR_IO, "address of the socket for %s", text);
    ret->address = a;
    int low = fd;
    fd = -1;
    return child_fd_high(low, &ret->fd, err);
}

int listener_inherit(int fd, bool open_to_all, struct listener *ret, struct err *err)
{
    struct address a = {.len = sizeof(a.sa)};
    char text[ADDRESS_SIZE];
    int listens = 0;
    socklen_t len = sizeof(listens);
    int low LB_CLEANUP(fd_close) = fd;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens ||
        getsockname(fd, (struct sockaddr *)&a.sa, &a.len) < 0 ||
        (a.sa.ss_family != AF_INET && a.sa.ss_family != AF_INET6))
        return err_set(err, ERR_CONFIG,
                       "descriptor %d that was handed over is no TCP socket that listens", fd);
    if (!open_to_all && !address_is_loopback(&a))
        return err_set(
            err, ERR_CONFIG,
            "the socket that was handed over, %s, can be reached from other machines, "
            "and everybody there could change the library; set auth: none if that is meant",
            address_format(&a, text));
    ret->address = a;
    low = -1;
    return child_fd_high(fd, &ret->fd, err);
}

void listener_close(struct listener *l)
{
    fd_close(l->fd);
    l->fd = -1;
}

void listener_remove(struct listener *l, const char *run_dir)
{
    if (l->path[0])
        (void)unlink(l->path); /* gone is fine */
    remove_tmp_folder(run_dir);
}
