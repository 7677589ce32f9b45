#include "scan.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "board.h"
#include "clock.h"
#include "fault.h"
#include "log.h"
#include "scan_walk.h"
#include "store.h"
#include "store_library.h"
#include "watch.h"
#include "worker.h"
#include "writer.h"

#define BATCH_MAX 500 /* files in one transaction */

static atomic_bool stopping;
static _Atomic size_t n_unreadable; /* folders at the last scan of this worker */

/* ---- one scan ---- */

struct run {
    struct worker *w;
    int root_fd;
    struct scan_list known;
    struct scan_walk walk;
    struct scan_diff diff;
    bool arrive; /* what is new has arrived */
    struct scan_marked marked;
    const char *const *paths; /* only these books; NULL = the whole tree */
    size_t n_paths;
    struct watch *watch; /* is told the folders; or NULL */
    size_t removed;
    bool lost; /* it failed because of the library, not of the stores */
};

static void run_clear(struct run *r)
{
    fd_close(r->root_fd);
    scan_list_clear(&r->known);
    scan_walk_clear(&r->walk);
    scan_diff_clear(&r->diff);
    scan_marked_clear(&r->marked);
}

static int add_known(void *ctx, const struct library_file *f, struct err *err)
{
    (void)err;
    struct scan_list *known = ctx;
    scan_list_add(known, f->path, &f->stat, f->gone);
    known->entries[known->n - 1].processed = f->processed;
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
        struct library_found *f = &b->found[b->n_found];
        if (scan_still_found(r->root_fd, &r->walk, r->diff.present[i], f)) {
            f->arrived = r->arrive && !scan_marked_has(&r->marked, &f->stat);
            b->n_found++;
        }
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
    log_info(r->paths ? "library changed" : "library scanned",
             "added=%lld removed=%lld changed=%lld total=%lld done_ms=%lld", added, removed,
             changed, (long long)total, (long long)(clock_mono_ms() - began_mono_ms));
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

/* ---- what is compared ---- */

static void on_folder(void *ctx, int fd, const char *path)
{
    watch_folder(ctx, fd, path);
}

static int read_tree(struct run *r, struct db *db, struct err *err)
{
    const struct config *c = worker_config(r->w);
    if (store_library_each_known(db, add_known, &r->known, err) < 0)
        return -1;
    scan_walk_skip(&r->walk, c->duplicate_dir);
    scan_walk_skip(&r->walk, c->trash_dir);
    scan_walk_skip(&r->walk, c->state_dir);
    r->walk.stop = &stopping;
    if (r->watch) {
        r->walk.on_folder = on_folder;
        r->walk.ctx = r->watch;
        watch_begin(r->watch);
    }
    if (scan_root_open(worker_library_fd(r->w), worker_library_root(r->w), &r->root_fd, err) < 0 ||
        scan_walk(r->root_fd, &r->walk, err) < 0) {
        r->lost = err->code != ERR_STOPPING;
        return -1;
    }
    note_unreadable(r);
    return 0;
}

static int read_books(struct run *r, struct db *db, struct err *err)
{
    for (size_t i = 0; i < r->n_paths; i++) {
        struct library_file f;
        int rc = store_library_get_any(db, r->paths[i], &f, err);
        if (rc < 0)
            return -1;
        if (rc == 1)
            (void)add_known(&r->known, &f, err);
    }
    if (scan_root_open(worker_library_fd(r->w), worker_library_root(r->w), &r->root_fd, err) < 0) {
        r->lost = true;
        return -1;
    }
    for (size_t i = 0; i < r->n_paths; i++) {
        struct stat st;
        if (fstatat(r->root_fd, r->paths[i], &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        struct library_stat stat = library_stat_from(&st);
        scan_list_add(&r->walk.found, r->paths[i], &stat, false);
    }
    scan_list_sort(&r->known);
    scan_list_sort(&r->walk.found);
    return 0;
}

static int write_scanned(struct db *db, void *arg, struct err *err)
{
    (void)arg;
    return store_library_scanned(db, err);
}

/*
 * The database is read before the tree: a book that a job renames meanwhile is then at worst seen
 * under its new name too early, and the job's record meets a row that is right already.
 */
static int compare_and_write(struct run *r, struct db *db, int64_t began_mono_ms, struct err *err)
{
    struct library_totals totals;
    if (store_library_totals(db, &totals, err) < 0 ||
        (r->paths ? read_books(r, db, err) : read_tree(r, db, err)) < 0)
        return -1;
    bool first = !totals.scanned; /* what it finds was there before we were */
    r->arrive = !first && atomic_load(&worker_board(r->w)->watch_on);
    scan_diff(&r->known, &r->walk, &r->diff);
    if (r->arrive && r->diff.added > 0)
        scan_marked_make(&r->known, &r->marked);
    struct writer_call scanned = {.file = GATE_LIBRARY, .fn = write_scanned};
    if (write_changes(r, err) < 0 || store_library_totals(db, &totals, err) < 0 ||
        (first && !r->paths && writer_call(worker_writer(r->w), &scanned, err) < 0))
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

/* The scan's lock is held. `r` says what of; it is cleared here. */
static int scan_once(struct run *r, struct err *err)
{
    struct worker *w = r->w;
    int64_t began = clock_boot_ms();
    int64_t began_mono_ms = clock_mono_ms();
    struct store_reader *reader = worker_reader_open(w, err);
    int rc = -1;
    if (reader) {
        rc = compare_and_write(r, store_reader_db(reader, GATE_LIBRARY), began_mono_ms, err);
        worker_reader_close(reader);
    }
    note_outcome(w, rc, r->lost, err);
    if (rc == 0 && !r->paths)
        atomic_store(&worker_board(w)->scan_boot_ms, began);
    run_clear(r);
    return rc;
}

/* Did a complete scan begin at `since` or later? */
static bool is_done_since(struct board *board, int64_t since_boot_ms)
{
    int64_t last = atomic_load(&board->scan_boot_ms);
    return last != 0 && last >= since_boot_ms && atomic_load(&board->scan_failed) == 0;
}

bool scan_is_fresh(const struct worker *w, int64_t max_age_ms)
{
    return is_done_since(worker_board(w), clock_boot_ms() - max_age_ms);
}

int scan_ensure(struct worker *w, int64_t max_age_ms, struct err *err)
{
    struct board *board = worker_board(w);
    int64_t since = clock_boot_ms() - max_age_ms;
    if (is_done_since(board, since))
        return 0;
    gate_mutex_take(&board->scan);
    /* Whoever held it may have done what we came for. */
    struct run r = {.w = w, .root_fd = -1};
    int rc = is_done_since(board, since) ? 0 : scan_once(&r, err);
    gate_mutex_drop(&board->scan);
    return rc;
}

static int scan_if_free(struct run *r, struct err *err)
{
    struct board *board = worker_board(r->w);
    if (!gate_mutex_try(&board->scan))
        return 0;
    int rc = scan_once(r, err);
    gate_mutex_drop(&board->scan);
    return rc < 0 ? -1 : 1;
}

int scan_tree(struct worker *w, struct watch *watch, struct err *err)
{
    struct run r = {.w = w, .root_fd = -1, .watch = watch};
    return scan_if_free(&r, err);
}

int scan_books(struct worker *w, const char *const *paths, size_t n, struct err *err)
{
    struct run r = {.w = w, .root_fd = -1, .paths = paths, .n_paths = n};
    return scan_if_free(&r, err);
}

void scan_end(void)
{
    atomic_store(&stopping, true);
}

bool scan_is_over(void)
{
    return atomic_load(&stopping);
}
