/*
 * bookname_scan.h - a file name as tokens, for bookname_parse.c and its parts alone.
 *
 * bookname_clean makes one plain text of the name (no extension, one kind of digits, brackets and blanks);
 * bookname_scan cuts it into tokens that point into that text; bookname_pick chooses the number among them.
 */
#ifndef LB_BOOKNAME_SCAN_H
#define LB_BOOKNAME_SCAN_H

#include <stdbool.h>

#include "base.h"

#define SCAN_TEXT   PARSED_TEXT
#define SCAN_TOKENS 64
#define SCAN_NUMBER PARSED_NUMBER
#define SOFT_COLON  '\x01' /* an underscore that stands for a colon: "Batman_ Year One" */
#define YEAR_FIRST  1900
#define YEAR_LAST   2100

enum tok_kind {
    TOK_WORD,
    TOK_NUMBER,
    TOK_MARK, /* "vol", waiting for its number; gone when the scan is over */
    TOK_OF,   /* likewise */
    TOK_AND,  /* likewise */
    TOK_DASH,
    TOK_COLON,
    TOK_COMMA,
    TOK_DATE,
    TOK_GROUP, /* brackets with what is in them */
};

enum num_kind {
    NUM_BARE,
    NUM_HASH,    /* #12 */
    NUM_ISSUE,   /* No. 12 */
    NUM_CHAPTER, /* Ch. 12 */
    NUM_VOLUME,
    NUM_SEASON,
    NUM_PART,
};

enum group_kind {
    GROUP_NOISE,
    GROUP_YEAR,
    GROUP_COUNT,  /* (of 6) */
    GROUP_NUMBER, /* (12), (#12), (v2), (2 of 4) */
};

struct tok {
    enum tok_kind kind;
    enum num_kind num; /* of TOK_NUMBER, TOK_MARK and GROUP_NUMBER */
    enum group_kind group;
    const char *at, *end; /* in the text, with its mark or brackets */
    char text[SCAN_NUMBER]; /* the number as it is written, in ASCII digits */
    long value;             /* its whole part */
    int digits;             /* before the point */
    int count;              /* the 6 of "3 of 6", or of GROUP_COUNT; 0 = none */
    int year;               /* of TOK_DATE and GROUP_YEAR */
    bool padded;            /* zeros in front */
    bool decimal, suffix, range;
    bool spelled;  /* "Two", "III": only a mark makes it a number */
    bool dot_end;  /* "12." */
    bool in_series; /* part of the folder's name: no candidate */
};

struct scan {
    char text[SCAN_TEXT + 1];
    size_t len;
    bool hyphened;   /* hyphens part the words: "iron-meridian-012", perhaps "Catch-22" */
    bool lead_alone; /* "52 Other_Name_v1": the first number is set apart from the name */
    struct tok toks[SCAN_TOKENS];
    int n;
};

/* s->text of a name; s->n stays. */
void bookname_clean(const char *name, struct scan *s);
void bookname_scan(struct scan *s);
/* The index of the token whose number is the issue, -1 for none; *ret_sure is 0 to 1. */
int bookname_pick(const struct scan *s, double *ret_sure);

static inline bool tok_is_year(const struct tok *t)
{
    return t->kind == TOK_NUMBER && t->digits == 4 && !t->decimal && !t->suffix &&
           t->value >= YEAR_FIRST && t->value <= YEAR_LAST;
}
static inline bool tok_is_bare(const struct tok *t)
{
    return t->kind == TOK_NUMBER && t->num == NUM_BARE && !t->in_series;
}

/* ---- numbers (bookname_digits.c) ---- */

/*
 * A number that begins at p (a digit or a fraction character), in a chunk that ends at `end`. Returns where it ends and
 * fills text, value and flags of t; NULL when this is a word ("4K", "12th", "100.000.000"). t->num says with what mark.
 */
const char *scan_number(const char *p, const char *end, struct tok *t);
/* "2014-05-07", "02-24-2001", "07.05.2014" at p: its end, or NULL. */
const char *scan_date(const char *p, const char *end, int *ret_year);
/* The first number with a counter in a chunk of Chinese, Japanese or Korean text; false: none. */
bool scan_cjk(const char *p, const char *end, struct tok *t);
bool scan_is_digit(const char *p, const char *end);
bool scan_is_fraction(const char *p, const char *end); /* one half and its like, two bytes */
/* "Two", "III": its value, 0 for none. */
long scan_spelled(const char *p, const char *end);

/* ---- words (bookname_words.c) ---- */

#define FOLD_MAX 32
/* Lower case without accents; returns the length, 0 when it is over FOLD_MAX - 1. */
size_t word_fold(const char *p, size_t len, char ret[FOLD_MAX]);
/* One character folded; 0 for a combining mark. */
unsigned char_fold(unsigned cp);
enum word_use {
    WORD_PHRASE = 1, /* "of": the number behind it belongs to a phrase */
    WORD_EVENT = 2,  /* "Annual": a year behind it is a year */
    WORD_TECH = 4,   /* "c2c": says how the file was made */
    WORD_SOFT = 8,   /* "complete": no title when it stands alone */
    WORD_MONTH = 16,
};
unsigned word_uses(const char *p, const char *end);
/* Is it a mark ("vol"), alone or with a number attached? *ret_weak: a common word as well ("book"). */
bool word_mark(const char *p, const char *end, bool attached, enum num_kind *ret, bool *ret_weak);

#endif
