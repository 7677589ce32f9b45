#include "master_parts.h"

#include <inttypes.h>
#include <signal.h>

#include "clock.h"
#include "log.h"

/* h2o waits for idle connections without limit; without workers they are of no use. */
#define FRONT_LINGER_MS 2000

void master_signal(const struct slot *s, int sig)
{
    if (s->pid > 0)
        (void)kill(s->pid, sig); /* ours and unreaped, so the pid is right */
}

void master_stop_begin(struct master *m, int exit_code)
{
    m->stopping = true;
    m->exit_code = exit_code;
    m->drain_end_ms = clock_boot_ms() + (m->c->graceful_timeout_s + 5) * 1000;
    listener_close(&m->public_socket); /* refuse, once h2o has closed its copy */
    frontend_probe_end(&m->frontend);
    slot_draining(&m->front_slot);
    master_signal(&m->front_slot, SIGTERM);
    for (size_t i = 0; i < m->n_workers; i++) {
        slot_draining(&m->workers[i].slot);
        master_signal(&m->workers[i].slot, SIGTERM);
    }
}

void master_stop_quick(struct master *m)
{
    m->quick = true;
    master_signal(&m->front_slot, SIGKILL);
    for (size_t i = 0; i < m->n_workers; i++)
        master_signal(&m->workers[i].slot, SIGKILL);
}

bool master_workers_gone(const struct master *m)
{
    for (size_t i = 0; i < m->n_workers; i++)
        if (m->workers[i].slot.pid)
            return false;
    return true;
}

/* The steps of the ladder whose time has come. */
void master_stop_step(struct master *m, int64_t now_ms)
{
    if (!m->quick && !master_workers_gone(m) && now_ms >= m->drain_end_ms) {
        for (size_t i = 0; i < m->n_workers; i++)
            if (m->workers[i].slot.pid)
                log_warn("worker killed", "%s pid=%d after_s=%" PRId64 " note=\"it did not end\"",
                         m->workers[i].slot.name, (int)m->workers[i].slot.pid,
                         m->c->graceful_timeout_s + 5);
        master_stop_quick(m);
    }
    if (master_workers_gone(m) && m->front_slot.pid) {
        if (m->front_end_ms == 0)
            m->front_end_ms = now_ms + FRONT_LINGER_MS;
        else if (now_ms >= m->front_end_ms)
            master_signal(&m->front_slot, SIGKILL);
    }
}
