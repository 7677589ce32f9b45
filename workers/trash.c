#include "trash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "book_copy.h"
#include "fault.h"
#include "log.h"
#include "op_move.h"
#include "path.h"
#include "strbuf.h"

#define QUOTED(path)   log_quote((path), (char[160]){0}, 160)
#define NAME_MAX_BYTES 255
#define TRIES          10000 /* "x (2).cbr" and so on */
#define BUFFER_BYTES   (256u << 10)

/* ------------------------------------------------------------------ folders */

/* The trash folder itself; its own one in the library is made when it is missing and `make`, else ERR_NOT_FOUND. */
static int open_root(const struct trash *t, bool make, int *ret_fd, struct err *err)
{
    if (t->dir && t->dir[0]) {
        *ret_fd = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_fd < 0)
            (void)err_sys(err, ERR_IO, "the trash folder %s", QUOTED(t->dir));
        return *ret_fd < 0 ? -1 : 0;
    }
    if (make && mkdirat(t->library_fd, TRASH_FOLDER, 0777) < 0 && errno != EEXIST)
        return err_sys(err, ERR_IO, "make the trash folder %s/" TRASH_FOLDER, t->library_root);
    *ret_fd = openat(t->library_fd, TRASH_FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd < 0)
        return err_sys(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                       "the trash folder %s/" TRASH_FOLDER, t->library_root);
    return 0;
}

/*
 * The folder of `place` beneath the trash, made when it is missing and `make`, else ERR_NOT_FOUND. No part of it may be
 * a link.
 */
static int open_folder(int root, const char *place, bool make, int *ret_fd, struct err *err)
{
    int dir LB_CLEANUP(fd_close) = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char name[NAME_MAX_BYTES + 1];
    for (const char *end; dir >= 0 && (end = strchr(place, '/')) != NULL; place = end + 1) {
        must((size_t)(end - place) < sizeof(name)); /* each part was that of a real path */
        (void)snprintf(name, sizeof(name), "%.*s", (int)(end - place), place);
        if (make && mkdirat(dir, name, 0777) < 0 && errno != EEXIST)
            return err_sys(err, ERR_IO, "make a folder in the trash, %s", QUOTED(name));
        int next = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return err_sys(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                           "a folder in the trash, %s", QUOTED(name));
        fd_close(dir);
        dir = next;
    }
    if (dir < 0)
        return err_sys(err, ERR_IO, "the trash folder");
    *ret_fd = dir;
    dir = -1;
    return 0;
}

static bool sync_folder(int dir)
{
    int fd LB_CLEANUP(fd_close) = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS);
}

/* ------------------------------------------------------------------ names */

/* folders/<stem> (n)<extension>, n = 1 without the number; the stem is cut where the name would be too long. */
static char *numbered(const char *path, int n)
{
    const char *base = path_base(path), *extension = path_extension(base);
    size_t stem = (size_t)(extension - base);
    char number[24] = "";
    if (n > 1)
        (void)snprintf(number, sizeof(number), " (%d)", n);
    while (stem > 0 && stem + strlen(number) + strlen(extension) > NAME_MAX_BYTES)
        for (stem--; stem > 0 && ((unsigned char)base[stem] & 0xc0) == 0x80;)
            stem--;
    struct strbuf b = {0};
    strbuf_add(&b, path, (size_t)(base - path) + stem);
    strbuf_adds(&b, number);
    strbuf_adds(&b, extension);
    return strbuf_take(&b);
}

char *trash_absolute(const struct trash *t, const char *place)
{
    struct strbuf b = {0};
    if (t->dir && t->dir[0])
        strbuf_addf(&b, "%s/%s", t->dir, place);
    else
        strbuf_addf(&b, "%s/" TRASH_FOLDER "/%s", t->library_root, place);
    return strbuf_take(&b);
}

int trash_plan(const struct trash *t, const char *path, char **ret, struct err *err)
{
    int root LB_CLEANUP(fd_close) = -1, dir LB_CLEANUP(fd_close) = -1;
    struct stat st;
    if (open_root(t, false, &root, err) < 0 || open_folder(root, path, false, &dir, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        *err = (struct err){0};
        *ret = mem_strdup(path);
        return 0;
    }
    for (int n = 1; n <= TRIES; n++) {
        char *place LB_CLEANUP(mem_free) = numbered(path, n);
        if (fstatat(dir, path_base(place), &st, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (errno != ENOENT)
            return err_sys(err, ERR_IO, "look for %s in the trash", QUOTED(place));
        *ret = place;
        place = NULL;
        return 0;
    }
    return err_set(err, ERR_LIMIT, "%d files named like %s are in the trash; empty it", TRIES,
                   QUOTED(path));
}

/* ------------------------------------------------------------------ another file system */

static int read_at(int fd, char *buf, size_t len, off_t at, size_t *ret, struct err *err)
{
    for (*ret = 0; *ret < len;) {
        ssize_t n = pread(fd, buf + *ret, len - *ret, at + (off_t)*ret);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "read a file on its way into the trash");
        if (n == 0)
            break;
        *ret += (size_t)n;
    }
    return 0;
}

static int copy_bytes(int from, int to, struct err *err)
{
    char *buf LB_CLEANUP(mem_free) = mem_new(BUFFER_BYTES);
    off_t at = 0;
    size_t n;
    do {
        if (read_at(from, buf, BUFFER_BYTES, at, &n, err) < 0)
            return -1;
        for (size_t done = 0; done < n;) {
            ssize_t w = pwrite(to, buf + done, n - done, at + (off_t)done);
            if (w < 0 && errno == EINTR)
                continue;
            if (w < 0)
                return err_sys(err, ERR_IO, "copy into the trash folder");
            done += (size_t)w;
        }
        at += (off_t)n;
    } while (n == BUFFER_BYTES);
    return 0;
}

/* Do two open files hold the same bytes? 1, 0, or -1. */
static int same_bytes(int a, int b, struct err *err)
{
    char *x LB_CLEANUP(mem_free) = mem_new(BUFFER_BYTES);
    char *y LB_CLEANUP(mem_free) = mem_new(BUFFER_BYTES);
    size_t n, m;
    off_t at = 0;
    do {
        if (read_at(a, x, BUFFER_BYTES, at, &n, err) < 0 ||
            read_at(b, y, BUFFER_BYTES, at, &m, err) < 0)
            return -1;
        if (n != m || memcmp(x, y, n) != 0)
            return 0;
        at += (off_t)n;
    } while (n == BUFFER_BYTES);
    return 1;
}

/* Is to_dir/name the whole copy of `fd` that a crash left before the old one was removed? 1, 0, -1. */
static int is_own_copy(int fd, const struct stat *st, int to_dir, const char *name, struct err *err)
{
    int copy LB_CLEANUP(fd_close) =
        openat(to_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat other;
    if (copy < 0 || fstat(copy, &other) < 0 || !S_ISREG(other.st_mode) ||
        other.st_size != st->st_size || other.st_dev == st->st_dev)
        return 0;
    return same_bytes(fd, copy, err);
}

/* Makes the temporary copy; its name is that of the book's inode, so a leftover is used again. */
static int make_copy(int fd, const struct stat *st, int to_dir, const char *temp, struct err *err)
{
    int to LB_CLEANUP(fd_close) =
        openat(to_dir, temp, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    struct err kept = {0};
    if (to < 0)
        return err_sys(err, ERR_IO, "write into the trash folder");
    if (flock(to, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "the file is just being moved by another one; try again");
    if (ftruncate(to, 0) < 0)
        return err_sys(err, ERR_IO, "write into the trash folder");
    if (copy_bytes(fd, to, err) < 0)
        return -1;
    (void)!book_copy_attributes(fd, st, to, &kept); /* what the other file system can keep */
    (void)futimens(to, (struct timespec[]){st->st_atim, st->st_mtim});
    if (fsync(to) < 0)
        return err_sys(err, ERR_IO, "sync the copy in the trash folder");
    int same = same_bytes(fd, to, err);
    if (same == 0)
        return err_set(err, ERR_IO, "the copy in the trash is not the same; the file stays");
    return same < 0 ? -1 : 0;
}

/* 1 = the copy stands at its name, 0 = the name is taken. */
static int copy_over(int fd, const struct stat *st, int to_dir, const char *name, struct err *err)
{
    char temp[64];
    int rc = is_own_copy(fd, st, to_dir, name, err);
    if (rc != 0)
        return rc;
    (void)snprintf(temp, sizeof(temp), ".longbox-trash-%llx-%llx.tmp",
                   (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
    rc = make_copy(fd, st, to_dir, temp, err);
    fault_hit("trash_copied");
    enum move_outcome outcome = MOVE_TAKEN;
    if (rc == 0)
        rc = op_move(to_dir, temp, to_dir, name, true, &outcome, err);
    if (rc < 0 || outcome != MOVE_DONE)
        (void)unlinkat(to_dir, temp, 0); /* a leftover is used again */
    return rc < 0 ? -1 : outcome == MOVE_DONE;
}

/* 1 = moved, 0 = taken. */
static int move_by_copy(int dir, const char *base, int to_dir, const char *name, struct err *err)
{
    struct stat st, now;
    int fd LB_CLEANUP(fd_close) = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, ERR_IO, "read %s", QUOTED(base));
    int rc = copy_over(fd, &st, to_dir, name, err);
    if (rc <= 0)
        return rc;
    fault_hit("trash_copy_named");
    if (fstat(fd, &now) < 0 || now.st_size != st.st_size ||
        now.st_mtim.tv_sec != st.st_mtim.tv_sec || now.st_mtim.tv_nsec != st.st_mtim.tv_nsec)
        return err_set(err, ERR_BUSY, "%s was changed while it was copied; try again",
                       QUOTED(base));
    if (unlinkat(dir, base, 0) < 0 && errno != ENOENT)
        return err_sys(err, ERR_IO, "remove %s after it was copied", QUOTED(base));
    (void)sync_folder(dir);
    return 1;
}

/* ------------------------------------------------------------------ moving */

/* Where a book is, and where it goes. */
struct way {
    int dir, to_dir;
    const char *base, *name;
    bool gone; /* it was moved by an earlier call */
};

static void way_clear(struct way *w)
{
    fd_close(w->dir);
    fd_close(w->to_dir);
}
LB_DEFINE_CLEANUP(struct way, way_clear)

static int find_way(const struct trash *t, const char *path, const char *place, struct way *w,
                    struct err *err)
{
    int root LB_CLEANUP(fd_close) = -1;
    struct stat st;
    w->name = path_base(place);
    if (open_root(t, true, &root, err) < 0 || open_folder(root, place, true, &w->to_dir, err) < 0 ||
        path_open_parent(t->library_fd, path, &w->dir, &w->base, err) < 0)
        return -1;
    if (fstatat(w->dir, w->base, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        w->gone = errno == ENOENT && fstatat(w->to_dir, w->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        return w->gone ? 0 : err_set(err, ERR_NOT_FOUND, "File not found: %s", QUOTED(path));
    }
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_BOOK, "%s is no regular file: it is not moved", QUOTED(path));
    return 0;
}

int trash_move(const struct trash *t, const char *path, const char *place, bool *ret_taken,
               struct err *err)
{
    struct way w LB_CLEANUP(way_clear) = {.dir = -1, .to_dir = -1};
    enum move_outcome outcome;
    *ret_taken = false;
    if (find_way(t, path, place, &w, err) < 0)
        return -1;
    if (w.gone)
        return 0;
    if (op_move(w.dir, w.base, w.to_dir, w.name, true, &outcome, err) < 0)
        return err_wrap(err, "move %s into the trash", QUOTED(path));
    int rc = outcome == MOVE_DONE;
    if (outcome == MOVE_CROSS_DEVICE)
        rc = move_by_copy(w.dir, w.base, w.to_dir, w.name, err);
    if (rc < 0)
        return -1;
    *ret_taken = rc == 0;
    fault_hit("trash_moved");
    return 0;
}

static bool is_same_file(int dir, const char *base, int to_dir, const char *name)
{
    struct stat a, b;
    return fstatat(dir, base, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(to_dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

int trash_keep(const struct trash *t, const char *path, const char *place, bool *ret_taken,
               struct err *err)
{
    struct way w LB_CLEANUP(way_clear) = {.dir = -1, .to_dir = -1};
    struct stat st;
    *ret_taken = false;
    if (find_way(t, path, place, &w, err) < 0)
        return -1;
    if (w.gone || linkat(w.dir, w.base, w.to_dir, w.name, 0) == 0 ||
        (errno == EEXIST && is_same_file(w.dir, w.base, w.to_dir, w.name))) {
        (void)sync_folder(w.to_dir);
        fault_hit("trash_kept");
        return 0;
    }
    bool is_there =
        errno == EEXIST; /* perhaps our own copy; else another file system, or one without links */
    int fd LB_CLEANUP(fd_close) =
        openat(w.dir, w.base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, ERR_IO, "read %s", QUOTED(path));
    int rc = is_there ? is_own_copy(fd, &st, w.to_dir, w.name, err)
                      : copy_over(fd, &st, w.to_dir, w.name, err);
    *ret_taken = rc == 0;
    fault_hit("trash_kept");
    return rc < 0 ? -1 : 0;
}

int trash_put(const struct trash *t, const char *path, char **ret, struct err *err)
{
    bool taken = true;
    while (taken) {
        char *place LB_CLEANUP(mem_free) = NULL;
        if (trash_plan(t, path, &place, err) < 0 || trash_move(t, path, place, &taken, err) < 0)
            return -1;
        if (!taken)
            *ret = trash_absolute(t, place);
    }
    return 0;
}
