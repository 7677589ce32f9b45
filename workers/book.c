#include "book.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "book_copy.h"
#include "clock.h"
#include "comicinfo.h"
#include "path.h"
#include "zip.h"

#define MEMBER "ComicInfo.xml"
#define NONE   SIZE_MAX

struct book {
    int dirfd; /* O_PATH: the folder, beneath the library */
    int fd;
    char *base;
    struct stat st;
    struct zip zip;
    size_t tags;            /* index of the entry that holds ComicInfo.xml; NONE */
    struct comicinfo *info; /* NULL when there is none */
};

/* The bytes of a name behind its last slash. */
static const char *entry_base(const struct zip *z, const struct zip_entry *e, size_t *ret_len)
{
    const char *name = zip_name(z, e);
    const char *slash = memrchr(name, '/', e->name_len);
    const char *base = slash ? slash + 1 : name;
    *ret_len = e->name_len - (size_t)(base - name);
    return base;
}

/*
 * The entry that counts: the last one at the root, else the last one in a folder. An archive may
 * hold a ComicInfo.xml for each of its folders; those are entries like any other.
 */
static size_t find_tags(const struct zip *z)
{
    size_t found = NONE;
    bool at_root = false;
    for (size_t i = 0; i < z->n; i++) {
        size_t len;
        const char *base = entry_base(z, &z->entries[i], &len);
        if (len != strlen(MEMBER) || strncasecmp(base, MEMBER, len) != 0)
            continue;
        bool root = len == z->entries[i].name_len;
        if (root || !at_root)
            found = i;
        at_root = at_root || root;
    }
    return found;
}

static int check_kind(const struct stat *st, struct err *err)
{
    if (S_ISREG(st->st_mode))
        return 0;
    return err_set(err, ERR_BOOK, "this is %s, not a file",
                   S_ISDIR(st->st_mode)    ? "a folder"
                   : S_ISFIFO(st->st_mode) ? "a named pipe"
                                           : "a device");
}

static int read_tags(struct book *b, struct err *err)
{
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    b->tags = find_tags(&b->zip);
    if (b->tags == NONE)
        return 0;
    if (zip_read_entry(b->fd, &b->zip, &b->zip.entries[b->tags], MEMBER, COMICINFO_MAX_BYTES, &text,
                       err) < 0)
        return -1;
    return comicinfo_parse(strbuf_str(&text), text.len, &b->info, err);
}

int book_open(int root_fd, const char *path, struct book **ret, struct err *err)
{
    struct book *b LB_CLEANUP(book_close) = mem_new(sizeof(*b));
    b->dirfd = b->fd = -1;
    const char *base;
    /* O_NONBLOCK: a named pipe must not hold us. */
    if (path_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &b->fd, err) < 0 ||
        path_open_parent(root_fd, path, &b->dirfd, &base, err) < 0)
        return -1;
    b->base = mem_strdup(base);
    if (fstat(b->fd, &b->st) < 0)
        return err_sys(err, ERR_IO, "look at the file");
    if (check_kind(&b->st, err) < 0 || zip_read(b->fd, (uint64_t)b->st.st_size, &b->zip, err) < 0 ||
        read_tags(b, err) < 0)
        return -1;
    *ret = b;
    b = NULL;
    return 0;
}

void book_close(struct book *b)
{
    if (!b)
        return;
    fd_close(b->fd);
    fd_close(b->dirfd);
    free(b->base);
    zip_clear(&b->zip);
    comicinfo_free(b->info);
    free(b);
}

const char *book_tag(const struct book *b, const char *element)
{
    return b->info ? comicinfo_get(b->info, element) : NULL;
}

static bool is_page(const char *base, size_t len)
{
    static const char *const extensions[] = {".jpg",  ".jpeg", ".png",  ".gif",  ".webp",
                                             ".bmp",  ".tif",  ".tiff", ".avif", ".jxl",
                                             ".heic", ".heif", ".jp2"};
    const char *dot = memrchr(base, '.', len);
    if (!dot || dot == base || base[0] == '.')
        return false;
    size_t n = len - (size_t)(dot - base);
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
        if (strlen(extensions[i]) == n && strncasecmp(dot, extensions[i], n) == 0)
            return true;
    return false;
}

int64_t book_pages(const struct book *b)
{
    int64_t pages = 0;
    for (size_t i = 0; i < b->zip.n; i++) {
        size_t len;
        const char *base = entry_base(&b->zip, &b->zip.entries[i], &len);
        pages += is_page(base, len);
    }
    return pages;
}

/* MS-DOS date and time (APPNOTE 4.4.6): local time, 1980 to 2107, steps of 2 s. */
static uint32_t dos_time(int64_t wall_ms)
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm = {0};
    (void)localtime_r(&s, &tm); /* cannot fail for a 64-bit time of this era */
    int year = tm.tm_year + 1900;
    if (year < 1980 || year > 2107)
        return 1u << 21 | 1u << 16; /* 1980-01-01 */
    return (uint32_t)(year - 1980) << 25 | (uint32_t)(tm.tm_mon + 1) << 21 |
           (uint32_t)tm.tm_mday << 16 | (uint32_t)tm.tm_hour << 11 | (uint32_t)tm.tm_min << 5 |
           (uint32_t)tm.tm_sec / 2;
}

/* Deflates text (at most COMICINFO_MAX_BYTES) into *out. */
static void pack(const char *text, size_t len, struct strbuf *out)
{
    z_stream zs = {0};
    int rc =
        deflateInit2(&zs, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    must(rc == Z_OK);
    uLong room = deflateBound(&zs, len);
    zs.next_out = (Bytef *)strbuf_reserve(out, room);
    zs.avail_out = (uInt)room;
    zs.next_in = (Bytef *)text;
    zs.avail_in = (uInt)len;
    rc = deflate(&zs, Z_FINISH);
    must(rc == Z_STREAM_END);
    out->len += zs.total_out;
    (void)deflateEnd(&zs);
}

/* The entries that the new tags take the place of: the one that counts and others of exactly its
 * name. */
static bool *mark_dropped(const struct book *b)
{
    bool *drop = mem_new(b->zip.n * sizeof(*drop));
    if (b->tags == NONE)
        return drop;
    const struct zip_entry *old = &b->zip.entries[b->tags];
    for (size_t i = 0; i < b->zip.n; i++) {
        const struct zip_entry *e = &b->zip.entries[i];
        drop[i] = e->name_len == old->name_len &&
                  strncasecmp(zip_name(&b->zip, e), zip_name(&b->zip, old), e->name_len) == 0;
    }
    return drop;
}

/*
 * Writes `info` as the book's ComicInfo.xml and lets b be the new book. The only way so far is the
 * full copy; a faster one chooses here, from the same member and the same dropped entries.
 */
static int put_tags(struct book *b, const struct comicinfo *info, bool (*cancelled)(void *ctx),
                    void *ctx, struct err *err)
{
    size_t len;
    const char *text = comicinfo_bytes(info, &len);
    struct strbuf packed LB_CLEANUP(strbuf_clear) = {0};
    bool *drop LB_CLEANUP(mem_free) = mark_dropped(b);
    const struct zip_entry *old = b->tags == NONE ? NULL : &b->zip.entries[b->tags];
    pack(text, len, &packed);
    struct zip_member m = {
        .name = old ? zip_name(&b->zip, old) : MEMBER,
        .name_len = old ? old->name_len : (uint16_t)strlen(MEMBER),
        .old = old,
        .packed = (const unsigned char *)packed.data,
        .packed_len = (uint32_t)packed.len,
        .size = (uint32_t)len,
        .crc = (uint32_t)crc32(0, (const Bytef *)text, (uInt)len),
        .dos_time = dos_time(clock_wall_ms()),
    };
    struct book_copy c = {
        .dirfd = b->dirfd,
        .base = b->base,
        .fd = b->fd,
        .st = &b->st,
        .zip = &b->zip,
        .drop = drop,
        .member = &m,
        .text = text,
        .text_len = len,
        .cancelled = cancelled,
        .ctx = ctx,
    };
    int fd;
    struct zip z;
    struct stat st;
    if (book_copy_run(&c, &fd, &z, &st, err) < 0)
        return -1;
    fd_close(b->fd);
    b->fd = fd;
    zip_clear(&b->zip);
    b->zip = z;
    b->st = st;
    b->tags = find_tags(&b->zip);
    return 0;
}

int book_save(struct book *b, const struct book_change *changes, size_t n,
              bool (*cancelled)(void *ctx), void *ctx, bool *ret_written, struct err *err)
{
    struct comicinfo *fresh LB_CLEANUP(comicinfo_free) = b->info ? NULL : comicinfo_new();
    struct comicinfo *changed LB_CLEANUP(comicinfo_free) = NULL;
    if (comicinfo_apply(b->info ? b->info : fresh, changes, n, &changed, err) < 0)
        return -1;
    if (!changed) {
        *ret_written = false;
        return 0;
    }
    if (cancelled && cancelled(ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (put_tags(b, changed, cancelled, ctx, err) < 0)
        return -1;
    comicinfo_free(b->info);
    b->info = changed;
    changed = NULL;
    *ret_written = true;
    return 0;
}
