/* Values of a file name: text and numbers made safe. */
#include "bookname_value.h"

#include <stdlib.h>
#include <string.h>

#include "bookname_text.h"
#include "utf8.h"

#define VALUE_MAX    1024 /* of a value no more can matter: the whole name has 255 bytes */
#define EXPONENT_MAX 40

/* ------------------------------------------------------------------ safe text */

/* Characters that have no place in a name: controls, and those that turn the direction of what
 * follows. */
static bool is_unprintable(unsigned cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

void value_add_safe(struct strbuf *out, unsigned cp, enum bookname_policy policy)
{
    if (bookname_is_blank(cp))
        strbuf_addc(out, ' ');
    else if (cp == '/')
        strbuf_addc(out, '-');
    else if (is_unprintable(cp))
        return;
    else if (policy == BOOKNAME_POSIX)
        utf8_append(out, cp);
    else if (cp == '|')
        strbuf_addc(out, ' ');
    else if (cp == '\\')
        strbuf_addc(out, '-');
    else if (cp == ':')
        strbuf_addc(out, '_');
    else if (cp == '"')
        strbuf_addc(out, '\'');
    else if (cp != '?' && cp != '*' && cp != '<' && cp != '>')
        utf8_append(out, cp);
}

void value_collapse_blanks(struct strbuf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] != ' ' || (n > 0 && b->data[n - 1] != ' '))
            b->data[n++] = b->data[i];
    if (n > 0 && b->data[n - 1] == ' ')
        n--;
    b->len = n;
    if (b->data)
        b->data[n] = '\0';
}

static bool is_slash(char c, enum bookname_policy policy)
{
    return c == '/' || (c == '\\' && policy == BOOKNAME_STRICT);
}

void value_text(const char *text, enum bookname_policy policy, struct strbuf *out)
{
    size_t len = strnlen(text, VALUE_MAX);
    if (len == VALUE_MAX)
        len = bookname_cut(text, len);
    const char *end = text + len;
    for (const char *p = text; p <= end;) {
        struct strbuf part LB_CLEANUP(strbuf_clear) = {0};
        while (p < end && !is_slash(*p, policy)) {
            size_t n;
            value_add_safe(&part, bookname_decode(p, end, &n), policy);
            p += n;
        }
        p++; /* the separator */
        const char *s = strbuf_str(&part);
        s += strspn(s, " ");
        size_t dots = strspn(s, ".");
        if (dots <= 2 && s[dots + strspn(s + dots, " ")] == '\0')
            continue;
        if (out->len > 0)
            strbuf_addc(out, '-');
        strbuf_add(out, part.data, part.len);
    }
    value_collapse_blanks(out);
}

/* ------------------------------------------------------------------ numbers in names */

struct number {
    bool negative;
    struct strbuf digits; /* ASCII, at least one */
    size_t point;         /* how many of them are before the decimal point */
};

static void number_clear(struct number *n)
{
    strbuf_clear(&n->digits);
}
LB_DEFINE_CLEANUP(struct number, number_clear)

/* Digits of any script, appended as ASCII; returns where they end. */
static const char *read_digits(const char *p, const char *end, struct strbuf *out)
{
    while (p < end) {
        size_t n;
        int v = bookname_digit(bookname_decode(p, end, &n));
        if (v < 0)
            break;
        strbuf_addc(out, (char)('0' + v));
        p += n;
    }
    return p;
}

/* Moves the point by the exponent at p ("e3", "E-2"); false when it is none, or too large to be
 * meant. */
static bool read_exponent(const char *p, const char *end, struct number *ret)
{
    p++; /* the 'e' */
    bool down = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    const char *stop = read_digits(p, end, &text);
    if (stop == p || stop != end || text.len > 3)
        return false;
    size_t by = (size_t)strtol(strbuf_str(&text), NULL, 10);
    if (by > EXPONENT_MAX)
        return false;
    if (down) {
        struct strbuf zeros LB_CLEANUP(strbuf_clear) = {0};
        for (size_t i = ret->point; i < by; i++)
            strbuf_addc(&zeros, '0');
        size_t added = zeros.len;
        strbuf_add(&zeros, ret->digits.data, ret->digits.len);
        strbuf_clear(&ret->digits);
        ret->digits = zeros;
        zeros = (struct strbuf){0};
        ret->point += added;
        ret->point -= by;
        return true;
    }
    ret->point += by;
    while (ret->digits.len < ret->point)
        strbuf_addc(&ret->digits, '0');
    return true;
}

/* Is the whole text a decimal number ("7", "-1", "71.40", "1e3", digits of any script)? */
static bool read_number(const char *text, struct number *ret)
{
    const char *p = text, *end = text + strlen(text);
    if (p < end && (*p == '-' || *p == '+'))
        ret->negative = *p++ == '-';
    p = read_digits(p, end, &ret->digits);
    ret->point = ret->digits.len;
    if (p < end && *p == '.')
        p = read_digits(p + 1, end, &ret->digits);
    if (ret->digits.len == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E'))
        return read_exponent(p, end, ret);
    return p == end;
}

void value_number(const char *issue, int padding, enum bookname_policy policy, struct strbuf *out)
{
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    value_text(issue, policy, &text);
    struct number n LB_CLEANUP(number_clear) = {0};
    if (!read_number(strbuf_str(&text), &n)) {
        strbuf_add(out, text.data, text.len);
        return;
    }
    size_t first = 0, last = n.digits.len;
    while (first < n.point && n.digits.data[first] == '0')
        first++;
    while (last > n.point && n.digits.data[last - 1] == '0')
        last--;
    if (n.negative && first < last)
        strbuf_addc(out, '-');
    size_t width = out->len + (n.point > first ? n.point - first : 1);
    for (; width < (size_t)padding; width++)
        strbuf_addc(out, '0');
    if (n.point > first)
        strbuf_add(out, n.digits.data + first, n.point - first);
    else
        strbuf_addc(out, '0');
    if (last > n.point) {
        strbuf_addc(out, '.');
        strbuf_add(out, n.digits.data + n.point, last - n.point);
    }
}

void value_whole(const char *text, int padding, enum bookname_policy policy, struct strbuf *out)
{
    value_text(text, policy, out);
    if (out->len == 0 || strspn(out->data, "0123456789") != out->len)
        return;
    size_t zeros = strspn(out->data, "0");
    size_t digits = out->len - zeros, width = padding > 0 ? (size_t)padding : 0;
    if (digits == 0) {
        strbuf_reset(out);
        return;
    }
    struct strbuf padded = {0};
    for (size_t i = digits; i < width; i++)
        strbuf_addc(&padded, '0');
    strbuf_add(&padded, out->data + zeros, digits);
    strbuf_clear(out);
    *out = padded;
}
