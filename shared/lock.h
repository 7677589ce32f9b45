/*
 * lock.h - mutexes with a rank. Ranks rise: a thread that holds one may only take a higher one; a wrong order aborts
 * in every build, so a deadlock is found by the first test that passes there.
 *
 * No SQL, no file I/O and no logging while one is held. They are for threads of one process; between processes there
 * is gate.h.
 */
#ifndef LB_LOCK_H
#define LB_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "base.h"

enum lock_rank {
    RANK_POOL = 1, /* pool.c: ready items */
    RANK_RUNNER,   /* runner.c: running items, cancel flags */
    RANK_WRITER,   /* writer.c: queue of writes */
    RANK_HTTP,     /* http: posts to the loop */
    RANK_LIBRARY,  /* scan state */
    RANK_LEAF,     /* anything that calls nothing */
};

struct lock {
    pthread_mutex_t mutex;
    enum lock_rank rank;
};

void lock_init(struct lock *l, enum lock_rank rank);
void lock_clear(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);
/* Does this thread hold it? For must(lock_held(...)) at the top of helpers. */
bool lock_held(const struct lock *l);
/* Waits for cond at most ms (monotonic). The lock is held by the caller. Returns false at the time-out. */
bool lock_wait(struct lock *l, pthread_cond_t *cond, int64_t ms);
/* A condition that waits on the monotonic clock. */
void cond_init(pthread_cond_t *cond);

static inline void lock_scope_end(struct lock **l)
{
    lock_drop(*l);
}
#define LOCK_SCOPE_NAME2(line) lock_scope_##line
#define LOCK_SCOPE_NAME(line)  LOCK_SCOPE_NAME2(line)
/* Held until the enclosing block is left, on any way out. */
#define LOCK_SCOPE(l)                                                                              \
    struct lock *LOCK_SCOPE_NAME(__LINE__) __attribute__((cleanup(lock_scope_end), unused)) =      \
        (lock_take(l), (l))

#endif
