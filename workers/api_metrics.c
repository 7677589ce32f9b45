/* GET /metrics: Prometheus' text format, version 0.0.4. Of all workers, whichever answers; counted since the start. */
#include <inttypes.h>

#include "api.h"
#include "board.h"
#include "clock.h"
#include "figures.h"
#include "handlers.h"
#include "held.h"
#include "store.h"
#include "store_library.h"
#include "worker.h"

static void head(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_addf(out, "# HELP longbox_%s %s\n# TYPE longbox_%s %s\n", name, help, name, type);
}

static void one(struct strbuf *out, const char *name, const char *type, const char *help, double v)
{
    head(out, name, type, help);
    strbuf_addf(out, "longbox_%s %.15g\n", name, v);
}

/* ---- jobs ---- */

static int jobs(struct strbuf *out, struct store_reader *r, struct err *err)
{
    struct job_figures f;
    if (store_job_figures(store_reader_db(r, GATE_JOBS), &f, err) < 0)
        return -1;
    head(out, "jobs", "gauge", "Jobs that are kept, by status.");
    for (int s = 0; s < JOB__COUNT; s++)
        strbuf_addf(out, "longbox_jobs{status=\"%s\"} %" PRId64 "\n",
                    job_status_name((enum job_status)s), f.jobs[s]);
    one(out, "jobs_paused", "gauge", "Unfinished jobs that are paused.", (double)f.paused);
    one(out, "items_waiting", "gauge", "Items of unfinished jobs that have not run.",
        (double)(f.unfinished_items - f.leased_items));
    one(out, "items_leased", "gauge", "Items that run, or are about to.", (double)f.leased_items);
    return 0;
}

/* ---- workers: a line for each slot ---- */

enum slot_figure {
    FIGURE_ITEMS,
    FIGURE_FAILED,
    FIGURE_COMMITS,
    FIGURE_COMMIT_S,
    FIGURE_SUBSCRIBERS,
    FIGURE_SENT,
    FIGURE_SLOW,
    FIGURE_DROPPED,
    FIGURE_MISSES,
    FIGURE_STARTS,
    FIGURE_CRASHES,
    FIGURE_READY,
    FIGURE_BEAT,
    FIGURE_RESIDENT,
    FIGURE__COUNT
};

static const struct {
    const char *name, *type, *help;
} slot_figures[FIGURE__COUNT] = {
    [FIGURE_ITEMS] = {"items_total", "counter", "Items that have run, however they ended."},
    [FIGURE_FAILED] = {"items_failed_total", "counter", "Items that ended with an error."},
    [FIGURE_COMMITS] = {"commits_total", "counter", "Commits to jobs.db."},
    [FIGURE_COMMIT_S] = {"commit_seconds_total", "counter",
                         "Time of these commits, with the wait for their turn."},
    [FIGURE_SUBSCRIBERS] = {"event_streams", "gauge", "Open event streams."},
    [FIGURE_SENT] = {"events_sent_total", "counter", "Events sent, counted once for each stream."},
    [FIGURE_SLOW] = {"event_streams_slow_total", "counter", "Streams that fell behind."},
    [FIGURE_DROPPED] = {"event_streams_dropped_total", "counter",
                        "Streams that were ended because they took nothing."},
    [FIGURE_MISSES] = {"doorbell_misses_total", "counter", "Events that no doorbell told of."},
    [FIGURE_STARTS] = {"worker_starts_total", "counter", "Processes started in the slot."},
    [FIGURE_CRASHES] = {"worker_crashes_total", "counter",
                        "Processes that ended without being told to."},
    [FIGURE_READY] = {"worker_ready", "gauge", "1 when the worker serves."},
    [FIGURE_BEAT] = {"worker_beat_age_seconds", "gauge", "Since its loop was last seen running."},
    [FIGURE_RESIDENT] = {"worker_resident_bytes", "gauge", "Memory of the process."},
};

static double slot_value(const struct board_slot *s, enum slot_figure figure)
{
    switch (figure) {
    case FIGURE_ITEMS:
        return (double)s->items_done;
    case FIGURE_FAILED:
        return (double)s->items_failed;
    case FIGURE_COMMITS:
        return (double)s->commits;
    case FIGURE_COMMIT_S:
        return (double)s->commit_us / 1e6;
    case FIGURE_SUBSCRIBERS:
        return s->subscribers;
    case FIGURE_SENT:
        return (double)s->events_sent;
    case FIGURE_SLOW:
        return (double)s->slow_clients;
    case FIGURE_DROPPED:
        return (double)s->dropped_clients;
    case FIGURE_MISSES:
        return (double)s->doorbell_misses;
    case FIGURE_STARTS:
        return s->starts;
    case FIGURE_CRASHES:
        return s->crashes;
    case FIGURE_READY:
        return s->state == SLOT_READY;
    case FIGURE_BEAT: {
        int64_t beat_ms = s->beat_boot_ms; /* before the clock: it moves on */
        return (double)(clock_boot_ms() - beat_ms) / 1000;
    }
    case FIGURE_RESIDENT:
        return (double)figures_resident_bytes(s->pid);
    case FIGURE__COUNT:
        break;
    }
    return 0;
}

static void workers(struct strbuf *out, const struct board *b)
{
    for (int f = 0; f < FIGURE__COUNT; f++) {
        head(out, slot_figures[f].name, slot_figures[f].type, slot_figures[f].help);
        for (uint32_t i = 0; i < b->n_slots; i++)
            strbuf_addf(out, "longbox_%s{slot=\"%u\"} %.15g\n", slot_figures[f].name, i,
                        slot_value(&b->slots[i], (enum slot_figure)f));
    }
    one(out, "workers_wanted", "gauge", "Worker processes that there should be.", b->n_slots);
    one(out, "frontend_up", "gauge", "1 when the front end runs.", b->frontend_pid > 0);
    one(out, "frontend_crashes_total", "counter", "Front ends that ended without being told to.",
        b->frontend_crashes);
    one(out, "held", "gauge", "1 while a disk or a database keeps jobs from going on.",
        held_reason(b) != NULL);
}

/* ---- HTTP ---- */

static void routes(struct strbuf *out, const struct board *b)
{
    head(out, "http_requests_total", "counter", "Answers by route and class of status.");
    for (size_t i = 0; i < BOARD_ROUTES && b->routes[i].name[0]; i++)
        for (int c = 0; c < 5; c++)
            if (b->routes[i].count[c])
                strbuf_addf(
                    out, "longbox_http_requests_total{route=\"%s\",status=\"%dxx\"} %" PRIu64 "\n",
                    b->routes[i].name, c + 1, (uint64_t)b->routes[i].count[c]);
    head(out, "http_seconds_total", "counter", "Time from request to answer, by route.");
    for (size_t i = 0; i < BOARD_ROUTES && b->routes[i].name[0]; i++)
        if (b->routes[i].micros)
            strbuf_addf(out, "longbox_http_seconds_total{route=\"%s\"} %.6f\n", b->routes[i].name,
                        (double)b->routes[i].micros / 1e6);
}

/* ---- files and disks ---- */

static void stores(struct strbuf *out, struct worker *w)
{
    const struct board *b = worker_board(w);
    const char *state_dir = worker_config(w)->state_dir;
    head(out, "store_bytes", "gauge", "Size of a database file, and of its log.");
    for (int f = 0; f < GATE_COUNT; f++) {
        const char *name = store_file_name((enum gate_file)f);
        strbuf_addf(out, "longbox_store_bytes{file=\"%s\"} %.15g\n", name,
                    (double)figures_file_bytes(state_dir, name, ""));
        strbuf_addf(out, "longbox_store_bytes{file=\"%s-wal\"} %.15g\n", name,
                    (double)figures_file_bytes(state_dir, name, "-wal"));
    }
    head(out, "store_writes_total", "counter", "Turns of writers at a database file.");
    for (int f = 0; f < GATE_COUNT; f++)
        strbuf_addf(out, "longbox_store_writes_total{file=\"%s\"} %" PRIu64 "\n",
                    store_file_name((enum gate_file)f), (uint64_t)b->gates[f].passes);
    head(out, "store_longest_wait_seconds", "gauge", "Longest wait for a turn.");
    for (int f = 0; f < GATE_COUNT; f++)
        strbuf_addf(out, "longbox_store_longest_wait_seconds{file=\"%s\"} %.6f\n",
                    store_file_name((enum gate_file)f), (double)b->gates[f].longest_wait_us / 1e6);
    head(out, "disk_free_bytes", "gauge", "Room that is left.");
    struct disk_figures state = figures_disk(state_dir);
    struct disk_figures library = figures_disk(worker_library_root(w));
    strbuf_addf(out, "longbox_disk_free_bytes{folder=\"state\"} %.15g\n", (double)state.free_bytes);
    strbuf_addf(out, "longbox_disk_free_bytes{folder=\"library\"} %.15g\n",
                (double)library.free_bytes);
}

static int library(struct strbuf *out, struct worker *w, struct store_reader *r, struct err *err)
{
    struct library_totals t;
    const struct board *b = worker_board(w);
    if (store_library_totals(store_reader_db(r, GATE_LIBRARY), &t, err) < 0)
        return -1;
    one(out, "library_files", "gauge", "Books in the library.", (double)t.files);
    one(out, "library_files_processed", "gauge", "Books that are marked as processed.",
        (double)t.processed);
    one(out, "library_files_duplicate", "gauge", "Books that are marked as duplicates.",
        (double)t.duplicates);
    one(out, "library_history_rows", "gauge", "Rows of the processing history.", (double)t.history);
    if (b->scan_boot_ms)
        one(out, "library_scan_age_seconds", "gauge", "Since the last complete scan began.",
            (double)(clock_boot_ms() - b->scan_boot_ms) / 1000);
    one(out, "library_scan_failed", "gauge", "1 when the last scan could not read the library.",
        (double)b->scan_failed);
    return 0;
}

int api_metrics(struct api_call *call, struct err *err)
{
    struct strbuf *out = &call->text;
    struct worker *w = call->worker;
    head(out, "build_info", "gauge", "The version, as a label.");
    strbuf_addf(out, "longbox_build_info{version=\"%s\"} 1\n", LB_VERSION);
    if (jobs(out, call->reader, err) < 0 || library(out, w, call->reader, err) < 0) {
        strbuf_reset(out);
        return -1;
    }
    workers(out, worker_board(w));
    routes(out, worker_board(w));
    stores(out, w);
    call->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return 0;
}
