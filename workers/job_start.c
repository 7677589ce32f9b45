#include "job_start.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "notes.h"
#include "store.h"
#include "worker.h"
#include "writer.h"

/* Items go in so many at a time, so that the gate is never held for long; a job is shown when all are there. */
#define STAGE_CHUNK     1000
#define PATHS_MAX_BYTES (1LL << 30)

int path_list_add(struct path_list *l, const char *path, struct err *err)
{
    if (l->n >= JOB_ITEMS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d files: start several jobs", JOB_ITEMS_MAX);
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->paths = realloc(l->paths, l->cap * sizeof(*l->paths));
        must(l->paths != NULL);
    }
    l->paths[l->n++] = mem_strdup(path);
    return 0;
}

int path_list_take(void *list, const char *path, struct err *err)
{
    return path_list_add(list, path, err);
}

void path_list_clear(struct path_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->paths[i]);
    free(l->paths);
    *l = (struct path_list){0};
}

/* One visit at the writer: the job's row first, then a part of its items, at last the publication. */
struct stage {
    struct worker *worker;
    const struct job_request *request;
    const char *options;
    char job_id[UUID_SIZE];
    size_t from, n;
    struct job *ret;
};

static int stage(struct db *db, void *arg, struct err *err)
{
    struct stage *s = arg;
    const struct job_request *r = s->request;
    double now = clock_wall_s();
    if (s->from == 0) {
        struct job_new job = {
            .job_id = s->job_id,
            .operation = r->op->name,
            .title = r->title,
            .options = s->options,
            .total = (int64_t)r->items->n,
            .exclusive = r->op->accepts == ACCEPTS_BOOKS,
            .priority = r->priority,
            .made_by = worker_name(s->worker),
            .staged_by = worker_owner(s->worker),
            .idempotency_key = r->idempotency_key,
            .paused = r->paused,
            .dry_run = r->dry_run,
            .max_threads = r->max_threads,
            .parent = r->parent,
            .parent_kind = r->parent_kind,
            .drive = r->drive,
            .follow_up = r->follow_up,
            .single = r->single,
            .source = r->source,
        };
        if (store_job_stage(db, &job, now, err) < 0)
            return -1;
    }
    if (store_job_stage_items(db, s->job_id, (int64_t)s->from + 1,
                              (const char *const *)r->items->paths + s->from, s->n, err) < 0)
        return -1;
    fault_hit("job_staged_chunk");
    if (s->from + s->n < r->items->n)
        return 0;
    return store_job_publish(db, s->job_id, now, s->ret, err);
}

static void log_created(void *arg)
{
    const struct stage *s = arg;
    if (s->from + s->n < s->request->items->n)
        return;
    struct notes notes = {0};
    notes_created(&notes, s->ret);
    notes_log(&notes);
}

int job_find_by_key(struct worker *w, const char *key, const struct op *op, struct job *ret,
                    struct err *err)
{
    struct store_reader *reader = worker_reader_open(w, err);
    if (!reader)
        return -1;
    struct db *db = store_reader_db(reader, GATE_JOBS);
    char job_id[UUID_SIZE];
    int rc = store_job_by_key(db, key, job_id, err);
    if (rc == 1)
        rc = store_job_get(db, job_id, ret, err);
    worker_reader_close(reader);
    if (rc == 1 && strcmp(ret->operation, op->name) != 0)
        return err_field(err, ERR_CONFLICT, "Idempotency-Key",
                         "this Idempotency-Key was used for job %s, which is a %s", ret->job_id,
                         ret->operation);
    return rc;
}

static int unstage(struct db *db, void *arg, struct err *err)
{
    return store_job_unstage(db, ((struct stage *)arg)->job_id, clock_wall_s(), err);
}

/* What was staged would only be swept after the death of this process. */
static void give_up(struct worker *w, struct stage *s)
{
    struct err why = {0};
    struct writer_call call = {.file = GATE_JOBS, .fn = unstage, .arg = s};
    if (s->from > 0 && writer_call(worker_writer(w), &call, &why) < 0)
        log_warn("staging left behind", "job=%s error=%s", s->job_id, LOG_QUOTE(why.msg));
}

static int make(struct worker *w, const struct job_request *request, const char *options,
                struct job *ret, struct err *err)
{
    struct stage s = {.worker = w, .request = request, .options = options, .ret = ret};
    uuid_new(s.job_id);
    while (s.from < request->items->n) {
        size_t left = request->items->n - s.from;
        s.n = left < STAGE_CHUNK ? left : STAGE_CHUNK;
        bool last = s.n == left;
        struct writer_call call = {.file = GATE_JOBS,
                                   .durable = last,
                                   .ring = last,
                                   .active = last,
                                   .fn = stage,
                                   .committed = log_created,
                                   .arg = &s};
        if (writer_call(worker_writer(w), &call, err) < 0) {
            give_up(w, &s);
            return -1;
        }
        s.from += s.n;
    }
    return 1;
}

static int check_dry_run(const struct op *op, struct err *err)
{
    if (op->previews)
        return 0;
    if (op->command)
        return err_field(
            err, ERR_RANGE, "dry_run",
            "%s is a command of yours: what it would do cannot be known before it runs", op->name);
    return err_field(err, ERR_RANGE, "dry_run", "%s changes nothing: there is nothing to preview",
                     op->name);
}

int job_start(struct worker *w, const struct job_request *request, struct job *ret, struct err *err)
{
    must(request->items->n > 0);
    json_t *none = json_object();
    const json_t *options = request->options ? request->options : none;
    char *text = NULL;
    int rc = request->dry_run ? check_dry_run(request->op, err) : 0;
    if (rc == 0)
        rc = request->op->check_options(options, err);
    if (rc == 0)
        text = json_dumps(options, JSON_COMPACT);
    json_decref(none);
    char *owned LB_CLEANUP(mem_free) = text;
    if (rc < 0)
        return -1;
    const char *key = request->idempotency_key;
    rc = make(w, request, owned, ret, err);
    if (rc >= 0 || !key)
        return rc;
    /* Two calls with one key at the same moment: the second finds the job of the first. */
    struct err second = {0};
    int found = job_find_by_key(w, key, request->op, ret, &second);
    return found == 1 ? 0 : rc;
}
