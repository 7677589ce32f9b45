/*
 * master_parts.h - what master.c and master_stop.c share. Nobody else includes it.
 */
#ifndef LB_MASTER_PARTS_H
#define LB_MASTER_PARTS_H

#include "board.h"
#include "frontend.h"
#include "listener.h"
#include "slot.h"
#include "state.h"

struct worker {
    struct slot slot;
    int ready_fd; /* read end; -1 when it has said so or is gone */
};

struct master {
    const struct config *c;
    struct state state;
    struct listener workers_socket, public_socket;
    struct board *board;
    int board_fd;
    int bells[BOARD_MAX_SLOTS];
    int life_fd, life_write_fd; /* the pipe whose write end only we hold */
    int signal_fd;
    char worker_program[PATH_MAX];
    struct strbuf worker_config;
    struct worker workers[BOARD_MAX_SLOTS];
    size_t n_workers;
    struct frontend frontend;
    struct slot front_slot;
    bool announced;
    bool stopping, quick;
    int exit_code;
    int64_t drain_end_ms; /* stopping: when workers are killed */
    int64_t front_end_ms; /* stopping: when the front end is killed; 0 while workers live */
    int64_t ticked_ms;    /* the last look at the beats */
    int64_t awake_ms;     /* beats before this do not count */
    char last_death[128]; /* for the reason of exit 3 */
};

/*
 * The ladder. begin: SIGTERM to all; the workers finish what runs, for graceful_timeout_s. step, once in each turn of
 * the loop: SIGKILL to workers whose time is up, and to h2o a little after the last of them. quick: SIGKILL to all.
 */
void master_stop_begin(struct master *m, int exit_code);
void master_stop_quick(struct master *m);
void master_stop_step(struct master *m, int64_t now_ms);
bool master_workers_gone(const struct master *m);

/* Sends a signal to the process in the slot, if there is one. */
void master_signal(const struct slot *s, int sig);

#endif
