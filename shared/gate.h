/*
 * gate.h - the gate: who may write to a database file now. First come, first served, between processes.
 *
 * Every write transaction and every checkpoint of every process passes the gate of its file, for two reasons: SQLite
 * before 3.51.3 can corrupt a WAL database when a checkpoint races a commit that restarts the log
 * (https://sqlite.org/wal.html#walresetbug), and its busy handler polls, so that one busy writer starves the others
 * for seconds.
 *
 * A gate lives in shared memory (board.h). Each thread that uses it takes a seat; a seat is a robust mutex that its
 * thread holds as long as it lives, so the kernel tells the others when it died. Waiters draw tickets; the lowest
 * ticket of a living seat goes next. When a holder dies inside, the next waiter notices within GATE_CHECK_MS and
 * passes: SQLite then rolls the dead transaction back by itself, as after any crash.
 */
#ifndef LB_GATE_H
#define LB_GATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base.h"
#include "err.h"

#define GATE_SEATS    64
#define GATE_CHECK_MS 20

enum gate_file { GATE_JOBS, GATE_PREFERENCES, GATE_LIBRARY, GATE_COUNT };

/* A robust, process-shared mutex; the next owner of a dead one's just goes on. */
struct gate_mutex {
    pthread_mutex_t mutex;
};

void gate_mutex_init(struct gate_mutex *m);
/* Returns false when somebody living holds it. */
bool gate_mutex_try(struct gate_mutex *m);
void gate_mutex_take(struct gate_mutex *m);
void gate_mutex_drop(struct gate_mutex *m);

struct gate_seat {
    struct gate_mutex alive; /* held by the seat's thread from sit to stand */
    _Atomic uint32_t word;   /* futex: FREE, IDLE, WAITING or HOLDING */
    _Atomic uint64_t ticket; /* when WAITING: the order of arrival */
};

struct gate {
    struct gate_mutex lock; /* guards the choice of the next holder; held for microseconds */
    _Atomic uint64_t next_ticket;
    struct gate_seat seats[GATE_SEATS];
    /* Statistics, for /metrics and the stress tests. */
    _Atomic uint64_t passes;
    _Atomic uint64_t recoveries; /* holders that died inside */
    _Atomic int64_t longest_wait_us;
    _Atomic int64_t checkpoint_boot_ms; /* when the last checkpoint ended; 0 = none yet */
};

void gate_init(struct gate *g);
/* Takes a free seat for this thread; ERR_LIMIT when all are taken. The same thread must call gate_stand. */
int gate_sit(struct gate *g, int *ret_seat, struct err *err) LB_MUST_CHECK;
void gate_stand(struct gate *g, int seat);
/*
 * Waits for the turn. Only the thread that sits there. Always succeeds; *ret_wait_us (or NULL) says
 * how long it took.
 */
void gate_enter(struct gate *g, int seat, int64_t *ret_wait_us);
void gate_leave(struct gate *g, int seat);

#endif
