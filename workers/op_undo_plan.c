#include "op_undo_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "op_kept.h"
#include "op_move.h"
#include "path.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)

void undo_plan_clear(struct undo_plan *p)
{
    op_plan_clear(&p->plan);
    free(p->bytes);
    *p = (struct undo_plan){0};
}

/* Rows without what is kept are of these, or of operations that cannot be undone. */
static bool is_by_fields(const struct undo_row *row)
{
    static const char *const operations[] = {"process", "rename", "normalize"};
    for (size_t i = 0; !row->kept && i < ARRAY_LEN(operations); i++)
        if (strcmp(operations[i], row->operation) == 0)
            return true;
    return false;
}

static struct op_tags tags_of(const struct undo_tags *t)
{
    struct op_tags borrowed = {t->title, t->series, t->issue, t->publisher, t->year, t->volume};
    return op_tags_copy(&borrowed);
}

static int check_row(const struct undo_row *row, const json_t *kept, struct err *err)
{
    if (row->undone_by)
        return err_set(err, ERR_CANNOT_UNDO, "this change was undone already (history %lld)",
                       (long long)row->undone_by);
    if (!row->kept && !is_by_fields(row))
        return err_set(err, ERR_CANNOT_UNDO, "what '%.40s' did cannot be undone", row->operation);
    const char *out = json_string_value(json_object_get(kept, "moved_to"));
    if (out)
        return err_set(err, ERR_CANNOT_UNDO,
                       "it was moved out of the library, as a duplicate: %s; move it back by hand",
                       QUOTED(out));
    return 0;
}

/* ------------------------------------------------------------------ tags */

static int changed_since(struct err *err)
{
    return err_set(err, ERR_CANNOT_UNDO, "its tags were changed since; undo that first");
}

static int plan_whole(struct undo_plan *p, const struct undo_row *row, const json_t *kept,
                      const struct book *book, struct err *err)
{
    if (!op_kept_has_tags(kept)) {
        p->plan.undo = json_object();
        return 0;
    }
    if (!op_kept_is_now(kept, book))
        return changed_since(err);
    if (op_kept_member(kept, &p->bytes, &p->len, err) < 0)
        return -1;
    json_t *back = op_kept_back(kept);
    p->plan.undo = op_kept_whole(book, back);
    json_decref(back);
    p->whole = true;
    op_tags_clear(&p->plan.after);
    p->plan.after = tags_of(&row->before);
    return 0;
}

static int plan_fields(struct undo_plan *p, const struct undo_row *row, const struct book *book,
                       struct err *err)
{
    struct op_tags before LB_CLEANUP(op_tags_clear) = tags_of(&row->before);
    struct op_tags after LB_CLEANUP(op_tags_clear) = tags_of(&row->after);
    struct book_change is[OP_TAGS], back[OP_TAGS];
    size_t n = op_tags_changes(&before, &after, is);
    (void)op_tags_changes(&after, &before, back); /* of the same elements, in the same order */
    for (size_t i = 0; i < n; i++) {
        struct op_tags one LB_CLEANUP(op_tags_clear) = op_tags_copy(&p->plan.before);
        op_tags_set(&one, is[i].element, is[i].value);
        if (!op_tags_equal(&one, &p->plan.before))
            return changed_since(err);
        op_tags_set(&p->plan.after, back[i].element, back[i].value);
    }
    p->plan.undo = op_kept_make(book, back, n);
    return 0;
}

/* ------------------------------------------------------------------ the name */

static bool same_folder(const char *a, const char *b)
{
    size_t n = (size_t)(path_base(a) - a);
    return n == (size_t)(path_base(b) - b) && strncmp(a, b, n) == 0;
}

/* Has another file the old name? 1, 0 or -1. */
static int is_taken(const struct op_env *env, const struct op_plan *p, struct err *err)
{
    int dir LB_CLEANUP(fd_close) = -1;
    const char *base;
    struct stat st;
    if (path_open_parent(env->library_fd, p->to, &dir, &base, err) < 0)
        return err->code == ERR_NOT_FOUND
                   ? err_set(err, ERR_CANNOT_UNDO, "its old folder is not there any more: %s",
                             QUOTED(p->to))
                   : -1;
    int rc;
    if (same_folder(p->from, p->to))
        rc = op_move_taken(dir, path_base(p->from), base, &st);
    else if ((rc = fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW)) == 0)
        rc = 1;
    else if (errno == ENOENT)
        rc = 0;
    return rc < 0 ? err_sys(err, ERR_IO, "look at %s", QUOTED(p->to)) : rc;
}

static int plan_name(const struct op_env *env, struct op_plan *p, const struct undo_row *row,
                     struct err *err)
{
    if (strcmp(row->before_path, row->after_path) == 0)
        return 0;
    if (strcmp(p->from, row->after_path) != 0)
        return err_set(err, ERR_CANNOT_UNDO, "it was renamed since, to %s; undo that first",
                       QUOTED(p->from));
    p->to = mem_strdup(row->before_path);
    int taken = is_taken(env, p, err);
    if (taken < 0)
        return -1;
    bool planned = taken == 1;
    if (env->dry_run && env->plan_name(env->ctx, p->to, taken == 1, &planned, err) < 0)
        return -1;
    if (planned)
        return err_set(err, ERR_CANNOT_UNDO, "its old name is taken by another file: %s",
                       QUOTED(p->to));
    return 0;
}

static int decide(const struct op_env *env, const char *path, const struct undo_row *row,
                  const json_t *kept, struct book **ret_book, struct undo_plan *ret,
                  struct err *err)
{
    struct op_plan *p = &ret->plan;
    if (check_row(row, kept, err) < 0 || book_open(env->library_fd, path, ret_book, err) < 0 ||
        op_plan_identify(env, path, &p->was, err) < 0)
        return -1;
    ret->history_id = row->id;
    ret->processed = row->kept ? row->was_processed : -1;
    ret->duplicate = row->kept ? row->was_duplicate : -1;
    p->from = mem_strdup(path);
    p->before = op_tags_of(*ret_book);
    p->after = op_tags_copy(&p->before);
    p->pages = book_pages(*ret_book);
    int rc = row->kept ? plan_whole(ret, row, kept, *ret_book, err)
                       : plan_fields(ret, row, *ret_book, err);
    return rc < 0 ? -1 : plan_name(env, p, row, err);
}

int undo_plan_make(const struct op_env *env, const struct op_item *item, struct book **ret_book,
                   struct undo_plan *ret, struct err *err)
{
    struct undo_row row LB_CLEANUP(undo_row_clear) = {0};
    if (env->find_change(env->ctx, item->options, item->path, &row, err) < 0)
        return -1;
    json_t *kept = row.data ? json_loads(row.data, 0, NULL) : NULL;
    int rc = decide(env, item->path, &row, kept, ret_book, ret, err);
    json_decref(kept);
    return rc;
}
/* ------------------------------------------------------------------ JSON */

json_t *undo_plan_to_json(const struct undo_plan *p)
{
    json_t *j = op_plan_to_json(&p->plan, "undo");
    (void)json_object_set_new(j, "history", json_integer((json_int_t)p->history_id));
    (void)json_object_set_new(j, "whole", json_boolean(p->whole));
    (void)json_object_set_new(j, "processed", json_integer(p->processed));
    (void)json_object_set_new(j, "duplicate", json_integer(p->duplicate));
    if (p->whole)
        (void)json_object_set_new(j, "put", op_kept_pack(p->bytes, p->len));
    return j;
}

bool undo_plan_from_json(const json_t *intent, struct undo_plan *ret)
{
    struct err why = {0};
    *ret = (struct undo_plan){
        .history_id = json_integer_value(json_object_get(intent, "history")),
        .whole = json_is_true(json_object_get(intent, "whole")),
        .processed = (int)json_integer_value(json_object_get(intent, "processed")),
        .duplicate = (int)json_integer_value(json_object_get(intent, "duplicate")),
    };
    if (!op_plan_from_json(intent, &ret->plan) || !ret->history_id ||
        (ret->whole &&
         op_kept_unpack(json_object_get(intent, "put"), &ret->bytes, &ret->len, &why) < 0)) {
        undo_plan_clear(ret);
        return false;
    }
    return true;
}
