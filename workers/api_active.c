/* The active job: the one that pages follow by default. */
#include <string.h>

#include "api.h"
#include "clock.h"
#include "handlers.h"
#include "log.h"
#include "store.h"
#include "worker.h"
#include "writer.h"

static json_t *text_or_null(const char *s)
{
    return *s ? json_text(s) : json_null();
}

int api_active_get(struct api_call *call, struct err *err)
{
    struct active_job a;
    if (store_active_get(store_reader_db(call->reader, GATE_JOBS), &a, err) < 0)
        return -1;
    return api_reply(call, 200,
                     json_pack("{s:o, s:o}", "job_id", text_or_null(a.job_id), "job_title",
                               text_or_null(a.title)));
}

struct change {
    char job_id[UUID_SIZE];
    const char *title;
    int set;
};

static int set(struct db *db, void *arg, struct err *err)
{
    struct change *c = arg;
    c->set = store_active_set(db, c->job_id, c->title, clock_wall_s(), err);
    return c->set < 0 ? -1 : 0;
}

static int clear(struct db *db, void *arg, struct err *err)
{
    (void)arg;
    return store_active_clear(db, clock_wall_s(), err);
}

static int reply(struct api_call *call, const char *message)
{
    return api_reply(call, 200, json_pack("{s:b, s:s}", "success", 1, "message", message));
}

int api_active_post(struct api_call *call, struct err *err)
{
    const char *job_id, *title;
    if (call->body && !json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (api_body_str(call, "job_id", &job_id, err) < 0 ||
        api_body_str(call, "job_title", &title, err) < 0)
        return -1;
    if (!job_id || !*job_id)
        return err_field(err, ERR_BAD_FIELD, "job_id", "job_id is required");
    if (!uuid_valid(job_id))
        return err_field(err, ERR_BAD_FIELD, "job_id", "Invalid job_id format (must be UUID)");
    if (title && strlen(title) > JOB_TITLE_MAX)
        return err_field(err, ERR_RANGE, "job_title", "job_title must have at most %d bytes",
                         JOB_TITLE_MAX);
    struct change c = {.title = title ? title : "Processing..."};
    uuid_lower(job_id, c.job_id);
    struct writer_call wc = {
        .file = GATE_JOBS, .durable = true, .ring = true, .active = true, .fn = set, .arg = &c};
    if (writer_call(worker_writer(call->worker), &wc, err) < 0)
        return -1;
    if (c.set)
        log_info("active job set", "job=%s title=%s", c.job_id, LOG_QUOTE(c.title));
    return reply(call, c.set ? "Active job set" : "Job has ended; nothing was set");
}

int api_active_delete(struct api_call *call, struct err *err)
{
    struct writer_call wc = {
        .file = GATE_JOBS, .durable = true, .ring = true, .active = true, .fn = clear};
    if (writer_call(worker_writer(call->worker), &wc, err) < 0)
        return -1;
    log_info("active job cleared", "by=client");
    return reply(call, "Active job cleared");
}
