/*
 * child.h - fork and exec of one child: descriptors at fixed numbers, a clean signal mask, its own process group.
 */
#ifndef LB_CHILD_H
#define LB_CHILD_H

#include <sys/types.h>

#include "base.h"
#include "err.h"

#define CHILD_FD_MIN                                                                               \
    64 /* the master keeps what it hands over at numbers above those the child finds it at */

struct child_fd {
    int from, to;
};

struct child {
    const char *program; /* searched in PATH when it has no slash */
    char *const *argv;
    const struct child_fd
        *fds; /* standard output goes to standard error and input to /dev/null, unless named here */
    size_t n_fds;
    const char *env_name, *env_value; /* one more variable, or NULL */
    int death_signal;                 /* sent when the master dies; 0 for none */
};

/*
 * Starts it; *ret_pid is known to have passed exec, or err says why it did not. Every other descriptor of the master
 * is close-on-exec.
 */
int child_spawn(const struct child *c, pid_t *ret_pid, struct err *err) LB_MUST_CHECK;

/* The same descriptor at a number from CHILD_FD_MIN on, close-on-exec; `fd` is closed, also on error. */
int child_fd_high(int fd, int *ret, struct err *err) LB_MUST_CHECK;

/* "signal 9 (Killed)" or "exit code 3". Returns buf. */
const char *child_how(int status, char *buf, size_t size);

#endif
