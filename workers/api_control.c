/* Jobs that are there: pausing, resuming, changing, taking their failed items again. */
#include <stdlib.h>

#include "api.h"
#include "api_batch.h"
#include "api_job.h"
#include "clock.h"
#include "handlers.h"
#include "job_start.h"
#include "log.h"
#include "op.h"
#include "store.h"
#include "worker.h"
#include "writer.h"

struct control {
    char job_id[UUID_SIZE];
    struct job_change change;
    struct job job;
    bool changed;
};

static int control(struct db *db, void *arg, struct err *err)
{
    struct control *c = arg;
    int rc = store_job_change(db, c->job_id, &c->change, clock_wall_s(), &c->job, &c->changed, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "Job not found") : rc < 0 ? -1 : 0;
}

static void log_control(void *arg)
{
    const struct control *c = arg;
    if (c->changed)
        log_info("job changed", "job=%s paused=%s priority=%s max_threads=%d drive=%s title=%s",
                 c->job_id, c->job.paused ? "yes" : "no", job_priority_name(c->job.priority),
                 c->job.max_threads, job_drive_name(c->job.drive), LOG_QUOTE(c->job.title));
}

static int change_job(struct api_call *call, struct control *c, struct err *err)
{
    if (job_id_param(call, c->job_id, err) < 0)
        return -1;
    struct writer_call wc = {.file = GATE_JOBS,
                             .durable = true,
                             .ring = true,
                             .active = c->change.title != NULL,
                             .fn = control,
                             .committed = log_control,
                             .arg = c};
    return writer_call(worker_writer(call->worker), &wc, err);
}

static int change_and_reply(struct api_call *call, struct control *c, struct err *err)
{
    if (change_job(call, c, err) < 0)
        return -1;
    return api_reply(call, 200, job_to_json(&c->job, clock_wall_s()));
}

static int set_paused(struct api_call *call, bool paused, struct err *err)
{
    struct control c = {.change.paused = &paused};
    return change_and_reply(call, &c, err);
}

int api_job_pause(struct api_call *call, struct err *err)
{
    return set_paused(call, true, err);
}

int api_job_resume(struct api_call *call, struct err *err)
{
    return set_paused(call, false, err);
}

int api_job_patch(struct api_call *call, struct err *err)
{
    static const char *const known[] = {"priority", "title", "max_threads", "drive", NULL};
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (refuse_unknown(call->body, known, "job", err) < 0)
        return -1;
    enum job_priority priority;
    enum job_drive drive;
    int max_threads = 0; /* null: no limit any more */
    struct control c = {0};
    int rc = parse_priority(call, &priority, err);
    if (rc == 1)
        c.change.priority = &priority;
    if (rc >= 0)
        rc = parse_drive(call, &drive, err);
    if (rc == 1)
        c.change.drive = &drive;
    if (rc < 0 || parse_title(call, &c.change.title, err) < 0 ||
        parse_max_threads(call, &max_threads, err) < 0)
        return -1;
    if (json_object_get(call->body, "max_threads"))
        c.change.max_threads = &max_threads;
    return change_and_reply(call, &c, err);
}

int api_batch_patch(struct api_call *call, struct err *err)
{
    static const char *const known[] = {"drive", NULL};
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    enum job_drive drive;
    if (refuse_unknown(call->body, known, "batch", err) < 0)
        return -1;
    int rc = parse_drive(call, &drive, err);
    if (rc == 0)
        return err_field(err, ERR_BAD_FIELD, "drive", "drive is required");
    struct control c = {.change.drive = &drive};
    if (rc < 0 || change_job(call, &c, err) < 0)
        return -1;
    return api_reply(call, 200, batch_json(store_reader_db(call->reader, GATE_JOBS), &c.job));
}

/* ---- all jobs ---- */

struct control_all {
    bool paused;
    int n; /* of the last part */
    int64_t total;
};

static int control_all(struct db *db, void *arg, struct err *err)
{
    struct control_all *c = arg;
    c->n = store_jobs_pause(db, c->paused, STORE_PAUSE_CHUNK, clock_wall_s(), err);
    return c->n < 0 ? -1 : 0;
}

static int set_all_paused(struct api_call *call, bool paused, struct err *err)
{
    struct control_all c = {.paused = paused};
    struct writer_call wc = {
        .file = GATE_JOBS, .durable = true, .ring = true, .fn = control_all, .arg = &c};
    do {
        if (writer_call(worker_writer(call->worker), &wc, err) < 0)
            return -1;
        c.total += c.n;
    } while (c.n == STORE_PAUSE_CHUNK);
    const char *what = paused ? "paused" : "resumed";
    log_info("all jobs changed", "%s=%lld", what, (long long)c.total);
    return api_reply(call, 200, json_pack("{s:I}", what, (json_int_t)c.total));
}

int api_jobs_pause(struct api_call *call, struct err *err)
{
    return set_all_paused(call, true, err);
}

int api_jobs_resume(struct api_call *call, struct err *err)
{
    return set_all_paused(call, false, err);
}

/* ---- retry ---- */

/* Makes the job that takes the failed and the cancelled items of `old` again. As job_start. */
static int start_retry(struct api_call *call, const struct job *old, struct job *ret,
                       struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    const struct op *op = op_find(old->operation);
    if (!op)
        return err_set(
            err, ERR_CONFLICT,
            op_find_any(old->operation)
                ? "a job of '%s' is not repeated: select what is left, and start a new one"
                : "operation '%s' is not known any more",
            old->operation);
    if (old->success == old->total)
        return err_set(err, ERR_NOTHING_TO_DO, "No item of this job failed or was cancelled");
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    char *text LB_CLEANUP(mem_free) = NULL;
    if (store_job_options(db, old->job_id, &text, err) < 0 ||
        store_job_not_done(db, old->job_id, path_list_take, &items, err) < 0)
        return -1;
    if (items.n == 0) /* deleted meanwhile */
        return err_set(err, ERR_NOT_FOUND, "Job not found");
    json_t *options = json_loads(text, 0, NULL);
    struct job_request request = {.op = op,
                                  .title = old->title,
                                  .options = options,
                                  .priority = old->priority,
                                  .max_threads = old->max_threads,
                                  .dry_run = old->dry_run,
                                  .parent = old->job_id,
                                  .parent_kind = "retry",
                                  .source = "retry",
                                  .follow_up = old->follow_up[0] ? old->follow_up : NULL,
                                  .items = &items};
    int rc = job_start(call->worker, &request, ret, err);
    json_decref(options);
    return rc;
}

int api_job_retry(struct api_call *call, struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    struct job old, job;
    if (find_job(call, &old, err) < 0)
        return -1;
    if (!job_status_is_final(old.status))
        return err_set(err, ERR_CONFLICT, "the job has not ended (%s)",
                       job_status_name(old.status));
    int rc = store_job_retry_of(db, old.job_id, &job, err);
    if (rc != 0)
        return rc < 0 ? -1 : reply_made(call, &job, true);
    if (start_retry(call, &old, &job, err) >= 0)
        return reply_made(call, &job, false);
    /* Two calls at the same moment: the second finds the job of the first. */
    struct err second = {0};
    rc = store_job_retry_of(db, old.job_id, &job, &second);
    return rc == 1 ? reply_made(call, &job, true) : -1;
}
