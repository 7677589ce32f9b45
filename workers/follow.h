/*
 * follow.h - what runs after a job: naming it when the job is made, and making it when the job has completed.
 */
#ifndef LB_FOLLOW_H
#define LB_FOLLOW_H

#include "base.h"
#include "err.h"
#include "notes.h"
#include "op.h"
#include "store.h"

struct worker;

/*
 * Checks a list of operations that are to run one after the other over the items of `op`, and makes its text for
 * struct job_new, malloc'd; *ret = NULL for an empty list. ERR_BAD_FIELD names `member`.
 */
int follow_check(const char *member, const json_t *list, const struct op *op, char **ret,
                 struct err *err) LB_MUST_CHECK;
/* May this operation run over the items of a job of `of`? ERR_BAD_FIELD. */
int follow_check_one(const char *member, const char *name, const struct op *of,
                     const struct op **ret, struct err *err) LB_MUST_CHECK;

/* Title and the rest for store_follow_step. `title` is room that must live as long as *ret. */
void follow_describe(struct worker *w, const char *parent, const struct op *op,
                     char title[JOB_TITLE_MAX + 1], struct follow_new *ret);

/* ---- on the writer's thread: those that are made by themselves ---- */

/* What this worker is making now. */
struct follow_making {
    char parent[UUID_SIZE]; /* "" = nothing */
    struct follow_up made;
    bool failed; /* its commit did: nobody knows what stands */
};
/*
 * One step, in a transaction on jobs.db: of what is being made, else of the first that is due and that nobody else
 * makes. *next is what `now` becomes when the commit stands. Returns 1 when there is more to do, 0 when not.
 */
int follow_step(struct worker *w, struct db *jobs, const struct follow_making *now,
                struct follow_making *next, struct notes *notes, struct err *err) LB_MUST_CHECK;

#endif
