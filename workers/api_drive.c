/* POST /api/batch-jobs/{id}/process-next: one item, and the answer when it is done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "api_batch.h"
#include "api_job.h"
#include "api_wait.h"
#include "drive.h"
#include "handlers.h"
#include "store.h"
#include "worker.h"
#include "writer.h"

struct next {
    char job_id[UUID_SIZE];
    struct drive *drive;
};

/* What an answer says about its item: nothing when it has none (seq 0), and no success while it has no outcome. */
struct about_item {
    int64_t seq;
    bool has_outcome, success;
    const char *error;
};

static int reply(struct api_call *call, int status, const char *word, const struct job *job,
                 const struct about_item *item)
{
    json_t *o = json_object();
    must(json_object_set_new(o, "success",
                             item->has_outcome ? json_boolean(item->success) : json_null()) == 0);
    must(json_object_set_new(o, "itemId", item->seq ? batch_item_id(item->seq) : json_null()) == 0);
    must(json_object_set_new(o, "status", json_string(word)) == 0);
    must(json_object_set_new(o, "remainingItems", json_integer(batch_remaining(job))) == 0);
    must(json_object_set_new(o, "progress", batch_progress(job)) == 0);
    if (item->has_outcome && !item->success)
        must(json_object_set_new(o, "error", json_text(item->error)) == 0);
    (void)api_reply(call, status, o);
    return 1;
}

static int reply_without_item(struct api_call *call, int status, const char *word,
                              const struct job *job)
{
    return reply(call, status, word, job, &(struct about_item){0});
}

/* The item is done: the answer is what its commit made of the job. */
static int reply_done(struct api_call *call, const struct drive_view *v)
{
    struct about_item item = {.seq = v->seq,
                              .has_outcome = v->outcome != ITEM_CANCELLED,
                              .success = v->outcome == ITEM_OK,
                              .error = v->message};
    const char *word = v->job.cancelling                ? "job_cancelled"
                       : v->job.status == JOB_COMPLETED ? "job_completed"
                                                        : "processed";
    return reply(call, 200, word, &v->job, &item);
}

/* The time is up while the item runs. It goes on; this says where to ask for it. */
static int reply_running(struct api_call *call, const struct job *job, int64_t seq)
{
    char address[400];
    batch_item_address(call, job->job_id, seq, address, sizeof(address));
    api_add_header(call, "Location", address);
    (void)reply(call, 202, "processing", job, &(struct about_item){.seq = seq});
    must(json_object_set_new(call->reply, "location", json_text(address)) == 0);
    return 1;
}

/* There is no item for the call, and the job says why. 1: answered. 0: one may come. */
static int reply_why_none(struct api_call *call, const struct job *job, struct err *err)
{
    switch (job->status) {
    case JOB_COMPLETED:
        return reply_without_item(call, 200, "job_completed", job);
    case JOB_FAILED:
        return err_set(err, ERR_CONFLICT, "the job has failed: %s", job->error);
    default:
        break;
    }
    if (job->paused)
        return err_field(err, ERR_CONFLICT, "paused", "the job is paused; resume it to go on");
    if (job->drive != DRIVE_CLIENT)
        return err_field(err, ERR_CONFLICT, "drive",
                         "the server drives this job; set drive to client to take items of it");
    if (worker_draining(call->worker))
        return err_set(err, ERR_STOPPING, "this worker stops; ask again");
    return 0;
}

/* The time is up without an item. */
static int reply_none(struct api_call *call, const struct job *job, struct err *err)
{
    int rc = store_has_queued(store_reader_db(call->reader, GATE_JOBS), job->job_id, err);
    if (rc < 0)
        return -1;
    return rc == 1 ? reply_without_item(call, 202, "waiting", job)
                   : reply_without_item(call, 200, "no_items", job);
}

/*
 * The job is read before the call is looked at: when it says that the last item is done, a call that still waits has
 * no part in that.
 */
static int look(struct api_call *call, void *ctx, bool last, struct err *err)
{
    struct next *n = ctx;
    struct job job;
    struct drive_view v;
    int rc = store_job_get(store_reader_db(call->reader, GATE_JOBS), n->job_id, &job, err);
    drive_look(n->drive, &v);
    if (v.state == DRIVE_DONE)
        return reply_done(call, &v);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "Job not found");
    if (v.state == DRIVE_CLAIMS && !last)
        return 0;
    if (job.cancelling)
        return reply(call, 200, "job_cancelled", &job,
                     &(struct about_item){.seq = v.state == DRIVE_RUNS ? v.seq : 0});
    if (v.state == DRIVE_RUNS)
        return last ? reply_running(call, &job, v.seq) : 0;
    rc = reply_why_none(call, &job, err);
    return rc != 0 || !last ? rc : reply_none(call, &job, err);
}

static void done(void *ctx)
{
    struct next *n = ctx;
    drive_end(n->drive);
    free(n);
}

int api_batch_process_next(struct api_call *call, struct err *err)
{
    struct job job;
    if (find_job(call, &job, err) < 0)
        return -1;
    struct next *n = mem_new(sizeof(*n));
    memcpy(n->job_id, job.job_id, sizeof(n->job_id));
    n->drive = drive_begin(worker_drives(call->worker), n->job_id);
    writer_ask(worker_writer(call->worker));
    struct api_wait wait = {look, done, n, worker_config(call->worker)->answer_wait_ms};
    return api_wait(call, &wait);
}
