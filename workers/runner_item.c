#include "runner_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "board.h"
#include "clock.h"
#include "fault.h"
#include "held.h"
#include "item_result.h"
#include "log.h"
#include "op.h"
#include "settings.h"
#include "store_tail.h"
#include "undo_find.h"
#include "worker.h"
#include "writer.h"

#define CONFLICT_MS 20
/* A worker that cannot even open what an item needs claims nothing for so long. */
#define POOR_MS 500

struct declare {
    const struct item *item;
    const char *owner;
    const char *intent, *target;
    const struct tail_write *write;
};

static int declare_in_store(struct db *db, void *arg, struct err *err)
{
    struct declare *d = arg;
    if (store_item_declare(db, d->item, d->owner, d->intent, d->target, err) < 0)
        return -1;
    if (d->write)
        return store_tail_add(db, d->item, d->owner, d->target, d->write, err);
    return store_tail_end(db, d->item, d->owner, err); /* of a write before, which is over */
}

static int declare(void *ctx, const json_t *intent, const char *target,
                   const struct tail_write *write, struct err *err)
{
    struct seat *seat = ctx;
    struct worker *w = seat->runner->worker;
    if (seat->item->dry_run) /* an operation that forgot to ask: before it changes anything */
        return err_set(err, ERR_INTERNAL, "a preview was about to change something");
    char *text LB_CLEANUP(mem_free) = json_dumps(intent, JSON_COMPACT | JSON_ENSURE_ASCII);
    must(text != NULL);
    struct declare d = {seat->item, worker_owner(w), text, target, write};
    struct writer_call call = {
        .file = GATE_JOBS, .durable = true, .fn = declare_in_store, .arg = &d};
    int rc = writer_call(worker_writer(w), &call, err);
    /* A call that failed may stand all the same (a commit whose end is not known), but nothing was written then. */
    if (write)
        seat->item->tail = rc < 0 ? ITEM_TAIL_OVER : ITEM_TAIL_OPEN;
    return rc;
}

static void write_over(void *ctx)
{
    struct item *it = ((struct seat *)ctx)->item;
    if (it->tail == ITEM_TAIL_OPEN)
        it->tail = ITEM_TAIL_OVER;
}

struct plan_name {
    const struct item *item;
    const char *to;
    bool on_disk, taken;
};

static int plan_name_in_store(struct db *db, void *arg, struct err *err)
{
    struct plan_name *p = arg;
    int rc = store_plan_name(db, p->item, p->item->path, p->to, p->on_disk, err);
    p->taken = rc == 0;
    return rc < 0 ? -1 : 0;
}

static int plan_name(void *ctx, const char *to, bool on_disk, bool *ret_taken, struct err *err)
{
    struct seat *seat = ctx;
    struct plan_name p = {seat->item, to, on_disk, false};
    struct writer_call call = {.file = GATE_JOBS, .fn = plan_name_in_store, .arg = &p};
    int rc = writer_call(worker_writer(seat->runner->worker), &call, err);
    *ret_taken = p.taken;
    return rc;
}

static int find_change(void *ctx, const json_t *options, const char *path, struct undo_row *ret,
                       struct err *err)
{
    return undo_find(((struct seat *)ctx)->reader, options, path, ret, err);
}

static bool cancelled(void *ctx)
{
    return ((struct seat *)ctx)->cancel;
}

static json_t *json_or_null(const char *text)
{
    return text ? json_loads(text, 0, NULL) : NULL;
}

/* This process is short of descriptors: what it puts back is for another one to take. */
static void leave_to_others(struct runner *r)
{
    LOCK_SCOPE(&r->lock);
    r->poor_until_ms = clock_mono_ms() + POOR_MS;
}

/* Without preferences.db, until the next start makes it anew, the settings are the defaults. */
static int read_settings(struct store_reader *reader, const struct config *c, struct settings *ret,
                         struct err *err)
{
    if (settings_read(reader, c, ret, err) == 0)
        return 0;
    if (!store_is_damaged(GATE_PREFERENCES))
        return -1;
    *err = (struct err){0};
    *ret = (struct settings){.issue_padding = SETTINGS_PADDING_DEFAULT};
    (void)snprintf(ret->filename_format, sizeof(ret->filename_format), "%s",
                   SETTINGS_FORMAT_DEFAULT);
    return 0;
}

static int run_op(struct seat *seat, struct store_reader *reader, const struct op *op,
                  const struct item *it, struct op_result *ret, struct err *err)
{
    struct worker *w = seat->runner->worker;
    const struct config *c = worker_config(w);
    struct settings settings;
    if (read_settings(reader, c, &settings, err) < 0) {
        leave_to_others(seat->runner);
        err->code = ERR_BUSY; /* not the item's fault: is_put_back */
        return -1;
    }
    struct op_env env = {
        .op = op,
        .library_fd = worker_library_fd(w),
        .library_root = worker_library_root(w),
        .duplicate_dir = c->duplicate_dir[0] ? c->duplicate_dir : NULL,
        .trash_dir = c->trash_dir[0] ? c->trash_dir : NULL,
        .filename_format = settings.filename_format,
        .issue_padding = settings.issue_padding,
        .name_parser = c->name_parser,
        .name_policy = c->name_policy,
        .ctx = seat,
        .declare = declare,
        .write_over = write_over,
        .cancelled = cancelled,
        .dry_run = it->dry_run,
        .plan_name = plan_name,
        .find_change = find_change,
    };
    json_t *intent = json_or_null(it->intent);
    json_t *options = json_or_null(it->options);
    struct op_item item = {it->job_id, it->seq, it->path, it->attempt, intent, options};
    int rc = op->run(&env, &item, ret, err);
    json_decref(intent);
    json_decref(options);
    return rc;
}

/* The disk takes no writes: that is not the item's fault. Few are tried until one succeeds. */
static void hold(struct runner *r, const struct err *why)
{
    struct board_slot *slot = &worker_board(r->worker)->slots[worker_slot(r->worker)];
    enum board_held held = held_from(why);
    bool is_new = atomic_exchange(&slot->held_library, (int32_t)held) != (int32_t)held;
    {
        LOCK_SCOPE(&r->lock);
        r->hold_until_ms = clock_mono_ms() + HOLD_MS;
    }
    if (is_new)
        log_error("jobs held", "reason=\"%s\" error=%s retry_ms=%d", held_name(held),
                  LOG_QUOTE(why->msg), HOLD_MS);
}

void runner_release(struct runner *r)
{
    struct board_slot *slot = &worker_board(r->worker)->slots[worker_slot(r->worker)];
    {
        LOCK_SCOPE(&r->lock);
        r->hold_until_ms = 0;
    }
    if (atomic_exchange(&slot->held_library, HELD_NOT) != HELD_NOT)
        log_info("jobs go on", "note=\"the library can be written again\"");
}

/* Puts an item back that another error than its own kept from being done. */
static bool is_put_back(struct seat *seat, const struct op *op, struct item *it,
                        struct item_done *done)
{
    struct writer *writer = worker_writer(seat->runner->worker);
    /* BUSY: what it wants to change cannot be declared in the database for now. */
    bool poor = done->err.sys == EMFILE || done->err.sys == ENFILE;
    bool waits = poor || done->err.code == ERR_CONFLICT || done->err.code == ERR_BUSY;
    if (poor)
        leave_to_others(seat->runner);
    bool disk = op && op->accepts == ACCEPTS_BOOKS && held_is_disk(&done->err);
    if (!waits && !disk)
        return false;
    if (disk)
        hold(seat->runner, &done->err);
    else
        (void)usleep(CONFLICT_MS * 1000); /* another item works on the name it would get: later */
    op_result_clear(&done->result);
    writer_return(writer, it, false);
    return true;
}

/*
 * Only the details are kept, and what verify found. Of a preview: nothing happened to the file, nothing is recorded,
 * and no queued item follows a rename. Of a failure: what a command said on its way.
 */
static void forget_changes(struct op_result *r)
{
    json_t *details = r->details;
    struct op_check *check = r->check;
    r->details = NULL;
    r->check = NULL;
    op_result_clear(r);
    r->details = details;
    r->check = check;
}

/* Adds what kind of error an operation on a book had, for callers that turn it into a status. */
static json_t *with_code(json_t *details, const struct op *op, const struct err *err)
{
    if (!op || op->accepts != ACCEPTS_BOOKS || op->command)
        return details;
    if (!details)
        details = json_object();
    (void)json_object_set_new(details, "code", json_string(err_name(err->code)));
    return details;
}

void runner_run_item(struct seat *seat, struct store_reader *reader, struct item *it)
{
    struct worker *w = seat->runner->worker;
    struct item_done done = {.began_at = clock_wall_s()};
    const struct op *op = op_find_any(it->operation);
    int rc;
    seat->item = it;
    seat->reader = reader;
    fault_hit("item_begin");
    if (!op)
        rc = err_set(&done.err, ERR_NOT_FOUND, "operation '%s' is not known to this version",
                     it->operation);
    else
        rc = run_op(seat, reader, op, it, &done.result, &done.err);
    if (rc < 0 && is_put_back(seat, op, it, &done))
        return;
    /* An operation that only reads must not wait for others that cannot write. */
    bool wrote = op && (done.result.changed_file || !op->changes_files) && !it->dry_run;
    if (wrote && op->accepts == ACCEPTS_BOOKS)
        runner_release(seat->runner);
    if (rc == 0) {
        done.outcome = ITEM_OK;
        done.details = item_details(w, it, op, &done.result);
        if (it->dry_run)
            forget_changes(&done.result);
    } else {
        done.outcome = done.err.code == ERR_CANCELLED ? ITEM_CANCELLED : ITEM_ERROR;
        forget_changes(&done.result);
        done.result.details = with_code(done.result.details, op, &done.err);
        if (op && done.outcome == ITEM_ERROR)
            done.details = item_details(w, it, op, &done.result);
        json_decref(done.result.details);
        done.result.details = NULL;
    }
    done.item = *it;
    *it = (struct item){0};
    if (op && op->accepts == ACCEPTS_BOOKS && done.outcome == ITEM_OK && !done.item.dry_run)
        item_stat_after(w, &done);
    done.finished_at = clock_wall_s();
    fault_hit("item_over");
    writer_finish(worker_writer(w), &done);
}
