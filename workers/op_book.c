/*
 * One run: plan -> declare -> save the tags -> rename (or move a duplicate away) -> result. A run
 * with an intent looks where the earlier one stopped and goes on from there; the result comes from
 * the plan alone, so it is the same.
 *
 * How a file is recognised after a crash: a saved book may be a new file or the old one, so it is
 * known by its tags and pages being those of the plan, and an untouched or only renamed one by its
 * size, time and tags. A book that was being settled has been made whole before the second run.
 * What stands at the new name is ours only if it is recognised so and is not the file that had the
 * name before.
 */
#include "op_book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "op_duplicate.h"
#include "op_kept.h"
#include "op_move.h"
#include "op_plan.h"
#include "op_preview.h"
#include "path.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)

/* How far the work on a file is. */
enum stage {
    STAGE_UNKNOWN, /* no such file, or not as the plan knows it */
    STAGE_UNTOUCHED,
    STAGE_SAVED,
    STAGE_RENAMED,
    STAGE_MOVED, /* as a duplicate */
};

struct run {
    const struct op_env *env;
    const struct op_item *item;
    const char *op_name;
    struct op_plan plan;
    struct book *book; /* open while the file at plan.from is untouched; else NULL */
    bool duplicate;
    bool declared;
};

static void run_clear(struct run *r)
{
    book_close(r->book);
    op_plan_clear(&r->plan);
}
LB_DEFINE_CLEANUP(struct run, run_clear)

/* ------------------------------------------------------------------ after a crash */

/* The book at root/path: 1 with what it is, 0 when there is none that can be read, -1 for a passing
 * trouble. */
static int look(int root, const char *path, struct file_id *ret, struct op_tags *ret_tags,
                int64_t *ret_pages, struct err *err)
{
    int dir LB_CLEANUP(fd_close) = -1;
    const char *base;
    struct stat st;
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct err why = {0};
    if (path_open_parent(root, path, &dir, &base, &why) < 0 ||
        fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (book_open(root, path, &b, &why) < 0) {
        if (!err_is_retryable(why.code))
            return 0;
        *err = why;
        return -1;
    }
    *ret = file_id_of(&st);
    *ret_tags = op_tags_of(b);
    *ret_pages = book_pages(b);
    return 1;
}

/* Is the book at root/path the one of the plan, and untouched or saved? -1 as above. */
static int recognise(const struct op_plan *p, int root, const char *path, enum stage *ret,
                     struct err *err)
{
    struct file_id id;
    struct op_tags tags LB_CLEANUP(op_tags_clear) = {0};
    int64_t pages;
    *ret = STAGE_UNKNOWN;
    int rc = look(root, path, &id, &tags, &pages, err);
    if (rc <= 0)
        return rc;
    if (id.dev == p->occupant.dev && id.ino == p->occupant.ino &&
        file_id_unchanged(&p->occupant, &id))
        return 0; /* had the name before us */
    if (op_tags_equal(&tags, &p->before) && file_id_unchanged(&p->was, &id))
        *ret = STAGE_UNTOUCHED;
    else if (!op_tags_equal(&p->before, &p->after) && op_tags_equal(&tags, &p->after) &&
             pages == p->pages)
        *ret = STAGE_SAVED;
    return 0;
}

/* Has the work on the tags been done, as far as the plan has any? */
static bool tags_done(const struct op_plan *p, enum stage stage)
{
    return stage == STAGE_SAVED ||
           (stage == STAGE_UNTOUCHED && op_tags_equal(&p->before, &p->after));
}

/* Where did the earlier run stop? */
static int find_stage(const struct run *r, enum stage *ret, struct err *err)
{
    const struct op_plan *p = &r->plan;
    enum stage at = STAGE_UNKNOWN;
    if (recognise(p, r->env->library_fd, p->from, ret, err) < 0 || *ret != STAGE_UNKNOWN)
        return *ret == STAGE_UNKNOWN ? -1 : 0;
    if (p->to) {
        if (recognise(p, r->env->library_fd, p->to, &at, err) < 0)
            return -1;
        if (tags_done(p, at))
            *ret = STAGE_RENAMED;
    }
    if (*ret == STAGE_UNKNOWN && p->duplicate_to && r->env->duplicate_dir) {
        int root LB_CLEANUP(fd_close) = -1;
        if (op_duplicate_open_dir(r->env, &root, err) < 0 ||
            recognise(p, root, p->duplicate_to, &at, err) < 0)
            return -1;
        if (tags_done(p, at))
            *ret = STAGE_MOVED;
    }
    return 0;
}

/* Takes up the plan of an earlier run; STAGE_UNKNOWN when there is none that fits the files. */
static int resume(struct run *r, enum stage *ret, struct err *err)
{
    *ret = STAGE_UNKNOWN;
    if (!r->item->intent || !op_plan_from_json(r->item->intent, &r->plan))
        return 0;
    if (strcmp(r->plan.from, r->item->path) == 0 && find_stage(r, ret, err) < 0)
        return -1;
    if (*ret == STAGE_UNKNOWN)
        op_plan_clear(&r->plan);
    return 0;
}

/* ------------------------------------------------------------------ doing it */

static int declare(struct run *r, const char *target, const struct tail_write *write,
                   struct err *err)
{
    json_t *intent = op_plan_to_json(&r->plan, r->op_name);
    int rc = r->env->declare(r->env->ctx, intent, target, write, err);
    json_decref(intent);
    if (rc < 0)
        return -1;
    r->declared = true;
    fault_hit("op_declared");
    return 0;
}

/* The book is about to be changed: with the plan goes the record of how, in one commit. */
static int begin_save(void *ctx, const struct tail_write *write, struct err *err)
{
    struct run *r = ctx;
    return declare(r, r->plan.to, write, err);
}

static void end_save(void *ctx)
{
    const struct op_env *env = ((struct run *)ctx)->env;
    env->write_over(env->ctx);
}

static int save_tags(struct run *r, struct err *err)
{
    struct book_journal journal = {.begin = begin_save, .end = end_save, .ctx = r};
    struct book_change changes[OP_TAGS];
    size_t n = op_tags_changes(&r->plan.before, &r->plan.after, changes);
    if (n == 0)
        return 0;
    if (!r->book && book_open(r->env->library_fd, r->plan.from, &r->book, err) < 0)
        return -1;
    bool written;
    book_set_journal(r->book, &journal);
    if (book_save(r->book, changes, n, r->env->cancelled, r->env->ctx, &written, err) < 0)
        return -1;
    fault_hit("op_saved");
    return 0;
}

static int declare_aside(void *ctx, struct err *err)
{
    return declare(ctx, NULL, NULL, err);
}

/* The name is taken. With a duplicate_dir the book goes there, under a name that was declared
 * before. */
static int set_aside(struct run *r, int dir, const char *base, struct err *err)
{
    struct duplicate d = {r->env, r->plan.from, r->plan.was.dev};
    r->duplicate = true;
    return r->env->duplicate_dir
               ? op_duplicate_move(&d, dir, base, &r->plan.duplicate_to, declare_aside, r, err)
               : 0;
}

static int rename_book(struct run *r, struct err *err)
{
    const struct op_plan *p = &r->plan;
    int dir LB_CLEANUP(fd_close) = -1;
    const char *base;
    enum move_outcome outcome;
    if (path_open_parent(r->env->library_fd, p->from, &dir, &base, err) < 0 ||
        op_move(dir, base, dir, path_base(p->to), p->occupant.ino == 0, &outcome, err) < 0)
        return -1;
    if (outcome == MOVE_CROSS_DEVICE)
        return err_set(err, ERR_IO, "%s cannot be renamed within its folder", QUOTED(p->from));
    if (outcome == MOVE_TAKEN && set_aside(r, dir, base, err) < 0)
        return -1;
    fault_hit("op_renamed");
    return 0;
}

/* A failure after the tags were saved says so. */
static int note_saved(const struct run *r, struct err *err)
{
    return op_tags_equal(&r->plan.before, &r->plan.after)
               ? -1
               : err_wrap(err, "the tags were saved, but the name could not be set");
}

/* ------------------------------------------------------------------ the result */

/* details.parsed: what the parser "better" read. */
static void show_parsed(const struct op_plan *p, struct op_result *ret)
{
    if (p->parsed)
        ret->details = json_pack("{s:O}", "parsed", p->parsed);
}

static void fill_result(const struct run *r, struct op_result *ret)
{
    const struct op_plan *p = &r->plan;
    bool moved = r->duplicate && r->env->duplicate_dir;
    show_parsed(p, ret);
    ret->before = op_tags_copy(&p->before);
    ret->after = op_tags_copy(&p->after);
    ret->mark_processed = true;
    ret->mark_duplicate = r->duplicate;
    ret->changed_file = !op_tags_equal(&p->before, &p->after) || (p->to && !r->duplicate) || moved;
    (void)snprintf(ret->message, sizeof(ret->message), "%s", p->message ? p->message : "");
    if (!r->duplicate) {
        ret->final_path = p->to ? mem_strdup(p->to) : NULL;
        return;
    }
    (void)snprintf(ret->message, sizeof(ret->message), "duplicate: %s %s there already",
                   QUOTED(path_base(p->to)), r->env->dry_run ? "would be" : "is");
    if (!ret->details)
        ret->details = json_object();
    (void)json_object_set_new(ret->details, "duplicate", json_true());
    if (moved)
        op_duplicate_result(r->env, p->duplicate_to, ret);
}

/* Where the book of a preview would come to be: plan.to, or set aside as a duplicate. */
static int preview_place(struct run *r, struct err *err)
{
    struct op_plan *p = &r->plan;
    const struct op_env *env = r->env;
    if (!p->to)
        return 0;
    if (env->plan_name(env->ctx, p->to, p->occupant.ino != 0, &r->duplicate, err) < 0)
        return -1;
    if (!r->duplicate || !env->duplicate_dir)
        return 0;
    bool taken; /* op_duplicate_plan found a free one */
    struct duplicate d = {env, p->from, p->was.dev};
    if (!p->duplicate_to && op_duplicate_plan(&d, &p->duplicate_to, err) < 0)
        return -1;
    return env->plan_name(env->ctx, NULL, false, &taken, err);
}

/* What carry_out would do. */
static int preview(struct run *r, struct op_result *ret, struct err *err)
{
    const struct op_plan *p = &r->plan;
    struct book_change changes[OP_TAGS];
    if (preview_place(r, err) < 0)
        return -1;
    fill_result(r, ret);
    if (op_preview_tags(r->book, changes, op_tags_changes(&p->before, &p->after, changes), ret,
                        err) < 0)
        return -1;
    if (p->to && !r->duplicate)
        op_preview_name(p->from, p->to, ret);
    else if (r->duplicate && p->duplicate_to)
        op_preview_name(p->from, p->duplicate_to, ret);
    return 0;
}

static bool is_already_right(const struct op_plan *p)
{
    return !p->to && op_tags_equal(&p->before, &p->after);
}

/* From `stage` to the end. */
static int carry_out(struct run *r, enum stage stage, struct err *err)
{
    if (stage == STAGE_UNTOUCHED && save_tags(r, err) < 0)
        return -1;
    if (!r->declared && !is_already_right(&r->plan) &&
        declare(r, r->plan.to, NULL, err) < 0) /* only the name changes */
        return -1;
    r->duplicate = stage == STAGE_MOVED;
    if (stage > STAGE_SAVED || !r->plan.to)
        return 0;
    return rename_book(r, err) < 0 ? note_saved(r, err) : 0;
}

/* What it takes to put the change back goes into the plan: after a crash the book may not have it any more. */
static void keep(struct run *r)
{
    struct book_change changes[OP_TAGS];
    size_t n = op_tags_changes(&r->plan.before, &r->plan.after, changes);
    r->plan.undo = op_kept_make(r->book, changes, n);
}

static void keep_after(struct run *r, struct op_result *ret)
{
    struct err why = {0};
    if (!ret->changed_file || !r->plan.undo)
        return;
    ret->undo = json_incref(r->plan.undo);
    const char *out = json_string_value(json_object_get(ret->details, "final"));
    if (out) {
        (void)json_object_set_new(ret->undo, "moved_to", json_string(out));
        return;
    }
    const char *at = ret->final_path ? ret->final_path : r->plan.from;
    if (!r->book && book_open(r->env->library_fd, at, &r->book, &why) < 0)
        return; /* gone at once: there will be nothing to put back */
    op_kept_after(ret->undo, r->book);
}

static int run_book(const char *op_name, unsigned what, const struct op_env *env,
                    const struct op_item *item, struct op_result *ret, struct err *err)
{
    struct run r LB_CLEANUP(run_clear) = {.env = env, .item = item, .op_name = op_name};
    enum stage stage;
    if (resume(&r, &stage, err) < 0)
        return -1;
    if (stage <= STAGE_UNTOUCHED && env->cancelled(env->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled before anything was changed");
    if (stage == STAGE_UNKNOWN) {
        struct op_book_options options = op_book_options_of(item->options, env);
        if (op_plan_make(env, item->path, &options, what, &r.book, &r.plan, err) < 0) {
            show_parsed(&r.plan, ret);
            return -1;
        }
        if (!op_tags_equal(&r.plan.before, &r.plan.after) && book_check_tags(r.book, err) < 0)
            return -1;
        if (env->dry_run)
            return preview(&r, ret, err);
        keep(&r);
        stage = STAGE_UNTOUCHED;
    } else {
        r.declared = true; /* by the earlier run */
    }
    if (carry_out(&r, stage, err) < 0)
        return -1;
    fault_hit("op_carried_out");
    fill_result(&r, ret);
    keep_after(&r, ret);
    return 0;
}

int op_process_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                   struct err *err)
{
    return run_book("process", PLAN_TAGS | PLAN_NAME, env, item, ret, err);
}

int op_normalize_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                     struct err *err)
{
    return run_book("normalize", PLAN_TAGS, env, item, ret, err);
}

int op_rename_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err)
{
    return run_book("rename", PLAN_NAME, env, item, ret, err);
}
