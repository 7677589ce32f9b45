#include "zip_salvage.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "entry_name.h"
#include "zip_io.h"

#define CHUNK_BYTES     65536
#define FLAG_DESCRIPTOR 0x0008u
#define SIG_DESCRIPTOR  0x08074b50u
/* Bytes read for each byte of the file: a file that is all headers asks for its square. */
#define WORK_FACTOR 4
#define WORK_LEAST  (64ull << 20)
#define RATIO_MAX   200 /* unpacked to the file's size, as verify has it */

struct zip_salvaged {
    uint64_t at, data, packed, size; /* of the header, of its data */
    uint32_t crc;
    uint16_t method;
    int64_t mtime;
    char *name;
    size_t name_len;
};

/* One search, or one walk. */
struct reader {
    int fd;
    uint64_t file_size;
    uint64_t work, unpacked;       /* done so far */
    const struct entry_sink *sink; /* for data; NULL while searching */
    bool (*cancelled)(void *ctx);
    void *ctx;
    unsigned char *in, *out; /* CHUNK_BYTES each */
};

static void reader_clear(struct reader *r)
{
    free(r->in);
    free(r->out);
}
LB_DEFINE_CLEANUP(struct reader, reader_clear)

void zip_salvage_clear(struct zip_salvage *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->found[i].name);
    free(s->found);
    *s = (struct zip_salvage){0};
}

/* Counts what is read. -1: too much, or cancelled. */
static int step(struct reader *r, uint64_t bytes, struct err *err)
{
    uint64_t most = r->file_size * WORK_FACTOR + WORK_LEAST;
    if (r->cancelled && r->cancelled(r->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    r->work += bytes;
    if (r->work > most)
        return err_set(err, ERR_LIMIT,
                       "it takes too much work to find files in it: it may be made to do harm");
    return 0;
}

/* ------------------------------------------------------------------ unpacking one */

/* Pieces on their way out. 1 = gone on, 0 = the file is too large, -1 = error. */
static int put(struct reader *r, struct zip_salvaged *e, const unsigned char *bytes, size_t n,
               struct err *err)
{
    e->size += n;
    r->unpacked += n;
    e->crc = (uint32_t)crc32(e->crc, bytes, (uInt)n);
    if (e->size > ZIP_SALVAGE_ENTRY_MAX)
        return 0;
    if (r->unpacked > WORK_LEAST && r->unpacked / RATIO_MAX > r->file_size)
        return err_set(err, ERR_LIMIT, "it unpacks to more than %d times its size", RATIO_MAX);
    return r->sink && r->sink->data(r->sink->ctx, bytes, n, err) < 0 ? -1 : 1;
}

/* Stored data: as many bytes as e->packed says. */
static int unpack_stored(struct reader *r, struct zip_salvaged *e, struct err *err)
{
    for (uint64_t done = 0; done < e->packed;) {
        size_t n = e->packed - done < CHUNK_BYTES ? (size_t)(e->packed - done) : CHUNK_BYTES;
        if (step(r, n, err) < 0 || zip_pread(r->fd, r->in, n, e->data + done, err) < 0)
            return -1;
        int rc = put(r, e, r->in, n, err);
        if (rc <= 0)
            return rc;
        done += n;
    }
    return 1;
}

static int inflate_chunk(struct reader *r, z_stream *zs, struct zip_salvaged *e, bool *ret_ended,
                         struct err *err)
{
    while (!*ret_ended) {
        zs->next_out = r->out;
        zs->avail_out = CHUNK_BYTES;
        int rc = inflate(zs, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return 0;
        *ret_ended = rc == Z_STREAM_END;
        size_t n = CHUNK_BYTES - zs->avail_out;
        if (n == 0)
            break; /* it wants more input */
        rc = put(r, e, r->out, n, err);
        if (rc <= 0)
            return rc;
    }
    return 1;
}

/* Deflated data ends by itself: e->packed becomes what it was. */
static int unpack_deflated(struct reader *r, struct zip_salvaged *e, struct err *err)
{
    z_stream zs = {0};
    bool ended = false;
    uint64_t at = e->data;
    int rc = 1;
    must(inflateInit2(&zs, -MAX_WBITS) == Z_OK);
    while (rc == 1 && !ended && at < r->file_size) {
        size_t n = r->file_size - at < CHUNK_BYTES ? (size_t)(r->file_size - at) : CHUNK_BYTES;
        if (step(r, n, err) < 0 || zip_pread(r->fd, r->in, n, at, err) < 0) {
            rc = -1;
            break;
        }
        zs.next_in = r->in;
        zs.avail_in = (uInt)n;
        rc = inflate_chunk(r, &zs, e, &ended, err);
        at += n - zs.avail_in;
    }
    (void)inflateEnd(&zs);
    e->packed = at - e->data;
    return rc == 1 && !ended ? 0 : rc;
}

static int unpack(struct reader *r, struct zip_salvaged *e, struct err *err)
{
    e->size = 0;
    e->crc = 0;
    return e->method == ZIP_STORED ? unpack_stored(r, e, err) : unpack_deflated(r, e, err);
}

/* ------------------------------------------------------------------ headers */

static int64_t unix_time(uint32_t dos)
{
    struct tm tm = {
        .tm_year = (int)(dos >> 25) + 80,
        .tm_mon = (int)(dos >> 21 & 15) - 1,
        .tm_mday = (int)(dos >> 16 & 31),
        .tm_hour = (int)(dos >> 11 & 31),
        .tm_min = (int)(dos >> 5 & 63),
        .tm_sec = (int)(dos & 31) * 2,
        .tm_isdst = -1,
    };
    int64_t t = (int64_t)mktime(&tm);
    return t > 0 ? t : 0;
}

struct header {
    uint16_t flags;
    uint64_t packed, size;
    uint32_t crc;
};

/* The sizes of a zip64 extra field; both stand in it, the unpacked one first. */
static void read_wide(const unsigned char *extra, size_t left, struct header *h)
{
    while (left >= 4) {
        size_t len = zip_get16(extra + 2);
        if (len > left - 4)
            return;
        if (zip_get16(extra) == 1 && len >= 16) {
            h->size = zip_get64(extra + 4);
            h->packed = zip_get64(extra + 12);
            return;
        }
        extra += 4 + len;
        left -= 4 + len;
    }
}

/* A header at `at`, with its name. 1, 0 = none that we can use, -1. */
static int read_header(struct reader *r, uint64_t at, struct zip_salvaged *e, struct header *h,
                       struct err *err)
{
    unsigned char p[ZIP_LOCAL_BYTES];
    if (r->file_size - at < sizeof(p))
        return 0;
    if (zip_pread(r->fd, p, sizeof(p), at, err) < 0)
        return -1;
    size_t name_len = zip_get16(p + 26), extra_len = zip_get16(p + 28);
    *h = (struct header){zip_get16(p + 6), zip_get32(p + 18), zip_get32(p + 22), zip_get32(p + 14)};
    *e = (struct zip_salvaged){.at = at,
                               .data = at + sizeof(p) + name_len + extra_len,
                               .method = zip_get16(p + 8),
                               .mtime = unix_time(zip_get32(p + 10)),
                               .name_len = name_len};
    if ((e->method != ZIP_STORED && e->method != ZIP_DEFLATED) || name_len == 0 ||
        e->data > r->file_size ||
        (h->flags & (ZIP_FLAG_ENCRYPTED | ZIP_FLAG_STRONG | ZIP_FLAG_MASKED)))
        return 0;
    unsigned char *rest LB_CLEANUP(mem_free) = mem_new(name_len + extra_len);
    if (step(r, name_len + extra_len, err) < 0 ||
        zip_pread(r->fd, rest, name_len + extra_len, at + sizeof(p), err) < 0)
        return -1;
    if (h->packed == UINT32_MAX || h->size == UINT32_MAX)
        read_wide(rest + name_len, extra_len, h);
    if (entry_is_unsafe((char *)rest, name_len))
        return 0;
    e->name = mem_strndup((char *)rest, name_len);
    return 1;
}

/* The descriptor behind the data, with or without its mark, with sizes of 4 or 8 bytes: does it tell of this data? */
static int fits_descriptor(struct reader *r, const struct zip_salvaged *e, struct err *err)
{
    unsigned char p[24];
    uint64_t at = e->data + e->packed, left = r->file_size - at;
    size_t n = left < sizeof(p) ? (size_t)left : sizeof(p);
    if (zip_pread(r->fd, p, n, at, err) < 0)
        return -1;
    for (size_t mark = 0; mark <= 4; mark += 4) {
        if (mark && (n < 4 || zip_get32(p) != SIG_DESCRIPTOR))
            break;
        if (n >= mark + 12 && zip_get32(p + mark) == e->crc &&
            zip_get32(p + mark + 4) == (uint32_t)e->packed &&
            zip_get32(p + mark + 8) == (uint32_t)e->size)
            return 1;
        if (n >= mark + 20 && zip_get32(p + mark) == e->crc &&
            zip_get64(p + mark + 4) == e->packed && zip_get64(p + mark + 12) == e->size)
            return 1;
    }
    return 0;
}

/* Is the file at `at` whole? 1 with *e (its name is the caller's), 0, -1. */
static int try_header(struct reader *r, uint64_t at, struct zip_salvaged *e, struct err *err)
{
    struct header h;
    int rc = read_header(r, at, e, &h, err);
    if (rc <= 0)
        return rc;
    bool open_end = (h.flags & FLAG_DESCRIPTOR) && h.packed == 0 && h.size == 0;
    e->packed = h.packed;
    /* stored data without a length cannot be told from what follows */
    if (e->method == ZIP_STORED && (open_end || h.packed > r->file_size - e->data))
        return 0;
    rc = unpack(r, e, err);
    if (rc != 1)
        return rc;
    if (open_end)
        return fits_descriptor(r, e, err);
    return e->crc == h.crc && e->size == h.size && e->packed == h.packed;
}

/* ------------------------------------------------------------------ the search */

/* Where the next mark of a local header stands, from `at` on. 1, 0 = nowhere, -1. */
static int find_mark(struct reader *r, uint64_t *at, struct err *err)
{
    while (r->file_size - *at >= ZIP_LOCAL_BYTES) {
        size_t n = r->file_size - *at < CHUNK_BYTES ? (size_t)(r->file_size - *at) : CHUNK_BYTES;
        if (zip_pread(r->fd, r->in, n, *at, err) < 0)
            return -1;
        const unsigned char *hit = memmem(r->in, n, "PK\3\4", 4);
        if (hit) {
            *at += (uint64_t)(hit - r->in);
            return step(r, (uint64_t)(hit - r->in) + ZIP_LOCAL_BYTES, err) < 0 ? -1 : 1;
        }
        if (step(r, n, err) < 0)
            return -1;
        *at += n - 3;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct zip_salvaged *x = a, *y = b;
    size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, n);
    if (order || x->name_len != y->name_len)
        return order ? order : x->name_len < y->name_len ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_place(const void *a, const void *b)
{
    const struct zip_salvaged *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Of files with one name the last counts: what was appended later replaced what was there. */
static void keep_last(struct zip_salvage *s)
{
    size_t n = 0;
    if (s->n < 2)
        return;
    qsort(s->found, s->n, sizeof(*s->found), by_name);
    for (size_t i = 0; i < s->n; i++) {
        const struct zip_salvaged *next = i + 1 < s->n ? &s->found[i + 1] : NULL;
        if (next && next->name_len == s->found[i].name_len &&
            memcmp(next->name, s->found[i].name, next->name_len) == 0)
            free(s->found[i].name);
        else
            s->found[n++] = s->found[i];
    }
    s->n = n;
    qsort(s->found, s->n, sizeof(*s->found), by_place);
}

static int add(struct zip_salvage *s, size_t *cap, size_t *names, struct zip_salvaged *e,
               struct err *err)
{
    *names += e->name_len;
    if (s->n >= ZIP_SALVAGE_ENTRIES || *names > ZIP_SALVAGE_NAMES)
        return err_set(err, ERR_LIMIT, "it holds more than %d files", ZIP_SALVAGE_ENTRIES);
    if (s->n == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        s->found = realloc(s->found, *cap * sizeof(*s->found));
        must(s->found);
    }
    s->found[s->n++] = *e;
    e->name = NULL;
    return 0;
}

int zip_salvage_find(int fd, uint64_t size, bool (*cancelled)(void *ctx), void *ctx,
                     struct zip_salvage *ret, struct err *err)
{
    struct reader r LB_CLEANUP(reader_clear) = {
        .fd = fd,
        .file_size = size,
        .cancelled = cancelled,
        .ctx = ctx,
        .in = mem_new(CHUNK_BYTES),
        .out = mem_new(CHUNK_BYTES),
    };
    struct zip_salvage s LB_CLEANUP(zip_salvage_clear) = {0};
    size_t cap = 0, names = 0;
    uint64_t at = 0;
    int rc;
    while ((rc = find_mark(&r, &at, err)) == 1) {
        struct zip_salvaged e = {0};
        rc = try_header(&r, at, &e, err);
        if (rc == 1) {
            at = e.data + e.packed;
            rc = add(&s, &cap, &names, &e, err);
        } else {
            at += 4;
            s.n_lost++;
        }
        free(e.name);
        if (rc < 0)
            return -1;
    }
    if (rc < 0)
        return -1;
    keep_last(&s);
    *ret = s;
    s = (struct zip_salvage){0};
    return 0;
}

static int walk_one(struct reader *r, const struct zip_salvaged *found, struct err *err)
{
    struct zip_salvaged e = *found;
    struct entry_info info = {found->name, found->name_len, 0, found->mtime};
    struct err why = {0};
    if (found->name[found->name_len - 1] == '/')
        return 0;
    if (r->sink->begin(r->sink->ctx, &info, err) < 0)
        return -1;
    int rc = unpack(r, &e, err);
    if (rc < 0)
        return -1;
    bool same = rc == 1 && e.crc == found->crc && e.size == found->size;
    if (!same)
        (void)err_set(&why, ERR_BUSY, "the file was changed while it was read; try again");
    return r->sink->end(r->sink->ctx, same ? NULL : &why, err);
}

int zip_salvage_walk(int fd, uint64_t size, const struct zip_salvage *s,
                     const struct entry_sink *sink, struct err *err)
{
    struct reader r LB_CLEANUP(reader_clear) = {
        .fd = fd,
        .file_size = size,
        .sink = sink,
        .cancelled = sink->cancelled,
        .ctx = sink->cancel_ctx,
        .in = mem_new(CHUNK_BYTES),
        .out = mem_new(CHUNK_BYTES),
    };
    for (size_t i = 0; i < s->n; i++)
        if (walk_one(&r, &s->found[i], err) < 0)
            return -1;
    return 0;
}
