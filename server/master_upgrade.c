/*
 * SIGUSR2: another program takes the master's place. It keeps the process id, and with it the children, the locks and
 * the file of its pid; it is given the descriptors, and told of the children by a text in the environment. First it is
 * started beside us with --check; only when it says that it could go on from here do we become it. Then it replaces
 * workers and front end, as at SIGHUP.
 */
#include "master_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "exe.h"
#include "fault.h"
#include "log.h"

#define CHECK_MS 10000 /* it takes 50 ms */

/* ---- before ---- */

static void refused(struct master *m, const char *why)
{
    struct err err = {0};
    log_error("upgrade refused", "error=%s note=\"everything stays as it was\"", LOG_QUOTE(why));
    m->upgrade = UPGRADE_NONE;
    /* The other one may have written its own. */
    if (frontend_restore(&m->frontend, &err) < 0)
        log_error("front end not restored", "error=%s", LOG_QUOTE(err.msg));
}

void master_upgrade_begin(struct master *m)
{
    if (m->upgrade != UPGRADE_NONE) {
        log_warn("upgrade", "note=\"one is under way\"");
        return;
    }
    log_info("upgrade", "program=%s", LOG_QUOTE(m->source->program));
    m->upgrade = UPGRADE_WANTED;
}

/* Nobody is being replaced or drained: every child is one that the other program will know what to do with. */
static bool calm(const struct master *m)
{
    if (!m->announced || m->front_wanted || m->next_front_pid || m->old_front_pid ||
        (m->front_slot.pid && m->front_slot.state != SLOT_READY))
        return false;
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        const struct worker *w = &m->workers[i];
        if (w->next.slot.pid || w->old.slot.pid ||
            (w->now.slot.pid && w->now.slot.state != SLOT_READY))
            return false;
    }
    return true;
}

static void start_check(struct master *m, int64_t now_ms)
{
    struct err err = {0};
    char *text LB_CLEANUP(mem_free) = NULL;
    size_t n = 0;
    while (m->source->argv[n])
        n++;
    char **argv LB_CLEANUP(mem_free) = mem_new((n + 2) * sizeof(*argv));
    memcpy(argv, m->source->argv, n * sizeof(*argv));
    argv[n] = (char *)"--check";
    const struct child_fd fds[] = {{m->public_socket.fd, HANDOVER_CHECK_FD}};
    if (master_handover_write(m, &text, &err) < 0) {
        refused(m, err.msg);
        return;
    }
    const struct child c = {.program = m->source->program,
                            .argv = argv,
                            .fds = fds,
                            .n_fds = ARRAY_LEN(fds),
                            .env_name = HANDOVER_ENV,
                            .env_value = text,
                            .death_signal = SIGKILL};
    if (child_spawn(&c, &m->upgrade_pid, &err) < 0) {
        refused(m, err.msg);
        return;
    }
    m->upgrade = UPGRADE_CHECKING;
    m->upgrade_end_ms = now_ms + CHECK_MS;
    fault_hit("master_upgrade_check");
}

bool master_upgrade_reap(struct master *m, pid_t pid, int status)
{
    char how[64], why[160];
    if (pid != m->upgrade_pid)
        return false;
    m->upgrade_pid = 0;
    if (m->stopping)
        return true;
    if (status == 0) {
        m->upgrade = UPGRADE_CHECKED;
        return true;
    }
    (void)snprintf(why, sizeof(why), "longboxd --check of the other program ended with %s",
                   child_how(status, how, sizeof(how)));
    refused(m, why);
    return true;
}

/* ---- the exec ---- */

static bool keep_open(struct master *m, bool keep)
{
    int *fds[HANDOVER_FDS];
    master_handover_fds(m, fds);
    for (size_t i = 0; i < HANDOVER_FDS; i++)
        if (*fds[i] >= 0 && fcntl(*fds[i], F_SETFD, keep ? 0 : FD_CLOEXEC) < 0)
            return false;
    return true;
}

/* Returns only when it could not. */
static void become(struct master *m)
{
    struct err err = {0};
    char *text LB_CLEANUP(mem_free) = NULL;
    if (master_handover_write(m, &text, &err) == 0 && keep_open(m, true) &&
        setenv(HANDOVER_ENV, text, 1) == 0) { /* NOLINT(concurrency-mt-unsafe): one thread */
        notify_reloading(&m->notify);
        notify_export(&m->notify);
        log_info("upgrading", "program=%s", LOG_QUOTE(m->source->program));
        fault_hit("master_upgrade_exec");
        (void)execv(m->source->program, m->source->argv);
        notify_forget();
        (void)unsetenv(HANDOVER_ENV); /* NOLINT(concurrency-mt-unsafe) */
        notify_send(&m->notify, "READY=1");
    }
    if (err.code == ERR_NONE)
        (void)err_sys(&err, ERR_IO, "start %s", m->source->program);
    (void)keep_open(m, false);
    refused(m, err.msg);
}

void master_upgrade_step(struct master *m, int64_t now_ms)
{
    if (m->upgrade == UPGRADE_NONE || m->stopping)
        return;
    if (m->upgrade == UPGRADE_CHECKING && now_ms >= m->upgrade_end_ms)
        (void)kill(m->upgrade_pid, SIGKILL);
    if (m->upgrade == UPGRADE_WANTED && calm(m))
        start_check(m, now_ms);
    if (m->upgrade == UPGRADE_CHECKED && calm(m))
        become(m);
}

/* ---- after ---- */

int master_check(const struct config *c, const struct master_source *source, struct err *err)
{
    static const char *const worker[] = {"longbox-worker"};
    char program[PATH_MAX], path[HANDOVER_SOCKET_SIZE], run_dir[STATE_RUN_SIZE];
    struct listener listener = {.fd = -1};
    struct frontend front = {.log_fd = -1, .probe_fd = -1};
    if (exe_beside(worker, 1, program, err) < 0)
        return -1;
    if (!source->handover)
        return 0;
    (void)snprintf(run_dir, sizeof(run_dir), "%s/run", c->state_dir);
    int rc = master_handover_check(source->handover, c, path, err);
    if (rc == 0)
        rc = listener_inherit(HANDOVER_CHECK_FD, true, &listener, err);
    if (rc == 0) /* the last, because it leaves its h2o.conf */
        rc = frontend_prepare(c, run_dir, path, &listener.address, &front, err);
    frontend_clear(&front);
    listener_close(&listener);
    return rc;
}

int master_adopt(struct master *m, struct err *err)
{
    (void)snprintf(m->state.run_dir, sizeof(m->state.run_dir), "%s/run", m->config.state_dir);
    (void)snprintf(m->pidfile.path, sizeof(m->pidfile.path), "%s", m->config.pid_file);
    if (master_handover_read(m, m->source->handover, err) < 0 ||
        listener_inherit(m->public_socket.fd, true, &m->public_socket, err) < 0)
        return -1;
    int log_fd = m->frontend.log_fd; /* of the one that runs */
    struct frontend fresh;
    if (master_front_prepare(m, &m->config, &m->frontend, err) < 0 ||
        master_front_prepare(m, &m->config, &fresh, err) < 0)
        return -1;
    m->frontend.log_fd = log_fd;
    master_front_swap(m, &fresh);
    m->generation = 1; /* none of the workers that run has these settings */
    m->announced = m->reloading = true;
    master_workers_set_count(m, m->n_wanted);
    log_info("upgraded", "workers=%zu", m->n_wanted);
    fault_hit("master_upgraded");
    return 0;
}
