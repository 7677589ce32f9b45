/*
 * What the commands of a dead worker started may outlive it: the kernel ends only the program itself. It is ended
 * before the items are given back, because an item may never run again (its job is cancelled, or this was its last
 * attempt).
 */
#include "writer_parts.h"

#include <jansson.h>

#include "log.h"
#include "op.h"
#include "op_exec.h"
#include "worker.h"

static void end_one(void *ctx, const char *operation, const char *job_id, const char *intent)
{
    (void)ctx;
    const struct op *op = op_find_any(operation);
    if (!op || !op->command)
        return;
    json_t *declared = json_loads(intent, 0, NULL);
    if (op_exec_kill(declared, job_id))
        log_info("command ended", "job=%s note=\"its worker is dead\"", job_id);
    json_decref(declared);
}

void writer_end_orphans(struct writer *w)
{
    struct err err = {0};
    if (store_dead_intents(store_db(w->store, GATE_JOBS), worker_board(w->worker), end_one, NULL,
                           &err) < 0)
        writer_warn(w, "end commands of dead workers", &err);
}
