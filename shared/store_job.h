/* store_job.h - what store_job.c and store_item.c share. Only shared/store_*.c include this. */
#ifndef LB_STORE_JOB_H
#define LB_STORE_JOB_H

#include "store_db.h"

/* The live job of this kind that takes items of `parent`. 1 = found, 0 = there is none. */
int job_child(struct db *db, const char *parent, const char *kind, struct job *ret,
              struct err *err) LB_MUST_CHECK;

/* Reads a row of JOB_COLUMNS. */
void job_from_row(const struct query *q, struct job *ret);

/* Runs a statement that moves a job on, with :job_id and :now. 1 = *ret is the job now, 0 = not from where it is. */
int job_change(struct db *db, enum sql_id id, const char *job_id, double now, struct job *ret,
               struct err *err) LB_MUST_CHECK;

struct job_count {
    int64_t ok, errors, cancelled;
};
/*
 * Adds to a job's counters and raises its version. In the same statement the job ends when no item is left; then the
 * active job is cleared if it is this one. The job must not have ended.
 */
int job_count(struct db *db, const char *job_id, const struct job_count *c, double now,
              struct job *ret, struct err *err) LB_MUST_CHECK;

/* Puts a path into an item's lease. 1 = it is the item's, 0 = another item holds it. */
int item_lease_path(struct db *db, const char *path, const struct item *it,
                    struct err *err) LB_MUST_CHECK;
int item_unlease_paths(struct db *db, const struct item *it, struct err *err) LB_MUST_CHECK;

#endif
