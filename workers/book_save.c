/* book_save.c - changing ComicInfo.xml: what the new archive looks like, and by which way it comes about. */
#include "book.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <zlib.h>

#include "book_copy.h"
#include "book_parts.h"
#include "clock.h"
#include "fault.h"

/* The change in question: other bytes for ComicInfo.xml, or none. */
struct edit {
    struct comicinfo *info; /* NULL: it goes */
    const char *text;       /* its bytes */
    size_t len;
    bool *drop; /* by index of entry: goes */
    struct strbuf packed;
    struct zip_member member;
    struct book_settle settle; /* when the method is BOOK_SETTLE */
};

static void edit_clear(struct edit *e)
{
    comicinfo_free(e->info);
    free(e->drop);
    strbuf_clear(&e->packed);
    book_settle_clear(&e->settle);
}
LB_DEFINE_CLEANUP(struct edit, edit_clear)

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
    if (b->tags == BOOK_NO_TAGS)
        return drop;
    const struct zip_entry *old = &b->zip.entries[b->tags];
    for (size_t i = 0; i < b->zip.n; i++) {
        const struct zip_entry *e = &b->zip.entries[i];
        drop[i] = e->name_len == old->name_len &&
                  strncasecmp(zip_name(&b->zip, e), zip_name(&b->zip, old), e->name_len) == 0;
    }
    return drop;
}

/* What stands in the archive when e->info, whose bytes are `text`, has its place; NULL: when it is gone. */
static void edit_make(const struct book *b, struct edit *e, const char *text, size_t len)
{
    const struct zip_entry *old = b->tags == BOOK_NO_TAGS ? NULL : &b->zip.entries[b->tags];
    e->drop = mark_dropped(b);
    if (!e->info)
        return;
    e->text = text;
    e->len = len;
    pack(e->text, e->len, &e->packed);
    e->member = (struct zip_member){
        .name = old ? zip_name(&b->zip, old) : BOOK_MEMBER,
        .name_len = old ? old->name_len : (uint16_t)strlen(BOOK_MEMBER),
        .old = old,
        .packed = (const unsigned char *)e->packed.data,
        .packed_len = (uint32_t)e->packed.len,
        .size = (uint32_t)e->len,
        .crc = (uint32_t)crc32(0, (const Bytef *)e->text, (uInt)e->len),
        .dos_time = dos_time(clock_wall_ms()),
    };
}

static void copy_of(const struct book *b, const struct edit *e, struct book_copy *ret)
{
    *ret = (struct book_copy){
        .dirfd = b->dirfd,
        .base = b->base,
        .fd = b->fd,
        .st = &b->st,
        .zip = &b->zip,
        .drop = e->drop,
        .member = e->info ? &e->member : NULL,
        .text = e->text,
        .text_len = e->len,
    };
}

/* b is the new book. Takes e->info. */
static void take_over(struct book *b, struct edit *e)
{
    b->tags = book_find_tags(&b->zip);
    strbuf_reset(&b->member);
    if (e->info)
        strbuf_add(&b->member, e->text, e->len);
    comicinfo_free(b->info);
    b->info = e->info;
    e->info = NULL;
}

static bool moves_nothing(const struct book *b, const struct edit *e)
{
    struct zip_plan plan LB_CLEANUP(zip_plan_clear) = {0};
    zip_plan_make(&b->zip, e->drop, &plan);
    return plan.in_place && !b->zip.junk_before && !b->zip.junk_after;
}

/* Which way? Where blocks can be shared a copy costs as little as a settle, and needs no record and no lease. */
static int choose(struct book *b, struct edit *e, bool journaled, enum book_method *ret,
                  struct err *err)
{
    *ret = BOOK_CLONE;
    if (moves_nothing(b, e) && book_copy_owner_ok(&b->st) &&
        book_clone_works(b->dirfd, b->fd, &b->st))
        return 0;
    int rc = 0;
    if (journaled)
        rc = book_settle_plan(b, e->drop, e->info ? &e->member : NULL, &e->settle, err);
    *ret = rc == 1 ? BOOK_SETTLE : BOOK_COPY;
    return rc < 0 ? -1 : 0;
}

static int write_copy(struct book *b, struct book_copy *c, struct err *err)
{
    int fd;
    struct zip z;
    struct stat st;
    c->fd = b->fd; /* it may be another descriptor of the file by now */
    if (book_copy_run(c, &fd, &z, &st, err) < 0)
        return -1;
    fd_close(b->fd);
    b->fd = fd;
    zip_clear(&b->zip);
    b->zip = z;
    b->st = st;
    return 0;
}

/* The settled file, read again. */
static int read_again(struct book *b, struct err *err)
{
    zip_clear(&b->zip);
    if (fstat(b->fd, &b->st) < 0)
        return err_sys(err, ERR_IO, "look at the book");
    return zip_read(b->fd, (uint64_t)b->st.st_size, &b->zip, err);
}

/* 1: done. 0: not by this way after all. */
static int write_settled(struct book *b, const struct edit *e, bool *ret_whole, struct err *err)
{
    int rc = book_settle_run(b, &e->settle, e->text, e->len, ret_whole, err);
    return rc == 1 && read_again(b, err) < 0 ? -1 : rc;
}

static int write_edit(struct book *b, struct edit *e, bool (*cancelled)(void *ctx), void *ctx,
                      struct err *err)
{
    enum book_method method;
    struct book_copy c;
    bool whole = true;
    copy_of(b, e, &c);
    c.cancelled = cancelled;
    c.ctx = ctx;
    if (book_copy_check(&c, err) < 0 || choose(b, e, b->journal.begin, &method, err) < 0)
        return -1;
    c.clone = method == BOOK_CLONE;
    const struct tail_write *w = method == BOOK_SETTLE ? &e->settle.write : NULL;
    if (b->journal.begin && b->journal.begin(b->journal.ctx, w, err) < 0)
        return -1;
    fault_hit("book_begun");
    int rc = 0;
    if (cancelled && cancelled(ctx))
        rc = err_set(err, ERR_CANCELLED, "cancelled");
    else if (w)
        rc = write_settled(b, e, &whole, err);
    if (rc == 0)
        rc = write_copy(b, &c, err);
    if (whole && b->journal.end)
        b->journal.end(b->journal.ctx);
    if (rc < 0)
        return -1;
    take_over(b, e);
    return 0;
}

/* 1: e is the change. 0: nothing differs. */
static int edit_from_changes(const struct book *b, const struct book_change *changes, size_t n,
                             struct edit *e, struct err *err)
{
    struct comicinfo *fresh LB_CLEANUP(comicinfo_free) = b->info ? NULL : comicinfo_new();
    if (book_check_tags(b, err) < 0)
        return -1;
    if (comicinfo_apply(b->info ? b->info : fresh, changes, n, &e->info, err) < 0)
        return -1;
    if (!e->info)
        return 0;
    size_t len;
    const char *text = comicinfo_bytes(e->info, &len);
    edit_make(b, e, text, len);
    return 1;
}

static int edit_from_bytes(const struct book *b, const char *bytes, size_t len, struct edit *e,
                           struct err *err)
{
    if (book_check_tags(b, err) < 0)
        return -1;
    size_t old_len;
    const char *old = book_member(b, &old_len);
    bool same = bytes && old ? old_len == len && memcmp(bytes, old, len) == 0 : bytes == old;
    if (same)
        return 0;
    if (bytes && comicinfo_parse(bytes, len, &e->info, err) < 0)
        return -1;
    edit_make(b, e, bytes, len);
    return 1;
}

static int carry_out(struct book *b, int differs, struct edit *e, bool (*cancelled)(void *ctx),
                     void *ctx, bool *ret_written, struct err *err)
{
    if (differs < 0)
        return -1;
    if (differs && cancelled && cancelled(ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (differs && write_edit(b, e, cancelled, ctx, err) < 0)
        return -1;
    *ret_written = differs;
    return 0;
}

int book_save(struct book *b, const struct book_change *changes, size_t n,
              bool (*cancelled)(void *ctx), void *ctx, bool *ret_written, struct err *err)
{
    struct edit e LB_CLEANUP(edit_clear) = {0};
    int differs = edit_from_changes(b, changes, n, &e, err);
    return carry_out(b, differs, &e, cancelled, ctx, ret_written, err);
}

int book_put(struct book *b, const char *bytes, size_t len, bool (*cancelled)(void *ctx), void *ctx,
             bool *ret_written, struct err *err)
{
    struct edit e LB_CLEANUP(edit_clear) = {0};
    int differs = edit_from_bytes(b, bytes, len, &e, err);
    return carry_out(b, differs, &e, cancelled, ctx, ret_written, err);
}

void book_set_journal(struct book *b, const struct book_journal *j)
{
    b->journal = *j;
}

const char *book_method_name(enum book_method m)
{
    static const char *const names[] = {[BOOK_NONE] = "none",
                                        [BOOK_CLONE] = "clone",
                                        [BOOK_SETTLE] = "settle",
                                        [BOOK_COPY] = "copy"};
    return names[m];
}

static int preview(struct book *b, int differs, struct edit *e, enum book_method *ret,
                   int64_t *ret_bytes, struct err *err)
{
    const struct tail_write *w = &e->settle.write;
    struct book_copy c;
    *ret = BOOK_NONE;
    *ret_bytes = 0;
    if (differs <= 0)
        return differs;
    copy_of(b, e, &c);
    if (book_copy_check(&c, err) < 0 || choose(b, e, true, ret, err) < 0)
        return -1;
    c.clone = *ret == BOOK_CLONE;
    *ret_bytes = w->append_at - w->old_size + 2 * w->tail_len;
    return *ret == BOOK_SETTLE ? 0 : book_copy_preview(&c, ret_bytes, err);
}

int book_save_preview(struct book *b, const struct book_change *changes, size_t n,
                      enum book_method *ret, int64_t *ret_bytes, struct err *err)
{
    struct edit e LB_CLEANUP(edit_clear) = {0};
    return preview(b, edit_from_changes(b, changes, n, &e, err), &e, ret, ret_bytes, err);
}

int book_put_preview(struct book *b, const char *bytes, size_t len, enum book_method *ret,
                     int64_t *ret_bytes, struct err *err)
{
    struct edit e LB_CLEANUP(edit_clear) = {0};
    return preview(b, edit_from_bytes(b, bytes, len, &e, err), &e, ret, ret_bytes, err);
}
