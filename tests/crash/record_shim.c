/*
 * Preloaded into a server under test: writes down what it changes on the disk, in the order in which that happened over
 * all its processes, for tests that model a loss of power.
 *
 * LB_RECORD=FILE: the record. LB_RECORD_ROOTS=DIR:DIR: what is recorded. One record is a header (struct record), the
 * path, a second path, and the bytes. The change and its record are one step, behind a lock that all processes share,
 * so a record that is there before an answer was read stands for a change that was made before it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {
    char
        kind; /* C made, W written, T cut to offset, S file synced, Y folder synced, R renamed, U removed, L linked */
    char pad[3];
    uint32_t path_len, path2_len, data_len;
    uint64_t ino, offset;
    int64_t mtime_ns;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record_fd = -1;
static pid_t record_pid; /* a child opens the record again: a lock belongs to an open file */

#define REAL(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, name)

static void enter(void)
{
    REAL(int, "open", const char *, int, ...);
    pthread_mutex_lock(&lock);
    if (record_fd < 0 || record_pid != getpid()) {
        const char *path = getenv("LB_RECORD");
        int fd = path ? real(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
        record_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 500) : -1; /* out of the way of others */
        if (fd >= 0)
            (void)close(fd);
        record_pid = getpid();
    }
    while (record_fd >= 0 && flock(record_fd, LOCK_EX) < 0 && errno == EINTR)
        ;
}

static void leave(void)
{
    int saved = errno;
    if (record_fd >= 0)
        (void)flock(record_fd, LOCK_UN);
    pthread_mutex_unlock(&lock);
    errno = saved;
}

static bool inside(const char *path)
{
    const char *roots = getenv("LB_RECORD_ROOTS");
    while (roots && *roots) {
        size_t n = strcspn(roots, ":");
        if (strncmp(path, roots, n) == 0 && (path[n] == '/' || path[n] == '\0'))
            return true;
        roots += n + (roots[n] == ':');
    }
    return false;
}

static void put(struct record r, const char *path, const char *path2, const void *data)
{
    ssize_t (*real_writev)(int, const struct iovec *, int);
    *(void **)&real_writev = dlsym(RTLD_NEXT, "writev");
    r.path_len = (uint32_t)strlen(path);
    r.path2_len = path2 ? (uint32_t)strlen(path2) : 0;
    struct iovec v[] = {{&r, sizeof(r)},
                        {(void *)path, r.path_len},
                        {(void *)(path2 ? path2 : ""), r.path2_len},
                        {(void *)data, r.data_len}};
    if (record_fd >= 0 && real_writev(record_fd, v, 4) < 0)
        abort();
}

/* The path of a descriptor that is recorded; false for all others. */
static bool known(int fd, char *ret, size_t size, struct stat *st)
{
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, ret, size - 1);
    if (n <= 0)
        return false;
    ret[n] = '\0';
    return inside(ret) && fstat(fd, st) == 0;
}

static bool full_path(int dir, const char *name, char *ret, size_t size)
{
    char base[4096] = "";
    if (name[0] != '/') {
        char link[64];
        (void)snprintf(link, sizeof(link), dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
                       dir);
        ssize_t n = readlink(link, base, sizeof(base) - 1);
        if (n <= 0)
            return false;
        base[n] = '\0';
    }
    return snprintf(ret, size, "%s%s%s", base, base[0] ? "/" : "", name) < (int)size && inside(ret);
}

static void fd_record(char kind, int fd, uint64_t offset, const void *data, size_t len)
{
    char path[8192];
    struct stat st;
    if (!known(fd, path, sizeof(path), &st))
        return;
    if (S_ISDIR(st.st_mode))
        put((struct record){.kind = 'Y'}, path, NULL, NULL);
    else if (S_ISREG(st.st_mode))
        put((struct record){.kind = kind,
                            .ino = st.st_ino,
                            .offset = offset,
                            .data_len = (uint32_t)len,
                            .mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec},
            path, NULL, data);
}

/* Runs `call`, and writes it down when it did something. */
#define STEP(type, call, good, note)                                                               \
    enter();                                                                                       \
    type rc = (call);                                                                              \
    int saved = errno;                                                                             \
    if (good)                                                                                      \
        note;                                                                                      \
    errno = saved;                                                                                 \
    leave();                                                                                       \
    return rc

static bool worth(int fd)
{
    char path[8192];
    struct stat st;
    return known(fd, path, sizeof(path), &st);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    STEP(ssize_t, real(fd, buf, n, at), rc > 0, fd_record('W', fd, (uint64_t)at, buf, (size_t)rc));
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off_t at)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    STEP(ssize_t, real(fd, buf, n, at), rc > 0, fd_record('W', fd, (uint64_t)at, buf, (size_t)rc));
}

ssize_t write(int fd, const void *buf, size_t n)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!worth(fd))
        return real(fd, buf, n);
    STEP(ssize_t, real(fd, buf, n), rc > 0,
         fd_record('W', fd, (uint64_t)(lseek(fd, 0, SEEK_CUR) - rc), buf, (size_t)rc));
}

static void copied(int to, off_t at, size_t n)
{
    char *bytes = malloc(n);
    if (!bytes || pread(to, bytes, n, at) != (ssize_t)n)
        abort();
    fd_record('W', to, (uint64_t)at, bytes, n);
    free(bytes);
}

ssize_t copy_file_range(int from, off64_t *in, int to, off64_t *out, size_t n, unsigned flags)
{
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    STEP(ssize_t, real(from, in, to, out, n, flags), rc > 0,
         copied(to, (out ? *out : lseek(to, 0, SEEK_CUR)) - rc, (size_t)rc));
}

int ftruncate(int fd, off_t n)
{
    REAL(int, "ftruncate", int, off_t);
    STEP(int, real(fd, n), rc == 0, fd_record('T', fd, (uint64_t)n, NULL, 0));
}

int ftruncate64(int fd, off64_t n)
{
    REAL(int, "ftruncate64", int, off64_t);
    STEP(int, real(fd, n), rc == 0, fd_record('T', fd, (uint64_t)n, NULL, 0));
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    STEP(int, real(fd), rc == 0, fd_record('S', fd, 0, NULL, 0));
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    STEP(int, real(fd), rc == 0, fd_record('S', fd, 0, NULL, 0));
}

static void moved(char kind, const char *from, const char *to)
{
    struct stat st = {0};
    (void)lstat(to, &st);
    put((struct record){.kind = kind, .ino = st.st_ino}, from, to, NULL);
}

int renameat2(int dir, const char *name, int to_dir, const char *to_name, unsigned flags)
{
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    char from[8192], to[8192];
    bool both =
        full_path(dir, name, from, sizeof(from)) && full_path(to_dir, to_name, to, sizeof(to));
    STEP(int, real(dir, name, to_dir, to_name, flags), rc == 0 && both, moved('R', from, to));
}

int renameat(int dir, const char *name, int to_dir, const char *to_name)
{
    return renameat2(dir, name, to_dir, to_name, 0);
}

int rename(const char *name, const char *to_name)
{
    return renameat2(AT_FDCWD, name, AT_FDCWD, to_name, 0);
}

int linkat(int dir, const char *name, int to_dir, const char *to_name, int flags)
{
    REAL(int, "linkat", int, const char *, int, const char *, int);
    char from[8192], to[8192];
    bool both =
        full_path(dir, name, from, sizeof(from)) && full_path(to_dir, to_name, to, sizeof(to));
    STEP(int, real(dir, name, to_dir, to_name, flags), rc == 0 && both, moved('L', from, to));
}

int unlinkat(int dir, const char *name, int flags)
{
    REAL(int, "unlinkat", int, const char *, int);
    char path[8192];
    bool ours = full_path(dir, name, path, sizeof(path));
    STEP(int, real(dir, name, flags), rc == 0 && ours,
         put((struct record){.kind = 'U'}, path, NULL, NULL));
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

/* Only opens that may make or empty a file matter. */
static int opened(int dir, const char *name, int flags, mode_t mode)
{
    REAL(int, "openat", int, const char *, int, ...);
    char path[8192];
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE ||
        !full_path(dir, name, path, sizeof(path)))
        return real(dir, name, flags, mode);
    enter();
    bool was_there = faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = real(dir, name, flags, mode);
    int saved = errno;
    if (fd >= 0 && !was_there)
        fd_record('C', fd, 0, NULL, 0);
    else if (fd >= 0 && (flags & O_TRUNC))
        fd_record('T', fd, 0, NULL, 0);
    errno = saved;
    leave();
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = mode_of(flags, args);                                                        \
        va_end(args);                                                                              \
        return opened(AT_FDCWD, path, flags, mode);                                                \
    }
#define OPENAT(name)                                                                               \
    int name(int dir, const char *path, int flags, ...)                                            \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = mode_of(flags, args);                                                        \
        va_end(args);                                                                              \
        return opened(dir, path, flags, mode);                                                     \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
