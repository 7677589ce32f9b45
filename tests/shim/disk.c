/*
 * A shim of the tests (LD_PRELOAD): makes the disk fail, and the wall clock jump, while a file says so.
 *
 * LB_SHIM names a file. Its line "fail <errno> <part of a path>" makes every write, sync and growth of files whose path
 * has that part fail with that number; its line "shift <seconds>" moves CLOCK_REALTIME. It is read again when it has
 * changed, at most every 50 ms.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 50000000L

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct timespec looked;
static int fail_errno;
static char fail_part[256];
static long long shift_s;

static int (*real_gettime)(clockid_t, struct timespec *);

static void find_gettime(void)
{
    if (!real_gettime)
        real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

static void look(void)
{
    struct timespec now;
    const char *path = getenv("LB_SHIM");
    find_gettime();
    (void)real_gettime(CLOCK_MONOTONIC, &now);
    if (!path ||
        (now.tv_sec - looked.tv_sec) * 1000000000L + now.tv_nsec - looked.tv_nsec < LOOK_NS)
        return;
    looked = now;
    fail_errno = 0;
    shift_s = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    char line[400];
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "fail %d %255s", &fail_errno, fail_part) == 2)
            continue;
        (void)sscanf(line, "shift %lld", &shift_s);
    }
    (void)fclose(f);
}

/* The errno that a change of this file shall end with, or 0. */
static int failing(int fd)
{
    char link[40], path[512];
    (void)pthread_mutex_lock(&lock);
    look();
    int ret = fail_errno;
    if (ret) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        if (!strstr(path, fail_part))
            ret = 0;
    }
    (void)pthread_mutex_unlock(&lock);
    return ret;
}

#define SHIM(type, name, fd, params, args)                                                         \
    type name params;                                                                              \
    type name params                                                                               \
    {                                                                                              \
        static type(*real) params;                                                                 \
        if (!real)                                                                                 \
            real = (type(*) params)dlsym(RTLD_NEXT, #name);                                        \
        int why = failing(fd);                                                                     \
        if (why) {                                                                                 \
            errno = why;                                                                           \
            return -1;                                                                             \
        }                                                                                          \
        return real args;                                                                          \
    }

SHIM(ssize_t, pwrite, fd, (int fd, const void *b, size_t n, off_t at), (fd, b, n, at))
SHIM(ssize_t, pwrite64, fd, (int fd, const void *b, size_t n, off64_t at), (fd, b, n, at))
SHIM(int, fsync, fd, (int fd), (fd))
SHIM(int, fdatasync, fd, (int fd), (fd))
SHIM(int, ftruncate, fd, (int fd, off_t n), (fd, n))
SHIM(int, ftruncate64, fd, (int fd, off64_t n), (fd, n))
/* "fail 28 inotify": the kernel's limit of watches is reached. */
SHIM(int, inotify_add_watch, fd, (int fd, const char *path, uint32_t mask), (fd, path, mask))

/* A disk that answers EROFS says so when it is asked, too. */
int statvfs(const char *path, struct statvfs *ret)
{
    static int (*real)(const char *, struct statvfs *);
    if (!real)
        real = (int (*)(const char *, struct statvfs *))dlsym(RTLD_NEXT, "statvfs");
    int rc = real(path, ret);
    (void)pthread_mutex_lock(&lock);
    look();
    if (rc == 0 && fail_errno == EROFS && strstr(path, fail_part))
        ret->f_flag |= ST_RDONLY;
    (void)pthread_mutex_unlock(&lock);
    return rc;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    find_gettime();
    int rc = real_gettime(id, ret);
    if (rc == 0 && id == CLOCK_REALTIME) {
        (void)pthread_mutex_lock(&lock);
        look();
        ret->tv_sec += shift_s;
        (void)pthread_mutex_unlock(&lock);
    }
    return rc;
}
