/* The transactions of a round, and what becomes of it when one of them cannot be made. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "clock.h"
#include "drive.h"
#include "fault.h"
#include "held.h"
#include "log.h"
#include "runner.h"
#include "worker.h"
#include "writer_parts.h"

/* The same failure is told again after so long. */
#define WARN_AGAIN_MS 30000

void writer_warn(struct writer *w, const char *what, const struct err *err)
{
    int64_t now = clock_mono_ms();
    if (err->code == w->warned && now < w->next_warn_ms)
        return;
    w->warned = err->code;
    w->next_warn_ms = now + WARN_AGAIN_MS;
    log_warn("store failed", "doing=\"%s\" error=%s code=%s retry_ms=%d", what, LOG_QUOTE(err->msg),
             err_name(err->code), WRITER_RETRY_MS);
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

/* A disk that fails or is read-only is for the client what a locked database is: try again later. */
static void soften(struct err *err)
{
    if (err->code != ERR_IO)
        return;
    err->code = ERR_BUSY;
    (void)err_wrap(err, "nothing can be written for now");
}

static void fail_calls(struct round *r, enum gate_file file, const struct err *err)
{
    for (struct pending_call *p = r->calls; p; p = p->next) {
        if (p->call->file != file)
            continue;
        if (p->rc >= 0)
            p->err = *err;
        p->rc = -1;
        soften(&p->err);
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
        if (p->rc < 0 && held_from(&p->err) != HELD_NOT) {
            *err = p->err; /* SQLite has ended the transaction, or cannot go on with it */
            return -1;
        }
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

void writer_commit_preferences(struct writer *w, struct round *r)
{
    commit_calls(w, r, GATE_PREFERENCES);
}

void writer_copy_active(struct writer *w)
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
        writer_warn(w, "copy the active job", &err);
}

int writer_renew(struct writer *w, struct err *err)
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
    if (r->renew && writer_renew(w, err) < 0)
        return -1;
    if (r->recover && store_recover(jobs, worker_board(w->worker), (int)c->max_attempts, now,
                                    notes_resumed, &r->notes, err) < 0)
        return -1;
    if (batch_finish(jobs, owner, &r->done, &w->pace, &r->notes, &r->driven, err) < 0 ||
        batch_return(jobs, owner, &r->returns, &r->driven, err) < 0)
        return -1;
    if (r->cancel) {
        struct job job;
        bool ended;
        if (store_job_cancel_more(jobs, now, &job, &ended, err) < 0)
            return -1;
        if (ended)
            notes_ended(&r->notes, &job);
    }
    if (r->follow) {
        int rc = follow_step(w->worker, jobs, &w->follow, &r->follow_next, &r->notes, err);
        if (rc < 0)
            return -1;
        r->follow_more = rc == 1;
    }
    if (r->sweep && store_sweep(jobs, worker_board(w->worker), &w->limits, err) < 0)
        return -1;
    if (run_calls(w, r, GATE_JOBS, err) < 0)
        return -1;
    if (r->want > 0) {
        int max = r->want < STORE_LEASES_PER_CLAIM ? r->want : STORE_LEASES_PER_CLAIM;
        struct claim_demand demands[STORE_DEMANDS_MAX];
        struct claimer who = {.owner = owner,
                              .made_by = worker_name(w->worker),
                              .max_attempts = (int)c->max_attempts,
                              .max_files = r->max_files,
                              .demands = demands,
                              .n_demands = drives_take(worker_drives(w->worker), demands)};
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

/* Whatever of the follow-up stands, its making begins anew. */
static void follow_failed(struct writer *w, struct round *r)
{
    if (r->follow_next.made.job_id[0])
        w->follow = r->follow_next;
    w->follow.failed = w->follow.made.job_id[0] != '\0';
    r->follow_more = false;
}

/* The claims are committed: for the calls that wait, then to the pool. */
static void hand_out(struct writer *w, struct item *claimed, int n)
{
    struct drives *drives = worker_drives(w->worker);
    for (int i = 0; i < n; i++)
        if (claimed[i].driven)
            drives_claimed(drives, &claimed[i]);
    drives_release(drives);
    if (n > 0 && !runner_add(worker_runner(w->worker), claimed, n))
        unclaim(w, claimed, n);
}

/* Shows on the scoreboard whether results can be committed. */
static void set_held(struct writer *w, enum board_held held)
{
    enum board_held before =
        (enum board_held)atomic_exchange(&writer_slot(w)->held_database, (int32_t)held);
    if (held && before != held)
        log_error("jobs held",
                  "reason=\"database: %s\" note=\"results wait; tried again every %d ms\"",
                  held_name(held), WRITER_RETRY_MS);
    else if (!held && before)
        log_info("jobs go on", "note=\"the database can be written again\"");
}

/*
 * A statement of this process, or of another one, found damage. Nothing can be trusted to jobs.db any more: the service
 * stops, in order, and its next start saves what can be read. The other two can be done without until then.
 */
static void look_for_damage(struct writer *w)
{
    struct board *board = worker_board(w->worker);
    for (int f = 0; f < GATE_COUNT; f++) {
        bool is_new =
            store_is_damaged((enum gate_file)f) && atomic_exchange(&board->file_damaged[f], 1) == 0;
        if (is_new)
            log_error("database damaged", "file=%s note=\"%s\"", store_file_name((enum gate_file)f),
                      f == GATE_JOBS ? "stopping; the next start saves what can be read"
                                     : "going on without it; the next start makes it anew");
    }
    w->damaged = board->file_damaged[GATE_JOBS] != 0;
    /* Only the first asks: a second signal would be a quick stop. */
    if (w->damaged && getppid() == w->master && atomic_exchange(&board->stop_asked, 1) == 0)
        (void)kill(w->master, SIGTERM); /* a master that is gone stops us by itself */
}

/* Nothing is written any more: answers the calls and keeps the rest until the stop. */
static void keep_back(struct writer *w, struct round *r)
{
    struct err err = {0};
    (void)err_set(&err, ERR_STOPPING, "jobs.db is damaged; the service stops");
    fail_calls(r, GATE_JOBS, &err);
    LOCK_SCOPE(&w->lock);
    item_done_list_prepend(&w->done, &r->done);
    item_return_list_prepend(&w->returns, &r->returns);
    (void)lock_wait(&w->lock, &w->wake, WRITER_RETRY_MS);
}

void writer_commit_jobs(struct writer *w, struct round *r)
{
    bool needed = r->renew || r->recover || r->follow || r->done.n || r->returns.n || r->cancel ||
                  r->sweep || r->want > 0 || has_call(r, GATE_JOBS);
    look_for_damage(w);
    if (w->damaged)
        keep_back(w, r);
    if (!needed || w->damaged)
        return;
    /* A transaction that happens to change nothing would say that all is well. */
    r->renew |= writer_slot(w)->held_database != HELD_NOT;
    struct item claimed[STORE_LEASES_PER_CLAIM];
    int n = 0;
    struct err err = {0};
    int64_t began_us = clock_mono_us();
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
        drives_release(worker_drives(w->worker));
        drive_results_clear(&r->driven);
        follow_failed(w, r);
        notes_clear(&r->notes);
        set_held(w, held_from(&err));
        writer_warn(w, "commit", &err);
        r->ring = false;
        LOCK_SCOPE(&w->lock);
        item_done_list_prepend(&w->done, &r->done);
        item_return_list_prepend(&w->returns, &r->returns);
        (void)lock_wait(&w->lock, &w->wake, WRITER_RETRY_MS);
        return;
    }
    if (!r->held)
        set_held(w, HELD_NOT);
    if (r->follow)
        w->follow = r->follow_next;
    struct board_slot *slot = writer_slot(w);
    slot->commits++;
    slot->commit_us += (uint64_t)(clock_mono_us() - began_us);
    slot->items_done += (uint64_t)r->done.n;
    for (size_t i = 0; i < r->done.n; i++)
        slot->items_failed += r->done.list[i].outcome == ITEM_ERROR;
    if (r->renew)
        w->next_renew_ms = clock_mono_ms() + worker_config(w->worker)->lease_renew_ms;
    drives_tell(worker_drives(w->worker), &r->driven);
    hand_out(w, claimed, n);
    r->ring |= r->notes.n > 0 || r->done.n > 0 || r->returns.n > 0 || r->cancel;
    r->active |= r->notes.n > 0;
}

/* Marks, renames and history go first: jobs.db says "done" only when they are there. */
void writer_commit_library(struct writer *w, struct round *r)
{
    commit_calls(w, r, GATE_LIBRARY);
    size_t n = batch_touches_library(&r->done);
    if (n == 0)
        return;
    struct err err = {0};
    if (store_is_damaged(GATE_LIBRARY)) {
        log_error("history lost", "items=%zu first=%s note=\"library.db is damaged\"", n,
                  LOG_QUOTE(r->done.list[0].item.path));
        return;
    }
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
    if (store_is_damaged(GATE_LIBRARY)) {
        log_error("history lost", "items=%zu first=%s error=%s", n,
                  LOG_QUOTE(r->done.list[0].item.path), LOG_QUOTE(err.msg));
        return;
    }
    r->held = held_from(&err) != HELD_NOT;
    set_held(w, held_from(&err));
    writer_warn(w, "record what was done", &err);
    LOCK_SCOPE(&w->lock);
    item_done_list_prepend(&w->done, &r->done);
    (void)lock_wait(&w->lock, &w->wake, WRITER_RETRY_MS);
}
