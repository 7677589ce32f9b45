/* POST /api/batch-jobs/{id}/follow-up: a job over what succeeded in another one. */
#include <string.h>

#include "api.h"
#include "api_job.h"
#include "clock.h"
#include "follow.h"
#include "handlers.h"
#include "log.h"
#include "notes.h"
#include "store.h"
#include "worker.h"
#include "writer.h"

/* One visit at the writer. */
struct making {
    struct worker *worker;
    struct follow_new what;
    struct follow_up made;
    int state; /* enum follow_state of the last visit */
    struct job job;
};

static int step(struct db *db, void *arg, struct err *err)
{
    struct making *m = arg;
    m->state = store_follow_step(db, worker_board(m->worker), &m->what, &m->made, clock_wall_s(),
                                 &m->job, err);
    return m->state < 0 ? -1 : 0;
}

static void log_made(void *arg)
{
    const struct making *m = arg;
    if (m->state != FOLLOW_MADE)
        return;
    struct notes notes = {0};
    notes_created(&notes, &m->job);
    notes_log(&notes);
}

static int unstage(struct db *db, void *arg, struct err *err)
{
    return store_job_unstage(db, ((struct making *)arg)->made.job_id, clock_wall_s(), err);
}

/* What was staged would only be swept after the death of this process. */
static void give_up(struct making *m)
{
    struct err why = {0};
    struct writer_call call = {.file = GATE_JOBS, .fn = unstage, .arg = m};
    if (m->made.job_id[0] && writer_call(worker_writer(m->worker), &call, &why) < 0)
        log_warn("staging left behind", "job=%s error=%s", m->made.job_id, LOG_QUOTE(why.msg));
}

static int make(struct making *m, struct err *err)
{
    struct writer_call call = {.file = GATE_JOBS,
                               .durable = true,
                               .ring = true,
                               .active = true,
                               .fn = step,
                               .committed = log_made,
                               .arg = m};
    do {
        if (writer_call(worker_writer(m->worker), &call, err) < 0) {
            give_up(m);
            return -1;
        }
    } while (m->state == FOLLOW_MORE);
    return 0;
}

static int parse(struct api_call *call, const struct job *parent, const struct op **ret,
                 struct err *err)
{
    static const char *const known[] = {"operation", NULL};
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (refuse_unknown(call->body, known, "follow-up", err) < 0 ||
        parse_operation(call, ret, err) < 0)
        return -1;
    const struct op *of = op_find_any(parent->operation);
    if (!of)
        return err_set(err, ERR_CONFLICT, "operation '%s' is not known any more",
                       parent->operation);
    return follow_check_one("operation", (*ret)->name, of, ret, err);
}

int api_batch_follow_up(struct api_call *call, struct err *err)
{
    struct job parent;
    const struct op *op;
    if (find_job(call, &parent, err) < 0 || parse(call, &parent, &op, err) < 0)
        return -1;
    if (parent.dry_run)
        return err_set(err, ERR_CONFLICT, "the job was a preview: nothing can follow it");
    char title[JOB_TITLE_MAX + 1];
    struct making m = {.worker = call->worker};
    follow_describe(call->worker, parent.job_id, op, title, &m.what);
    if (make(&m, err) < 0)
        return -1;
    switch (m.state) {
    case FOLLOW_MADE:
    case FOLLOW_FOUND:
        return reply_made(call, &m.job, m.state == FOLLOW_FOUND);
    case FOLLOW_NOTHING:
        return err_set(err, ERR_NOTHING_TO_DO,
                       "No item of this job succeeded and is still in the library");
    default:
        return err_set(err, ERR_BUSY, "the job that follows this one is being made; ask again");
    }
}
