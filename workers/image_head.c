#include "image_head.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#define SIDE_MAX  (1u << 24)
#define BOX_DEPTH 4 /* meta, iprp, ipco, ispe */

static const char cut[] = "ends inside its header";

struct bytes {
    const unsigned char *p;
    size_t len;
    bool whole;
};

static uint32_t be16(const unsigned char *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const unsigned char *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static uint32_t le16(const unsigned char *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static uint32_t le24(const unsigned char *p)
{
    return le16(p) | (uint32_t)p[2] << 16;
}

static uint32_t le32(const unsigned char *p)
{
    return le16(p) | le16(p + 2) << 16;
}

/* The header goes on behind what we have. */
static const char *too_short(const struct bytes *b)
{
    return b->whole ? cut : NULL;
}

static const char *set_size(struct image_head *ret, uint32_t width, uint32_t height)
{
    if (width == 0 || height == 0)
        return "has a side of 0 pixels";
    if (width > SIDE_MAX || height > SIDE_MAX)
        return "has a side that is too long to be true";
    ret->width = width;
    ret->height = height;
    return NULL;
}

/* ITU T.81, B.1: markers, each but a few with a length behind it. */
static const char *read_jpeg(const struct bytes *b, struct image_head *ret)
{
    size_t at = 2;
    while (at + 2 <= b->len) {
        if (b->p[at] != 0xff)
            return "is damaged: no marker where one has to be";
        unsigned marker = b->p[at + 1];
        if (marker == 0xff) { /* filling */
            at++;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
            at += 2;
            continue;
        }
        if (marker == 0xd9 || marker == 0xda)
            return "has no size: the picture begins before it is described";
        if (at + 4 > b->len)
            break;
        size_t len = be16(b->p + at + 2);
        if (len < 2 || marker == 0x00)
            return "is damaged: a part of its header has no length";
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            if (at + 9 > b->len)
                return too_short(b);
            if (len < 11)
                return "is damaged: the part that describes it is too short";
            return set_size(ret, be16(b->p + at + 7), be16(b->p + at + 5));
        }
        at += 2 + len;
    }
    return too_short(b);
}

/* PNG, 11.2.2: IHDR comes first. */
static const char *read_png(const struct bytes *b, struct image_head *ret)
{
    static const unsigned char depths[7] = {
        [0] = 1 | 2 | 4 | 8 | 16, [2] = 8 | 16, [3] = 1 | 2 | 4 | 8, [4] = 8 | 16, [6] = 8 | 16};
    if (b->len < 33)
        return too_short(b);
    if (memcmp(b->p, "\x89PNG\r\n\x1a\n", 8) != 0 || be32(b->p + 8) != 13 ||
        memcmp(b->p + 12, "IHDR", 4) != 0)
        return "is damaged: its first bytes are not those of a PNG";
    if ((uint32_t)crc32(0, b->p + 12, 17) != be32(b->p + 29))
        return "is damaged: the checksum of its header does not match";
    unsigned depth = b->p[24], color = b->p[25];
    if (color > 6 || (depth & (depth - 1)) || !(depths[color] & depth) || b->p[26] || b->p[27] ||
        b->p[28] > 1)
        return "is damaged: its header says what no PNG can be";
    return set_size(ret, be32(b->p + 16), be32(b->p + 20));
}

static const char *read_gif(const struct bytes *b, struct image_head *ret)
{
    if (b->len < 13)
        return too_short(b);
    if (b->p[4] != '7' && b->p[4] != '9')
        return "is damaged: a GIF of an unknown version";
    return set_size(ret, le16(b->p + 6), le16(b->p + 8));
}

/* WebP container: the first chunk says which of three kinds it is. */
static const char *read_webp(const struct bytes *b, struct image_head *ret)
{
    if (b->len < 30)
        return too_short(b);
    const unsigned char *chunk = b->p + 12, *data = b->p + 20;
    if (memcmp(chunk, "VP8X", 4) == 0)
        return set_size(ret, le24(data + 4) + 1, le24(data + 7) + 1);
    if (memcmp(chunk, "VP8L", 4) == 0) {
        if (data[0] != 0x2f)
            return "is damaged: a lossless WebP without its mark";
        uint32_t v = le32(data + 1);
        return set_size(ret, (v & 0x3fff) + 1, (v >> 14 & 0x3fff) + 1);
    }
    if (memcmp(chunk, "VP8 ", 4) == 0) {
        if ((data[0] & 1) || memcmp(data + 3, "\x9d\x01\x2a", 3) != 0)
            return "is damaged: a WebP that does not begin with a whole picture";
        return set_size(ret, le16(data + 6) & 0x3fff, le16(data + 8) & 0x3fff);
    }
    return "is damaged: a WebP whose first part is unknown";
}

/* One box of ISO 14496-12 at *at before `end`: its content, and *at behind it. False: none. */
static bool next_box(const struct bytes *b, size_t *at, size_t end, char type[4], size_t *ret_from,
                     size_t *ret_to)
{
    if (end < 8 || *at > end - 8)
        return false;
    uint64_t size = be32(b->p + *at);
    size_t head = 8;
    memcpy(type, b->p + *at + 4, 4);
    if (size == 1) {
        if (end < 16 || *at > end - 16)
            return false;
        size = (uint64_t)be32(b->p + *at + 8) << 32 | be32(b->p + *at + 12);
        head = 16;
    }
    if (size == 0)
        size = end - *at; /* to the end */
    if (size < head)
        return false;
    *ret_from = *at + head;
    *ret_to = size > end - *at ? end : *at + (size_t)size;
    *at = *ret_to;
    return *ret_from <= *ret_to;
}

/* HEIF, 6.5.3: the size of an item is the property ispe; of several the largest is the picture's. */
static void find_ispe(const struct bytes *b, size_t from, size_t to, int depth,
                      struct image_head *best)
{
    char type[4];
    size_t at = from, inner, end;
    while (next_box(b, &at, to, type, &inner, &end)) {
        if (memcmp(type, "ispe", 4) == 0 && end - inner >= 12) {
            struct image_head head = {0};
            if (set_size(&head, be32(b->p + inner + 4), be32(b->p + inner + 8)) == NULL &&
                (uint64_t)head.width * head.height > (uint64_t)best->width * best->height) {
                best->width = head.width;
                best->height = head.height;
            }
        } else if (depth < BOX_DEPTH) {
            if (memcmp(type, "meta", 4) == 0 && end - inner >= 4)
                find_ispe(b, inner + 4, end, depth + 1, best);
            else if (memcmp(type, "iprp", 4) == 0 || memcmp(type, "ipco", 4) == 0)
                find_ispe(b, inner, end, depth + 1, best);
        }
    }
}

static const char *read_avif(const struct bytes *b, struct image_head *ret)
{
    find_ispe(b, 0, b->len, 0, ret);
    return ret->width || !b->whole ? NULL : "has no size";
}

/* "ftyp" with a brand of four letters, the main one or one of the others. */
static bool has_brand(const struct bytes *b, const char *brand)
{
    size_t end = b->len < 8 ? 0 : be32(b->p);
    if (end > b->len)
        end = b->len;
    for (size_t at = 8; at + 4 <= end; at += 4)
        if (at != 12 && memcmp(b->p + at, brand, 4) == 0)
            return true;
    return false;
}

static bool begins(const struct bytes *b, const char *text, size_t len)
{
    return b->len >= len && memcmp(b->p, text, len) == 0;
}

static enum image_kind kind_of(const struct bytes *b)
{
    if (begins(b, "\xff\xd8", 2))
        return IMAGE_JPEG;
    if (begins(b, "\x89PNG", 4))
        return IMAGE_PNG;
    if (begins(b, "GIF8", 4))
        return IMAGE_GIF;
    if (begins(b, "RIFF", 4) && b->len >= 12 && memcmp(b->p + 8, "WEBP", 4) == 0)
        return IMAGE_WEBP;
    if (b->len >= 12 && memcmp(b->p + 4, "ftyp", 4) == 0) {
        if (has_brand(b, "avif") || has_brand(b, "avis"))
            return IMAGE_AVIF;
        if (has_brand(b, "mif1") || has_brand(b, "heic") || has_brand(b, "heix"))
            return IMAGE_OTHER;
    }
    if (begins(b, "BM", 2) || begins(b, "II*\0", 4) || begins(b, "MM\0*", 4) ||
        begins(b, "\xff\x0a", 2) || begins(b, "\0\0\0\x0cJXL \r\n\x87\n", 12) ||
        begins(b, "\0\0\0\x0cjP  \r\n\x87\n", 12))
        return IMAGE_OTHER;
    return IMAGE_NONE;
}

const char *image_head_read(const unsigned char *bytes, size_t len, bool whole,
                            struct image_head *ret)
{
    struct bytes b = {bytes, len, whole};
    *ret = (struct image_head){.kind = kind_of(&b)};
    switch (ret->kind) {
    case IMAGE_JPEG:
        return read_jpeg(&b, ret);
    case IMAGE_PNG:
        return read_png(&b, ret);
    case IMAGE_GIF:
        return read_gif(&b, ret);
    case IMAGE_WEBP:
        return read_webp(&b, ret);
    case IMAGE_AVIF:
        return read_avif(&b, ret);
    case IMAGE_OTHER:
        return NULL;
    case IMAGE_NONE:
        break;
    }
    return len == 0 ? "is empty" : "is no picture";
}

enum image_kind image_kind_of_name(const char *name, size_t len)
{
    static const struct {
        const char *extension;
        enum image_kind kind;
    } known[] = {
        {".jpg", IMAGE_JPEG},  {".jpeg", IMAGE_JPEG},  {".png", IMAGE_PNG},
        {".gif", IMAGE_GIF},   {".webp", IMAGE_WEBP},  {".avif", IMAGE_AVIF},
        {".bmp", IMAGE_OTHER}, {".tif", IMAGE_OTHER},  {".tiff", IMAGE_OTHER},
        {".jxl", IMAGE_OTHER}, {".heic", IMAGE_OTHER}, {".heif", IMAGE_OTHER},
        {".jp2", IMAGE_OTHER},
    };
    const char *dot = memrchr(name, '.', len);
    if (!dot)
        return IMAGE_NONE;
    size_t n = len - (size_t)(dot - name);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strlen(known[i].extension) == n && strncasecmp(dot, known[i].extension, n) == 0)
            return known[i].kind;
    return IMAGE_NONE;
}

const char *image_kind_name(enum image_kind kind)
{
    static const char *const names[] = {"no picture",    "a JPEG picture", "a PNG picture",
                                        "a GIF picture", "a WebP picture", "an AVIF picture",
                                        "a picture"};
    return names[kind];
}
