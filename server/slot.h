/*
 * slot.h - the master's place for one child, a worker or the front end. It outlives the processes that fill it.
 *
 * Knows states, times and back-off; starts and signals nothing. Times are clock_boot_ms, given by the caller.
 */
#ifndef LB_SLOT_H
#define LB_SLOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base.h"
#include "board.h"

#define SLOT_BACKOFF_MIN_MS 250
#define SLOT_BACKOFF_MAX_MS 30000
#define SLOT_QUICK_MS       100 /* served for less than this: a quick death */
#define SLOT_QUICK_DEATHS   3   /* so many in a row are treated as never having been ready */

struct slot {
    char name[24];          /* "slot=2", "slot=frontend": in log lines */
    _Atomic int32_t *shown; /* the state on the board, or NULL */
    enum slot_state state;
    pid_t pid; /* 0: nobody */
    bool ever_ready;
    int failures;       /* deaths before ready, in a row; quick deaths count from the third on */
    int quick_deaths;   /* in a row */
    int64_t started_ms; /* of the process that is in it */
    int64_t ready_ms;
    int64_t retry_ms; /* BACKING_OFF: when to try again */
    int64_t kill_ms;  /* SIGABRT was sent: when SIGKILL follows; 0 = not sent */
};

void slot_init(struct slot *s, const char *name, _Atomic int32_t *shown);

bool slot_may_move(enum slot_state from, enum slot_state to);
const char *slot_state_name(enum slot_state state);
/* 250 ms after the first failure in a row, doubling to 30 s; 0 without one. */
int64_t slot_backoff_ms(int failures);

void slot_started(struct slot *s, pid_t pid, int64_t now_ms);
void slot_ready(struct slot *s, int64_t now_ms);
/* It is told to end. From BACKING_OFF and EMPTY it goes (or stays) EMPTY. */
void slot_draining(struct slot *s);
/*
 * The process is gone, or (pid 0) could not be started. Returns in how many ms the next one is to start: 0 for at once.
 * After DRAINING the slot is EMPTY, and the answer means nothing.
 */
int64_t slot_ended(struct slot *s, int64_t now_ms);

#endif
