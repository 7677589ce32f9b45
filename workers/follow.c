#include "follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "log.h"
#include "worker.h"

#define DUE_MAX 8 /* looked at in one step */
#define CHUNK   1000

int follow_check_one(const char *member, const char *name, const struct op *of,
                     const struct op **ret, struct err *err)
{
    const struct op *op = op_find(name);
    if (!op)
        return err_field(err, ERR_BAD_FIELD, member, "operation '%.60s' is not known", name);
    if (op->accepts == ACCEPTS_BOOKS && of->accepts != ACCEPTS_BOOKS)
        return err_field(err, ERR_BAD_FIELD, member, "%s works on files, and %s does not", op->name,
                         of->name);
    json_t *none = json_object();
    int rc = op->check_options(none, err);
    json_decref(none);
    *ret = op;
    return rc < 0 ? err_field(err, ERR_BAD_FIELD, member, "%s needs options, so it cannot follow",
                              op->name)
                  : 0;
}

int follow_check(const char *member, const json_t *list, const struct op *op, char **ret,
                 struct err *err)
{
    *ret = NULL;
    if (!list)
        return 0;
    if (!json_is_array(list) || json_array_size(list) > JOB_FOLLOW_UPS_MAX)
        return err_field(err, ERR_BAD_FIELD, member, "%s must be an array of at most %d operations",
                         member, JOB_FOLLOW_UPS_MAX);
    size_t i;
    json_t *value;
    const struct op *before = op;
    json_array_foreach((json_t *)list, i, value)
    {
        if (!json_is_string(value))
            return err_field(err, ERR_BAD_FIELD, member, "%s[%zu] must be a string", member, i);
        if (follow_check_one(member, json_string_value(value), before, &before, err) < 0)
            return -1;
    }
    if (json_array_size(list) == 0)
        return 0;
    *ret = json_dumps(list, JSON_COMPACT);
    must(*ret && strlen(*ret) < JOB_FOLLOW_UP_SIZE); /* names of operations are short */
    return 0;
}

void follow_describe(struct worker *w, const char *parent, const struct op *op,
                     char title[JOB_TITLE_MAX + 1], struct follow_new *ret)
{
    (void)snprintf(title, JOB_TITLE_MAX + 1, "%s Files...", op->verb);
    *ret = (struct follow_new){.parent = parent,
                               .operation = op->name,
                               .title = title,
                               .exclusive = op->accepts == ACCEPTS_BOOKS,
                               .made_by = worker_name(w),
                               .staged_by = worker_owner(w),
                               .chunk = CHUNK};
}

/* The operation that is to follow; NULL when this version does not know it any more. */
static const struct op *first_of(const struct job *parent)
{
    json_t *list = json_loads(parent->follow_up, 0, NULL);
    const char *name = json_string_value(json_array_get(list, 0));
    const struct op *op = name ? op_find(name) : NULL;
    json_decref(list);
    return op;
}

/* A step for this parent. Returns an enum follow_state. */
static int step(struct worker *w, struct db *jobs, const struct job *parent,
                struct follow_making *next, struct notes *notes, struct err *err)
{
    const struct op *op = first_of(parent);
    char title[JOB_TITLE_MAX + 1];
    struct follow_new n;
    struct job job;
    int rc = -1;
    if (op) {
        follow_describe(w, parent->job_id, op, title, &n);
        rc = store_follow_step(jobs, worker_board(w), &n, &next->made, clock_wall_s(), &job, err);
    }
    if (!op || (rc < 0 && err->code == ERR_LIMIT)) {
        notes_not_followed(notes, parent);
        return store_follow_forget(jobs, parent->job_id, err) < 0 ? -1 : FOLLOW_NOTHING;
    }
    if (rc == FOLLOW_MADE)
        notes_created(notes, &job);
    return rc;
}

/* Goes on with what was begun. Returns an enum follow_state. */
static int go_on(struct worker *w, struct db *jobs, struct follow_making *next, struct notes *notes,
                 struct err *err)
{
    struct job parent;
    int rc = store_job_get(jobs, next->parent, &parent, err);
    if (rc == 1)
        return step(w, jobs, &parent, next, notes, err);
    if (rc == 0) /* it was deleted meanwhile */
        rc = store_job_unstage(jobs, next->made.job_id, clock_wall_s(), err);
    return rc < 0 ? -1 : FOLLOW_NOTHING;
}

/* Begins with the first that nobody else makes. Returns an enum follow_state; FOLLOW_OTHER: there is none. */
static int begin(struct worker *w, struct db *jobs, struct follow_making *next, struct notes *notes,
                 struct err *err)
{
    struct job due[DUE_MAX];
    int n = store_follow_due(jobs, due, DUE_MAX, err);
    for (int i = 0; i < n; i++) {
        int rc = step(w, jobs, &due[i], next, notes, err);
        memcpy(next->parent, due[i].job_id, sizeof(next->parent));
        if (rc != FOLLOW_OTHER)
            return rc;
    }
    return n < 0 ? -1 : FOLLOW_OTHER;
}

int follow_step(struct worker *w, struct db *jobs, const struct follow_making *now,
                struct follow_making *next, struct notes *notes, struct err *err)
{
    *next = *now;
    if (now->failed) {
        *next = (struct follow_making){0};
        if (store_job_unstage(jobs, now->made.job_id, clock_wall_s(), err) < 0)
            return -1;
    }
    int rc = next->parent[0] ? go_on(w, jobs, next, notes, err) : begin(w, jobs, next, notes, err);
    if (rc < 0)
        return -1;
    if (rc != FOLLOW_MORE)
        *next = (struct follow_making){0};
    return rc != FOLLOW_OTHER; /* tried again at the next look, when its maker may be dead */
}
