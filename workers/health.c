#include "health.h"

#include <stdio.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "held.h"
#include "log.h"
#include "scan_walk.h"
#include "store.h"
#include "store_library.h"
#include "worker.h"

#define SCAN_GRACE_MS 30000 /* the first scan after a start, or one of a slow disk */

static const char *outcome(bool good)
{
    return good ? "ok" : "error";
}

static int check_library(struct worker *w, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = -1;
    if (scan_root_open(worker_library_fd(w), worker_library_root(w), &fd, err) < 0)
        return -1;
    if (atomic_load(&worker_board(w)->scan_failed) != 0)
        return err_set(err, ERR_IO, "the last scan of the library failed");
    return 0;
}

int health_check_jobs(struct store_reader *r, int64_t *ret_newest_event, struct err *err)
{
    int64_t oldest;
    return store_event_range(store_reader_db(r, GATE_JOBS), &oldest, ret_newest_event, err);
}

/* Reads from each of the three files. */
static int check_database(struct store_reader *r, int64_t *ret_files, struct err *err)
{
    struct library_totals totals;
    int64_t newest;
    if (store_library_totals(store_reader_db(r, GATE_LIBRARY), &totals, err) < 0 ||
        health_check_jobs(r, &newest, err) < 0)
        return -1;
    json_t *preferences = store_pref_all(store_reader_db(r, GATE_PREFERENCES), err);
    if (!preferences)
        return -1;
    json_decref(preferences);
    *ret_files = totals.files;
    return 0;
}

static uint32_t ready_workers(struct board *board)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < board->n_slots; i++)
        n += atomic_load(&board->slots[i].state) == SLOT_READY;
    return n;
}

/* The scan is what watches the folder: did the last one end well, and not too long ago? */
static bool scan_works(struct worker *w)
{
    const struct board *board = worker_board(w);
    int64_t allowed_ms = 3 * worker_config(w)->scan_interval_s * 1000 + SCAN_GRACE_MS;
    return !atomic_load(&board->scan_failed) &&
           clock_boot_ms() - atomic_load(&board->scan_boot_ms) < allowed_ms;
}

/* Not only whether the files can be read: can they be written, and is none of them damaged? */
static const char *database_outcome(const struct board *b, bool readable)
{
    static const char *const damaged[GATE_COUNT] = {
        "jobs.db is damaged", "preferences.db is damaged", "library.db is damaged"};
    for (int f = 0; f < GATE_COUNT; f++)
        if (b->file_damaged[f])
            return damaged[f];
    const char *held = held_database(b);
    return held ? held : outcome(readable);
}

static const char *library_outcome(const struct board *b, bool readable)
{
    const char *held = held_library(b);
    return readable && held ? held : outcome(readable);
}

void health_look(struct worker *w, struct store_reader *r, struct health *ret)
{
    struct board *board = worker_board(w);
    struct err why = {0};
    *ret = (struct health){.workers = "ok"};
    int library = check_library(w, &why); /* the scan has logged it, or will */
    int database = check_database(r, &ret->files, &why);
    if (database < 0)
        log_warn("health check failed", "check=database error=%s; the answer says so",
                 LOG_QUOTE(why.msg));
    bool frontend = atomic_load(&board->frontend_pid) > 0;
    uint32_t ready = ready_workers(board);
    if (ready < board->n_slots) /* this one answers, so it is a matter of speed, not of health */
        (void)snprintf(ret->workers, sizeof(ret->workers), "%u of %u ready", ready, board->n_slots);
    ret->library = library_outcome(board, library == 0);
    ret->database = database_outcome(board, database == 0);
    ret->watcher = outcome(scan_works(w));
    ret->frontend = outcome(frontend);
    ret->healthy = strcmp(ret->library, "ok") == 0 && strcmp(ret->database, "ok") == 0 && frontend;
}
