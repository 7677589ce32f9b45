/* Removes what nobody needs any more, a little at a time, so that the gate is never held for long. */
#include <string.h>

#include "board.h"
#include "clock.h"
#include "fault.h"
#include "store_db.h"

/* Free pages that the file keeps for what comes next, and how many a step gives back (4 KiB each). */
#define FREE_PAGES_KEPT 1024
#define FREE_PAGES_STEP "256"

/*
 * Retention. The wall clock may be wrong by a year, at the start or from one minute to the next, so it alone never
 * makes a job old. What ended since the master's start is old when the boot clock has counted the time: marks say which
 * event was the newest then, and an older last event means an earlier end. What ended before the start has only wall
 * times; there time begins at the newest event that was known at the start and goes on with the boot clock, and never
 * passes the wall clock. So a jump, or a long time switched off, only keeps jobs for longer. (The times of a year that
 * never was would be believed by a start that finds them, if the clock is still wrong.)
 */
static void set_mark(struct board_age *age, int64_t boot_ms, int64_t keep_ms, int64_t newest)
{
    int n = age->n_marks;
    if (n > 0 && boot_ms - age->marks[n - 1].boot_ms < keep_ms / (BOARD_AGE_MARKS - 4))
        return;
    if (n == BOARD_AGE_MARKS) {
        memmove(&age->marks[0], &age->marks[1], sizeof(age->marks[0]) * (size_t)(n - 1));
        n--;
    }
    age->marks[n].boot_ms = boot_ms;
    age->marks[n].event_id = newest;
    age->n_marks = n + 1;
}

static int last_event_at(struct db *db, double *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    *ret = 0;
    if (query_start(&q, db, SQL_EVENT_LAST_AT, err) < 0)
        return -1;
    int rc = query_step(&q, err);
    if (rc == 1)
        *ret = query_col_real(&q, 0);
    return rc < 0 ? -1 : 0;
}

int store_limits_now(struct db *db, struct board *board, int64_t keep_s, int64_t events_kept,
                     struct store_limits *ret, struct err *err)
{
    int64_t oldest, newest, boot_ms = clock_boot_ms();
    double at;
    if (store_event_range(db, &oldest, &newest, err) < 0 || last_event_at(db, &at, err) < 0)
        return -1;
    struct board_age *age = &board->age;
    gate_mutex_take(&age->lock);
    if (age->start_boot_ms == 0) {
        age->start_boot_ms = boot_ms;
        age->start_id = newest;
        age->start_at = at;
    }
    set_mark(age, boot_ms, keep_s * 1000, newest);
    double now = age->start_at + (double)(boot_ms - age->start_boot_ms) / 1000;
    double wall = clock_wall_s();
    *ret = (struct store_limits){.ended_before = (wall < now ? wall : now) - (double)keep_s,
                                 .start_id = age->start_id,
                                 .events_kept = events_kept};
    for (int i = 0; i < age->n_marks; i++)
        if (boot_ms - age->marks[i].boot_ms >= keep_s * 1000)
            ret->old_id = age->marks[i].event_id;
    gate_mutex_drop(&age->lock);
    return 0;
}

/* One id that a statement finds. 1 = found, 0 = none. */
static int first_id(struct db *db, enum sql_id id, const struct store_limits *l,
                    char ret[UUID_SIZE], struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    if (id == SQL_JOB_EXPIRED) {
        query_real(&q, ":ended_before", l->ended_before);
        query_int(&q, ":start_id", l->start_id);
    } else if (id == SQL_JOB_EXPIRED_SEEN) {
        query_int(&q, ":old_id", l->old_id);
    }
    int rc = query_step(&q, err);
    if (rc == 1)
        query_col_copy(&q, 0, ret, UUID_SIZE);
    return rc;
}

/* Runs a statement on one job; returns how many rows it changed. */
static int64_t on_job(struct db *db, enum sql_id id, const char *job_id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    if (id == SQL_JOB_DROP_STAGING)
        query_real(&q, ":now", clock_wall_s());
    return query_changes(&q, err);
}

/* The first staging whose process is dead. 1 = found. */
static int dead_staging(struct db *db, const struct board *board, char ret[UUID_SIZE],
                        struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_STAGINGS, err) < 0)
        return -1;
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        if (board_owner_alive(board, query_col_text(&q, 1)))
            continue;
        query_col_copy(&q, 0, ret, UUID_SIZE);
        return 1;
    }
    return rc;
}

static int delete_some(struct db *db, const char *job_id, struct err *err)
{
    fault_hit("sweep_delete");
    int64_t n = on_job(db, SQL_JOB_DELETE_ITEMS, job_id, err);
    if (n == 0)
        n = on_job(db, SQL_JOB_DELETE, job_id, err);
    return n < 0 ? -1 : 1;
}

/* An ended job that is old. 1 = found, 0 = none. */
static int expired_job(struct db *db, const struct store_limits *l, char ret[UUID_SIZE],
                       struct err *err)
{
    int rc = first_id(db, SQL_JOB_EXPIRED_SEEN, l, ret, err);
    return rc != 0 ? rc : first_id(db, SQL_JOB_EXPIRED, l, ret, err);
}

/* Is there more free space in the file than it needs? A file made without auto_vacuum keeps all. */
static int has_free_pages(struct db *db, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_FREE_PAGES, err) < 0)
        return -1;
    int rc = query_step(&q, err);
    return rc <= 0 ? rc : query_col_int(&q, 0) > FREE_PAGES_KEPT;
}

/* Events with an id up to this one may go. */
static int prune_limit(struct db *db, const struct store_limits *l, int64_t *ret, bool *ret_any,
                       struct err *err)
{
    int64_t oldest, newest;
    if (store_event_range(db, &oldest, &newest, err) < 0)
        return -1;
    *ret = newest - l->events_kept > l->old_id ? newest - l->events_kept : l->old_id;
    *ret_any = oldest > 0 && oldest <= *ret;
    return 0;
}

int store_sweep(struct db *db, const struct board *board, const struct store_limits *l,
                struct err *err)
{
    char job_id[UUID_SIZE];
    int rc = first_id(db, SQL_JOB_SWEEP_NEXT, l, job_id, err);
    if (rc != 0)
        return rc < 0 ? -1 : delete_some(db, job_id, err);
    rc = dead_staging(db, board, job_id, err);
    if (rc != 0)
        return rc < 0 || on_job(db, SQL_JOB_DROP_STAGING, job_id, err) < 0 ? -1 : 1;
    rc = expired_job(db, l, job_id, err);
    if (rc != 0)
        return rc < 0 || on_job(db, SQL_JOB_HIDE, job_id, err) < 0 ? -1 : 1;
    int64_t upto;
    bool any;
    if (prune_limit(db, l, &upto, &any, err) < 0)
        return -1;
    if (!any) {
        rc = has_free_pages(db, err);
        if (rc == 1 && db_exec(db, "PRAGMA incremental_vacuum(" FREE_PAGES_STEP ")", err) < 0)
            rc = -1;
        return rc;
    }
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_EVENT_PRUNE, err) < 0)
        return -1;
    query_int(&q, ":upto", upto);
    return query_run(&q, err) < 0 ? -1 : 1;
}

int store_needs_sweep(struct db *db, const struct board *board, const struct store_limits *l,
                      struct err *err)
{
    char job_id[UUID_SIZE];
    int rc = first_id(db, SQL_JOB_SWEEP_NEXT, l, job_id, err);
    if (rc == 0)
        rc = dead_staging(db, board, job_id, err);
    if (rc == 0)
        rc = expired_job(db, l, job_id, err);
    if (rc != 0)
        return rc;
    int64_t upto;
    bool any;
    if (prune_limit(db, l, &upto, &any, err) < 0)
        return -1;
    return any ? 1 : has_free_pages(db, err);
}

int store_needs_cancel(struct db *db, struct err *err)
{
    char job_id[UUID_SIZE];
    return first_id(db, SQL_JOB_CANCEL_NEXT, NULL, job_id, err);
}
