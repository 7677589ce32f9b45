/* zip_tail.c - what stands behind the entries of a changed archive: the member, the directory, the
 * end records. */
#include "zip.h"

#include <stdlib.h>
#include <string.h>

#include "zip_io.h"

#define VERSION_DEFLATE 20
#define VERSION_ZIP64   45
#define MADE_BY_UNIX    (3 << 8 | VERSION_DEFLATE)
#define ATTR_FILE_0644  (0100644u << 16)
#define WIDE_EXTRA      12 /* a zip64 extra field with one value */

void zip_plan_make(const struct zip *z, const bool *drop, struct zip_plan *ret)
{
    *ret = (struct zip_plan){.new_at = mem_new(z->n * sizeof(*ret->new_at)), .in_place = true};
    for (size_t k = 0; k < z->n; k++) {
        size_t i = z->order[k];
        ret->new_at[i] = drop[i] ? ZIP_DROPPED : ret->at;
        if (drop[i])
            continue;
        ret->in_place = ret->in_place && z->entries[i].at == ret->at;
        ret->at += zip_span_end(z, k) - z->entries[i].at;
        ret->n_kept++;
    }
}

void zip_plan_clear(struct zip_plan *p)
{
    free(p->new_at);
    *p = (struct zip_plan){0};
}

static uint16_t member_flags(const struct zip_member *m)
{
    return m->old ? m->old->flags & ZIP_FLAG_UTF8 : 0; /* our own name is ASCII */
}

static void add_local(const struct zip_member *m, struct strbuf *out)
{
    unsigned char head[ZIP_LOCAL_BYTES] = {0};
    zip_set32(head, ZIP_SIG_LOCAL);
    zip_set16(head + 4, VERSION_DEFLATE);
    zip_set16(head + 6, member_flags(m));
    zip_set16(head + 8, ZIP_DEFLATED);
    zip_set32(head + 10, m->dos_time);
    zip_set32(head + 14, m->crc);
    zip_set32(head + 18, m->packed_len);
    zip_set32(head + 22, m->size);
    zip_set16(head + 26, m->name_len);
    strbuf_add(out, head, sizeof(head));
    strbuf_add(out, m->name, m->name_len);
    strbuf_add(out, m->packed, m->packed_len);
}

static void add_member_record(const struct zip *z, uint64_t at, const struct zip_member *m,
                              struct strbuf *out)
{
    const unsigned char *old = m->old ? z->dir + m->old->rec_at : NULL;
    uint16_t comment_len = old ? zip_get16(old + 32) : 0;
    bool wide = at >= UINT32_MAX;
    unsigned char rec[ZIP_DIR_BYTES] = {0};
    zip_set32(rec, ZIP_SIG_DIR);
    zip_set16(rec + 4, old ? zip_get16(old + 4) : MADE_BY_UNIX);
    zip_set16(rec + 6, wide ? VERSION_ZIP64 : VERSION_DEFLATE);
    zip_set16(rec + 8, member_flags(m));
    zip_set16(rec + 10, ZIP_DEFLATED);
    zip_set32(rec + 12, m->dos_time);
    zip_set32(rec + 16, m->crc);
    zip_set32(rec + 20, m->packed_len);
    zip_set32(rec + 24, m->size);
    zip_set16(rec + 28, m->name_len);
    zip_set16(rec + 30, wide ? WIDE_EXTRA : 0);
    zip_set16(rec + 32, comment_len);
    zip_set32(rec + 38, old ? zip_get32(old + 38) : ATTR_FILE_0644);
    zip_set32(rec + 42, wide ? UINT32_MAX : (uint32_t)at);
    strbuf_add(out, rec, sizeof(rec));
    strbuf_add(out, m->name, m->name_len);
    if (wide) {
        unsigned char extra[WIDE_EXTRA];
        zip_set16(extra, 1);
        zip_set16(extra + 2, 8);
        zip_set64(extra + 4, at);
        strbuf_add(out, extra, sizeof(extra));
    }
    if (comment_len)
        strbuf_add(out, old + m->old->rec_len - comment_len, comment_len);
}

static void add_record(const struct zip *z, const struct zip_entry *e, uint64_t new_at,
                       struct strbuf *out)
{
    size_t begin = out->len;
    strbuf_add(out, z->dir + e->rec_at, e->rec_len);
    unsigned char *rec = (unsigned char *)out->data + begin;
    struct zip_wide wide;
    must(zip_wide_find(rec, &wide)); /* parse_record has seen it */
    must(new_at + z->shift <=
         e->at); /* entries only move towards the start, so the field stays wide enough */
    if (wide.at)
        zip_set64(wide.at, new_at);
    else
        zip_set32(rec + 42, (uint32_t)new_at);
}

static void add_end(const struct zip *z, uint64_t dir_at, uint64_t dir_len, uint64_t n,
                    struct strbuf *out)
{
    bool is_wide = z->zip64 || n >= UINT16_MAX || dir_at >= UINT32_MAX || dir_len >= UINT32_MAX;
    if (is_wide) {
        unsigned char wide[ZIP_END64_BYTES + ZIP_LOCATOR64_BYTES] = {0};
        zip_set32(wide, ZIP_SIG_END64);
        zip_set64(wide + 4, ZIP_END64_BYTES - 12);
        zip_set16(wide + 12, 3 << 8 | VERSION_ZIP64);
        zip_set16(wide + 14, VERSION_ZIP64);
        zip_set64(wide + 24, n);
        zip_set64(wide + 32, n);
        zip_set64(wide + 40, dir_len);
        zip_set64(wide + 48, dir_at);
        unsigned char *loc = wide + ZIP_END64_BYTES;
        zip_set32(loc, ZIP_SIG_LOCATOR64);
        zip_set64(loc + 8, dir_at + dir_len);
        zip_set32(loc + 16, 1);
        strbuf_add(out, wide, sizeof(wide));
    }
    unsigned char end[ZIP_END_BYTES] = {0};
    uint16_t n16 = n >= UINT16_MAX ? UINT16_MAX : (uint16_t)n;
    zip_set32(end, ZIP_SIG_END);
    zip_set16(end + 8, n16);
    zip_set16(end + 10, n16);
    zip_set32(end + 12, dir_len >= UINT32_MAX ? UINT32_MAX : (uint32_t)dir_len);
    /* Beside a zip64 end record it must say less than all: else readers take that one for other data
     * (jszip), or refuse both (zip.js). To leave it out does not do either: some read zip64 fields of
     * entries only where there is one (fflate, Archive::Zip). */
    zip_set32(end + 16, is_wide ? UINT32_MAX : (uint32_t)dir_at);
    zip_set16(end + 20, z->comment_len);
    strbuf_add(out, end, sizeof(end));
    strbuf_add(out, z->comment, z->comment_len);
}

void zip_tail_build(const struct zip *z, const struct zip_plan *plan, uint64_t at,
                    const struct zip_member *m, struct strbuf *out)
{
    size_t begin = out->len;
    if (m)
        add_local(m, out);
    uint64_t dir_at = at + (out->len - begin);
    for (size_t i = 0; i < z->n; i++)
        if (plan->new_at[i] != ZIP_DROPPED)
            add_record(z, &z->entries[i], plan->new_at[i], out);
    if (m)
        add_member_record(z, at, m, out);
    uint64_t dir_len = at + (out->len - begin) - dir_at;
    add_end(z, dir_at, dir_len, plan->n_kept + (m != NULL), out);
}

/* The end record whose comment ends the bytes; NULL: there is none. As zip_read finds it. */
static unsigned char *end_record(unsigned char *tail, size_t len)
{
    for (size_t i = len < ZIP_END_BYTES ? 0 : len - ZIP_END_BYTES + 1; i-- > 0;)
        if (zip_get32(tail + i) == ZIP_SIG_END &&
            i + ZIP_END_BYTES + zip_get16(tail + i + 20) == len)
            return tail + i;
    return NULL;
}

/* Moves the records of the directory that point into the tail. */
static bool move_records(unsigned char *p, unsigned char *end, uint64_t from, uint64_t to)
{
    while (p < end) {
        struct zip_wide wide;
        if (end - p < ZIP_DIR_BYTES || zip_get32(p) != ZIP_SIG_DIR)
            return false;
        size_t len =
            (size_t)ZIP_DIR_BYTES + zip_get16(p + 28) + zip_get16(p + 30) + zip_get16(p + 32);
        if (len > (size_t)(end - p) || !zip_wide_find(p, &wide))
            return false;
        uint64_t at = wide.at ? zip_get64(wide.at) : zip_get32(p + 42);
        if (at >= from && wide.at)
            zip_set64(wide.at, at - from + to);
        else if (at >= from)
            zip_set32(p + 42, (uint32_t)(at - from + to));
        p += len;
    }
    return p == end;
}

bool zip_tail_move(unsigned char *tail, size_t len, uint64_t from, uint64_t to)
{
    unsigned char *end = end_record(tail, len);
    unsigned char *dir_end = end;
    if (!end)
        return false;
    uint64_t dir_at = zip_get32(end + 16);
    unsigned char *loc = end - tail < ZIP_LOCATOR64_BYTES ? NULL : end - ZIP_LOCATOR64_BYTES;
    if (loc && zip_get32(loc) == ZIP_SIG_LOCATOR64) {
        dir_end = loc - ZIP_END64_BYTES;
        if (loc - tail < ZIP_END64_BYTES || zip_get32(dir_end) != ZIP_SIG_END64)
            return false;
        dir_at = zip_get64(dir_end + 48);
        zip_set64(dir_end + 48, dir_at - from + to);
        zip_set64(loc + 8, zip_get64(loc + 8) - from + to);
    }
    if (dir_at < from || dir_at - from > (uint64_t)(dir_end - tail))
        return false;
    if (zip_get32(end + 16) != UINT32_MAX)
        zip_set32(end + 16, (uint32_t)(dir_at - from + to));
    return move_records(tail + (dir_at - from), dir_end, from, to);
}
