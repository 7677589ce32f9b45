/* Reading, cancelling and deleting jobs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "api_job.h"
#include "clock.h"
#include "handlers.h"
#include "held.h"
#include "log.h"
#include "notes.h"
#include "path.h"
#include "reason.h"
#include "store.h"
#include "worker.h"
#include "writer.h"

#define RESULTS_DEFAULT 1000
#define RESULTS_MAX     1000
#define LIST_DEFAULT    100
#define LIST_MAX        500
#define REASON_CHUNK    1000
#define REASON_LOOK_MAX 100000 /* failed items, in one call */

static void add_json(struct strbuf *out, json_t *value)
{
    char *text LB_CLEANUP(mem_free) = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    must(text != NULL);
    strbuf_adds(out, text);
    json_decref(value);
}

struct result_page {
    struct strbuf *out;
    const char *search, *reason; /* NULL: all */
    int64_t max, n, last, seen;  /* seen: how many the store gave */
    bool more;
};

static bool has_reason(const struct job_result *r, const char *wanted)
{
    char reason[REASON_SIZE];
    reason_of(r->message ? r->message : "", r->path, reason);
    return strcmp(reason, wanted) == 0;
}

static int add_result(void *ctx, const struct job_result *r, struct err *err)
{
    (void)err;
    struct result_page *p = ctx;
    p->seen++;
    if (p->more)
        return 0;
    if (p->reason && !has_reason(r, p->reason)) {
        p->last = r->id;
        return 0;
    }
    if (p->n == p->max) {
        p->more = true;
        return 0;
    }
    p->last = r->id;
    strbuf_addf(p->out, "%s{\"id\":%lld,\"item\":", p->n ? "," : "", (long long)r->id);
    add_json(p->out, json_text(path_base(r->path)));
    strbuf_addf(p->out, ",\"success\":%s,\"error\":", r->success ? "true" : "false");
    add_json(p->out, r->success ? json_null() : json_text(r->message));
    strbuf_addf(p->out, ",\"details\":%s}", r->details ? r->details : "{}");
    p->n++;
    return 0;
}

static int parse_outcome(const struct api_call *call, int *ret, struct err *err)
{
    const char *text = api_query(call, "outcome");
    *ret = 0;
    if (!text || strcmp(text, "all") == 0)
        return 0;
    if (strcmp(text, "ok") == 0)
        *ret = 1;
    else if (strcmp(text, "error") == 0)
        *ret = -1;
    else
        return err_field(err, ERR_BAD_FIELD, "outcome", "outcome must be all, ok or error");
    return 0;
}

/* How many results a job has, of one outcome or of all. */
static int64_t results_of(const struct job *job, int outcome)
{
    return outcome == 0 ? job->processed : outcome > 0 ? job->success : job->errors;
}

/*
 * Those that failed for one reason: it is in no index, so they are looked for a part at a time. After so many that are
 * looked at the page ends, full or not.
 */
static int add_of_reason(struct db *db, const char *job_id, int64_t after, struct result_page *page,
                         struct err *err)
{
    page->last = after;
    for (int64_t seen = 0; !page->more && seen < REASON_LOOK_MAX; seen += page->seen) {
        page->seen = 0;
        if (store_results(db, job_id, page->last, -1, page->search, REASON_CHUNK, add_result, page,
                          err) < 0)
            return -1;
        if (page->seen < REASON_CHUNK)
            return 0;
    }
    page->more = true;
    return 0;
}

/*
 * Appends [...] and ,"<next_name>":cursor. The cursor is the `after` that gives the first result that is not here; null
 * when all are. `after` -1: the newest ones.
 */
static int add_results(struct api_call *call, const struct job *job, int64_t after,
                       struct result_page *page, const char *next_name, struct err *err)
{
    int outcome;
    if (parse_outcome(call, &outcome, err) < 0)
        return -1;
    struct strbuf *out = page->out = &call->text;
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    int ask = (int)page->max + (after >= 0); /* one more tells whether there is a next page */
    strbuf_adds(out, "[");
    if (page->reason && add_of_reason(db, job->job_id, after, page, err) < 0)
        return -1;
    if (!page->reason && page->max > 0 &&
        store_results(db, job->job_id, after, outcome, page->search, ask, add_result, page, err) <
            0)
        return -1;
    strbuf_addf(out, "],\"%s\":", next_name);
    if (page->more)
        strbuf_addf(out, "%lld", (long long)page->last);
    else if (after < 0 && page->max > 0 && results_of(job, outcome) > page->n)
        strbuf_adds(out, "0"); /* older ones are not here */
    else
        strbuf_adds(out, "null");
    return 0;
}

/* The job and its results are read as one state: a poll never sees a count without its result. */
static int job_with_results(struct api_call *call, int64_t after, int64_t max, struct job *job,
                            struct err *err)
{
    if (find_job(call, job, err) < 0)
        return -1;
    /* Why an unfinished job does not go on for now: not in its row, which may be what cannot be written. */
    const char *held = job->completed_at == 0 ? held_reason(worker_board(call->worker)) : NULL;
    char etag[32];
    (void)snprintf(etag, sizeof(etag), "\"%lld%s\"", (long long)job->version, held ? "-held" : "");
    api_add_header(call, "ETag", etag);
    const char *known = api_header(call, "If-None-Match");
    if (known &&
        (strcmp(known, "*") == 0 || strstr(known, etag))) { /* also in a list, or as W/"14" */
        call->status = 304;
        return 0;
    }
    json_t *o = job_to_json(job, clock_wall_s());
    if (held)
        must(json_object_set_new(o, "held", json_string(held)) == 0);
    char *text LB_CLEANUP(mem_free) = json_dumps(o, JSON_TEXT_FLAGS);
    json_decref(o);
    must(text != NULL);
    strbuf_add(&call->text, text, strlen(text) - 1); /* without the closing brace */
    strbuf_adds(&call->text, ",\"results\":");
    struct result_page page = {.max = max};
    if (add_results(call, job, after, &page, "results_next", err) < 0)
        return -1;
    strbuf_adds(&call->text, "}");
    call->content_type = "application/json";
    return 0;
}

int api_job_get(struct api_call *call, struct err *err)
{
    int64_t max, after;
    if (api_query_int(call, "results", RESULTS_DEFAULT, 0, RESULTS_MAX, &max, err) < 0 ||
        api_query_int(call, "after", -1, 0, INT64_MAX, &after, err) < 0)
        return -1;
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    struct job job;
    if (store_read_begin(db, err) < 0)
        return -1;
    int rc = job_with_results(call, after, max, &job, err);
    store_read_end(db);
    return rc;
}

int api_job_results(struct api_call *call, struct err *err)
{
    int64_t limit, after;
    struct job job;
    if (find_job(call, &job, err) < 0 ||
        api_query_int(call, "limit", 100, 1, RESULTS_MAX, &limit, err) < 0 ||
        api_query_int(call, "after", 0, 0, INT64_MAX, &after, err) < 0)
        return -1;
    const char *search = api_query(call, "search"), *reason = api_query(call, "reason");
    strbuf_adds(&call->text, "{\"results\":");
    struct result_page page = {.max = limit,
                               .search = search && *search ? search : NULL,
                               .reason = reason && *reason ? reason : NULL};
    if (add_results(call, &job, after, &page, "next", err) < 0)
        return -1;
    strbuf_adds(&call->text, "}");
    call->content_type = "application/json";
    return 0;
}

static int parse_status(const struct api_call *call, struct job_filter *f, struct err *err)
{
    const char *text = api_query(call, "status");
    f->status = JOB__COUNT;
    if (!text)
        return 0;
    if (strcmp(text, "active") == 0) {
        f->only_active = true;
        return 0;
    }
    f->status = job_status_parse(text);
    if (f->status == JOB__COUNT)
        return err_field(
            err, ERR_BAD_FIELD, "status",
            "status must be active, queued, processing, completed, failed or cancelled");
    return 0;
}

int api_job_list(struct api_call *call, struct err *err)
{
    struct job_filter f = {.operation = api_query(call, "operation"),
                           .search = api_query(call, "search"),
                           .before = api_query(call, "before")};
    int64_t limit;
    if (parse_status(call, &f, err) < 0 ||
        api_query_int(call, "limit", LIST_DEFAULT, 1, LIST_MAX, &limit, err) < 0)
        return -1;
    if (f.search && !*f.search)
        f.search = NULL;
    char before[UUID_SIZE];
    if (f.before) {
        if (!uuid_valid(f.before))
            return err_field(err, ERR_BAD_FIELD, "before", "before must be a job id");
        uuid_lower(f.before, before);
        f.before = before;
    }
    struct job *jobs LB_CLEANUP(mem_free) = mem_new(sizeof(*jobs) * (size_t)(limit + 1));
    int n = store_job_list(store_reader_db(call->reader, GATE_JOBS), &f, jobs, (int)limit + 1, err);
    if (n < 0)
        return -1;
    json_t *list = json_array();
    double now = clock_wall_s();
    for (int i = 0; i < n && i < limit; i++)
        (void)json_array_append_new(list, job_to_json(&jobs[i], now));
    json_t *reply = json_object();
    (void)json_object_set_new(reply, "jobs", list);
    (void)json_object_set_new(reply, "next",
                              n > limit ? json_text(jobs[limit - 1].job_id) : json_null());
    return api_reply(call, 200, reply);
}

/* ---- changes ---- */

struct change {
    char job_id[UUID_SIZE];
    struct job job;
    int done;
};

static int cancel(struct db *db, void *arg, struct err *err)
{
    struct change *c = arg;
    c->done = store_job_cancel(db, c->job_id, clock_wall_s(), &c->job, err);
    return c->done < 0 ? -1 : 0;
}

static void log_cancel(void *arg)
{
    const struct change *c = arg;
    if (c->done == 0)
        return;
    log_info("job cancel requested", "job=%s processed=%lld total=%lld", c->job_id,
             (long long)c->job.processed, (long long)c->job.total);
    struct notes notes = {0};
    if (job_status_is_final(c->job.status))
        notes_ended(&notes, &c->job);
    notes_log(&notes);
}

static void log_delete(void *arg)
{
    const struct change *c = arg;
    if (c->done)
        log_info("job deleted", "job=%s", c->job_id);
}

static int delete (struct db *db, void *arg, struct err *err)
{
    struct change *c = arg;
    c->done = store_job_delete(db, c->job_id, clock_wall_s(), err);
    return c->done < 0 ? -1 : 0;
}

static int change_job(struct api_call *call, int (*fn)(struct db *, void *, struct err *),
                      void (*committed)(void *), struct change *c, struct err *err)
{
    if (job_id_param(call, c->job_id, err) < 0)
        return -1;
    struct writer_call wc = {.file = GATE_JOBS,
                             .durable = true,
                             .ring = true,
                             .active = true,
                             .fn = fn,
                             .committed = committed,
                             .arg = c};
    return writer_call(worker_writer(call->worker), &wc, err);
}

int job_cancel(struct api_call *call, struct job *ret, struct err *err)
{
    struct change c = {0};
    if (change_job(call, cancel, log_cancel, &c, err) < 0)
        return -1;
    *ret = c.job;
    return c.done;
}

int api_job_cancel(struct api_call *call, struct err *err)
{
    struct job job;
    int rc = job_cancel(call, &job, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_ACTIVE, "Job not found or already completed");
    return api_reply(call, 200, json_pack("{s:b}", "success", 1));
}

int api_job_delete(struct api_call *call, struct err *err)
{
    struct change c = {0};
    if (change_job(call, delete, log_delete, &c, err) < 0)
        return -1;
    if (c.done == 0)
        return err_set(err, ERR_NOT_FOUND, "Job not found");
    return api_reply(call, 200, json_pack("{s:b}", "success", 1));
}
