#include "store_history.h"

#include <stdlib.h>
#include <string.h>

#include "store_db.h"
#include "store_library_row.h"
#include "strbuf.h"

/* Columns of HISTORY_TEXTS, behind the id. */
#define TEXTS 6

/* The rows of one page. */
struct found {
    int64_t *ids;
    size_t n;
    int64_t total; /* with those before and behind it */
};

static void found_clear(struct found *f)
{
    free(f->ids);
}
LB_DEFINE_CLEANUP(struct found, found_clear)

static void add(struct found *f, const struct history_query *query, int64_t id)
{
    int64_t at = f->total++ - query->offset;
    if (at >= 0 && at < query->limit)
        f->ids[f->n++] = id;
}

static bool matches(const struct query *q, const char *folded, struct strbuf *text)
{
    for (int i = 0; i < TEXTS; i++) {
        const char *value = query_col_text(q, 1 + i);
        if (!value)
            continue;
        library_fold(value, text);
        if (strstr(strbuf_str(text), folded))
            return true;
    }
    return false;
}

static int bind_file(struct db *db, struct query *q, const char *path, struct err *err)
{
    struct query id LB_CLEANUP(query_end) = {0};
    if (query_start(&id, db, SQL_LIBRARY_ID, err) < 0)
        return -1;
    query_text(&id, ":path", path);
    int rc = query_step(&id, err);
    query_text(q, ":path", path);
    if (rc == 1)
        query_int(q, ":file_id", query_col_int(&id, 0));
    else
        query_null(q, ":file_id");
    return rc < 0 ? -1 : 0;
}

/* Looks at every row that may be meant. */
static int find(struct db *db, const struct history_query *query, struct found *ret,
                struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    struct strbuf folded LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    library_fold(query->search ? query->search : "", &folded);
    if (query_start(&q, db, query->file ? SQL_HISTORY_OF_FILE : SQL_HISTORY_SEARCH, err) < 0 ||
        (query->file && bind_file(db, &q, query->file, err) < 0))
        return -1;
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        if (folded.len == 0 || matches(&q, strbuf_str(&folded), &text))
            add(ret, query, query_col_int(&q, 0));
    return rc;
}

/* One page of everything; how many there are is kept in the totals. */
static int find_all(struct db *db, const struct history_query *query, struct found *ret,
                    struct err *err)
{
    struct library_totals totals = {0};
    struct query q LB_CLEANUP(query_end) = {0};
    if (store_library_totals(db, &totals, err) < 0 ||
        query_start(&q, db, SQL_HISTORY_LIST, err) < 0)
        return -1;
    query_int(&q, ":max", query->limit);
    query_int(&q, ":skip", query->offset);
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        ret->ids[ret->n++] = query_col_int(&q, 0);
    ret->total = totals.history;
    return rc;
}

static struct library_history row_of(const struct query *q)
{
    struct library_history h = {.id = query_col_int(q, 0),
                                .path = query_col_text(q, 1),
                                .at = query_col_real(q, 2),
                                .operation = query_col_text(q, 3),
                                .before_name = query_col_text(q, 4),
                                .after_name = query_col_text(q, 5),
                                .job_id = query_col_text(q, 18),
                                .changes = query_col_text(q, 19),
                                .undo_of = query_col_int(q, 20),
                                .undone_by = query_col_int(q, 21),
                                .hindrance = (enum history_hindrance)query_col_int(q, 22)};
    const char **pairs[][2] = {
        {&h.before.title, &h.after.title}, {&h.before.series, &h.after.series},
        {&h.before.issue, &h.after.issue}, {&h.before.publisher, &h.after.publisher},
        {&h.before.year, &h.after.year},   {&h.before.volume, &h.after.volume}};
    for (int i = 0; i < (int)ARRAY_LEN(pairs); i++) {
        *pairs[i][0] = query_col_text(q, 6 + 2 * i);
        *pairs[i][1] = query_col_text(q, 7 + 2 * i);
    }
    return h;
}

static int give(struct db *db, int64_t id,
                int (*fn)(void *ctx, const struct library_history *h, struct err *err), void *ctx,
                struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_HISTORY_GET, err) < 0)
        return -1;
    query_int(&q, ":history_id", id);
    int rc = query_step(&q, err);
    if (rc != 1)
        return rc;
    struct library_history h = row_of(&q);
    return fn(ctx, &h, err) < 0 ? -1 : 0;
}

int store_history_list(struct db *db, const struct history_query *query,
                       int (*fn)(void *ctx, const struct library_history *h, struct err *err),
                       void *ctx, int64_t *ret_total, struct err *err)
{
    struct found found LB_CLEANUP(found_clear) = {0};
    must(query->limit > 0 && query->offset >= 0);
    found.ids = mem_new((size_t)query->limit * sizeof(found.ids[0]));
    bool everything = !query->file && (!query->search || !query->search[0]);
    bool alone = !db->in_write; /* a write transaction is one state already */
    if (alone && store_read_begin(db, err) < 0)
        return -1;
    int rc = (everything ? find_all : find)(db, query, &found, err);
    for (size_t i = 0; rc == 0 && i < found.n; i++)
        rc = give(db, found.ids[i], fn, ctx, err);
    if (alone)
        store_read_end(db);
    *ret_total = found.total;
    return rc;
}
