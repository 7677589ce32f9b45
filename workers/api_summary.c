/*
 * GET /api/jobs/{id}/summary.
 *
 * A summary of 100,000 results is made by reading them once. What was read is kept, of the jobs that were asked for
 * last, so the next question about a running job reads only what has finished since: results never change.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "api_job.h"
#include "clock.h"
#include "handlers.h"
#include "lock.h"
#include "path.h"
#include "store.h"
#include "summary.h"

#define KEPT  8
#define CHUNK 2000 /* results in one read, so that no read transaction is long */

/* Of this process. */
static struct {
    struct lock lock;
    struct summary kept[KEPT]; /* the one that was asked for last first */
} cache = {.lock = {PTHREAD_MUTEX_INITIALIZER, RANK_LEAF}};

/* Where the summary of the job is kept; KEPT when it is not. */
static int find(const char *job_id)
{
    must(lock_held(&cache.lock));
    int i = 0;
    while (i < KEPT && strcmp(cache.kept[i].job_id, job_id) != 0)
        i++;
    return i;
}

static bool take(const char *job_id, struct summary *ret)
{
    LOCK_SCOPE(&cache.lock);
    int i = find(job_id);
    if (i < KEPT)
        *ret = cache.kept[i];
    return i < KEPT;
}

/* Another call may have kept a newer one meanwhile: that stays. */
static void keep(const struct summary *s)
{
    LOCK_SCOPE(&cache.lock);
    int i = find(s->job_id);
    if (i < KEPT && cache.kept[i].last > s->last)
        return;
    if (i == KEPT)
        i--; /* the one that nobody asked for the longest goes */
    memmove(&cache.kept[1], &cache.kept[0], sizeof(cache.kept[0]) * (size_t)i);
    cache.kept[0] = *s;
}

static int add(void *ctx, const struct job_result *r, struct err *err)
{
    (void)err;
    summary_add(ctx, r);
    return 0;
}

static int read_on(struct db *db, struct summary *s, struct err *err)
{
    int64_t before;
    do {
        before = s->last;
        if (store_results(db, s->job_id, s->last, 0, NULL, CHUNK, add, s, err) < 0)
            return -1;
    } while (s->last - before == CHUNK);
    return 0;
}

/* ---- the answer ---- */

static json_t *seconds(double s)
{
    return s >= 0 ? json_real(round(s * 1000) / 1000) : json_null();
}

static json_t *throughput(const struct summary *s)
{
    json_t *ok = json_array(), *failed = json_array(), *o = json_object();
    for (int i = 0; i < s->n_buckets; i++) {
        must(json_array_append_new(ok, json_integer(s->ok[i])) == 0);
        must(json_array_append_new(failed, json_integer(s->failed[i])) == 0);
    }
    json_put(o, "start", s->start > 0 ? seconds(s->start) : json_null());
    json_put(o, "seconds", json_real(s->width));
    json_put(o, "ok", ok);
    json_put(o, "failed", failed);
    return o;
}

struct one {
    json_t *o;
};

static int describe(void *ctx, const struct job_result *r, struct err *err)
{
    (void)err;
    json_t *o = json_object();
    json_put(o, "id", json_integer(r->id));
    json_put(o, "item", json_text(path_base(r->path)));
    json_put(o, "success", json_boolean(r->success));
    json_put(o, "error", r->success ? json_null() : json_text(r->message));
    ((struct one *)ctx)->o = o;
    return 0;
}

/* Appends the result, with its name; one that has gone with its job is left out. */
static int append_result(struct db *db, const char *job_id, int64_t id, double took, json_t *list,
                         struct err *err)
{
    struct one one = {NULL};
    if (store_results(db, job_id, id - 1, 0, NULL, 1, describe, &one, err) < 0)
        return -1;
    if (!one.o)
        return 0;
    if (took >= 0)
        json_put(one.o, "seconds", seconds(took));
    must(json_array_append_new(list, one.o) == 0);
    return 0;
}

static int add_slowest(struct db *db, const struct summary *s, json_t *reply, struct err *err)
{
    json_t *list = json_array();
    json_put(reply, "slowest", list);
    for (int i = 0; i < s->n_slowest; i++)
        if (append_result(db, s->job_id, s->slowest[i].id, s->slowest[i].seconds, list, err) < 0)
            return -1;
    return 0;
}

static int by_count(const void *a, const void *b)
{
    const struct summary_reason *x = a, *y = b;
    return (x->n < y->n) - (x->n > y->n);
}

static int add_reasons(struct db *db, struct summary *s, json_t *reply, struct err *err)
{
    json_t *list = json_array();
    json_put(reply, "reasons", list);
    qsort(s->reasons, (size_t)s->n_reasons, sizeof(s->reasons[0]), by_count);
    for (int i = 0; i < s->n_reasons; i++) {
        const struct summary_reason *r = &s->reasons[i];
        json_t *o = json_object(), *examples = json_array();
        must(json_array_append_new(list, o) == 0);
        json_put(o, "reason", json_text(r->reason));
        json_put(o, "count", json_integer(r->n));
        json_put(o, "examples", examples);
        for (int k = 0; k < SUMMARY_EXAMPLES && k < r->n; k++)
            if (append_result(db, s->job_id, r->examples[k], -1, examples, err) < 0)
                return -1;
    }
    json_put(reply, "other_reasons", json_integer(s->n_other));
    return 0;
}

static void add_times(const struct job *job, const struct summary *s, json_t *reply)
{
    double now = clock_wall_s(), end = job->completed_at > 0 ? job->completed_at : now;
    double begun = job->started_at > 0 ? job->started_at : end;
    json_t *o = json_object();
    json_put(o, "queued", seconds(fmax(0, begun - job->created_at)));
    json_put(o, "running", seconds(fmax(0, end - begun)));
    json_put(o, "wall", seconds(fmax(0, end - job->created_at)));
    json_put(o, "items", seconds(s->busy));
    json_put(reply, "times", o);
}

static int add_options(struct db *db, const struct job *job, json_t *reply, struct err *err)
{
    char *text LB_CLEANUP(mem_free) = NULL;
    if (store_job_options(db, job->job_id, &text, err) < 0)
        return -1;
    json_t *options = json_loads(text, 0, NULL);
    json_put(reply, "options", options ? options : json_object());
    return 0;
}

int api_job_summary(struct api_call *call, struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    struct job job;
    struct summary s;
    if (find_job(call, &job, err) < 0)
        return -1;
    if (!take(job.job_id, &s))
        summary_init(&s, job.job_id, job.started_at);
    if (read_on(db, &s, err) < 0)
        return -1;
    keep(&s);
    json_t *reply = json_object();
    (void)api_reply(call, 200, reply);
    json_put(reply, "job_id", json_text(job.job_id));
    json_put(reply, "results", json_integer(s.last));
    json_put(reply, "throughput", throughput(&s));
    add_times(&job, &s, reply);
    if (add_slowest(db, &s, reply, err) < 0 || add_reasons(db, &s, reply, err) < 0)
        return -1;
    return add_options(db, &job, reply, err);
}
