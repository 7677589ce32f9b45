/*
 * unpack_any.h - an archive of others by the reader that can: libarchive; where that fails on a RAR or 7-Zip archive
 * that goes on to its end, unar, when it is installed.
 *
 * unar is no way around anything: not what is encrypted, cut off or split, what ended at a limit, or what brought the
 * reader down goes to it, and the limits hold for both together in time and for each in everything else.
 */
#ifndef LB_UNPACK_ANY_H
#define LB_UNPACK_ANY_H

#include "unpack.h"

struct unpack_target {
    /* A reader begins: *ret is the sink for it. What an earlier one brought does not count any more. */
    int (*begin)(void *ctx, struct entry_sink *ret, struct err *err);
    void *ctx;
};

/* As unpack_walk, which does the work. ret->by says who read it. */
int unpack_any(int fd, const struct unpack_limits *limits, const struct unpack_target *target,
               struct unpack_report *ret, struct err *err) LB_MUST_CHECK;
/* Adds to the error what a user can do, if anything. */
void unpack_remedy(const struct unpack_report *r, struct err *err);

#endif
