#include "watcher.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "job_start.h"
#include "log.h"
#include "newcomers.h"
#include "scan.h"
#include "store.h"
#include "watch.h"
#include "worker.h"
#include "writer.h"

#define LOOK_MS       1000 /* at most this long between two looks, also for the lock of a dead worker */
#define GATHER_MS     100    /* events are read so often; what came together is one scan */
#define REST          3      /* after a scan, so many times what it took, */
#define REST_MOST_MS  10000  /* but not longer than this */
#define TOUCHED_MOST  5000   /* for more, the tree is read */
#define EVENTS_TRY_MS 600000 /* when inotify was refused */

struct watcher {
    struct worker *worker;
    pthread_t thread;
    int stop_fd; /* eventfd: watcher_stop was called */

    /* While this worker is the one that watches. */
    struct watch *watch; /* NULL: by scans alone */
    struct newcomers *newcomers;
    bool tree;                /* it has to be read */
    struct path_list touched; /* books that events told of */
    int64_t read_at_ms;       /* events: not before, by the boot clock, as all below */
    int64_t tree_at_ms;       /* a scan of the tree: not before */
    int64_t books_at_ms;      /* a scan of what was touched: not before */
    int64_t try_events_ms;    /* inotify: not before */
};

/* ---- what is told ---- */

bool watcher_is_running(const struct board *b)
{
    pid_t pid = atomic_load(&b->watch_pid);
    return pid > 0 && !atomic_load(&b->scan_failed) && (kill(pid, 0) == 0 || errno == EPERM);
}

json_t *watcher_status(const struct board *b)
{
    json_t *o = json_pack("{s:b, s:b}", "running", (int)watcher_is_running(b), "enabled",
                          (int)(atomic_load(&b->watch_on) != 0));
    must(o);
    return o;
}

static int write_event(struct db *db, void *arg, struct err *err)
{
    return store_event_add(db, "watcher_status", NULL, arg, clock_wall_s(), err) < 0 ? -1 : 0;
}

bool watcher_tell(struct worker *w)
{
    json_t *data = watcher_status(worker_board(w));
    struct err err = {0};
    struct writer_call call = {.file = GATE_JOBS, .ring = true, .fn = write_event, .arg = data};
    int rc = writer_call(worker_writer(w), &call, &err);
    if (rc < 0)
        log_warn("watcher event not written", "error=%s; pages see it at their next load",
                 LOG_QUOTE(err.msg));
    json_decref(data);
    return rc == 0;
}

/* Pages hear when it stops or goes on; not that it began, with everything else. */
static void tell_running(struct watcher *s)
{
    struct board *b = worker_board(s->worker);
    int32_t is = watcher_is_running(b) ? 1 : 2;
    int32_t told = atomic_exchange(&b->watch_told, is);
    if (told != 0 && told != is)
        (void)watcher_tell(s->worker);
}

/* ---- scans ---- */

static void open_events(struct watcher *s)
{
    struct err err = {0};
    int64_t now = clock_boot_ms();
    if (s->watch || now < s->try_events_ms)
        return;
    s->try_events_ms = now + EVENTS_TRY_MS;
    if (watch_open(&s->watch, &err) < 0)
        log_warn("library not watched", "error=%s; it is scanned every %lld s", LOG_QUOTE(err.msg),
                 (long long)worker_config(s->worker)->scan_interval_s);
}

static void check_events(struct watcher *s)
{
    struct err err = {0};
    if (s->watch && watch_end(s->watch, &err) < 0) {
        log_warn("library not watched", "error=%s; it is scanned every %lld s", LOG_QUOTE(err.msg),
                 (long long)worker_config(s->worker)->scan_interval_s);
        watch_close(s->watch);
        s->watch = NULL;
    }
    int by = s->watch ? WATCH_BY_EVENTS : WATCH_BY_SCANS;
    struct board *b = worker_board(s->worker);
    atomic_store(&b->watch_folders, s->watch ? (uint32_t)watch_folders(s->watch) : 0);
    if (atomic_exchange(&b->watch_by, by) != by && s->watch)
        log_info("library watched", "folders=%zu", watch_folders(s->watch));
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the next scan may begin after one that began then. */
static int64_t rested_at(int64_t began_ms)
{
    int64_t now = clock_boot_ms();
    return now + GATHER_MS + smaller(REST * (now - began_ms), REST_MOST_MS);
}

static void scan_all(struct watcher *s)
{
    struct err err = {0};
    int64_t began = clock_boot_ms();
    open_events(s);
    s->tree = false; /* what is told from now on asks for another */
    path_list_clear(&s->touched);
    int rc = scan_tree(s->worker, s->watch, &err);
    if (rc == 1) {
        check_events(s);
        s->tree_at_ms = rested_at(began);
        return;
    }
    s->tree = true;
    s->tree_at_ms =
        clock_boot_ms() + (rc == 0 ? GATHER_MS : worker_config(s->worker)->scan_interval_s * 1000);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A file is told of when it is made, closed and renamed. */
static void unique(struct path_list *l)
{
    qsort(l->paths, l->n, sizeof(*l->paths), by_text);
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (kept > 0 && strcmp(l->paths[kept - 1], l->paths[i]) == 0)
            free(l->paths[i]);
        else
            l->paths[kept++] = l->paths[i];
    l->n = kept;
}

static void scan_touched(struct watcher *s)
{
    struct err err = {0};
    int64_t began = clock_boot_ms();
    unique(&s->touched);
    int rc = scan_books(s->worker, (const char *const *)s->touched.paths, s->touched.n, &err);
    s->books_at_ms = rested_at(began);
    if (rc == 0)
        return; /* another thread scans; they wait */
    path_list_clear(&s->touched);
    s->tree |= rc < 0; /* the whole of it, when it can be read again */
}

/* ---- events ---- */

static void on_event(void *ctx, enum watch_event e, const char *path)
{
    struct watcher *s = ctx;
    struct err none = {0};
    if (e == WATCH_TREE) {
        s->tree = true;
        return;
    }
    newcomers_note_write(s->newcomers, path, e == WATCH_WRITTEN);
    if (e == WATCH_WRITTEN)
        return;
    if (s->touched.n < TOUCHED_MOST)
        must(path_list_add(&s->touched, path, &none) == 0); /* far below its limit */
    else
        s->tree = true;
}

/* ---- the thread ---- */

static bool take_over(struct watcher *s)
{
    struct board *b = worker_board(s->worker);
    if (s->newcomers)
        return true;
    if (!gate_mutex_try(&b->watch))
        return false;
    fault_hit("watcher_took_over");
    s->newcomers = newcomers_new(s->worker);
    s->tree = true;
    atomic_store(&b->watch_by, WATCH_BY_SCANS);
    atomic_store(&b->watch_pid, getpid());
    return true;
}

static void give_up(struct watcher *s)
{
    struct board *b = worker_board(s->worker);
    watch_close(s->watch);
    path_list_clear(&s->touched);
    if (!s->newcomers)
        return;
    newcomers_free(s->newcomers);
    atomic_store(&b->watch_pid, 0);
    gate_mutex_drop(&b->watch);
}

/* Returns how long to wait. */
static int64_t turn(struct watcher *s)
{
    int64_t interval_ms = worker_config(s->worker)->scan_interval_s * 1000;
    if (s->watch && clock_boot_ms() >= s->read_at_ms) {
        watch_read(s->watch, on_event, s);
        s->read_at_ms = clock_boot_ms() + GATHER_MS;
    }
    bool all = s->tree || !scan_is_fresh(s->worker, interval_ms - 1);
    if (all && clock_boot_ms() >= s->tree_at_ms)
        scan_all(s);
    if (s->touched.n > 0 && clock_boot_ms() >= s->books_at_ms)
        scan_touched(s);
    tell_running(s);
    int64_t wait_ms = smaller(LOOK_MS, newcomers_look(s->newcomers));
    int64_t now = clock_boot_ms();
    if (s->tree || !scan_is_fresh(s->worker, interval_ms - 1))
        wait_ms = smaller(wait_ms, s->tree_at_ms - now);
    if (s->touched.n > 0)
        wait_ms = smaller(wait_ms, s->books_at_ms - now);
    int64_t last = atomic_load(&worker_board(s->worker)->scan_boot_ms);
    if (last + interval_ms > now)
        wait_ms = smaller(wait_ms, last + interval_ms - now);
    return wait_ms > 1 ? wait_ms : 1;
}

static void wait_for(struct watcher *s, int64_t wait_ms)
{
    struct pollfd fds[2] = {{.fd = s->stop_fd, .events = POLLIN}, {.events = POLLIN}};
    int64_t now = clock_boot_ms();
    bool events = s->watch && now >= s->read_at_ms;
    if (s->watch && !events)
        wait_ms = smaller(wait_ms, s->read_at_ms - now);
    if (events)
        fds[1].fd = watch_fd(s->watch);
    (void)poll(fds, events ? 2 : 1, (int)wait_ms);
}

static void *watcher_thread(void *arg)
{
    struct watcher *s = arg;
    (void)pthread_setname_np(pthread_self(), "lb-watch");
    while (!scan_is_over() && !worker_draining(s->worker))
        wait_for(s, take_over(s) ? turn(s) : LOOK_MS);
    give_up(s);
    return NULL;
}

struct watcher *watcher_start(struct worker *w)
{
    struct watcher *s = mem_new(sizeof(*s));
    s->worker = w;
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(s->stop_fd >= 0);
    must(pthread_create(&s->thread, NULL, watcher_thread, s) == 0);
    return s;
}

void watcher_stop(struct watcher *s)
{
    if (!s)
        return;
    scan_end();
    board_ring(s->stop_fd);
    must(pthread_join(s->thread, NULL) == 0);
    fd_close(s->stop_fd);
    free(s);
}
