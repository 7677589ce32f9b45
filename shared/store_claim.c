/* Which items are leased next: by priority, fair between jobs, a path once. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "store_job.h"

struct claim_job {
    char job_id[UUID_SIZE];
    char operation[32];
    bool queued, exclusive;
    int priority;
    int64_t room; /* how many more may be leased */
    char *options;
    int64_t leased;
    bool foreign, driven, dry_run;
    double created_at;
};

#define CLAIM_JOBS_MAX 16
#define CLAIM_ALL_MAX  (CLAIM_JOBS_MAX + STORE_DEMANDS_MAX)

/* A row of CLAIM_COLUMNS. */
static void claim_job_from_row(const struct query *q, struct claim_job *j)
{
    query_col_copy(q, 0, j->job_id, sizeof(j->job_id));
    query_col_copy(q, 1, j->operation, sizeof(j->operation));
    j->queued = strcmp(query_col_text(q, 2), job_status_name(JOB_QUEUED)) == 0;
    j->exclusive = query_col_int(q, 3);
    j->priority = (int)query_col_int(q, 4);
    j->options = mem_strdup(query_col_text(q, 5));
    int64_t limit = query_col_int(q, 6); /* 0: NULL, no limit */
    j->leased = query_col_int(q, 7);
    j->room = limit ? limit - j->leased : INT64_MAX;
    j->foreign = query_col_int(q, 8);
    j->created_at = query_col_real(q, 9);
    j->dry_run = query_col_int(q, 11);
    j->driven = strcmp(query_col_text(q, 10), job_drive_name(DRIVE_CLIENT)) == 0;
}

/* The order of CLAIM_JOBS. */
static int compare_claims(const void *a, const void *b)
{
    const struct claim_job *x = a, *y = b;
    if (x->priority != y->priority)
        return y->priority - x->priority;
    if (x->leased != y->leased)
        return x->leased < y->leased ? -1 : 1;
    if (x->foreign != y->foreign)
        return x->foreign - y->foreign;
    return (x->created_at > y->created_at) - (x->created_at < y->created_at);
}

/* A job that a client drives, when it has something to claim: no more than clients wait for. 1 = it has, 0 = not. */
static int demanded_job(struct db *db, const struct claim_demand *d, const char *made_by,
                        struct claim_job *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_CLAIM_DEMANDED, err) < 0)
        return -1;
    query_text(&q, ":job_id", d->job_id);
    query_text(&q, ":made_by", made_by);
    int rc = query_step(&q, err);
    if (rc != 1)
        return rc;
    claim_job_from_row(&q, ret);
    if (ret->room > d->n)
        ret->room = d->n;
    return 1;
}

static int server_jobs(struct db *db, const struct claimer *who, struct claim_job *ret,
                       struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_CLAIM_JOBS, err) < 0)
        return -1;
    query_text(&q, ":made_by", who->made_by);
    query_int(&q, ":max_files", who->max_files);
    int n = 0, rc;
    while ((rc = query_step(&q, err)) == 1 && n < CLAIM_JOBS_MAX) {
        claim_job_from_row(&q, &ret[n++]);
    }
    return rc < 0 ? -1 : n;
}

/* What can be claimed from, in order. *ret_n is how many are to be freed, also after -1. */
static int claim_jobs(struct db *db, const struct claimer *who, struct claim_job *ret, int *ret_n,
                      struct err *err)
{
    must(who->n_demands <= STORE_DEMANDS_MAX);
    *ret_n = 0;
    int rc = server_jobs(db, who, ret, err);
    if (rc > 0)
        *ret_n = rc;
    for (int i = 0; rc >= 0 && i < who->n_demands; i++) {
        rc = demanded_job(db, &who->demands[i], who->made_by, &ret[*ret_n], err);
        if (rc == 1)
            ++*ret_n;
    }
    if (who->n_demands > 0)
        qsort(ret, (size_t)*ret_n, sizeof(*ret), compare_claims);
    return rc < 0 ? -1 : 0;
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
        c->item.driven = j->driven;
        c->item.dry_run = j->dry_run;
        c->target = query_col_text(&q, 4) ? mem_strdup(query_col_text(&q, 4)) : NULL;
    }
    return rc;
}

/* 1 = leased, 0 = its path is taken meanwhile (twice in one job, say). */
static int claim_one(struct db *db, const struct claim_job *j, const struct candidate *c,
                     const char *owner, double now, struct err *err)
{
    if (j->exclusive) {
        int rc = item_lease_path(db, c->item.path, &c->item, err);
        if (rc == 1 && c->target)
            rc = item_lease_path(db, c->target, &c->item, err);
        if (rc == 0 && item_unlease_paths(db, &c->item, err) < 0)
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
    int rc = job_change(db, SQL_JOB_START, job_id, now, ret, err);
    if (rc < 0)
        return -1;
    must(rc == 1 && job_may_move(JOB_QUEUED, JOB_PROCESSING));
    return store_event_job(db, ret, NULL, now, err);
}

struct claims {
    struct db *db;
    const struct claimer *who;
    double now;
    struct item *ret;
    int n, max;
    int files;    /* how many of them are files */
    int64_t held; /* leases that the owner had before */
    void (*started)(void *ctx, const struct job *j);
    void *ctx;
};

/* With one attempt in all, every item would be alone; then a death may take its neighbours along. */
static bool is_last_chance(const struct claims *c, int attempt)
{
    return c->who->max_attempts > 1 && attempt >= c->who->max_attempts;
}

/* Claims one candidate into the list. 1 = it is ours, 0 = not now. */
static int claim_into(struct claims *c, struct claim_job *j, struct candidate *candidate,
                      struct err *err)
{
    bool last_chance = is_last_chance(c, candidate->item.attempt);
    if (last_chance && c->held + c->n > 0)
        return 0; /* it waits until its owner has nothing else */
    int rc = claim_one(c->db, j, candidate, c->who->owner, c->now, err);
    if (rc != 1)
        return rc;
    c->ret[c->n++] = candidate->item;
    candidate->item = (struct item){0};
    if (last_chance)
        c->max = c->n;
    return 1;
}

/* Claims up to `part` items of one job, and no more than its max_threads leaves room for. */
static int claim_from(struct claims *c, struct claim_job *j, int part, struct err *err)
{
    if (part > j->room)
        part = (int)j->room;
    if (j->exclusive && c->who->max_files && part > c->who->max_files - c->files)
        part = c->who->max_files - c->files;
    if (part <= 0)
        return 0;
    struct candidate *list = mem_new(sizeof(*list) * (size_t)part);
    int n = 0, before = c->n;
    int rc = candidates(c->db, j, part, list, &n, err);
    for (int i = 0; rc >= 0 && i < n && c->n < c->max; i++)
        rc = claim_into(c, j, &list[i], err);
    candidates_clear(list, n);
    free(list);
    j->room -= c->n - before;
    c->files += j->exclusive ? c->n - before : 0;
    if (rc >= 0 && c->n > before && j->queued) {
        struct job job;
        rc = start_job(c->db, j->job_id, c->now, &job, err);
        j->queued = false;
        if (rc >= 0 && c->started)
            c->started(c->ctx, &job);
    }
    return rc < 0 ? -1 : 0;
}

/* Claims from jobs of one priority: first everybody's fair part, then whoever has more gives the rest. */
static int claim_group(struct claims *c, struct claim_job *jobs, int n_jobs, struct err *err)
{
    int fair = (c->max - c->n + n_jobs - 1) / n_jobs;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < n_jobs && c->n < c->max; i++) {
            int part = c->max - c->n;
            if (round == 0 && part > fair)
                part = fair;
            if (claim_from(c, &jobs[i], part, err) < 0)
                return -1;
        }
    return 0;
}

/* How many leases an owner has, and the highest attempt among them. */
static int owner_holds(struct db *db, const char *owner, int64_t *ret_n, int *ret_attempt,
                       struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_OWNER_HOLDS, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    int rc = query_step(&q, err);
    if (rc < 0)
        return -1;
    *ret_n = query_col_int(&q, 0);
    *ret_attempt = (int)query_col_int(&q, 1);
    return 0;
}

int store_claim(struct db *db, const struct claimer *who, int max, double now, struct item *ret,
                void (*started)(void *ctx, const struct job *j), void *ctx, struct err *err)
{
    must(max <= STORE_LEASES_PER_CLAIM);
    struct claims c = {
        .db = db, .who = who, .now = now, .ret = ret, .max = max, .started = started, .ctx = ctx};
    int attempt;
    if (owner_holds(db, who->owner, &c.held, &attempt, err) < 0)
        return -1;
    if (is_last_chance(&c, attempt))
        return 0; /* nothing beside it */
    struct claim_job jobs[CLAIM_ALL_MAX] = {0};
    int n_jobs;
    int rc = claim_jobs(db, who, jobs, &n_jobs, err);
    for (int from = 0, to; rc >= 0 && from < n_jobs; from = to) {
        for (to = from + 1; to < n_jobs && jobs[to].priority == jobs[from].priority;)
            to++;
        rc = claim_group(&c, jobs + from, to - from, err);
    }
    for (int i = 0; i < n_jobs; i++)
        free(jobs[i].options);
    fault_hit("items_claimed");
    if (rc >= 0)
        return c.n;
    for (int i = 0; i < c.n; i++)
        item_clear(&ret[i]);
    return -1;
}

int store_has_work(struct db *db, int max_files, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_CLAIM_ANY, err) < 0)
        return -1;
    query_int(&q, ":max_files", max_files);
    return query_step(&q, err);
}

int store_has_demanded(struct db *db, const struct claim_demand *demands, int n, struct err *err)
{
    for (int i = 0; i < n; i++) {
        struct claim_job j = {0};
        int rc = demanded_job(db, &demands[i], "", &j, err);
        free(j.options);
        if (rc != 0)
            return rc;
    }
    return 0;
}
