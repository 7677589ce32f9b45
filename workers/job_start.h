/*
 * job_start.h - makes a job: its rows, its items, the active job. Everything that starts a job comes through here.
 */
#ifndef LB_JOB_START_H
#define LB_JOB_START_H

#include "base.h"
#include "err.h"
#include "job.h"
#include "op.h"
#include "store_library.h"

struct worker;

/* Items of one job at most; a selection above is refused. */
#define JOB_ITEMS_MAX 2000000

struct path_list {
    char **paths; /* malloc'd each */
    size_t n, cap;
};
/* Copies the path. ERR_LIMIT above JOB_ITEMS_MAX. */
int path_list_add(struct path_list *l, const char *path, struct err *err) LB_MUST_CHECK;
/* The same, for a store that calls back with paths. */
int path_list_take(void *list, const char *path, struct err *err) LB_MUST_CHECK;
void path_list_clear(struct path_list *l);
LB_DEFINE_CLEANUP(struct path_list, path_list_clear)

struct job_request {
    const struct op *op;
    const char *title;
    const json_t *options; /* checked here; NULL = none */
    enum job_priority priority;
    bool dry_run;            /* only for operations that preview */
    bool paused;             /* nothing is claimed until it is resumed */
    int max_threads;         /* 0 = no limit */
    const char *parent;      /* it takes items of this job; NULL = of none */
    const char *parent_kind; /* as in struct job_new */
    enum job_drive drive;
    const char *follow_up;         /* as in struct job_new */
    bool single;                   /* as in struct job_new */
    const char *source;            /* the same: api_job.h has who called */
    const char *idempotency_key;   /* NULL = none */
    const struct path_list *items; /* at least one */
};

/*
 * The job that was made with this idempotency key. 1 = found, 0 = none. ERR_CONFLICT: it was made by another operation.
 */
int job_find_by_key(struct worker *w, const char *key, const struct op *op, struct job *ret,
                    struct err *err) LB_MUST_CHECK;

/*
 * Returns when the job, its items and the active job are committed and on the disk. From then on every worker knows it.
 * Any API thread. With an idempotency key that was used before: *ret is the job of then, and the result is 0
 * instead of 1.
 */
int job_start(struct worker *w, const struct job_request *request, struct job *ret,
              struct err *err) LB_MUST_CHECK;

#endif
