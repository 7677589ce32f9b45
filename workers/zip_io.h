/*
 * zip_io.h - little-endian numbers and whole reads; for zip*.c and the copy of a book.
 */
#ifndef LB_ZIP_IO_H
#define LB_ZIP_IO_H

#include "base.h"
#include "err.h"
#include "zip.h"

#define ZIP_SIG_LOCAL     0x04034b50u
#define ZIP_SIG_DIR       0x02014b50u
#define ZIP_SIG_END       0x06054b50u
#define ZIP_SIG_END64     0x06064b50u
#define ZIP_SIG_LOCATOR64 0x07064b50u

#define ZIP_LOCAL_BYTES     30
#define ZIP_DIR_BYTES       46
#define ZIP_END_BYTES       22
#define ZIP_END64_BYTES     56
#define ZIP_LOCATOR64_BYTES 20

#define ZIP_FLAG_ENCRYPTED 0x0001u
#define ZIP_FLAG_STRONG    0x0040u
#define ZIP_FLAG_UTF8      0x0800u
#define ZIP_FLAG_MASKED    0x2000u

#define ZIP_STORED   0
#define ZIP_DEFLATED 8
#define ZIP_LZMA     14

static inline uint16_t zip_get16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t zip_get32(const unsigned char *p)
{
    return (uint32_t)zip_get16(p) | (uint32_t)zip_get16(p + 2) << 16;
}

static inline uint64_t zip_get64(const unsigned char *p)
{
    return (uint64_t)zip_get32(p) | (uint64_t)zip_get32(p + 4) << 32;
}

static inline void zip_set16(unsigned char *p, uint16_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}

static inline void zip_set32(unsigned char *p, uint32_t v)
{
    zip_set16(p, (uint16_t)v);
    zip_set16(p + 2, (uint16_t)(v >> 16));
}

static inline void zip_set64(unsigned char *p, uint64_t v)
{
    zip_set32(p, (uint32_t)v);
    zip_set32(p + 4, (uint32_t)(v >> 32));
}

/* Unpacks an entry of ZIP_LZMA; appends its e->size bytes, or fails. Its checksum is not looked at. */
int zip_unlzma(const unsigned char *in, size_t len, const struct zip_entry *e, const char *what,
               size_t max_bytes, struct strbuf *out, struct err *err) LB_MUST_CHECK;

/* Reads all of `len` bytes; a file that ends before is ERR_BOOK. */
int zip_pread(int fd, void *buf, size_t len, uint64_t at, struct err *err) LB_MUST_CHECK;

/*
 * The three places of a directory record that zip64 may move into its extra field. Points at the 8-byte field in the
 * extra field, or NULL when the 4-byte one counts. Returns false when a needed one is missing.
 */
struct zip_wide {
    unsigned char *size, *packed, *at;
};
bool zip_wide_find(unsigned char *rec, struct zip_wide *ret);

#endif
