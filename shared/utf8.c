#include "utf8.h"

#include "strbuf.h"

size_t utf8_len(const unsigned char *p, size_t left)
{
    if (left == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        if (p[0] == 0xe0 && p[1] < 0xa0)
            return 0; /* overlong */
        if (p[0] == 0xed && p[1] > 0x9f)
            return 0; /* surrogate */
        return 3;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
            return 0;
        if (p[0] == 0xf0 && p[1] < 0x90)
            return 0; /* overlong */
        if (p[0] == 0xf4 && p[1] > 0x8f)
            return 0; /* above 10FFFF */
        return 4;
    }
    return 0;
}

unsigned utf8_decode(const unsigned char *p, size_t left, size_t *ret_len)
{
    size_t n = utf8_len(p, left);
    *ret_len = n ? n : 1;
    switch (n) {
    case 1:
        return p[0];
    case 2:
        return (unsigned)(p[0] & 0x1f) << 6 | (p[1] & 0x3fu);
    case 3:
        return (unsigned)(p[0] & 0x0f) << 12 | (unsigned)(p[1] & 0x3f) << 6 | (p[2] & 0x3fu);
    case 4:
        return (unsigned)(p[0] & 0x07) << 18 | (unsigned)(p[1] & 0x3f) << 12 |
               (unsigned)(p[2] & 0x3f) << 6 | (p[3] & 0x3fu);
    default:
        return 0xfffd;
    }
}

bool utf8_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len((const unsigned char *)s + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

void utf8_append_lossy(struct strbuf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len((const unsigned char *)s + i, len - i);
        if (n == 0) {
            strbuf_add(out, "\xef\xbf\xbd", 3);
            i++;
        } else {
            strbuf_add(out, s + i, n);
            i += n;
        }
    }
}

void utf8_append(struct strbuf *out, unsigned cp)
{
    must(cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff));
    unsigned char b[4];
    size_t n;
    if (cp < 0x80) {
        b[0] = (unsigned char)cp;
        n = 1;
    } else if (cp < 0x800) {
        b[0] = (unsigned char)(0xc0 | cp >> 6);
        b[1] = (unsigned char)(0x80 | (cp & 0x3f));
        n = 2;
    } else if (cp < 0x10000) {
        b[0] = (unsigned char)(0xe0 | cp >> 12);
        b[1] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        b[2] = (unsigned char)(0x80 | (cp & 0x3f));
        n = 3;
    } else {
        b[0] = (unsigned char)(0xf0 | cp >> 18);
        b[1] = (unsigned char)(0x80 | (cp >> 12 & 0x3f));
        b[2] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        b[3] = (unsigned char)(0x80 | (cp & 0x3f));
        n = 4;
    }
    strbuf_add(out, (const char *)b, n);
}
