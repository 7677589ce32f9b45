/* Removes what nobody needs any more, a little at a time, so that the gate is never held for long. */
#include <string.h>

#include "board.h"
#include "clock.h"
#include "store_db.h"

/* One id that a statement finds. 1 = found, 0 = none. */
static int first_id(struct db *db, enum sql_id id, double keep_after, char ret[UUID_SIZE],
                    struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    if (id == SQL_JOB_EXPIRED)
        query_real(&q, ":keep_after", keep_after);
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
    int64_t n = on_job(db, SQL_JOB_DELETE_ITEMS, job_id, err);
    if (n == 0)
        n = on_job(db, SQL_JOB_DELETE, job_id, err);
    return n < 0 ? -1 : 1;
}

/* Events with an id up to this one may go. */
static int prune_limit(struct db *db, int64_t events_kept, int64_t *ret, bool *ret_any,
                       struct err *err)
{
    int64_t oldest, newest;
    if (store_event_range(db, &oldest, &newest, err) < 0)
        return -1;
    *ret = newest - events_kept;
    *ret_any = oldest > 0 && oldest <= *ret;
    return 0;
}

int store_sweep(struct db *db, const struct board *board, double keep_after, int64_t events_kept,
                struct err *err)
{
    char job_id[UUID_SIZE];
    int rc = first_id(db, SQL_JOB_SWEEP_NEXT, 0, job_id, err);
    if (rc != 0)
        return rc < 0 ? -1 : delete_some(db, job_id, err);
    rc = dead_staging(db, board, job_id, err);
    if (rc != 0)
        return rc < 0 || on_job(db, SQL_JOB_DROP_STAGING, job_id, err) < 0 ? -1 : 1;
    rc = first_id(db, SQL_JOB_EXPIRED, keep_after, job_id, err);
    if (rc != 0)
        return rc < 0 || on_job(db, SQL_JOB_HIDE, job_id, err) < 0 ? -1 : 1;
    int64_t upto;
    bool any;
    if (prune_limit(db, events_kept, &upto, &any, err) < 0)
        return -1;
    if (!any)
        return 0;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_EVENT_PRUNE, err) < 0)
        return -1;
    query_int(&q, ":upto", upto);
    return query_run(&q, err) < 0 ? -1 : 1;
}

int store_needs_sweep(struct db *db, const struct board *board, double keep_after,
                      int64_t events_kept, struct err *err)
{
    char job_id[UUID_SIZE];
    int rc = first_id(db, SQL_JOB_SWEEP_NEXT, 0, job_id, err);
    if (rc == 0)
        rc = dead_staging(db, board, job_id, err);
    if (rc == 0)
        rc = first_id(db, SQL_JOB_EXPIRED, keep_after, job_id, err);
    if (rc != 0)
        return rc;
    int64_t upto;
    bool any;
    if (prune_limit(db, events_kept, &upto, &any, err) < 0)
        return -1;
    return any;
}

int store_needs_cancel(struct db *db, struct err *err)
{
    char job_id[UUID_SIZE];
    return first_id(db, SQL_JOB_CANCEL_NEXT, 0, job_id, err);
}
