#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "log.h"

/* Is what we have locked still what the path names? A master that ends removes its file. */
static bool is_current(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

static int open_locked(const char *path, int *ret, struct err *err)
{
    for (;;) {
        int fd LB_CLEANUP(fd_close) =
            open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        if (fd < 0)
            return err_sys(err, ERR_IO, "pid file %s", LOG_QUOTE(path));
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            char pid[32] = "";
            if (errno != EWOULDBLOCK)
                return err_sys(err, ERR_IO, "lock the pid file %s", LOG_QUOTE(path));
            ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
            pid[n > 0 ? n : 0] = '\0';
            pid[strspn(pid, "0123456789")] = '\0';
            return err_set(err, ERR_CONFLICT, "pid file %s is in use by the process with pid %s",
                           LOG_QUOTE(path), pid[0] ? pid : "unknown");
        }
        if (!is_current(fd, path))
            continue;
        int low = fd;
        fd = -1;
        return child_fd_high(low, ret, err); /* the lock goes with it */
    }
}

int pidfile_open(const char *path, struct pidfile *ret, struct err *err)
{
    char text[32];
    *ret = (struct pidfile){.fd = -1};
    if (path[0] == '\0')
        return 0;
    if (open_locked(path, &ret->fd, err) < 0)
        return -1;
    (void)snprintf(ret->path, sizeof(ret->path), "%s", path);
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(ret->fd, 0) < 0 || pwrite(ret->fd, text, (size_t)len, 0) != len) {
        (void)err_sys(err, ERR_IO, "write the pid file %s", LOG_QUOTE(path));
        pidfile_close(ret);
        return -1;
    }
    return 0;
}

void pidfile_close(struct pidfile *p)
{
    if (p->fd < 0)
        return;
    (void)unlink(p->path); /* while we hold the lock: it is ours */
    fd_close(p->fd);
    p->fd = -1;
}
