#include "book_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fault.h"
#include "zip_io.h"

#define STEP_BYTES      (16u << 20) /* between two questions whether to stop */
#define BUFFER_BYTES    (256u << 10)
#define TEMP_ATTEMPTS   4
#define TEMP_NAME_BYTES 40
#define TEMP_BEGIN      ".longbox-"
#define TEMP_END        ".tmp"

int book_copy_check(const struct book_copy *c, struct err *err)
{
    struct stat named;
    struct stat now;
    if (fstatat(c->dirfd, c->base, &named, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "the file was moved or deleted meanwhile");
    if (fstatat(c->dirfd, c->base, &named, AT_SYMLINK_NOFOLLOW) < 0 || fstat(c->fd, &now) < 0)
        return err_sys(err, ERR_IO, "look at the file");
    if (S_ISLNK(named.st_mode))
        return err_set(err, ERR_BOOK,
                       "the file is a symbolic link; tags are only written to the file itself");
    if (named.st_dev != now.st_dev || named.st_ino != now.st_ino || now.st_size != c->st->st_size ||
        now.st_mtim.tv_sec != c->st->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != c->st->st_mtim.tv_nsec)
        return err_set(err, ERR_BUSY, "the file was changed by another program; try again");
    if ((now.st_mode & 0222) == 0 || faccessat(c->dirfd, c->base, W_OK, AT_EACCESS) < 0)
        return err_set(err, ERR_BOOK, "the file is read-only (mode %03o)", now.st_mode & 0777u);
    return 0;
}

/* Junk goes only when what stays is proven whole. */
static int check_archive(const struct book_copy *c, struct err *err)
{
    if (zip_check_places(c->fd, c->zip, err) < 0)
        return -1;
    if (c->zip->junk_before == 0 && c->zip->junk_after == 0)
        return 0;
    const char *other = c->zip->junk_before > 0 ? zip_other_format_of(c->fd) : NULL;
    if (other)
        return err_set(err, ERR_BOOK, "the file begins as %s and ends as another one: not changed",
                       other);
    if (zip_check_data(c->fd, c->zip, c->cancelled, c->ctx, err) == 0)
        return 0;
    return err->code == ERR_BOOK ? err_wrap(err, "the file holds other data besides the archive")
                                 : -1;
}

static bool is_named(int dirfd, const char *name, int fd)
{
    struct stat a;
    struct stat b;
    return fstatat(dirfd, name, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* False: another one holds it. File systems without locks have no other one. */
static bool lock_file(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/*
 * Takes away what a dead saver left. Only the holder of its lock may; and only while the name is
 * still that file, because another one may have been as far as we are and made its own. False: it
 * is in use.
 */
static bool temp_remove_leftover(int dirfd, const char *name)
{
    int fd LB_CLEANUP(fd_close) = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    if (!lock_file(fd))
        return false;
    if (is_named(dirfd, name, fd))
        (void)unlinkat(dirfd, name, 0); /* a failure shows when we make ours */
    return true;
}

static bool is_temp_name(const char *name)
{
    size_t begin = strlen(TEMP_BEGIN);
    if (strncmp(name, TEMP_BEGIN, begin) != 0)
        return false;
    size_t digits = strspn(name + begin, "0123456789abcdef");
    return digits > 0 && strcmp(name + begin + digits, TEMP_END) == 0;
}

/* Unlike temp_remove_leftover it knows nothing of the book: where nothing can be locked the file stays. */
bool book_copy_remove_leftover(int dirfd, const char *name)
{
    if (!is_temp_name(name))
        return false;
    int fd LB_CLEANUP(fd_close) = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(dirfd, name, fd) &&
           unlinkat(dirfd, name, 0) == 0;
}

static int temp_make(int dirfd, const char *name, int *ret_fd, struct err *err)
{
    for (int i = 0; i < TEMP_ATTEMPTS; i++) {
        int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0 && lock_file(fd) && is_named(dirfd, name, fd)) {
            *ret_fd = fd;
            return 0;
        }
        if (fd < 0 && errno != EEXIST)
            return err_sys(err, ERR_IO, "cannot write into the book's folder");
        if (fd < 0 && !temp_remove_leftover(dirfd, name))
            break;
        fd_close(fd);
    }
    return err_set(err, ERR_BUSY, "the file is just being changed by another one; try again");
}

static int write_all(int fd, const void *buf, size_t len, uint64_t at, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)buf + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "write the new file");
        done += (size_t)n;
    }
    return 0;
}

/* The way that works everywhere. */
static int copy_bytes(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t len,
                      struct err *err)
{
    char *buf LB_CLEANUP(mem_free) = mem_new(BUFFER_BYTES);
    for (uint64_t done = 0; done < len;) {
        size_t n = len - done < BUFFER_BYTES ? (size_t)(len - done) : BUFFER_BYTES;
        if (zip_pread(from, buf, n, from_at + done, err) < 0 ||
            write_all(to, buf, n, to_at + done, err) < 0)
            return -1;
        done += n;
    }
    return 0;
}

static int copy_range(const struct book_copy *c, uint64_t from_at, int to, uint64_t to_at,
                      uint64_t len, struct err *err)
{
    while (len > 0) {
        if (c->cancelled && c->cancelled(c->ctx))
            return err_set(err, ERR_CANCELLED, "cancelled");
        size_t step = len < STEP_BYTES ? (size_t)len : STEP_BYTES;
        off_t in = (off_t)from_at;
        off_t out = (off_t)to_at;
        ssize_t n = copy_file_range(c->fd, &in, to, &out, step, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
            return err_sys(err, ERR_IO, "write the new file");
        if (n <= 0) { /* not for these file systems: copy_file_range(2), errors and bugs */
            if (copy_bytes(c->fd, from_at, to, to_at, step, err) < 0)
                return -1;
            n = (ssize_t)step;
        }
        from_at += (uint64_t)n;
        to_at += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

/* The entries that stay, neighbours in one go. */
static int copy_entries(const struct book_copy *c, const struct zip_plan *plan, int to,
                        struct err *err)
{
    const struct zip *z = c->zip;
    uint64_t to_at = 0;
    for (size_t k = 0; k < z->n;) {
        if (c->drop[z->order[k]]) {
            k++;
            continue;
        }
        uint64_t from_at = z->entries[z->order[k]].at;
        while (k < z->n && !c->drop[z->order[k]])
            k++;
        uint64_t len = zip_span_end(z, k - 1) - from_at;
        if (copy_range(c, from_at, to, to_at, len, err) < 0)
            return -1;
        to_at += len;
    }
    must(to_at == plan->at);
    return 0;
}

/* All of the old file, its blocks shared, without its tail. False: not here. */
static bool clone_entries(const struct book_copy *c, const struct zip_plan *plan, int to)
{
    if (!c->clone || !plan->in_place || ioctl(to, FICLONE, c->fd) < 0)
        return false;
    fault_hit("book_cloned");
    return ftruncate(to, (off_t)plan->at) == 0;
}

static int mismatch(struct err *err)
{
    return err_set(err, ERR_IO, "the new file does not match the old one; the old one stays");
}

/* The new file, read as any reader would, has the old entries in the old order and the member
 * behind them. */
static int compare(const struct book_copy *c, const struct zip_plan *plan, int fd,
                   const struct zip *now, struct err *err)
{
    const struct zip *z = c->zip;
    size_t k = 0;
    if (now->n != plan->n_kept + (c->member != NULL) || now->junk_before || now->junk_after)
        return mismatch(err);
    for (size_t i = 0; i < z->n; i++) {
        const struct zip_entry *a = &z->entries[i];
        const struct zip_entry *b = &now->entries[k];
        unsigned char ha[ZIP_LOCAL_BYTES] = {0};
        unsigned char hb[ZIP_LOCAL_BYTES] = {0};
        if (plan->new_at[i] == ZIP_DROPPED)
            continue;
        if (b->at != plan->new_at[i] || b->packed != a->packed || b->size != a->size ||
            b->crc != a->crc || b->method != a->method || b->rec_len != a->rec_len ||
            b->name_len != a->name_len ||
            memcmp(zip_name(z, a), zip_name(now, b), a->name_len) != 0)
            return mismatch(err);
        if (zip_pread(c->fd, ha, sizeof(ha), a->at, err) < 0 ||
            zip_pread(fd, hb, sizeof(hb), b->at, err) < 0)
            return -1;
        if (memcmp(ha, hb, sizeof(ha)) != 0)
            return mismatch(err);
        k++;
    }
    if (!c->member)
        return 0;
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    if (zip_read_entry(fd, now, &now->entries[k], "ComicInfo.xml", c->text_len, &text, err) < 0)
        return -1;
    if (text.len != c->text_len || memcmp(strbuf_str(&text), c->text, text.len) != 0)
        return mismatch(err);
    return 0;
}

/* Fills the temporary file and proves it. */
static int fill(const struct book_copy *c, int fd, struct zip *ret_zip, struct stat *ret_st,
                struct err *err)
{
    struct zip_plan plan LB_CLEANUP(zip_plan_clear) = {0};
    struct strbuf tail LB_CLEANUP(strbuf_clear) = {0};
    zip_plan_make(c->zip, c->drop, &plan);
    if (!clone_entries(c, &plan, fd) && copy_entries(c, &plan, fd, err) < 0)
        return -1;
    fault_hit("book_pages_copied");
    zip_tail_build(c->zip, &plan, plan.at, c->member, &tail);
    if (write_all(fd, tail.data, tail.len, plan.at, err) < 0)
        return -1;
    fault_hit("book_copy_written");
    if (book_copy_attributes(c->fd, c->st, fd, err) < 0)
        return -1;
    if (fsync(fd) < 0)
        return err_sys(err, ERR_IO, "sync the new file");
    fault_hit("book_synced");
    if (fstat(fd, ret_st) < 0)
        return err_sys(err, ERR_IO, "look at the new file");
    if ((uint64_t)ret_st->st_size != plan.at + tail.len)
        return mismatch(err);
    if (zip_read(fd, (uint64_t)ret_st->st_size, ret_zip, err) < 0)
        return err->code == ERR_BOOK ? mismatch(err) : -1;
    return compare(c, &plan, fd, ret_zip, err);
}

int book_copy_preview(const struct book_copy *c, int64_t *ret_bytes, struct err *err)
{
    struct zip_plan plan LB_CLEANUP(zip_plan_clear) = {0};
    struct strbuf tail LB_CLEANUP(strbuf_clear) = {0};
    if (book_copy_check(c, err) < 0 || check_archive(c, err) < 0)
        return -1;
    zip_plan_make(c->zip, c->drop, &plan);
    zip_tail_build(c->zip, &plan, plan.at, c->member, &tail);
    *ret_bytes = (int64_t)(c->clone ? tail.len : plan.at + tail.len);
    return 0;
}

/* Syncing a folder is not known everywhere; a real failure is one. */
static bool sync_folder(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS;
}

int book_copy_run(const struct book_copy *c, int *ret_fd, struct zip *ret_zip, struct stat *ret_st,
                  struct err *err)
{
    int folder LB_CLEANUP(fd_close) = -1;
    int fd LB_CLEANUP(fd_close) = -1;
    struct zip now LB_CLEANUP(zip_clear) = {0};
    char name[TEMP_NAME_BYTES];
    if (book_copy_check(c, err) < 0 || check_archive(c, err) < 0)
        return -1;
    folder = openat(c->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return err_sys(err, ERR_IO, "open the book's folder");
    (void)snprintf(name, sizeof(name), TEMP_BEGIN "%llx" TEMP_END,
                   (unsigned long long)c->st->st_ino);
    if (temp_make(folder, name, &fd, err) < 0)
        return -1;
    fault_hit("book_temp_made");
    if (fill(c, fd, &now, ret_st, err) < 0 || book_copy_check(c, err) < 0)
        goto fail;
    if (c->cancelled && c->cancelled(c->ctx)) {
        (void)err_set(err, ERR_CANCELLED, "cancelled");
        goto fail;
    }
    fault_hit("book_before_rename");
    if (renameat(folder, name, folder, c->base) < 0) {
        (void)err_sys(err, ERR_IO, "put the new file in the old one's place");
        goto fail;
    }
    fault_hit("book_after_rename");
    (void)flock(fd, LOCK_UN); /* it guarded the temporary name */
    if (!sync_folder(folder))
        return err_sys(err, ERR_IO, "the book is written, but its folder cannot be synced");
    fault_hit("book_folder_synced");
    *ret_fd = fd;
    fd = -1;
    *ret_zip = now;
    now = (struct zip){0};
    return 0;
fail:
    (void)unlinkat(folder, name, 0); /* a leftover is taken away by the next save or scan */
    return -1;
}
