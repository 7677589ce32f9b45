#include "master_parts.h"

#include <inttypes.h>
#include <signal.h>

#include "clock.h"
#include "fault.h"
#include "log.h"

/* h2o waits for idle connections without limit; without workers they are of no use. */
#define FRONT_LINGER_MS 2000
#define KILL_AFTER_MS   5000 /* beyond the time that workers are given */

static void tell_to_end(struct member *e, int sig)
{
    slot_draining(&e->slot);
    master_signal(&e->slot, sig);
}

void master_stop_begin(struct master *m, int exit_code, bool quick)
{
    int64_t grace_ms = quick ? 0 : m->config.graceful_timeout_s * 1000;
    int sig = quick ? SIGQUIT : SIGTERM;
    m->stopping = true;
    m->exit_code = exit_code;
    m->drain_end_ms = clock_boot_ms() + grace_ms + KILL_AFTER_MS;
    notify_send(&m->notify, "STOPPING=1");
    listener_close(&m->public_socket); /* refuse, once h2o has closed its copy */
    frontend_probe_end(&m->frontend);
    slot_draining(&m->front_slot);
    master_front_signal(m, SIGTERM);
    fault_hit("master_stop_front");
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        tell_to_end(&m->workers[i].now, sig);
        tell_to_end(&m->workers[i].next, sig);
        tell_to_end(&m->workers[i].old, sig);
    }
}

void master_stop_kill(struct master *m)
{
    m->quick = true;
    master_front_signal(m, SIGKILL);
    master_workers_signal(m, SIGKILL);
}

/* The steps of the ladder whose time has come. */
void master_stop_step(struct master *m, int64_t now_ms)
{
    if (!m->quick && !master_workers_gone(m) && now_ms >= m->drain_end_ms) {
        for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
            const struct slot *s = &m->workers[i].now.slot;
            if (s->pid)
                log_warn("worker killed", "%s pid=%d note=\"it did not end in time\"", s->name,
                         (int)s->pid);
        }
        master_stop_kill(m);
    }
    fault_hit("master_stop_step");
    if (master_workers_gone(m) && !master_front_gone(m)) {
        if (m->front_end_ms == 0)
            m->front_end_ms = now_ms + FRONT_LINGER_MS;
        else if (now_ms >= m->front_end_ms)
            master_front_signal(m, SIGKILL);
    }
}
