#include "bookname.h"

#include <string.h>
#include <strings.h>

#include "bookname_text.h"
#include "strbuf.h"
#include "utf8.h"

/* ------------------------------------------------------------------ characters */

/* The zeros of all decimal digits (Unicode 14, category Nd); each is followed by its one to nine.
 */
static const unsigned digit_zeros[] = {
    0x30,    0x660,   0x6f0,   0x7c0,   0x966,   0x9e6,   0xa66,   0xae6,   0xb66,   0xbe6,
    0xc66,   0xce6,   0xd66,   0xde6,   0xe50,   0xed0,   0xf20,   0x1040,  0x1090,  0x17e0,
    0x1810,  0x1946,  0x19d0,  0x1a80,  0x1a90,  0x1b50,  0x1bb0,  0x1c40,  0x1c50,  0xa620,
    0xa8d0,  0xa900,  0xa9d0,  0xa9f0,  0xaa50,  0xabf0,  0xff10,  0x104a0, 0x10d30, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0,
    0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
};

int bookname_digit(unsigned cp)
{
    if (cp < 0x660)
        return cp >= '0' && cp <= '9' ? (int)(cp - '0') : -1;
    for (size_t i = 1; i < ARRAY_LEN(digit_zeros) && digit_zeros[i] <= cp; i++)
        if (cp - digit_zeros[i] <= 9)
            return (int)(cp - digit_zeros[i]);
    return -1;
}

bool bookname_is_blank(unsigned cp)
{
    return (cp >= 9 && cp <= 13) || (cp >= 0x1c && cp <= 0x20) || cp == 0x85 || cp == 0xa0 ||
           cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

unsigned bookname_decode(const char *p, const char *end, size_t *ret_len)
{
    return utf8_decode((const unsigned char *)p, (size_t)(end - p), ret_len);
}

size_t bookname_cut(const char *s, size_t len)
{
    while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
        len--;
    return len;
}

bool bookname_ends_with(const char *s, size_t len, const char *tail)
{
    size_t n = strlen(tail);
    return n > 0 && len >= n && strncasecmp(s + len - n, tail, n) == 0;
}

/* ------------------------------------------------------------------ the number in a name */

/* A run of digits from p: returns its end, *ret_last is where its last digit starts. */
static const char *skip_digits(const char *p, const char *end, const char **ret_last)
{
    while (p < end) {
        size_t n;
        if (bookname_digit(bookname_decode(p, end, &n)) < 0)
            break;
        *ret_last = p;
        p += n;
    }
    return p;
}

/* The end of "12" or "12.5" at p, p itself when there is no digit. */
static const char *skip_number(const char *p, const char *end)
{
    const char *last;
    const char *stop = skip_digits(p, end, &last);
    if (stop == p || stop == end || *stop != '.')
        return stop;
    const char *fraction = skip_digits(stop + 1, end, &last);
    return fraction > stop + 1 ? fraction : stop;
}

/* The number after "ch" or "chapter", anywhere in the name; its start, or NULL. */
static const char *find_marked(const char *name, const char *end, const char **ret_end)
{
    static const char *const words[] = {"ch", "chapter"};
    for (const char *at = name; at < end; at++) {
        for (size_t w = 0; w < ARRAY_LEN(words); w++) {
            size_t len = strlen(words[w]);
            if ((size_t)(end - at) < len || strncasecmp(at, words[w], len) != 0)
                continue;
            const char *p = at + len;
            size_t n = 0;
            for (; p < end; p += n) {
                unsigned cp = bookname_decode(p, end, &n);
                if (cp != '-' && cp != '.' && cp != '_' && !bookname_is_blank(cp))
                    break;
            }
            *ret_end = skip_number(p, end);
            if (*ret_end > p)
                return p;
        }
    }
    return NULL;
}

static bool closes(const char *p, const char *end)
{
    return p < end && (*p == ')' || *p == ']');
}

/*
 * The end of the number at p that no closing bracket follows, p itself when there is none. A number
 * that touches the bracket gives digits back, one by one, as the regular expression of the old
 * application did: "2019)" gives "201".
 */
static const char *skip_free_number(const char *p, const char *end)
{
    const char *last = p, *last_of_fraction = p;
    const char *stop = skip_digits(p, end, &last);
    if (stop == p)
        return p;
    if (stop < end && *stop == '.') {
        const char *fraction = skip_digits(stop + 1, end, &last_of_fraction);
        if (fraction > stop + 1 && !closes(fraction, end))
            return fraction;
        if (fraction > stop + 1 && last_of_fraction > stop + 1)
            return last_of_fraction;
        return stop;
    }
    return closes(stop, end) ? last : stop;
}

/* The first number not directly behind an opening bracket and not directly before a closing one. */
static const char *find_free(const char *name, const char *end, const char **ret_end)
{
    for (const char *p = name; p < end;) {
        bool opened = p > name && (p[-1] == '(' || p[-1] == '[');
        *ret_end = opened ? p : skip_free_number(p, end);
        if (*ret_end > p)
            return p;
        size_t n;
        (void)bookname_decode(p, end, &n);
        p += n;
    }
    return NULL;
}

bool bookname_number(const char *name, char *ret, size_t size)
{
    static const char *const extensions[] = {".cbz", ".cbr", ".cb7", ".cbt"};
    size_t len = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        if (bookname_ends_with(name, len, extensions[i])) {
            len -= strlen(extensions[i]);
            break;
        }
    }
    const char *stop = NULL;
    const char *start = find_marked(name, name + len, &stop);
    if (!start)
        start = find_free(name, name + len, &stop);
    if (!start || (size_t)(stop - start) >= size)
        return false;
    memcpy(ret, start, (size_t)(stop - start));
    ret[stop - start] = '\0';
    return true;
}

/* ------------------------------------------------------------------ the series of a folder */

void bookname_series_from_folder(const char *folder, char *ret, size_t size)
{
    must(size > 0);
    struct strbuf series LB_CLEANUP(strbuf_clear) = {0};
    const char *p = folder + strspn(folder, " ");
    while (*p) {
        if (strncmp(p, "(*)", 3) == 0 || strncmp(p, "[*]", 3) == 0) {
            p += 3;
            if (series.len == 0 || series.data[series.len - 1] == ' ')
                p += strspn(p, " "); /* of the blanks around the marker one stays */
        } else {
            strbuf_add(&series, *p == '_' ? ":" : p, 1);
            p++;
        }
    }
    size_t n = series.len < size ? series.len : bookname_cut(strbuf_str(&series), size - 1);
    while (n > 0 && series.data[n - 1] == ' ')
        n--;
    memcpy(ret, strbuf_str(&series), n);
    ret[n] = '\0';
}
