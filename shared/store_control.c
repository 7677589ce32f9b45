/* What people may do with a job that is there: pause, resume, change, take its failed items again. */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "store_job.h"

#define NOT_DONE_CHUNK 1000

int store_job_figures(struct db *db, struct job_figures *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    struct query leased LB_CLEANUP(query_end) = {0};
    int rc;
    *ret = (struct job_figures){0};
    if (query_start(&q, db, SQL_JOB_FIGURES, err) < 0)
        return -1;
    while ((rc = query_step(&q, err)) == 1) {
        ret->jobs[job_status_parse(query_col_text(&q, 0))] = query_col_int(&q, 1);
        ret->paused += query_col_int(&q, 2);
        ret->unfinished_items += query_col_int(&q, 3);
    }
    if (rc < 0 || query_start(&leased, db, SQL_LEASED_BY_OWNER, err) < 0)
        return -1;
    while ((rc = query_step(&leased, err)) == 1) {
        ret->leased_items += query_col_int(&leased, 1);
        if (ret->n_owners == JOB_FIGURES_OWNERS)
            continue;
        ret->owners[ret->n_owners].pid = board_owner_pid(query_col_text(&leased, 0));
        ret->owners[ret->n_owners++].items = query_col_int(&leased, 1);
    }
    return rc;
}

static int may_change(const struct job *j, const struct job_change *c, struct err *err)
{
    bool only_title = !c->paused && !c->priority && !c->max_threads && !c->drive;
    if (job_status_is_final(j->status) && !only_title)
        return err_set(err, ERR_CONFLICT, "the job has ended (%s)", job_status_name(j->status));
    if (j->cancelling && (c->paused || c->drive))
        return err_set(err, ERR_CONFLICT, "the job is being cancelled");
    return 0;
}

/* The job as it shall be. Returns whether it differs. */
static bool merge(const struct job *j, const struct job_change *c, struct job *ret)
{
    *ret = *j;
    if (c->paused)
        ret->paused = *c->paused;
    if (c->priority)
        ret->priority = *c->priority;
    if (c->max_threads)
        ret->max_threads = *c->max_threads;
    if (c->drive)
        ret->drive = *c->drive;
    if (c->title) {
        size_t len = strlen(c->title);
        must(len <= JOB_TITLE_MAX);
        memcpy(ret->title, c->title, len + 1);
    }
    return ret->paused != j->paused || ret->priority != j->priority ||
           ret->max_threads != j->max_threads || ret->drive != j->drive ||
           strcmp(ret->title, j->title) != 0;
}

static int write_change(struct db *db, const struct job *to, double now, struct job *ret,
                        struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_CHANGE, err) < 0)
        return -1;
    query_text(&q, ":job_id", to->job_id);
    query_int(&q, ":paused", to->paused);
    query_int(&q, ":priority", to->priority);
    query_text(&q, ":title", to->title);
    query_text(&q, ":drive", job_drive_name(to->drive));
    if (to->max_threads)
        query_int(&q, ":max_threads", to->max_threads);
    else
        query_null(&q, ":max_threads");
    query_real(&q, ":now", now);
    int rc = query_step(&q, err);
    if (rc < 0)
        return -1;
    must(rc == 1); /* it was there a moment ago, and we are the only writer */
    job_from_row(&q, ret);
    return 0;
}

/* The active job's title follows, unless somebody gave it one of its own. */
static int retitle_active(struct db *db, const struct job *from, const struct job *to, double now,
                          struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_ACTIVE_RETITLE, err) < 0)
        return -1;
    query_text(&q, ":job_id", from->job_id);
    query_text(&q, ":before", from->title);
    query_text(&q, ":title", to->title);
    query_real(&q, ":now", now);
    return query_run(&q, err);
}

int store_job_change(struct db *db, const char *job_id, const struct job_change *c, double now,
                     struct job *ret, bool *ret_changed, struct err *err)
{
    *ret_changed = false;
    struct job from, to;
    int rc = store_job_get(db, job_id, &from, err);
    if (rc <= 0)
        return rc;
    if (may_change(&from, c, err) < 0)
        return -1;
    *ret = from;
    if (!merge(&from, c, &to))
        return 1;
    if (write_change(db, &to, now, ret, err) < 0 ||
        (c->title && retitle_active(db, &from, &to, now, err) < 0) ||
        store_event_job(db, ret, NULL, now, err) < 0)
        return -1;
    *ret_changed = true;
    return 1;
}

static int job_ids(struct query *q, char (*ret)[UUID_SIZE], struct err *err)
{
    int n = 0, rc;
    while ((rc = query_step(q, err)) == 1)
        query_col_copy(q, 0, ret[n++], UUID_SIZE);
    return rc < 0 ? -1 : n;
}

int store_jobs_pause(struct db *db, bool paused, int max, double now, struct err *err)
{
    must(max <= STORE_PAUSE_CHUNK);
    char ids[STORE_PAUSE_CHUNK][UUID_SIZE];
    int n;
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_JOB_PAUSABLE, err) < 0)
            return -1;
        query_int(&q, ":paused", paused);
        query_int(&q, ":max", max);
        n = job_ids(&q, ids, err);
    }
    struct job_change c = {.paused = &paused};
    for (int i = 0; i < n; i++) {
        struct job job;
        bool changed;
        if (store_job_change(db, ids[i], &c, now, &job, &changed, err) < 0)
            return -1;
        must(changed);
    }
    return n;
}

int store_paused_leases(struct db *db, const char *owner, char (*ret)[UUID_SIZE], int max,
                        struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_PAUSED_LEASES, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    query_int(&q, ":max", max);
    return job_ids(&q, ret, err);
}

int job_child(struct db *db, const char *parent, const char *kind, struct job *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_CHILD, err) < 0)
        return -1;
    query_text(&q, ":parent", parent);
    query_text(&q, ":kind", kind);
    int rc = query_step(&q, err);
    if (rc == 1)
        job_from_row(&q, ret);
    return rc;
}

int store_job_retry_of(struct db *db, const char *parent, struct job *ret, struct err *err)
{
    return job_child(db, parent, "retry", ret, err);
}

int store_job_options(struct db *db, const char *job_id, char **ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_OPTIONS, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    int rc = query_step(&q, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "Job not found");
    *ret = mem_strdup(query_col_text(&q, 0));
    return 0;
}

/* Returns how many items it saw; *after is the last of them. */
static int not_done_chunk(struct db *db, const char *job_id, int64_t *after,
                          int (*fn)(void *ctx, const char *path, struct err *err), void *ctx,
                          struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_NOT_DONE, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_int(&q, ":after", *after);
    query_int(&q, ":max", NOT_DONE_CHUNK);
    int n = 0, rc;
    for (; (rc = query_step(&q, err)) == 1; n++) {
        *after = query_col_int(&q, 0);
        if (fn(ctx, query_col_text(&q, 1), err) < 0)
            return -1;
    }
    return rc < 0 ? -1 : n;
}

int store_job_not_done(struct db *db, const char *job_id,
                       int (*fn)(void *ctx, const char *path, struct err *err), void *ctx,
                       struct err *err)
{
    int64_t after = 0;
    int n;
    do
        n = not_done_chunk(db, job_id, &after, fn, ctx, err);
    while (n == NOT_DONE_CHUNK);
    return n < 0 ? -1 : 0;
}
