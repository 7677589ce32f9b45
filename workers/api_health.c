#include <stdio.h>
#include <string.h>

#include "api.h"
#include "board.h"
#include "clock.h"
#include "handlers.h"
#include "held.h"
#include "log.h"
#include "scan_walk.h"
#include "store.h"
#include "store_library.h"
#include "worker.h"

#define RETRY_AFTER_S "5"
#define SCAN_GRACE_MS 30000 /* the first scan after a start, or one of a slow disk */

/* ---- health ---- */

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

static int check_jobs(struct store_reader *r, int64_t *ret_newest_event, struct err *err)
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
        check_jobs(r, &newest, err) < 0)
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

/* 503 carries Retry-After (docs/API.md). */
static int reply_health(struct api_call *call, bool healthy, json_t *reply)
{
    if (!healthy)
        api_add_header(call, "Retry-After", RETRY_AFTER_S);
    return api_reply(call, healthy ? 200 : 503, reply);
}

int api_health(struct api_call *call, struct err *err)
{
    (void)err; /* what fails is the answer */
    struct board *board = worker_board(call->worker);
    struct err why = {0};
    int64_t files = 0;
    int library = check_library(call->worker, &why); /* the scan has logged it, or will */
    int database = check_database(call->reader, &files, &why);
    bool frontend = atomic_load(&board->frontend_pid) > 0;
    uint32_t ready = ready_workers(board);
    char workers[64] = "ok";
    if (ready < board->n_slots) /* this one answers, so it is a matter of speed, not of health */
        (void)snprintf(workers, sizeof(workers), "%u of %u ready", ready, board->n_slots);
    if (database < 0)
        log_warn("health check failed", "check=database error=%s; answered with 503",
                 LOG_QUOTE(why.msg));
    const char *library_is = library_outcome(board, library == 0);
    const char *database_is = database_outcome(board, database == 0);
    bool healthy = strcmp(library_is, "ok") == 0 && strcmp(database_is, "ok") == 0 && frontend;
    return reply_health(call, healthy,
                        json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:I}", "status",
                                  healthy ? "healthy" : "unhealthy", "version", LB_VERSION,
                                  "checks", "watched_dir", library_is, "database", database_is,
                                  "watcher", outcome(scan_works(call->worker)), "workers", workers,
                                  "frontend", outcome(frontend), "file_count", (json_int_t)files));
}

int api_health_live(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:s}", "status", "alive"));
}

/* May this worker be given new work? */
int api_health_ready(struct api_call *call, struct err *err)
{
    (void)err;
    struct err why = {0};
    int64_t newest;
    const char *reason = NULL;
    if (worker_draining(call->worker))
        reason = "stopping";
    else if (check_jobs(call->reader, &newest, &why) < 0)
        reason = "database";
    if (!reason)
        return api_reply(call, 200, json_pack("{s:s}", "status", "ready"));
    return reply_health(call, false,
                        json_pack("{s:s, s:s}", "status", "not ready", "reason", reason));
}

/* ---- events ---- */

int api_events_stats(struct api_call *call, struct err *err)
{
    struct board *board = worker_board(call->worker);
    int64_t newest;
    if (check_jobs(call->reader, &newest, err) < 0)
        return -1;
    json_int_t clients = 0, sent = 0, slow = 0, dropped = 0, misses = 0;
    json_t *workers = json_array();
    for (uint32_t i = 0; i < board->n_slots; i++) {
        struct board_slot *s = &board->slots[i];
        json_int_t own = atomic_load(&s->subscribers);
        json_int_t last = atomic_load(&s->last_event_id);
        clients += own;
        sent += (json_int_t)atomic_load(&s->events_sent);
        slow += (json_int_t)atomic_load(&s->slow_clients);
        dropped += (json_int_t)atomic_load(&s->dropped_clients);
        misses += (json_int_t)atomic_load(&s->doorbell_misses);
        json_t *o =
            json_pack("{s:I, s:I, s:I, s:I}", "slot", (json_int_t)i, "clients", own, "last_id",
                      last, "lag", newest > last ? (json_int_t)newest - last : (json_int_t)0);
        must(o && json_array_append_new(workers, o) == 0);
    }
    return api_reply(call, 200,
                     json_pack("{s:I, s:I, s:o, s:I, s:I, s:I}", "active_clients", clients,
                               "total_events_broadcast", sent, "workers", workers, "slow_clients",
                               slow, "dropped_clients", dropped, "doorbell_misses", misses));
}
