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
/* 202 with the job: the answer of a look whose time is up (api_wait.h). Returns 1. */
int old_reply_later(struct api_call *call, const struct job *job);

#endif
