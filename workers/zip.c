#include "zip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zip_io.h"

#define WIDE_WINDOW                                                                                \
    (ZIP_END_BYTES + 65535 + ZIP_MAX_JUNK) /* the longest comment and the longest junk */
#define HEAD_BYTES 512

int zip_pread(int fd, void *buf, size_t len, uint64_t at, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "read the archive");
        if (n == 0)
            return err_set(err, ERR_BOOK, "the file became shorter while it was read");
        done += (size_t)n;
    }
    return 0;
}

/* From the tail when it is there. */
static int read_at(int fd, const struct zip *z, void *buf, size_t len, uint64_t at, struct err *err)
{
    uint64_t tail_at = z->file_size - z->tail_len;
    if (at < tail_at || len > z->file_size - at)
        return zip_pread(fd, buf, len, at, err);
    memcpy(buf, z->tail + (at - tail_at), len);
    return 0;
}

const char *zip_other_format(const unsigned char *head, size_t len)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t len;
        const char *name;
    } known[] = {
        {0, "Rar!\x1a\x07", 6, "a RAR archive"},
        {0, "7z\xbc\xaf\x27\x1c", 6, "a 7-Zip archive"},
        {257, "ustar", 5, "a tar archive"},
        {0, "%PDF", 4, "a PDF document"},
        {0, "\x1f\x8b", 2, "a gzip file"},
        {0, "BZh", 3, "a bzip2 file"},
        {0,
         "\xfd"
         "7zXZ",
         5, "an xz file"},
        {0, "\x28\xb5\x2f\xfd", 4, "a zstd file"},
        {0, "\xff\xd8\xff", 3, "a JPEG picture"},
        {0, "\x89PNG", 4, "a PNG picture"},
        {0, "GIF8", 4, "a GIF picture"},
        {0, "<!DOCTYPE", 9, "a web page"},
        {0, "<html", 5, "a web page"},
        {0, "PK\x07\x08", 4, "one part of a split archive"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (len >= known[i].at + known[i].len &&
            memcmp(head + known[i].at, known[i].bytes, known[i].len) == 0)
            return known[i].name;
    if (len >= 4 && zip_get32(head) == ZIP_SIG_LOCAL)
        return "a zip archive"; /* for data that stands before another one */
    return NULL;
}

const char *zip_other_format_of(int fd)
{
    unsigned char head[HEAD_BYTES];
    ssize_t n = pread(fd, head, sizeof(head), 0);
    return n > 0 ? zip_other_format(head, (size_t)n) : NULL;
}

/* No usable end record: say what the file is instead. */
static int not_an_archive(int fd, struct err *err)
{
    unsigned char head[HEAD_BYTES];
    ssize_t n = pread(fd, head, sizeof(head), 0);
    if (n < 0)
        return err_sys(err, ERR_IO, "read the archive");
    if (n >= 4 && zip_get32(head) == ZIP_SIG_LOCAL)
        return err_set(
            err, ERR_BOOK,
            "the archive is cut off or damaged: its end, with the list of pages, is missing");
    const char *name = zip_other_format(head, (size_t)n);
    if (name)
        return err_set(err, ERR_BOOK, "this is %s, not a CBZ (zip) archive", name);
    return err_set(err, ERR_BOOK, "this is not a CBZ (zip) archive");
}

/* The last end record in buf with at most max_junk bytes behind its comment; -1 when there is none.
 */
static ssize_t find_end(const unsigned char *buf, size_t len, size_t max_junk)
{
    if (len < ZIP_END_BYTES)
        return -1;
    for (size_t i = len - ZIP_END_BYTES + 1; i-- > 0;) {
        if (buf[i] != 'P' || zip_get32(buf + i) != ZIP_SIG_END)
            continue;
        size_t end = i + ZIP_END_BYTES + zip_get16(buf + i + 20);
        if (end <= len && len - end <= max_junk)
            return (ssize_t)i;
    }
    return -1;
}

/* Reads the tail and finds the end record; *ret_at is its place in the file, rec its bytes. Fills
 * comment and junk. */
static int read_end(int fd, struct zip *z, unsigned char rec[ZIP_END_BYTES], uint64_t *ret_at,
                    struct err *err)
{
    z->tail_len = z->file_size < ZIP_TAIL_BYTES ? (size_t)z->file_size : ZIP_TAIL_BYTES;
    z->tail = mem_new(z->tail_len);
    if (zip_pread(fd, z->tail, z->tail_len, z->file_size - z->tail_len, err) < 0)
        return -1;
    ssize_t i = find_end(z->tail, z->tail_len, 0);
    if (i < 0) { /* a long comment, or junk */
        size_t len = z->file_size < WIDE_WINDOW ? (size_t)z->file_size : WIDE_WINDOW;
        free(z->tail);
        z->tail = mem_new(len);
        z->tail_len = len;
        if (zip_pread(fd, z->tail, len, z->file_size - len, err) < 0)
            return -1;
        i = find_end(z->tail, len, 0);
        if (i < 0)
            i = find_end(z->tail, len, ZIP_MAX_JUNK);
        if (i < 0)
            return not_an_archive(fd, err);
    }
    memcpy(rec, z->tail + i, ZIP_END_BYTES);
    z->comment_len = zip_get16(rec + 20);
    z->comment = mem_new(z->comment_len);
    memcpy(z->comment, z->tail + i + ZIP_END_BYTES, z->comment_len);
    *ret_at = z->file_size - z->tail_len + (uint64_t)i;
    z->junk_after = z->file_size - *ret_at - ZIP_END_BYTES - z->comment_len;
    return 0;
}

struct end_info {
    uint64_t n, dir_len, dir_at;
    uint64_t at; /* of the first end record: the directory ends here */
};

static int bad_end(struct err *err)
{
    return err_set(err, ERR_BOOK, "the archive's end record is damaged");
}

static int split(struct err *err)
{
    return err_set(err, ERR_BOOK, "this is one part of a split archive; join the parts first");
}

/* A 4- or 2-byte field of the end record must be saturated or agree with its zip64 twin. */
static bool agrees(uint64_t narrow, uint64_t limit, uint64_t wide)
{
    return narrow == limit || narrow == wide;
}

/* Reads the zip64 end record before `end` when there is one. */
static int read_end64(int fd, struct zip *z, struct end_info *end, struct err *err)
{
    unsigned char loc[ZIP_LOCATOR64_BYTES];
    unsigned char rec[ZIP_END64_BYTES];
    if (end->at < ZIP_LOCATOR64_BYTES)
        return 0;
    uint64_t loc_at = end->at - ZIP_LOCATOR64_BYTES;
    if (read_at(fd, z, loc, sizeof(loc), loc_at, err) < 0)
        return -1;
    if (zip_get32(loc) != ZIP_SIG_LOCATOR64)
        return 0;
    if (zip_get32(loc + 4) != 0 || zip_get32(loc + 16) > 1)
        return split(err);
    /* The record stands right before its locator; junk before the archive makes the locator's
     * offset too small. */
    if (loc_at < sizeof(rec) || zip_get64(loc + 8) > loc_at - sizeof(rec))
        return bad_end(err);
    uint64_t rec_at = loc_at - sizeof(rec);
    if (read_at(fd, z, rec, sizeof(rec), rec_at, err) < 0)
        return -1;
    if (zip_get32(rec) != ZIP_SIG_END64 || zip_get64(rec + 4) != sizeof(rec) - 12)
        return bad_end(err);
    if (zip_get32(rec + 16) != 0 || zip_get32(rec + 20) != 0)
        return split(err);
    uint64_t n = zip_get64(rec + 32);
    uint64_t dir_len = zip_get64(rec + 40);
    uint64_t dir_at = zip_get64(rec + 48);
    if (zip_get64(rec + 24) != n || !agrees(end->n, UINT16_MAX, n) ||
        !agrees(end->dir_len, UINT32_MAX, dir_len) || !agrees(end->dir_at, UINT32_MAX, dir_at))
        return bad_end(err);
    *end = (struct end_info){.n = n, .dir_len = dir_len, .dir_at = dir_at, .at = rec_at};
    z->zip64 = true;
    return 0;
}

/* Where the directory is and how long, checked against the file and our limits. */
static int locate(int fd, struct zip *z, struct end_info *ret, struct err *err)
{
    unsigned char rec[ZIP_END_BYTES] = {0};
    uint64_t at = 0;
    if (read_end(fd, z, rec, &at, err) < 0)
        return -1;
    uint16_t disk = zip_get16(rec + 4);
    uint16_t dir_disk = zip_get16(rec + 6);
    if ((disk != 0 && disk != UINT16_MAX) || (dir_disk != 0 && dir_disk != UINT16_MAX) ||
        zip_get16(rec + 8) != zip_get16(rec + 10))
        return split(err);
    *ret = (struct end_info){
        .n = zip_get16(rec + 10),
        .dir_len = zip_get32(rec + 12),
        .dir_at = zip_get32(rec + 16),
        .at = at,
    };
    if (read_end64(fd, z, ret, err) < 0)
        return -1;
    if (ret->dir_len > ret->at || ret->dir_at > ret->at - ret->dir_len)
        return err_set(err, ERR_BOOK,
                       "the archive is damaged: its list of pages does not lie inside the file");
    if (ret->n > ZIP_MAX_ENTRIES || ret->dir_len > ZIP_MAX_DIR_BYTES)
        return err_set(err, ERR_BOOK, "the archive has too many entries (%llu; at most %d)",
                       (unsigned long long)ret->n, ZIP_MAX_ENTRIES);
    if (ret->n * ZIP_DIR_BYTES > ret->dir_len)
        return bad_end(err);
    z->dir_at = ret->at - ret->dir_len;
    z->shift = z->dir_at - ret->dir_at;
    return 0;
}

bool zip_wide_find(unsigned char *rec, struct zip_wide *ret)
{
    unsigned char **const into[] = {&ret->size, &ret->packed, &ret->at};
    const bool need[] = {zip_get32(rec + 24) == UINT32_MAX, zip_get32(rec + 20) == UINT32_MAX,
                         zip_get32(rec + 42) == UINT32_MAX};
    *ret = (struct zip_wide){0};
    if (!need[0] && !need[1] && !need[2])
        return true;
    unsigned char *p = rec + ZIP_DIR_BYTES + zip_get16(rec + 28);
    size_t left = zip_get16(rec + 30);
    while (left >= 4) {
        size_t len = zip_get16(p + 2);
        if (len > left - 4)
            return false;
        if (zip_get16(p) == 1) {
            unsigned char *field = p + 4;
            for (size_t i = 0; i < ARRAY_LEN(need); i++) {
                if (!need[i])
                    continue;
                if ((size_t)(field - (p + 4)) + 8 > len)
                    return false;
                *into[i] = field;
                field += 8;
            }
            return true;
        }
        p += 4 + len;
        left -= 4 + len;
    }
    return false;
}

static int bad_dir(struct err *err)
{
    return err_set(err, ERR_BOOK, "the archive's list of pages is damaged");
}

/* One record of the directory, of which `left` bytes may be read. */
static int parse_record(const struct zip *z, size_t rec_at, struct zip_entry *e, struct err *err)
{
    unsigned char *rec = z->dir + rec_at;
    size_t left = z->dir_len - rec_at;
    if (left < ZIP_DIR_BYTES || zip_get32(rec) != ZIP_SIG_DIR)
        return bad_dir(err);
    size_t len =
        (size_t)ZIP_DIR_BYTES + zip_get16(rec + 28) + zip_get16(rec + 30) + zip_get16(rec + 32);
    struct zip_wide wide;
    if (len > left || !zip_wide_find(rec, &wide))
        return bad_dir(err);
    *e = (struct zip_entry){
        .at = wide.at ? zip_get64(wide.at) : zip_get32(rec + 42),
        .packed = wide.packed ? zip_get64(wide.packed) : zip_get32(rec + 20),
        .size = wide.size ? zip_get64(wide.size) : zip_get32(rec + 24),
        .crc = zip_get32(rec + 16),
        .rec_at = (uint32_t)rec_at,
        .rec_len = (uint32_t)len,
        .name_len = zip_get16(rec + 28),
        .method = zip_get16(rec + 10),
        .flags = zip_get16(rec + 8),
    };
    if (e->flags & (ZIP_FLAG_ENCRYPTED | ZIP_FLAG_STRONG | ZIP_FLAG_MASKED))
        return err_set(err, ERR_BOOK, "the archive is encrypted");
    if (zip_get16(rec + 34) != 0 && zip_get16(rec + 34) != UINT16_MAX)
        return split(err);
    if (e->at > z->dir_at || e->at + z->shift > z->dir_at ||
        e->packed > z->dir_at - (e->at + z->shift))
        return err_set(err, ERR_BOOK,
                       "the archive is damaged: an entry does not lie inside the file");
    e->at += z->shift;
    return 0;
}

static int by_place(const void *a, const void *b, void *ctx)
{
    const struct zip_entry *entries = ctx;
    uint32_t ia = *(const uint32_t *)a;
    uint32_t ib = *(const uint32_t *)b;
    if (entries[ia].at != entries[ib].at)
        return entries[ia].at < entries[ib].at ? -1 : 1;
    return ia < ib ? -1 : ia > ib;
}

/* Puts the entries in the order of their places and refuses those that share bytes. */
static int check_overlap(struct zip *z, struct err *err)
{
    bool sorted = true;
    z->order = mem_new(z->n * sizeof(*z->order));
    for (size_t i = 0; i < z->n; i++) {
        z->order[i] = (uint32_t)i;
        sorted = sorted && (i == 0 || z->entries[i - 1].at <= z->entries[i].at);
    }
    if (!sorted)
        qsort_r(z->order, z->n, sizeof(*z->order), by_place, z->entries);
    for (size_t k = 0; k < z->n; k++) {
        const struct zip_entry *e = &z->entries[z->order[k]];
        uint64_t room = zip_span_end(z, k) - e->at;
        uint64_t head = (uint64_t)ZIP_LOCAL_BYTES + e->name_len;
        if (room < head || room - head < e->packed)
            return err_set(err, ERR_BOOK,
                           "entries of the archive overlap: it is damaged or made to do harm");
    }
    z->junk_before = z->n > 0 ? z->entries[z->order[0]].at : z->dir_at;
    return 0;
}

static int read_directory(int fd, struct zip *z, const struct end_info *end, struct err *err)
{
    z->dir_len = (size_t)end->dir_len;
    z->dir = mem_new(z->dir_len);
    if (read_at(fd, z, z->dir, z->dir_len, z->dir_at, err) < 0)
        return -1;
    z->entries = mem_new((size_t)end->n * sizeof(*z->entries));
    size_t at = 0;
    for (; z->n < end->n; z->n++) {
        if (parse_record(z, at, &z->entries[z->n], err) < 0)
            return -1;
        at += z->entries[z->n].rec_len;
    }
    if (at != z->dir_len)
        return bad_dir(err);
    if (check_overlap(z, err) < 0)
        return -1;
    if (z->n == 0 && z->dir_at > 0)
        return err_set(err, ERR_BOOK, "the archive is damaged: its list of pages is empty");
    /* A whole archive inside the rest of a longer, cut one looks just like an archive behind junk.
     */
    const char *other = z->shift > 0 ? zip_other_format_of(fd) : NULL;
    if (other)
        return err_set(err, ERR_BOOK, "the file begins as %s and ends as another one: damaged",
                       other);
    return 0;
}

int zip_read(int fd, uint64_t file_size, struct zip *ret, struct err *err)
{
    struct zip z LB_CLEANUP(zip_clear) = {.file_size = file_size};
    struct end_info end = {0};
    if (file_size == 0)
        return err_set(err, ERR_BOOK, "the file is empty (0 bytes)");
    if (file_size > INT64_MAX)
        return err_set(err, ERR_BOOK, "the file is too large");
    if (locate(fd, &z, &end, err) < 0 || read_directory(fd, &z, &end, err) < 0)
        return -1;
    *ret = z;
    z = (struct zip){0};
    return 0;
}

void zip_clear(struct zip *z)
{
    free(z->dir);
    free(z->entries);
    free(z->order);
    free(z->comment);
    free(z->tail);
    *z = (struct zip){0};
}

const char *zip_name(const struct zip *z, const struct zip_entry *e)
{
    return (const char *)z->dir + e->rec_at + ZIP_DIR_BYTES;
}

uint64_t zip_span_end(const struct zip *z, size_t k)
{
    return k + 1 < z->n ? z->entries[z->order[k + 1]].at : z->dir_at;
}
