/*
 * POST /api/{process,rename,normalize}-file/{path} and DELETE /api/delete-file/{path}: one file, by a job of one item,
 * so that the rules of leases hold for it as for any other. The call is parked until the item is done.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_job.h"
#include "api_old.h"
#include "api_wait.h"
#include "files.h"
#include "handlers.h"
#include "job_start.h"
#include "op.h"
#include "store.h"
#include "utf8.h"
#include "worker.h"

int single_path(struct api_call *call, char ret[PATH_MAX_BYTES], struct err *err)
{
    int fd LB_CLEANUP(fd_close) = -1;
    if (files_resolve(call->worker, call->reader, call->path_params[0], call->path_param_len[0],
                      ret, err) == 0 &&
        path_open(worker_library_fd(call->worker), ret, O_PATH | O_NOFOLLOW, &fd, err) == 0)
        return 0;
    return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "File not found") : -1;
}

/* ---- the answer ---- */

struct outcome {
    bool found, success;
    enum err_code code;
    char *message; /* of a failure */
};

static int take_outcome(void *ctx, const struct job_result *r, struct err *err)
{
    (void)err;
    struct outcome *o = ctx;
    json_t *details = r->details ? json_loads(r->details, 0, NULL) : NULL;
    const char *code = json_string_value(json_object_get(details, "code"));
    *o = (struct outcome){
        .found = true,
        .success = r->success,
        .code = code ? err_parse(code) : ERR_INTERNAL, /* it killed its workers */
        .message = mem_strdup(r->message ? r->message : "the item failed"),
    };
    json_decref(details);
    return 0;
}

/* The headers that name the job stay, as they would not with an err. */
static int reply_failure(struct api_call *call, enum err_code code, const char *message)
{
    json_t *body = json_pack("{s:o, s:s}", "error", json_text(message), "code", err_name(code));
    (void)api_reply(call, err_http_status(code), body);
    return 1;
}

static int reply_outcome(struct api_call *call, const struct outcome *o)
{
    if (!o->found)
        return reply_failure(call, ERR_CANCELLED, "the job was cancelled");
    if (!o->success)
        return reply_failure(call, o->code,
                             o->code == ERR_NOT_FOUND ? "File not found" : o->message);
    (void)api_reply(call, 200, json_pack("{s:b}", "success", 1));
    return 1;
}

static int look_at_single(struct api_call *call, void *ctx, bool last, struct err *err)
{
    const char *job_id = ctx;
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    struct job job;
    struct outcome o = {0};
    int rc = store_job_get(db, job_id, &job, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "the job was deleted before its end");
    if (!job_status_is_final(job.status))
        return last ? old_reply_later(call, &job) : 0;
    if (store_results(db, job_id, 0, 0, NULL, 1, take_outcome, &o, err) < 0)
        return -1;
    rc = reply_outcome(call, &o);
    free(o.message);
    return rc;
}

/* ---- the job ---- */

/* "Processing Iron Meridian 012.cbz", cut where a title ends. */
static void make_title(const struct op *op, const char *path, char ret[JOB_TITLE_MAX + 1])
{
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&text, "%s ", op->verb);
    const char *name = path_base(path);
    utf8_append_lossy(&text, name, strlen(name));
    size_t len = text.len;
    if (len > JOB_TITLE_MAX)
        for (len = JOB_TITLE_MAX; len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80;)
            len--;
    memcpy(ret, text.data, len);
    ret[len] = '\0';
}

int single_run(struct api_call *call, const struct op *op, const json_t *options, struct err *err)
{
    char path[PATH_MAX_BYTES], title[JOB_TITLE_MAX + 1];
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    if (single_path(call, path, err) < 0 || path_list_add(&items, path, err) < 0)
        return -1;
    make_title(op, path, title);
    struct job_request request = {
        .op = op,
        .title = title,
        .options = options,
        .priority = PRIORITY_HIGH, /* somebody waits, and it is one item */
        .single = true,
        .items = &items,
    };
    struct job job;
    if (parse_source(call, "old api", &request.source, err) < 0 ||
        job_start(call->worker, &request, &job, err) < 0)
        return -1;
    api_add_header(call, "X-Longbox-Job", job.job_id);
    struct api_wait wait = {look_at_single, free, mem_strdup(job.job_id),
                            worker_config(call->worker)->answer_wait_ms};
    return api_wait(call, &wait);
}

int api_file_process(struct api_call *call, struct err *err)
{
    return single_run(call, op_find("process"), NULL, err);
}

int api_file_rename(struct api_call *call, struct err *err)
{
    return single_run(call, op_find("rename"), NULL, err);
}

int api_file_normalize(struct api_call *call, struct err *err)
{
    return single_run(call, op_find("normalize"), NULL, err);
}

int api_file_delete(struct api_call *call, struct err *err)
{
    return single_run(call, op_find_any("delete"), NULL, err);
}
