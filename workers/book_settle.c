/*
 * book_settle.c - a new tail in place: appended first, then written where it belongs, then the file is cut.
 *
 * At every moment the file holds a whole directory, the old one or the new one, except while the tail is being
 * appended, when all old bytes are still there. The order of the syncs is what makes this true when the power goes.
 */
#include "book.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "book_copy.h"
#include "book_parts.h"
#include "fault.h"
#include "zip_io.h"

/* A longer comment would push an old end record out of the 64 KiB in which readers look for it while we append. */
#define COMMENT_MAX 1024
#define FNV_BASIS   0xcbf29ce484222325u /* FNV-1a, 64 bits */
#define FNV_PRIME   0x100000001b3u

/* CRC-32 and, as the lower half, another sum of quite another kind: a chance of 2^-64 to be wrong. */
int64_t book_sum(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t h = FNV_BASIS;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * FNV_PRIME;
    uint64_t crc = crc32_z(0, p, len);
    return (int64_t)(crc << 32 | ((h >> 32) ^ (h & UINT32_MAX)));
}

int book_sum_of(int fd, int64_t at, int64_t len, int64_t *ret, struct err *err)
{
    struct strbuf bytes LB_CLEANUP(strbuf_clear) = {0};
    if (zip_pread(fd, strbuf_reserve(&bytes, (size_t)len), (size_t)len, (uint64_t)at, err) < 0)
        return -1;
    *ret = book_sum(bytes.data, (size_t)len);
    return 0;
}

/* Who opens the file makes the kernel tell us, by a signal that does nothing: we are done in a moment anyway. */
bool book_lease_take(int fd)
{
    return fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
}

void book_lease_give_back(int fd)
{
    (void)fcntl(fd, F_SETLEASE, F_UNLCK); /* closing the file does it too */
}

void book_settle_clear(struct book_settle *s)
{
    strbuf_clear(&s->place);
    strbuf_clear(&s->append);
}

static bool drops_more_than_one(const struct zip *z, const bool *drop)
{
    size_t n = 0;
    for (size_t i = 0; i < z->n; i++)
        n += drop[i];
    return n > 1; /* readers disagree on which one counts: once through the copy */
}

/* Does the archive allow it? What stands before the place of the tail must be sound, and nothing may move. */
static bool fits(const struct book *b, const bool *drop, const struct zip_plan *plan,
                 const struct zip_member *m)
{
    const struct zip *z = &b->zip;
    struct err why = {0};
    bool empty = plan->n_kept == 0 && !m; /* no reader takes an empty archive behind something */
    if (empty || !plan->in_place || z->junk_before || z->junk_after ||
        z->comment_len > COMMENT_MAX || b->st.st_nlink != 1 || drops_more_than_one(z, drop))
        return false;
    for (size_t k = z->n; k-- > 0;) { /* the one that goes, and the last one that stays */
        if (zip_check_place(b->fd, z, z->order[k], &why) < 0)
            return false; /* the copy says what is wrong */
        if (!drop[z->order[k]])
            break;
    }
    return true;
}

/* The tail at both places. False: recovery could not make the one from the other (around 4 GiB their forms differ). */
static bool build(const struct book *b, const struct zip_plan *plan, const struct zip_member *m,
                  struct book_settle *s)
{
    struct strbuf moved LB_CLEANUP(strbuf_clear) = {0};
    struct tail_write *w = &s->write;
    zip_tail_build(&b->zip, plan, plan->at, m, &s->place);
    uint64_t end = plan->at + s->place.len;
    uint64_t append_at = end > b->zip.file_size ? end : b->zip.file_size;
    zip_tail_build(&b->zip, plan, append_at, m, &s->append);
    strbuf_add(&moved, s->append.data, s->append.len);
    if (!zip_tail_move((unsigned char *)moved.data, moved.len, append_at, plan->at) ||
        moved.len != s->place.len || memcmp(moved.data, s->place.data, moved.len) != 0)
        return false;
    *w = (struct tail_write){
        .device = (int64_t)b->st.st_dev,
        .inode = (int64_t)b->st.st_ino,
        .old_size = b->st.st_size,
        .old_mtime_ns = b->st.st_mtim.tv_sec * 1000000000LL + b->st.st_mtim.tv_nsec,
        .tail_at = (int64_t)plan->at,
        .append_at = (int64_t)append_at,
        .tail_len = (int64_t)s->place.len,
        .append_sum = book_sum(s->append.data, s->append.len),
        .place_sum = book_sum(s->place.data, s->place.len),
    };
    return true;
}

int book_settle_plan(struct book *b, const bool *drop, const struct zip_member *m,
                     struct book_settle *s, struct err *err)
{
    struct zip_plan plan LB_CLEANUP(zip_plan_clear) = {0};
    struct tail_write *w = &s->write;
    zip_plan_make(&b->zip, drop, &plan);
    if (!fits(b, drop, &plan, m) || !build(b, &plan, m, s))
        return 0;
    if (book_sum_of(b->fd, w->tail_at, w->old_size - w->tail_at, &w->old_sum, err) < 0)
        return -1;
    if (!book_lease_take(b->fd))
        return 0;
    book_lease_give_back(b->fd);
    return 1;
}

static int write_at(int fd, const void *buf, size_t len, int64_t at, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)buf + done, len - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "write into the book");
        done += (size_t)n;
    }
    return 0;
}

static int sync_data(int fd, struct err *err)
{
    return fdatasync(fd) < 0 ? err_sys(err, ERR_IO, "sync the book") : 0;
}

/* Opens the book for writing, in the place of the descriptor that can only read: a lease wants to be alone. */
static int open_to_write(struct book *b, struct err *err)
{
    int fd = openat(b->dirfd, b->base, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && (errno == EWOULDBLOCK || errno == ETXTBSY))
        return 0;
    if (fd < 0)
        return err_sys(err, ERR_IO, "open the book to write into it");
    fd_close(b->fd);
    b->fd = fd;
    return 1;
}

/* The file that was read, and still as it was read. */
static bool is_unchanged(const struct book *b)
{
    struct stat now, named;
    return fstat(b->fd, &now) == 0 &&
           fstatat(b->dirfd, b->base, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           now.st_dev == b->st.st_dev && now.st_ino == b->st.st_ino && named.st_dev == now.st_dev &&
           named.st_ino == now.st_ino && now.st_nlink == 1 && now.st_size == b->st.st_size &&
           now.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec;
}

/* Behind the old end: zeros up to the place, so that all the room is there, then the tail. */
static int append(int fd, const struct book_settle *s, struct err *err)
{
    const struct tail_write *w = &s->write;
    struct strbuf bytes LB_CLEANUP(strbuf_clear) = {0};
    size_t gap = (size_t)(w->append_at - w->old_size);
    memset(strbuf_reserve(&bytes, gap), 0, gap);
    bytes.len += gap;
    strbuf_add(&bytes, s->append.data, s->append.len);
    if (write_at(fd, bytes.data, bytes.len, w->old_size, err) < 0)
        return -1;
    fault_hit("book_appended");
    if (sync_data(fd, err) < 0)
        return -1;
    fault_hit("book_append_synced");
    return 0;
}

static int mismatch(struct err *err)
{
    return err_set(err, ERR_IO,
                   "what was written does not read back as it should; the old book stays");
}

/* The file, read as any reader would, has the new directory, with the member in it. */
static int compare(int fd, const struct book *b, const struct book_settle *s, const char *text,
                   size_t text_len, struct err *err)
{
    const struct tail_write *w = &s->write;
    struct zip now LB_CLEANUP(zip_clear) = {0};
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    int64_t sum = 0;
    if (book_sum_of(fd, w->append_at, w->tail_len, &sum, err) < 0 ||
        zip_read(fd, (uint64_t)(w->append_at + w->tail_len), &now, err) < 0)
        return err->code == ERR_BOOK ? mismatch(err) : -1;
    size_t kept = b->zip.n - (b->tags != BOOK_NO_TAGS);
    uint64_t before =
        kept > 0 ? 0 : (uint64_t)w->append_at; /* alone, it looks like the first entry */
    if (sum != w->append_sum || now.n != kept + (text != NULL) || now.junk_after ||
        now.junk_before != before)
        return mismatch(err);
    if (!text)
        return 0;
    if (zip_read_entry(fd, &now, &now.entries[now.n - 1], BOOK_MEMBER, text_len, &got, err) < 0)
        return err->code == ERR_BOOK ? mismatch(err) : -1;
    return got.len == text_len && memcmp(strbuf_str(&got), text, text_len) == 0 ? 0 : mismatch(err);
}

bool book_settle_cut_back(int fd, const struct tail_write *w)
{
    struct err why = {0};
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = w->old_mtime_ns / 1000000000, .tv_nsec = w->old_mtime_ns % 1000000000}};
    if (ftruncate(fd, w->old_size) < 0)
        return false;
    (void)futimens(fd, times); /* not ours: then it has a new time */
    return sync_data(fd, &why) == 0;
}

int book_settle_put_in_place(int fd, const struct tail_write *w, const void *tail, struct err *err)
{
    if (write_at(fd, tail, (size_t)w->tail_len, w->tail_at, err) < 0)
        return -1;
    fault_hit("book_placed");
    if (sync_data(fd, err) < 0)
        return -1;
    fault_hit("book_place_synced");
    if (ftruncate(fd, w->tail_at + w->tail_len) < 0)
        return err_sys(err, ERR_IO, "cut the book to its new length");
    fault_hit("book_cut");
    if (sync_data(fd, err) < 0)
        return -1;
    fault_hit("book_cut_synced");
    return 0;
}

static int run_leased(struct book *b, const struct book_settle *s, const char *text,
                      size_t text_len, bool *ret_whole, struct err *err)
{
    if (!is_unchanged(b))
        return err_set(err, ERR_BUSY, "the file was changed by another program; try again");
    if (append(b->fd, s, err) < 0 || compare(b->fd, b, s, text, text_len, err) < 0) {
        *ret_whole = book_settle_cut_back(b->fd, &s->write);
        return -1;
    }
    *ret_whole = book_settle_put_in_place(b->fd, &s->write, s->place.data, err) == 0;
    return *ret_whole
               ? 1
               : err_wrap(err, "the tags are saved, but the end of the book is not tidy yet");
}

int book_settle_run(struct book *b, const struct book_settle *s, const char *text, size_t text_len,
                    bool *ret_whole, struct err *err)
{
    *ret_whole = true;
    int rc = open_to_write(b, err);
    if (rc <= 0 || !book_lease_take(b->fd))
        return rc < 0 ? -1 : 0;
    fault_hit("book_leased");
    rc = run_leased(b, s, text, text_len, ret_whole, err);
    book_lease_give_back(b->fd);
    return rc;
}
