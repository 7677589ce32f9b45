/*
 * One run: plan -> declare -> put the tags back -> rename back -> result. A run with an intent looks where the earlier
 * one stopped and goes on from there; the result comes from the plan alone, so it is the same.
 */
#include "op_undo.h"

#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "job.h"
#include "log.h"
#include "op_kept.h"
#include "op_move.h"
#include "op_preview.h"
#include "op_undo_plan.h"
#include "path.h"
#include "uuid.h"

const char op_undo_schema[] =
    "{\"type\": \"object\", \"properties\": {"
    "\"history\": {\"type\": \"integer\", \"minimum\": 1,"
    " \"description\": \"the row of the history that is put back\"}, "
    "\"job\": {\"type\": \"string\", \"description\": \"a job: the newest of its rows for each "
    "file\"}}, "
    "\"minProperties\": 1, \"maxProperties\": 1, \"additionalProperties\": false}";

int op_undo_check_options(const json_t *options, struct err *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(options))
        return err_field(err, ERR_BAD_FIELD, "options", "options is not an object");
    json_object_foreach((json_t *)(uintptr_t)options, key, value)
    {
        if (strcmp(key, "history") == 0 && json_is_integer(value) && json_integer_value(value) > 0)
            continue;
        if (strcmp(key, "job") == 0 && json_is_string(value) &&
            uuid_valid(json_string_value(value)))
            continue;
        return err_field(err, ERR_BAD_FIELD, "options",
                         "option %s of undo must be history, a row's id, or job, a job's id",
                         LOG_QUOTE(key));
    }
    if (json_object_size(options) != 1)
        return err_field(err, ERR_BAD_FIELD, "options",
                         "undo wants one option: history, a row's id, or job, a job's id");
    return 0;
}

/* How far the work is. */
enum stage {
    STAGE_UNKNOWN, /* nothing is declared, or the files do not fit what was */
    STAGE_UNTOUCHED,
    STAGE_SAVED,
    STAGE_RENAMED,
};

struct run {
    const struct op_env *env;
    const struct op_item *item;
    struct undo_plan undo;
    struct book *book; /* at plan.from; NULL when it is not there any more */
    bool declared;
};

static void run_clear(struct run *r)
{
    book_close(r->book);
    undo_plan_clear(&r->undo);
}
LB_DEFINE_CLEANUP(struct run, run_clear)

/* ------------------------------------------------------------------ after a crash */

/* Are the tags as they are to be? */
static bool is_put_back(const struct undo_plan *u, const struct book *b)
{
    if (!u->whole) {
        struct op_tags is LB_CLEANUP(op_tags_clear) = op_tags_of(b);
        return op_tags_equal(&is, &u->plan.after);
    }
    size_t len;
    const char *bytes = book_member(b, &len);
    if (!bytes || !u->bytes)
        return bytes == NULL && u->bytes == NULL;
    return len == u->len && memcmp(bytes, u->bytes, len) == 0;
}

/* The book of the plan at `path`? 1 with its stage there, 0 when it is not, -1 for a passing trouble. */
static int look(struct run *r, const char *path, struct book **ret, enum stage *ret_stage,
                struct err *err)
{
    const struct op_plan *p = &r->undo.plan;
    struct file_id is;
    struct err why = {0};
    if (book_open(r->env->library_fd, path, ret, &why) < 0 ||
        op_plan_identify(r->env, path, &is, &why) < 0) {
        if (!err_is_retryable(why.code))
            return 0;
        *err = why;
        return -1;
    }
    bool same = file_id_unchanged(&p->was, &is);
    bool tags = op_kept_has_tags(p->undo);
    *ret_stage = STAGE_UNKNOWN;
    if (book_pages(*ret) == p->pages && is_put_back(&r->undo, *ret) && (tags || same))
        *ret_stage = STAGE_SAVED;
    else if (same)
        *ret_stage = STAGE_UNTOUCHED;
    return *ret_stage != STAGE_UNKNOWN;
}

static int resume(struct run *r, enum stage *ret, struct err *err)
{
    *ret = STAGE_UNKNOWN;
    if (!r->item->intent || !undo_plan_from_json(r->item->intent, &r->undo))
        return 0;
    const struct op_plan *p = &r->undo.plan;
    int rc = strcmp(p->from, r->item->path) == 0 ? look(r, p->from, &r->book, ret, err) : 0;
    if (rc == 0 && p->to) {
        struct book *there LB_CLEANUP(book_close) = NULL;
        rc = look(r, p->to, &there, ret, err);
        *ret = rc == 1 && *ret == STAGE_SAVED ? STAGE_RENAMED : STAGE_UNKNOWN;
    }
    if (rc >= 0 && *ret == STAGE_UNKNOWN) {
        undo_plan_clear(&r->undo);
        book_close(r->book);
        r->book = NULL;
    }
    return rc < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ doing it */

/* What book_save is asked for when there are only fields to put back. */
static size_t field_changes(const struct undo_plan *u, struct book_change ret[OP_TAGS])
{
    return op_tags_changes(&u->plan.before, &u->plan.after, ret);
}

static int declare(struct run *r, const struct tail_write *write, struct err *err)
{
    json_t *intent = undo_plan_to_json(&r->undo);
    int rc = r->env->declare(r->env->ctx, intent, r->undo.plan.to, write, err);
    json_decref(intent);
    if (rc < 0)
        return -1;
    r->declared = true;
    fault_hit("undo_declared");
    return 0;
}

/* The book is about to be changed: with the plan goes the record of how, in one commit. */
static int begin_save(void *ctx, const struct tail_write *write, struct err *err)
{
    return declare(ctx, write, err);
}

static void end_save(void *ctx)
{
    const struct op_env *env = ((struct run *)ctx)->env;
    env->write_over(env->ctx);
}

static int put_tags(struct run *r, struct err *err)
{
    struct book_journal journal = {.begin = begin_save, .end = end_save, .ctx = r};
    const struct undo_plan *u = &r->undo;
    struct book_change changes[OP_TAGS];
    size_t n = u->whole ? 0 : field_changes(u, changes);
    bool written;
    if (!u->whole && n == 0)
        return 0;
    book_set_journal(r->book, &journal);
    int rc =
        u->whole
            ? book_put(r->book, u->bytes, u->len, r->env->cancelled, r->env->ctx, &written, err)
            : book_save(r->book, changes, n, r->env->cancelled, r->env->ctx, &written, err);
    if (rc < 0)
        return -1;
    fault_hit("undo_saved");
    return 0;
}

static int rename_back(struct run *r, struct err *err)
{
    const struct op_plan *p = &r->undo.plan;
    int dir LB_CLEANUP(fd_close) = -1, to_dir LB_CLEANUP(fd_close) = -1;
    const char *base, *to_base;
    enum move_outcome outcome;
    if (path_open_parent(r->env->library_fd, p->from, &dir, &base, err) < 0 ||
        path_open_parent(r->env->library_fd, p->to, &to_dir, &to_base, err) < 0 ||
        op_move(dir, base, to_dir, to_base, true, &outcome, err) < 0)
        return -1;
    if (outcome != MOVE_DONE)
        return err_set(err, ERR_CANNOT_UNDO, "its old name %s: %s",
                       outcome == MOVE_TAKEN ? "is taken by another file"
                                             : "is on another file system",
                       LOG_QUOTE(p->to));
    fault_hit("undo_renamed");
    return 0;
}

static int carry_out(struct run *r, enum stage stage, struct err *err)
{
    if (stage == STAGE_UNTOUCHED && put_tags(r, err) < 0)
        return -1;
    if (!r->declared && declare(r, NULL, err) < 0) /* only the name or the marks change */
        return -1;
    if (stage == STAGE_RENAMED || !r->undo.plan.to || rename_back(r, err) == 0)
        return 0;
    return op_kept_has_tags(r->undo.plan.undo)
               ? err_wrap(err, "the tags were put back, but the name could not be")
               : -1;
}

/* ------------------------------------------------------------------ the result */

/* {"history": 12, "filename": "x 1.cbz", "tags": {"Title": "as it is again"}} */
static json_t *what_was_undone(const struct undo_plan *u)
{
    json_t *o = json_pack("{s:I}", "history", (json_int_t)u->history_id);
    if (u->plan.to)
        (void)json_object_set_new(o, "filename", json_text(path_base(u->plan.to)));
    json_t *pairs = json_object_get(u->plan.undo, "tags"), *pair;
    if (!pairs)
        return o;
    json_t *tags = json_object();
    const char *element;
    json_object_foreach(pairs, element, pair)
    {
        (void)json_object_set(tags, element, json_array_get(pair, 1));
    }
    (void)json_object_set_new(o, "tags", tags);
    return o;
}

static void fill_result(const struct run *r, struct op_result *ret)
{
    const struct undo_plan *u = &r->undo;
    ret->before = op_tags_copy(&u->plan.before);
    ret->after = op_tags_copy(&u->plan.after);
    ret->final_path = u->plan.to ? mem_strdup(u->plan.to) : NULL;
    ret->changed_file = true; /* also when only marks go back: it is history */
    ret->mark_processed = u->processed == 1;
    ret->mark_duplicate = u->duplicate == 1;
    ret->unmark_processed = u->processed == 0;
    ret->unmark_duplicate = u->duplicate == 0;
    ret->undo_of = u->history_id;
    ret->details = json_pack("{s:o}", "undone", what_was_undone(u));
}

static void keep_after(struct run *r, struct op_result *ret)
{
    struct err why = {0};
    const char *at = r->undo.plan.to ? r->undo.plan.to : r->undo.plan.from;
    ret->undo = json_incref(r->undo.plan.undo);
    if (!r->book && book_open(r->env->library_fd, at, &r->book, &why) < 0)
        return; /* gone at once */
    op_kept_after(ret->undo, r->book);
}

static int preview(struct run *r, struct op_result *ret, struct err *err)
{
    const struct undo_plan *u = &r->undo;
    struct book_change changes[OP_TAGS];
    enum book_method method = BOOK_NONE;
    int64_t bytes = 0;
    size_t n = u->whole ? 0 : field_changes(u, changes);
    if (u->whole && book_put_preview(r->book, u->bytes, u->len, &method, &bytes, err) < 0)
        return -1;
    if (n > 0 && book_save_preview(r->book, changes, n, &method, &bytes, err) < 0)
        return -1;
    fill_result(r, ret);
    op_preview_pairs(json_object_get(u->plan.undo, "tags"), method, bytes, ret);
    if (u->plan.to)
        op_preview_name(u->plan.from, u->plan.to, ret);
    return 0;
}

static int run(struct run *r, struct op_result *ret, struct err *err)
{
    const struct op_env *env = r->env;
    enum stage stage;
    if (resume(r, &stage, err) < 0)
        return -1;
    if (stage <= STAGE_UNTOUCHED && env->cancelled(env->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled before anything was changed");
    if (stage == STAGE_UNKNOWN) {
        if (undo_plan_make(env, r->item, &r->book, &r->undo, err) < 0)
            return -1;
        if (env->dry_run)
            return preview(r, ret, err);
        stage = STAGE_UNTOUCHED;
    } else {
        r->declared = true; /* by the earlier run */
    }
    if (carry_out(r, stage, err) < 0)
        return -1;
    fill_result(r, ret);
    keep_after(r, ret);
    return 0;
}

int op_undo_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                struct err *err)
{
    struct run r LB_CLEANUP(run_clear) = {.env = env, .item = item};
    int rc = run(&r, ret, err);
    if (rc < 0 && err->code != ERR_CANCELLED) /* for the call that waits for it */
        ret->details = json_pack("{s:s}", "code", err_name(err->code));
    return rc;
}
