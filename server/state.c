#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "log.h"

/* mkdir -p; what is made belongs to us alone. */
static int make_folders(const char *path, struct err *err)
{
    char part[STATE_RUN_SIZE];
    struct stat st;
    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char was = *p;
        *p = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return err_sys(err, ERR_IO, "make the folder %s", LOG_QUOTE(part));
        *p = was;
        if (was == '\0')
            break;
    }
    if (stat(path, &st) < 0)
        return err_sys(err, ERR_IO, "folder %s", LOG_QUOTE(path));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_IO, "%s is not a folder", LOG_QUOTE(path));
    if (access(path, R_OK | W_OK | X_OK) < 0)
        return err_sys(err, ERR_IO, "folder %s", LOG_QUOTE(path));
    return 0;
}

static int open_lock(const struct state *s, const char *name, int *ret, struct err *err)
{
    char path[STATE_RUN_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/%s", s->run_dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(err, ERR_IO, "open %s", LOG_QUOTE(path));
    return child_fd_high(fd, ret, err);
}

static int take_master_lock(struct state *s, const char *state_dir, struct err *err)
{
    char pid[32] = "";
    if (open_lock(s, "longboxd.lock", &s->master_lock, err) < 0)
        return -1;
    if (flock(s->master_lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return err_sys(err, ERR_IO, "lock %s", LOG_QUOTE(s->run_dir));
        ssize_t n = pread(s->master_lock, pid, sizeof(pid) - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        return err_set(err, ERR_CONFLICT, "state folder %s is in use by longboxd with pid %s",
                       LOG_QUOTE(state_dir), pid[0] ? pid : "unknown");
    }
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(s->master_lock, 0) < 0 || pwrite(s->master_lock, pid, (size_t)len, 0) != len)
        return err_sys(err, ERR_IO, "write the lock file in %s", LOG_QUOTE(s->run_dir));
    return 0;
}

static int take_workers_lock(struct state *s, int64_t wait_s, struct err *err)
{
    int64_t end_ms = clock_boot_ms() + wait_s * 1000;
    bool said = false;
    if (open_lock(s, "workers.lock", &s->workers_lock, err) < 0)
        return -1;
    while (flock(s->workers_lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return err_sys(err, ERR_IO, "lock %s", LOG_QUOTE(s->run_dir));
        if (clock_boot_ms() >= end_ms)
            return err_set(
                err, ERR_CONFLICT,
                "workers of an earlier longboxd still run in %s after %lld s; end them first",
                LOG_QUOTE(s->run_dir), (long long)wait_s);
        if (!said)
            log_warn("old workers", "wait_s=%lld note=\"workers of a dead master still run\"",
                     (long long)wait_s);
        said = true;
        struct timespec ts = {.tv_nsec = 50 * 1000000};
        (void)nanosleep(&ts, NULL); /* a signal only makes it shorter */
    }
    return 0;
}

int state_open(const char *state_dir, int64_t wait_s, struct state *ret, struct err *err)
{
    *ret = (struct state){.master_lock = -1, .workers_lock = -1};
    (void)snprintf(ret->run_dir, sizeof(ret->run_dir), "%s/run", state_dir);
    if (make_folders(ret->run_dir, err) < 0 || take_master_lock(ret, state_dir, err) < 0 ||
        take_workers_lock(ret, wait_s, err) < 0) {
        state_close(ret);
        return -1;
    }
    return 0;
}

void state_close(struct state *s)
{
    fd_close(s->workers_lock);
    fd_close(s->master_lock);
    s->workers_lock = s->master_lock = -1;
}
