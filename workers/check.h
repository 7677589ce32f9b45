/*
 * check.h - looks at the files of an archive as they pass by, and says what is wrong with the book.
 *
 * A checker is a sink (entry_sink.h): every byte goes through it and none is kept but the first 256 KiB of a page (for
 * its header), ComicInfo.xml, and a hash of each page. One thread.
 */
#ifndef LB_CHECK_H
#define LB_CHECK_H

#include <jansson.h>

#include "entry_sink.h"

enum problem {
#define PROBLEM(code, name, broken, text) code,
#include "problems.def"
#undef PROBLEM
    PROBLEM__COUNT
};
const char *problem_name(enum problem p);
bool problem_is_broken(enum problem p);

#define CHECK_PROBLEMS_MAX 100 /* listed; more are only counted */
#define CHECK_HASH_SIZE    33  /* 32 hexadecimal digits */
#define CHECK_TOTAL_MAX    (8ull << 30)
#define CHECK_ENTRY_MAX    (512ull << 20)
#define CHECK_RATIO_MAX    200 /* pictures are packed already */

struct check_report {
    json_t *problems; /* [{"code", "text", "entry"?, "broken"}, ...], the broken ones first */
    int64_t n_problems, n_broken; /* those that are not listed too */
    int64_t pages, entries;
    uint64_t bytes; /* unpacked */
    char content
        [CHECK_HASH_SIZE]; /* the pages in reading order; "" when they could not all be read */
    char first[240];       /* the text of the first broken one */
};
void check_report_clear(struct check_report *r);
LB_DEFINE_CLEANUP(struct check_report, check_report_clear)

struct checker;
struct checker *checker_new(uint64_t file_bytes);
void checker_free(struct checker *c);
LB_DEFINE_CLEANUP_PTR(struct checker, checker_free)

/* The sink. It ends a walk (ERR_BOOK) that unpacks more than these limits. */
struct entry_sink checker_sink(struct checker *c);
/* A finding that the walk does not show. `entry` may be NULL; names need not be UTF-8. */
void checker_add(struct checker *c, enum problem p, const char *entry, size_t entry_len,
                 const char *fmt, ...) LB_PRINTF(5, 6);
/* The walk is over; what only shows in the whole is added. *ret is {0} before. */
void checker_finish(struct checker *c, struct check_report *ret);

#endif
