#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "lock.h"
#include "log.h"
#include "notes.h"
#include "runner.h"
#include "worker.h"
#include "writer_batch.h"

/* What could not be committed is tried again after so long. */
#define RETRY_MS 500
/* Without a bell or a request the writer looks at the stores so often; nothing depends on it. */
#define LOOK_MS  1000
#define SWEEP_MS 5000
/* While there is something to sweep: a thousand rows at a time, with room for others in between. */
#define SWEEP_PAUSE_MS 20
/* A stop does not wait longer for a store that cannot be written. */
#define STOP_TRIES_MS 5000

struct pending_call {
    const struct writer_call *call;
    struct pending_call *next;
    int rc;
    struct err err;
    bool over;
    pthread_cond_t ended;
};

struct writer {
    struct worker *worker;
    pthread_t thread;

    struct lock lock; /* RANK_WRITER; guards the fields down to `started` */
    pthread_cond_t wake, ready;
    struct pending_call *calls, **calls_end;
    struct item_done_list done;
    struct item_return_list returns;
    bool look, claiming, stopping;
    bool started;
    int start_rc;
    struct err *start_err;

    /* the writer's thread only */
    struct store *store;
    int64_t last_commit_ms, next_renew_ms, next_look_ms, next_sweep_ms;
    uint64_t deaths_seen;
    struct pace pace;
};

void item_done_clear(struct item_done *d)
{
    item_clear(&d->item);
    op_result_clear(&d->result);
    free(d->details);
    *d = (struct item_done){0};
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

void writer_stop_claiming(struct writer *w)
{
    LOCK_SCOPE(&w->lock);
    w->claiming = false;
}

/* ---- one round ---- */

struct round {
    struct pending_call *calls;
    struct item_done_list done;
    struct item_return_list returns;
    bool look, claiming, stopping;
    bool renew, cancel, recover, sweep;
    int want; /* items to claim */
    struct notes notes;
    bool ring, active;
};

static bool anything(const struct writer *w)
{
    must(lock_held(&w->lock));
    return w->calls || w->done.n || w->returns.n || w->look || w->stopping;
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
    while (!w->calls && !w->stopping && w->done.n) {
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
    w->look = false;
}

static void warn_failed(const char *what, const struct err *err)
{
    log_warn("store failed", "doing=\"%s\" error=%s code=%s retry_ms=%d", what, LOG_QUOTE(err->msg),
             err_name(err->code), RETRY_MS);
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
    bool timed = now >= w->next_look_ms;
    r->renew = now >= w->next_renew_ms;
    if (timed)
        w->next_look_ms = now + LOOK_MS;
    if (r->look || timed) {
        rc = store_needs_cancel(jobs, &err);
        r->cancel = rc == 1;
        char ids[64][UUID_SIZE];
        int n = rc < 0 ? -1 : store_cancelling(jobs, ids, 64, &err);
        if (n >= 0)
            runner_set_cancelling(worker_runner(w->worker), ids, n);
        rc = n < 0 ? -1 : rc;
    }
    if (rc >= 0 && (timed || board->n_deaths != w->deaths_seen)) {
        w->deaths_seen = board->n_deaths;
        rc = store_needs_recovery(jobs, board, &err);
        r->recover = rc == 1;
    }
    if (rc >= 0 && now >= w->next_sweep_ms) {
        rc = store_needs_sweep(jobs, board, clock_wall_s() - (double)c->job_keep_s, c->events_kept,
                               &err);
        r->sweep = rc == 1;
        w->next_sweep_ms = now + (r->sweep ? SWEEP_PAUSE_MS : SWEEP_MS);
    }
    if (rc >= 0 && r->claiming && !r->stopping) {
        r->want = runner_wanted(worker_runner(w->worker));
        bool begins_anyway = r->done.n || r->calls || r->returns.n || r->recover;
        if (r->want > 0 && !begins_anyway) {
            rc = store_has_work(jobs, &err);
            r->want = rc == 1 ? r->want : 0;
        }
    }
    if (rc < 0)
        warn_failed("look at the stores", &err);
    r->active = timed;
}

static bool has_call(const struct round *r, enum gate_file file)
{
    for (const struct pending_call *p = r->calls; p; p = p->next)
        if (p->call->file == file)
            return true;
    return false;
}

static bool has_durable_call(const struct round *r, enum gate_file file)
{
    for (const struct pending_call *p = r->calls; p; p = p->next)
        if (p->call->file == file && p->call->durable)
            return true;
    return false;
}

static void fail_calls(struct round *r, enum gate_file file, const struct err *err)
{
    for (struct pending_call *p = r->calls; p; p = p->next)
        if (p->call->file == file && p->rc >= 0) {
            p->rc = -1;
            p->err = *err;
        }
}

/* Each call in a savepoint of its own. -1: the transaction is broken. */
static int run_calls(struct writer *w, struct round *r, enum gate_file file, struct err *err)
{
    for (struct pending_call *p = r->calls; p; p = p->next) {
        if (p->call->file != file)
            continue;
        if (store_part_begin(w->store, file, err) < 0)
            return -1;
        p->rc = p->call->fn(store_db(w->store, file), p->call->arg, &p->err);
        if (store_part_end(w->store, file, p->rc >= 0, err) < 0)
            return -1;
        r->ring |= p->call->ring && p->rc >= 0;
        r->active |= p->call->active && p->rc >= 0;
    }
    return 0;
}

/* Calls on preferences.db or library.db, and the copy of the active job. */
static void commit_calls(struct writer *w, struct round *r, enum gate_file file)
{
    if (!has_call(r, file))
        return;
    struct err err = {0};
    if (store_begin(w->store, file, has_durable_call(r, file), &err) < 0) {
        fail_calls(r, file, &err);
        return;
    }
    if (run_calls(w, r, file, &err) < 0) {
        store_rollback(w->store, file);
        fail_calls(r, file, &err);
        return;
    }
    if (store_commit(w->store, file, &err) < 0)
        fail_calls(r, file, &err);
}

static void copy_active(struct writer *w)
{
    struct err err = {0};
    struct db *jobs = store_db(w->store, GATE_JOBS);
    struct db *preferences = store_db(w->store, GATE_PREFERENCES);
    int rc = store_active_differs(jobs, preferences, &err);
    if (rc == 1)
        rc = store_begin(w->store, GATE_PREFERENCES, false, &err);
    else if (rc == 0)
        return;
    if (rc >= 0) {
        rc = store_active_copy(jobs, preferences, clock_wall_s(), &err);
        if (rc < 0)
            store_rollback(w->store, GATE_PREFERENCES);
        else
            rc = store_commit(w->store, GATE_PREFERENCES, &err);
    }
    if (rc < 0) /* a copy only: every read asks jobs.db, and the next look tries again */
        warn_failed("copy the active job", &err);
}

static int renew(struct writer *w, struct err *err)
{
    const struct config *c = worker_config(w->worker);
    return store_owner_renew(store_db(w->store, GATE_JOBS), worker_owner(w->worker),
                             worker_slot(w->worker), clock_boot_ms() + c->lease_ms, clock_wall_s(),
                             err);
}

/* Everything of a round that goes into jobs.db, between begin and commit. */
static int write_jobs(struct writer *w, struct round *r, struct item *claimed, int *n_claimed,
                      struct err *err)
{
    struct db *jobs = store_db(w->store, GATE_JOBS);
    const struct config *c = worker_config(w->worker);
    const char *owner = worker_owner(w->worker);
    double now = clock_wall_s();
    if (r->renew && renew(w, err) < 0)
        return -1;
    if (r->recover && store_recover(jobs, worker_board(w->worker), (int)c->max_attempts, now,
                                    notes_resumed, &r->notes, err) < 0)
        return -1;
    if (batch_finish(jobs, owner, &r->done, &w->pace, &r->notes, err) < 0 ||
        batch_return(jobs, owner, &r->returns, err) < 0)
        return -1;
    if (r->cancel) {
        struct job job;
        bool ended;
        if (store_job_cancel_more(jobs, now, &job, &ended, err) < 0)
            return -1;
        if (ended)
            notes_ended(&r->notes, &job);
    }
    if (r->sweep && store_sweep(jobs, worker_board(w->worker), now - (double)c->job_keep_s,
                                c->events_kept, err) < 0)
        return -1;
    if (run_calls(w, r, GATE_JOBS, err) < 0)
        return -1;
    if (r->want > 0) {
        int max = r->want < STORE_LEASES_PER_CLAIM ? r->want : STORE_LEASES_PER_CLAIM;
        struct claimer who = {owner, worker_name(w->worker), (int)c->max_attempts};
        *n_claimed = store_claim(jobs, &who, max, now, claimed, notes_started, &r->notes, err);
        if (*n_claimed < 0)
            return -1;
    }
    return 0;
}

/* After a failed commit nobody knows whether the claims stand: they are put back, which changes nothing if not. */
static void unclaim(struct writer *w, struct item *claimed, int n)
{
    LOCK_SCOPE(&w->lock);
    for (int i = 0; i < n; i++)
        item_return_list_add(&w->returns, &claimed[i], false);
}

static void commit_jobs(struct writer *w, struct round *r)
{
    bool needed = r->renew || r->recover || r->done.n || r->returns.n || r->cancel || r->sweep ||
                  r->want > 0 || has_call(r, GATE_JOBS);
    if (!needed)
        return;
    struct item claimed[STORE_LEASES_PER_CLAIM];
    int n = 0;
    struct err err = {0};
    int rc = store_begin(w->store, GATE_JOBS, has_durable_call(r, GATE_JOBS), &err);
    if (rc >= 0) {
        rc = write_jobs(w, r, claimed, &n, &err);
        if (rc < 0)
            store_rollback(w->store, GATE_JOBS);
        else
            rc = store_commit(w->store, GATE_JOBS, &err);
    }
    w->last_commit_ms = clock_mono_ms();
    if (rc < 0) {
        fail_calls(r, GATE_JOBS, &err);
        unclaim(w, claimed, n > 0 ? n : 0);
        notes_clear(&r->notes);
        warn_failed("commit", &err);
        r->ring = false;
        LOCK_SCOPE(&w->lock);
        item_done_list_prepend(&w->done, &r->done);
        item_return_list_prepend(&w->returns, &r->returns);
        (void)lock_wait(&w->lock, &w->wake, RETRY_MS);
        return;
    }
    struct board_slot *slot = &worker_board(w->worker)->slots[worker_slot(w->worker)];
    slot->commits++;
    slot->items_done += (uint64_t)r->done.n;
    if (r->renew)
        w->next_renew_ms = clock_mono_ms() + worker_config(w->worker)->lease_renew_ms;
    if (n > 0 && !runner_add(worker_runner(w->worker), claimed, n))
        unclaim(w, claimed, n);
    r->ring |= r->notes.n > 0 || r->done.n > 0 || r->returns.n > 0 || r->cancel;
    r->active |= r->notes.n > 0;
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

/* Marks, renames and history go first: jobs.db says "done" only when they are there. */
static void commit_library(struct writer *w, struct round *r)
{
    commit_calls(w, r, GATE_LIBRARY);
    if (!batch_touches_library(&r->done))
        return;
    struct err err = {0};
    int rc = store_begin(w->store, GATE_LIBRARY, false, &err);
    if (rc >= 0) {
        rc = batch_library(store_db(w->store, GATE_LIBRARY), &r->done, &err);
        if (rc < 0)
            store_rollback(w->store, GATE_LIBRARY);
        else
            rc = store_commit(w->store, GATE_LIBRARY, &err);
    }
    if (rc >= 0)
        return;
    warn_failed("record what was done", &err);
    LOCK_SCOPE(&w->lock);
    item_done_list_prepend(&w->done, &r->done);
    (void)lock_wait(&w->lock, &w->wake, RETRY_MS);
}

static void *thread_main(void *arg)
{
    struct writer *w = arg;
    (void)pthread_setname_np(pthread_self(), "lb-writer");
    struct err err = {0};
    struct notes notes = {0};
    int rc =
        store_open(worker_config(w->worker)->state_dir, worker_board(w->worker), &w->store, &err);
    if (rc >= 0) {
        struct db *jobs = store_db(w->store, GATE_JOBS);
        rc = store_begin(w->store, GATE_JOBS, false, &err);
        if (rc >= 0) {
            rc = store_recover(jobs, worker_board(w->worker),
                               (int)worker_config(w->worker)->max_attempts, clock_wall_s(),
                               notes_resumed, &notes, &err);
            rc = rc < 0 ? -1 : renew(w, &err);
            if (rc < 0)
                store_rollback(w->store, GATE_JOBS);
            else
                rc = store_commit(w->store, GATE_JOBS, &err);
        }
        if (rc >= 0)
            copy_active(w);
    }
    w->next_renew_ms = clock_mono_ms() + worker_config(w->worker)->lease_renew_ms;
    notes_log(&notes);
    {
        LOCK_SCOPE(&w->lock);
        w->started = true;
        w->start_rc = rc;
        *w->start_err = err;
        pthread_cond_signal(&w->ready);
    }
    int64_t stop_ms = 0;
    for (bool go_on = rc >= 0; go_on;) {
        struct round r;
        gather(w, &r);
        look(w, &r);
        commit_library(w, &r);
        commit_jobs(w, &r);
        commit_calls(w, &r, GATE_PREFERENCES);
        if (r.active)
            copy_active(w);
        end_calls(w, &r);
        if (r.ring)
            worker_ring_all(w->worker);
        notes_log(&r.notes);
        item_done_list_clear(&r.done);
        item_return_list_clear(&r.returns);
        LOCK_SCOPE(&w->lock);
        bool empty = !w->calls && !w->done.n && !w->returns.n;
        if (r.stopping && !stop_ms)
            stop_ms = clock_mono_ms();
        go_on = !r.stopping || (!empty && clock_mono_ms() - stop_ms < STOP_TRIES_MS);
    }
    store_close(w->store);
    return NULL;
}

int writer_start(struct worker *worker, struct writer **ret, struct err *err)
{
    struct writer *w = mem_new(sizeof(*w));
    w->worker = worker;
    w->claiming = true;
    w->calls_end = &w->calls;
    w->start_err = err;
    lock_init(&w->lock, RANK_WRITER);
    cond_init(&w->wake);
    cond_init(&w->ready);
    must(pthread_create(&w->thread, NULL, thread_main, w) == 0);
    {
        LOCK_SCOPE(&w->lock);
        while (!w->started)
            (void)lock_wait(&w->lock, &w->ready, 1000);
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
