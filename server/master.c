#include "master.h"
#include "fault.h"
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
#include "log_kept.h"

#define START_TRIES 5 /* deaths before ready, of each, after which a start is given up */
#define PROBE_MS    50
#define TICK_MS     500 /* looks at the workers' beats */

/* ---- what happens ---- */

/* At the start: is there no hope that it will ever come up? */
static void give_up_check(struct master *m)
{
    bool hopeless = !m->front_slot.ever_ready && m->front_slot.failures >= START_TRIES;
    bool workers_hopeless = true;
    for (size_t i = 0; i < m->n_wanted; i++)
        if (m->workers[i].now.slot.ever_ready || m->workers[i].now.slot.failures < START_TRIES)
            workers_hopeless = false;
    if (m->stopping || m->announced || !(hopeless || workers_hopeless))
        return;
    log_error("start failed", "part=\"%s\" tries=%d last=%s note=\"never became ready\"",
              workers_hopeless ? "workers" : "front end", START_TRIES, LOG_QUOTE(m->last_death));
    master_stop_begin(m, MASTER_EXIT_START, false);
}

void master_signal(const struct slot *s, int sig)
{
    if (s->pid > 0)
        (void)kill(s->pid, sig); /* ours and unreaped, so the pid is right */
}

void master_ended(struct master *m, struct slot *s, pid_t pid, int status, const char *what)
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

static void reap(struct master *m)
{
    siginfo_t end = {0};
    while (waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid > 0) {
        master_workers_note(m, &end);
        int status;
        pid_t pid = waitpid(end.si_pid, &status, 0);
        if (!master_workers_reap(m, pid, status) && !master_front_reap(m, pid, status))
            (void)master_upgrade_reap(m, pid, status);
        end.si_pid = 0;
    }
}

static void announce(struct master *m)
{
    char text[ADDRESS_SIZE];
    for (size_t i = 0; i < m->n_wanted; i++)
        if (!m->workers[i].now.slot.ever_ready)
            return;
    if (m->announced || m->stopping || !m->front_slot.ever_ready)
        return;
    m->announced = true;
    log_info("ready", "listen=%s workers=%zu threads=%" PRId64 " library=%s state_dir=%s",
             address_format(&m->public_socket.address, text), m->n_wanted, m->config.threads,
             LOG_QUOTE(m->config.library), LOG_QUOTE(m->config.state_dir));
    (void)printf("ready %s://%s/\n", m->frontend.tls ? "https" : "http",
                 address_format(&m->frontend.probe_address, text));
    (void)fflush(stdout); /* nobody may be listening there */
    notify_send(&m->notify, "READY=1");
}

/* The service manager hears of us as long as a worker's loop runs, or none is meant to. */
static void beat_watchdog(struct master *m, int64_t now_ms)
{
    int64_t limit_ms = m->notify.watchdog_ms;
    if (limit_ms == 0 || now_ms - m->watchdog_ms < limit_ms / 3)
        return;
    if (!m->paused && !m->stopping && !master_workers_beat_since(m, now_ms - limit_ms / 2))
        return;
    m->watchdog_ms = now_ms;
    notify_send(&m->notify, "WATCHDOG=1");
}

/* ---- the loop ---- */

int64_t master_earlier(int64_t a, int64_t b)
{
    return b && b < a ? b : a;
}

static int wait_ms_until_next(const struct master *m, int64_t now_ms)
{
    int64_t at = m->ticked_ms + TICK_MS;
    if (m->stopping) {
        at = m->quick ? at : master_earlier(at, m->drain_end_ms);
        at = master_earlier(at, m->front_end_ms);
    } else {
        at = master_workers_next_ms(m, at);
        if (m->front_slot.state == SLOT_BACKING_OFF)
            at = master_earlier(at, m->front_slot.retry_ms);
        if (m->front_slot.state == SLOT_STARTING)
            at = master_earlier(at, now_ms + PROBE_MS);
    }
    return at > now_ms ? (int)(at - now_ms) : 0;
}

static void wait_for_something(struct master *m, int wait_ms)
{
    struct pollfd p[2 * BOARD_MAX_SLOTS + 5];
    nfds_t n = 0;
    p[n++] = (struct pollfd){.fd = m->signal_fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = m->frontend.log_fd, .events = POLLIN}; /* -1 is passed over */
    p[n++] = (struct pollfd){.fd = m->next_front.log_fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = m->old_front.log_fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = m->frontend.probe_fd, .events = POLLIN};
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        p[n++] = (struct pollfd){.fd = m->workers[i].now.ready_fd, .events = POLLIN};
        p[n++] = (struct pollfd){.fd = m->workers[i].next.ready_fd, .events = POLLIN};
    }
    if (poll(p, n, wait_ms) < 0)
        must(errno == EINTR || errno == EAGAIN || errno == ENOMEM);
    /* What is ready is found out by asking each: all descriptors are non-blocking. */
}

static void loop(struct master *m)
{
    m->ticked_ms = clock_boot_ms();
    for (;;) {
        int64_t now_ms = clock_boot_ms();
        if (!m->stopping) {
            master_workers_fill(m, now_ms);
            master_front_fill(m, now_ms);
        }
        give_up_check(m);
        if (m->stopping && master_workers_gone(m) && master_front_gone(m))
            return;
        wait_for_something(m, wait_ms_until_next(m, now_ms));
        master_front_read(m);
        master_workers_read_ready(m);
        reap(m);
        master_signals_read(m);
        announce(m);
        master_reload_step(m);
        now_ms = clock_boot_ms();
        master_upgrade_step(m, now_ms);
        if (now_ms - m->ticked_ms >= TICK_MS) {
            master_workers_tick(m, now_ms);
            beat_watchdog(m, now_ms);
            m->ticked_ms = now_ms;
        }
        if (m->stopping)
            master_stop_step(m, now_ms);
    }
}

/* ---- setting up ---- */

static int open_signals(struct master *m, struct err *err)
{
    static const int ours[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,   SIGUSR1,
                               SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH, SIGCHLD};
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
    if (board_create((uint32_t)m->n_wanted, &m->board, &fd, m->bells, err) < 0 ||
        child_fd_high(fd, &m->board_fd, err) < 0)
        return -1;
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++)
        if (child_fd_high(m->bells[i], &m->bells[i], err) < 0)
            return -1;
    int life[2];
    if (pipe2(life, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "make a pipe");
    m->life_write_fd = life[1];
    return child_fd_high(life[0], &m->life_fd, err);
}

/* Our own, or the one that the service manager holds. */
static int open_public(struct master *m, struct err *err)
{
    int fd = -1, given = notify_listen_fd(&fd, err);
    if (given < 0)
        return -1;
    if (given == 0)
        return listener_public(m->config.listen, &m->public_socket, err);
    return listener_inherit(fd, m->config.auth[0] != '\0', &m->public_socket, err);
}

static int open_all(struct master *m, struct err *err)
{
    if (state_open(m->config.state_dir, m->config.graceful_timeout_s + 10, &m->state, err) < 0 ||
        pidfile_open(m->config.pid_file, &m->pidfile, err) < 0)
        return -1;
    if (open_signals(m, err) < 0 || open_board(m, err) < 0)
        return -1;
    if (listener_workers(m->state.run_dir, &m->workers_socket, err) < 0 || open_public(m, err) < 0)
        return -1;
    if (master_front_prepare(m, &m->config, &m->frontend, err) < 0)
        return -1;
    fault_hit("master_set_up");
    master_workers_init(m);
    slot_init(&m->front_slot, "frontend", NULL);
    return 0;
}

/* A folder that takes no log is no reason not to run. */
static void keep_log(struct master *m)
{
    struct err err = {0};
    if (m->board->log_max_bytes == 0) /* else a worker has set it */
        m->board->log_max_bytes = m->config.log_max_bytes;
    if (log_keep(m->config.state_dir, &m->board->log_max_bytes, &err) < 0)
        log_warn("log not kept", "error=%s", LOG_QUOTE(err.msg));
}

static int set_up(struct master *m, struct err *err)
{
    static const char *const worker[] = {"longbox-worker"};
    if (exe_beside(worker, 1, m->worker_program, err) < 0)
        return -1;
    config_export(&m->config, &m->worker_config);
    int rc = m->source->handover ? open_signals(m, err) : open_all(m, err);
    if (rc == 0 && m->source->handover)
        rc = master_adopt(m, err);
    if (rc == 0)
        keep_log(m);
    return rc;
}

static void tear_down(struct master *m)
{
    if (m->state.workers_lock >= 0)
        listener_remove(&m->workers_socket, m->state.run_dir);
    listener_close(&m->workers_socket);
    listener_close(&m->public_socket);
    frontend_clear(&m->frontend);
    frontend_clear(&m->wanted_front);
    frontend_clear(&m->next_front);
    frontend_clear(&m->old_front);
    strbuf_clear(&m->worker_config);
    fd_close(m->signal_fd);
    fd_close(m->life_fd);
    fd_close(m->life_write_fd);
    fd_close(m->board_fd);
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++)
        fd_close(m->bells[i]);
    pidfile_close(&m->pidfile);
    notify_clear(&m->notify);
    state_close(&m->state);
}

int master_run(const struct config *c, const struct master_source *source)
{
    struct err err = {0};
    struct master *m LB_CLEANUP(mem_free) = mem_new(sizeof(*m));
    m->config = *c;
    m->source = source;
    m->n_wanted = (size_t)c->workers;
    must(m->n_wanted <= BOARD_MAX_SLOTS);
    m->state.master_lock = m->state.workers_lock = m->workers_socket.fd = m->public_socket.fd = -1;
    m->board_fd = m->life_fd = m->life_write_fd = m->signal_fd = m->pidfile.fd = -1;
    m->frontend = m->wanted_front = m->next_front = m->old_front =
        (struct frontend){.log_fd = -1, .probe_fd = -1};
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++)
        m->bells[i] = m->workers[i].now.ready_fd = m->workers[i].next.ready_fd = -1;
    notify_init(&m->notify);
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
