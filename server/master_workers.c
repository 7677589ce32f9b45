#include "master_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "fault.h"
#include "log.h"

#define SLEPT_MS         5000 /* a tick that comes so late: the machine slept, not the workers */
#define ABORT_TO_KILL_MS 1000
#define NEXT_TRIES                                                                                 \
    4 /* replacements that die before they are ready, after which the old one stays */
#define KILL_AFTER_MS 5000 /* beyond graceful_timeout_s */
/* Every process takes a seat at each gate: that many may drain beside those that serve. */
#define MAX_OLD (GATE_SEATS - BOARD_MAX_SLOTS - 1)

/* ---- starting ---- */

static void member_init(struct member *e, size_t i, _Atomic int32_t *shown)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%zu", i);
    *e = (struct member){.ready_fd = -1};
    slot_init(&e->slot, number, shown);
}

void master_workers_init(struct master *m)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        struct worker *w = &m->workers[i];
        member_init(&w->now, i, &m->board->slots[i].state);
        member_init(&w->next, i, NULL);
        member_init(&w->old, i, NULL);
    }
}

static void start_failed(struct master *m, struct member *e, const struct err *err)
{
    int64_t wait_ms = slot_ended(&e->slot, clock_boot_ms());
    log_error("worker not started", "%s error=%s retry_ms=%" PRId64, e->slot.name,
              LOG_QUOTE(err->msg), wait_ms);
    (void)snprintf(m->last_death, sizeof(m->last_death), "%s: %.90s", e->slot.name, err->msg);
}

static int spawn(struct master *m, size_t i, int ready_write_fd, pid_t *ret_pid, struct err *err)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%zu", i);
    char *const argv[] = {(char *)"longbox-worker", (char *)"--slot", number, NULL};
    struct child_fd fds[BOARD_FD_BELL_0 + BOARD_MAX_SLOTS] = {
        {m->workers_socket.fd, BOARD_FD_LISTEN}, {ready_write_fd, BOARD_FD_READY},
        {m->board_fd, BOARD_FD_BOARD},           {m->life_fd, BOARD_FD_MASTER},
        {m->state.workers_lock, BOARD_FD_LOCK},
    };
    size_t n = BOARD_FD_BELL_0 - BOARD_FD_LISTEN;
    for (size_t k = 0; k < BOARD_MAX_SLOTS; k++)
        fds[n++] = (struct child_fd){m->bells[k], BOARD_FD_BELL_0 + (int)k};
    /* No death signal: a worker sees the end of the life pipe and drains. */
    const struct child c = {.program = m->worker_program,
                            .argv = argv,
                            .fds = fds,
                            .n_fds = n,
                            .env_name = "LONGBOX_CONFIG",
                            .env_value = strbuf_str(&m->worker_config)};
    return child_spawn(&c, ret_pid, err);
}

/* Returns false when it could not be started; then its slot backs off. */
static bool start_member(struct master *m, size_t i, struct member *e)
{
    struct err err = {0};
    int pipe_fd[2], write_fd = -1;
    pid_t pid = 0;
    if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) < 0) {
        (void)err_sys(&err, ERR_IO, "make a pipe");
        start_failed(m, e, &err);
        return false;
    }
    int read_fd LB_CLEANUP(fd_close) = pipe_fd[0];
    if (child_fd_high(pipe_fd[1], &write_fd, &err) < 0) {
        start_failed(m, e, &err);
        return false;
    }
    int rc = spawn(m, i, write_fd, &pid, &err);
    fd_close(write_fd);
    if (rc < 0) {
        start_failed(m, e, &err);
        return false;
    }
    e->ready_fd = read_fd;
    read_fd = -1;
    e->generation = m->generation;
    e->end_ms = 0;
    slot_started(&e->slot, pid, clock_boot_ms());
    return true;
}

/* The board shows `now` from here on. */
static void show(struct master *m, size_t i)
{
    struct worker *w = &m->workers[i];
    struct board_slot *shown = &m->board->slots[i];
    uint32_t random = 0;
    shown->starts++;
    shown->requests = 0;
    shown->beat_boot_ms = clock_boot_ms(); /* it has its time from here on */
    shown->pid = w->now.slot.pid;
    shown->state = (int32_t)w->now.slot.state;
    w->recycle = false;
    w->max_requests = (uint64_t)m->config.worker_max_requests;
    if (w->max_requests && m->config.worker_max_requests_jitter &&
        getrandom(&random, sizeof(random), 0) == sizeof(random))
        w->max_requests += random % ((uint64_t)m->config.worker_max_requests_jitter + 1);
}

static void start_now(struct master *m, size_t i)
{
    struct worker *w = &m->workers[i];
    member_init(&w->next, i, NULL); /* whoever was to follow was not needed */
    m->board->slots[i].beat_boot_ms = clock_boot_ms();
    if (!start_member(m, i, &w->now))
        return;
    show(m, i);
    fault_hit("master_worker_started");
}

/* ---- one takes over from another ---- */

static void tell_to_end(struct master *m, struct member *e)
{
    slot_draining(&e->slot);
    if (e->slot.pid == 0 || e->end_ms)
        return;
    e->end_ms = clock_boot_ms() + m->config.graceful_timeout_s * 1000 + KILL_AFTER_MS;
    master_signal(&e->slot, SIGTERM);
}

/* `next` moves into the place of `now`, which must be free. */
static void move_up(struct master *m, size_t i)
{
    struct worker *w = &m->workers[i];
    w->now = w->next;
    w->now.slot.shown = &m->board->slots[i].state;
    member_init(&w->next, i, NULL);
    show(m, i);
}

static void take_over(struct master *m, size_t i)
{
    struct worker *w = &m->workers[i];
    must(w->old.slot.pid == 0);
    w->old = w->now;
    w->old.slot.shown = NULL;
    move_up(m, i);
    log_info("worker replaced", "%s pid=%d old_pid=%d", w->now.slot.name, (int)w->now.slot.pid,
             (int)w->old.slot.pid);
    fault_hit("master_take_over");
    tell_to_end(m, &w->old);
}

static void next_failed(struct master *m, size_t i)
{
    if (m->workers[i].next.slot.failures < NEXT_TRIES)
        return;
    log_error("replacement given up",
              "slot=%zu tries=%d last=%s note=\"the running workers go on as they are\"", i,
              NEXT_TRIES, LOG_QUOTE(m->last_death));
    member_init(&m->workers[i].next, i, NULL);
    for (size_t k = 0; k < BOARD_MAX_SLOTS; k++) {
        struct worker *w = &m->workers[k];
        w->now.generation = m->generation;
        if (w->recycle && w->max_requests)
            w->max_requests += (uint64_t)m->config.worker_max_requests;
        w->recycle = false;
    }
}

static bool wanted(const struct master *m, size_t i)
{
    return !m->paused && i < m->n_wanted;
}

/* One replacement at a time, so that a reload costs one worker's memory, not all of theirs. */
static void fill_next(struct master *m, int64_t now_ms)
{
    size_t n_old = 0;
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        if (m->workers[i].next.slot.pid)
            return;
        n_old += m->workers[i].old.slot.pid != 0;
    }
    for (size_t i = 0; i < BOARD_MAX_SLOTS && n_old < MAX_OLD; i++) {
        struct worker *w = &m->workers[i];
        bool due = w->recycle || w->now.generation != m->generation;
        if (!due || !wanted(m, i) || w->now.slot.state != SLOT_READY || w->old.slot.pid)
            continue;
        if (w->next.slot.state == SLOT_BACKING_OFF && now_ms < w->next.slot.retry_ms)
            return;
        if (start_member(m, i, &w->next))
            fault_hit("master_next_started");
        else
            next_failed(m, i);
        return;
    }
}

void master_workers_fill(struct master *m, int64_t now_ms)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        const struct slot *s = &m->workers[i].now.slot;
        /* One that was to follow, and was told to end with the one before it, has to be gone too. */
        if (wanted(m, i) && m->workers[i].next.slot.pid == 0 &&
            (s->state == SLOT_EMPTY || (s->state == SLOT_BACKING_OFF && now_ms >= s->retry_ms)))
            start_now(m, i);
    }
    fill_next(m, now_ms);
}

/* ---- what happens to them ---- */

static void member_ended(struct master *m, size_t i, struct member *e, int status)
{
    struct worker *w = &m->workers[i];
    struct board_slot *shown = &m->board->slots[i];
    pid_t pid = e->slot.pid;
    fault_hit("master_worker_reaped");
    fd_close(e->ready_fd);
    e->ready_fd = -1;
    if (e == &w->now)
        shown->pid = 0;
    if (e->slot.state != SLOT_DRAINING)
        shown->crashes++;
    for (size_t k = 0; k < BOARD_MAX_SLOTS; k++)
        board_ring(m->bells[k]); /* somebody gives its leases back */
    fault_hit("master_death_told");
    master_ended(m, &e->slot, pid, status, "worker died");
    e->end_ms = 0;
    if (e == &w->next && e->slot.state == SLOT_BACKING_OFF)
        next_failed(m, i);
    if (e == &w->now && w->next.slot.state == SLOT_STARTING)
        move_up(m, i);
}

/* The member with this pid and the slot that it is of; NULL when it is nobody's. */
static struct member *member_of(struct master *m, pid_t pid, size_t *ret_slot)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        struct worker *w = &m->workers[i];
        struct member *all[] = {&w->now, &w->next, &w->old};
        for (size_t k = 0; k < ARRAY_LEN(all); k++) {
            if (all[k]->slot.pid != pid)
                continue;
            *ret_slot = i;
            return all[k];
        }
    }
    return NULL;
}

void master_workers_note(struct master *m, const siginfo_t *end)
{
    size_t slot;
    bool exited = end->si_code == CLD_EXITED;
    if (member_of(m, end->si_pid, &slot))
        board_note_death(m->board, end->si_pid, exited ? 0 : end->si_status,
                         exited ? end->si_status : 0);
}

bool master_workers_reap(struct master *m, pid_t pid, int status)
{
    size_t slot;
    struct member *e = member_of(m, pid, &slot);
    if (e)
        member_ended(m, slot, e, status);
    return e != NULL;
}

static void read_ready(struct master *m, struct member *e)
{
    char byte;
    ssize_t n = read(e->ready_fd, &byte, 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    fd_close(e->ready_fd); /* said, or closed without a word: then its death is on the way */
    e->ready_fd = -1;
    if (n == 1 && e->slot.state == SLOT_STARTING) {
        slot_ready(&e->slot, clock_boot_ms());
        /* Before it was ready it could not be told that the log was moved away. */
        if (m->reopened_ms >= e->slot.started_ms)
            master_signal(&e->slot, SIGUSR1);
    }
    fault_hit("master_worker_ready");
}

void master_workers_read_ready(struct master *m)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        struct worker *w = &m->workers[i];
        if (w->now.ready_fd >= 0)
            read_ready(m, &w->now);
        if (w->next.ready_fd >= 0)
            read_ready(m, &w->next);
        if (w->next.slot.state == SLOT_READY)
            take_over(m, i);
    }
}

/* ---- time ---- */

/* Kills a worker whose loop stands still: SIGABRT for a core, SIGKILL a second later. */
static void check_beat(struct master *m, size_t i, int64_t now_ms)
{
    struct slot *s = &m->workers[i].now.slot;
    if (s->pid == 0)
        return;
    int64_t beat_ms = m->board->slots[i].beat_boot_ms;
    int64_t from_ms = beat_ms > m->awake_ms ? beat_ms : m->awake_ms;
    if (s->kill_ms && now_ms >= s->kill_ms) {
        master_signal(s, SIGKILL);
    } else if (!s->kill_ms && now_ms - from_ms > m->config.worker_timeout_s * 1000) {
        log_error("worker stuck", "%s pid=%d silent_ms=%" PRId64 " note=\"killing it\"", s->name,
                  (int)s->pid, now_ms - from_ms);
        master_signal(s, SIGABRT);
        s->kill_ms = now_ms + ABORT_TO_KILL_MS;
    }
}

/* One that was told to end and did not, or that follows another and does not get ready. */
static void check_end(struct master *m, struct member *e, int64_t now_ms)
{
    int64_t at = e->end_ms;
    if (e->slot.state == SLOT_STARTING) {
        int64_t from_ms = e->slot.started_ms > m->awake_ms ? e->slot.started_ms : m->awake_ms;
        at = from_ms + m->config.worker_timeout_s * 1000;
    }
    if (e->slot.pid == 0 || at == 0 || now_ms < at || m->stopping)
        return;
    log_warn("worker killed", "%s pid=%d note=\"it %s in time\"", e->slot.name, (int)e->slot.pid,
             e->end_ms ? "did not end" : "was not ready");
    master_signal(&e->slot, SIGKILL);
}

void master_workers_tick(struct master *m, int64_t now_ms)
{
    if (now_ms - m->ticked_ms > SLEPT_MS)
        m->awake_ms = now_ms;
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        struct worker *w = &m->workers[i];
        check_beat(m, i, now_ms);
        if (w->now.end_ms)
            check_end(m, &w->now, now_ms);
        check_end(m, &w->next, now_ms);
        check_end(m, &w->old, now_ms);
        uint64_t requests = m->board->slots[i].requests;
        if (w->max_requests && !w->recycle && w->now.slot.state == SLOT_READY &&
            requests >= w->max_requests) {
            log_info("worker recycled", "%s pid=%d requests=%" PRIu64, w->now.slot.name,
                     (int)w->now.slot.pid, requests);
            w->recycle = true;
        }
    }
}

int64_t master_workers_next_ms(const struct master *m, int64_t at_ms)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        const struct worker *w = &m->workers[i];
        if (w->now.slot.state == SLOT_BACKING_OFF)
            at_ms = master_earlier(at_ms, w->now.slot.retry_ms);
        if (w->next.slot.state == SLOT_BACKING_OFF && w->now.slot.state == SLOT_READY)
            at_ms = master_earlier(at_ms, w->next.slot.retry_ms);
    }
    return at_ms;
}

/* ---- how many, and all of them ---- */

void master_workers_set_count(struct master *m, size_t n)
{
    must(n >= 1 && n <= BOARD_MAX_SLOTS);
    m->n_wanted = n;
    m->board->n_slots = (uint32_t)n;
    for (size_t i = n; i < BOARD_MAX_SLOTS; i++) {
        tell_to_end(m, &m->workers[i].now);
        tell_to_end(m, &m->workers[i].next);
    }
}

void master_workers_pause(struct master *m, bool paused)
{
    m->paused = paused;
    for (size_t i = 0; paused && i < BOARD_MAX_SLOTS; i++) {
        tell_to_end(m, &m->workers[i].now);
        tell_to_end(m, &m->workers[i].next);
    }
}

void master_workers_signal(struct master *m, int sig)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        master_signal(&m->workers[i].now.slot, sig);
        master_signal(&m->workers[i].next.slot, sig);
        master_signal(&m->workers[i].old.slot, sig);
    }
}

bool master_workers_settled(const struct master *m)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        const struct member *e = &m->workers[i].now;
        if (wanted(m, i) && (e->slot.state != SLOT_READY || e->generation != m->generation))
            return false;
    }
    return true;
}

bool master_workers_gone(const struct master *m)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        const struct worker *w = &m->workers[i];
        if (w->now.slot.pid || w->next.slot.pid || w->old.slot.pid)
            return false;
    }
    return true;
}

bool master_workers_beat_since(const struct master *m, int64_t since_ms)
{
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++)
        if (m->workers[i].now.slot.pid && m->board->slots[i].beat_boot_ms >= since_ms)
            return true;
    return false;
}
