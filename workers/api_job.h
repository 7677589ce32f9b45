/*
 * api_job.h - what the handlers of jobs share: which job is meant, and the members of a body that say what a job shall
 * be (api_job_fields.c).
 */
#ifndef LB_API_JOB_H
#define LB_API_JOB_H

#include "api.h"
#include "job.h"

/* {id} in lower case; anything that is not a UUID is not found. */
int job_id_param(struct api_call *call, char ret[UUID_SIZE], struct err *err) LB_MUST_CHECK;
/* The job of {id}, as the reader of the call sees it. */
int find_job(struct api_call *call, struct job *ret, struct err *err) LB_MUST_CHECK;
/* The answer for a job that was made (or, again, found), with its address in Location. */
int reply_made(struct api_call *call, const struct job *job, bool again) LB_MUST_CHECK;

/* Cancels the job of {id}. 1: done, *ret is the job. 0: it has ended, or is not there. */
int job_cancel(struct api_call *call, struct job *ret, struct err *err) LB_MUST_CHECK;
/*
 * Starts one of process, rename and normalize over all books, over those that the body selects, or over the unmarked
 * ones: api_start.c. some_valid: a selection of which no file is there is refused; else each becomes an item that
 * fails. ERR_NOTHING_TO_DO when there is no item. With an Idempotency-Key that was used, *ret is the job of then.
 */
enum which { WHICH_ALL, WHICH_SELECTED, WHICH_UNMARKED };
#define NINE_JOBS(X)                                                                               \
    X(process, all, WHICH_ALL)                                                                     \
    X(process, selected, WHICH_SELECTED)                                                           \
    X(process, unmarked, WHICH_UNMARKED)                                                           \
    X(rename, all, WHICH_ALL)                                                                      \
    X(rename, selected, WHICH_SELECTED)                                                            \
    X(rename, unmarked, WHICH_UNMARKED)                                                            \
    X(normalize, all, WHICH_ALL)                                                                   \
    X(normalize, selected, WHICH_SELECTED)                                                         \
    X(normalize, unmarked, WHICH_UNMARKED)
int start_nine(struct api_call *call, const char *op_name, enum which which, bool some_valid,
               struct job *ret, struct err *err) LB_MUST_CHECK;

/* The member `name` of the body: an array that is not empty, else ERR_NOTHING_TO_DO or ERR_BAD_FIELD. Borrowed. */
int files_member(struct api_call *call, const char *name, json_t **ret,
                 struct err *err) LB_MUST_CHECK;
/*
 * Its paths: every one must be a path that could be in the library, else nothing is done. One that is not there becomes
 * an item that fails. *ret_valid says how many are there.
 */
struct path_list;
int selected_paths(struct api_call *call, const char *name, const json_t *files,
                   struct path_list *ret, size_t *ret_valid, struct err *err) LB_MUST_CHECK;

/* A member of the body; null is as good as absent. */
json_t *body_member(const struct api_call *call, const char *name);
/* ERR_BAD_FIELD when the object has a member that is not in `known`, which ends with NULL. */
int refuse_unknown(const json_t *object, const char *const *known, const char *where,
                   struct err *err) LB_MUST_CHECK;
/* Members of the body. They leave *ret alone, and return 0, when it is absent or null; 1 when it is there. */
int parse_priority(struct api_call *call, enum job_priority *ret, struct err *err) LB_MUST_CHECK;
int parse_title(struct api_call *call, const char **ret, struct err *err) LB_MUST_CHECK;
int parse_max_threads(struct api_call *call, int *ret, struct err *err) LB_MUST_CHECK;
int parse_paused(struct api_call *call, bool *ret, struct err *err) LB_MUST_CHECK;
int parse_dry_run(struct api_call *call, bool *ret, struct err *err) LB_MUST_CHECK;
/* Who calls: the header X-Longbox-Client, `otherwise` without it. */
int parse_source(struct api_call *call, const char *otherwise, const char **ret,
                 struct err *err) LB_MUST_CHECK;
int parse_drive(struct api_call *call, enum job_drive *ret, struct err *err) LB_MUST_CHECK;

/* ---- what starts a job: api_start.c ---- */

struct op;
struct job_request;

int parse_operation(struct api_call *call, const struct op **ret, struct err *err) LB_MUST_CHECK;
/* The member `name`, operations that are to follow a job of `op`; malloc'd, NULL when there are none (follow.h). */
int parse_follow_up(struct api_call *call, const char *name, const struct op *op, char **ret,
                    struct err *err) LB_MUST_CHECK;
int parse_options(struct api_call *call, const json_t **ret, struct err *err) LB_MUST_CHECK;
/* The member `name`, an array of what the operation accepts; at least one item, and of paths one that is there. */
int parse_items(struct api_call *call, const char *name, const struct op *op, struct path_list *ret,
                struct err *err) LB_MUST_CHECK;
/* The header; *ret = NULL without one. */
int parse_idempotency_key(struct api_call *call, const char **ret, struct err *err) LB_MUST_CHECK;
/*
 * A call that is sent again, because its answer was lost, gets the job of the first time, whatever has become of the
 * files since. 1 = *ret is that job, 0 = there is none.
 */
int earlier_job(struct api_call *call, const struct job_request *request, struct job *ret,
                struct err *err) LB_MUST_CHECK;

#endif
