#include "whole.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS_MAX 200000
#define HEAD_BYTES 64

#define RAR4_FILE  0x74
#define RAR4_MAIN  0x73
#define RAR4_SPLIT 0x0001 /* of the main header: a part of several */
#define RAR4_END   0x7b
#define RAR4_LONG  0x8000 /* the block has data behind it */
#define RAR4_LARGE 0x0100 /* the size of a file's data has 64 bits */

#define RAR5_MAIN  1
#define RAR5_SPLIT 1
#define RAR5_END   5
#define RAR5_EXTRA 1
#define RAR5_DATA  2

static uint32_t get16(const unsigned char *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static uint32_t get32(const unsigned char *p)
{
    return get16(p) | get16(p + 2) << 16;
}

/* What is there of HEAD_BYTES at `at`. */
static size_t read_some(int fd, uint64_t at, unsigned char ret[HEAD_BYTES])
{
    ssize_t n = pread(fd, ret, HEAD_BYTES, (off_t)at);
    return n > 0 ? (size_t)n : 0;
}

/*
 * RAR 4: crc 2, type 1, flags 2, size 2, then for blocks with data its size 4. RAR 2 (before 2002) wrote no block that
 * ends an archive: such a one cannot be told from one that was cut between two files.
 */
static bool whole_rar4(int fd, uint64_t size)
{
    unsigned char p[HEAD_BYTES];
    uint64_t at = 7;
    for (int i = 0; i < BLOCKS_MAX && at < size; i++) {
        size_t n = read_some(fd, at, p);
        if (n < 7)
            return false;
        unsigned type = p[2], flags = get16(p + 3);
        uint64_t len = get16(p + 5);
        if (type == RAR4_END)
            return true;
        if (len < 7)
            return false;
        if ((flags & RAR4_LONG) || type == RAR4_FILE) {
            if (n < 11)
                return false;
            len += get32(p + 7);
            if (type == RAR4_FILE && n >= 36 && (flags & RAR4_LARGE))
                len += (uint64_t)get32(p + 32) << 32;
        }
        if (len > size - at)
            return false;
        at += len;
    }
    return false;
}

/* A number of 7 bits a byte, the last one without the high bit. False: it is not whole. */
static bool get_number(const unsigned char *p, size_t n, size_t *at, uint64_t *ret)
{
    *ret = 0;
    for (int shift = 0; shift < 63 && *at < n; shift += 7) {
        unsigned char c = p[(*at)++];
        *ret |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return true;
    }
    return false;
}

/* RAR 5: crc 4, then numbers: size of what follows it, type, flags, size of the extra part, of the data. */
static bool whole_rar5(int fd, uint64_t size)
{
    unsigned char p[HEAD_BYTES];
    uint64_t at = 8;
    for (int i = 0; i < BLOCKS_MAX && at < size; i++) {
        size_t n = read_some(fd, at, p), k = 4;
        uint64_t head, type, flags, extra = 0, data = 0;
        if (!get_number(p, n, &k, &head))
            return false;
        size_t begin = k;
        if (!get_number(p, n, &k, &type) || !get_number(p, n, &k, &flags) ||
            ((flags & RAR5_EXTRA) && !get_number(p, n, &k, &extra)) ||
            ((flags & RAR5_DATA) && !get_number(p, n, &k, &data)))
            return false;
        if (head == 0 || head > size - at || data > size - at || begin + head + data > size - at)
            return false;
        if (type == RAR5_END)
            return true;
        at += begin + head + data;
    }
    return false;
}

bool whole_rar(int fd, uint64_t size)
{
    unsigned char p[HEAD_BYTES];
    size_t n = read_some(fd, 0, p);
    if (n < 8 || memcmp(p, "Rar!\x1a\x07", 6) != 0)
        return false;
    return p[6] == 0 ? whole_rar4(fd, size) : whole_rar5(fd, size);
}

bool whole_single_rar(int fd, uint64_t size)
{
    unsigned char p[HEAD_BYTES];
    if (!whole_rar(fd, size))
        return false;
    size_t n = read_some(fd, 0, p), k = 12; /* RAR 5: behind a mark of 8 bytes and a checksum */
    if (p[6] == 0)
        return n >= 14 && p[9] == RAR4_MAIN && !(get16(p + 10) & RAR4_SPLIT);
    uint64_t head, type, flags, extra, main;
    if (!get_number(p, n, &k, &head) || !get_number(p, n, &k, &type) ||
        !get_number(p, n, &k, &flags) || ((flags & RAR5_EXTRA) && !get_number(p, n, &k, &extra)) ||
        !get_number(p, n, &k, &main))
        return false;
    return type == RAR5_MAIN && !(flags & RAR5_DATA) && !(main & RAR5_SPLIT);
}

/* 7-Zip: 32 bytes, the last 20 of which are place and size of the directory, 8 bytes each, and its checksum. */
bool whole_7z(int fd, uint64_t size)
{
    unsigned char p[HEAD_BYTES];
    if (read_some(fd, 0, p) < 32 || memcmp(p, "7z\xbc\xaf\x27\x1c", 6) != 0)
        return false;
    uint64_t at = get32(p + 12) | (uint64_t)get32(p + 16) << 32;
    uint64_t len = get32(p + 20) | (uint64_t)get32(p + 24) << 32;
    return len > 0 && at <= size && len <= size && at + len <= size - 32;
}

bool whole_tar(int fd, uint64_t size)
{
    unsigned char p[512];
    if (size < sizeof(p) || pread(fd, p, sizeof(p), (off_t)(size - sizeof(p))) != sizeof(p))
        return false;
    for (size_t i = 0; i < sizeof(p); i++)
        if (p[i])
            return false;
    return true;
}
