/* POST /api/{process,rename,normalize}-{all,selected,unmarked}: the old application answered at the end of the work, or
 * streamed it with ?stream=true. Here the work is a job like any other. */
#include "api_old.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_job.h"
#include "api_wait.h"
#include "clock.h"
#include "handlers.h"
#include "path.h"
#include "store.h"
#include "worker.h"

/* When these calls became old ones (RFC 9745): the day of the first version, which has better ones. */
#define DEPRECATED_SINCE "@1795305600"
#define LOOK_ROWS        4000 /* some 20 ms on the loop */

static bool wants_stream(const struct api_call *call)
{
    const char *text = api_query(call, "stream");
    return text && strcasecmp(text, "true") == 0;
}

int old_check(const struct api_call *call, struct err *err)
{
    if (wants_stream(call) && worker_old_streams_full(call->worker))
        return err_set(err, ERR_BUSY, "too many streams are open; ask without stream=true");
    return 0;
}

/* Where the work can be seen from now on, whatever becomes of this answer. */
static void add_successor(struct api_call *call, const char *job_id)
{
    char link[400];
    (void)snprintf(link, sizeof(link), "<%s/api/jobs/%s>; rel=\"successor-version\"",
                   worker_config(call->worker)->base_path, job_id);
    api_add_header(call, "Deprecation", DEPRECATED_SINCE);
    api_add_header(call, "Link", link);
}

/* ---- answers at the end of the work ---- */

/* `results` as it grows: every look takes a part, so that none is long. */
struct gather {
    char job_id[UUID_SIZE];
    bool whole_paths;
    int64_t last_no;
    struct strbuf out;
};

static void gather_free(void *ctx)
{
    struct gather *g = ctx;
    strbuf_clear(&g->out);
    free(g);
}

/* The name that the file has now: the last part of details.final. */
static json_t *final_name(const struct job_result *r)
{
    json_t *details = r->details ? json_loads(r->details, 0, NULL) : NULL;
    const char *final = json_string_value(json_object_get(details, "final"));
    json_t *name = json_text(path_base(final ? final : r->path));
    json_decref(details);
    return name;
}

static int add_result(void *ctx, const struct job_result *r, struct err *err)
{
    (void)err;
    struct gather *g = ctx;
    json_t *file = g->whole_paths ? json_text(r->path)
                   : r->success   ? final_name(r)
                                  : json_text(path_base(r->path));
    json_t *o = json_pack("{s:o, s:b}", "file", file, "success", (int)r->success);
    if (!r->success)
        must(json_object_set_new(o, "error", json_text(r->message ? r->message : "")) == 0);
    char *text LB_CLEANUP(mem_free) = json_dumps(o, JSON_TEXT_FLAGS);
    json_decref(o);
    must(text != NULL);
    strbuf_adds(&g->out, g->last_no > 0 ? "," : "");
    strbuf_adds(&g->out, text);
    g->last_no = r->id;
    return 0;
}

/* The results of a job are all in g->out, as far as there are any. */
static int reply_results(struct api_call *call, const struct gather *g, const struct job *job)
{
    const char *error = job->status == JOB_CANCELLED ? "the job was cancelled" : job->error;
    strbuf_adds(&call->text, "{\"results\":[");
    strbuf_add(&call->text, strbuf_str(&g->out), g->out.len);
    strbuf_addc(&call->text, ']');
    if (error[0]) {
        json_t *value = json_text(error);
        char *text LB_CLEANUP(mem_free) = json_dumps(value, JSON_ENCODE_ANY);
        json_decref(value);
        strbuf_addf(&call->text, ",\"error\":%s", text);
    }
    strbuf_addc(&call->text, '}');
    call->content_type = "application/json";
    return 1;
}

static int look_gather(struct api_call *call, struct gather *g, bool last, struct db *db,
                       struct err *err)
{
    struct job job;
    int rc = store_job_get(db, g->job_id, &job, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "the job was deleted before its end");
    int64_t before = g->last_no;
    if (store_results(db, g->job_id, g->last_no, 0, NULL, LOOK_ROWS, add_result, g, err) < 0)
        return -1;
    if (job_status_is_final(job.status) && g->last_no - before < LOOK_ROWS)
        return reply_results(call, g, &job);
    return last ? old_reply_later(call, &job) : 0;
}

static int look_at_job(struct api_call *call, void *ctx, bool last, struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    if (store_read_begin(db, err) < 0)
        return -1;
    int rc = look_gather(call, ctx, last, db, err);
    store_read_end(db);
    return rc;
}

int old_reply_later(struct api_call *call, const struct job *job)
{
    (void)api_reply(call, 202, job_to_json(job, clock_wall_s()));
    return 1;
}

int old_reply(struct api_call *call, const char *job_id, bool whole_paths)
{
    api_add_header(call, "X-Longbox-Job", job_id);
    if (wants_stream(call)) {
        memcpy(call->stream.job_id, job_id, sizeof(call->stream.job_id));
        call->stream.whole_paths = whole_paths;
        return 0;
    }
    struct gather *g = mem_new(sizeof(*g));
    memcpy(g->job_id, job_id, sizeof(g->job_id));
    g->whole_paths = whole_paths;
    struct api_wait wait = {look_at_job, gather_free, g,
                            worker_config(call->worker)->answer_wait_ms};
    return api_wait(call, &wait);
}

/* ---- the nine ---- */

/* Nothing is to be done: no job is made, and the work is over. */
static int reply_nothing(struct api_call *call)
{
    api_add_header(call, "Deprecation", DEPRECATED_SINCE);
    if (!wants_stream(call))
        return api_reply(call, 200, json_pack("{s:[]}", "results"));
    strbuf_adds(&call->text, "data: {\"done\": true, \"results\": []}\n\n");
    call->content_type = "text/event-stream";
    return 0;
}

static int run_nine(struct api_call *call, const char *op_name, enum which which, struct err *err)
{
    struct job job;
    if (old_check(call, err) < 0)
        return -1;
    if (start_nine(call, op_name, which, false, &job, err) < 0) {
        if (err->code != ERR_NOTHING_TO_DO || which == WHICH_SELECTED)
            return -1;
        return reply_nothing(call);
    }
    add_successor(call, job.job_id);
    return old_reply(call, job.job_id, false);
}

#define NINE(op, which, WHICH)                                                                     \
    int api_old_##op##_##which(struct api_call *call, struct err *err)                             \
    {                                                                                              \
        return run_nine(call, #op, WHICH, err);                                                    \
    }
NINE_JOBS(NINE)
