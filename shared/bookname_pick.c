/*
 * Which number of a name is the issue. Marks decide ("#12", "Ch. 12"); among bare numbers, where
 * they stand and how they are written: an issue is padded, ends the name or is followed by a dash;
 * the number of a phrase is not ("of 1000").
 */
#include <string.h>

#include "bookname_parse.h"
#include "bookname_scan.h"

#define SCORE_NEEDED (-1.0)

/* What the whole name has. */
struct view {
    const struct scan *s;
    bool bracket_year;
    int bare;      /* how many bare numbers */
    int small;     /* of them below 1000 */
    int plain_end; /* the index behind the last token that is no bracket and no technical word */
};

static bool is_tech(const struct tok *t)
{
    return t->kind == TOK_WORD && (word_uses(t->at, t->end) & (WORD_TECH | WORD_SOFT)) != 0;
}

static struct view look(const struct scan *s)
{
    struct view v = {.s = s};
    for (int i = 0; i < s->n; i++) {
        const struct tok *t = &s->toks[i];
        v.bracket_year = v.bracket_year || t->kind == TOK_DATE ||
                         (t->kind == TOK_GROUP && t->group == GROUP_YEAR);
        v.bare += tok_is_bare(t);
        v.small += tok_is_bare(t) && t->value < 1000;
        if (t->kind != TOK_GROUP && t->kind != TOK_DASH && !is_tech(t))
            v.plain_end = i + 1;
    }
    return v;
}

static const struct tok *token(const struct scan *s, int i)
{
    return i >= 0 && i < s->n ? &s->toks[i] : NULL;
}

static bool is_kind(const struct tok *t, enum tok_kind kind)
{
    return t && t->kind == kind;
}

static bool is_mark(const struct tok *t, enum num_kind num)
{
    return t && t->num == num &&
           (t->kind == TOK_NUMBER || (t->kind == TOK_GROUP && t->group == GROUP_NUMBER));
}

/* The first token that is not a bracket. */
static int first_plain(const struct scan *s)
{
    int i = 0;
    while (i < s->n && s->toks[i].kind == TOK_GROUP)
        i++;
    return i;
}

/* ------------------------------------------------------------------ bare numbers */

/* What the token behind says. */
static double score_next(const struct view *v, int i)
{
    const struct tok *t = &v->s->toks[i], *next = token(v->s, i + 1);
    if (i + 1 >= v->plain_end || is_kind(next, TOK_GROUP))
        return 2;
    if (is_kind(next, TOK_DASH))
        return 1.5;
    if (is_kind(next, TOK_COLON))
        return 1;
    if (is_kind(next, TOK_COMMA))
        return 0.5;
    if (is_kind(next, TOK_NUMBER) && next->num == NUM_VOLUME) /* "12 v2" may be a second release */
        return next->digits == 1 && i + 2 >= v->plain_end ? 0 : -2;
    if (is_kind(next, TOK_NUMBER)) {
        bool title = is_kind(token(v->s, i + 2), TOK_WORD); /* "19 5 Meisjes" */
        return title || (tok_is_year(next) && !t->range) ? 0 : -1;
    }
    return 0;
}

/* What the token in front says. */
static double score_before(const struct view *v, int i)
{
    const struct tok *t = &v->s->toks[i], *before = token(v->s, i - 1);
    bool word_next = is_kind(token(v->s, i + 1), TOK_WORD) && i + 1 < v->plain_end;
    if (i == first_plain(v->s))
        return t->padded ? -2 : -3;
    if (is_kind(before, TOK_NUMBER) && before->num == NUM_BARE && word_next)
        return -2;
    if (is_kind(before, TOK_NUMBER) && before->num == NUM_VOLUME && tok_is_year(t))
        return -2; /* "Vol. 2 2019" */
    if (!is_kind(before, TOK_WORD))
        return 0;
    unsigned uses = word_uses(before->at, before->end);
    if (uses & WORD_PHRASE)
        return word_next || !t->padded ? -3 : 0;
    if ((uses & WORD_EVENT) && tok_is_year(t))
        return -3;
    return before->end - before->at == 1 ? -1 : 0;
}

/* How earlier segments ("... 007 - ...") stand against a number in a later one. */
static double score_segment(const struct view *v, int i, bool alone)
{
    const struct tok *t = &v->s->toks[i];
    double score = 0;
    for (int k = 0; k + 1 < i; k++) {
        const struct tok *other = &v->s->toks[k];
        if (other->kind == TOK_NUMBER && other->num == NUM_VOLUME &&
            is_kind(token(v->s, i + 1), TOK_WORD))
            score -= 1;
        if (!tok_is_bare(other) || v->s->toks[k + 1].kind != TOK_DASH)
            continue;
        if (other->padded)
            score -= 4;
        else if (!t->padded && !t->count && !alone)
            score -= 1.5;
    }
    return score;
}

static double score_bare(const struct view *v, int i)
{
    const struct scan *s = v->s;
    const struct tok *t = &s->toks[i], *before = token(s, i - 1);
    bool starts = !before || before->kind == TOK_DASH;
    bool alone = starts && i > first_plain(s) && score_next(v, i) >= 1.5;
    double score = score_next(v, i) + score_before(v, i) + score_segment(v, i, alone);
    score += t->padded ? 3 : 0;
    score += t->decimal ? 1 : 0;
    score += t->suffix ? 1 : 0;
    score += t->count                                                                       ? 2.5
             : is_kind(token(s, i + 1), TOK_GROUP) && token(s, i + 1)->group == GROUP_COUNT ? 2.5
                                                                                            : 0;
    score += alone ? 2 : 0;
    if (tok_is_year(t))
        score -= v->bracket_year ? 3 : 2;
    else if (t->value >= 1000 && v->small > 0 && !t->padded)
        score -= 1.5;
    return score;
}

/* How sure a bare number is, from its score and the next best. */
static double bare_sure(double best, double second)
{
    double sure = best >= 4   ? 0.9
                  : best >= 3 ? 0.85
                  : best >= 2 ? 0.75
                  : best >= 1 ? 0.6
                  : best >= 0 ? 0.4
                              : 0.3;
    return best - second < 1 ? sure - 0.25 : best - second < 2 ? sure - 0.1 : sure;
}

static int pick_bare(const struct view *v, double *ret_sure)
{
    int best = -1;
    double score = SCORE_NEEDED, second = -10;
    for (int i = 0; i < v->s->n; i++) {
        if (!tok_is_bare(&v->s->toks[i]))
            continue;
        double mine = score_bare(v, i);
        if (mine > score) {
            second = best >= 0 ? score : second;
            score = mine;
            best = i;
        } else if (mine > second) {
            second = mine;
        }
    }
    if (best >= 0)
        *ret_sure =
            bare_sure(score, second) - (v->s->hyphened && !v->s->toks[best].padded ? 0.3 : 0);
    return best;
}

/* ------------------------------------------------------------------ marks */

static int find_mark(const struct scan *s, enum num_kind num, bool spelled)
{
    for (int i = 0; i < s->n; i++)
        if (is_mark(&s->toks[i], num) && s->toks[i].spelled == spelled && !s->toks[i].in_series)
            return i;
    return -1;
}

/* "(12)", "(2 of 4)"; the last one, and none that may be a copy's ("012 (1)" has its number already). */
static int find_group_number(const struct scan *s)
{
    for (int i = s->n - 1; i >= 0; i--)
        if (is_mark(&s->toks[i], NUM_BARE) && s->toks[i].kind == TOK_GROUP)
            return i;
    return -1;
}

/* "5 Nr. 13 aan de start": the mark is in the title when a number stands before it and words behind. */
static bool mark_is_title(const struct scan *s, int i)
{
    const struct tok *before = token(s, i - 1);
    return before && tok_is_bare(before) && i - 1 > first_plain(s) &&
           is_kind(token(s, i + 1), TOK_WORD);
}

/* The one number of a name that has nothing else: "52", "001 (2014)". */
static int find_only(const struct scan *s)
{
    int i = first_plain(s);
    if (i >= s->n || !tok_is_bare(&s->toks[i]))
        return -1;
    for (int k = i + 1; k < s->n; k++)
        if (s->toks[k].kind != TOK_GROUP && !is_tech(&s->toks[k]))
            return -1;
    return i;
}

/* "01 - The Beginning", "01. The Beginning": a list of titles. */
static int find_leading(const struct scan *s)
{
    int i = first_plain(s);
    const struct tok *t = token(s, i);
    if (!t || !tok_is_bare(t) || s->n < i + 2)
        return -1;
    return t->padded || t->dot_end || s->toks[i + 1].kind == TOK_DASH ? i : -1;
}

static int pick_weak(const struct view *v, double *ret_sure)
{
    const struct scan *s = v->s;
    int i = find_group_number(s);
    if (i >= 0) {
        *ret_sure = s->toks[i].count ? 0.85 : 0.55;
        return i;
    }
    static const struct {
        enum num_kind num;
        bool spelled;
        double sure;
    } order[] = {
        {NUM_PART, false, 0.65},  {NUM_VOLUME, false, 0.8}, {NUM_CHAPTER, true, 0.6},
        {NUM_ISSUE, true, 0.5},   {NUM_VOLUME, true, 0.6},  {NUM_PART, true, 0.5},
        {NUM_SEASON, false, 0.4},
    };
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        i = find_mark(s, order[k].num, order[k].spelled);
        if (i < 0 || (order[k].num == NUM_VOLUME && s->toks[i].value >= YEAR_FIRST))
            continue;
        *ret_sure = order[k].sure;
        return i;
    }
    return -1;
}

int bookname_pick(const struct scan *s, double *ret_sure)
{
    struct view v = look(s);
    static const struct {
        enum num_kind num;
        double sure;
    } order[] = {{NUM_HASH, 0.95}, {NUM_CHAPTER, 0.95}, {NUM_ISSUE, 0.9}};
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        int i = find_mark(s, order[k].num, false);
        if (i < 0 || (order[k].num == NUM_ISSUE && mark_is_title(s, i)))
            continue;
        *ret_sure = order[k].sure;
        return i;
    }
    int i = find_only(s);
    if (i >= 0) {
        *ret_sure = s->toks[i].padded ? 0.7 : 0.45;
        return i;
    }
    i = pick_bare(&v, ret_sure);
    if (i < 0)
        i = pick_weak(&v, ret_sure);
    if (i < 0) {
        i = find_leading(s);
        *ret_sure = i >= 0 ? 0.6 : 0.7; /* no number at all is an answer, too */
    }
    return i;
}
