#include "lock.h"

#include <errno.h>
#include <time.h>

#define MAX_HELD 8

static _Thread_local const struct lock *held[MAX_HELD];
static _Thread_local int n_held;

void lock_init(struct lock *l, enum lock_rank rank)
{
    must(pthread_mutex_init(&l->mutex, NULL) == 0);
    l->rank = rank;
}

void lock_clear(struct lock *l)
{
    if (l->rank == 0)
        return; /* never initialised */
    must(pthread_mutex_destroy(&l->mutex) == 0);
    l->rank = 0;
}

void lock_take(struct lock *l)
{
    must(n_held < MAX_HELD);
    must(n_held == 0 || held[n_held - 1]->rank < l->rank);
    must(pthread_mutex_lock(&l->mutex) == 0);
    held[n_held++] = l;
}

void lock_drop(struct lock *l)
{
    must(n_held > 0 && held[n_held - 1] == l);
    n_held--;
    must(pthread_mutex_unlock(&l->mutex) == 0);
}

bool lock_held(const struct lock *l)
{
    for (int i = 0; i < n_held; i++)
        if (held[i] == l)
            return true;
    return false;
}

bool lock_wait(struct lock *l, pthread_cond_t *cond, int64_t ms)
{
    must(lock_held(l));
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* the clock of cond_init, unshifted */
    ts.tv_sec += (time_t)(ms / 1000);
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    int rc = pthread_cond_timedwait(cond, &l->mutex, &ts);
    must(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr) == 0);
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(cond, &attr) == 0);
    must(pthread_condattr_destroy(&attr) == 0);
}
