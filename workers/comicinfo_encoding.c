#include "comicinfo_encoding.h"

#include <ctype.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "comicinfo.h"
#include "log.h"
#include "utf8.h"

#define NAME_MAX_BYTES 40
/* A character of any of these encodings has at most so many bytes in UTF-8 for each of its own. */
#define GROWTH 4

/* Names without their punctuation and in lower case, and what iconv is asked for: where there is one, the superset
 * that Windows means by the name. */
static const struct {
    const char *name, *iconv;
} legacy[] = {
    {"windows", "CP"},
    {"cp", "CP"},
    {"iso8859", "ISO-8859-"},
    {"latin1", "ISO-8859-1"},
    {"l1", "ISO-8859-1"},
    {"latin2", "ISO-8859-2"},
    {"latin9", "ISO-8859-15"},
    {"macintosh", "MACINTOSH"},
    {"macroman", "MACINTOSH"},
    {"koi8r", "KOI8-R"},
    {"koi8u", "KOI8-U"},
    {"tis620", "CP874"},
    {"shiftjis", "CP932"},
    {"sjis", "CP932"},
    {"xsjis", "CP932"},
    {"mskanji", "CP932"},
    {"windows31j", "CP932"},
    {"ms932", "CP932"},
    {"eucjp", "EUC-JP"},
    {"xeucjp", "EUC-JP"},
    {"iso2022jp", "ISO-2022-JP"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"xgbk", "GB18030"},
    {"gb18030", "GB18030"},
    {"euccn", "GB18030"},
    {"ms936", "GB18030"},
    {"big5", "CP950"},
    {"cnbig5", "CP950"},
    {"big5hkscs", "BIG5-HKSCS"},
    {"euckr", "CP949"},
    {"ksc56011987", "CP949"},
    {"ksc5601", "CP949"},
    {"uhc", "CP949"},
    {"ms949", "CP949"},
};

/* Finds the encoding that an XML declaration names: *ret_len bytes at *ret_at, without its quotes. */
static bool find_declared(const struct strbuf *text, size_t *ret_at, size_t *ret_len)
{
    static const char key[] = "encoding";
    const char *s = strbuf_str(text);
    const char *p = s;
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

/* Appends `text`, with "utf-8" for the encoding that it declares. */
static int take_utf8(const struct strbuf *text, struct strbuf *out, struct err *err)
{
    size_t at = 0;
    size_t n = 0;
    if (text->len > COMICINFO_MAX_BYTES)
        return err_set(err, ERR_BOOK, "ComicInfo.xml is too large: over %u bytes in UTF-8",
                       COMICINFO_MAX_BYTES);
    if (find_declared(text, &at, &n)) {
        strbuf_add(out, text->data, at);
        strbuf_adds(out, "utf-8");
    }
    strbuf_add(out, strbuf_str(text) + at + n, text->len - at - n);
    return 0;
}

/* ------------------------------------------------------------------ UTF-16 */

/* Is it UTF-16? By its mark, else by the zeros beside a first '<'. *ret_skip: the length of the mark. */
static bool is_utf16(const char *bytes, size_t len, bool *ret_big, size_t *ret_skip)
{
    static const struct {
        const char *start;
        size_t len, skip;
        bool big;
    } starts[] = {
        {"\xff\xfe", 2, 2, false},
        {"\xfe\xff", 2, 2, true},
        {"<\0", 2, 0, false},
        {"\0<", 2, 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        if (len < starts[i].len || memcmp(bytes, starts[i].start, starts[i].len) != 0)
            continue;
        *ret_big = starts[i].big;
        *ret_skip = starts[i].skip;
        return true;
    }
    return false;
}

static int from_utf16(const char *bytes, size_t len, bool big, struct strbuf *out, struct err *err)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t low = big ? 1 : 0; /* which byte of a unit is the low one */
    unsigned high = 0;        /* the first half of a pair */
    bool ok = len % 2 == 0;
    for (size_t i = 0; ok && i < len; i += 2) {
        unsigned unit = p[i + low] | (unsigned)p[i + 1 - low] << 8;
        bool second = unit >= 0xdc00 && unit <= 0xdfff;
        ok = second == (high != 0) && unit != 0;
        if (ok && unit >= 0xd800 && unit <= 0xdbff) {
            high = unit;
        } else if (ok) {
            utf8_append(out, second ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
            high = 0;
        }
    }
    if (!ok || high)
        return err_set(err, ERR_BOOK, "ComicInfo.xml is damaged: it is not sound UTF-16");
    return 0;
}

/* ------------------------------------------------------------------ the others */

/* Letters and digits of a declared name in lower case; "" when it is too long for one. */
static void plain_name(const char *name, size_t len, char ret[NAME_MAX_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < NAME_MAX_BYTES; i++)
        if (isalnum((unsigned char)name[i]))
            ret[n++] = (char)tolower((unsigned char)name[i]);
    ret[n < NAME_MAX_BYTES ? n : 0] = '\0';
}

/* What iconv calls it; false when we do not know it. */
static bool iconv_name(const char *plain, char ret[NAME_MAX_BYTES])
{
    for (size_t i = 0; i < ARRAY_LEN(legacy); i++) {
        size_t n = strlen(legacy[i].name);
        const char *rest = plain + n;
        size_t digits = strncmp(plain, legacy[i].name, n) == 0 ? strspn(rest, "0123456789") : 0;
        bool whole = strcmp(plain, legacy[i].name) == 0;
        /* Those that end in a number: windows-1252, cp1252, iso-8859-15. */
        bool numbered = i < 3 && digits > 0 && digits <= 4 && !rest[digits];
        if (numbered || (whole && i >= 3)) {
            (void)snprintf(ret, NAME_MAX_BYTES, "%s%s", legacy[i].iconv, numbered ? rest : "");
            return true;
        }
    }
    return false;
}

static int convert(const char *from, const char *shown, const char *bytes, size_t len,
                   struct strbuf *out, struct err *err)
{
    iconv_t cd = iconv_open("UTF-8", from);
    if (cd == (iconv_t)-1)
        return err_set(err, ERR_BOOK,
                       "ComicInfo.xml is in the encoding %s, which this system cannot read", shown);
    size_t room = len * GROWTH + 16;
    char *in = (char *)(uintptr_t)bytes;
    char *to = strbuf_reserve(out, room);
    size_t left = room;
    size_t rc = iconv(cd, &in, &len, &to, &left);
    if (rc != (size_t)-1)
        rc = iconv(cd, NULL, NULL, &to, &left);
    (void)iconv_close(cd);
    out->len += room - left;
    out->data[out->len] = '\0';
    if (rc == (size_t)-1)
        return err_set(err, ERR_BOOK, "ComicInfo.xml is damaged: it is not sound %s", shown);
    return 0;
}

int comicinfo_decode(const char *bytes, size_t len, struct strbuf *out, bool *ret_utf8,
                     struct err *err)
{
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    size_t at;
    size_t n;
    bool big;
    *ret_utf8 = true;
    if (is_utf16(bytes, len, &big, &n))
        return from_utf16(bytes + n, len - n, big, &text, err) < 0 ? -1
                                                                   : take_utf8(&text, out, err);
    strbuf_add(out, bytes, len);
    if (strncmp(strbuf_str(out), "\xef\xbb\xbf", 3) == 0 || !find_declared(out, &at, &n))
        return 0;
    char plain[NAME_MAX_BYTES];
    char name[NAME_MAX_BYTES];
    plain_name(out->data + at, n, plain);
    if (strcmp(plain, "utf8") == 0 || strncmp(plain, "utf16", 5) == 0 ||
        strcmp(plain, "unicode") == 0)
        return 0;
    *ret_utf8 = false;
    if (strcmp(plain, "usascii") == 0 || strcmp(plain, "iso88591") == 0)
        return 0; /* the parser knows these, and they keep their bytes */
    char shown[64];
    (void)snprintf(shown, sizeof(shown), "%.*s", n > 40 ? 40 : (int)n, out->data + at);
    char quoted[160];
    (void)log_quote(shown, quoted, sizeof(quoted));
    if (!iconv_name(plain, name))
        return err_set(err, ERR_BOOK, "ComicInfo.xml is in an encoding that we cannot read, %s",
                       quoted);
    if (convert(name, quoted, bytes, len, &text, err) < 0)
        return -1;
    *ret_utf8 = true;
    strbuf_reset(out);
    return take_utf8(&text, out, err);
}
