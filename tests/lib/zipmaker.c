#include "zipmaker.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void put(struct strbuf *b, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        strbuf_addc(b, (char)(value >> 8 * i));
}

static void deflate_into(struct strbuf *out, const void *data, size_t len)
{
    z_stream zs = {0};
    must(deflateInit2(&zs, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t room = deflateBound(&zs, len);
    zs.next_in = (Bytef *)data;
    zs.avail_in = (uInt)len;
    zs.next_out = (Bytef *)strbuf_reserve(out, room);
    zs.avail_out = (uInt)room;
    must(deflate(&zs, Z_FINISH) == Z_STREAM_END);
    out->len += zs.total_out;
    (void)deflateEnd(&zs);
}

struct values {
    uint32_t crc;
    uint64_t packed, size;
};

/* The 20 bytes from "flags" to "unpacked size" that both headers share. */
static void put_common(struct strbuf *b, unsigned flags, const struct values *v)
{
    put(b, (flags & ZM_DESCRIPTOR ? 8u : 0) | (flags & ZM_ENCRYPTED ? 1u : 0), 2);
    put(b, flags & ZM_DEFLATE ? 8 : 0, 2);
    put(b, 0x3c216000, 4); /* a fixed time */
    put(b, v->crc, 4);
    put(b, v->packed, 4);
    put(b, v->size, 4);
}

void zipmaker_add(struct zipmaker *m, const char *name, const void *data, size_t len,
                  unsigned flags)
{
    must(m->n < ZIPMAKER_MAX);
    struct strbuf packed = {0};
    if (flags & ZM_DEFLATE)
        deflate_into(&packed, data, len);
    else
        strbuf_add(&packed, data, len);
    struct values v = {(uint32_t)crc32(0, data, (uInt)len), packed.len,
                       flags & ZM_LIE ? 0xfffffffeu : len};
    const struct values zeros = {0};
    size_t at = m->out.len;
    put(&m->out, 0x04034b50, 4);
    put(&m->out, 20, 2);
    put_common(&m->out, flags, flags & ZM_DESCRIPTOR ? &zeros : &v);
    put(&m->out, strlen(name), 2);
    put(&m->out, 6, 2);
    strbuf_adds(&m->out, name);
    strbuf_add(&m->out, "\xfe\xca\2\0xy", 6); /* a private extra field */
    strbuf_add(&m->out, packed.data, packed.len);
    if (flags & ZM_DESCRIPTOR) {
        put(&m->out, 0x08074b50, 4);
        put(&m->out, v.crc, 4);
        put(&m->out, v.packed, 4);
        put(&m->out, v.size, 4);
    }
    strbuf_clear(&packed);

    struct strbuf *rec = &m->entries[m->n].record;
    const struct values wide = {v.crc, UINT32_MAX, UINT32_MAX};
    put(rec, 0x02014b50, 4);
    put(rec, 0x314, 2);
    put(rec, 20, 2);
    put_common(rec, flags, flags & ZM_WIDE ? &wide : &v);
    put(rec, strlen(name), 2);
    put(rec, flags & ZM_WIDE ? 28 : 0, 2);
    put(rec, 4, 2);
    put(rec, 0, 4);
    put(rec, 0100644u << 16, 4);
    put(rec, flags & ZM_WIDE ? UINT32_MAX : at, 4);
    strbuf_adds(rec, name);
    if (flags & ZM_WIDE) {
        put(rec, 1, 2);
        put(rec, 24, 2);
        put(rec, v.size, 8);
        put(rec, v.packed, 8);
        put(rec, at, 8);
    }
    strbuf_adds(rec, "note");
    m->entries[m->n].at = at;
    m->entries[m->n].end = m->out.len;
    m->n++;
}

void zipmaker_adds(struct zipmaker *m, const char *name, const char *text, unsigned flags)
{
    zipmaker_add(m, name, text, strlen(text), flags);
}

void zipmaker_end(struct zipmaker *m, const char *comment, unsigned flags)
{
    size_t dir_at = m->out.len;
    for (size_t i = 0; i < m->n; i++)
        strbuf_add(&m->out, m->entries[i].record.data, m->entries[i].record.len);
    size_t end_at = m->out.len;
    bool wide = flags & ZM_END64;
    if (wide) {
        put(&m->out, 0x06064b50, 4);
        put(&m->out, 44, 8);
        put(&m->out, 45, 2);
        put(&m->out, 45, 2);
        put(&m->out, 0, 8);
        put(&m->out, m->n, 8);
        put(&m->out, m->n, 8);
        put(&m->out, end_at - dir_at, 8);
        put(&m->out, dir_at, 8);
        put(&m->out, 0x07064b50, 4);
        put(&m->out, 0, 4);
        put(&m->out, end_at, 8);
        put(&m->out, 1, 4);
    }
    put(&m->out, 0x06054b50, 4);
    put(&m->out, 0, 4);
    put(&m->out, wide ? UINT16_MAX : m->n, 2);
    put(&m->out, wide ? UINT16_MAX : m->n, 2);
    put(&m->out, wide ? UINT32_MAX : end_at - dir_at, 4);
    put(&m->out, wide ? UINT32_MAX : dir_at, 4);
    put(&m->out, strlen(comment), 2);
    strbuf_adds(&m->out, comment);
}

void zipmaker_clear(struct zipmaker *m)
{
    strbuf_clear(&m->out);
    for (size_t i = 0; i < m->n; i++)
        strbuf_clear(&m->entries[i].record);
    m->n = 0;
}
