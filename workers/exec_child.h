/*
 * exec_child.h - a program as a child of a pool thread, in a session and process group of its own.
 *
 * The child waits after fork until it is released, so that its group can be recorded before the program begins. It dies
 * with the worker (PR_SET_PDEATHSIG); children of it that outlive it are found by that record.
 */
#ifndef LB_EXEC_CHILD_H
#define LB_EXEC_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base.h"
#include "err.h"

#define EXEC_TAIL 2048 /* bytes of output that are kept */

struct exec_tail {
    char bytes[EXEC_TAIL];
    size_t len;
    bool cut;
};

struct exec_child {
    pid_t pid; /* and number of the group; 0 = none */
    int pidfd, gate, out_fd, err_fd; /* gate: a byte releases it; it answers with errno when exec fails */
    struct exec_tail out, err;
};

enum exec_stop { EXEC_ENDED, EXEC_TIMED_OUT, EXEC_CANCELLED };

/* How it ended. */
struct exec_end {
    enum exec_stop stop;
    int exec_errno; /* 0 = the program began */
    int status;     /* exit status, when signal is 0 */
    int signal;
};

/* argv and envp end with NULL; program is a path; dir_fd is where it will run. */
int exec_child_start(struct exec_child *ch, const char *program, char *const argv[],
                     char *const envp[], int dir_fd, struct err *err) LB_MUST_CHECK;
/* Lets the program begin, follows it to its end, ends what is left of its group. */
void exec_child_follow(struct exec_child *ch, int64_t timeout_ms, int64_t kill_after_ms,
                       bool (*cancelled)(void *ctx), void *ctx, struct exec_end *ret);
/* Ends the group at once and frees everything; {0} is fine. */
void exec_child_clear(struct exec_child *ch);
LB_DEFINE_CLEANUP(struct exec_child, exec_child_clear)

/* When the process started, in ticks since boot as in /proc/PID/stat; 0 = there is none. */
unsigned long long exec_start_time(pid_t pid);
/*
 * Ends what still lives of the group that `leader` began at `start` for the job, and waits until it is gone. Does
 * nothing when the number belongs to somebody else by now. ERR_BUSY: it does not end within 10 s.
 */
int exec_end_group(pid_t leader, unsigned long long start, const char *job_id,
                   struct err *err) LB_MUST_CHECK;
/* The same without waiting. Returns whether there was anything to end. */
bool exec_kill_group(pid_t leader, unsigned long long start, const char *job_id);

#endif
