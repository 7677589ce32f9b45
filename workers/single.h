/* single.h - what a job over one file, made for a caller that waits, or one of the watcher tells everybody. */
#ifndef LB_SINGLE_H
#define LB_SINGLE_H

#include "writer.h"

/*
 * The event of the file: `file_processed`, or `library_changed` when it was deleted; nothing when the job is no such
 * one, or the item was cancelled. In the transaction that finishes the item; `job` is as it is then.
 */
int single_tell(struct db *jobs, const struct job *job, const struct item_done *d,
                struct err *err) LB_MUST_CHECK;

#endif
