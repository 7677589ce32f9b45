/*
 * api_batch.h - what the calls of /api/batch-jobs share: a job in the words of the batch page (docs/API.md). A batch is
 * a job; its `name` is the job's title, an item's `id` is its number as text.
 */
#ifndef LB_API_BATCH_H
#define LB_API_BATCH_H

#include "api.h"
#include "job.h"
#include "store.h"

/* {"total", "completed", "successful", "failed", "percentage"} */
json_t *batch_progress(const struct job *job);
/* Items without an outcome, those that run included. */
int64_t batch_remaining(const struct job *job);
/* "cancelled" from the moment of the cancel: what the call has answered is what a reader sees. */
const char *batch_status(const struct job *job);
/* The batch without its items; `db` is for what follows it. */
json_t *batch_json(struct db *db, const struct job *job);
/* The `id` of an item: "17". */
json_t *batch_item_id(int64_t seq);
/* The path of the item's address, with the base path, in ret. */
void batch_item_address(const struct api_call *call, const char *job_id, int64_t seq, char *ret,
                        size_t size);

#endif
