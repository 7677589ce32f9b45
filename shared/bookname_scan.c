/* The text of a name as tokens: chunks between blanks and brackets, marks joined with their numbers. */
#include <string.h>
#include <strings.h>

#include "bookname_parse.h"
#include "bookname_scan.h"

/* Tokens of the name, or of what is in a group. */
struct list {
    struct tok *toks;
    int n, max;
};

static struct tok *push(struct list *l, enum tok_kind kind, const char *at, const char *end)
{
    /* What is too much falls into the last token: a name of so many words is read no better. */
    struct tok *t = &l->toks[l->n < l->max ? l->n++ : l->max - 1];
    *t = (struct tok){.kind = kind, .at = at, .end = end};
    return t;
}

static bool opens(char c)
{
    return c == '(' || c == '[' || c == '{';
}

static bool closes(char c)
{
    return c == ')' || c == ']' || c == '}';
}

/* ------------------------------------------------------------------ chunks */

/* "1,000" or "12,5"? There is a character before p. */
static bool comma_in_number(const char *p, const char *end)
{
    size_t digits = 0;
    while (scan_is_digit(p + 1 + digits, end))
        digits++;
    bool ends = p + 1 + digits == end || p[1 + digits] == ' ' || opens(p[1 + digits]);
    return scan_is_digit(p - 1, end) && (digits == 3 || (digits == 1 && ends));
}

/* Ends at a blank, a bracket, a comma that is not inside a number, a colon before a blank. */
static const char *chunk_end(const char *p, const char *end)
{
    for (; p < end; p++) {
        bool last = p + 1 == end;
        if (*p == ' ' || *p == SOFT_COLON || *p == ';' || opens(*p) || closes(*p))
            break;
        if (*p == ',' && !comma_in_number(p, end))
            break;
        if (*p == ':' && (last || p[1] == ' ' || opens(p[1])))
            break;
        if (*p == '-' && (last || p[1] == ' ' || p[1] == '-' || opens(p[1])))
            break;
    }
    return p;
}

/* A mark with its number attached, "v02", "Ch.12", "S2", at p. NULL: there is none. */
static const char *scan_marked(const char *p, const char *end, struct tok *ret)
{
    enum num_kind kind;
    bool weak;
    const char *q = p;
    while (q < end && !scan_is_digit(q, end) && *q != '.' && *q != '#' && *q != '-' && *q != ':' &&
           !scan_is_fraction(q, end))
        q++;
    if (q == p)
        return NULL;
    const char *number = q;
    while (number < end && number < q + 2 && strchr(".#-:", *number))
        number++;
    if (!scan_is_digit(number, end) && !scan_is_fraction(number, end))
        return NULL;
    if (!word_mark(p, end, true, &kind, &weak))
        return NULL;
    *ret = (struct tok){.kind = TOK_NUMBER, .num = kind, .at = p};
    return scan_number(number, end, ret);
}

/* "E05" behind "S01", with or without a blank. */
static const char *scan_season_episode(const struct list *l, const char *p, const char *end,
                                       struct tok *ret)
{
    if (l->n == 0 || l->toks[l->n - 1].num != NUM_SEASON || (*p != 'E' && *p != 'e') ||
        !scan_is_digit(p + 1, end))
        return NULL;
    *ret = (struct tok){.kind = TOK_NUMBER, .num = NUM_CHAPTER, .at = p};
    return scan_number(p + 1, end, ret);
}

static void scan_word(struct list *l, const char *p, const char *end)
{
    enum num_kind kind;
    bool weak;
    size_t len = (size_t)(end - p);
    if (len == 1 && (*p == '&' || *p == '+')) {
        (void)push(l, TOK_AND, p, end);
    } else if (len == 2 && (p[0] == 'o' || p[0] == 'O') && (p[1] == 'f' || p[1] == 'F')) {
        (void)push(l, TOK_OF, p, end);
    } else {
        bool mark = word_mark(p, end, false, &kind, &weak) && !memchr(p, '-', len) &&
                    (!memchr(p, '.', len - 1));
        struct tok *t = push(l, mark ? TOK_MARK : TOK_WORD, p, end);
        if (mark) {
            t->num = kind;
            t->spelled = weak; /* until the marks are joined */
        }
    }
}

/* The number, date or mark at p; NULL when a word begins there. */
static const char *scan_piece(struct list *l, const char *p, const char *end)
{
    struct tok t = {.kind = TOK_NUMBER, .at = p};
    const char *stop = NULL;
    if (scan_is_digit(p, end) && (stop = scan_date(p, end, &t.year)) != NULL) {
        t.kind = TOK_DATE;
    } else if (scan_is_digit(p, end) || scan_is_fraction(p, end)) {
        bool marked = l->n > 0 && l->toks[l->n - 1].kind == TOK_MARK; /* "Chapter 4AU" */
        t.num = marked ? l->toks[l->n - 1].num : NUM_BARE;
        stop = scan_number(p, end, &t);
        t.num = NUM_BARE;
    } else if (*p == '#' && p + 1 < end) {
        const char *number = p + 1 + (p[1] == '-');
        t.num = NUM_HASH;
        t.text[0] = number > p + 1 ? '-' : '\0';
        stop = scan_is_digit(number, end) || scan_is_fraction(number, end) || *number == '.'
                   ? scan_number(number, end, &t)
                   : NULL;
    } else {
        stop = scan_season_episode(l, p, end, &t);
        if (!stop)
            stop = scan_marked(p, end, &t);
    }
    if (!stop)
        return NULL;
    t.end = stop;
    *push(l, TOK_NUMBER, p, stop) = t;
    return stop;
}

static bool has_cjk(const char *p, const char *end)
{
    for (; p < end; p++)
        if ((unsigned char)*p >= 0xe3 && (unsigned char)*p <= 0xed)
            return true;
    return false;
}

static void scan_chunk(struct list *l, const char *p, const char *end)
{
    bool cjk = has_cjk(p, end);
    while (p < end) {
        struct tok t;
        if (cjk && scan_cjk(p, end, &t)) {
            if (t.at > p)
                scan_word(l, p, t.at);
            *push(l, TOK_NUMBER, t.at, t.end) = t;
            p = t.end;
            continue;
        }
        const char *stop = scan_piece(l, p, end);
        if (!stop && end - p > 2 && strncasecmp(p, "of", 2) == 0 && scan_is_digit(p + 2, end)) {
            stop = p + 2;
            (void)push(l, TOK_OF, p, stop);
        }
        if (!stop) {
            scan_word(l, p, end);
            return;
        }
        p = stop;
        while (p < end && strchr("-.~/", *p))
            p++;
    }
}

/* ------------------------------------------------------------------ marks and their numbers */

static void drop(struct list *l, int at, int n)
{
    memmove(l->toks + at, l->toks + at + n, (size_t)(l->n - at - n) * sizeof(l->toks[0]));
    l->n -= n;
}

static bool is_number(const struct list *l, int i, enum num_kind a, enum num_kind b)
{
    return i < l->n && l->toks[i].kind == TOK_NUMBER &&
           (l->toks[i].num == a || l->toks[i].num == b);
}

/* The mark at i takes the number behind it, or becomes a word. */
static void join_mark(struct list *l, int i)
{
    struct tok *mark = &l->toks[i];
    bool weak = mark->spelled, behind_article = false;
    if (i > 0 && l->toks[i - 1].kind == TOK_WORD)
        behind_article = (word_uses(l->toks[i - 1].at, l->toks[i - 1].end) & WORD_PHRASE) != 0;
    mark->kind = TOK_WORD;
    mark->spelled = false;
    if (weak && behind_article)
        return; /* "The Book 3" */
    int at = i + 1;
    if (mark->num == NUM_CHAPTER && at < l->n &&
        (l->toks[at].kind == TOK_DASH || l->toks[at].kind == TOK_COLON))
        at++;
    if (is_number(l, at, NUM_BARE, NUM_HASH)) {
        struct tok *number = &l->toks[at];
        if (number->num != NUM_HASH || mark->num == NUM_CHAPTER || mark->num == NUM_ISSUE) {
            number->num = mark->num;
            number->at = mark->at;
            drop(l, i, at - i);
        }
        return;
    }
    long value = at == i + 1 && at < l->n && l->toks[at].kind == TOK_WORD
                     ? scan_spelled(l->toks[at].at, l->toks[at].end)
                     : 0;
    if (value > 0) {
        struct tok *number = &l->toks[at];
        number->kind = TOK_NUMBER;
        number->num = mark->num;
        number->at = mark->at;
        number->value = value;
        number->spelled = true;
        char digits[8], *d = digits + sizeof(digits) - 1;
        *d = '\0';
        for (; value > 0; value /= 10)
            *--d = (char)('0' + value % 10);
        memcpy(number->text, d, strlen(d) + 1);
        drop(l, i, 1);
    }
}

/* "3 of 6", "12 & 13", "12, 13" become one number; other "of" and "&" words. */
static void join_pair(struct list *l, int i)
{
    struct tok *first = i > 0 ? &l->toks[i - 1] : NULL,
               *second = &l->toks[i + 1 < l->n ? i + 1 : i];
    bool of = l->toks[i].kind == TOK_OF;
    if (l->toks[i].kind != TOK_COMMA)
        l->toks[i].kind = TOK_WORD;
    if (!is_number(l, i + 1, NUM_BARE, of ? NUM_BARE : NUM_HASH) || !first ||
        first->kind != TOK_NUMBER || second->decimal || second->suffix || second->digits > 4)
        return;
    if (of)
        first->count = (int)second->value;
    else if (second->value > first->value && second->value < first->value + 100)
        first->range = true;
    else
        return;
    first->end = second->end;
    drop(l, i, 2);
}

/* "26 1/2" in two tokens is one number. */
static void join_fraction(struct list *l, int i)
{
    struct tok *t = &l->toks[i], *half = t + 1;
    if (i + 1 >= l->n || t->kind != TOK_NUMBER || half->kind != TOK_NUMBER || t->decimal ||
        t->suffix || half->num != NUM_BARE || half->digits > 0 ||
        !scan_is_fraction(half->text, half->text + 2) || strlen(t->text) + 3 > sizeof(t->text))
        return;
    memcpy(t->text + strlen(t->text), half->text, 3);
    t->decimal = true;
    t->end = half->end;
    drop(l, i + 1, 1);
}

static void join(struct list *l)
{
    for (int i = 0; i < l->n; i++)
        join_fraction(l, i);
    for (int i = 0; i < l->n; i++)
        if (l->toks[i].kind == TOK_MARK)
            join_mark(l, i);
    for (int i = 0; i < l->n; i++)
        if (l->toks[i].kind == TOK_OF || l->toks[i].kind == TOK_AND || l->toks[i].kind == TOK_COMMA)
            join_pair(l, i);
}

/* ------------------------------------------------------------------ brackets */

static void scan_list(struct list *l, const char *p, const char *end, bool inside);

/* Behind the bracket that closes the one at p; `end` when none does. */
static const char *group_end(const char *p, const char *end)
{
    int depth = 0;
    for (; p < end; p++) {
        depth += opens(*p) - closes(*p);
        if (depth == 0)
            return p + 1;
    }
    return end;
}

/* (2014), (Jan 2022), (Press, 2012), (2014-05-07), (2014-15): the year; else 0. */
static int year_of(const struct list *l)
{
    const struct tok *t = l->toks, *last = l->n > 0 ? &l->toks[l->n - 1] : NULL;
    for (int i = 0; i < l->n; i++)
        if (t[i].kind == TOK_DATE)
            return t[i].year;
    if (!last)
        return 0;
    if (tok_is_year(t) && t->num == NUM_BARE && !t->count &&
        (l->n == 1 || t[1].kind == TOK_DASH || tok_is_bare(&t[1])))
        return (int)t->value;
    if (l->n >= 2 && tok_is_year(last) && last->num == NUM_BARE &&
        (last[-1].kind == TOK_COMMA ||
         (last[-1].kind == TOK_WORD && (word_uses(last[-1].at, last[-1].end) & WORD_MONTH))))
        return (int)last->value;
    return 0;
}

static void understand(const struct list *l, struct tok *group)
{
    const struct tok *t = l->toks;
    group->year = year_of(l);
    if (group->year) {
        group->group = GROUP_YEAR;
    } else if (l->n == 2 && t[0].kind == TOK_WORD && is_number(l, 1, NUM_BARE, NUM_BARE) &&
               strncasecmp(t[0].at, "of", 2) == 0 && t[0].end - t[0].at == 2) {
        group->group = GROUP_COUNT;
        group->count = t[1].digits <= 4 ? (int)t[1].value : 0;
    } else if (l->n == 1 && t->kind == TOK_NUMBER) {
        struct tok number = *t;
        number.kind = TOK_GROUP;
        number.group = GROUP_NUMBER;
        number.at = group->at;
        number.end = group->end;
        *group = number;
    }
}

static const char *scan_group(struct list *l, const char *p, const char *end)
{
    struct tok inner[8];
    struct list in = {inner, 0, (int)ARRAY_LEN(inner)};
    const char *stop = group_end(p, end), *last = stop;
    if (last > p + 1 && closes(last[-1]))
        last--;
    scan_list(&in, p + 1, last, true);
    understand(&in, push(l, TOK_GROUP, p, stop));
    return stop;
}

/* ------------------------------------------------------------------ the whole name */

/* " -1": a dash that belongs to the number. */
static bool is_negative(const struct list *l, const char *p, const char *end)
{
    size_t digits = 0;
    while (scan_is_digit(p + 1 + digits, end))
        digits++;
    return digits > 0 && digits <= 2 && p[1] != '0' && l->n > 0 && p[-1] == ' ' &&
           l->toks[l->n - 1].kind == TOK_WORD &&
           (p + 1 + digits == end || p[1 + digits] == ' ' || p[1 + digits] == '.');
}

static const char *scan_dash(struct list *l, const char *p, const char *end)
{
    if (is_negative(l, p, end)) {
        struct tok t = {.kind = TOK_NUMBER, .at = p, .text = "-"};
        t.end = scan_number(p + 1, chunk_end(p + 1, end), &t);
        if (t.end) {
            *push(l, TOK_NUMBER, p, t.end) = t;
            return t.end;
        }
    }
    const char *stop = p;
    while (stop < end && *stop == '-')
        stop++;
    (void)push(l, TOK_DASH, p, stop);
    return stop;
}

static void scan_list(struct list *l, const char *p, const char *end, bool inside)
{
    while (p < end) {
        if (*p == ' ' || *p == SOFT_COLON || closes(*p)) {
            p++;
        } else if (opens(*p) && !inside) {
            p = scan_group(l, p, end);
        } else if (*p == ',' || *p == ';' || *p == ':' || opens(*p)) {
            (void)push(l, *p == ':' ? TOK_COLON : TOK_COMMA, p, p + 1);
            p++;
        } else if (*p == '-') {
            p = scan_dash(l, p, end);
        } else if (*p == '#' && p + 2 < end && p[1] == ' ' && scan_is_digit(p + 2, end)) {
            struct tok t = {.kind = TOK_NUMBER, .num = NUM_HASH, .at = p}; /* "# 12" */
            const char *stop = scan_number(p + 2, chunk_end(p + 2, end), &t);
            t.end = stop ? stop : p + 1;
            t.kind = stop ? TOK_NUMBER : TOK_WORD;
            *push(l, TOK_WORD, p, t.end) = t;
            p = t.end;
        } else {
            const char *stop = chunk_end(p, end);
            stop = stop > p ? stop : p + 1;
            scan_chunk(l, p, stop);
            p = stop;
        }
    }
    join(l);
}

/* "Saga001": a name of one word with a number behind it. */
static void split_only_word(struct list *l)
{
    if (l->n == 0 || l->toks[0].kind != TOK_WORD)
        return;
    for (int i = 1; i < l->n; i++)
        if (l->toks[i].kind != TOK_GROUP || l->toks[i].group == GROUP_NUMBER)
            return;
    struct tok word = l->toks[0];
    const char *digits = word.end;
    while (digits > word.at && scan_is_digit(digits - 1, word.end))
        digits--;
    size_t n = (size_t)(word.end - digits);
    if (n < 2 || digits - word.at < 2 || digits[-1] == '-' || (*digits != '0' && n < 3) ||
        l->n == l->max)
        return;
    struct tok number = {.kind = TOK_NUMBER, .at = digits, .end = word.end};
    if (!scan_number(digits, word.end, &number))
        return;
    memmove(l->toks + 2, l->toks + 1, (size_t)(l->n - 1) * sizeof(l->toks[0]));
    l->toks[0].end = digits;
    l->toks[1] = number;
    l->n++;
}

void bookname_scan(struct scan *s)
{
    struct list l = {s->toks, 0, SCAN_TOKENS};
    scan_list(&l, s->text, s->text + s->len, false);
    split_only_word(&l);
    s->n = l.n;
}
