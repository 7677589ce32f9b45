/* What a person reads in a file name: bookname_parse, from the tokens and the number that was picked. */
#include "bookname_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bookname.h"
#include "bookname_scan.h"
#include "bookname_text.h"
#include "utf8.h"

/* A name under way. */
struct reading {
    struct scan s;
    int issue;        /* token, or -1 */
    int first;        /* token the series begins with */
    int split;        /* the dash or colon before the title that stands before the issue, or -1 */
    int sub;          /* the "03 (of 06)" of a title, or -1 */
    int bare_year;    /* token of a year without brackets, or -1 */
    bool title_first; /* "01 - The Beginning": all words are title */
    const char *series_end;
};

/* ------------------------------------------------------------------ text */

static bool is_edge(char c)
{
    return strchr(" -:,;~_=|/", c) != NULL || c == SOFT_COLON;
}

/* Does the word before the dot at `end` keep it: "K.O.", "Dr.", "..."? */
static bool is_abbreviation(const char *p, const char *end)
{
    const char *word = end;
    while (word > p && word[-1] != ' ' && word[-1] != '.')
        word--;
    return (word < end && end - word <= 3) || (word > p && word[-1] == '.');
}

/* The text from p to end without what only parts it from others. */
static void copy_text(const char *p, const char *end, char ret[PARSED_TEXT])
{
    while (p < end && (is_edge(*p) || *p == '.'))
        p++;
    while (end > p && (is_edge(end[-1]) || (end[-1] == '.' && !is_abbreviation(p, end - 1))))
        end--;
    if (end - p > 2 && *p == '\'' && !scan_is_digit(p + 1, end) && p[1] != '\'') {
        p++;
        while (p < end && is_edge(*p))
            p++;
    }
    size_t n = 0;
    for (; p < end && n + 2 < PARSED_TEXT; p++) {
        if (*p == ' ' && n > 0 && ret[n - 1] == ' ')
            continue;
        ret[n++] = *p == SOFT_COLON ? ':' : *p;
    }
    if (p < end)
        n = bookname_cut(ret, n - 1);
    while (n > 0 && ret[n - 1] == ' ')
        n--;
    ret[n] = '\0';
}

/* A number without zeros in front, and without ".0" behind. */
static void copy_number(const char *text, char ret[PARSED_NUMBER])
{
    static const char *const fractions[][2] = {
        {"1/2", "\u00bd"}, {"1/4", "\u00bc"}, {"3/4", "\u00be"}};
    bool negative = *text == '-';
    text += negative;
    while (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
        text++;
    if (text[0] == '0' && (unsigned char)text[1] == 0xc2)
        text++; /* zero and a half */
    for (size_t i = 0; i < ARRAY_LEN(fractions); i++)
        if (strcmp(text, fractions[i][0]) == 0)
            text = fractions[i][1];
    (void)snprintf(ret, PARSED_NUMBER, "%s%s", negative ? "-" : "", text);
    char *point = strchr(ret, '.');
    if (point && point[1] && point[1 + strspn(point + 1, "0")] == '\0')
        *point = '\0';
}

static void put_int(int value, char ret[PARSED_NUMBER])
{
    if (value > 0)
        (void)snprintf(ret, PARSED_NUMBER, "%d", value);
}

/* ------------------------------------------------------------------ the folder's name */

static bool is_name_char(unsigned cp)
{
    return (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || cp >= 0xc0;
}

/* The next letter or digit of a name, folded; 0 at the end. */
static unsigned next_char(const char **p, const char *end)
{
    while (*p < end) {
        size_t n;
        unsigned cp = bookname_decode(*p, end, &n);
        *p += n;
        cp = char_fold(cp);
        if (is_name_char(cp))
            return cp;
    }
    return 0;
}

/* Where `series` ends in the text, when the text begins with it, letter for letter; else NULL. */
static const char *find_series(const char *p, const char *end, const char *series)
{
    const char *series_end = series + strlen(series);
    for (bool any = false;; any = true) {
        unsigned want = next_char(&series, series_end);
        if (!want)
            return any ? p : NULL;
        if (next_char(&p, end) != want)
            return NULL;
    }
}

static bool same_series(const char *a, const char *b)
{
    const char *stop = find_series(a, a + strlen(a), b);
    return stop && next_char(&stop, a + strlen(a)) == 0;
}

/* The series that a folder is called after: its name up to a bracket or a volume. */
static void folder_series(const char *folder, char ret[PARSED_TEXT])
{
    char name[PARSED_TEXT];
    bookname_series_from_folder(folder, name, sizeof(name));
    struct scan s = {0};
    bookname_clean(name, &s);
    bookname_scan(&s);
    const char *end = s.text + s.len;
    for (int i = 1; i < s.n && end == s.text + s.len; i++)
        if (s.toks[i].kind == TOK_GROUP ||
            (s.toks[i].kind == TOK_NUMBER && s.toks[i].num == NUM_VOLUME))
            end = s.toks[i].at;
    copy_text(s.text, end, ret);
}

/* Numbers that belong to the series are no candidates. */
static void mark_series(struct reading *r, const char *series)
{
    int first = 0;
    while (first < r->s.n && r->s.toks[first].kind == TOK_GROUP)
        first++;
    if (first == r->s.n)
        return;
    const char *end = r->s.text + r->s.len;
    const char *stop = find_series(r->s.toks[first].at, end, series);
    if (!stop || scan_is_digit(stop, end) ||
        (stop < end && *stop == '.' && scan_is_digit(stop + 1, end)))
        return;
    r->series_end = stop;
    for (int i = first; i < r->s.n && r->s.toks[i].end <= stop; i++)
        r->s.toks[i].in_series = true;
}

/* ------------------------------------------------------------------ where things end */

static const struct tok *token(const struct reading *r, int i)
{
    return i >= 0 && i < r->s.n ? &r->s.toks[i] : NULL;
}

static bool is_kind(const struct tok *t, enum tok_kind kind)
{
    return t && t->kind == kind;
}

static bool is_group(const struct tok *t, enum group_kind group)
{
    return t && t->kind == TOK_GROUP && t->group == group;
}

static bool has_year_group(const struct reading *r)
{
    for (int i = 0; i < r->s.n; i++)
        if (is_group(&r->s.toks[i], GROUP_YEAR) || r->s.toks[i].kind == TOK_DATE)
            return true;
    return false;
}

/* Is this number in front only an order of reading, or a year? */
static bool leads_only(const struct reading *r, int i)
{
    const struct tok *t = token(r, i);
    if (!t || !tok_is_bare(t) || r->issue <= i || i + 1 >= r->issue)
        return false;
    return r->s.lead_alone || t->padded || t->dot_end ||
           (tok_is_year(t) && r->s.toks[i + 1].kind == TOK_DASH);
}

static bool is_copy_of(const struct reading *r, int i)
{
    const struct tok *t = token(r, i);
    return is_kind(t, TOK_WORD) && t->end - t->at == 4 && strncmp(t->at, "Copy", 4) == 0 &&
           is_kind(token(r, i + 1), TOK_WORD) && strncmp(t[1].at, "of ", 3) == 0;
}

/* Skips what stands in front of the series. */
static void find_first(struct reading *r)
{
    int i = 0;
    r->bare_year = -1;
    while (i < r->s.n && (r->s.toks[i].kind == TOK_GROUP || r->s.toks[i].kind == TOK_DASH))
        i++;
    if (is_copy_of(r, i))
        i += 2;
    if (leads_only(r, i)) {
        if (tok_is_year(&r->s.toks[i]) && !r->s.lead_alone)
            r->bare_year = i;
        i++;
        while (is_kind(token(r, i), TOK_DASH))
            i++;
    }
    r->first = i;
}

/*
 * "Sector 2077 - You Have My Word 02": a number before a dash ends the series when the issue comes
 * later, and a colon does. Not inside the folder's name.
 */
static void find_split(struct reading *r)
{
    r->split = -1;
    if (r->issue < 0 || r->s.toks[r->issue].kind != TOK_NUMBER || r->series_end)
        return;
    for (int i = r->first + 1; i + 1 < r->issue; i++) {
        const struct tok *t = &r->s.toks[i];
        bool words = r->s.toks[i + 1].kind == TOK_WORD;
        bool dash = t->kind == TOK_DASH && tok_is_bare(t - 1);
        if (words && (dash || t->kind == TOK_COLON)) {
            r->split = i;
            return;
        }
    }
}

/* Does the series end before token i? */
static bool ends_series(const struct reading *r, int i)
{
    const struct tok *t = &r->s.toks[i];
    if (i == r->issue || i == r->split || i == r->bare_year || t->kind == TOK_DATE ||
        t->kind == TOK_GROUP)
        return true;
    if (t->in_series)
        return false;
    if (t->kind == TOK_NUMBER && (t->num == NUM_VOLUME || t->num == NUM_SEASON))
        return true;
    return t->kind == TOK_WORD && i > r->first && (word_uses(t->at, t->end) & WORD_TECH);
}

/* A year without brackets: "012 2018", "Annual 2012". */
static void find_bare_year(struct reading *r)
{
    if (r->bare_year >= 0 || has_year_group(r))
        return;
    for (int i = r->first + 1; i < r->s.n; i++) {
        const struct tok *t = &r->s.toks[i];
        if (!tok_is_bare(t) || !tok_is_year(t) || i == r->issue)
            continue;
        const struct tok *next = token(r, i + 1);
        bool ends =
            !next || next->kind == TOK_GROUP ||
            (next->kind == TOK_WORD && (word_uses(next->at, next->end) & (WORD_TECH | WORD_SOFT)));
        bool event = t[-1].kind == TOK_WORD && (word_uses(t[-1].at, t[-1].end) & WORD_EVENT);
        bool marked = t[-1].kind == TOK_NUMBER && (i - 1 == r->issue || t[-1].num == NUM_VOLUME);
        bool listed = t[-1].kind == TOK_COMMA && i - 2 == r->issue; /* "12, 2014" */
        if (ends && (event || marked || listed)) {
            r->bare_year = i;
            return;
        }
    }
}

/* ------------------------------------------------------------------ series and title */

static void fill_series(const struct reading *r, struct bookname_parsed *ret)
{
    int i = r->first;
    const struct tok *t = token(r, i);
    if (!t || r->title_first)
        return;
    const char *begin = t->at;
    if (i == r->issue && (t->num == NUM_BARE || t->num == NUM_HASH) && !t->padded && !t->range &&
        !t->decimal) {
        copy_text(t->text, t->text + strlen(t->text), ret->series); /* "52" */
        return;
    }
    while (i < r->s.n && !ends_series(r, i))
        i++;
    copy_text(begin, i < r->s.n ? r->s.toks[i].at : r->s.text + r->s.len, ret->series);
}

/* "[Orchard] [001]": everything is in brackets, so the first that says nothing else is the series. */
static void fill_bracket_series(const struct reading *r, struct bookname_parsed *ret)
{
    for (int i = 0; i < r->s.n; i++)
        if (r->s.toks[i].kind != TOK_GROUP)
            return;
    for (int i = 0; i < r->s.n; i++) {
        const struct tok *t = &r->s.toks[i];
        if (t->group == GROUP_NOISE && t->end - t->at > 2) {
            bool closed = strchr(")]}", t->end[-1]) != NULL;
            copy_text(t->at + 1, t->end - closed, ret->series);
            return;
        }
    }
}

/* Is the run of tokens only about how the file was made? */
static bool is_noise(const struct reading *r, int from, int to)
{
    for (int i = from; i < to; i++) {
        const struct tok *t = &r->s.toks[i];
        if (t->kind == TOK_NUMBER && i != r->bare_year && tok_is_bare(t) && from == i &&
            to == i + 1)
            continue; /* "Copy 2" is no title either */
        if (t->kind == TOK_WORD && (word_uses(t->at, t->end) & (WORD_TECH | WORD_SOFT)))
            continue;
        if (t->kind != TOK_DASH && t->kind != TOK_COMMA && i != r->bare_year)
            return false;
    }
    return true;
}

/* The words from token `from` to the next bracket, or to the "03 (of 06)" in it. */
static void fill_title(struct reading *r, int from, struct bookname_parsed *ret)
{
    int i = from;
    while (i < r->s.n && (r->s.toks[i].kind == TOK_DASH || r->s.toks[i].kind == TOK_COLON ||
                          r->s.toks[i].kind == TOK_COMMA || r->s.toks[i].kind == TOK_GROUP ||
                          r->s.toks[i].kind == TOK_DATE || i == r->bare_year || i == r->issue ||
                          (r->s.toks[i].kind == TOK_NUMBER &&
                           (r->s.toks[i].num == NUM_VOLUME || r->s.toks[i].num == NUM_CHAPTER))))
        i++;
    int to = i;
    while (to < r->s.n && r->s.toks[to].kind != TOK_GROUP && to != r->issue)
        to++;
    if (i >= to || is_noise(r, i, to))
        return;
    const struct tok *last = &r->s.toks[to - 1];
    if (to - 1 > i && tok_is_bare(last) && is_group(token(r, to), GROUP_COUNT) && r->issue < i) {
        r->sub = to - 1;
        to--;
    }
    copy_text(r->s.toks[i].at, r->s.toks[to - 1].end, ret->title);
}

/* ------------------------------------------------------------------ numbers */

static void fill_count(const struct reading *r, struct bookname_parsed *ret)
{
    const struct tok *t = token(r, r->issue), *next = token(r, r->issue + 1);
    if (!t)
        return;
    if (t->count)
        put_int(t->count, ret->issue_count);
    else if (t->num != NUM_VOLUME && is_group(next, GROUP_COUNT))
        put_int(next->count, ret->issue_count);
}

/* The year, and the volume that an earlier year is: "(1957) #92 (1969)". */
static void fill_year(const struct reading *r, struct bookname_parsed *ret)
{
    int before = 0, behind = 0;
    for (int i = 0; i < r->s.n; i++) {
        const struct tok *t = &r->s.toks[i];
        if (t->kind != TOK_DATE && !is_group(t, GROUP_YEAR))
            continue;
        int *which = r->issue >= 0 && i < r->issue ? &before : &behind;
        *which = *which ? *which : t->year;
    }
    if (!before && !behind && r->bare_year >= 0)
        behind = (int)r->s.toks[r->bare_year].value;
    if (before && behind && before != behind && !ret->volume[0])
        put_int(before, ret->volume);
    put_int(behind ? behind : before, ret->year);
}

static bool find_volume(const struct reading *r, enum num_kind num, struct bookname_parsed *ret)
{
    for (int i = 0; i < r->s.n && !ret->volume[0]; i++) {
        const struct tok *t = &r->s.toks[i];
        if (t->num == num && !t->in_series && (t->kind == TOK_NUMBER || is_group(t, GROUP_NUMBER)))
            copy_number(t->text, ret->volume);
    }
    return ret->volume[0] != '\0';
}

static void fill_volume(const struct reading *r, struct bookname_parsed *ret)
{
    if (!find_volume(r, NUM_VOLUME, ret))
        (void)find_volume(r, NUM_SEASON, ret);
    if (!ret->volume[0] && r->sub >= 0)
        copy_number(r->s.toks[r->sub].text, ret->volume);
}

/* ------------------------------------------------------------------ all of it */

static bool has_cut(const struct reading *r)
{
    return r->split >= 0 && r->s.toks[r->split].kind == TOK_COLON;
}

static void read_name(struct reading *r, const char *series, struct bookname_parsed *ret)
{
    bookname_scan(&r->s);
    if (series[0])
        mark_series(r, series);
    r->issue = bookname_pick(&r->s, &ret->confidence);
    r->sub = -1;
    find_first(r);
    const struct tok *first = token(r, r->first);
    r->title_first = first && r->first == r->issue && tok_is_bare(first) && r->first + 1 < r->s.n &&
                     first[1].kind != TOK_GROUP && !is_noise(r, r->first + 1, r->s.n);
    find_split(r);
    find_bare_year(r);
    fill_series(r, ret);
    fill_bracket_series(r, ret);
    if (r->issue >= 0)
        fill_title(r, r->split >= 0 ? r->split : r->issue + 1, ret);
    if (r->issue >= 0)
        copy_number(r->s.toks[r->issue].text, ret->issue);
    fill_count(r, ret);
    fill_volume(r, ret);
    fill_year(r, ret);
}

void bookname_parse(const char *name, const char *folder, struct bookname_parsed *ret)
{
    struct reading r;
    char series[PARSED_TEXT] = "";
    ret->series[0] = ret->title[0] = ret->issue[0] = '\0';
    ret->issue_count[0] = ret->volume[0] = ret->year[0] = '\0';
    ret->confidence = 0;
    r.series_end = NULL;
    if (folder && folder[0])
        folder_series(folder, series);
    bookname_clean(name, &r.s);
    read_name(&r, series, ret);
    if (series[0] && same_series(ret->series, series)) {
        memcpy(ret->series, series, sizeof(series));
        ret->confidence += 0.1;
    } else if (!ret->series[0] || (r.first == r.issue && series[0] && !r.title_first)) {
        memcpy(ret->series, series, sizeof(series));
        ret->confidence += series[0] && ret->issue[0] ? 0.2 : 0;
    }
    if (!ret->series[0])
        ret->confidence -= 0.2;
    if (has_cut(&r))
        ret->confidence -= 0.2;
    if (!utf8_valid(name, strlen(name)))
        ret->confidence -= 0.4; /* what it calls the series is not what the name has */
    ret->confidence = ret->confidence > 0.99   ? 0.99
                      : ret->confidence < 0.05 ? 0.05
                                               : ret->confidence;
}
