#include "newcomers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrivals.h"
#include "board.h"
#include "clock.h"
#include "fault.h"
#include "job_start.h"
#include "log.h"
#include "op.h"
#include "scan.h"
#include "store.h"
#include "worker.h"
#include "writer.h"

#define LOOK_MS      1000 /* when nothing else is known */
#define WRITTEN_MOST 1000 /* files that are written and have not arrived yet */
#define TITLE        "Processing New Files..."

struct newcomers {
    struct worker *worker;
    struct store_reader *reader; /* NULL until it is needed, and after an error */
    struct arrivals arrivals;
    struct path_list written; /* seen being written before a scan has made a row */
};

struct newcomers *newcomers_new(struct worker *w)
{
    struct newcomers *n = mem_new(sizeof(*n));
    n->worker = w;
    return n;
}

void newcomers_free(struct newcomers *n)
{
    if (!n)
        return;
    worker_reader_close(n->reader);
    arrivals_clear(&n->arrivals);
    path_list_clear(&n->written);
    free(n);
}

/* ---- who writes ---- */

static size_t find_written(const struct newcomers *n, const char *path)
{
    size_t i = 0;
    while (i < n->written.n && strcmp(n->written.paths[i], path) != 0)
        i++;
    return i;
}

static void forget_written(struct newcomers *n, size_t i)
{
    free(n->written.paths[i]);
    n->written.paths[i] = n->written.paths[--n->written.n];
}

void newcomers_note_write(struct newcomers *n, const char *path, bool going_on)
{
    arrivals_note_write(&n->arrivals, path, going_on, clock_boot_ms());
    size_t i = find_written(n, path);
    if (!going_on && i < n->written.n)
        forget_written(n, i);
    struct err none = {0};
    if (going_on && i == n->written.n && n->written.n < WRITTEN_MOST &&
        !arrivals_find(&n->arrivals, path))
        must(path_list_add(&n->written, path, &none) == 0); /* far below its limit */
}

static void remember_written(struct newcomers *n)
{
    for (size_t i = n->written.n; i-- > 0;)
        if (arrivals_find(&n->arrivals, n->written.paths[i])) {
            arrivals_note_write(&n->arrivals, n->written.paths[i], true, clock_boot_ms());
            forget_written(n, i);
        }
}

/*
 * A read lease is only given while nobody has the file open for writing. Only the owner of a file may ask; for others,
 * and on network file systems, the events and the settle time have to do.
 */
static bool is_open_for_writing(int root_fd, const char *path)
{
    int fd LB_CLEANUP(fd_close) =
        openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == EWOULDBLOCK; /* another one's lease is being broken by this */
    if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}

/* ---- what has arrived ---- */

static struct store_reader *reader(struct newcomers *n, struct err *err)
{
    if (!n->reader)
        n->reader = worker_reader_open(n->worker, err);
    return n->reader;
}

static int read_arrived(struct newcomers *n, struct path_list *ret, struct err *err)
{
    struct store_reader *r = reader(n, err);
    return r ? store_library_arrived(store_reader_db(r, GATE_LIBRARY), path_list_take, ret, err)
             : -1;
}

static void look_at_disk(struct newcomers *n)
{
    struct worker *w = n->worker;
    int64_t settle_ms = worker_config(w)->watch_settle_ms;
    for (size_t i = 0; i < n->arrivals.n; i++) {
        struct arrival *it = &n->arrivals.list[i];
        struct stat st;
        if (fstatat(worker_library_fd(w), it->path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode)) {
            it->seen = false; /* the scan will say that it is gone */
            it->whole_ms = 0;
            continue;
        }
        struct library_stat stat = library_stat_from(&st);
        arrivals_note_stat(it, &stat, is_open_for_writing(worker_library_fd(w), it->path),
                           settle_ms, clock_boot_ms());
    }
}

/* ---- the job ---- */

struct taken {
    struct library_found *files;
    size_t n;
};

static int write_taken(struct db *db, void *arg, struct err *err)
{
    const struct taken *t = arg;
    return store_library_taken(db, t->files, t->n, err);
}

/* Whole, and in no job. What a job has ended with is in library.db before its items are free: so this is read first. */
static int collect_free(struct newcomers *n, struct path_list *ret, struct err *err)
{
    struct store_reader *r = reader(n, err);
    if (!r)
        return -1;
    for (size_t i = 0; i < n->arrivals.n; i++) {
        const struct arrival *it = &n->arrivals.list[i];
        if (!it->whole_ms)
            continue;
        int busy = store_path_is_busy(store_reader_db(r, GATE_JOBS), it->path, err);
        if (busy < 0 || (!busy && path_list_add(ret, it->path, err) < 0))
            return -1;
    }
    return 0;
}

/* Of these, what library.db, just compared with the disk, still has as new. Paths are those of `free_ones`. */
static int collect_new(struct newcomers *n, const struct path_list *free_ones, struct taken *ret,
                       struct err *err)
{
    ret->files = mem_new((free_ones->n + 1) * sizeof(*ret->files));
    for (size_t i = 0; i < free_ones->n; i++) {
        struct library_file f;
        const char *path = free_ones->paths[i];
        int rc = store_library_get(store_reader_db(n->reader, GATE_LIBRARY), path, &f, err);
        if (rc < 0)
            return -1;
        const struct arrival *it = arrivals_find(&n->arrivals, path);
        if (rc == 1 && f.arrived && !f.processed && library_stat_same(&f.stat, &it->stat))
            ret->files[ret->n++] = (struct library_found){.path = path, .stat = f.stat};
    }
    return 0;
}

static int start_job(struct newcomers *n, struct taken *t, struct err *err)
{
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    for (size_t i = 0; i < t->n; i++)
        if (path_list_add(&items, t->files[i].path, err) < 0)
            return -1;
    struct job_request request = {.op = op_find("process"),
                                  .title = TITLE,
                                  .source = JOB_SOURCE_WATCHER,
                                  .priority = PRIORITY_NORMAL,
                                  .items = &items};
    struct job job;
    fault_hit("newcomers_job");
    if (job_start(n->worker, &request, &job, err) < 0)
        return -1;
    /* After a death here they are in a job, and no second one is made before it has run. */
    fault_hit("newcomers_taken");
    struct writer_call call = {.file = GATE_LIBRARY, .fn = write_taken, .arg = t};
    return writer_call(worker_writer(n->worker), &call, err);
}

static int make_job(struct newcomers *n, struct err *err)
{
    struct path_list free_ones LB_CLEANUP(path_list_clear) = {0};
    if (collect_free(n, &free_ones, err) < 0)
        return -1;
    if (free_ones.n == 0)
        return 0;
    int rc = scan_books(n->worker, (const char *const *)free_ones.paths, free_ones.n, err);
    if (rc <= 0)
        return rc;
    struct taken t = {0};
    rc = collect_new(n, &free_ones, &t, err);
    if (rc == 0 && t.n > 0)
        rc = start_job(n, &t, err);
    free(t.files);
    return rc;
}

/* ---- a look ---- */

static int write_none(struct db *db, void *arg, struct err *err)
{
    (void)arg;
    return store_library_none_arrived(db, err);
}

/* What arrived before the watcher was switched off is not processed when it is switched on again. */
static int forget_all(struct newcomers *n, struct err *err)
{
    arrivals_clear(&n->arrivals);
    while (n->written.n > 0)
        forget_written(n, 0);
    struct path_list arrived LB_CLEANUP(path_list_clear) = {0};
    if (read_arrived(n, &arrived, err) < 0)
        return -1;
    struct writer_call call = {.file = GATE_LIBRARY, .fn = write_none};
    return arrived.n ? writer_call(worker_writer(n->worker), &call, err) : 0;
}

static int look(struct newcomers *n, int64_t *ret_wait_ms, struct err *err)
{
    *ret_wait_ms = -1;
    if (!atomic_load(&worker_board(n->worker)->watch_on))
        return forget_all(n, err);
    struct path_list arrived LB_CLEANUP(path_list_clear) = {0};
    if (read_arrived(n, &arrived, err) < 0)
        return -1;
    arrivals_set(&n->arrivals, (const char *const *)arrived.paths, arrived.n, clock_boot_ms());
    remember_written(n);
    look_at_disk(n);
    int64_t settle_ms = worker_config(n->worker)->watch_settle_ms;
    if (arrivals_are_due(&n->arrivals, settle_ms, clock_boot_ms(), ret_wait_ms))
        return make_job(n, err);
    return 0;
}

int64_t newcomers_look(struct newcomers *n)
{
    struct err err = {0};
    int64_t wait_ms;
    if (look(n, &wait_ms, &err) < 0) {
        if (err.code != ERR_STOPPING)
            log_warn("new books wait", "error=%s retry_ms=%d", LOG_QUOTE(err.msg), LOOK_MS);
        worker_reader_close(n->reader);
        n->reader = NULL;
        return LOOK_MS;
    }
    return wait_ms >= 0 && wait_ms < LOOK_MS ? wait_ms : LOOK_MS;
}
