#include "master_parts.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "log.h"

/* ---- SIGHUP ---- */

/* Reads and checks everything before anything changes. */
static int reload(struct master *m, struct err *err)
{
    struct config *fresh LB_CLEANUP(mem_free) = mem_new(sizeof(*fresh));
    struct frontend front;
    if (config_load(fresh, m->source->file, m->source->sets, m->source->n_sets, err) < 0 ||
        config_check(fresh, err) < 0 || master_check_fixed(&m->config, fresh, err) < 0 ||
        master_front_prepare(m, fresh, &front, err) < 0)
        return -1;
    fault_hit("master_reload");
    /* A certificate may be new under its old name. */
    bool swap = front.tls || strcmp(m->config.h2o, fresh->h2o) != 0 ||
                strcmp(strbuf_str(&front.conf), strbuf_str(&m->frontend.conf)) != 0;
    m->config = *fresh;
    front.program = m->config.h2o;
    if (swap)
        master_front_swap(m, &front);
    frontend_clear(&front);
    log_setup("master", (enum log_level)log_level_parse(m->config.log_level));
    strbuf_reset(&m->worker_config);
    config_export(&m->config, &m->worker_config);
    m->generation++;
    m->reloading = true;
    master_workers_pause(m, false);
    master_workers_set_count(m, (size_t)m->config.workers);
    log_info("reloading", "workers=%zu front_end=%s", m->n_wanted, swap ? "replaced" : "unchanged");
    return 0;
}

static void on_hup(struct master *m)
{
    struct err err = {0};
    notify_reloading(&m->notify);
    if (reload(m, &err) == 0)
        return;
    log_error("reload refused", "error=%s note=\"the settings stay as they were\"",
              LOG_QUOTE(err.msg));
    notify_send(&m->notify, "READY=1");
}

void master_reload_step(struct master *m)
{
    if (!m->reloading || m->stopping || m->front_wanted || m->next_front_pid ||
        !master_workers_settled(m))
        return;
    m->reloading = false;
    log_info("reloaded", "workers=%zu", m->n_wanted);
    notify_send(&m->notify, "READY=1");
}

/* ---- the others ---- */

static void on_usr1(struct master *m)
{
    struct err err = {0};
    struct frontend front;
    m->reopened_ms = clock_boot_ms();
    if (m->config.log_file[0] && log_open_file(m->config.log_file, &err) < 0)
        log_error("log not opened anew", "error=%s", LOG_QUOTE(err.msg));
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++) {
        struct worker *w = &m->workers[i];
        struct slot *all[] = {&w->now.slot, &w->next.slot, &w->old.slot};
        for (size_t k = 0; k < ARRAY_LEN(all); k++)
            if (all[k]->state == SLOT_READY || all[k]->ready_ms)
                master_signal(all[k], SIGUSR1);
    }
    log_info("logs opened anew", "log_file=%s", LOG_QUOTE(m->config.log_file));
    if (m->config.front_access_log[0] == '\0')
        return;
    /* h2o has no signal for it: a fresh one opens the new file. */
    if (master_front_prepare(m, &m->config, &front, &err) < 0) {
        log_error("access log not opened anew", "error=%s", LOG_QUOTE(err.msg));
        return;
    }
    master_front_swap(m, &front);
}

static void on_more(struct master *m)
{
    if (m->paused)
        master_workers_pause(m, false);
    else if (m->n_wanted < BOARD_MAX_SLOTS)
        master_workers_set_count(m, m->n_wanted + 1);
    log_info("workers wanted", "signal=SIGTTIN workers=%zu", m->n_wanted);
}

static void on_fewer(struct master *m)
{
    if (!m->paused && m->n_wanted > 1)
        master_workers_set_count(m, m->n_wanted - 1);
    log_info("workers wanted", "signal=SIGTTOU workers=%zu", m->paused ? (size_t)0 : m->n_wanted);
}

static void on_winch(struct master *m)
{
    log_info("workers paused", "signal=SIGWINCH note=\"SIGTTIN or SIGHUP brings them back\"");
    master_workers_pause(m, true);
}

static void on_stop(struct master *m, int sig)
{
    if (!m->stopping) {
        bool quick = sig == SIGINT || sig == SIGQUIT;
        log_info("stopping", "signal=SIG%s graceful_timeout_s=%" PRId64, sigabbrev_np(sig),
                 quick ? 0 : m->config.graceful_timeout_s);
        master_stop_begin(m, MASTER_EXIT_OK, quick);
    } else if (!m->quick) {
        log_warn("stopping at once", "signal=SIG%s note=\"the second one\"", sigabbrev_np(sig));
        master_stop_kill(m);
    }
}

static void handle(struct master *m, const struct signalfd_siginfo *info)
{
    int sig = (int)info->ssi_signo;
    /* From the kernel it is the terminal that went away. */
    bool hung_up = sig == SIGHUP && info->ssi_code == SI_KERNEL;
    if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT || hung_up) {
        on_stop(m, sig);
        return;
    }
    /* A terminal sends these to its own: of a new size, of a read or a write in the background. */
    bool of_terminal = sig == SIGWINCH || sig == SIGTTIN || sig == SIGTTOU;
    if (m->stopping || (of_terminal && info->ssi_code == SI_KERNEL))
        return;
    switch (sig) {
    case SIGHUP:
        on_hup(m);
        break;
    case SIGUSR1:
        on_usr1(m);
        break;
    case SIGUSR2:
        master_upgrade_begin(m);
        break;
    case SIGTTIN:
        on_more(m);
        break;
    case SIGTTOU:
        on_fewer(m);
        break;
    case SIGWINCH:
        on_winch(m);
        break;
    default: /* SIGCHLD: every turn reaps */
        break;
    }
}

void master_signals_read(struct master *m)
{
    struct signalfd_siginfo info;
    while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        handle(m, &info);
}
