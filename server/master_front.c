#include "master_parts.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "child.h"
#include "clock.h"
#include "fault.h"
#include "log.h"

/* h2o waits for idle connections without limit. No request takes longer than http1-request-timeout, 30 s. */
#define OLD_MS  32000
#define NEXT_MS 10000 /* it is up in 50 ms */

static void start(struct master *m)
{
    struct err err = {0};
    pid_t pid = 0;
    if (frontend_start(&m->frontend, m->public_socket.fd, &pid, &err) < 0) {
        int64_t wait_ms = slot_ended(&m->front_slot, clock_boot_ms());
        log_error("front end not started", "error=%s retry_ms=%" PRId64, LOG_QUOTE(err.msg),
                  wait_ms);
        (void)snprintf(m->last_death, sizeof(m->last_death), "front end: %.90s", err.msg);
        return;
    }
    m->board->frontend_pid = pid;
    slot_started(&m->front_slot, pid, clock_boot_ms());
    fault_hit("master_front_started");
}

int master_front_prepare(struct master *m, const struct config *c, struct frontend *ret,
                         struct err *err)
{
    if (frontend_prepare(c, m->state.run_dir, m->workers_socket.path, &m->public_socket.address,
                         ret, err) < 0) {
        frontend_clear(ret);
        return -1;
    }
    return 0;
}

/* ---- one takes over from another ---- */

void master_front_swap(struct master *m, struct frontend *f)
{
    if (m->front_wanted)
        frontend_clear(&m->wanted_front);
    m->wanted_front = *f;
    m->front_wanted = true;
    *f = (struct frontend){.log_fd = -1, .probe_fd = -1};
}

/* The new one does not come up: what runs goes on, and starts again as it was. */
static void give_up_next(struct master *m, const char *why)
{
    struct err err = {0};
    log_error("front end not replaced", "error=%s note=\"the running one goes on\"",
              LOG_QUOTE(why));
    frontend_clear(&m->next_front);
    m->next_front_pid = 0;
    if (frontend_restore(&m->frontend, &err) < 0)
        log_error("front end not restored", "error=%s", LOG_QUOTE(err.msg));
}

/* There is one at a time: the place that it leaves is empty. */
static struct frontend take_wanted(struct master *m)
{
    struct frontend f = m->wanted_front;
    m->wanted_front = (struct frontend){.log_fd = -1, .probe_fd = -1};
    m->front_wanted = false;
    return f;
}

static void start_next(struct master *m, int64_t now_ms)
{
    struct err err = {0};
    m->next_front = take_wanted(m);
    m->next_front_end_ms = now_ms + NEXT_MS;
    if (frontend_start(&m->next_front, m->public_socket.fd, &m->next_front_pid, &err) < 0)
        give_up_next(m, err.msg);
}

/* Both accept on the one socket until the old one is told to end, so nobody is refused. */
static void take_over(struct master *m, int64_t now_ms)
{
    struct slot *s = &m->front_slot;
    frontend_probe_end(&m->frontend);
    m->old_front = m->frontend;
    m->old_front_pid = s->pid;
    m->old_front_end_ms = now_ms + OLD_MS;
    m->frontend = m->next_front;
    m->next_front = (struct frontend){.log_fd = -1, .probe_fd = -1};
    s->pid = m->next_front_pid;
    s->started_ms = s->ready_ms = now_ms;
    m->next_front_pid = 0;
    m->board->frontend_pid = s->pid;
    log_info("front end replaced", "pid=%d old_pid=%d", (int)s->pid, (int)m->old_front_pid);
    fault_hit("master_front_take_over");
    (void)kill(m->old_front_pid, SIGTERM);
}

static void step_swap(struct master *m, int64_t now_ms)
{
    const struct slot *s = &m->front_slot;
    if (m->next_front_pid && m->next_front.said_ready && s->state == SLOT_READY)
        take_over(m, now_ms);
    else if (m->next_front_pid && now_ms >= m->next_front_end_ms)
        (void)kill(m->next_front_pid, SIGKILL);
    if (m->old_front_pid && now_ms >= m->old_front_end_ms)
        (void)kill(m->old_front_pid, SIGKILL);
    if (m->front_wanted && s->state == SLOT_READY && !m->next_front_pid && !m->old_front_pid)
        start_next(m, now_ms);
}

void master_front_fill(struct master *m, int64_t now_ms)
{
    const struct slot *s = &m->front_slot;
    if (s->state == SLOT_EMPTY || (s->state == SLOT_BACKING_OFF && now_ms >= s->retry_ms)) {
        if (m->front_wanted) { /* nobody to take over from */
            frontend_clear(&m->frontend);
            m->frontend = take_wanted(m);
        }
        start(m);
    }
    step_swap(m, now_ms);
}

/* ---- what happens ---- */

bool master_front_reap(struct master *m, pid_t pid, int status)
{
    char how[64];
    if (pid == m->next_front_pid) {
        frontend_read_log(&m->next_front);
        give_up_next(m, child_how(status, how, sizeof(how)));
        return true;
    }
    if (pid == m->old_front_pid) {
        frontend_read_log(&m->old_front);
        frontend_clear(&m->old_front);
        m->old_front_pid = 0;
        log_info("ended", "%s pid=%d how=\"%s\"", m->front_slot.name, (int)pid,
                 child_how(status, how, sizeof(how)));
        return true;
    }
    if (pid != m->front_slot.pid)
        return false;
    frontend_read_log(&m->frontend);
    frontend_probe_end(&m->frontend);
    m->board->frontend_pid = 0;
    if (m->front_slot.state != SLOT_DRAINING)
        m->board->frontend_crashes++;
    master_ended(m, &m->front_slot, pid, status, "front end died");
    return true;
}

void master_front_read(struct master *m)
{
    frontend_read_log(&m->frontend);
    frontend_read_log(&m->next_front);
    frontend_read_log(&m->old_front);
    if (m->front_slot.state == SLOT_STARTING && frontend_probe(&m->frontend))
        slot_ready(&m->front_slot, clock_boot_ms());
}

void master_front_signal(struct master *m, int sig)
{
    master_signal(&m->front_slot, sig);
    if (m->next_front_pid)
        (void)kill(m->next_front_pid, sig);
    if (m->old_front_pid)
        (void)kill(m->old_front_pid, sig);
}

bool master_front_gone(const struct master *m)
{
    return m->front_slot.pid == 0 && m->next_front_pid == 0 && m->old_front_pid == 0;
}
