#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "path.h"
#include "store_job.h"

void item_clear(struct item *it)
{
    free(it->path);
    free(it->intent);
    free(it->options);
    *it = (struct item){0};
}

void item_copy(struct item *ret, const struct item *from)
{
    *ret = *from;
    ret->path = mem_strdup(from->path);
    ret->intent = from->intent ? mem_strdup(from->intent) : NULL;
    ret->options = mem_strdup(from->options);
}

int store_owner_renew(struct db *db, const char *owner, int slot, int64_t lease_until_boot_ms,
                      double now, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_OWNER_RENEW, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    query_int(&q, ":slot", slot);
    query_real(&q, ":now", now);
    query_int(&q, ":until", lease_until_boot_ms);
    return query_run(&q, err);
}

/* ---- claims ---- */

struct claim_job {
    char job_id[UUID_SIZE];
    char operation[32];
    bool queued, exclusive;
    int priority;
    char *options;
};

#define CLAIM_JOBS_MAX 16

static int claim_jobs(struct db *db, const char *made_by, struct claim_job *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_CLAIM_JOBS, err) < 0)
        return -1;
    query_text(&q, ":made_by", made_by);
    int n = 0, rc;
    while ((rc = query_step(&q, err)) == 1 && n < CLAIM_JOBS_MAX) {
        struct claim_job *j = &ret[n++];
        query_col_copy(&q, 0, j->job_id, sizeof(j->job_id));
        query_col_copy(&q, 1, j->operation, sizeof(j->operation));
        j->queued = strcmp(query_col_text(&q, 2), job_status_name(JOB_QUEUED)) == 0;
        j->exclusive = query_col_int(&q, 3);
        j->priority = (int)query_col_int(&q, 4);
        j->options = mem_strdup(query_col_text(&q, 5));
    }
    return rc < 0 ? -1 : n;
}

/* The queued items of a job that could be leased now, with their targets, in order. */
struct candidate {
    struct item item;
    char *target;
};

static void candidates_clear(struct candidate *c, int n)
{
    for (int i = 0; i < n; i++) {
        item_clear(&c[i].item);
        free(c[i].target);
    }
}

static int candidates(struct db *db, const struct claim_job *j, int max, struct candidate *ret,
                      int *ret_n, struct err *err)
{
    *ret_n = 0;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_CLAIM_CANDIDATES, err) < 0)
        return -1;
    query_text(&q, ":job_id", j->job_id);
    query_int(&q, ":exclusive", j->exclusive);
    query_int(&q, ":max", max);
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        struct candidate *c = &ret[(*ret_n)++];
        *c = (struct candidate){.item.seq = query_col_int(&q, 0)};
        memcpy(c->item.job_id, j->job_id, sizeof(c->item.job_id));
        memcpy(c->item.operation, j->operation, sizeof(c->item.operation));
        c->item.path = mem_strdup(query_col_text(&q, 1));
        c->item.attempt = (int)query_col_int(&q, 2) + 1;
        c->item.intent = query_col_text(&q, 3) ? mem_strdup(query_col_text(&q, 3)) : NULL;
        c->item.options = mem_strdup(j->options);
        c->target = query_col_text(&q, 4) ? mem_strdup(query_col_text(&q, 4)) : NULL;
    }
    return rc;
}

/* Puts a path into the item's lease. 1 = it is ours, 0 = another item holds it. */
static int lease_path(struct db *db, const char *path, const struct item *it, struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_LEASE_PATH, err) < 0)
            return -1;
        query_text(&q, ":path", path);
        query_text(&q, ":job_id", it->job_id);
        query_int(&q, ":seq", it->seq);
        int64_t n = query_changes(&q, err);
        if (n != 0)
            return n < 0 ? -1 : 1;
    }
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LEASE_PATH_HOLDER, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    int rc = query_step(&q, err);
    if (rc < 0)
        return -1;
    return rc == 1 && query_col_int(&q, 1) == it->seq &&
           strcmp(query_col_text(&q, 0), it->job_id) == 0;
}

static int unlease_paths(struct db *db, const struct item *it, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_UNLEASE_PATHS, err) < 0)
        return -1;
    query_text(&q, ":job_id", it->job_id);
    query_int(&q, ":seq", it->seq);
    return query_run(&q, err);
}

/* 1 = leased, 0 = its path is taken meanwhile (twice in one job, say). */
static int claim_one(struct db *db, const struct claim_job *j, const struct candidate *c,
                     const char *owner, double now, struct err *err)
{
    if (j->exclusive) {
        int rc = lease_path(db, c->item.path, &c->item, err);
        if (rc == 1 && c->target)
            rc = lease_path(db, c->target, &c->item, err);
        if (rc == 0 && unlease_paths(db, &c->item, err) < 0)
            return -1;
        if (rc <= 0)
            return rc;
    }
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_CLAIM_ITEM, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    query_real(&q, ":now", now);
    query_text(&q, ":job_id", c->item.job_id);
    query_int(&q, ":seq", c->item.seq);
    int64_t n = query_changes(&q, err);
    must(n != 0); /* it was queued a moment ago, and we are the only writer */
    return n < 0 ? -1 : 1;
}

static int start_job(struct db *db, const char *job_id, double now, struct job *ret,
                     struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_JOB_START, err) < 0)
            return -1;
        query_text(&q, ":job_id", job_id);
        query_real(&q, ":now", now);
        int rc = query_step(&q, err);
        if (rc < 0)
            return -1;
        must(rc == 1 && job_may_move(JOB_QUEUED, JOB_PROCESSING));
        job_from_row(&q, ret);
    }
    return store_event_job(db, ret, NULL, now, err);
}

/* Claims up to max items of one job. Returns how many. */
static int claim_from(struct db *db, struct claim_job *j, const char *owner, int max, double now,
                      struct item *ret, void (*started)(void *ctx, const struct job *j), void *ctx,
                      struct err *err)
{
    struct candidate *c = mem_new(sizeof(*c) * (size_t)max);
    int n = 0, taken = 0;
    int rc = candidates(db, j, max, c, &n, err);
    for (int i = 0; rc >= 0 && i < n; i++) {
        rc = claim_one(db, j, &c[i], owner, now, err);
        if (rc == 1) {
            ret[taken++] = c[i].item;
            c[i].item = (struct item){0};
        }
    }
    candidates_clear(c, n);
    free(c);
    if (rc >= 0 && taken > 0 && j->queued) {
        struct job job;
        rc = start_job(db, j->job_id, now, &job, err);
        j->queued = false;
        if (rc >= 0 && started)
            started(ctx, &job);
    }
    if (rc < 0) {
        for (int i = 0; i < taken; i++)
            item_clear(&ret[i]);
        return -1;
    }
    return taken;
}

struct claims {
    struct db *db;
    const char *owner;
    double now;
    struct item *ret;
    int n, max;
    void (*started)(void *ctx, const struct job *j);
    void *ctx;
};

/* Claims from jobs of one priority: first everybody's fair part, then whoever has more gives the rest. */
static int claim_group(struct claims *c, struct claim_job *jobs, int n_jobs, struct err *err)
{
    int fair = (c->max - c->n + n_jobs - 1) / n_jobs;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < n_jobs && c->n < c->max; i++) {
            int part = c->max - c->n;
            if (round == 0 && part > fair)
                part = fair;
            int rc = claim_from(c->db, &jobs[i], c->owner, part, c->now, c->ret + c->n, c->started,
                                c->ctx, err);
            if (rc < 0)
                return -1;
            c->n += rc;
        }
    return 0;
}

int store_claim(struct db *db, const char *owner, const char *made_by, int max, double now,
                struct item *ret, void (*started)(void *ctx, const struct job *j), void *ctx,
                struct err *err)
{
    must(max <= STORE_LEASES_PER_CLAIM);
    struct claim_job jobs[CLAIM_JOBS_MAX] = {0};
    int n_jobs = claim_jobs(db, made_by, jobs, err);
    struct claims c = {db, owner, now, ret, 0, max, started, ctx};
    int rc = n_jobs < 0 ? -1 : 0;
    for (int from = 0, to; rc >= 0 && from < n_jobs; from = to) {
        for (to = from + 1; to < n_jobs && jobs[to].priority == jobs[from].priority;)
            to++;
        rc = claim_group(&c, jobs + from, to - from, err);
    }
    for (int i = 0; i < n_jobs; i++)
        free(jobs[i].options);
    if (rc >= 0)
        return c.n;
    for (int i = 0; i < c.n; i++)
        item_clear(&ret[i]);
    return -1;
}

int store_has_work(struct db *db, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_CLAIM_ANY, err) < 0)
        return -1;
    return query_step(&q, err);
}

/* ---- what becomes of a lease ---- */

static void bind_lease(struct query *q, const struct item *it, const char *owner)
{
    query_text(q, ":job_id", it->job_id);
    query_int(q, ":seq", it->seq);
    query_text(q, ":owner", owner);
    query_int(q, ":attempt", it->attempt);
}

int store_item_declare(struct db *db, const struct item *it, const char *owner, const char *intent,
                       const char *target, struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_ITEM_DECLARE, err) < 0)
            return -1;
        bind_lease(&q, it, owner);
        query_text(&q, ":intent", intent);
        query_text(&q, ":target", target);
        int64_t n = query_changes(&q, err);
        if (n < 0)
            return -1;
        if (n == 0)
            return err_set(err, ERR_NOT_ACTIVE, "the lease of item %lld was lost",
                           (long long)it->seq);
    }
    if (!target)
        return 0;
    int rc = lease_path(db, target, it, err);
    if (rc == 0)
        return err_set(err, ERR_CONFLICT, "another item works on the name it would get");
    return rc < 0 ? -1 : 0;
}

static json_t *item_event(const struct item *it, const struct item_finish *f)
{
    json_t *o = json_object();
    (void)json_object_set_new(o, "item", json_text(path_base(it->path)));
    (void)json_object_set_new(o, "success", json_boolean(f->outcome == ITEM_OK));
    (void)json_object_set_new(o, "error",
                              f->outcome == ITEM_ERROR ? json_text(f->message) : json_null());
    return o;
}

static int follow_rename(struct db *db, const char *path, const char *final, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_ITEM_FOLLOW_RENAME, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    query_text(&q, ":final", final);
    return query_run(&q, err);
}

int store_item_finish(struct db *db, const struct item *it, const char *owner,
                      const struct item_finish *f, double now, struct job *ret, struct err *err)
{
    static const char *const words[] = {
        [ITEM_OK] = "ok", [ITEM_ERROR] = "error", [ITEM_CANCELLED] = "cancelled"};
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_ITEM_FINISH, err) < 0)
            return -1;
        bind_lease(&q, it, owner);
        query_text(&q, ":status", words[f->outcome]);
        query_text(&q, ":message", f->message);
        query_text(&q, ":details", f->details);
        query_real(&q, ":now", now);
        int64_t n = query_changes(&q, err);
        if (n <= 0)
            return (int)n; /* 0: the lease was lost */
    }
    if (unlease_paths(db, it, err) < 0)
        return -1;
    if (f->final_path && strcmp(f->final_path, it->path) != 0 &&
        follow_rename(db, it->path, f->final_path, err) < 0)
        return -1;
    struct job_count count = {f->outcome == ITEM_OK, f->outcome == ITEM_ERROR,
                              f->outcome == ITEM_CANCELLED};
    if (job_count(db, it->job_id, &count, now, ret, err) < 0)
        return -1;
    if (!f->own_event && !job_status_is_final(ret->status))
        return 1;
    json_t *item = f->outcome == ITEM_CANCELLED ? NULL : item_event(it, f);
    int rc = store_event_job(db, ret, item, now, err);
    json_decref(item);
    return rc < 0 ? -1 : 1;
}

int store_item_return(struct db *db, const struct item *it, const char *owner, bool counted,
                      struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_ITEM_RETURN, err) < 0)
            return -1;
        bind_lease(&q, it, owner);
        query_int(&q, ":counted", counted);
        int64_t n = query_changes(&q, err);
        if (n <= 0)
            return (int)n;
    }
    return unlease_paths(db, it, err) < 0 ? -1 : 1;
}
