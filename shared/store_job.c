#include "store_job.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "fault.h"

void job_from_row(const struct query *q, struct job *ret)
{
    *ret = (struct job){0};
    query_col_copy(q, 0, ret->job_id, sizeof(ret->job_id));
    query_col_copy(q, 1, ret->operation, sizeof(ret->operation));
    query_col_copy(q, 2, ret->title, sizeof(ret->title));
    ret->status = job_status_parse(query_col_text(q, 3));
    must(ret->status != JOB__COUNT); /* the CHECK of the table knows the same words */
    ret->total = query_col_int(q, 4);
    ret->processed = query_col_int(q, 5);
    ret->success = query_col_int(q, 6);
    ret->errors = query_col_int(q, 7);
    ret->cancelled = query_col_int(q, 8);
    ret->cancelling = query_col_int(q, 9);
    ret->paused = query_col_int(q, 10);
    ret->exclusive = query_col_int(q, 11);
    ret->priority = (enum job_priority)query_col_int(q, 12);
    ret->version = query_col_int(q, 13);
    ret->created_at = query_col_real(q, 14);
    ret->started_at = query_col_real(q, 15);
    ret->completed_at = query_col_real(q, 16);
    query_col_copy(q, 17, ret->error, sizeof(ret->error));
    query_col_copy(q, 18, ret->owner, sizeof(ret->owner));
    ret->rate_at = query_col_real(q, 19);
    ret->rate_items = query_col_int(q, 20);
    ret->rate_next_at = query_col_real(q, 21);
    ret->rate_next_items = query_col_int(q, 22);
    ret->last_event_id = query_col_int(q, 23);
    ret->max_threads = (int)query_col_int(q, 24);
    query_col_copy(q, 25, ret->parent, sizeof(ret->parent));
    must(job_drive_parse(query_col_text(q, 26), &ret->drive)); /* the same CHECK */
    query_col_copy(q, 27, ret->parent_kind, sizeof(ret->parent_kind));
    query_col_copy(q, 28, ret->follow_up, sizeof(ret->follow_up));
    query_col_copy(q, 29, ret->follow_ups, sizeof(ret->follow_ups));
    ret->dry_run = query_col_int(q, 30);
    query_col_copy(q, 31, ret->source, sizeof(ret->source));
    ret->running = query_col_int(q, 32);
    ret->single = query_col_int(q, 33);
}

static int get(struct db *db, enum sql_id id, const char *job_id, struct job *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    int rc = query_step(&q, err);
    if (rc == 1)
        job_from_row(&q, ret);
    return rc;
}

int store_job_get(struct db *db, const char *job_id, struct job *ret, struct err *err)
{
    return get(db, SQL_JOB_GET, job_id, ret, err);
}

/* When a job was made; newer than everything for NULL. */
static int created_at(struct db *db, const char *job_id, double *ret, struct err *err)
{
    *ret = DBL_MAX;
    if (!job_id)
        return 0;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_CREATED_AT, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    int rc = query_step(&q, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "before: job %s is not there any more", job_id);
    if (rc == 1)
        *ret = query_col_real(&q, 0);
    return rc < 0 ? -1 : 0;
}

int store_job_list(struct db *db, const struct job_filter *f, struct job *ret, int max,
                   struct err *err)
{
    double before;
    if (created_at(db, f->before, &before, err) < 0)
        return -1;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, f->only_active ? SQL_JOB_LIST_ACTIVE : SQL_JOB_LIST, err) < 0)
        return -1;
    if (!f->only_active) {
        query_int(&q, ":active", 0);
        query_text(&q, ":status", f->status == JOB__COUNT ? NULL : job_status_name(f->status));
    }
    query_text(&q, ":operation", f->operation);
    query_text(&q, ":search", f->search);
    query_real(&q, ":created_at", before);
    query_text(&q, ":job_id", f->before ? f->before : "");
    query_int(&q, ":max", max);
    int n = 0, rc;
    while ((rc = query_step(&q, err)) == 1)
        job_from_row(&q, &ret[n++]);
    return rc < 0 ? -1 : n;
}

static int count_by_status(struct db *db, enum sql_id id, int64_t ret[JOB__COUNT], struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        ret[job_status_parse(query_col_text(&q, 0))] = query_col_int(&q, 1);
    return rc;
}

int store_job_counts(struct db *db, int64_t ret[JOB__COUNT], struct err *err)
{
    memset(ret, 0, sizeof(ret[0]) * JOB__COUNT);
    if (count_by_status(db, SQL_JOB_COUNT_ACTIVE, ret, err) < 0)
        return -1;
    return count_by_status(db, SQL_JOB_COUNT_ENDED, ret, err);
}

void job_result_clear(struct job_result *r)
{
    free(r->path);
    free(r->message);
    free(r->details);
    *r = (struct job_result){0};
}

int store_results(struct db *db, const char *job_id, int64_t after, int outcome, const char *search,
                  int max, int (*fn)(void *ctx, const struct job_result *r, struct err *err),
                  void *ctx, struct err *err)
{
    bool newest = after < 0;
    must(!newest || !search);
    bool filtered = outcome != 0 || search;
    enum sql_id id = newest ? SQL_RESULTS_NEWEST : filtered ? SQL_RESULTS_FILTERED : SQL_RESULTS;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_int(&q, ":max", max);
    if (!newest)
        query_int(&q, ":after", after);
    if (filtered || newest)
        query_int(&q, ":outcome", outcome);
    if (filtered && !newest)
        query_text(&q, ":search", search);
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        struct job_result r = {
            .id = query_col_int(&q, 0),
            .path = (char *)query_col_text(&q, 1),
            .success = query_col_int(&q, 2),
            .message = (char *)query_col_text(&q, 3),
            .details = (char *)query_col_text(&q, 4),
            .started_at = query_col_real(&q, 5),
            .finished_at = query_col_real(&q, 6),
        };
        if (fn(ctx, &r, err) < 0)
            return -1;
    }
    return rc;
}

int store_job_stage(struct db *db, const struct job_new *n, double now, struct err *err)
{
    must(n->total > 0);
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_STAGE, err) < 0)
        return -1;
    query_text(&q, ":job_id", n->job_id);
    query_text(&q, ":operation", n->operation);
    query_text(&q, ":title", n->title);
    query_int(&q, ":total", n->total);
    query_int(&q, ":exclusive", n->exclusive);
    query_int(&q, ":priority", n->priority);
    query_real(&q, ":now", now);
    query_text(&q, ":made_by", n->made_by);
    query_text(&q, ":options", n->options);
    query_text(&q, ":staged_by", n->staged_by);
    query_text(&q, ":key", n->idempotency_key);
    query_int(&q, ":paused", n->paused);
    query_text(&q, ":parent", n->parent);
    query_text(&q, ":parent_kind", n->parent ? n->parent_kind : NULL);
    query_text(&q, ":drive", job_drive_name(n->drive));
    query_text(&q, ":follow_up", n->follow_up);
    query_int(&q, ":dry_run", n->dry_run);
    query_int(&q, ":single", n->single);
    query_text(&q, ":source", n->source ? n->source : "api");
    if (n->max_threads)
        query_int(&q, ":max_threads", n->max_threads);
    else
        query_null(&q, ":max_threads");
    if (query_run(&q, err) == 0)
        return 0;
    if (sqlite3_extended_errcode(db->conn) == SQLITE_CONSTRAINT_UNIQUE)
        return err_set(err, ERR_BUSY, "%s is being made; ask again",
                       n->parent ? "the job that follows this one"
                                 : "a job with this Idempotency-Key");
    return -1;
}

int store_job_unstage(struct db *db, const char *job_id, double now, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_DROP_STAGING, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_real(&q, ":now", now);
    return query_run(&q, err);
}

int store_job_stage_items(struct db *db, const char *job_id, int64_t seq_first,
                          const char *const *paths, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_JOB_STAGE_ITEM, err) < 0)
            return -1;
        query_text(&q, ":job_id", job_id);
        query_int(&q, ":seq", seq_first + (int64_t)i);
        query_text(&q, ":path", paths[i]);
        if (query_run(&q, err) < 0)
            return -1;
    }
    return 0;
}

int store_job_is_single(struct db *db, const char *job_id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_IS_SINGLE, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    int rc = query_step(&q, err);
    return rc == 1 ? query_col_int(&q, 0) == 1 : rc;
}

static int make_active(struct db *db, struct job *job, double now, struct err *err)
{
    if (job->single || job->dry_run) /* they are for who asked for them; what others follow stays */
        return 0;
    if (strcmp(job->source, JOB_SOURCE_WATCHER) == 0) {
        struct active_job other;
        if (store_active_get(db, &other, err) < 0)
            return -1;
        if (other.job_id[0]) /* nobody asked for this one: who follows another goes on to */
            return 0;
    }
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_ACTIVE_SET, err) < 0)
        return -1;
    query_text(&q, ":job_id", job->job_id);
    query_text(&q, ":title", job->title);
    query_real(&q, ":now", now);
    job->made_active = true;
    return query_run(&q, err);
}

int job_change(struct db *db, enum sql_id id, const char *job_id, double now, struct job *ret,
               struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_real(&q, ":now", now);
    int rc = query_step(&q, err);
    if (rc == 1)
        job_from_row(&q, ret);
    return rc;
}

int store_job_publish(struct db *db, const char *job_id, double now, struct job *ret,
                      struct err *err)
{
    fault_hit("job_publish");
    int rc = job_change(db, SQL_JOB_PUBLISH, job_id, now, ret, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_STORE, "job %s: its items are gone; start it again", job_id);
    if (make_active(db, ret, now, err) < 0)
        return -1;
    return store_event_job(db, ret, NULL, now, err);
}

int store_job_by_key(struct db *db, const char *key, char ret[UUID_SIZE], struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_BY_KEY, err) < 0)
        return -1;
    query_text(&q, ":key", key);
    int rc = query_step(&q, err);
    if (rc == 1)
        query_col_copy(&q, 0, ret, UUID_SIZE);
    return rc;
}

int job_count(struct db *db, const char *job_id, const struct job_count *c, double now,
              struct job *ret, struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_JOB_COUNT, err) < 0)
            return -1;
        query_text(&q, ":job_id", job_id);
        query_int(&q, ":ok", c->ok);
        query_int(&q, ":errors", c->errors);
        query_int(&q, ":cancelled", c->cancelled);
        query_real(&q, ":now", now);
        int64_t n = query_changes(&q, err);
        if (n < 0)
            return -1;
        must(n == 1); /* an item of it was not finished, so it had not ended */
    }
    if (get(db, SQL_JOB_GET_ANY_PHASE, job_id, ret, err) < 0)
        return -1;
    if (!job_status_is_final(ret->status))
        return 0;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_ACTIVE_CLEAR_IF, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_real(&q, ":now", now);
    int64_t n = query_changes(&q, err);
    ret->was_active = n > 0;
    return n < 0 ? -1 : 0;
}

/* Cancels up to STORE_CANCEL_CHUNK queued items and counts them; *ret is the job afterwards. */
static int cancel_chunk(struct db *db, const char *job_id, double now, struct job *ret,
                        struct err *err)
{
    struct job_count count = {0};
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_JOB_CANCEL_ITEMS, err) < 0)
            return -1;
        query_text(&q, ":job_id", job_id);
        query_real(&q, ":now", now);
        query_int(&q, ":max", STORE_CANCEL_CHUNK);
        count.cancelled = query_changes(&q, err);
        if (count.cancelled < 0)
            return -1;
    }
    fault_hit("job_cancel_chunk");
    if (job_count(db, job_id, &count, now, ret, err) < 0)
        return -1;
    return store_event_job(db, ret, NULL, now, err);
}

static int mark_cancelling(struct db *db, const char *job_id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_CANCEL_MARK, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    return query_run(&q, err);
}

int store_job_cancel(struct db *db, const char *job_id, double now, struct job *ret,
                     struct err *err)
{
    int rc = store_job_get(db, job_id, ret, err);
    if (rc <= 0)
        return rc;
    if (job_status_is_final(ret->status))
        return 0;
    if (ret->cancelling)
        return 1; /* asked twice is asked once */
    must(job_may_move(ret->status, JOB_CANCELLED));
    if (mark_cancelling(db, job_id, err) < 0)
        return -1;
    return cancel_chunk(db, job_id, now, ret, err) < 0 ? -1 : 1;
}

int store_job_cancel_more(struct db *db, double now, struct job *ret_ended, bool *ret_has_ended,
                          struct err *err)
{
    char job_id[UUID_SIZE];
    *ret_has_ended = false;
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_JOB_CANCEL_NEXT, err) < 0)
            return -1;
        int rc = query_step(&q, err);
        if (rc <= 0)
            return rc;
        query_col_copy(&q, 0, job_id, sizeof(job_id));
    }
    if (cancel_chunk(db, job_id, now, ret_ended, err) < 0)
        return -1;
    *ret_has_ended = job_status_is_final(ret_ended->status);
    return 1;
}

int store_job_delete(struct db *db, const char *job_id, double now, struct err *err)
{
    struct job job;
    int rc = store_job_get(db, job_id, &job, err);
    if (rc <= 0)
        return rc;
    struct query q LB_CLEANUP(query_end) = {0};
    if (!job_status_is_final(job.status) && !job.cancelling &&
        store_job_cancel(db, job_id, now, &job, err) < 0)
        return -1;
    fault_hit("job_hide");
    if (query_start(&q, db, SQL_JOB_HIDE, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    return query_run(&q, err) < 0 ? -1 : 1;
}

int store_cancelling(struct db *db, char (*ret)[UUID_SIZE], int max, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_CANCELLING, err) < 0)
        return -1;
    query_int(&q, ":max", max);
    int n = 0, rc;
    while ((rc = query_step(&q, err)) == 1)
        query_col_copy(&q, 0, ret[n++], UUID_SIZE);
    return rc < 0 ? -1 : n;
}
