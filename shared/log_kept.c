#include "log_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* Between two looks at the length, of our own lines; and at the name, because others rename it too. */
#define LOOK_BYTES 16384
#define LOOK_MS    1000

static int kept_fd = -1;
static char kept_path[PATH_MAX], older_path[PATH_MAX];
static const _Atomic int64_t *limit;
static _Atomic int64_t written, looked_ms; /* since the last look, and when that was */
static atomic_flag looking = ATOMIC_FLAG_INIT;

const char *log_kept_path(const char *state_dir, bool older, char ret[PATH_MAX])
{
    int n = snprintf(ret, PATH_MAX, "%s/log/longbox.log%s", state_dir, older ? ".1" : "");
    if (n >= PATH_MAX) /* then opening it says so */
        ret[PATH_MAX - 1] = '\0';
    return ret;
}

static int open_kept(void)
{
    return open(kept_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int log_keep(const char *state_dir, const _Atomic int64_t *max_bytes, struct err *err)
{
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof(folder), "%s/log", state_dir) >= (int)sizeof(folder))
        return err_set(err, ERR_CONFIG, "key 'state_dir': the whole path is too long");
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_sys(err, ERR_IO, "make the folder %s", LOG_QUOTE(folder));
    (void)log_kept_path(state_dir, false, kept_path);
    (void)log_kept_path(state_dir, true, older_path);
    limit = max_bytes;
    int fd = open_kept();
    if (fd < 0)
        return err_sys(err, ERR_IO, "open the log %s", LOG_QUOTE(kept_path));
    kept_fd = fd;
    return 0;
}

/* The number of the descriptor stays, so that other threads may write meanwhile. */
static void open_anew(void)
{
    int fd LB_CLEANUP(fd_close) = open_kept();
    if (fd >= 0)
        (void)dup3(fd, kept_fd, O_CLOEXEC);
}

/* Another process may have renamed ours, so that we write to the older file; only the first renames. */
static void look(void)
{
    struct stat ours, named;
    if (fstat(kept_fd, &ours) < 0)
        return;
    bool is_current = stat(kept_path, &named) == 0 && named.st_ino == ours.st_ino;
    if (is_current && ours.st_size < *limit / 2)
        return;
    if (is_current) {
        if (flock(kept_fd, LOCK_EX | LOCK_NB) < 0)
            return; /* somebody is at it */
        if (stat(kept_path, &named) == 0 && named.st_ino == ours.st_ino)
            (void)rename(kept_path, older_path);
    }
    open_anew(); /* the lock goes with the old one */
}

void log_kept_write(const char *line, size_t len)
{
    if (kept_fd < 0)
        return;
    ssize_t n = write(kept_fd, line, len);
    (void)n; /* a log that cannot be written must not stop the work */
    int64_t now_ms = clock_mono_ms();
    bool due = atomic_fetch_add(&written, (int64_t)len) + (int64_t)len >= LOOK_BYTES ||
               now_ms - looked_ms >= LOOK_MS;
    if (!due || atomic_flag_test_and_set(&looking))
        return;
    written = 0;
    looked_ms = now_ms;
    look();
    atomic_flag_clear(&looking);
}
