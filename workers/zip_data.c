/* zip_data.c - the entries' data: local headers, unpacking, checksums. */
#include "zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "zip_io.h"

#define CHUNK_BYTES 65536
#define SLACK_BYTES                                                                                \
    65536 /* deflate may make small things larger: 5 bytes for each 64 KiB, and the header */

/* Reads the local header of an entry; *ret_data is where its data begins. `end`: where the next
 * thing begins. */
static int read_local(int fd, const struct zip *z, const struct zip_entry *e, uint64_t end,
                      uint64_t *ret_data, struct err *err)
{
    unsigned char head[ZIP_LOCAL_BYTES];
    uint64_t tail_at = z->file_size - z->tail_len;
    if (e->at >= tail_at) /* e->at + 30 <= dir_at: check_overlap */
        memcpy(head, z->tail + (e->at - tail_at), sizeof(head));
    else if (zip_pread(fd, head, sizeof(head), e->at, err) < 0)
        return -1;
    if (zip_get32(head) != ZIP_SIG_LOCAL)
        return err_set(err, ERR_BOOK,
                       "the archive is damaged: an entry does not begin where it should");
    if (zip_get16(head + 6) & ZIP_FLAG_ENCRYPTED)
        return err_set(err, ERR_BOOK, "the archive is encrypted");
    uint64_t len = (uint64_t)ZIP_LOCAL_BYTES + zip_get16(head + 26) + zip_get16(head + 28);
    if (end - e->at < len || end - e->at - len < e->packed)
        return err_set(err, ERR_BOOK,
                       "entries of the archive overlap: it is damaged or made to do harm");
    *ret_data = e->at + len;
    return 0;
}

int zip_check_places(int fd, const struct zip *z, struct err *err)
{
    uint64_t data = 0;
    for (size_t k = 0; k < z->n; k++)
        if (read_local(fd, z, &z->entries[z->order[k]], zip_span_end(z, k), &data, err) < 0)
            return -1;
    return 0;
}

int zip_check_place(int fd, const struct zip *z, size_t i, struct err *err)
{
    const struct zip_entry *e = &z->entries[i];
    uint64_t data = 0;
    size_t lo = 0, hi = z->n; /* its k in the order of places */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->entries[z->order[mid]].at <= e->at)
            lo = mid;
        else
            hi = mid;
    }
    return read_local(fd, z, e, zip_span_end(z, lo), &data, err);
}

/* A running unpacker: deflated or stored bytes in, pieces out. */
struct unpack {
    z_stream zs;
    bool deflated;
    bool ended;
    uint64_t size;
    uint32_t crc;
    const struct entry_sink *sink; /* gets the pieces, or NULL */
    bool sink_failed;
};

static void unpack_clear(struct unpack *u)
{
    if (u->deflated)
        (void)inflateEnd(&u->zs);
}
LB_DEFINE_CLEANUP(struct unpack, unpack_clear)

static int unpack_init(struct unpack *u, const struct zip_entry *e, const char *what,
                       struct err *err)
{
    if (e->method != ZIP_STORED && e->method != ZIP_DEFLATED)
        return err_set(err, ERR_BOOK, "%s is packed in a way that we cannot read (method %u)", what,
                       e->method);
    *u = (struct unpack){0};
    if (e->method == ZIP_DEFLATED) {
        must(inflateInit2(&u->zs, -MAX_WBITS) == Z_OK);
        u->deflated = true;
    }
    return 0;
}

/*
 * Unpacks `len` bytes. Every piece is counted and summed, and appended to *out when that is not
 * NULL. More than max bytes in all: ERR_BOOK.
 */
static int unpack_feed(struct unpack *u, unsigned char *in, size_t len, uint64_t max,
                       const char *what, struct strbuf *out, struct err *err)
{
    unsigned char piece[16384];
    u->zs.next_in = in;
    u->zs.avail_in = (uInt)len;
    while (!u->ended && (u->zs.avail_in > 0 || u->deflated)) {
        const unsigned char *bytes = piece;
        size_t n;
        if (u->deflated) {
            u->zs.next_out = piece;
            u->zs.avail_out = sizeof(piece);
            int rc = inflate(&u->zs, Z_NO_FLUSH);
            if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
                return err_set(err, ERR_BOOK, "%s is damaged and cannot be unpacked", what);
            u->ended = rc == Z_STREAM_END;
            n = sizeof(piece) - u->zs.avail_out;
            if (n == 0)
                break; /* it wants more input */
        } else {
            bytes = u->zs.next_in;
            n = u->zs.avail_in;
            u->zs.avail_in = 0;
        }
        u->size += n;
        u->crc = (uint32_t)crc32(u->crc, bytes, (uInt)n);
        if (u->size > max)
            return err_set(err, ERR_BOOK, "%s is too large: over %llu bytes", what,
                           (unsigned long long)max);
        if (out)
            strbuf_add(out, bytes, n);
        if (u->sink && u->sink->data(u->sink->ctx, bytes, n, err) < 0) {
            u->sink_failed = true;
            return -1;
        }
    }
    return 0;
}

static int unpack_end(const struct unpack *u, const struct zip_entry *e, const char *what,
                      struct err *err)
{
    if ((u->deflated && !u->ended) || u->size != e->size || u->crc != e->crc)
        return err_set(err, ERR_BOOK, "%s is damaged: size or checksum do not match", what);
    return 0;
}

int zip_read_entry(int fd, const struct zip *z, const struct zip_entry *e, const char *what,
                   size_t max_bytes, struct strbuf *ret, struct err *err)
{
    struct strbuf packed LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    struct unpack u LB_CLEANUP(unpack_clear) = {0};
    uint64_t data = 0;
    if (e->size > max_bytes || e->packed > max_bytes + SLACK_BYTES)
        return err_set(err, ERR_BOOK, "%s is too large: over %zu bytes", what, max_bytes);
    if (read_local(fd, z, e, z->dir_at, &data, err) < 0)
        return -1;
    unsigned char *in = (unsigned char *)strbuf_reserve(&packed, (size_t)e->packed);
    uint64_t tail_at = z->file_size - z->tail_len;
    if (data >= tail_at)
        memcpy(in, z->tail + (data - tail_at), (size_t)e->packed);
    else if (zip_pread(fd, in, (size_t)e->packed, data, err) < 0)
        return -1;
    if (e->method == ZIP_LZMA) {
        if (zip_unlzma(in, (size_t)e->packed, e, what, max_bytes, &out, err) < 0)
            return -1;
        u.size = out.len;
        u.crc = (uint32_t)crc32(0, (const Bytef *)strbuf_str(&out), (uInt)out.len);
    } else if (unpack_init(&u, e, what, err) < 0 ||
               unpack_feed(&u, in, (size_t)e->packed, max_bytes, what, &out, err) < 0)
        return -1;
    if (unpack_end(&u, e, what, err) < 0)
        return -1;
    strbuf_clear(ret);
    *ret = out;
    out = (struct strbuf){0};
    return 0;
}

static int walk_entry(int fd, const struct zip *z, size_t k, unsigned char *buf,
                      const struct entry_sink *sink, struct unpack *u, struct err *err)
{
    static const char what[] = "an entry";
    const struct zip_entry *e = &z->entries[z->order[k]];
    uint64_t data = 0;
    if (read_local(fd, z, e, zip_span_end(z, k), &data, err) < 0 ||
        unpack_init(u, e, what, err) < 0)
        return -1;
    u->sink = sink->data ? sink : NULL;
    for (uint64_t done = 0; done < e->packed;) {
        if (sink->cancelled && sink->cancelled(sink->cancel_ctx))
            return err_set(err, ERR_CANCELLED, "cancelled");
        size_t n = e->packed - done < CHUNK_BYTES ? (size_t)(e->packed - done) : CHUNK_BYTES;
        if (zip_pread(fd, buf, n, data + done, err) < 0 ||
            unpack_feed(u, buf, n, e->size, what, NULL, err) < 0)
            return -1;
        done += n;
    }
    return unpack_end(u, e, what, err);
}

int zip_walk(int fd, const struct zip *z, const struct entry_sink *sink, struct err *err)
{
    unsigned char *buf LB_CLEANUP(mem_free) = mem_new(CHUNK_BYTES);
    for (size_t k = 0; k < z->n; k++) {
        const struct zip_entry *e = &z->entries[z->order[k]];
        struct unpack u LB_CLEANUP(unpack_clear) = {0};
        struct err why = {0};
        if (sink->begin) {
            struct entry_info info = {zip_name(z, e), e->name_len, z->order[k], 0};
            if (sink->begin(sink->ctx, &info, err) < 0)
                return -1;
        }
        int rc = walk_entry(fd, z, k, buf, sink, &u, &why);
        if (rc < 0 && (why.code != ERR_BOOK || u.sink_failed || !sink->end)) {
            *err = why;
            return -1;
        }
        if (sink->end && sink->end(sink->ctx, rc < 0 ? &why : NULL, err) < 0)
            return -1;
    }
    return 0;
}

int zip_check_data(int fd, const struct zip *z, bool (*cancelled)(void *ctx), void *ctx,
                   struct err *err)
{
    struct entry_sink nobody = {.cancelled = cancelled, .cancel_ctx = ctx};
    return zip_walk(fd, z, &nobody, err);
}
