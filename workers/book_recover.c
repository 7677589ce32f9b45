/* book_recover.c - a book whose settle was interrupted: what state is it in, and how does it become whole? */
#include "book.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "book_parts.h"
#include "fault.h"
#include "path.h"
#include "zip_io.h"

/* Others may have the book open: they get so long before we write beside a reader. */
#define LEASE_TRIES   20
#define LEASE_WAIT_US 50000

/* What a record can say at most: directory, member and zero bytes between, and then some. */
#define TAIL_MAX (ZIP_MAX_DIR_BYTES + (16 << 20))

/* ---- finding the file ---- */

static bool is_it(const struct stat *st, const struct tail_write *w, bool same_boot)
{
    return S_ISREG(st->st_mode) && (int64_t)st->st_ino == w->inode &&
           (!same_boot || (int64_t)st->st_dev == w->device);
}

static bool has_it(int dirfd, const char *name, const struct tail_write *w, bool same_boot)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_it(&st, w, same_boot);
}

/* Looks for the file in the folder under any name; "" = it is not there. *ret_any: the folder has other things. */
static int look_around(int dirfd, const struct tail_write *w, bool same_boot,
                       char ret[NAME_MAX + 1], bool *ret_any, struct err *err)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        return err_sys(err, ERR_IO, "read the book's folder");
    ret[0] = '\0';
    *ret_any = false;
    for (struct dirent *e; !ret[0] && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        *ret_any = true;
        if ((int64_t)e->d_ino == w->inode && has_it(dirfd, e->d_name, w, same_boot))
            (void)snprintf(ret, NAME_MAX + 1, "%s", e->d_name);
    }
    (void)closedir(d);
    return 0;
}

struct place {
    int dirfd;
    char name[NAME_MAX + 1];
};

static void place_clear(struct place *p)
{
    fd_close(p->dirfd);
}
LB_DEFINE_CLEANUP(struct place, place_clear)

/* Is it under this path? *ret is its place then. */
static bool look_at(int root_fd, const char *path, const struct tail_write *w, bool same_boot,
                    struct place *ret)
{
    struct err why = {0};
    const char *base;
    int fd = -1;
    if (!path || path_open_parent(root_fd, path, &fd, &base, &why) < 0)
        return false;
    if (!has_it(fd, base, w, same_boot)) {
        fd_close(fd);
        return false;
    }
    ret->dirfd = fd;
    (void)snprintf(ret->name, sizeof(ret->name), "%s", base);
    return true;
}

/* 1: found. 0: *ret_why says why not. */
static int find(int root_fd, const char *path, const char *target, bool same_boot,
                const struct tail_write *w, struct place *ret, enum book_recovery *ret_why,
                struct err *err)
{
    const char *base;
    bool any = false;
    if (look_at(root_fd, path, w, same_boot, ret) || look_at(root_fd, target, w, same_boot, ret))
        return 1;
    if (path_open_parent(root_fd, path, &ret->dirfd, &base, err) < 0) {
        *ret_why = BOOK_NO_FOLDER;
        return err->code == ERR_IO && err->sys != ENOTDIR ? -1 : 0;
    }
    if (look_around(ret->dirfd, w, same_boot, ret->name, &any, err) < 0)
        return -1;
    if (ret->name[0])
        return 1;
    bool at_root =
        strchr(path, '/') == NULL; /* a mount point without its disk is an empty folder */
    *ret_why = at_root && !any ? BOOK_NO_FOLDER : BOOK_MISSING;
    return 0;
}

/* ---- what state it is in ---- */

enum state { WHOLE, TO_FINISH, TO_TIDY, TO_CUT, UNKNOWN };

static bool makes_sense(const struct tail_write *w)
{
    return w->tail_at >= 0 && w->old_size > w->tail_at && w->tail_len > 0 &&
           w->tail_len <= TAIL_MAX && w->old_size - w->tail_at <= TAIL_MAX &&
           w->append_at >= w->old_size && w->append_at <= INT64_MAX - w->tail_len &&
           w->append_at - w->tail_at >= w->tail_len;
}

/* 1: the bytes have this sum. */
static int has_sum(int fd, int64_t at, int64_t len, int64_t sum, struct err *err)
{
    int64_t got = 0;
    if (book_sum_of(fd, at, len, &got, err) < 0)
        return -1;
    return got == sum;
}

static int judge(int fd, const struct tail_write *w, enum state *ret, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, ERR_IO, "look at the book");
    int64_t size = st.st_size, old_len = w->old_size - w->tail_at;
    int rc = 0;
    *ret = WHOLE;
    if (size == w->tail_at + w->tail_len)
        rc = has_sum(fd, w->tail_at, w->tail_len, w->place_sum, err);
    if (rc == 0 && size == w->old_size)
        rc = has_sum(fd, w->tail_at, old_len, w->old_sum, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    *ret = TO_FINISH;
    if (size == w->append_at + w->tail_len)
        rc = has_sum(fd, w->append_at, w->tail_len, w->append_sum, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    /* In its place, and the file about to be cut. That clears the rest of the last block, with a part of what
     * was appended, and may reach the disk before the new length does. */
    *ret = TO_TIDY;
    if (size > w->tail_at + w->tail_len && size <= w->append_at + w->tail_len)
        rc = has_sum(fd, w->tail_at, w->tail_len, w->place_sum, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    *ret = TO_CUT;
    if (size > w->old_size && size <= w->append_at + w->tail_len)
        rc = has_sum(fd, w->tail_at, old_len, w->old_sum, err);
    if (rc == 0)
        *ret = UNKNOWN;
    return rc < 0 ? -1 : 0;
}

/* ---- making it whole ---- */

/* Has nobody it open for writing, as far as can be known? */
static bool only_readers(const struct place *p)
{
    int fd LB_CLEANUP(fd_close) =
        openat(p->dirfd, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && (fcntl(fd, F_SETLEASE, F_RDLCK) == 0 || errno != EAGAIN);
}

/* Opens it for writing, alone if that can be had, else beside readers. */
static int open_alone(const struct place *p, int *ret, struct err *err)
{
    bool writer = false;
    for (int i = 0; i <= LEASE_TRIES; i++) {
        int fd = openat(p->dirfd, p->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno != EWOULDBLOCK)
            return err_sys(err, ERR_IO, "open the book to write into it");
        bool waits = fd < 0 || (!book_lease_take(fd) && errno == EAGAIN);
        if (!waits || (i == LEASE_TRIES && fd >= 0 && !writer)) {
            *ret = fd;
            return 0;
        }
        fd_close(fd);
        (void)usleep(LEASE_WAIT_US);
        writer = !only_readers(p);
    }
    return err_set(err, ERR_BUSY, "another program has the book open");
}

/* From the tail that is whole: as it was appended, or in its place already. */
static int finish(int fd, const struct tail_write *w, bool placed, enum book_recovery *ret,
                  struct err *err)
{
    struct strbuf tail LB_CLEANUP(strbuf_clear) = {0};
    size_t len = (size_t)w->tail_len;
    unsigned char *bytes = (unsigned char *)strbuf_reserve(&tail, len);
    *ret = BOOK_MISFIT;
    if (zip_pread(fd, bytes, len, (uint64_t)(placed ? w->tail_at : w->append_at), err) < 0)
        return -1;
    if (!placed && !zip_tail_move(bytes, len, (uint64_t)w->append_at, (uint64_t)w->tail_at))
        return 0;
    if (book_sum(bytes, len) != w->place_sum)
        return 0;
    if (book_settle_put_in_place(fd, w, bytes, err) < 0)
        return -1;
    *ret = BOOK_FINISHED;
    return 0;
}

static int make_whole(const struct place *p, const struct tail_write *w, enum book_recovery *ret,
                      struct err *err)
{
    int fd LB_CLEANUP(fd_close) = -1;
    struct stat st;
    enum state state;
    if (open_alone(p, &fd, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0 || judge(fd, w, &state, err) < 0)
        return err->code ? -1 : err_sys(err, ERR_IO, "look at the book");
    *ret = state == WHOLE ? BOOK_WAS_WHOLE : BOOK_MISFIT;
    if ((int64_t)st.st_ino != w->inode || state == WHOLE || state == UNKNOWN)
        return 0;
    fault_hit("book_recover_judged");
    if (state == TO_FINISH || state == TO_TIDY)
        return finish(fd, w, state == TO_TIDY, ret, err);
    if (!book_settle_cut_back(fd, w))
        return err_sys(err, ERR_IO, "cut the book back to its old length");
    fault_hit("book_recover_cut");
    *ret = BOOK_CUT_BACK;
    return 0;
}

int book_recover(int root_fd, const char *path, const char *target, bool same_boot,
                 const struct tail_write *w, enum book_recovery *ret, struct err *err)
{
    struct place p LB_CLEANUP(place_clear) = {.dirfd = -1};
    int fd LB_CLEANUP(fd_close) = -1;
    enum state state;
    if (!makes_sense(w)) {
        *ret = BOOK_MISFIT;
        return 0;
    }
    int rc = find(root_fd, path, target, same_boot, w, &p, ret, err);
    if (rc <= 0)
        return rc;
    fd = openat(p.dirfd, p.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno == EWOULDBLOCK ? ERR_BUSY : ERR_IO, "open the book");
    if (judge(fd, w, &state, err) < 0)
        return err->code == ERR_BOOK ? err_set(err, ERR_BUSY, "the book is being changed") : -1;
    *ret = state == WHOLE ? BOOK_WAS_WHOLE : BOOK_MISFIT;
    if (state == WHOLE || state == UNKNOWN)
        return 0;
    fd_close(fd); /* or it would be in the way of our own lease */
    fd = -1;
    return make_whole(&p, w, ret, err);
}
