/*
 * What follows a job: a job over the items that succeeded, made once. It is staged, filled in parts and published like
 * every job; the pair of parent and kind is unique, so two makers never make two.
 */
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "fault.h"
#include "store_job.h"

int store_follow_due(struct db *db, struct job *ret, int max, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_FOLLOW_DUE, err) < 0)
        return -1;
    query_int(&q, ":max", max);
    int n = 0, rc;
    while ((rc = query_step(&q, err)) == 1)
        job_from_row(&q, &ret[n++]);
    return rc < 0 ? -1 : n;
}

static void kind_of(const struct follow_new *n, char ret[64])
{
    (void)snprintf(ret, 64, "follow_up:%s", n->operation);
}

int store_follow_find(struct db *db, const char *parent, const char *operation, struct job *ret,
                      struct err *err)
{
    char kind[64];
    kind_of(&(struct follow_new){.operation = operation}, kind);
    return job_child(db, parent, kind, ret, err);
}

/* Who stages it: 1 = *ret is the owner, *ret_id the job; 0 = nobody. */
static int staging(struct db *db, const struct follow_new *n, char ret_id[UUID_SIZE],
                   char ret[BOARD_OWNER_SIZE], struct err *err)
{
    char kind[64];
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_CHILD_STAGED, err) < 0)
        return -1;
    kind_of(n, kind);
    query_text(&q, ":parent", n->parent);
    query_text(&q, ":kind", kind);
    int rc = query_step(&q, err);
    if (rc == 1) {
        query_col_copy(&q, 0, ret_id, UUID_SIZE);
        query_col_copy(&q, 1, ret, BOARD_OWNER_SIZE);
    }
    return rc;
}

/* It will not be made by itself any more. */
static int not_due(struct db *db, const char *parent, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_FOLLOW_NOT_DUE, err) < 0)
        return -1;
    query_text(&q, ":job_id", parent);
    return query_run(&q, err);
}

int store_follow_forget(struct db *db, const char *parent, struct err *err)
{
    return not_due(db, parent, err);
}

/* The operations after the first one, when it is `operation`; else none. JSON text, malloc'd; NULL = none. */
static char *rest_of(const struct job *parent, const char *operation)
{
    json_t *list = json_loads(parent->follow_up[0] ? parent->follow_up : "[]", 0, NULL);
    const char *first = json_string_value(json_array_get(list, 0));
    char *ret = NULL;
    if (first && strcmp(first, operation) == 0 && json_array_size(list) > 1) {
        must(json_array_remove(list, 0) == 0);
        ret = json_dumps(list, JSON_COMPACT);
        must(ret != NULL);
    }
    json_decref(list);
    return ret;
}

/* 1: ours to make. 0: another one does, or has: *ret_state says which. */
static int may_begin(struct db *db, const struct board *board, const struct follow_new *n,
                     double now, struct job *ret, enum follow_state *ret_state, struct err *err)
{
    char owner[BOARD_OWNER_SIZE], job_id[UUID_SIZE];
    int rc = store_follow_find(db, n->parent, n->operation, ret, err);
    if (rc != 0) {
        *ret_state = FOLLOW_FOUND;
        return rc < 0 ? -1 : 0;
    }
    rc = staging(db, n, job_id, owner, err);
    if (rc == 1 && board_owner_alive(board, owner)) {
        *ret_state = FOLLOW_OTHER;
        return 0;
    }
    if (rc == 1)
        rc = store_job_unstage(db, job_id, now, err);
    return rc < 0 ? -1 : 1;
}

static int stage(struct db *db, const struct follow_new *n, const struct job *parent,
                 struct follow_up *f, double now, struct err *err)
{
    char kind[64];
    kind_of(n, kind);
    char *rest LB_CLEANUP(mem_free) = rest_of(parent, n->operation);
    uuid_new(f->job_id);
    struct job_new job = {
        .job_id = f->job_id,
        .operation = n->operation,
        .title = n->title,
        .options = "{}",
        .total = parent->success, /* at most; what is not in the library any more is left out */
        .exclusive = n->exclusive,
        .priority = parent->priority,
        .made_by = n->made_by,
        .staged_by = n->staged_by,
        .max_threads = parent->max_threads,
        .parent = n->parent,
        .parent_kind = kind,
        .drive = DRIVE_SERVER,
        .follow_up = rest,
        .source = "follow-up",
    };
    return store_job_stage(db, &job, now, err);
}

/* Copies what succeeded of the next items of the parent. */
static int copy(struct db *db, const struct follow_new *n, struct follow_up *f, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_FOLLOW_COPY, err) < 0)
        return -1;
    query_text(&q, ":job_id", f->job_id);
    query_text(&q, ":parent", n->parent);
    query_int(&q, ":n", f->n);
    query_int(&q, ":after", f->after);
    query_int(&q, ":upto", f->after + n->chunk);
    int64_t copied = query_changes(&q, err);
    if (copied < 0)
        return -1;
    f->after += n->chunk;
    f->n += copied;
    return 0;
}

/* The parent says which job follows it. */
static int link_parent(struct db *db, const struct follow_new *n, const char *job_id, double now,
                       struct err *err)
{
    struct job parent;
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_FOLLOW_LINK, err) < 0)
            return -1;
        query_text(&q, ":parent", n->parent);
        query_text(&q, ":operation", n->operation);
        query_text(&q, ":job_id", job_id);
        int rc = query_step(&q, err);
        if (rc < 0)
            return -1;
        must(rc == 1); /* it was there a moment ago, and we are the only writer */
        job_from_row(&q, &parent);
    }
    return store_event_job(db, &parent, NULL, now, err);
}

static int publish(struct db *db, const struct follow_new *n, const struct follow_up *f, double now,
                   struct job *ret, struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_FOLLOW_TOTAL, err) < 0)
            return -1;
        query_text(&q, ":job_id", f->job_id);
        query_int(&q, ":total", f->n);
        if (query_run(&q, err) < 0)
            return -1;
    }
    fault_hit("follow_up_filled");
    if (store_job_publish(db, f->job_id, now, ret, err) < 0 ||
        link_parent(db, n, f->job_id, now, err) < 0)
        return -1;
    fault_hit("follow_up_published");
    return FOLLOW_MADE;
}

static int has_room(const struct job *parent, const char *operation, struct err *err)
{
    json_t *made = json_loads(parent->follow_ups[0] ? parent->follow_ups : "{}", 0, NULL);
    bool full = json_object_size(made) >= JOB_FOLLOW_UPS_MAX && !json_object_get(made, operation);
    json_decref(made);
    return full ? err_set(err, ERR_LIMIT, "%d jobs follow this one already", JOB_FOLLOW_UPS_MAX)
                : 0;
}

int store_follow_step(struct db *db, const struct board *board, const struct follow_new *n,
                      struct follow_up *f, double now, struct job *ret, struct err *err)
{
    struct job parent;
    int rc = store_job_get(db, n->parent, &parent, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "Job not found");
    if (rc < 0)
        return -1;
    if (parent.status != JOB_COMPLETED)
        return err_set(err, ERR_CONFLICT, "the job has not completed (%s)",
                       job_status_name(parent.status));
    if (!f->job_id[0]) {
        enum follow_state state = FOLLOW_NOTHING;
        rc = may_begin(db, board, n, now, ret, &state, err);
        if (rc <= 0)
            return rc < 0 ? -1 : (int)state;
        if (parent.success == 0)
            return not_due(db, n->parent, err) < 0 ? -1 : FOLLOW_NOTHING;
        if (has_room(&parent, n->operation, err) < 0 || stage(db, n, &parent, f, now, err) < 0)
            return -1;
        fault_hit("follow_up_staged");
    }
    if (copy(db, n, f, err) < 0)
        return -1;
    if (f->after < parent.total)
        return FOLLOW_MORE;
    if (f->n > 0)
        return publish(db, n, f, now, ret, err);
    if (store_job_unstage(db, f->job_id, now, err) < 0 || not_due(db, n->parent, err) < 0)
        return -1;
    return FOLLOW_NOTHING;
}
