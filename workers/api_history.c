/* GET /api/processing-history: what was changed in books, and what of it can still be put back. */
#include <string.h>

#include "api.h"
#include "files.h"
#include "handlers.h"
#include "path.h"
#include "store.h"
#include "store_history.h"

#define HISTORY_DEFAULT 100
#define HISTORY_MAX     1000

static const char *const hindrances[HISTORY__COUNT] = {
    [HISTORY_UNDONE] = "it is undone already",
    [HISTORY_NEVER] = "nothing was kept of what it changed",
    [HISTORY_MOVED_OUT] =
        "the book was moved out of the library, as a duplicate: move it back by hand",
    [HISTORY_NO_FILE] = "the book is not there any more",
    [HISTORY_TOO_LARGE] = "its old ComicInfo.xml was too large to be kept",
    [HISTORY_RETAGGED] = "its tags were changed since: undo that first",
    [HISTORY_RENAMED] = "it was renamed since: undo that first",
    [HISTORY_TAKEN] = "its old name is taken by another file",
};

struct list_ctx {
    struct api_call *call;
    json_t *rows;
};

static void set_text(json_t *o, const char *key, const char *value)
{
    json_put(o, key, json_text(value));
}

static void set_tags(json_t *o, const struct library_history *h)
{
    set_text(o, "before_title", h->before.title);
    set_text(o, "after_title", h->after.title);
    set_text(o, "before_series", h->before.series);
    set_text(o, "after_series", h->after.series);
    set_text(o, "before_issue", h->before.issue);
    set_text(o, "after_issue", h->after.issue);
    set_text(o, "before_publisher", h->before.publisher);
    set_text(o, "after_publisher", h->after.publisher);
    set_text(o, "before_year", h->before.year);
    set_text(o, "after_year", h->after.year);
    set_text(o, "before_volume", h->before.volume);
    set_text(o, "after_volume", h->after.volume);
}

static int add_history(void *ctx, const struct library_history *h, struct err *err)
{
    (void)err;
    struct list_ctx *l = ctx;
    char *absolute LB_CLEANUP(mem_free) = files_absolute(l->call->worker, h->path);
    json_t *o = json_pack("{s:I, s:o, s:f}", "id", (json_int_t)h->id, "filepath",
                          json_text(absolute), "timestamp", h->at);
    must(o);
    set_text(o, "before_filename", h->before_name);
    set_text(o, "after_filename", h->after_name);
    set_tags(o, h);
    set_text(o, "operation_type", h->operation);
    set_text(o, "job_id", h->job_id);
    json_t *changes = h->changes ? json_loads(h->changes, 0, NULL) : NULL;
    json_put(o, "changes", changes ? changes : json_null());
    json_put(o, "undo_of", h->undo_of ? json_integer(h->undo_of) : json_null());
    json_put(o, "undone_by", h->undone_by ? json_integer(h->undone_by) : json_null());
    json_put(o, "can_undo", json_boolean(h->hindrance == HISTORY_FREE));
    set_text(o, "why_not", hindrances[h->hindrance]);
    must(json_array_append_new(l->rows, o) == 0);
    return 0;
}

int api_history_list(struct api_call *call, struct err *err)
{
    char path[PATH_MAX_BYTES];
    const char *file = api_query(call, "file");
    struct history_query query = {
        .search = api_query(call, "search"),
        .limit = api_query_within(call, "limit", HISTORY_DEFAULT, 1, HISTORY_MAX),
        .offset = api_query_within(call, "offset", 0, 0, INT64_MAX),
    };
    if (file && files_resolve(call->worker, call->reader, file, strlen(file), path, err) < 0)
        return -1;
    query.file = file ? path : NULL;
    struct list_ctx ctx = {call, json_array()};
    int64_t total;
    struct db *db = store_reader_db(call->reader, GATE_LIBRARY);
    if (store_history_list(db, &query, add_history, &ctx, &total, err) < 0) {
        json_decref(ctx.rows);
        return -1;
    }
    return api_reply(call, 200,
                     json_pack("{s:o, s:I, s:I, s:I}", "history", ctx.rows, "total",
                               (json_int_t)total, "limit", (json_int_t)query.limit, "offset",
                               (json_int_t)query.offset));
}
