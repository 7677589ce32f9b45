#include "slot.h"

#include <stdio.h>

#include "log.h"

enum { N_STATES = SLOT_BACKING_OFF + 1 };

/* clang-format off */
static const bool may_move[N_STATES][N_STATES] = {
    /* to:               E  S  R  D  B */
    [SLOT_EMPTY]       = {0, 1, 0, 0, 1}, /* it could not even be started */
    [SLOT_STARTING]    = {0, 0, 1, 1, 1},
    [SLOT_READY]       = {1, 0, 0, 1, 1}, /* back off: it dies again and again soon after it is ready */
    [SLOT_DRAINING]    = {1, 0, 0, 0, 0},
    [SLOT_BACKING_OFF] = {1, 1, 0, 0, 1},
};
/* clang-format on */

bool slot_may_move(enum slot_state from, enum slot_state to)
{
    return may_move[from][to];
}

const char *slot_state_name(enum slot_state state)
{
    static const char *const names[N_STATES] = {"empty", "starting", "ready", "draining",
                                                "backing_off"};
    return names[state];
}

int64_t slot_backoff_ms(int failures)
{
    if (failures <= 0)
        return 0;
    int64_t ms = SLOT_BACKOFF_MIN_MS;
    while (--failures > 0 && ms < SLOT_BACKOFF_MAX_MS)
        ms *= 2;
    return ms < SLOT_BACKOFF_MAX_MS ? ms : SLOT_BACKOFF_MAX_MS;
}

static void move(struct slot *s, enum slot_state to)
{
    must(slot_may_move(s->state, to));
    log_info("slot", "%s %s -> %s pid=%d", s->name, slot_state_name(s->state), slot_state_name(to),
             (int)s->pid);
    s->state = to;
    if (s->shown)
        *s->shown = (int32_t)to;
}

void slot_init(struct slot *s, const char *name, _Atomic int32_t *shown)
{
    *s = (struct slot){.shown = shown, .state = SLOT_EMPTY};
    (void)snprintf(s->name, sizeof(s->name), "slot=%s", name);
}

void slot_started(struct slot *s, pid_t pid, int64_t now_ms)
{
    s->pid = pid;
    s->started_ms = now_ms;
    s->ready_ms = 0;
    s->kill_ms = 0;
    move(s, SLOT_STARTING);
}

void slot_ready(struct slot *s, int64_t now_ms)
{
    s->ready_ms = now_ms;
    s->ever_ready = true;
    move(s, SLOT_READY);
}

void slot_draining(struct slot *s)
{
    if (s->state == SLOT_EMPTY || s->state == SLOT_DRAINING)
        return;
    move(s, s->state == SLOT_BACKING_OFF ? SLOT_EMPTY : SLOT_DRAINING);
}

int64_t slot_ended(struct slot *s, int64_t now_ms)
{
    enum slot_state was = s->state;
    bool quick = was == SLOT_READY && now_ms - s->ready_ms < SLOT_QUICK_MS;
    if (was == SLOT_DRAINING) {
        move(s, SLOT_EMPTY);
        s->pid = 0;
        return 0;
    }
    if (was == SLOT_READY) {
        s->quick_deaths = quick ? s->quick_deaths + 1 : 0;
        if (s->quick_deaths < SLOT_QUICK_DEATHS) {
            s->failures = 0;
            move(s, SLOT_EMPTY);
            s->pid = 0;
            return 0;
        }
    }
    s->failures++;
    int64_t wait_ms = slot_backoff_ms(s->failures);
    s->retry_ms = now_ms + wait_ms;
    move(s, SLOT_BACKING_OFF);
    s->pid = 0;
    return wait_ms;
}
