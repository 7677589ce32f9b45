/* GET /api/status: how the whole service is, for people who look after it. Of all workers, whichever answers. */
#include <sys/utsname.h>
#include <unistd.h>

#include "api.h"
#include "board.h"
#include "clock.h"
#include "figures.h"
#include "handlers.h"
#include "health.h"
#include "held.h"
#include "store.h"
#include "store_library.h"
#include "worker.h"

static const char *const states[] = {
    [SLOT_EMPTY] = "empty",       [SLOT_STARTING] = "starting",       [SLOT_READY] = "ready",
    [SLOT_DRAINING] = "draining", [SLOT_BACKING_OFF] = "backing_off",
};

/* What others write may be newer than `now_ms`. */
static json_t *seconds_or_null(int64_t since_boot_ms, int64_t now_ms)
{
    int64_t age_ms = now_ms > since_boot_ms ? now_ms - since_boot_ms : 0;
    return since_boot_ms > 0 ? json_real((double)age_ms / 1000) : json_null();
}

static json_t *uptime(pid_t pid, int64_t now_ms)
{
    return seconds_or_null(board_process_boot_ms(pid), now_ms);
}

static json_t *checks(const struct health *h)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "watched_dir", h->library, "database",
                     h->database, "watcher", h->watcher, "workers", h->workers, "frontend",
                     h->frontend);
}

/* ---- processes ---- */

static int64_t items_of(const struct job_figures *f, pid_t pid)
{
    for (int i = 0; i < f->n_owners; i++)
        if (f->owners[i].pid == pid && pid > 0)
            return f->owners[i].items;
    return 0;
}

static json_t *worker(uint32_t n, const struct board_slot *s, const struct job_figures *f,
                      int64_t newest_event, int64_t now_ms)
{
    int32_t state = s->state;
    pid_t pid = s->pid;
    uint32_t starts = s->starts;
    int64_t behind = newest_event - s->last_event_id;
    const char *name = state >= 0 && (size_t)state < ARRAY_LEN(states) ? states[state] : "empty";
    json_t *o = json_pack("{s:I, s:s, s:o, s:o, s:I, s:I}", "slot", (json_int_t)n, "state", name,
                          "pid", pid > 0 ? json_integer(pid) : json_null(), "uptime_s",
                          uptime(pid, now_ms), "restarts", (json_int_t)(starts ? starts - 1 : 0),
                          "crashes", (json_int_t)s->crashes);
    json_t *more = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "beat_age_s",
        seconds_or_null(s->beat_boot_ms, now_ms), "resident_bytes",
        (json_int_t)figures_resident_bytes(pid), "items_leased", (json_int_t)items_of(f, pid),
        "items_done", (json_int_t)s->items_done, "items_failed", (json_int_t)s->items_failed,
        "clients", (json_int_t)s->subscribers, "lag", (json_int_t)(behind > 0 ? behind : 0));
    must(o && more && json_object_update(o, more) == 0);
    json_decref(more);
    return o;
}

static json_t *workers(const struct board *b, const struct job_figures *f, int64_t newest_event,
                       int64_t now_ms)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < b->n_slots; i++)
        must(json_array_append_new(list, worker(i, &b->slots[i], f, newest_event, now_ms)) == 0);
    return list;
}

static json_t *frontend(const struct board *b, int64_t now_ms)
{
    pid_t pid = b->frontend_pid;
    return json_pack("{s:o, s:o, s:I}", "pid", pid > 0 ? json_integer(pid) : json_null(),
                     "uptime_s", uptime(pid, now_ms), "crashes", (json_int_t)b->frontend_crashes);
}

/* ---- files and disks ---- */

static json_t *stores(struct worker *w, int64_t now_ms)
{
    const struct board *b = worker_board(w);
    const char *state_dir = worker_config(w)->state_dir;
    json_t *list = json_array();
    for (int f = 0; f < GATE_COUNT; f++) {
        const char *name = store_file_name((enum gate_file)f);
        const struct gate *g = &b->gates[f];
        json_t *o = json_pack("{s:s, s:I, s:I, s:o, s:I, s:f, s:b}", "file", name, "bytes",
                              (json_int_t)figures_file_bytes(state_dir, name, ""), "log_bytes",
                              (json_int_t)figures_file_bytes(state_dir, name, "-wal"),
                              "checkpoint_age_s", seconds_or_null(g->checkpoint_boot_ms, now_ms),
                              "writes", (json_int_t)g->passes, "longest_wait_s",
                              (double)g->longest_wait_us / 1e6, "damaged", (int)b->file_damaged[f]);
        must(o && json_array_append_new(list, o) == 0);
    }
    return list;
}

static json_t *disk(const char *name, const char *folder)
{
    struct disk_figures d = figures_disk(folder);
    return json_pack("{s:s, s:o, s:I, s:I}", "name", name, "folder", json_text(folder),
                     "free_bytes", (json_int_t)d.free_bytes, "total_bytes",
                     (json_int_t)d.total_bytes);
}

static json_t *disks(const struct worker *w)
{
    return json_pack("[o, o]", disk("library", worker_library_root(w)),
                     disk("state", worker_config(w)->state_dir));
}

/* ---- what the databases say: null when they cannot be read ---- */

static json_t *jobs(const struct job_figures *f)
{
    json_t *by_status = json_object();
    for (int s = 0; s < JOB__COUNT; s++)
        must(json_object_set_new(by_status, job_status_name((enum job_status)s),
                                 json_integer(f->jobs[s])) == 0);
    return json_pack("{s:o, s:I, s:I, s:I}", "by_status", by_status, "paused",
                     (json_int_t)f->paused, "items_waiting",
                     (json_int_t)(f->unfinished_items - f->leased_items), "items_leased",
                     (json_int_t)f->leased_items);
}

static json_t *library(struct api_call *call, int64_t now_ms)
{
    struct library_totals t;
    struct err why = {0};
    const struct board *b = worker_board(call->worker);
    if (store_library_totals(store_reader_db(call->reader, GATE_LIBRARY), &t, &why) < 0)
        return json_null(); /* the health check says so */
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "files", (json_int_t)t.files, "processed",
                     (json_int_t)t.processed, "duplicates", (json_int_t)t.duplicates, "history",
                     (json_int_t)t.history, "scan_age_s", seconds_or_null(b->scan_boot_ms, now_ms));
}

static json_t *versions(void)
{
    struct utsname system;
    must(uname(&system) == 0);
    return json_pack("{s:s, s:s, s:o}", "longbox", LB_VERSION, "sqlite", store_engine_version(),
                     "kernel", json_text(system.release));
}

int api_status(struct api_call *call, struct err *err)
{
    (void)err; /* what fails is part of the answer */
    struct worker *w = call->worker;
    const struct board *b = worker_board(w);
    int64_t now_ms = clock_boot_ms(), newest = 0;
    struct health health;
    struct job_figures figures = {0};
    struct err why = {0};
    health_look(w, call->reader, &health);
    bool known = store_job_figures(store_reader_db(call->reader, GATE_JOBS), &figures, &why) == 0 &&
                 health_check_jobs(call->reader, &newest, &why) == 0;
    if (!known)
        figures = (struct job_figures){0};
    const char *held = held_reason(b);
    json_t *reply =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "status",
                  health.healthy ? "healthy" : "unhealthy", "checks", checks(&health), "held",
                  held ? json_string(held) : json_null(), "versions", versions(), "uptime_s",
                  uptime(getppid(), now_ms), "workers", workers(b, &figures, newest, now_ms),
                  "frontend", frontend(b, now_ms), "jobs", known ? jobs(&figures) : json_null(),
                  "library", library(call, now_ms), "stores", stores(w, now_ms), "disks", disks(w));
    must(reply);
    return api_reply(call, 200, reply);
}
