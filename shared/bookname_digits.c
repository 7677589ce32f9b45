/* Numbers as names write them. */
#include <stdio.h>
#include <string.h>

#include "bookname_parse.h"
#include "bookname_scan.h"
#include "bookname_text.h"

#define DIGITS_MAX 7

bool scan_is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* U+00BC to U+00BE: a quarter, a half, three quarters. */
bool scan_is_fraction(const char *p, const char *end)
{
    return end - p >= 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] >= 0xbc &&
           (unsigned char)p[1] <= 0xbe;
}

static bool is_letter(const char *p, const char *end)
{
    return p < end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'));
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static size_t run_of(bool (*is)(const char *, const char *), const char *p, const char *end)
{
    size_t n = 0;
    while (is(p + n, end))
        n++;
    return n;
}

static long value_of(const char *p, size_t n)
{
    long v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

static void add(struct tok *t, const char *p, size_t n)
{
    size_t len = strlen(t->text);
    if (len + n >= sizeof(t->text))
        return;
    memcpy(t->text + len, p, n);
    t->text[len + n] = '\0';
}

/* ------------------------------------------------------------------ dates */

static bool is_year(long v)
{
    return v >= YEAR_FIRST && v <= YEAR_LAST;
}

const char *scan_date(const char *p, const char *end, int *ret_year)
{
    long part[3];
    size_t digits[3];
    char separator = 0;
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            if (p >= end || (*p != '-' && *p != '.') || (separator && *p != separator))
                return NULL;
            separator = *p++;
        }
        digits[i] = run_of(scan_is_digit, p, end);
        if (digits[i] == 0 || digits[i] > 4)
            return NULL;
        part[i] = value_of(p, digits[i]);
        p += digits[i];
    }
    if (is_letter(p, end))
        return NULL;
    bool year_first = digits[0] == 4 && digits[1] <= 2 && digits[2] <= 2;
    bool year_last = digits[2] == 4 && digits[1] <= 2 && digits[0] <= 2;
    long year = year_first ? part[0] : part[2], other = year_first ? part[2] : part[0];
    if (!(year_first || year_last) || !is_year(year) || part[1] < 1 || part[1] > 31 || other < 1 ||
        other > 31 || (part[1] > 12 && other > 12))
        return NULL;
    *ret_year = (int)year;
    return p;
}

/* ------------------------------------------------------------------ plain numbers */

/* ".5", ".5.6", ".MU" at the point p; NULL: this is no number. */
static const char *scan_fraction(const char *p, const char *end, struct tok *t)
{
    size_t n = run_of(scan_is_digit, p + 1, end);
    if (n == 0) {
        size_t letters = run_of(is_letter, p + 1, end);
        bool upper = letters >= 2 && letters <= 4;
        for (size_t i = 0; i < letters && upper; i++)
            upper = is_upper(p[1 + i]);
        if (upper && p + 1 + letters == end) {
            add(t, p, 1 + letters);
            t->suffix = true;
            return end;
        }
        t->dot_end = p + 1 == end;
        return p + 1;
    }
    if (n > 3)
        return NULL;
    const char *more = p + 1 + n;
    bool thousands = n == 3 && t->digits <= 3;
    size_t parts = 1;
    while (more < end && *more == '.' && scan_is_digit(more + 1, end)) {
        size_t len = run_of(scan_is_digit, more + 1, end);
        thousands = thousands && len == 3;
        more += 1 + len;
        parts++;
    }
    if (parts > 1 && thousands)
        return NULL;
    add(t, p, parts > 1 && t->num == NUM_HASH ? (size_t)(more - p) : 1 + n);
    t->decimal = true;
    return more;
}

/* The second number of "012-013" behind the dash at p; NULL when it does not go on from the first. */
static const char *scan_range(const char *p, const char *end, const struct tok *t)
{
    const char *q = p + 1;
    bool repeats =
        q < end && ((*q == '#' && t->num == NUM_HASH) ||
                    (is_letter(q, end) && (t->num == NUM_VOLUME || t->num == NUM_CHAPTER)));
    q += repeats && scan_is_digit(q + 1, end); /* "v01-v03" */
    size_t n = run_of(scan_is_digit, q, end);
    if (n == 0 || n > DIGITS_MAX || value_of(q, n) <= t->value || (*q == '0' && !t->padded))
        return NULL;
    q += n;
    if (q < end && *q == '.' && scan_is_digit(q + 1, end))
        q += 1 + run_of(scan_is_digit, q + 1, end);
    return is_letter(q, end) ? NULL : q;
}

static bool one_of(const char *p, size_t n, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == n && memcmp(*list, p, n) == 0)
            return true;
    return false;
}

/* May these letters be a part of the number, as in "12AU", "3a"? */
static bool is_suffix(const char *p, size_t n, const struct tok *t)
{
    static const char *const never[] = {"K",  "D",  "P",  "AD", "BC", "HD", "MB", "GB", "KB",
                                        "TH", "ST", "ND", "RD", "st", "nd", "rd", "th", NULL};
    if (n > 3 || one_of(p, n, never))
        return false;
    if (t->num != NUM_BARE)
        return n == 1 || is_upper(p[0]);
    if (n == 1)
        return (p[0] >= 'a' && p[0] <= 'd') || (p[0] >= 'A' && p[0] <= 'C' && t->digits >= 2);
    if (t->digits < 2 || t->digits > 3)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_upper(p[i]))
            return false;
    return true;
}

/* Letters directly behind the digits, at p. */
static const char *scan_letters(const char *p, const char *end, struct tok *t)
{
    size_t n = run_of(is_letter, p, end);
    const char *behind = p + n;
    size_t digits = run_of(scan_is_digit, behind, end);
    if (digits > 0) {
        enum num_kind kind;
        bool weak;
        if (n == 1 && (*p == 'v' || *p == 'V') && behind + digits == end && t->num != NUM_VOLUME)
            return end; /* "12v2": the second release */
        if (n == 2 && (p[0] == 'o' || p[0] == 'O') && (p[1] == 'f' || p[1] == 'F') && digits <= 4 &&
            behind + digits == end) {
            t->count = (int)value_of(behind, digits);
            return end;
        }
        if (n == 1 && t->num == NUM_SEASON && (*p == 'e' || *p == 'E'))
            return p;
        return word_mark(p, end, true, &kind, &weak) ? p : NULL;
    }
    if (behind < end && ((unsigned char)*behind >= 0x80 || *behind == '\''))
        return NULL;
    if (!is_suffix(p, n, t))
        return NULL;
    add(t, p, n);
    t->suffix = true;
    return behind;
}

/* What may stand behind the digits, at p. */
static const char *scan_tail(const char *p, const char *end, struct tok *t)
{
    if (p == end)
        return p;
    if (*p == '.')
        return scan_fraction(p, end, t);
    if (scan_is_fraction(p, end)) {
        add(t, p, 2);
        t->decimal = true;
        return p + 2;
    }
    if (*p == '/' && scan_is_digit(p + 1, end)) {
        size_t n = run_of(scan_is_digit, p + 1, end);
        add(t, p, 1 + n);
        t->decimal = true;
        return p + 1 + n;
    }
    if (is_letter(p, end))
        return scan_letters(p, end, t);
    if (*p == ',' && scan_is_digit(p + 1, end) && p + 2 == end) { /* "12,5" */
        add(t, ".", 1);
        add(t, p + 1, 1);
        t->decimal = true;
        return end;
    }
    if (strchr("-~+&", *p)) {
        const char *stop = scan_range(p, end, t);
        t->range = stop != NULL;
        bool splits = stop || p + 1 == end || scan_is_digit(p + 1, end) || t->num != NUM_BARE ||
                      (t->padded && t->digits >= 3);
        return stop ? stop : splits ? p : NULL; /* "8-Bit" is a word */
    }
    return (unsigned char)*p >= 0x80 || *p == '\'' || *p == '%' || *p == '$' || *p == '!' ? NULL
                                                                                          : p;
}

const char *scan_number(const char *p, const char *end, struct tok *t)
{
    bool negative = t->text[0] == '-';
    t->text[negative] = '\0';
    if (scan_is_fraction(p, end)) {
        add(t, p, 2);
        t->decimal = true;
        return p + 2;
    }
    size_t n = run_of(scan_is_digit, p, end);
    if (n > DIGITS_MAX)
        return NULL;
    if (n == 0) {
        if (*p != '.' || !scan_is_digit(p + 1, end))
            return NULL;
        add(t, "0", 1); /* "#.5" */
        return scan_fraction(p, end, t);
    }
    t->padded = n > 1 && *p == '0';
    add(t, p, n);
    t->value = value_of(p, n);
    t->digits = (int)n;
    p += n;
    while (n <= 3 && end - p >= 4 && *p == ',' && run_of(scan_is_digit, p + 1, end) == 3) {
        add(t, p + 1, 3);
        t->value = t->value * 1000 + value_of(p + 1, 3);
        t->digits += 3;
        p += 4;
        if (t->digits > DIGITS_MAX - 1)
            break;
    }
    return scan_tail(p, end, t);
}

/* ------------------------------------------------------------------ Chinese, Japanese, Korean */

static long cjk_digit(unsigned cp)
{
    static const unsigned short digits[] = {0x3007, 0x4e00, 0x4e8c, 0x4e09, 0x56db,
                                            0x4e94, 0x516d, 0x4e03, 0x516b, 0x4e5d};
    if (cp == 0x96f6)
        return 0;
    if (cp == 0x4e24)
        return 2;
    for (size_t i = 0; i < ARRAY_LEN(digits); i++)
        if (digits[i] == cp)
            return (long)i;
    return -1;
}

/* "twenty three" in Chinese characters; returns where it ends. */
static const char *cjk_value(const char *p, const char *end, long *ret)
{
    long total = 0, digit = -1;
    while (p < end && total < 100000) {
        size_t n;
        unsigned cp = bookname_decode(p, end, &n);
        long d = cjk_digit(cp);
        long unit = cp == 0x5341 ? 10 : cp == 0x767e ? 100 : cp == 0x5343 ? 1000 : 0;
        if (d >= 0) {
            digit = digit > 0 ? digit * 10 + d : d;
        } else if (unit) {
            total += (digit < 0 ? 1 : digit) * unit;
            digit = -1;
        } else {
            break;
        }
        p += n;
    }
    *ret = total + (digit > 0 ? digit : 0);
    return p;
}

/* What a number is of that has this behind it. */
static bool counter_kind(unsigned cp, enum num_kind *ret)
{
    static const unsigned short chapter[] = {0x8a71, 0x8bdd, 0x56de, 0x7ae0, 0x96c6,
                                             0x671f, 0x53f7, 0x865f, 0xd654};
    static const unsigned short volume[] = {0x5dfb, 0x5377, 0x518a, 0x518c, 0xad8c};
    *ret = NUM_PART;
    if (cp == 0x90e8)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(chapter); i++)
        if (chapter[i] == cp) {
            *ret = NUM_CHAPTER;
            return true;
        }
    for (size_t i = 0; i < ARRAY_LEN(volume); i++)
        if (volume[i] == cp) {
            *ret = NUM_VOLUME;
            return true;
        }
    return false;
}

/* Digits or Chinese numerals at p into t; its end, or p. */
static const char *cjk_number(const char *p, const char *end, bool words_too, struct tok *t)
{
    size_t n = run_of(scan_is_digit, p, end);
    if (n > DIGITS_MAX)
        return p;
    if (n > 0) {
        add(t, p, n);
        t->value = value_of(p, n);
        t->digits = (int)n;
        p += n;
        size_t fraction = p < end && *p == '.' ? run_of(scan_is_digit, p + 1, end) : 0;
        if (fraction > 0 && fraction <= 3) {
            add(t, p, 1 + fraction);
            p += 1 + fraction;
        }
        if (p < end && *p == '-') {
            const char *stop = scan_range(p, end, t);
            p = stop ? stop : p;
        }
        return p;
    }
    if (!words_too)
        return p;
    const char *stop = cjk_value(p, end, &t->value);
    if (stop > p)
        (void)snprintf(t->text, sizeof(t->text), "%ld", t->value);
    return stop;
}

bool scan_cjk(const char *p, const char *end, struct tok *t)
{
    for (const char *q = p; q < end;) {
        size_t n;
        unsigned cp = bookname_decode(q, end, &n);
        bool ordinal = cp == 0x7b2c || cp == 0xc81c; /* the ordinal signs of Chinese and Korean */
        bool volume = cp == 0x5377 || cp == 0x5dfb;  /* a volume with its number behind */
        const char *number = ordinal || volume ? q + n : q;
        struct tok found = {.kind = TOK_NUMBER, .at = q};
        bool fresh = q == p || !scan_is_digit(q - 1, end);
        const char *stop = fresh ? cjk_number(number, end, ordinal, &found) : number;
        if (stop > number) {
            size_t len = 0;
            unsigned counter = stop < end ? bookname_decode(stop, end, &len) : 0;
            found.end = stop + len;
            if (!counter_kind(counter, &found.num)) {
                found.end = stop;
                found.num = volume ? NUM_VOLUME : NUM_BARE;
            }
            if (found.num != NUM_BARE) {
                *t = found;
                return true;
            }
        }
        q += n;
    }
    return false;
}

/* ------------------------------------------------------------------ spelled numbers */

static long roman(const char *p, const char *end)
{
    long total = 0, before = 0;
    if (end - p > 6)
        return 0;
    while (end > p) {
        char c = *--end;
        long v = c == 'I' ? 1 : c == 'V' ? 5 : c == 'X' ? 10 : 0;
        if (v == 0)
            return 0;
        total += v < before ? -v : v;
        before = v;
    }
    return total;
}

long scan_spelled(const char *p, const char *end)
{
    static const char *const names[] = {"one",    "two",    "three",    "four",     "five",
                                        "six",    "seven",  "eight",    "nine",     "ten",
                                        "eleven", "twelve", "thirteen", "fourteen", "fifteen"};
    char word[FOLD_MAX];
    long v = roman(p, end);
    if (v > 0 || word_fold(p, (size_t)(end - p), word) == 0)
        return v;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], word) == 0)
            return (long)i + 1;
    return 0;
}
