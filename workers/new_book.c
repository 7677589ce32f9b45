#include "new_book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "book_copy.h"
#include "entry_name.h"
#include "fault.h"
#include "log.h"
#include "op_move.h"
#include "zip.h"
#include "zip_write.h"

#define ATTEMPTS 4

struct written {
    uint64_t size;
    uint32_t crc;
};

struct new_book {
    int dir, fd;
    struct stat st; /* of the old file */
    char temp[40];
    bool placed;
    struct zip_writer writer;
    struct written *entries;
    size_t n, cap, n_damaged;
    int64_t pages;
    bool is_folder, is_page;
};

/* ------------------------------------------------------------------ the temporary file */

static bool is_named(int dir, const char *name, int fd)
{
    struct stat a, b;
    return fstatat(dir, name, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A leftover of a crash is used again. */
static int open_temp(struct new_book *b, struct err *err)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        fd_close(b->fd);
        b->fd =
            openat(b->dir, b->temp, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        if (b->fd < 0)
            return err_sys(err, ERR_IO, "cannot write into the book's folder");
        if (flock(b->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
            break;
        if (!is_named(b->dir, b->temp, b->fd))
            continue; /* a scan has just taken the leftover away */
        if (ftruncate(b->fd, 0) < 0)
            return err_sys(err, ERR_IO, "cannot write into the book's folder");
        return 0;
    }
    fd_close(b->fd);
    b->fd = -1;
    b->placed = true; /* the file is another one's: not ours to remove */
    return err_set(err, ERR_BUSY, "the file is just being changed by another one; try again");
}

int new_book_open(int dir, const struct stat *st, struct new_book **ret, struct err *err)
{
    struct new_book *b LB_CLEANUP(new_book_free) = mem_new(sizeof(*b));
    b->fd = -1;
    b->st = *st;
    b->dir = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->dir < 0) {
        b->placed = true;
        return err_sys(err, ERR_IO, "open the book's folder");
    }
    (void)snprintf(b->temp, sizeof(b->temp), ".longbox-%llx.tmp", (unsigned long long)st->st_ino);
    if (open_temp(b, err) < 0)
        return -1;
    zip_writer_init(&b->writer, b->fd);
    *ret = b;
    b = NULL;
    fault_hit("new_book_made");
    return 0;
}

void new_book_free(struct new_book *b)
{
    if (!b)
        return;
    if (!b->placed)
        (void)unlinkat(b->dir, b->temp, 0); /* a leftover is taken away by the next scan */
    zip_writer_clear(&b->writer);
    fd_close(b->fd);
    fd_close(b->dir);
    free(b->entries);
    free(b);
}

/* ------------------------------------------------------------------ files come in */

static int on_begin(void *ctx, const struct entry_info *e, struct err *err)
{
    struct new_book *b = ctx;
    if (entry_is_unsafe(e->name, e->name_len)) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", (int)(e->name_len < 60 ? e->name_len : 60),
                       e->name);
        return err_set(err, ERR_BOOK, "it holds a file with the unsafe name %s: not written anew",
                       LOG_QUOTE(name));
    }
    b->is_folder = e->name[e->name_len - 1] == '/';
    b->is_page = entry_is_page(e->name, e->name_len);
    return b->is_folder ? 0
                        : zip_writer_begin(&b->writer, e->name, e->name_len,
                                           e->mtime ? e->mtime : (int64_t)b->st.st_mtime, err);
}

static int on_data(void *ctx, const void *bytes, size_t len, struct err *err)
{
    struct new_book *b = ctx;
    return b->is_folder ? 0 : zip_writer_data(&b->writer, bytes, len, err);
}

static int on_end(void *ctx, const struct err *why, struct err *err)
{
    struct new_book *b = ctx;
    if (b->is_folder)
        return 0;
    if (why) {
        zip_writer_abandon(&b->writer);
        b->n_damaged++;
        return 0;
    }
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 64;
        b->entries = realloc(b->entries, b->cap * sizeof(*b->entries));
        must(b->entries); /* bounded by the writer's limit of entries */
    }
    b->entries[b->n++] = (struct written){b->writer.entry_size, b->writer.entry_crc};
    b->pages += b->is_page;
    return zip_writer_close(&b->writer, err);
}

struct entry_sink new_book_sink(struct new_book *b)
{
    return (struct entry_sink){.begin = on_begin, .data = on_data, .end = on_end, .ctx = b};
}

size_t new_book_entries(const struct new_book *b)
{
    return b->n;
}

size_t new_book_damaged(const struct new_book *b)
{
    return b->n_damaged;
}

int64_t new_book_pages(const struct new_book *b)
{
    return b->pages;
}

/* ------------------------------------------------------------------ proving it */

static uint32_t dir_crc(const struct zip *z)
{
    return (uint32_t)crc32(crc32(0, NULL, 0), z->dir, (uInt)z->dir_len); /* at most 32 MiB */
}

static int mismatch(struct err *err)
{
    return err_set(err, ERR_IO, "the new file does not match the old one; the old one stays");
}

/* Read as any reader would: the same files, and their bytes give the same checksums. */
static int prove(const struct new_book *b, bool (*cancelled)(void *ctx), void *ctx,
                 struct new_book_mark *ret, struct err *err)
{
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct stat st;
    if (fstat(b->fd, &st) < 0)
        return err_sys(err, ERR_IO, "look at the new file");
    if (zip_read(b->fd, (uint64_t)st.st_size, &z, err) < 0)
        return err->code == ERR_BOOK ? mismatch(err) : -1;
    /* the names: the directory is byte for byte the one that was built as the files came */
    if (z.n != b->n || z.junk_before || z.junk_after || z.dir_len != b->writer.dir.len ||
        memcmp(z.dir, strbuf_str(&b->writer.dir), z.dir_len) != 0)
        return mismatch(err);
    for (size_t i = 0; i < z.n; i++)
        if (z.entries[i].size != b->entries[i].size || z.entries[i].crc != b->entries[i].crc)
            return mismatch(err);
    if (zip_check_data(b->fd, &z, cancelled, ctx, err) < 0)
        return err->code == ERR_BOOK ? mismatch(err) : -1;
    *ret = (struct new_book_mark){(uint64_t)st.st_size, dir_crc(&z)};
    return 0;
}

int new_book_finish(struct new_book *b, int from_fd, bool (*cancelled)(void *ctx), void *ctx,
                    struct new_book_mark *ret, struct err *err)
{
    if (b->n == 0)
        return err_set(err, ERR_BOOK, "there is no file in it that can be read");
    if (zip_writer_end(&b->writer, err) < 0)
        return -1;
    fault_hit("new_book_written");
    if (book_copy_attributes(from_fd, &b->st, b->fd, err) < 0)
        return -1;
    if (futimens(b->fd, (struct timespec[]){b->st.st_atim, b->st.st_mtim}) < 0)
        return err_sys(err, ERR_IO, "keep the file's time");
    if (fsync(b->fd) < 0)
        return err_sys(err, ERR_IO, "sync the new file");
    return prove(b, cancelled, ctx, ret, err);
}

int new_book_place(struct new_book *b, const char *name, bool replace, bool *ret_taken,
                   struct err *err)
{
    enum move_outcome outcome = MOVE_DONE;
    fault_hit("new_book_before_name");
    if (replace && renameat(b->dir, b->temp, b->dir, name) < 0)
        return err_sys(err, ERR_IO, "put the new file in the old one's place");
    if (replace)
        (void)fsync(b->dir); /* some file systems cannot; the rename itself is done either way */
    else if (op_move(b->dir, b->temp, b->dir, name, true, &outcome, err) < 0)
        return -1;
    must(outcome != MOVE_CROSS_DEVICE); /* one folder */
    *ret_taken = outcome == MOVE_TAKEN;
    b->placed = outcome == MOVE_DONE;
    fault_hit("new_book_named");
    return 0;
}

bool new_book_is(int dir, const char *name, const struct new_book_mark *mark)
{
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct stat st;
    struct err why = {0};
    int fd LB_CLEANUP(fd_close) = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return mark->size > 0 && fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == mark->size && zip_read(fd, mark->size, &z, &why) == 0 &&
           dir_crc(&z) == mark->dir_crc;
}
