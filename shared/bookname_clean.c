/* One plain text of a file name: no extension, ASCII digits and brackets, blanks where words end. */
#include <string.h>
#include <strings.h>

#include "bookname_parse.h"
#include "bookname_scan.h"
#include "bookname_text.h"
#include "utf8.h"

/* How the words of a name are kept apart. */
struct style {
    size_t blanks, underscores, dots, hyphens, pluses; /* outside brackets */
    bool upper;
    bool percent; /* "%20" */
};

/* ------------------------------------------------------------------ extension */

static size_t bare_length(const char *name, size_t len)
{
    static const char *const extensions[] = {".cbz", ".cbr", ".cb7", ".cbt", ".cba", ".zip",
                                             ".rar", ".7z",  ".tar", ".pdf", ".epub"};
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        if (!bookname_ends_with(name, len, extensions[i]))
            continue;
        len -= strlen(extensions[i]);
        return bookname_ends_with(name, len, ".tar") ? len - 4 : len;
    }
    return len;
}

/* ------------------------------------------------------------------ characters */

/* What stands for cp; 0 = nothing. */
static unsigned plain_char(unsigned cp)
{
    if (cp < 0x80)
        return cp == '\t' || cp == '\n' || cp == '\r' ? ' ' : cp < 0x20 || cp == 0x7f ? 0 : cp;
    int digit = bookname_digit(cp);
    if (digit >= 0)
        return '0' + (unsigned)digit;
    if (bookname_is_blank(cp))
        return ' ';
    if (cp >= 0xff01 && cp <= 0xff5e)
        return cp - 0xfee0;
    switch (cp) {
    case 0x3010: /* lenticular and tortoise shell brackets */
    case 0x3014:
        return '[';
    case 0x3011:
    case 0x3015:
        return ']';
    case 0x2010: /* dashes */
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
        return '-';
    case 0x301c:
        return '~';
    case 0x2044: /* fraction slashes */
    case 0x2215:
        return '/';
    default:
        break;
    }
    bool unseen = (cp >= 0x80 && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
                  (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
    return unseen ? 0 : cp;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* The bytes of the name with "%20" and "&amp;" undone; returns their number. */
static size_t undo_escapes(const char *name, size_t len, bool percent, char *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < SCAN_TEXT; i++) {
        if (percent && name[i] == '%' && i + 2 < len && hex(name[i + 1]) >= 0 &&
            hex(name[i + 2]) >= 0) {
            ret[n++] = (char)(hex(name[i + 1]) << 4 | hex(name[i + 2]));
            i += 2;
        } else if (name[i] == '&' && len - i >= 5 && strncasecmp(name + i, "&amp;", 5) == 0) {
            ret[n++] = '&';
            i += 4;
        } else {
            ret[n++] = name[i];
        }
    }
    return n;
}

static void put_char(struct scan *s, unsigned cp)
{
    if (cp < 0x80) {
        s->text[s->len++] = (char)cp;
        return;
    }
    char *at = s->text + s->len;
    int more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    at[0] = (char)(lead[more] | cp >> (6 * more));
    for (int i = 1; i <= more; i++)
        at[i] = (char)(0x80 | (cp >> (6 * (more - i)) & 0x3f));
    s->len += (size_t)more + 1;
}

static void copy_plain(const char *raw, size_t len, struct scan *s)
{
    for (const char *p = raw, *end = raw + len; p < end && s->len + 4 <= SCAN_TEXT;) {
        size_t n = 1;
        unsigned cp = (unsigned char)*p;
        if (cp >= 0x80)
            cp = bookname_decode(p, end, &n);
        cp = plain_char(cp);
        if (cp)
            put_char(s, cp);
        p += n;
    }
    while (s->len > 0 && s->text[s->len - 1] == ' ')
        s->len--;
    s->text[s->len] = '\0';
}

/* ------------------------------------------------------------------ separators */

static bool opens(char c)
{
    return c == '(' || c == '[' || c == '{';
}

static bool closes(char c)
{
    return c == ')' || c == ']' || c == '}';
}

static struct style look(const struct scan *s)
{
    struct style y = {0};
    int depth = 0;
    for (size_t i = 0; i < s->len; i++) {
        char c = s->text[i];
        depth += opens(c) - (closes(c) && depth > 0);
        if (depth > 0)
            continue;
        y.blanks += c == ' ' && i > 0 && !closes(s->text[i - 1]) && !opens(s->text[i + 1]);
        y.underscores += c == '_';
        y.dots += c == '.';
        y.hyphens += c == '-';
        y.pluses += c == '+';
        y.upper = y.upper || (c >= 'A' && c <= 'Z');
    }
    return y;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* Is the dot at i one between words: "Salt.Road", not "K.O.", "12.5" or "Dr. Doom"? */
static bool dot_parts(const struct scan *s, size_t i, bool everywhere)
{
    const char *t = s->text;
    if (i == 0 || i + 1 >= s->len)
        return false;
    size_t before = 0, behind = 0, digits = 0;
    while (before < i && is_letter(t[i - 1 - before]))
        before++;
    while (is_letter(t[i + 1 + behind]))
        behind++;
    while (is_digit(t[i + 1 + digits]))
        digits++;
    if (!everywhere)
        return before >= 2 && behind >= 2;
    if (is_digit(t[i - 1]) && digits > 0)
        return digits > 2;
    return !(before == 1 && behind == 1) && !(before == 1 && i >= 2 && t[i - 2] == '.');
}

/* Is the hyphen at i, in a name without blanks, one between words? Capitalised names keep theirs ("X-Men-V1-067"). */
static bool hyphen_parts(const struct scan *s, size_t i, bool upper)
{
    const char *t = s->text, *end = s->text + s->len, *next = t + i + 1;
    bool between_digits = i > 0 && is_digit(t[i - 1]) && is_digit(*next);
    if (between_digits || next == end)
        return false;
    enum num_kind kind;
    bool weak;
    return !upper || is_digit(*next) || *next == '#' ||
           (word_mark(next, next + strcspn(next, "- ([{"), true, &kind, &weak) && strlen(next) > 2);
}

static void part_words(struct scan *s, const struct style *y)
{
    bool spaced = y->blanks > 0 || y->underscores > 0;
    bool dotted = !spaced && y->dots >= 2, plussed = !spaced && y->pluses >= 2;
    bool hyphened = !spaced && !dotted && y->hyphens > 0;
    s->hyphened = hyphened;
    for (size_t i = 0; i < s->len; i++) {
        char *c = s->text + i, next = c[1];
        if (*c == '_')
            *c = y->blanks > 0 && next == ' ' && i > 0 && is_letter(c[-1]) ? SOFT_COLON : ' ';
        else if ((*c == '+' && plussed) || (*c == '.' && dot_parts(s, i, dotted)) ||
                 (*c == '-' && hyphened && hyphen_parts(s, i, y->upper)))
            *c = ' ';
    }
}

void bookname_clean(const char *name, struct scan *s)
{
    char raw[SCAN_TEXT];
    size_t len = strnlen(name, SCAN_TEXT);
    len = name[len] ? len : bare_length(name, len);
    bool percent = !memchr(name, ' ', len) && memmem(name, len, "%20", 3);
    len = undo_escapes(name, len, percent, raw);
    s->len = 0;
    copy_plain(raw, len, s);
    struct style y = look(s);
    size_t digits = strspn(s->text, "0123456789");
    s->lead_alone = y.blanks == 1 && y.underscores >= 2 && digits > 0 && s->text[digits] == ' ';
    part_words(s, &y);
}
