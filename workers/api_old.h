/*
 * api_old.h - answers of the old application that come at the end of the work: for handlers whose job has been made.
 */
#ifndef LB_API_OLD_H
#define LB_API_OLD_H

#include <stdbool.h>

#include "api.h"
#include "job.h"
#include "path.h"

/* Before the job is made: ERR_BUSY when a stream is asked for and there are too many. */
int old_check(const struct api_call *call, struct err *err) LB_MUST_CHECK;
/*
 * The answer of a job over several files: with ?stream=true its stream, else {"results": [...]} when it has ended, or
 * 202 with the job when that takes too long. Header X-Longbox-Job. whole_paths: files are named by their paths, not by
 * their names alone.
 */
int old_reply(struct api_call *call, const char *job_id, bool whole_paths) LB_MUST_CHECK;
/*
 * Starts the job of one operation over the one file of {path} (api_file.c), which must be there, and parks the call
 * until it has ended: {"success": true}, or the item's error with the status that its kind has.
 */
struct op;
int single_run(struct api_call *call, const struct op *op, const json_t *options,
               struct err *err) LB_MUST_CHECK;
/* {path} of the call as a relative path, when a file is there; ERR_NOT_FOUND "File not found". */
int single_path(struct api_call *call, char ret[PATH_MAX_BYTES], struct err *err) LB_MUST_CHECK;
/* 202 with the job: the answer of a look whose time is up (api_wait.h). Returns 1. */
int old_reply_later(struct api_call *call, const struct job *job);

#endif
