/*
 * The active job. The truth is the table `active` of jobs.db, which changes in the same commit as the job; the table
 * active_job of preferences.db is a copy for people with a sqlite3 shell.
 */
#include <string.h>

#include "store_db.h"

/* The row of either table. */
static int read_active(struct db *db, enum sql_id id, struct active_job *ret, struct err *err)
{
    *ret = (struct active_job){0};
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    int rc = query_step(&q, err);
    if (rc == 1) {
        query_col_copy(&q, 0, ret->job_id, sizeof(ret->job_id));
        query_col_copy(&q, 1, ret->title, sizeof(ret->title));
    }
    return rc < 0 ? -1 : 0;
}

int store_active_get(struct db *jobs, struct active_job *ret, struct err *err)
{
    return read_active(jobs, SQL_ACTIVE_GET, ret, err);
}

static int write_active(struct db *db, enum sql_id id, const char *job_id, const char *title,
                        double now, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_text(&q, ":title", title);
    query_real(&q, ":now", now);
    return query_run(&q, err);
}

int store_active_set(struct db *jobs, const char *job_id, const char *title, double now,
                     struct err *err)
{
    struct job job;
    int rc = store_job_get(jobs, job_id, &job, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "Job not found");
    if (job_status_is_final(job.status))
        return 0; /* a late call must not revive it */
    return write_active(jobs, SQL_ACTIVE_SET, job_id, title, now, err) < 0 ? -1 : 1;
}

int store_active_clear(struct db *jobs, double now, struct err *err)
{
    return write_active(jobs, SQL_ACTIVE_SET, NULL, NULL, now, err);
}

/* 1 = they differ; *ret_truth is what jobs.db says. */
static int compare(struct db *jobs, struct db *preferences, struct active_job *ret_truth,
                   struct err *err)
{
    struct active_job copy;
    if (store_active_get(jobs, ret_truth, err) < 0 ||
        read_active(preferences, SQL_ACTIVE_COPY_GET, &copy, err) < 0)
        return -1;
    return strcmp(ret_truth->job_id, copy.job_id) != 0 || strcmp(ret_truth->title, copy.title) != 0;
}

int store_active_differs(struct db *jobs, struct db *preferences, struct err *err)
{
    struct active_job truth;
    return compare(jobs, preferences, &truth, err);
}

int store_active_copy(struct db *jobs, struct db *preferences, double now, struct err *err)
{
    must(
        preferences
            ->in_write); /* the truth is read behind the gate: the last to write knows the newest */
    struct active_job truth;
    int rc = compare(jobs, preferences, &truth, err);
    if (rc <= 0)
        return rc;
    bool none = truth.job_id[0] == '\0';
    return write_active(preferences, SQL_ACTIVE_COPY_SET, none ? NULL : truth.job_id,
                        none ? NULL : truth.title, now, err) < 0
               ? -1
               : 1;
}
