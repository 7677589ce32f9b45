/*
 * unpack.h - the files of a RAR, 7-Zip or tar archive, read by a child process that can do nothing else.
 *
 * The child is longbox-unpack, found beside the worker. It gets the archive as an open file and a pipe, no other
 * descriptor, no file system, no network, and limits of CPU time, memory, entries and bytes; here its wall time is
 * bounded, and every length that it sends. What it sends is not trusted further than the archive itself.
 */
#ifndef LB_UNPACK_H
#define LB_UNPACK_H

#include "entry_sink.h"

struct unpack_limits {
    uint32_t cpu_s, wall_s, memory_mib, entries;
    uint64_t entry_bytes, total_bytes;
};
#define UNPACK_LIMITS ((struct unpack_limits){600, 1800, 512, 20000, 512ull << 20, 8ull << 30})

struct unpack_report {
    char format[64];     /* "RAR5": as the library calls it */
    uint32_t n_skipped;  /* links and devices: not books' pages */
    bool not_understood; /* after ERR_BOOK: perhaps another program can read it */
    bool unread; /* and it is a RAR or 7-Zip archive that goes on to its end: unpack_any.h */
    const char *by; /* "libarchive" or "unar"; NULL = nobody could */
};

/*
 * Walks the archive in `fd` (from its start; the descriptor's place does not matter and does not change). The entries
 * come in the archive's order; an entry that cannot be read ends the walk. ERR_BOOK: the archive's fault, with a reason
 * for users; ERR_CANCELLED; ERR_IO: the child cannot be started; and what the sink returns.
 */
int unpack_walk(int fd, const struct unpack_limits *limits, const struct entry_sink *sink,
                struct unpack_report *ret, struct err *err) LB_MUST_CHECK;

#endif
