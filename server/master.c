#include "master.h"
#include "master_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "exe.h"
#include "log.h"

#define START_TRIES      5 /* deaths before ready, of each, after which a start is given up */
#define PROBE_MS         50
#define TICK_MS          500  /* looks at the workers' beats */
#define SLEPT_MS         5000 /* a tick that comes so late: the machine slept, not the workers */
#define ABORT_TO_KILL_MS 1000

/* ---- starting children ---- */

static void start_worker_failed(struct master *m, struct worker *w, struct err *err)
{
    int64_t wait_ms = slot_ended(&w->slot, clock_boot_ms());
    log_error("worker not started", "%s error=%s retry_ms=%" PRId64, w->slot.name,
              LOG_QUOTE(err->msg), wait_ms);
    (void)snprintf(m->last_death, sizeof(m->last_death), "%s: %.90s", w->slot.name, err->msg);
}

static int spawn_worker(struct master *m, size_t i, int ready_write_fd, pid_t *ret_pid,
                        struct err *err)
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
    for (size_t k = 0; k < m->n_workers; k++)
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

static void start_worker(struct master *m, size_t i)
{
    struct worker *w = &m->workers[i];
    struct board_slot *shown = &m->board->slots[i];
    struct err err = {0};
    int pipe_fd[2], write_fd = -1;
    pid_t pid = 0;
    if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) < 0) {
        (void)err_sys(&err, ERR_IO, "make a pipe");
        start_worker_failed(m, w, &err);
        return;
    }
    int read_fd LB_CLEANUP(fd_close) = pipe_fd[0];
    if (child_fd_high(pipe_fd[1], &write_fd, &err) < 0) {
        start_worker_failed(m, w, &err);
        return;
    }
    shown->beat_boot_ms = clock_boot_ms(); /* it has its time from here on */
    int rc = spawn_worker(m, i, write_fd, &pid, &err);
    fd_close(write_fd);
    if (rc < 0) {
        start_worker_failed(m, w, &err);
        return;
    }
    shown->starts++;
    shown->pid = pid;
    w->ready_fd = read_fd;
    read_fd = -1;
    slot_started(&w->slot, pid, clock_boot_ms());
}

static void start_front(struct master *m)
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
}

/* Fills the slots that are empty or whose back-off is over. */
static void fill_slots(struct master *m, int64_t now_ms)
{
    for (size_t i = 0; i < m->n_workers; i++) {
        const struct slot *s = &m->workers[i].slot;
        if (s->state == SLOT_EMPTY || (s->state == SLOT_BACKING_OFF && now_ms >= s->retry_ms))
            start_worker(m, i);
    }
    const struct slot *f = &m->front_slot;
    if (f->state == SLOT_EMPTY || (f->state == SLOT_BACKING_OFF && now_ms >= f->retry_ms))
        start_front(m);
}

/* At the start: is there no hope that it will ever come up? */
static void give_up_check(struct master *m)
{
    bool hopeless = !m->front_slot.ever_ready && m->front_slot.failures >= START_TRIES;
    bool workers_hopeless = true;
    for (size_t i = 0; i < m->n_workers; i++)
        if (m->workers[i].slot.ever_ready || m->workers[i].slot.failures < START_TRIES)
            workers_hopeless = false;
    if (m->stopping || m->announced || !(hopeless || workers_hopeless))
        return;
    log_error("start failed", "part=\"%s\" tries=%d last=%s note=\"never became ready\"",
              workers_hopeless ? "workers" : "front end", START_TRIES, LOG_QUOTE(m->last_death));
    master_stop_begin(m, MASTER_EXIT_START);
}

/* ---- what happens ---- */

static void ended(struct master *m, struct slot *s, pid_t pid, int status, const char *what)
{
    char how[64];
    bool told = s->state == SLOT_DRAINING;
    bool was_ready = s->state == SLOT_READY;
    (void)snprintf(m->last_death, sizeof(m->last_death), "%s ended with %s", s->name,
                   child_how(status, how, sizeof(how)));
    int64_t wait_ms = slot_ended(s, clock_boot_ms());
    if (told)
        log_info("ended", "%s pid=%d how=\"%s\"", s->name, (int)pid, how);
    else if (wait_ms == 0)
        log_warn(what, "%s pid=%d how=\"%s\" note=\"starting another at once\"", s->name, (int)pid,
                 how);
    else
        log_warn(what, "%s pid=%d how=\"%s\" when=\"%s\" retry_ms=%" PRId64, s->name, (int)pid, how,
                 was_ready ? "soon after it was ready" : "before it was ready", wait_ms);
}

static void worker_ended(struct master *m, size_t i, pid_t pid, int status)
{
    struct worker *w = &m->workers[i];
    struct board_slot *shown = &m->board->slots[i];
    bool told = w->slot.state == SLOT_DRAINING;
    fd_close(w->ready_fd);
    w->ready_fd = -1;
    shown->pid = 0;
    if (!told)
        shown->crashes++;
    board_note_death(m->board, pid, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                     WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    for (size_t k = 0; k < m->n_workers; k++)
        board_ring(m->bells[k]); /* somebody gives its leases back */
    ended(m, &w->slot, pid, status, "worker died");
}

static void reap(struct master *m)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < m->n_workers; i++)
            if (m->workers[i].slot.pid == pid)
                worker_ended(m, i, pid, status);
        if (m->front_slot.pid == pid) {
            frontend_read_log(&m->frontend);
            frontend_probe_end(&m->frontend);
            m->board->frontend_pid = 0;
            if (m->front_slot.state != SLOT_DRAINING)
                m->board->frontend_crashes++;
            ended(m, &m->front_slot, pid, status, "front end died");
        }
    }
}

static void read_signals(struct master *m)
{
    struct signalfd_siginfo info;
    while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        int sig = (int)info.ssi_signo;
        if (sig == SIGCHLD)
            continue; /* every turn reaps */
        if (!m->stopping) {
            log_info("stopping", "signal=SIG%s graceful_timeout_s=%" PRId64, sigabbrev_np(sig),
                     m->c->graceful_timeout_s);
            master_stop_begin(m, MASTER_EXIT_OK);
        } else if (!m->quick) {
            log_warn("stopping at once", "signal=SIG%s note=\"the second one\"", sigabbrev_np(sig));
            master_stop_quick(m);
        }
    }
}

static void read_ready(struct worker *w)
{
    char byte;
    ssize_t n = read(w->ready_fd, &byte, 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    fd_close(w->ready_fd); /* said, or closed without a word: then its death is on the way */
    w->ready_fd = -1;
    if (n == 1 && w->slot.state == SLOT_STARTING)
        slot_ready(&w->slot, clock_boot_ms());
}

static void announce(struct master *m)
{
    char text[ADDRESS_SIZE];
    for (size_t i = 0; i < m->n_workers; i++)
        if (!m->workers[i].slot.ever_ready)
            return;
    if (m->announced || m->stopping || !m->front_slot.ever_ready)
        return;
    m->announced = true;
    log_info("ready", "listen=%s workers=%zu threads=%" PRId64 " library=%s state_dir=%s",
             address_format(&m->public_socket.address, text), m->n_workers, m->c->threads,
             LOG_QUOTE(m->c->library), LOG_QUOTE(m->c->state_dir));
    (void)printf("ready %s://%s/\n", m->frontend.tls ? "https" : "http",
                 address_format(&m->frontend.probe_address, text));
    (void)fflush(stdout); /* nobody may be listening there */
}

/* Kills a worker whose loop stands still: SIGABRT for a core, SIGKILL a second later. */
static void check_beats(struct master *m, int64_t now_ms)
{
    if (now_ms - m->ticked_ms > SLEPT_MS)
        m->awake_ms = now_ms;
    m->ticked_ms = now_ms;
    for (size_t i = 0; i < m->n_workers; i++) {
        struct slot *s = &m->workers[i].slot;
        if (s->pid == 0)
            continue;
        int64_t beat_ms = m->board->slots[i].beat_boot_ms;
        int64_t from_ms = beat_ms > m->awake_ms ? beat_ms : m->awake_ms;
        if (s->kill_ms && now_ms >= s->kill_ms) {
            master_signal(s, SIGKILL);
        } else if (!s->kill_ms && now_ms - from_ms > m->c->worker_timeout_s * 1000) {
            log_error("worker stuck", "%s pid=%d silent_ms=%" PRId64 " note=\"killing it\"",
                      s->name, (int)s->pid, now_ms - from_ms);
            master_signal(s, SIGABRT);
            s->kill_ms = now_ms + ABORT_TO_KILL_MS;
        }
    }
}

/* ---- the loop ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return b && b < a ? b : a;
}

static int wait_ms_until_next(const struct master *m, int64_t now_ms)
{
    int64_t at = m->ticked_ms + TICK_MS;
    if (m->stopping) {
        at = m->quick ? at : earlier(at, m->drain_end_ms);
        at = earlier(at, m->front_end_ms);
    } else {
        for (size_t i = 0; i < m->n_workers; i++)
            if (m->workers[i].slot.state == SLOT_BACKING_OFF)
                at = earlier(at, m->workers[i].slot.retry_ms);
        if (m->front_slot.state == SLOT_BACKING_OFF)
            at = earlier(at, m->front_slot.retry_ms);
        if (m->front_slot.state == SLOT_STARTING)
            at = earlier(at, now_ms + PROBE_MS);
    }
    return at > now_ms ? (int)(at - now_ms) : 0;
}

static void wait_for_something(struct master *m, int wait_ms)
{
    struct pollfd p[BOARD_MAX_SLOTS + 3];
    nfds_t n = 0;
    p[n++] = (struct pollfd){.fd = m->signal_fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = m->frontend.log_fd, .events = POLLIN}; /* -1 is passed over */
    p[n++] = (struct pollfd){.fd = m->frontend.probe_fd, .events = POLLIN};
    for (size_t i = 0; i < m->n_workers; i++)
        p[n++] = (struct pollfd){.fd = m->workers[i].ready_fd, .events = POLLIN};
    if (poll(p, n, wait_ms) < 0)
        must(errno == EINTR || errno == EAGAIN || errno == ENOMEM);
    /* What is ready is found out by asking each: all descriptors are non-blocking. */
}

static void loop(struct master *m)
{
    m->ticked_ms = clock_boot_ms();
    for (;;) {
        int64_t now_ms = clock_boot_ms();
        if (!m->stopping)
            fill_slots(m, now_ms);
        give_up_check(m);
        if (m->stopping && master_workers_gone(m) && m->front_slot.pid == 0)
            return;
        wait_for_something(m, wait_ms_until_next(m, now_ms));
        frontend_read_log(&m->frontend);
        for (size_t i = 0; i < m->n_workers; i++)
            if (m->workers[i].ready_fd >= 0)
                read_ready(&m->workers[i]);
        reap(m);
        read_signals(m);
        if (m->front_slot.state == SLOT_STARTING && frontend_probe(&m->frontend))
            slot_ready(&m->front_slot, clock_boot_ms());
        announce(m);
        now_ms = clock_boot_ms();
        if (now_ms - m->ticked_ms >= TICK_MS)
            check_beats(m, now_ms);
        if (m->stopping)
            master_stop_step(m, now_ms);
    }
}

/* ---- setting up ---- */

static int open_signals(struct master *m, struct err *err)
{
    static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        (void)sigaddset(&set, ours[i]);
    (void)signal(SIGPIPE, SIG_IGN); /* whoever read our standard output may be gone */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(err, ERR_IO, "block signals");
    m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return m->signal_fd < 0 ? err_sys(err, ERR_IO, "make a signalfd") : 0;
}

static int open_board(struct master *m, struct err *err)
{
    int fd = -1;
    if (board_create((uint32_t)m->n_workers, &m->board, &fd, m->bells, err) < 0 ||
        child_fd_high(fd, &m->board_fd, err) < 0)
        return -1;
    for (size_t i = 0; i < m->n_workers; i++)
        if (child_fd_high(m->bells[i], &m->bells[i], err) < 0)
            return -1;
    int life[2];
    if (pipe2(life, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "make a pipe");
    m->life_write_fd = life[1];
    return child_fd_high(life[0], &m->life_fd, err);
}

static int set_up(struct master *m, struct err *err)
{
    static const char *const worker[] = {"longbox-worker"};
    if (exe_beside(worker, 1, m->worker_program, err) < 0)
        return -1;
    if (state_open(m->c->state_dir, m->c->graceful_timeout_s + 10, &m->state, err) < 0)
        return -1;
    if (open_signals(m, err) < 0 || open_board(m, err) < 0)
        return -1;
    if (listener_workers(m->state.run_dir, &m->workers_socket, err) < 0 ||
        listener_public(m->c->listen, &m->public_socket, err) < 0)
        return -1;
    if (frontend_prepare(m->c, m->state.run_dir, m->workers_socket.path, &m->public_socket.address,
                         &m->frontend, err) < 0)
        return -1;
    config_export(m->c, &m->worker_config);
    for (size_t i = 0; i < m->n_workers; i++) {
        char number[24];
        (void)snprintf(number, sizeof(number), "%zu", i);
        slot_init(&m->workers[i].slot, number, &m->board->slots[i].state);
    }
    slot_init(&m->front_slot, "frontend", NULL);
    return 0;
}

static void tear_down(struct master *m)
{
    if (m->state.workers_lock >= 0)
        listener_remove(&m->workers_socket, m->state.run_dir);
    listener_close(&m->workers_socket);
    listener_close(&m->public_socket);
    frontend_clear(&m->frontend);
    strbuf_clear(&m->worker_config);
    fd_close(m->signal_fd);
    fd_close(m->life_fd);
    fd_close(m->life_write_fd);
    fd_close(m->board_fd);
    for (size_t i = 0; i < m->n_workers; i++)
        fd_close(m->bells[i]);
    state_close(&m->state);
}

int master_run(const struct config *c)
{
    struct err err = {0};
    struct master *m LB_CLEANUP(mem_free) = mem_new(sizeof(*m));
    m->c = c;
    m->n_workers = (size_t)c->workers;
    must(m->n_workers <= BOARD_MAX_SLOTS);
    m->state.master_lock = m->state.workers_lock = m->workers_socket.fd = m->public_socket.fd = -1;
    m->board_fd = m->life_fd = m->life_write_fd = m->signal_fd = -1;
    m->frontend.log_fd = m->frontend.probe_fd = -1;
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++)
        m->bells[i] = m->workers[i].ready_fd = -1;
    if (set_up(m, &err) < 0) {
        log_error("start failed", "error=%s", LOG_QUOTE(err.msg));
        m->exit_code = err.code == ERR_CONFIG ? MASTER_EXIT_CONFIG : MASTER_EXIT_FAILED;
    } else {
        loop(m);
        if (m->exit_code == MASTER_EXIT_OK)
            log_info("stopped", "exit_code=%d", m->exit_code);
    }
    int exit_code = m->exit_code;
    tear_down(m);
    return exit_code;
}
