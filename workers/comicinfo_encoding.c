#include "comicinfo_encoding.h"

#include <string.h>

#include "utf8.h"

bool comicinfo_declared_encoding(const struct strbuf *text, size_t *ret_at, size_t *ret_len)
{
    static const char mark[] = "\xef\xbb\xbf";
    static const char key[] = "encoding";
    const char *s = strbuf_str(text);
    const char *p = strncmp(s, mark, 3) == 0 ? s + 3 : s;
    const char *end = strncmp(p, "<?xml", 5) == 0 ? strstr(p, "?>") : NULL;
    p = end ? memmem(p, (size_t)(end - p), key, sizeof(key) - 1) : NULL;
    if (!p)
        return false;
    p += strcspn(p, "\"'");
    const char *close = p < end ? memchr(p + 1, *p, (size_t)(end - p - 1)) : NULL;
    if (!close)
        return false;
    *ret_at = (size_t)(p + 1 - s);
    *ret_len = (size_t)(close - p - 1);
    return true;
}

bool comicinfo_is_utf16(const char *bytes, size_t len)
{
    return len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0);
}

int comicinfo_from_utf16(const char *bytes, size_t len, struct strbuf *out, struct err *err)
{
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    const unsigned char *p = (const unsigned char *)bytes;
    size_t low = p[0] == 0xff ? 0 : 1; /* which byte of a unit is the low one */
    unsigned high = 0;                 /* the first half of a pair */
    bool ok = len % 2 == 0;
    for (size_t i = 2; ok && i < len; i += 2) {
        unsigned unit = p[i + low] | (unsigned)p[i + 1 - low] << 8;
        bool second = unit >= 0xdc00 && unit <= 0xdfff;
        ok = second == (high != 0) && unit != 0;
        if (ok && unit >= 0xd800 && unit <= 0xdbff) {
            high = unit;
        } else if (ok) {
            utf8_append(&text, second ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
            high = 0;
        }
    }
    if (!ok || high)
        return err_set(err, ERR_BOOK, "ComicInfo.xml is damaged: it is not sound UTF-16");
    size_t at = 0;
    size_t n = 0;
    if (comicinfo_declared_encoding(&text, &at, &n)) {
        strbuf_add(out, text.data, at);
        strbuf_adds(out, "utf-8");
    }
    strbuf_add(out, strbuf_str(&text) + at + n, text.len - at - n);
    return 0;
}
