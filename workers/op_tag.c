/*
 * One run: plan -> declare and save -> result. A run with an intent finds the book as it was, and saves; or with the
 * values set, then the earlier run had saved; or edited by somebody else, then it plans anew. The result comes from
 * the plan alone, so it is the same.
 */
#include "op_tag.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "comicinfo_types.h"
#include "fault.h"
#include "log.h"
#include "op_kept.h"
#include "op_plan.h"
#include "op_preview.h"
#include "path.h"

/* The changes that the options ask for; `text` keeps the values. */
struct wanted {
    struct book_change *changes;
    size_t n;
    struct strbuf *text; /* of each change */
};

static void wanted_clear(struct wanted *w)
{
    for (size_t i = 0; i < w->n; i++)
        strbuf_clear(&w->text[i]);
    free(w->text);
    free(w->changes);
    *w = (struct wanted){0};
}
LB_DEFINE_CLEANUP(struct wanted, wanted_clear)

static int read_values(const json_t *tags, struct wanted *ret, struct err *err)
{
    size_t n = json_object_size(tags), bytes = 0;
    ret->changes = mem_new(n * sizeof(*ret->changes));
    ret->text = mem_new(n * sizeof(*ret->text));
    const char *element;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)tags, element, value)
    {
        struct strbuf *text = &ret->text[ret->n++];
        if (comicinfo_value(element, value, text, err) < 0)
            return -1;
        bytes += text->len;
        if (bytes > COMICINFO_VALUES_MAX_BYTES)
            return err_field(err, ERR_RANGE, "tags", "the values of tags are over %d bytes",
                             COMICINFO_VALUES_MAX_BYTES);
        ret->changes[ret->n - 1] = (struct book_change){element, strbuf_str(text)};
    }
    return 0;
}

static int read_options(const json_t *options, struct wanted *ret, struct err *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(options))
        return err_field(err, ERR_BAD_FIELD, "options", "options is not an object");
    json_object_foreach((json_t *)(uintptr_t)options, key, value)
    {
        if (strcmp(key, "tags") != 0)
            return err_field(err, ERR_BAD_FIELD, "options", "tag has no option %s", LOG_QUOTE(key));
    }
    const json_t *tags = json_object_get(options, "tags");
    if (!json_is_object(tags) || json_object_size(tags) == 0)
        return err_field(err, ERR_BAD_FIELD, "tags",
                         "the option tags is required: an object of ComicInfo elements and their "
                         "values, such as {\"Writer\": \"A. Bell\", \"Notes\": null}");
    return read_values(tags, ret, err);
}

int op_tag_check_options(const json_t *options, struct err *err)
{
    struct wanted w LB_CLEANUP(wanted_clear) = {0};
    return read_options(options, &w, err);
}

/* ------------------------------------------------------------------ a run */

struct run {
    const struct op_env *env;
    const struct op_item *item;
    struct wanted wanted;
    struct op_plan plan;
    struct book *book;
    bool saved;   /* by an earlier run */
    bool changes; /* there is something to save, or was before an earlier run saved it */
};

static void run_clear(struct run *r)
{
    book_close(r->book);
    op_plan_clear(&r->plan);
    wanted_clear(&r->wanted);
}
LB_DEFINE_CLEANUP(struct run, run_clear)

/* Would saving write anything? 1, 0, or -1. */
static int differs(const struct run *r, struct err *err)
{
    enum book_method method;
    int64_t bytes;
    if (book_save_preview(r->book, r->wanted.changes, r->wanted.n, &method, &bytes, err) < 0)
        return -1;
    return method != BOOK_NONE;
}

static int make_plan(struct run *r, struct err *err)
{
    struct op_plan *p = &r->plan;
    p->from = mem_strdup(r->item->path);
    if (op_plan_identify(r->env, r->item->path, &p->was, err) < 0)
        return -1;
    p->before = op_tags_of(r->book);
    p->after = op_tags_copy(&p->before);
    p->pages = book_pages(r->book);
    for (size_t i = 0; i < r->wanted.n; i++)
        op_tags_set(&p->after, r->wanted.changes[i].element, r->wanted.changes[i].value);
    int rc = differs(r, err);
    r->changes = rc == 1;
    if (rc <= 0 || r->env->dry_run)
        return rc < 0 ? -1 : 0;
    p->undo = op_kept_make(r->book, r->wanted.changes, r->wanted.n);
    return 0;
}

/* Takes up the plan of an earlier run. 1 = it stands, 0 = there is none, or the book is another one now. */
static int resume(struct run *r, struct err *err)
{
    struct file_id is;
    if (!r->item->intent || !op_plan_from_json(r->item->intent, &r->plan))
        return 0;
    if (op_plan_identify(r->env, r->item->path, &is, err) < 0)
        return -1;
    int rc = differs(r, err);
    if (rc < 0)
        return -1;
    r->saved = rc == 0 && book_pages(r->book) == r->plan.pages;
    if (strcmp(r->plan.from, r->item->path) == 0 &&
        (r->saved || file_id_unchanged(&r->plan.was, &is))) {
        r->changes = true;
        return 1;
    }
    r->saved = false;
    op_plan_clear(&r->plan);
    return 0;
}

/* The book is about to be changed: with the plan goes the record of how, in one commit. */
static int begin_save(void *ctx, const struct tail_write *write, struct err *err)
{
    struct run *r = ctx;
    json_t *intent = op_plan_to_json(&r->plan, "tag");
    int rc = r->env->declare(r->env->ctx, intent, NULL, write, err);
    json_decref(intent);
    if (rc == 0)
        fault_hit("op_declared");
    return rc;
}

static void end_save(void *ctx)
{
    const struct op_env *env = ((struct run *)ctx)->env;
    env->write_over(env->ctx);
}

int op_tag_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
               struct err *err)
{
    struct run r LB_CLEANUP(run_clear) = {.env = env, .item = item};
    if (read_options(item->options, &r.wanted, err) < 0 ||
        book_open(env->library_fd, item->path, &r.book, err) < 0)
        return -1;
    int rc = resume(&r, err);
    if (rc < 0)
        return -1;
    if (env->cancelled(env->ctx) && !r.saved)
        return err_set(err, ERR_CANCELLED, "cancelled before anything was changed");
    if (rc == 0 && make_plan(&r, err) < 0)
        return -1;
    ret->before = op_tags_copy(&r.plan.before);
    ret->after = op_tags_copy(&r.plan.after);
    ret->changed_file = r.changes;
    if (env->dry_run)
        return op_preview_tags(r.book, r.wanted.changes, r.wanted.n, ret, err);
    struct book_journal journal = {.begin = begin_save, .end = end_save, .ctx = &r};
    bool written;
    book_set_journal(r.book, &journal);
    if (book_save(r.book, r.wanted.changes, r.wanted.n, env->cancelled, env->ctx, &written, err) <
        0)
        return -1;
    fault_hit("op_saved");
    if (r.changes && r.plan.undo) {
        op_kept_after(r.plan.undo, r.book);
        ret->undo = json_incref(r.plan.undo);
    }
    return 0;
}
