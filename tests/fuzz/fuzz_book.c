/*
 * fuzz_book.c - any bytes as a book that is changed: in place and by a copy both give the same new book, with every
 * other entry as it was; a change that is refused leaves the file alone; and a settle that is cut off at any byte is
 * made the old book or the new one by its record.
 *
 * The first two bytes say where the settle is cut off, the third how long the title is; the rest is the archive.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "book.h"
#include "strbuf.h"
#include "zip.h"

#define BOOK  "book.cbz"
#define HEAD  3
#define TRIES 3 /* the time in the archive goes on every two seconds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];
static int root = -1;
static struct tail_write record; /* of the last settle */
static bool has_record;

static void remove_folder(void)
{
    (void)unlinkat(root, BOOK, 0); /* may be gone */
    (void)rmdir(folder);
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/dev/shm/longbox-fuzz-XXXXXX");
    if (!mkdtemp(folder)) {
        (void)snprintf(folder, sizeof(folder), "/tmp/longbox-fuzz-XXXXXX");
        must(mkdtemp(folder) != NULL);
    }
    root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(root >= 0 && atexit(remove_folder) == 0);
}

static void put(const void *bytes, size_t len)
{
    int fd LB_CLEANUP(fd_close) =
        openat(root, BOOK, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    must(fd >= 0 && (len == 0 || write(fd, bytes, len) == (ssize_t)len));
}

static void get(struct strbuf *ret)
{
    int fd LB_CLEANUP(fd_close) = openat(root, BOOK, O_RDONLY | O_CLOEXEC);
    struct stat st;
    must(fd >= 0 && fstat(fd, &st) == 0);
    strbuf_reset(ret);
    must(pread(fd, strbuf_reserve(ret, (size_t)st.st_size + 1), (size_t)st.st_size, 0) ==
         st.st_size);
    ret->len = (size_t)st.st_size;
}

static size_t count_files(void)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    must(d != NULL);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.' || strncmp(e->d_name, ".longbox-", 9) == 0;
    (void)closedir(d);
    return n;
}

static int begin(void *ctx, const struct tail_write *w, struct err *err)
{
    (void)ctx;
    (void)err;
    has_record = w != NULL;
    if (w)
        record = *w;
    return 0;
}

static void end(void *ctx)
{
    (void)ctx;
}

/* 1: changed. 0: refused, and the file is as it was. -1: it cannot be opened. */
static int save(const struct strbuf *old, const char *title, bool settle, struct strbuf *ret)
{
    static const struct book_journal journal = {.begin = begin, .end = end};
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct book_change change = {"Title", title};
    struct err err = {0};
    bool written = false;
    put(old->data, old->len);
    has_record = false;
    if (book_open(root, BOOK, &b, &err) < 0) {
        must(err.code == ERR_BOOK && err.msg[0]);
        return -1;
    }
    int64_t pages = book_pages(b);
    if (settle)
        book_set_journal(b, &journal);
    int rc = book_save(b, &change, 1, NULL, NULL, &written, &err);
    book_close(b);
    b = NULL;
    get(ret);
    must(count_files() == 1);
    if (rc < 0 || !written) {
        must(rc == 0 || (err.code != ERR_INTERNAL && err.msg[0]));
        must(ret->len == old->len && (!old->len || memcmp(ret->data, old->data, old->len) == 0));
        return 0;
    }
    must(book_open(root, BOOK, &b, &err) == 0);
    must(strcmp(book_tag(b, "Title"), title) == 0 && book_pages(b) == pages);
    return 1;
}

static int file_of(const struct strbuf *bytes, struct zip *ret)
{
    struct err err = {0};
    put(bytes->data, bytes->len);
    int fd = openat(root, BOOK, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && zip_read(fd, bytes->len, ret, &err) == 0);
    return fd;
}

/* Every entry of the old archive but tags is in the new one, in the same order, its bytes the same. */
static void compare_entries(const struct strbuf *old, const struct strbuf *new)
{
    struct zip a LB_CLEANUP(zip_clear) = {0};
    struct zip b LB_CLEANUP(zip_clear) = {0};
    fd_close(file_of(old, &a));
    fd_close(file_of(new, &b));
    size_t k = 0;
    must(b.n > 0 && b.n <= a.n + 1);
    for (size_t i = 0; i < a.n; i++) {
        const struct zip_entry *x = &a.entries[i];
        const struct zip_entry *y = &b.entries[k];
        bool same = k < b.n - 1 && x->name_len == y->name_len && x->packed == y->packed &&
                    x->crc == y->crc && x->method == y->method &&
                    memcmp(zip_name(&a, x), zip_name(&b, y), x->name_len) == 0;
        if (!same) {
            const char *name = zip_name(&a, x);
            must(x->name_len >= 13 &&
                 strncasecmp(name + x->name_len - 13, "ComicInfo.xml", 13) == 0);
            continue;
        }
        must(memcmp(old->data + x->at, new->data + y->at, 30u + x->name_len + x->packed) == 0);
        k++;
    }
    must(k == b.n - 1); /* the last one is the tags */
}

/* What is there when the settle was cut off after so many of its bytes becomes old or new. */
static void cut_off(const struct strbuf *old, const struct strbuf *new, size_t at)
{
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
    size_t len = (size_t)record.tail_len;
    size_t gap = (size_t)(record.append_at - record.old_size);
    enum book_recovery how;
    struct err err = {0};
    struct stat st;
    strbuf_add(&file, old->data, old->len);
    memset(strbuf_reserve(&file, gap), 0, gap);
    file.len += gap;
    strbuf_add(&file, new->data + record.tail_at, len);
    must(zip_tail_move((unsigned char *)file.data + record.append_at, len, (uint64_t)record.tail_at,
                       (uint64_t)record.append_at));
    at %= gap + 2 * len + 1;
    if (at <= gap + len) /* while it is appended */
        file.len = old->len + at;
    else /* while it is put in its place */
        memcpy(file.data + record.tail_at, new->data + record.tail_at, at - gap - len);
    put(file.data, file.len);
    must(fstatat(root, BOOK, &st, 0) == 0);
    record.device = (int64_t)st.st_dev;
    record.inode = (int64_t)st.st_ino;
    must(book_recover(root, BOOK, NULL, true, &record, &how, &err) == 0);
    get(&now);
    const struct strbuf *want = at >= gap + len ? new : old;
    must(now.len == want->len && memcmp(now.data, want->data, now.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf old LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf settled LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf copied LB_CLEANUP(strbuf_clear) = {0};
    char title[256] = {0};
    if (size < HEAD)
        return 0;
    if (root < 0)
        make_folder();
    memset(title, 't', 1u + data[2] % 255u);
    strbuf_add(&old, data + HEAD, size - HEAD);
    for (int i = 0; i < TRIES; i++) {
        int a = save(&old, title, false, &copied);
        if (a < 0)
            return 0;
        int b = save(&old, title, true, &settled);
        if (!has_record) /* it was a copy, or refused, both times */
            return 0;
        must(b == 1);
        if (a != 1) /* the copy reads the head of each page, and refuses a damaged one */
            break;
        if (copied.len == settled.len && memcmp(copied.data, settled.data, copied.len) == 0)
            break;
        must(i < TRIES - 1);
    }
    compare_entries(&old, &settled);
    cut_off(&old, &settled, (size_t)(data[0] | data[1] << 8));
    return 0;
}
