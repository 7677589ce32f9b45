#include "scan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "board.h"
#include "clock.h"
#include "fault.h"
#include "lock.h"
#include "log.h"
#include "scan_walk.h"
#include "store.h"
#include "store_library.h"
#include "worker.h"
#include "writer.h"

#define BATCH_MAX     500  /* files in one transaction */
#define LOOK_AGAIN_MS 1000 /* when another worker is scanning */

struct scan {
    struct worker *worker;
    pthread_t thread;
    struct lock lock;    /* RANK_LIBRARY */
    pthread_cond_t wake; /* stopping became true */
};

/* Of the process, not of struct scan: API threads may still be in scan_ensure when scan_stop frees
 * that. */
static atomic_bool stopping;
static _Atomic size_t n_unreadable; /* folders at the last scan of this worker */

/* ---- one scan ---- */

struct run {
    struct worker *w;
    int root_fd;
    struct scan_list known;
    struct scan_walk walk;
    struct scan_diff diff;
    size_t removed;
    bool lost; /* it failed because of the library, not of the stores */
};

static void run_clear(struct run *r)
{
    fd_close(r->root_fd);
    scan_list_clear(&r->known);
    scan_walk_clear(&r->walk);
    scan_diff_clear(&r->diff);
}
LB_DEFINE_CLEANUP(struct run, run_clear)

static int add_known(void *ctx, const struct library_file *f, struct err *err)
{
    (void)err;
    scan_list_add(ctx, f->path, &f->stat, f->gone);
    return 0;
}

struct batch {
    struct library_found found[BATCH_MAX];
    const char *missing[BATCH_MAX];
    size_t n_found, n_missing;
};

static int write_batch(struct db *db, void *arg, struct err *err)
{
    const struct batch *b = arg;
    fault_hit("scan_batch");
    if (store_library_upsert(db, b->found, b->n_found, clock_wall_s(), err) < 0)
        return -1;
    return store_library_gone(db, b->missing, b->n_missing, clock_wall_s(), err);
}

static int send_batch(struct run *r, struct batch *b, struct err *err)
{
    if (atomic_load(&stopping))
        return err_set(err, ERR_STOPPING, "the scan was ended");
    struct writer_call call = {.file = GATE_LIBRARY, .fn = write_batch, .arg = b};
    int rc = b->n_found + b->n_missing > 0 ? writer_call(worker_writer(r->w), &call, err) : 0;
    b->n_found = b->n_missing = 0;
    return rc;
}

static int write_changes(struct run *r, struct err *err)
{
    struct batch *b LB_CLEANUP(mem_free) = mem_new(sizeof(*b));
    for (size_t i = 0; i < r->diff.n_present; i++) {
        if (scan_still_found(r->root_fd, &r->walk, r->diff.present[i], &b->found[b->n_found]))
            b->n_found++;
        if (b->n_found == BATCH_MAX && send_batch(r, b, err) < 0)
            return -1;
    }
    if (send_batch(r, b, err) < 0)
        return -1;
    for (size_t i = 0; i < r->diff.n_missing; i++) {
        const char *path = scan_list_path(&r->known, r->diff.missing[i]);
        if (!scan_still_missing(r->root_fd, &r->walk, path))
            continue;
        b->missing[b->n_missing++] = path;
        r->removed++;
        if (b->n_missing == BATCH_MAX && send_batch(r, b, err) < 0)
            return -1;
    }
    return send_batch(r, b, err);
}

static int write_event(struct db *db, void *arg, struct err *err)
{
    return store_event_add(db, "library_changed", NULL, arg, clock_wall_s(), err) < 0 ? -1 : 0;
}

static int tell_change(struct run *r, int64_t total, int64_t began_mono_ms, struct err *err)
{
    long long added = (long long)r->diff.added;
    long long changed = (long long)r->diff.changed;
    long long removed = (long long)r->removed;
    if (added + changed + removed == 0)
        return 0;
    log_info("library scanned", "added=%lld removed=%lld changed=%lld total=%lld done_ms=%lld",
             added, removed, changed, (long long)total,
             (long long)(clock_mono_ms() - began_mono_ms));
    json_t *data =
        json_pack("{s:I, s:I, s:I, s:I}", "added", (json_int_t)added, "removed",
                  (json_int_t)removed, "changed", (json_int_t)changed, "total", (json_int_t)total);
    must(data);
    struct writer_call call = {.file = GATE_JOBS, .ring = true, .fn = write_event, .arg = data};
    fault_hit("scan_event");
    int rc = writer_call(worker_writer(r->w), &call, err);
    json_decref(data);
    return rc;
}

static void note_unreadable(struct run *r)
{
    size_t n = r->walk.unreadable.n;
    if (atomic_exchange(&n_unreadable, n) != n && n > 0)
        log_warn("folders cannot be read", "n=%zu first=%s; what was known in them stays", n,
                 LOG_QUOTE(scan_list_path(&r->walk.unreadable, 0)));
}

/*
 * The database is read before the tree: a book that a job renames meanwhile is then at worst seen
 * under its new name too early, and the job's record meets a row that is right already.
 */
static int compare_and_write(struct run *r, struct db *db, int64_t began_mono_ms, struct err *err)
{
    const struct config *c = worker_config(r->w);
    if (store_library_each_known(db, add_known, &r->known, err) < 0)
        return -1;
    scan_walk_skip(&r->walk, c->duplicate_dir);
    scan_walk_skip(&r->walk, c->trash_dir);
    scan_walk_skip(&r->walk, c->state_dir);
    r->walk.stop = &stopping;
    if (scan_root_open(worker_library_fd(r->w), worker_library_root(r->w), &r->root_fd, err) < 0 ||
        scan_walk(r->root_fd, &r->walk, err) < 0) {
        r->lost = err->code != ERR_STOPPING;
        return -1;
    }
    note_unreadable(r);
    scan_diff(&r->known, &r->walk, &r->diff);
    struct library_totals totals;
    if (write_changes(r, err) < 0 || store_library_totals(db, &totals, err) < 0)
        return -1;
    atomic_store(&worker_board(r->w)->library_files, totals.files);
    return tell_change(r, totals.files, began_mono_ms, err);
}

/* Tells people once when the library is lost and once when it is back, whichever worker notices. */
static void note_outcome(struct worker *w, int rc, bool lost, const struct err *err)
{
    struct board *board = worker_board(w);
    if (rc == 0) {
        if (atomic_exchange(&board->scan_failed, 0) != 0)
            log_info("library can be read again", "library=%s", LOG_QUOTE(worker_library_root(w)));
    } else if (lost) {
        if (atomic_exchange(&board->scan_failed, 1) == 0)
            log_error("library cannot be read", "error=%s; nothing known is changed",
                      LOG_QUOTE(err->msg));
    } else if (err->code != ERR_STOPPING) {
        log_warn("scan failed", "error=%s; it is tried again later", LOG_QUOTE(err->msg));
    }
}

/* The scan's lock is held. */
static int scan_once(struct worker *w, struct err *err)
{
    int64_t began = clock_boot_ms();
    int64_t began_mono_ms = clock_mono_ms();
    struct run r LB_CLEANUP(run_clear) = {.w = w, .root_fd = -1};
    struct store_reader *reader = worker_reader_open(w, err);
    int rc = -1;
    if (reader) {
        rc = compare_and_write(&r, store_reader_db(reader, GATE_LIBRARY), began_mono_ms, err);
        worker_reader_close(reader);
    }
    note_outcome(w, rc, r.lost, err);
    if (rc == 0)
        atomic_store(&worker_board(w)->scan_boot_ms, began);
    return rc;
}

/* Did a complete scan begin at `since` or later? */
static bool is_done_since(struct board *board, int64_t since_boot_ms)
{
    int64_t last = atomic_load(&board->scan_boot_ms);
    return last != 0 && last >= since_boot_ms && atomic_load(&board->scan_failed) == 0;
}

int scan_ensure(struct worker *w, int64_t max_age_ms, struct err *err)
{
    struct board *board = worker_board(w);
    int64_t since = clock_boot_ms() - max_age_ms;
    if (is_done_since(board, since))
        return 0;
    gate_mutex_take(&board->scan);
    /* Whoever held it may have done what we came for. */
    int rc = is_done_since(board, since) ? 0 : scan_once(w, err);
    gate_mutex_drop(&board->scan);
    return rc;
}

/* ---- the thread ---- */

/* Scans when it is time. Returns how long to wait then. */
static int64_t scan_if_due(struct scan *s)
{
    struct board *board = worker_board(s->worker);
    int64_t interval_ms = worker_config(s->worker)->scan_interval_s * 1000;
    if (!is_done_since(board, clock_boot_ms() - interval_ms + 1)) {
        if (!gate_mutex_try(&board->scan))
            return LOOK_AGAIN_MS;
        struct err err = {0};
        int rc = 0; /* the scan logs what went wrong */
        if (!is_done_since(board, clock_boot_ms() - interval_ms + 1))
            rc = scan_once(s->worker, &err);
        gate_mutex_drop(&board->scan);
        if (rc < 0)
            return interval_ms;
    }
    int64_t left = atomic_load(&board->scan_boot_ms) + interval_ms - clock_boot_ms();
    return left > 1 ? left : 1;
}

static void *scan_thread(void *arg)
{
    struct scan *s = arg;
    (void)pthread_setname_np(pthread_self(), "lb-scan");
    while (!atomic_load(&stopping)) {
        int64_t wait_ms = scan_if_due(s);
        LOCK_SCOPE(&s->lock);
        if (!atomic_load(&stopping))
            (void)lock_wait(&s->lock, &s->wake, wait_ms);
    }
    return NULL;
}

struct scan *scan_start(struct worker *w)
{
    struct scan *s = mem_new(sizeof(*s));
    s->worker = w;
    lock_init(&s->lock, RANK_LIBRARY);
    cond_init(&s->wake);
    must(pthread_create(&s->thread, NULL, scan_thread, s) == 0);
    return s;
}

void scan_stop(struct scan *s)
{
    if (!s)
        return;
    lock_take(&s->lock);
    atomic_store(&stopping, true);
    (void)pthread_cond_signal(&s->wake);
    lock_drop(&s->lock);
    must(pthread_join(s->thread, NULL) == 0);
    (void)pthread_cond_destroy(&s->wake);
    lock_clear(&s->lock);
    free(s);
}
