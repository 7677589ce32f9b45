/*
 * unpack_child.h - longbox-unpack as a child of a pool thread: the archive is its standard input, its output a pipe.
 *
 * A session and process group of its own; it dies with the worker. Whoever reads the pipe never waits longer than the
 * wall time that the limits give, and looks at the sink's cancel flag.
 */
#ifndef LB_UNPACK_CHILD_H
#define LB_UNPACK_CHILD_H

#include <sys/types.h>

#include "entry_sink.h"
#include "unpack.h"

struct unpack_child {
    const struct unpack_limits *limits;
    const struct entry_sink *sink; /* only its cancel flag is used here */
    pid_t pid;
    int pipe_fd;
    int64_t ends_at_ms;
};

/* argv and envp end with NULL; argv[0] is ours to set. ERR_IO, ERR_NOT_FOUND. */
int unpack_child_start(struct unpack_child *ch, int fd, char **argv, char *const *envp,
                       const struct unpack_limits *limits, const struct entry_sink *sink,
                       struct err *err) LB_MUST_CHECK;
/* ERR_CANCELLED, or ERR_BOOK when the time is over. */
int unpack_child_time(const struct unpack_child *ch, struct err *err) LB_MUST_CHECK;
/* Fills `buf` as far as the pipe goes: *ret < len only at its end. */
int unpack_child_read(const struct unpack_child *ch, void *buf, size_t len, size_t *ret,
                      struct err *err) LB_MUST_CHECK;
/* Waits for the end of one whose pipe has ended, but not for long. Returns its status, as of waitpid. */
int unpack_child_end(struct unpack_child *ch);
/* What a status other than 0 means. Returns the signal, or 0. */
int unpack_child_why(const struct unpack_child *ch, int status, struct err *ret);
/* Ends it at once. */
void unpack_child_clear(struct unpack_child *ch);
LB_DEFINE_CLEANUP(struct unpack_child, unpack_child_clear)

#endif
