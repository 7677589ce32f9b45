/*
 * state.h - the state folder: made when missing, and held by one master at a time.
 *
 * Two locks (flock) in its folder `run`. longboxd.lock is the master's alone. workers.lock is inherited by every worker
 * (BOARD_FD_LOCK), so it stays taken while a worker of a dead master still lives: such a worker writes to the
 * databases through the gates of the old scoreboard, which a new master's workers would not see.
 */
#ifndef LB_STATE_H
#define LB_STATE_H

#include <limits.h>

#include "base.h"
#include "err.h"

#define STATE_RUN_SIZE (4096 + 8)

struct state {
    char run_dir[STATE_RUN_SIZE]; /* "<state_dir>/run", 0700 */
    int master_lock;              /* close-on-exec */
    int workers_lock;             /* from CHILD_FD_MIN on; handed to the workers */
};

/*
 * state_open(state_dir, wait_s, ret, err)
 * Makes the folders (0700), takes both locks. ERR_CONFLICT at once, with its pid, when another master lives; when only
 * workers of a dead one are left, they get wait_s seconds to end. Call before signals are blocked.
 */
int state_open(const char *state_dir, int64_t wait_s, struct state *ret,
               struct err *err) LB_MUST_CHECK;
void state_close(struct state *s);

#endif
