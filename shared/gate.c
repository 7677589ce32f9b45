#include "gate.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/*
 * Every state that another process may find after a death is one word of one seat, and every
 * combination of such words is a state this code goes on from:
 *
 *   WAITING + dead    skipped and freed by whoever chooses next
 *   HOLDING + dead    freed by a waiter's check; recoveries counts it
 *   nobody HOLDING    its holder died between "IDLE" and the choice: the next check chooses
 *   HOLDING, asleep   the chooser died before the wake: the sleep ends by itself after
 * GATE_CHECK_MS
 *
 * Words change only under gate.lock, but for a seat's own thread reading its own.
 */
enum word { FREE, IDLE, WAITING, HOLDING };

void gate_mutex_init(struct gate_mutex *m)
{
    pthread_mutexattr_t attr;
    must(pthread_mutexattr_init(&attr) == 0);
    must(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
    must(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
    must(pthread_mutex_init(&m->mutex, &attr) == 0);
    must(pthread_mutexattr_destroy(&attr) == 0);
}

/* The mutex is ours when rc says so; a dead owner's is made usable again. */
static bool taken(struct gate_mutex *m, int rc)
{
    if (rc == EOWNERDEAD) {
        must(pthread_mutex_consistent(&m->mutex) == 0);
        return true;
    }
    return rc == 0;
}

bool gate_mutex_try(struct gate_mutex *m)
{
    int rc = pthread_mutex_trylock(&m->mutex);
    must(rc == 0 || rc == EBUSY || rc == EOWNERDEAD);
    return taken(m, rc);
}

/*
 * Waits by looking again, not in the kernel, because there a wake-up can be lost: a waiter that was
 * woken is killed before it takes the mutex, and in between somebody took it by the fast path,
 * which does not know that others still sleep. The kernel passes the wake-up on only when it finds
 * the mutex free; the others sleep for good (survivors_go_on_after_each_of_200_kills found it). The
 * gate's lock is held for microseconds.
 */
void gate_mutex_take(struct gate_mutex *m)
{
    /* No sched_yield: on a busy machine it gives a whole slice away. Who slept a little is run
     * soon. */
    long pause_ns = 10000;
    while (!gate_mutex_try(m)) {
        struct timespec ts = {.tv_nsec = pause_ns};
        (void)nanosleep(&ts, NULL); /* a signal only makes it shorter */
        pause_ns = pause_ns < 500000 ? pause_ns * 2 : pause_ns;
    }
}

void gate_mutex_drop(struct gate_mutex *m)
{
    must(pthread_mutex_unlock(&m->mutex) == 0);
}

/* Not FUTEX_PRIVATE: the other side is another process. */
static void futex_wait(_Atomic uint32_t *word, uint32_t while_it_is, int ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    /* Whatever it returns, the caller looks again. */
    (void)syscall(SYS_futex, word, FUTEX_WAIT, while_it_is, &ts, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); /* nobody asleep is fine */
}

/* Frees the seat if its thread is dead. Under gate.lock. Returns true when it is free now. */
static bool reap(struct gate *g, struct gate_seat *s)
{
    if (!gate_mutex_try(&s->alive))
        return false;
    if (s->word == HOLDING)
        g->recoveries++;
    s->word = FREE;
    gate_mutex_drop(&s->alive);
    return true;
}

/* Lets the next one in, if nobody is. Under gate.lock. */
static void choose(struct gate *g)
{
    for (;;) {
        struct gate_seat *next = NULL;
        for (size_t i = 0; i < GATE_SEATS; i++) {
            struct gate_seat *s = &g->seats[i];
            uint32_t word = s->word;
            if (word == HOLDING)
                return;
            if (word == WAITING && (next == NULL || s->ticket < next->ticket))
                next = s;
        }
        if (next == NULL)
            return;
        if (reap(g, next))
            continue; /* died waiting */
        next->word = HOLDING;
        futex_wake(&next->word);
        return;
    }
}

void gate_init(struct gate *g)
{
    gate_mutex_init(&g->lock);
    g->next_ticket = 1;
    g->passes = 0;
    g->recoveries = 0;
    g->longest_wait_us = 0;
    g->checkpoint_boot_ms = 0;
    for (size_t i = 0; i < GATE_SEATS; i++) {
        gate_mutex_init(&g->seats[i].alive);
        g->seats[i].word = FREE;
        g->seats[i].ticket = 0;
    }
}

int gate_sit(struct gate *g, int *ret_seat, struct err *err)
{
    gate_mutex_take(&g->lock);
    for (int i = 0; i < GATE_SEATS; i++) {
        struct gate_seat *s = &g->seats[i];
        if (!gate_mutex_try(&s->alive))
            continue;
        if (s->word == HOLDING)
            g->recoveries++;
        s->word = IDLE;
        choose(g); /* the seat's last user may have died inside */
        gate_mutex_drop(&g->lock);
        *ret_seat = i;
        return 0;
    }
    gate_mutex_drop(&g->lock);
    return err_set(err, ERR_LIMIT, "gate: all %d seats are taken", GATE_SEATS);
}

void gate_stand(struct gate *g, int seat)
{
    struct gate_seat *s = &g->seats[seat];
    must(s->word == IDLE);
    gate_mutex_take(&g->lock);
    s->word = FREE;
    gate_mutex_drop(&s->alive);
    gate_mutex_drop(&g->lock);
}

/* The time is up and the turn has not come: is the holder still alive? */
static void check_holder(struct gate *g)
{
    gate_mutex_take(&g->lock);
    for (size_t i = 0; i < GATE_SEATS; i++)
        if (g->seats[i].word == HOLDING)
            (void)reap(g, &g->seats[i]);
    choose(g);
    gate_mutex_drop(&g->lock);
}

static void note_wait(struct gate *g, int64_t wait_us)
{
    g->passes++;
    int64_t longest = g->longest_wait_us;
    while (wait_us > longest &&
           !atomic_compare_exchange_weak(&g->longest_wait_us, &longest, wait_us))
        ;
}

void gate_enter(struct gate *g, int seat, int64_t *ret_wait_us)
{
    struct gate_seat *s = &g->seats[seat];
    must(s->word == IDLE);
    int64_t start_us = clock_mono_us();
    gate_mutex_take(&g->lock);
    s->ticket = g->next_ticket++;
    s->word = WAITING; /* after the ticket: a death in between leaves an idle seat */
    choose(g);
    gate_mutex_drop(&g->lock);

    int64_t checked_us = start_us;
    while (s->word != HOLDING) {
        futex_wait(&s->word, WAITING, GATE_CHECK_MS);
        if (s->word != HOLDING && clock_mono_us() - checked_us >= GATE_CHECK_MS * 1000) {
            check_holder(g);
            checked_us = clock_mono_us();
        }
    }
    int64_t wait_us = clock_mono_us() - start_us;
    note_wait(g, wait_us);
    if (ret_wait_us)
        *ret_wait_us = wait_us;
}

void gate_leave(struct gate *g, int seat)
{
    struct gate_seat *s = &g->seats[seat];
    must(s->word == HOLDING);
    gate_mutex_take(&g->lock);
    s->word = IDLE;
    choose(g);
    gate_mutex_drop(&g->lock);
}
