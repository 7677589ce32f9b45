#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "clock.h"
#include "fault.h"
#include "held.h"
#include "lock.h"
#include "log.h"
#include "notes.h"
#include "runner.h"
#include "store_tail.h"
#include "worker.h"
#include "writer_parts.h"

/* Without a bell or a request the writer looks at the stores so often; nothing depends on it. */
#define LOOK_MS 1000
#define SWEEP_MS                                                                                   \
    5000 /* for rows of deleted jobs; what is old is looked for every sweep_interval_s */
/* While there is something to sweep: a thousand rows at a time, with room for others in between. */
#define SWEEP_PAUSE_MS 20
/* A stop does not wait longer for a store that cannot be written. */
#define STOP_TRIES_MS 5000
#define START_BEAT_MS 250

void item_done_clear(struct item_done *d)
{
    item_clear(&d->item);
    op_result_clear(&d->result);
    free(d->details);
    *d = (struct item_done){0};
}

struct board_slot *writer_slot(const struct writer *w)
{
    return &worker_board(w->worker)->slots[worker_slot(w->worker)];
}

/* ---- what other threads call ---- */

int writer_call(struct writer *w, const struct writer_call *call, struct err *err)
{
    struct pending_call p = {.call = call};
    cond_init(&p.ended);
    {
        LOCK_SCOPE(&w->lock);
        if (w->stopping) {
            (void)pthread_cond_destroy(&p.ended);
            return err_set(err, ERR_STOPPING, "the server is stopping");
        }
        *w->calls_end = &p;
        w->calls_end = &p.next;
        pthread_cond_signal(&w->wake);
        while (!p.over)
            (void)lock_wait(&w->lock, &p.ended, 1000);
    }
    (void)pthread_cond_destroy(&p.ended);
    if (p.rc < 0)
        *err = p.err;
    return p.rc;
}

void writer_finish(struct writer *w, struct item_done *done)
{
    LOCK_SCOPE(&w->lock);
    item_done_list_add(&w->done, done);
    pthread_cond_signal(&w->wake);
}

void writer_return(struct writer *w, struct item *item, bool counted)
{
    LOCK_SCOPE(&w->lock);
    item_return_list_add(&w->returns, item, counted);
    pthread_cond_signal(&w->wake);
}

void writer_wake(struct writer *w)
{
    LOCK_SCOPE(&w->lock);
    w->look = true;
    pthread_cond_signal(&w->wake);
}

void writer_ask(struct writer *w)
{
    LOCK_SCOPE(&w->lock);
    w->asked = true;
    pthread_cond_signal(&w->wake);
}

void writer_stop_claiming(struct writer *w)
{
    LOCK_SCOPE(&w->lock);
    w->claiming = false;
}

/* ---- one round ---- */

static bool anything(const struct writer *w)
{
    must(lock_held(&w->lock));
    return w->calls || w->done.n || w->returns.n || w->look || w->asked || w->stopping;
}

/* Does every call that waits for an item in the pool have its result here? Then there is no company to wait for. */
static bool all_driven_are_done(const struct writer *w)
{
    return w->done.n_driven > 0 && w->done.n_driven >= drives_running(worker_drives(w->worker));
}

/* Waits for something to do, then a little for company, and takes all there is. */
static void gather(struct writer *w, struct round *r)
{
    int64_t gather_ms = worker_config(w->worker)->commit_gather_ms;
    LOCK_SCOPE(&w->lock);
    while (!anything(w)) {
        int64_t now = clock_mono_ms();
        int64_t until = w->next_look_ms < w->next_renew_ms ? w->next_look_ms : w->next_renew_ms;
        if (w->next_sweep_ms < until)
            until = w->next_sweep_ms;
        if (until <= now)
            break;
        (void)lock_wait(&w->lock, &w->wake, until - now);
    }
    /* Results come one by one from the pool: let a few gather, unless somebody waits for an answer. */
    while (!w->calls && !w->stopping && w->done.n && !all_driven_are_done(w)) {
        int64_t left = w->last_commit_ms + gather_ms - clock_mono_ms();
        if (left <= 0)
            break;
        (void)lock_wait(&w->lock, &w->wake, left);
    }
    *r = (struct round){.calls = w->calls,
                        .done = w->done,
                        .returns = w->returns,
                        .look = w->look,
                        .claiming = w->claiming,
                        .stopping = w->stopping};
    w->calls = NULL;
    w->calls_end = &w->calls;
    w->done = (struct item_done_list){0};
    w->returns = (struct item_return_list){0};
    w->look = w->asked = false;
}

/* Something for the pool: of the jobs that it drives itself, or that calls wait for. */
static int has_work(struct writer *w, struct db *jobs, int max_files, struct err *err)
{
    int rc = store_has_work(jobs, max_files, err);
    if (rc != 0)
        return rc;
    struct claim_demand demands[STORE_DEMANDS_MAX];
    int n = drives_demands(worker_drives(w->worker), demands);
    return store_has_demanded(jobs, demands, n, err);
}

/* Cheap reads that say what this round has to do besides what was handed in. */
static void look(struct writer *w, struct round *r)
{
    struct db *jobs = store_db(w->store, GATE_JOBS);
    struct board *board = worker_board(w->worker);
    const struct config *c = worker_config(w->worker);
    int64_t now = clock_mono_ms();
    struct err err = {0};
    int rc = 0;
    r->follow = w->follow.parent[0] || w->follow.failed;
    bool timed = now >= w->next_look_ms;
    /* While nothing can be committed, a renewal is what finds out that it can be again. */
    bool held = writer_slot(w)->held_database != HELD_NOT;
    r->renew = now >= w->next_renew_ms || (held && timed);
    if (timed)
        w->next_look_ms = now + LOOK_MS;
    if (r->look || timed) {
        struct job due;
        rc = store_follow_due(jobs, &due, 1, &err);
        r->follow |= rc == 1;
        if (rc >= 0)
            rc = store_needs_cancel(jobs, &err);
        r->cancel = rc == 1;
        char ids[64][UUID_SIZE];
        int n = rc < 0 ? -1 : store_cancelling(jobs, ids, 64, &err);
        if (n >= 0)
            runner_set_cancelling(worker_runner(w->worker), ids, n);
        if (n >= 0)
            n = store_paused_leases(jobs, worker_owner(w->worker), ids, 64, &err);
        if (n >= 0)
            runner_set_paused(worker_runner(w->worker), ids, n);
        rc = n < 0 ? -1 : rc;
    }
    if (rc >= 0 && (timed || board->n_deaths != w->deaths_seen)) {
        w->deaths_seen = board->n_deaths;
        rc = store_needs_recovery(jobs, board, &err);
        r->recover = rc == 1;
        rc = rc < 0 ? -1
                    : store_tail_due(jobs, board, worker_owner(w->worker), false, clock_wall_s(),
                                     &err);
        r->books = rc == 1;
    }
    if (rc >= 0 && now >= w->next_retention_ms) {
        rc = store_limits_now(jobs, board, c->job_keep_s, c->events_kept, &w->limits, &err);
        w->next_retention_ms = now + c->sweep_interval_s * 1000;
    }
    if (rc >= 0 && now >= w->next_sweep_ms) {
        rc = store_needs_sweep(jobs, board, &w->limits, &err);
        r->sweep = rc == 1;
        w->next_sweep_ms = now + (r->sweep ? SWEEP_PAUSE_MS : SWEEP_MS);
    }
    if (rc >= 0 && r->claiming && !r->stopping && !held) {
        r->want = runner_wanted(worker_runner(w->worker), &r->max_files);
        bool begins_anyway = r->done.n || r->calls || r->returns.n || r->recover;
        if (r->want > 0 && !begins_anyway) {
            rc = has_work(w, jobs, r->max_files, &err);
            r->want = rc == 1 ? r->want : 0;
            if (rc == 0 && r->max_files > 0) /* nothing is left that could be held */
                runner_release(worker_runner(w->worker));
        }
    }
    if (rc < 0)
        writer_warn(w, "look at the stores", &err);
    r->active = timed;
}

/* Before the round's own transaction, which then gives the items back. */
static void recover_work(struct writer *w, struct round *r)
{
    struct err err = {0};
    if (r->recover && !w->damaged)
        writer_end_orphans(w);
    if (!r->books || w->damaged)
        return;
    if (writer_recover_books(w, false, &err) < 0)
        writer_warn(w, "recover books", &err);
    r->recover = true;
}

static void end_calls(struct writer *w, struct round *r)
{
    for (struct pending_call *p = r->calls; p; p = p->next)
        if (p->rc >= 0 && p->call->committed)
            p->call->committed(p->call->arg);
    LOCK_SCOPE(&w->lock);
    for (struct pending_call *p = r->calls, *next; p; p = next) {
        next = p->next; /* p is on the stack of its thread, which goes on as soon as it is over */
        p->over = true;
        pthread_cond_signal(&p->ended);
    }
}

/* What store_open did about a damaged file. Someone must know, and may want to look at what was kept. */
static void log_repairs(const struct store *store)
{
    for (int f = 0; f < GATE_COUNT; f++) {
        const struct store_repair *r = store_repaired(store, (enum gate_file)f);
        if (!r)
            continue;
        const char *note = f != GATE_JOBS ? "made anew"
                           : r->resumed   ? "what was saved is in place"
                                          : "what could be read is saved";
        log_error("database damaged", "file=%s kept_as=%s why=%s jobs=%lld items=%lld note=\"%s\"",
                  store_file_name((enum gate_file)f), LOG_QUOTE(r->kept_as), LOG_QUOTE(r->why),
                  (long long)r->jobs, (long long)r->items, note);
    }
}

/* An empty log is how the next start knows that this one ended in order (store_repair.h). The last worker succeeds. */
static void empty_logs(struct writer *w)
{
    for (int f = 0; f < GATE_COUNT; f++) {
        struct err err = {0};
        if (!store_is_damaged((enum gate_file)f) &&
            store_checkpoint(w->store, (enum gate_file)f, &err) < 0)
            log_warn("store failed",
                     "doing=\"last checkpoint\" error=%s note=\"the next start reads more\"",
                     LOG_QUOTE(err.msg));
    }
}

/* What processes that are dead left in the stores, before anything runs; and this worker's own row. */
static int take_up(struct writer *w, struct notes *notes, struct err *err)
{
    struct db *jobs = store_db(w->store, GATE_JOBS);
    writer_end_orphans(w);
    if (writer_recover_books(w, true, err) < 0 || store_begin(w->store, GATE_JOBS, false, err) < 0)
        return -1;
    if (store_recover(jobs, worker_board(w->worker), (int)worker_config(w->worker)->max_attempts,
                      clock_wall_s(), notes_resumed, notes, err) < 0 ||
        writer_renew(w, err) < 0) {
        store_rollback(w->store, GATE_JOBS);
        return -1;
    }
    if (store_commit(w->store, GATE_JOBS, err) < 0)
        return -1;
    writer_copy_active(w);
    return 0;
}

/* Opens the stores and says to writer_start how that went. */
static int begin(struct writer *w)
{
    struct err err = {0};
    struct notes notes = {0};
    int rc =
        store_open(worker_config(w->worker)->state_dir, worker_board(w->worker), &w->store, &err);
    if (rc >= 0) {
        log_repairs(w->store);
        rc = take_up(w, &notes, &err);
    }
    w->next_renew_ms = clock_mono_ms() + worker_config(w->worker)->lease_renew_ms;
    notes_log(&notes);
    LOCK_SCOPE(&w->lock);
    w->started = true;
    w->start_rc = rc;
    *w->start_err = err;
    pthread_cond_signal(&w->ready);
    return rc;
}

/* One round. true: the writer shall stop, and this round knew it; `*ret_empty`: nothing is left to do. */
static bool go_round(struct writer *w, bool *ret_empty)
{
    struct round r;
    gather(w, &r);
    look(w, &r);
    fault_hit("round_gathered");
    writer_commit_library(w, &r);
    fault_hit("round_library");
    recover_work(w, &r);
    writer_commit_jobs(w, &r);
    fault_hit("round_jobs");
    writer_commit_preferences(w, &r);
    if (r.active)
        writer_copy_active(w);
    fault_hit("round_answer");
    end_calls(w, &r);
    fault_hit("round_ring");
    if (r.ring)
        worker_ring_all(w->worker);
    notes_log(&r.notes);
    item_done_list_clear(&r.done);
    item_return_list_clear(&r.returns);
    drive_results_clear(&r.driven);
    LOCK_SCOPE(&w->lock);
    w->look |= r.follow_more;
    *ret_empty = !w->calls && !w->done.n && !w->returns.n;
    return r.stopping;
}

static void *thread_main(void *arg)
{
    struct writer *w = arg;
    (void)pthread_setname_np(pthread_self(), "lb-writer");
    int rc = begin(w);
    int64_t stop_ms = 0;
    for (bool go_on = rc >= 0; go_on;) {
        bool empty, stopping = go_round(w, &empty);
        if (stopping && !stop_ms)
            stop_ms = clock_mono_ms();
        go_on = !stopping || (!empty && clock_mono_ms() - stop_ms < STOP_TRIES_MS);
    }
    if (rc >= 0 && !w->damaged)
        empty_logs(w);
    store_close(w->store);
    return NULL;
}

int writer_start(struct worker *worker, struct writer **ret, struct err *err)
{
    struct writer *w = mem_new(sizeof(*w));
    w->worker = worker;
    w->claiming = true;
    w->master = getppid();
    writer_slot(w)->held_database = HELD_NOT; /* of the worker that was here before */
    writer_slot(w)->held_library = HELD_NOT;
    w->calls_end = &w->calls;
    w->start_err = err;
    lock_init(&w->lock, RANK_WRITER);
    cond_init(&w->wake);
    cond_init(&w->ready);
    must(pthread_create(&w->thread, NULL, thread_main, w) == 0);
    {
        LOCK_SCOPE(&w->lock);
        while (!w->started) { /* a large or damaged file takes time; this thread is not stuck */
            writer_slot(w)->beat_boot_ms = clock_boot_ms();
            (void)lock_wait(&w->lock, &w->ready, START_BEAT_MS);
        }
    }
    *ret = w;
    return w->start_rc;
}

void writer_stop(struct writer *w)
{
    {
        LOCK_SCOPE(&w->lock);
        w->stopping = true;
        pthread_cond_signal(&w->wake);
    }
    must(pthread_join(w->thread, NULL) == 0);
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    item_done_list_clear(&w->done);
    item_return_list_clear(&w->returns);
    lock_clear(&w->lock);
    free(w);
}
