#include "store_undo.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "store_db.h"
#include "strbuf.h"

static void bind_mark(struct query *q, const char *param, bool touched, bool was)
{
    if (touched)
        query_int(q, param, was);
    else
        query_null(q, param);
}

/* -1 for NULL. */
static int mark_of(const struct query *q, int col)
{
    return query_col_text(q, col) ? (int)query_col_int(q, col) : -1;
}

int store_undo_add(struct db *db, int64_t history_id, const struct library_change *c,
                   const struct library_file *was, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_UNDO_ADD, err) < 0)
        return -1;
    query_int(&q, ":history_id", history_id);
    query_text(&q, ":before_path", c->path);
    bind_mark(&q, ":was_processed", c->mark_processed || c->unmark_processed, was->processed);
    bind_mark(&q, ":was_duplicate", c->mark_duplicate || c->unmark_duplicate, was->duplicate);
    query_text(&q, ":data", c->undo);
    if (was->file_id)
        query_int(&q, ":file_id", was->file_id);
    else
        query_null(&q, ":file_id");
    if (c->undo_of)
        query_int(&q, ":undo_of", c->undo_of);
    else
        query_null(&q, ":undo_of");
    return query_run(&q, err);
}

void undo_row_clear(struct undo_row *r)
{
    char *texts[] = {r->operation,    r->before_path, r->after_path,       r->data,
                     r->before.title, r->after.title, r->before.series,    r->after.series,
                     r->before.issue, r->after.issue, r->before.publisher, r->after.publisher,
                     r->before.year,  r->after.year,  r->before.volume,    r->after.volume};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    *r = (struct undo_row){0};
}

static char *copy_of(const struct query *q, int col)
{
    const char *text = query_col_text(q, col);
    return text ? mem_strdup(text) : NULL;
}

/* The path before, of a row that knows only the name: it was renamed within its folder. */
static char *in_folder_of(const char *after, const char *name)
{
    struct strbuf b = {0};
    strbuf_add(&b, after, (size_t)(path_base(after) - after));
    strbuf_adds(&b, name ? name : path_base(after));
    return strbuf_take(&b);
}

int store_undo_get(struct db *db, int64_t history_id, struct undo_row *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_UNDO_GET, err) < 0)
        return -1;
    query_int(&q, ":history_id", history_id);
    int rc = query_step(&q, err);
    if (rc != 1)
        return rc;
    *ret = (struct undo_row){
        .id = history_id,
        .operation = copy_of(&q, 0),
        .after_path = copy_of(&q, 1),
        .kept = query_col_text(&q, 3) != NULL,
        .was_processed = mark_of(&q, 4),
        .was_duplicate = mark_of(&q, 5),
        .data = copy_of(&q, 6),
        .undone_by = query_col_int(&q, 7),
    };
    ret->before_path =
        ret->kept ? copy_of(&q, 3) : in_folder_of(ret->after_path, query_col_text(&q, 2));
    char **pairs[][2] = {
        {&ret->before.title, &ret->after.title}, {&ret->before.series, &ret->after.series},
        {&ret->before.issue, &ret->after.issue}, {&ret->before.publisher, &ret->after.publisher},
        {&ret->before.year, &ret->after.year},   {&ret->before.volume, &ret->after.volume}};
    for (int i = 0; i < (int)ARRAY_LEN(pairs); i++) {
        *pairs[i][0] = copy_of(&q, 8 + 2 * i);
        *pairs[i][1] = copy_of(&q, 9 + 2 * i);
    }
    return 1;
}

static int find_of_job(struct db *db, enum sql_id id, const char *job_id, const char *path,
                       int64_t *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_text(&q, ":path", path);
    int rc = query_step(&q, err);
    *ret = rc == 1 ? query_col_int(&q, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int store_undo_of_job(struct db *db, const char *job_id, const char *path, int64_t *ret,
                      struct err *err)
{
    if (find_of_job(db, SQL_UNDO_OF_JOB, job_id, path, ret, err) < 0)
        return -1;
    return *ret ? 0 : find_of_job(db, SQL_UNDO_OF_JOB_OLD, job_id, path, ret, err);
}

int store_undo_path(struct db *db, int64_t history_id, char **ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_UNDO_PATH, err) < 0)
        return -1;
    query_int(&q, ":history_id", history_id);
    int rc = query_step(&q, err);
    if (rc == 1)
        *ret = copy_of(&q, 0);
    return rc;
}

int store_undo_paths(struct db *db, const char *job_id,
                     int (*fn)(void *ctx, const char *path, struct err *err), void *ctx,
                     struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_UNDO_PATHS, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        if (fn(ctx, query_col_text(&q, 0), err) < 0)
            return -1;
    return rc;
}

int store_undo_is_chained(struct db *db, const char *job_id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_UNDO_CHAINED, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    return query_step(&q, err);
}
