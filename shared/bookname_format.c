/* File names from a template: bookname_format and bookname_check_template. */
#include "bookname.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bookname_text.h"
#include "strbuf.h"
#include "utf8.h"

#define TEMPLATE_MAX  512
#define VALUE_MAX     1024 /* of a value no more can matter: the whole name has 255 bytes */
#define VALUE_KEEP    16   /* shorter than this no value is cut to make a name fit */
#define EXTENSION_MAX 16
#define PADDING_MAX   64
#define EXPONENT_MAX  40

/* ------------------------------------------------------------------ safe text */

/* Characters that have no place in a name: controls, and those that turn the direction of what
 * follows. */
static bool is_unprintable(unsigned cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

/*
 * Appends one character of a value or template as it may stand in a name. What Windows and SMB
 * refuse is replaced, so that a library on a share stays readable; ':' becomes '_', as in the
 * folder's name from which a series is taken.
 */
static void add_safe(struct strbuf *out, unsigned cp)
{
    if (bookname_is_blank(cp) || cp == '|')
        strbuf_addc(out, ' ');
    else if (cp == '/' || cp == '\\')
        strbuf_addc(out, '-');
    else if (cp == ':')
        strbuf_addc(out, '_');
    else if (cp == '"')
        strbuf_addc(out, '\'');
    else if (cp != '?' && cp != '*' && cp != '<' && cp != '>' && !is_unprintable(cp))
        utf8_append(out, cp);
}

/* One blank for each run of them, none at the ends. Works in place on text that add_safe made. */
static void collapse_blanks(struct strbuf *b)
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

/*
 * A value made safe. Slashes part it as they would part a path: "." and ".." and empty parts go,
 * the others are joined by a dash, so "../../etc/Harbor" is "etc-Harbor" and "3/4" is "3-4".
 */
static void safe_value(struct strbuf *out, const char *text)
{
    size_t len = strnlen(text, VALUE_MAX);
    if (len == VALUE_MAX)
        len = bookname_cut(text, len);
    const char *end = text + len;
    for (const char *p = text; p <= end;) {
        struct strbuf part LB_CLEANUP(strbuf_clear) = {0};
        while (p < end && *p != '/' && *p != '\\') {
            size_t n;
            add_safe(&part, bookname_decode(p, end, &n));
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
    collapse_blanks(out);
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

/*
 * {issue} and {issue_no_pad}: a number without leading zeros, filled up with them to `padding`
 * places before the point (the sign is one), decimals without trailing zeros. What is no number
 * stays as it is.
 */
static void format_issue(const char *issue, int padding, struct strbuf *out)
{
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    safe_value(&text, issue);
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

/* {volume} and {year} are whole numbers; 0 means not known. Other text stays as it is. */
static void format_whole(const char *text, struct strbuf *out)
{
    safe_value(out, text);
    if (out->len == 0 || strspn(out->data, "0123456789") != out->len)
        return;
    size_t zeros = strspn(out->data, "0");
    memmove(out->data, out->data + zeros, out->len - zeros + 1);
    out->len -= zeros;
}

/* ------------------------------------------------------------------ the template */

enum value { SERIES, ISSUE, ISSUE_NO_PAD, TITLE, VOLUME, YEAR, PUBLISHER, N_VALUES };

static const char *const value_names[N_VALUES] = {"series", "issue", "issue_no_pad", "title",
                                                  "volume", "year",  "publisher"};

struct values {
    struct strbuf text[N_VALUES];
    bool used[N_VALUES]; /* by the template */
};

static void values_clear(struct values *v)
{
    for (size_t i = 0; i < N_VALUES; i++)
        strbuf_clear(&v->text[i]);
}
LB_DEFINE_CLEANUP(struct values, values_clear)

static void fill_values(struct values *v, const struct bookname_tags *tags, int padding)
{
    safe_value(&v->text[SERIES], tags->series ? tags->series : "");
    safe_value(&v->text[TITLE], tags->title ? tags->title : "");
    safe_value(&v->text[PUBLISHER], tags->publisher ? tags->publisher : "");
    format_issue(tags->issue ? tags->issue : "", padding, &v->text[ISSUE]);
    format_issue(tags->issue ? tags->issue : "", 0, &v->text[ISSUE_NO_PAD]);
    format_whole(tags->volume ? tags->volume : "", &v->text[VOLUME]);
    format_whole(tags->year ? tags->year : "", &v->text[YEAR]);
}

/* Where the placeholder at p (a '{') ends, behind its '}'; NULL when it is none: "{}", "{
 * {series}", "{ and no end". */
static const char *placeholder_end(const char *p)
{
    size_t n = strcspn(p + 1, "{}");
    return n > 0 && p[n + 1] == '}' ? p + n + 2 : NULL;
}

/* One pass: what a value brings in is not looked at again, so a series named "{issue}" stays that.
 */
static void expand(const char *template, struct values *v, struct strbuf *out)
{
    strbuf_reset(out);
    const char *end = template + strlen(template);
    for (const char *p = template; p < end;) {
        const char *stop = *p == '{' ? placeholder_end(p) : NULL;
        if (!stop) {
            size_t n;
            add_safe(out, bookname_decode(p, end, &n));
            p += n;
            continue;
        }
        for (size_t i = 0; i < N_VALUES; i++) {
            size_t len = strlen(value_names[i]);
            if ((size_t)(stop - p) == len + 2 && memcmp(p + 1, value_names[i], len) == 0) {
                strbuf_add(out, v->text[i].data, v->text[i].len);
                v->used[i] = true;
            }
        }
        p = stop;
    }
    collapse_blanks(out);
}

/* Cuts the longest of the texts in use by `excess` bytes; false when none is long enough to give
 * something. */
static bool shorten(struct values *v, size_t excess)
{
    static const enum value texts[] = {SERIES, TITLE, PUBLISHER};
    struct strbuf *longest = NULL;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct strbuf *t = &v->text[texts[i]];
        if (v->used[texts[i]] && t->len > VALUE_KEEP && (!longest || t->len > longest->len))
            longest = t;
    }
    if (!longest)
        return false;
    size_t keep = longest->len > excess + VALUE_KEEP ? longest->len - excess : VALUE_KEEP;
    longest->len = bookname_cut(longest->data, keep);
    longest->data[longest->len] = '\0';
    collapse_blanks(longest);
    return true;
}

/* The length of the extension that the name already ends in, 0 when it has none. */
static size_t own_extension(const struct strbuf *name, const char *extension)
{
    const char *const known[] = {".cbz", ".cbr", extension};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (bookname_ends_with(strbuf_str(name), name->len, known[i]))
            return strlen(known[i]);
    return 0;
}

/* Is the part before the first dot a device on Windows, where no file can have that name? */
static bool is_device(const char *stem, size_t len)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul"};
    if (len == 3)
        for (size_t i = 0; i < ARRAY_LEN(devices); i++)
            if (strncasecmp(stem, devices[i], 3) == 0)
                return true;
    return len == 4 && (strncasecmp(stem, "com", 3) == 0 || strncasecmp(stem, "lpt", 3) == 0) &&
           stem[3] >= '1' && stem[3] <= '9';
}

/* Takes the extension off `name` into `tail`, and everything off the front that may not stand
 * there. */
static void split_name(struct strbuf *name, const char *extension, struct strbuf *tail)
{
    strbuf_reset(tail);
    size_t own = own_extension(name, extension);
    strbuf_adds(tail, own ? name->data + name->len - own : extension);
    name->len -= own;
    size_t skip = 0;
    while (skip < name->len && (name->data[skip] == '.' || name->data[skip] == ' '))
        skip++;
    struct strbuf stem = {0};
    size_t word = 0;
    while (skip + word < name->len && name->data[skip + word] != '.')
        word++;
    strbuf_add(&stem, name->len ? name->data + skip : "", word);
    if (is_device(strbuf_str(&stem), stem.len))
        strbuf_addc(&stem, '_');
    strbuf_add(&stem, name->len ? name->data + skip + word : "", name->len - skip - word);
    strbuf_clear(name);
    *name = stem;
}

int bookname_format(const char *template, int padding, const char *extension,
                    const struct bookname_tags *tags, char ret[BOOKNAME_MAX + 1], struct err *err)
{
    if (strlen(template) > TEMPLATE_MAX)
        return err_set(err, ERR_RANGE, "the file name template is over %d bytes", TEMPLATE_MAX);
    struct strbuf safe_extension LB_CLEANUP(strbuf_clear) = {0};
    for (const char *p = extension, *end = p + strlen(p); p < end;) {
        size_t n;
        add_safe(&safe_extension, bookname_decode(p, end, &n));
        p += n;
    }
    if (safe_extension.len > EXTENSION_MAX)
        return err_set(err, ERR_RANGE, "the extension is over %d bytes", EXTENSION_MAX);

    struct values v LB_CLEANUP(values_clear) = {0};
    fill_values(&v, tags, padding < 0 ? 0 : padding > PADDING_MAX ? PADDING_MAX : padding);
    struct strbuf name LB_CLEANUP(strbuf_clear) = {0}, tail LB_CLEANUP(strbuf_clear) = {0};
    do {
        expand(template, &v, &name);
        split_name(&name, strbuf_str(&safe_extension), &tail);
        /* A long series must not push the number out: all books of it would get one name. */
    } while (name.len + tail.len > BOOKNAME_MAX && shorten(&v, name.len + tail.len - BOOKNAME_MAX));
    if (name.len == 0)
        return err_set(err, ERR_RANGE, "the file name template leaves nothing of the name");
    if (name.len + tail.len > BOOKNAME_MAX)
        name.len = bookname_cut(name.data, BOOKNAME_MAX - tail.len);
    memcpy(ret, name.data, name.len);
    memcpy(ret + name.len, strbuf_str(&tail), tail.len + 1);
    return 0;
}

int bookname_check_template(const char *template, struct err *err)
{
    if (template[strspn(template, " ")] == '\0')
        return err_field(err, ERR_BAD_FIELD, "format", "the file name template is empty");
    size_t len = strlen(template);
    if (len > TEMPLATE_MAX)
        return err_field(err, ERR_RANGE, "format",
                         "the file name template has %zu bytes, at most %d", len, TEMPLATE_MAX);
    if (!utf8_valid(template, len))
        return err_field(err, ERR_BAD_FIELD, "format", "the file name template is not UTF-8");
    for (const char *p = template; *p;) {
        const char *stop = *p == '{' ? placeholder_end(p) : NULL;
        if (*p == '/' || *p == '\\')
            return err_field(err, ERR_RANGE, "format",
                             "the file name template has a slash: books stay in their folder");
        p = stop ? stop : p + 1;
    }
    if (!strstr(template, "{issue}") && !strstr(template, "{issue_no_pad}") &&
        !strstr(template, "{title}"))
        return err_field(
            err, ERR_RANGE, "format",
            "the file name template has no {issue}, {issue_no_pad} or {title}: all books "
            "of a series would get one name");
    return 0;
}
