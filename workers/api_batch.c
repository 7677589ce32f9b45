/* Batches: jobs in the words of the batch page, which may drive them itself. */
#include "api_batch.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_job.h"
#include "handlers.h"
#include "job_start.h"
#include "worker.h"

#define ITEMS_DEFAULT 1000
#define ITEMS_MAX     1000

json_t *batch_progress(const struct job *job)
{
    double percentage = job->total ? 100.0 * (double)job->processed / (double)job->total : 0;
    return json_pack("{s:I, s:I, s:I, s:I, s:f}", "total", (json_int_t)job->total, "completed",
                     (json_int_t)job->processed, "successful", (json_int_t)job->success, "failed",
                     (json_int_t)job->errors, "percentage", round(percentage * 100) / 100);
}

int64_t batch_remaining(const struct job *job)
{
    return job->total - job->processed - job->cancelled;
}

const char *batch_status(const struct job *job)
{
    return job_status_name(job->cancelling ? JOB_CANCELLED : job->status);
}

json_t *batch_item_id(int64_t seq)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)seq);
    return json_string(text);
}

void batch_item_address(const struct api_call *call, const char *job_id, int64_t seq, char *ret,
                        size_t size)
{
    (void)snprintf(ret, size, "%s/api/batch-jobs/%s/items/%lld",
                   worker_config(call->worker)->base_path, job_id, (long long)seq);
}

/* ---- reading ---- */

static json_t *item_json(const struct item_row *it)
{
    static const char *const words[] = {[ITEM_IS_QUEUED] = "queued",
                                        [ITEM_IS_LEASED] = "processing",
                                        [ITEM_IS_OK] = "completed",
                                        [ITEM_IS_ERROR] = "failed",
                                        [ITEM_IS_CANCELLED] = "cancelled"};
    return json_pack("{s:o, s:I, s:s, s:o, s:o}", "id", batch_item_id(it->seq), "position",
                     (json_int_t)it->seq, "status", words[it->state], "error",
                     it->state == ITEM_IS_ERROR ? json_text(it->message) : json_null(), "path",
                     json_text(it->path));
}

struct page {
    json_t *items;
    int64_t max, last;
    bool more;
};

static int add_item(void *ctx, const struct item_row *it, struct err *err)
{
    (void)err;
    struct page *p = ctx;
    if ((int64_t)json_array_size(p->items) == p->max) {
        p->more = true;
        return 0;
    }
    must(json_array_append_new(p->items, item_json(it)) == 0);
    p->last = it->seq;
    return 0;
}

/* One of {"operation", "jobId", "status"}; jobId and status are null while there is no such job. */
static json_t *follow_up_json(struct db *db, const char *operation, const char *job_id)
{
    struct job job;
    struct err err = {0};
    bool found = job_id && store_job_get(db, job_id, &job, &err) == 1;
    return json_pack("{s:s, s:o, s:o}", "operation", operation, "jobId",
                     found ? json_string(job.job_id) : json_null(), "status",
                     found ? json_string(batch_status(&job)) : json_null());
}

/* Of the operation that the job named first, else of the last job that was made to follow it; null: of none. */
static json_t *follow_up_of(struct db *db, const struct job *job)
{
    json_t *named = json_loads(job->follow_up[0] ? job->follow_up : "[]", 0, NULL);
    json_t *made = json_loads(job->follow_ups[0] ? job->follow_ups : "{}", 0, NULL);
    const char *operation = json_string_value(json_array_get(named, 0)), *key;
    json_t *value, *ret;
    if (!operation)
        json_object_foreach(made, key, value) operation = key;
    ret = operation
              ? follow_up_json(db, operation, json_string_value(json_object_get(made, operation)))
              : json_null();
    json_decref(named);
    json_decref(made);
    return ret;
}

json_t *batch_json(struct db *db, const struct job *job)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:o}", "jobId", job->job_id, "name", job->title,
                          "status", batch_status(job), "progress", batch_progress(job));
    must(o && json_object_set_new(o, "followUp", follow_up_of(db, job)) == 0);
    must(json_object_set_new(o, "operation", json_text(job->operation)) == 0);
    must(json_object_set_new(o, "drive", json_string(job_drive_name(job->drive))) == 0);
    must(json_object_set_new(o, "paused",
                             json_boolean(job->paused && !job_status_is_final(job->status))) == 0);
    must(json_object_set_new(o, "remainingItems", json_integer(batch_remaining(job))) == 0);
    must(json_object_set_new(o, "version", json_integer(job->version)) == 0);
    return o;
}

/* The job and its items are one state. */
static int reply_batch(struct api_call *call, int64_t after, int64_t max, struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    struct job job;
    if (find_job(call, &job, err) < 0)
        return -1;
    struct page page = {.items = json_array(), .max = max};
    if (store_items(db, job.job_id, after, (int)max + 1, add_item, &page, err) < 0) {
        json_decref(page.items);
        return -1;
    }
    json_t *o = batch_json(db, &job);
    must(json_object_set_new(o, "items", page.items) == 0);
    must(json_object_set_new(o, "itemsNext", page.more ? json_integer(page.last) : json_null()) ==
         0);
    return api_reply(call, 200, o);
}

int api_batch_get(struct api_call *call, struct err *err)
{
    int64_t max, after;
    if (api_query_int(call, "items", ITEMS_DEFAULT, 0, ITEMS_MAX, &max, err) < 0 ||
        api_query_int(call, "after", 0, 0, INT64_MAX, &after, err) < 0)
        return -1;
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    if (store_read_begin(db, err) < 0)
        return -1;
    int rc = reply_batch(call, after, max, err);
    store_read_end(db);
    return rc;
}

static int reply_item(void *ctx, const struct item_row *it, struct err *err)
{
    (void)err;
    *(json_t **)ctx = item_json(it);
    return 0;
}

int api_batch_item(struct api_call *call, struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    struct job job;
    if (find_job(call, &job, err) < 0)
        return -1;
    const char *id = call->path_params[1];
    size_t digits = strspn(id, "0123456789");
    int64_t seq = digits > 0 && digits < 10 && !id[digits] ? strtoll(id, NULL, 10) : 0;
    json_t *item = NULL;
    if (seq > 0 && seq <= job.total &&
        store_items(db, job.job_id, seq - 1, 1, reply_item, &item, err) < 0)
        return -1;
    if (!item)
        return err_set(err, ERR_NOT_FOUND, "this batch has no item %.40s", id);
    must(json_object_set_new(item, "jobId", json_string(job.job_id)) == 0);
    return api_reply(call, 200, item);
}

/* ---- making and cancelling ---- */

static int reply_made_batch(struct api_call *call, const struct job *job, bool again)
{
    char location[400];
    (void)snprintf(location, sizeof(location), "%s/api/batch-jobs/%s",
                   worker_config(call->worker)->base_path, job->job_id);
    api_add_header(call, "Location", location);
    return api_reply(call, again ? 200 : 201,
                     json_pack("{s:s, s:s, s:s, s:I}", "id", job->job_id, "jobId", job->job_id,
                               "status", batch_status(job), "totalItems", (json_int_t)job->total));
}

/* `name` is the title; absent: that of the operation. */
static int parse_name(struct api_call *call, const struct op *op, char ret[JOB_TITLE_MAX + 1],
                      struct err *err)
{
    const char *name;
    if (api_body_str(call, "name", &name, err) < 0)
        return -1;
    if (name && (!*name || strlen(name) > JOB_TITLE_MAX))
        return err_field(err, ERR_RANGE, "name", "name must have 1 to %d bytes", JOB_TITLE_MAX);
    if (name)
        (void)snprintf(ret, JOB_TITLE_MAX + 1, "%s", name);
    else
        (void)snprintf(ret, JOB_TITLE_MAX + 1, "%s Files...", op->verb);
    return 0;
}

int api_batch_create(struct api_call *call, struct err *err)
{
    static const char *const known[] = {"name",  "operation", "items", "options",
                                        "drive", "follow_up", NULL};
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    const struct op *op;
    if (refuse_unknown(call->body, known, "batch", err) < 0 || parse_operation(call, &op, err) < 0)
        return -1;
    char title[JOB_TITLE_MAX + 1];
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    struct job_request request = {.op = op,
                                  .title = title,
                                  .priority = PRIORITY_NORMAL,
                                  .drive = DRIVE_CLIENT,
                                  .items = &items};
    char *follow_up LB_CLEANUP(mem_free) = NULL;
    if (parse_name(call, op, title, err) < 0 ||
        parse_follow_up(call, "follow_up", op, &follow_up, err) < 0 ||
        parse_options(call, &request.options, err) < 0 ||
        parse_drive(call, &request.drive, err) < 0 ||
        parse_source(call, "api", &request.source, err) < 0 ||
        parse_idempotency_key(call, &request.idempotency_key, err) < 0)
        return -1;
    request.follow_up = follow_up;
    struct job job;
    int rc = earlier_job(call, &request, &job, err);
    if (rc != 0)
        return rc < 0 ? -1 : reply_made_batch(call, &job, true);
    if (parse_items(call, "items", op, &items, err) < 0)
        return -1;
    rc = job_start(call->worker, &request, &job, err);
    return rc < 0 ? -1 : reply_made_batch(call, &job, rc == 0);
}

int api_batch_cancel(struct api_call *call, struct err *err)
{
    struct job job;
    int rc = job_cancel(call, &job, err);
    if (rc < 0)
        return -1;
    if (rc == 0 && find_job(call, &job, err) < 0)
        return -1;
    if (job.status != JOB_CANCELLED && !job.cancelling)
        return err_set(err, ERR_CONFLICT, "the job has ended (%s)", job_status_name(job.status));
    return api_reply(call, 200, json_pack("{s:b, s:s}", "success", 1, "status", "cancelled"));
}
