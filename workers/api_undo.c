/* Putting back: POST /api/history/{id}/undo and POST /api/jobs/{id}/undo. Both are jobs of the operation undo. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "api_job.h"
#include "api_wait.h"
#include "clock.h"
#include "handlers.h"
#include "job_start.h"
#include "log.h"
#include "op.h"
#include "path.h"
#include "store.h"
#include "store_undo.h"
#include "worker.h"

#define SHOWN_NAME 80 /* of a name, in a title */

/* The only member that these calls take. */
static int read_body(struct api_call *call, bool *ret_dry_run, struct err *err)
{
    static const char *const known[] = {"dry_run", NULL};
    *ret_dry_run = false;
    if (!call->body)
        return 0;
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (refuse_unknown(call->body, known, "undo", err) < 0)
        return -1;
    return parse_dry_run(call, ret_dry_run, err) < 0 ? -1 : 0;
}

static int start(struct api_call *call, const char *option, json_t *value, const char *title,
                 const struct path_list *items, int max_threads, bool dry_run, struct job *ret,
                 struct err *err)
{
    json_t *options = json_pack("{s:o}", option, value);
    struct job_request request = {
        .op = op_find("undo"),
        .title = title,
        .options = options,
        .priority = PRIORITY_HIGH, /* somebody waits, and it undoes what is wrong */
        .max_threads = max_threads,
        .dry_run = dry_run,
        .single = strcmp(option, "history") == 0,
        .source = "undo",
        .items = items,
    };
    int rc = job_start(call->worker, &request, ret, err);
    json_decref(options);
    return rc < 0 ? -1 : 0;
}

/* ---- one row of the history ---- */

struct single {
    char job_id[UUID_SIZE];
    json_t *reply; /* of the item that succeeded */
};

static void single_free(void *ctx)
{
    struct single *s = ctx;
    json_decref(s->reply);
    free(s);
}

static enum err_code code_of(const json_t *details)
{
    const char *name = json_string_value(json_object_get(details, "code"));
    for (int i = 0; name && i < ERR__COUNT; i++)
        if (strcmp(err_name((enum err_code)i), name) == 0)
            return (enum err_code)i;
    return ERR_INTERNAL;
}

/* What became of the one item. */
static int add_outcome(void *ctx, const struct job_result *r, struct err *err)
{
    struct single *s = ctx;
    json_t *details = r->details ? json_loads(r->details, 0, NULL) : NULL;
    if (!r->success) {
        (void)err_set(err, code_of(details), "%s", r->message ? r->message : "");
        json_decref(details);
        return -1;
    }
    json_t *undone = json_object_get(details, "undone");
    s->reply = json_pack("{s:b, s:s, s:O*, s:O*, s:O*}", "success", 1, "job_id", s->job_id,
                         "filepath", json_object_get(details, "final"), "undone", undone, "preview",
                         json_object_get(details, "preview"));
    json_decref(details);
    return 0;
}

static int look_at(struct api_call *call, struct single *s, bool last, struct db *db,
                   struct err *err)
{
    struct job job;
    int rc = store_job_get(db, s->job_id, &job, err);
    if (rc <= 0)
        return rc < 0 ? -1 : err_set(err, ERR_NOT_FOUND, "the undo was deleted before its end");
    if (!job_status_is_final(job.status)) {
        if (last)
            (void)api_reply(call, 202, job_to_json(&job, clock_wall_s()));
        return last;
    }
    if (store_results(db, s->job_id, 0, 0, NULL, 1, add_outcome, s, err) < 0)
        return -1;
    if (!s->reply)
        return err_set(err, ERR_CANCELLED, "the undo was cancelled");
    (void)api_reply(call, 200, json_incref(s->reply));
    return 1;
}

static int look(struct api_call *call, void *ctx, bool last, struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_JOBS);
    if (store_read_begin(db, err) < 0)
        return -1;
    int rc = look_at(call, ctx, last, db, err);
    store_read_end(db);
    return rc;
}

static int history_id_param(struct api_call *call, int64_t *ret, struct err *err)
{
    const char *text = call->path_params[0];
    errno = 0;
    char *end;
    long long id = strtoll(text, &end, 10);
    if (errno || *end || end == text || id <= 0 || text[0] < '0' || text[0] > '9')
        return err_set(err, ERR_NOT_FOUND, "row %s of the history is not there", LOG_QUOTE(text));
    *ret = id;
    return 0;
}

/* The row, and the place of its file. What is known to fail needs no job. */
static int find_row(struct api_call *call, int64_t id, struct path_list *ret, struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_LIBRARY);
    struct undo_row row LB_CLEANUP(undo_row_clear) = {0};
    char *path LB_CLEANUP(mem_free) = NULL;
    int rc = store_undo_get(db, id, &row, err);
    if (rc == 1)
        rc = store_undo_path(db, id, &path, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "row %lld of the history is not there", (long long)id);
    if (row.undone_by)
        return err_set(err, ERR_CANNOT_UNDO, "this change was undone already (history %lld)",
                       (long long)row.undone_by);
    return path_list_add(ret, path, err);
}

int api_history_undo(struct api_call *call, struct err *err)
{
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    int64_t id = 0;
    bool dry_run;
    struct job job;
    if (history_id_param(call, &id, err) < 0 || read_body(call, &dry_run, err) < 0 ||
        find_row(call, id, &items, err) < 0)
        return -1;
    char title[JOB_TITLE_MAX + 1], name[SHOWN_NAME];
    (void)snprintf(title, sizeof(title), "%sUndoing %s", dry_run ? "Preview: " : "",
                   log_quote(path_base(items.paths[0]), name, sizeof(name)));
    if (start(call, "history", json_integer((json_int_t)id), title, &items, 0, dry_run, &job, err) <
        0)
        return -1;
    struct single *s = mem_new(sizeof(*s));
    memcpy(s->job_id, job.job_id, sizeof(s->job_id));
    struct api_wait wait = {look, single_free, s, worker_config(call->worker)->answer_wait_ms};
    return api_wait(call, &wait);
}

/* ---- a whole job ---- */

/* The files that it changed, if it has ended; the job itself may have aged out. */
static int find_changes(struct api_call *call, const char *job_id, struct path_list *ret,
                        struct err *err)
{
    struct job job;
    int rc = store_job_get(store_reader_db(call->reader, GATE_JOBS), job_id, &job, err);
    if (rc == 1 && !job_status_is_final(job.status))
        return err_set(err, ERR_CONFLICT, "the job has not ended (%s): cancel it first",
                       job_status_name(job.status));
    if (rc < 0 || store_undo_paths(store_reader_db(call->reader, GATE_LIBRARY), job_id,
                                   path_list_take, ret, err) < 0)
        return -1;
    if (ret->n)
        return 0;
    return rc == 1 ? err_set(err, ERR_NOTHING_TO_DO, "This job has no change that is not undone")
                   : err_set(err, ERR_NOT_FOUND, "Job not found");
}

int api_job_undo(struct api_call *call, struct err *err)
{
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    char job_id[UUID_SIZE];
    bool dry_run;
    struct job job;
    if (job_id_param(call, job_id, err) < 0 || read_body(call, &dry_run, err) < 0 ||
        find_changes(call, job_id, &items, err) < 0)
        return -1;
    /* A book that took the name which another one had left can go back only first: then the order counts. */
    int chained = store_undo_is_chained(store_reader_db(call->reader, GATE_LIBRARY), job_id, err);
    if (chained < 0 || start(call, "job", json_string(job_id),
                             dry_run ? "Preview: Undoing Files..." : "Undoing Files...", &items,
                             chained ? 1 : 0, dry_run, &job, err) < 0)
        return -1;
    return reply_made(call, &job, false);
}
