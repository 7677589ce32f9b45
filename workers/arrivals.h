/*
 * arrivals.h - new books: which of them are whole, and when they go into a job together.
 *
 * A book is whole when its size and time have been the same for the settle time and nobody is seen writing it. One that
 * somebody holds open for writing counts as whole after ARRIVALS_WRITER_MS without a change. Whole ones wait for those
 * that still change, but not longer than ARRIVALS_GATHER_MS. Pure: the caller brings the time and looks at the disk.
 */
#ifndef LB_ARRIVALS_H
#define LB_ARRIVALS_H

#include <stdbool.h>

#include "base.h"
#include "store_library.h"

#define ARRIVALS_WRITER_MS 300000
#define ARRIVALS_GATHER_MS 15000

struct arrival {
    char *path;
    struct library_stat stat;
    bool seen;          /* stat is filled */
    bool written;       /* somebody writes it, as far as that can be known */
    int64_t quiet_ms;   /* boot clock: unchanged since then */
    int64_t written_ms; /* the last event of a write; 0 = none since it was last closed */
    int64_t whole_ms;   /* whole since then; 0 = it is not */
};
struct arrivals {
    struct arrival *list; /* by path */
    size_t n;
};

/*
 * What there is now, by path (copied). What was known stays known, the rest is forgotten.
 */
void arrivals_set(struct arrivals *a, const char *const *paths, size_t n, int64_t now_ms);
void arrivals_clear(struct arrivals *a);
LB_DEFINE_CLEANUP(struct arrivals, arrivals_clear)

struct arrival *arrivals_find(struct arrivals *a, const char *path); /* NULL = not there */
/* An event said that it is being written, or that what was done to it is over. */
void arrivals_note_write(struct arrivals *a, const char *path, bool going_on, int64_t now_ms);
/* What a look at the disk found. written: somebody has it open for writing. */
void arrivals_note_stat(struct arrival *it, const struct library_stat *stat, bool written,
                        int64_t settle_ms, int64_t now_ms);

/*
 * Is it time for a job over all that are whole? Else *ret_wait_ms is when to look again, or -1 when nothing is expected
 * of time alone. Empty files are not waited for.
 */
bool arrivals_are_due(const struct arrivals *a, int64_t settle_ms, int64_t now_ms,
                      int64_t *ret_wait_ms);

#endif
