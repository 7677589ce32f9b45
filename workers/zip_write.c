#include "zip_write.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "utf8.h"
#include "zip_io.h"

#define VERSION_STORE  10
#define VERSION_ZIP64  45
#define MADE_BY_UNIX   (3 << 8 | 20)
#define ATTR_FILE_0644 (0100644u << 16)
#define WIDE_EXTRA     12 /* a zip64 extra field with one value */

void zip_writer_init(struct zip_writer *w, int fd)
{
    *w = (struct zip_writer){.fd = fd};
}

void zip_writer_clear(struct zip_writer *w)
{
    strbuf_clear(&w->dir);
    strbuf_clear(&w->name);
}

static int put(int fd, const void *bytes, size_t len, uint64_t at, struct err *err)
{
    const char *p = bytes;
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, p + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "write the new archive");
        done += (size_t)n;
    }
    return 0;
}

/* MS-DOS date and time (APPNOTE 4.4.6): local time, 1980 to 2107, steps of 2 s. */
static uint32_t dos_time(int64_t unix_s)
{
    time_t s = (time_t)unix_s;
    struct tm tm = {0};
    if (!localtime_r(&s, &tm) || tm.tm_year < 80 || tm.tm_year > 207)
        return 1u << 21 | 1u << 16; /* 1980-01-01 */
    return (uint32_t)(tm.tm_year - 80) << 25 | (uint32_t)(tm.tm_mon + 1) << 21 |
           (uint32_t)tm.tm_mday << 16 | (uint32_t)tm.tm_hour << 11 | (uint32_t)tm.tm_min << 5 |
           (uint32_t)tm.tm_sec / 2;
}

/* What local header and directory record share: 26 bytes from "version needed" on. */
static void fill_common(const struct zip_writer *w, unsigned char *p)
{
    const char *name = strbuf_str(&w->name);
    bool ascii = true;
    for (size_t i = 0; i < w->name.len; i++)
        ascii = ascii && !(name[i] & 0x80);
    zip_set16(p, VERSION_STORE);
    zip_set16(p + 2, !ascii && utf8_valid(name, w->name.len) ? ZIP_FLAG_UTF8 : 0);
    zip_set16(p + 4, ZIP_STORED);
    zip_set32(p + 6, dos_time(w->mtime));
    zip_set32(p + 10, w->entry_crc);
    zip_set32(p + 14, (uint32_t)w->entry_size);
    zip_set32(p + 18, (uint32_t)w->entry_size);
    zip_set16(p + 22, (uint16_t)w->name.len);
    zip_set16(p + 24, 0);
}

int zip_writer_begin(struct zip_writer *w, const char *name, size_t name_len, int64_t mtime,
                     struct err *err)
{
    if (w->n >= ZIP_WRITE_MAX_ENTRIES)
        return err_set(err, ERR_LIMIT, "the archive has more than %d files", ZIP_WRITE_MAX_ENTRIES);
    if (name_len == 0 || name_len > UINT16_MAX)
        return err_set(err, ERR_LIMIT, "a file in the archive has a name of %zu bytes", name_len);
    strbuf_reset(&w->name);
    strbuf_add(&w->name, name, name_len);
    w->mtime = mtime;
    w->entry_at = w->at;
    w->entry_size = 0;
    w->entry_crc = 0;
    w->at += ZIP_LOCAL_BYTES + name_len;
    return 0;
}

int zip_writer_data(struct zip_writer *w, const void *bytes, size_t len, struct err *err)
{
    if (w->entry_size + len >= UINT32_MAX)
        return err_set(err, ERR_LIMIT, "a file in the archive is longer than 4 GiB");
    if (put(w->fd, bytes, len, w->at, err) < 0)
        return -1;
    w->entry_crc = (uint32_t)crc32(w->entry_crc, bytes, (uInt)len);
    w->entry_size += len;
    w->at += len;
    return 0;
}

/* The record goes into the directory with the offset, in an extra field when it needs one. */
static void add_record(struct zip_writer *w)
{
    bool wide = w->entry_at >= UINT32_MAX;
    unsigned char rec[ZIP_DIR_BYTES] = {0};
    zip_set32(rec, ZIP_SIG_DIR);
    zip_set16(rec + 4, MADE_BY_UNIX);
    fill_common(w, rec + 6);
    if (wide)
        zip_set16(rec + 6, VERSION_ZIP64);
    zip_set16(rec + 30, wide ? WIDE_EXTRA : 0);
    zip_set32(rec + 38, ATTR_FILE_0644);
    zip_set32(rec + 42, wide ? UINT32_MAX : (uint32_t)w->entry_at);
    strbuf_add(&w->dir, rec, sizeof(rec));
    strbuf_add(&w->dir, strbuf_str(&w->name), w->name.len);
    if (wide) {
        unsigned char extra[WIDE_EXTRA];
        zip_set16(extra, 1);
        zip_set16(extra + 2, 8);
        zip_set64(extra + 4, w->entry_at);
        strbuf_add(&w->dir, extra, sizeof(extra));
    }
    w->n++;
}

int zip_writer_close(struct zip_writer *w, struct err *err)
{
    unsigned char head[ZIP_LOCAL_BYTES];
    zip_set32(head, ZIP_SIG_LOCAL);
    fill_common(w, head + 4);
    if (put(w->fd, head, sizeof(head), w->entry_at, err) < 0 ||
        put(w->fd, strbuf_str(&w->name), w->name.len, w->entry_at + sizeof(head), err) < 0)
        return -1;
    add_record(w);
    return 0;
}

void zip_writer_abandon(struct zip_writer *w)
{
    w->at = w->entry_at;
}

static void add_end64(const struct zip_writer *w, struct strbuf *out)
{
    unsigned char wide[ZIP_END64_BYTES + ZIP_LOCATOR64_BYTES] = {0};
    zip_set32(wide, ZIP_SIG_END64);
    zip_set64(wide + 4, ZIP_END64_BYTES - 12);
    zip_set16(wide + 12, 3 << 8 | VERSION_ZIP64);
    zip_set16(wide + 14, VERSION_ZIP64);
    zip_set64(wide + 24, w->n);
    zip_set64(wide + 32, w->n);
    zip_set64(wide + 40, w->dir.len);
    zip_set64(wide + 48, w->at);
    unsigned char *loc = wide + ZIP_END64_BYTES;
    zip_set32(loc, ZIP_SIG_LOCATOR64);
    zip_set64(loc + 8, w->at + w->dir.len);
    zip_set32(loc + 16, 1);
    strbuf_add(out, wide, sizeof(wide));
}

int zip_writer_end(struct zip_writer *w, struct err *err)
{
    struct strbuf tail LB_CLEANUP(strbuf_clear) = {0};
    unsigned char end[ZIP_END_BYTES] = {0};
    bool wide = w->at >= UINT32_MAX;
    strbuf_add(&tail, strbuf_str(&w->dir), w->dir.len);
    if (wide)
        add_end64(w, &tail);
    zip_set32(end, ZIP_SIG_END);
    zip_set16(end + 8, (uint16_t)w->n);
    zip_set16(end + 10, (uint16_t)w->n);
    zip_set32(end + 12, (uint32_t)w->dir.len);
    zip_set32(end + 16, wide ? UINT32_MAX : (uint32_t)w->at);
    strbuf_add(&tail, end, sizeof(end));
    if (put(w->fd, tail.data, tail.len, w->at, err) < 0)
        return -1;
    if (ftruncate(w->fd, (off_t)(w->at + tail.len)) < 0)
        return err_sys(err, ERR_IO, "write the new archive");
    return 0;
}
