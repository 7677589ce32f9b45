#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api.h"
#include "api_count.h"
#include "board.h"
#include "clock.h"
#include "downloads.h"
#include "drive.h"
#include "events.h"
#include "fault.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "old_streams.h"
#include "op.h"
#include "runner.h"
#include "settings.h"
#include "store.h"
#include "watcher.h"
#include "worker_run.h"
#include "writer.h"

#define API_THREADS  4
#define BEAT_MS      500
#define HEADER_BYTES 65536
/* When the master is gone nobody waits for us: running items get so long. */
#define ORPHAN_MS 2000
/* Answers that are still owed at the stop get so long. */
#define ANSWERS_MS 3000

struct worker {
    const struct config *config;
    int slot;
    char name[32];
    char owner[BOARD_OWNER_SIZE];
    struct board *board;
    int library_fd, signal_fd;
    char library_root[4097];

    struct loop *loop;
    struct store_reader *reader; /* the loop's */
    struct writer *writer;
    struct runner *runner;
    struct drives *drives;
    struct events *events;
    struct old_streams *old_streams;
    struct downloads *downloads;
    struct watcher *watcher;
    struct api *api;
    struct http *http;
    struct loop_timer *beat;
    uint64_t requests;

    _Atomic bool draining;
    int64_t drain_ms;   /* how long running items may go on */
    _Atomic bool quick; /* the drain waits for nobody's connections */
    pthread_t stopper;
};

const struct config *worker_config(const struct worker *w)
{
    return w->config;
}

int worker_slot(const struct worker *w)
{
    return w->slot;
}

const char *worker_name(const struct worker *w)
{
    return w->name;
}

const char *worker_owner(const struct worker *w)
{
    return w->owner;
}

struct board *worker_board(const struct worker *w)
{
    return w->board;
}

struct loop *worker_loop(struct worker *w)
{
    return w->loop;
}

struct writer *worker_writer(struct worker *w)
{
    return w->writer;
}

struct runner *worker_runner(struct worker *w)
{
    return w->runner;
}

struct drives *worker_drives(struct worker *w)
{
    return w->drives;
}

struct events *worker_events(struct worker *w)
{
    return w->events;
}

int worker_library_fd(const struct worker *w)
{
    return w->library_fd;
}

const char *worker_library_root(const struct worker *w)
{
    return w->library_root;
}

bool worker_draining(const struct worker *w)
{
    return w->draining;
}

void worker_ring_all(struct worker *w)
{
    for (int i = 0; i < BOARD_MAX_SLOTS; i++)
        if (w->board->slots[i].pid) /* one that starts there now looks by itself */
            board_ring(BOARD_FD_BELL_0 + i);
}

struct store_reader *worker_reader_open(struct worker *w, struct err *err)
{
    struct store_reader *r;
    return store_reader_open(w->config->state_dir, &r, err) < 0 ? NULL : r;
}

void worker_reader_close(struct store_reader *r)
{
    store_reader_close(r);
}

void worker_stream_open(struct worker *w, struct http_request *req, const char *last_event_id,
                        const char *job_id, const char *client_address)
{
    events_subscribe(w->events, req, last_event_id, job_id, client_address);
}

bool worker_downloads_full(const struct worker *w)
{
    return downloads_full(w->downloads);
}

void worker_download_open(struct worker *w, struct http_request *req,
                          const struct download_ask *ask, const struct http_header *headers,
                          size_t n_headers)
{
    downloads_open(w->downloads, req, ask, headers, n_headers);
}

bool worker_old_streams_full(const struct worker *w)
{
    return old_streams_full(w->old_streams);
}

void worker_old_stream_open(struct worker *w, struct http_request *req,
                            const struct old_stream_ask *ask, const struct http_header *headers,
                            size_t n_headers)
{
    old_streams_open(w->old_streams, req, ask, headers, n_headers);
}

/* ---- the stop ---- */

static void leave_loop(void *ctx)
{
    loop_stop(((struct worker *)ctx)->loop);
}

static int nothing(struct db *db, void *arg, struct err *err)
{
    (void)db;
    (void)arg;
    (void)err;
    return 0;
}

/* What the pool has handed over is committed, as far as it can be. */
static void commit_results(struct worker *w)
{
    struct writer_call call = {.file = GATE_JOBS, .fn = nothing};
    struct err err = {0};
    if (writer_call(w->writer, &call, &err) < 0)
        log_debug("results wait", "error=%s", LOG_QUOTE(err.msg)); /* the writer has told already */
}

static void stop_waiting(void *ctx)
{
    api_stop_waiting(((struct worker *)ctx)->api);
}

/* Off the loop, which goes on answering: waits for what runs, then for the answers. */
static void *stopper_main(void *arg)
{
    struct worker *w = arg;
    (void)pthread_setname_np(pthread_self(), "lb-stop");
    fault_hit("drain_begin");
    writer_stop_claiming(w->writer);
    runner_drain(w->runner);
    fault_hit("drain_given_back");
    bool idle = runner_wait_idle(w->runner, w->drain_ms);
    if (!idle)
        log_warn("items still running", "count=%d after_ms=%lld note=\"they run again elsewhere\"",
                 runner_load(w->runner), (long long)w->drain_ms);
    commit_results(w);
    loop_post(w->loop, stop_waiting, w); /* what a call waits for is there, or goes on elsewhere */
    int64_t until = clock_mono_ms() + ANSWERS_MS;
    /* The front end keeps connections for its next requests. Whoever closes one may cut off a request that is on its
     * way, so it is the front end that closes: after the answer that says so, or when it has been idle for 2 s. */
    while ((api_pending(w->api) > 0 || (!w->quick && http_connections(w->http) > 0)) &&
           clock_mono_ms() < until)
        (void)usleep(10000);
    fault_hit("drain_answered");
    loop_post(w->loop, leave_loop, w);
    return NULL;
}

static void start_drain(struct worker *w, int64_t drain_ms, const char *why)
{
    if (w->draining)
        return;
    log_info("worker stopping", "reason=\"%s\" running=%d", why, runner_load(w->runner));
    w->draining = true;
    w->drain_ms = drain_ms;
    http_drain(w->http);
    events_drain(w->events);
    /* The bell belongs to the slot: another worker may be in it already. */
    loop_unwatch(w->loop, BOARD_FD_BELL_0 + w->slot);
    must(pthread_create(&w->stopper, NULL, stopper_main, w) == 0);
}

static void on_signal(void *ctx)
{
    struct worker *w = ctx;
    struct signalfd_siginfo info;
    if (read(w->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    struct err err = {0};
    if (info.ssi_signo == SIGUSR1) {
        if (w->config->log_file[0] && log_open_file(w->config->log_file, &err) < 0)
            log_error("log not opened anew", "error=%s", LOG_QUOTE(err.msg));
    } else if (info.ssi_signo == SIGTERM) {
        start_drain(w, w->config->graceful_timeout_s * 1000, "SIGTERM");
    } else {
        w->quick = true;
        start_drain(w, 0, "quick stop");
    }
}

static void on_master_gone(void *ctx)
{
    struct worker *w = ctx;
    loop_unwatch(w->loop, BOARD_FD_MASTER); /* an ended pipe stays readable */
    w->quick = true;                        /* the front end died with it */
    start_drain(w, ORPHAN_MS, "the master is gone");
}

/* ---- the loop's own ---- */

static void on_bell(void *ctx)
{
    struct worker *w = ctx;
    uint64_t n;
    ssize_t got = read(BOARD_FD_BELL_0 + w->slot, &n, sizeof(n));
    (void)got; /* rung or not, a look is harmless */
    events_look(w->events);
    api_look(w->api);
    old_streams_look(w->old_streams);
    writer_wake(w->writer);
}

/* While one worker takes over from another, both have the slot's number, and one has the slot. */
static bool owns_slot(const struct worker *w)
{
    return w->board->slots[w->slot].pid == getpid();
}

static void on_beat(void *ctx)
{
    struct worker *w = ctx;
    if (owns_slot(w))
        w->board->slots[w->slot].beat_boot_ms = clock_boot_ms();
}

static void on_request(struct http_request *req, void *ctx)
{
    struct worker *w = ctx;
    w->requests++;
    if (owns_slot(w))
        w->board->slots[w->slot].requests = w->requests;
    api_on_request(req, w->api);
}

/* Signals come through a descriptor to the loop; no thread takes one. */
static int block_signals(struct worker *w, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGQUIT);
    (void)sigaddset(&set, SIGUSR1);
    must(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    (void)signal(SIGPIPE, SIG_IGN);
    w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return w->signal_fd < 0 ? err_sys(err, ERR_INTERNAL, "signalfd") : 0;
}

static int open_library(struct worker *w, struct err *err)
{
    (void)snprintf(w->library_root, sizeof(w->library_root), "%s", w->config->library);
    size_t n = strlen(w->library_root);
    while (n > 1 && w->library_root[n - 1] == '/')
        w->library_root[--n] = '\0';
    w->library_fd = open(w->library_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (w->library_fd < 0)
        return err_sys(err, ERR_IO, "library folder %s", LOG_QUOTE(w->library_root));
    return 0;
}

/* What the configuration says may have been changed by a user, and that is what counts for all processes. */
static void apply_settings(struct worker *w)
{
    struct settings s;
    struct err err = {0};
    bool watcher;
    if (settings_read(w->reader, w->config, &s, &err) < 0 ||
        settings_read_watcher(w->reader, &watcher, &err) < 0) {
        log_warn("settings not read", "error=%s", LOG_QUOTE(err.msg));
        return;
    }
    w->board->log_max_bytes = s.log_max_bytes;
    w->board->watch_on = watcher;
}

static int start(struct worker *w, struct err *err)
{
    if (block_signals(w, err) < 0 || open_library(w, err) < 0)
        return -1;
    w->loop = loop_new();
    on_beat(w);
    fault_hit("worker_begin");
    /* The writer makes the files; it gives back what dead workers held before anything runs. It uses the runner. */
    w->runner = runner_new(w);
    w->drives = drives_new();
    if (writer_start(w, &w->writer, err) < 0)
        return -1;
    fault_hit("worker_stores_open");
    w->reader = worker_reader_open(w, err);
    if (!w->reader || events_start(w, w->reader, &w->events, err) < 0)
        return -1;
    apply_settings(w);
    w->old_streams = old_streams_new(w, w->reader);
    w->downloads = downloads_new(w, w->reader);
    runner_start(w->runner);
    w->watcher = watcher_start(w);
    api_count_init(w->board, api_routes);
    w->api = api_new(w, api_routes, API_THREADS, w->reader);
    struct http_config hc = {w->config->body_max_bytes, HEADER_BYTES};
    w->http = http_listen(w->loop, BOARD_FD_LISTEN, &hc, on_request, w);
    w->beat = loop_timer_every(w->loop, BEAT_MS, on_beat, w);
    loop_watch(w->loop, BOARD_FD_BELL_0 + w->slot, on_bell, w);
    loop_watch(w->loop, w->signal_fd, on_signal, w);
    loop_watch(w->loop, BOARD_FD_MASTER, on_master_gone, w);
    return 0;
}

static void stop(struct worker *w)
{
    must(pthread_join(w->stopper, NULL) == 0);
    bool idle = runner_load(w->runner) == 0;
    watcher_stop(w->watcher);
    fault_hit("drain_scan_stopped");
    if (!idle) {
        /* A pool thread is inside an operation that did not end in time. Its item belongs to a process that will be
         * dead in a moment; the others give it back. What was finished is committed first. */
        writer_stop(w->writer);
        log_info("worker stopped", "running=%d", runner_load(w->runner));
        _exit(0);
    }
    events_free(w->events);
    old_streams_free(w->old_streams);
    downloads_free(w->downloads);
    runner_stop(w->runner);
    api_free(w->api); /* its threads may wait for the writer */
    writer_stop(w->writer);
    writer_free(w->writer);
    runner_free(w->runner);
    drives_free(w->drives);
    http_free(w->http);
    loop_timer_free(w->beat);
    worker_reader_close(w->reader);
    loop_free(w->loop);
    fault_hit("drain_over");
    log_info("worker stopped", "running=0");
}

int worker_run(const struct config *config, int slot, struct board *board, struct err *err)
{
    static struct worker only; /* what a failed start leaves behind ends with the process */
    struct worker *w = &only;
    w->config = config;
    op_register_commands(config);
    w->slot = slot;
    w->board = board;
    (void)snprintf(w->name, sizeof(w->name), "worker %d", slot);
    board_owner_new(board, w->owner);
    if (start(w, err) < 0)
        return -1; /* the process ends: nothing to clean up */
    fault_hit("worker_listening");
    if (write(BOARD_FD_READY, "", 1) != 1)
        return err_sys(err, ERR_INTERNAL, "tell the master that we are ready");
    (void)close(BOARD_FD_READY);
    log_info("worker ready", "pid=%d owner=%s threads=%lld", (int)getpid(), w->owner,
             (long long)config->threads);
    fault_hit("worker_ready");
    writer_wake(w->writer);
    loop_run(w->loop);
    stop(w);
    fd_close(w->library_fd);
    fd_close(w->signal_fd);
    return 0;
}
