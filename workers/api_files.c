#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "api_files.h"
#include "api_select.h"
#include "files.h"
#include "handlers.h"
#include "path.h"
#include "store.h"
#include "store_library.h"
#include "utf8.h"

#define PER_PAGE_DEFAULT 100
#define PER_PAGE_MIN     10
#define PER_PAGE_MAX     500
#define IDS_MAX          100000
#define FOLDERS_DEFAULT  500
#define FOLDERS_MAX      1000
#define GROUPS_DEFAULT   100
#define GROUPS_MAX       500

/* The index of the query parameter in `names`; 0 when it is absent or unknown. */
static int lenient_choice(const struct api_call *call, const char *name, const char *const *names)
{
    const char *text = api_query(call, name);
    for (int i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    return 0;
}

/* ---- the list ---- */

static int append(const char *bytes, size_t len, void *out)
{
    strbuf_add(out, bytes, len);
    return 0;
}

void api_append_members(struct strbuf *out, json_t *object)
{
    must(object);
    must(json_dump_callback(object, append, out, JSON_EMBED | JSON_TEXT_FLAGS) == 0);
    json_decref(object);
}

/* Each file becomes text at once: as values in memory a whole library takes several times more. */
void api_append_file(struct api_call *call, const struct library_file *f)
{
    char *absolute LB_CLEANUP(mem_free) = files_absolute(call->worker, f->path);
    char id[32];
    (void)snprintf(id, sizeof(id), "id:%lld", (long long)f->file_id);
    strbuf_addc(&call->text, '{');
    api_append_members(&call->text,
                       json_pack("{s:o, s:o, s:o, s:I, s:f, s:b, s:b, s:s}", "path",
                                 json_text(absolute), "name", json_text(path_base(f->path)),
                                 "relative_path", json_text(f->path), "size",
                                 (json_int_t)f->stat.size, "modified", f->stat.mtime, "processed",
                                 (int)f->processed, "duplicate", (int)f->duplicate, "file_id", id));
    /* verify wrote it as JSON, and nobody else writes it */
    strbuf_addf(&call->text, ",\"problems\":%s}", f->problems ? f->problems : "null");
}

static int add_file(void *ctx, const struct library_file *f, struct err *err)
{
    (void)err;
    struct api_call *call = ctx;
    strbuf_adds(&call->text, call->text.len > 0 ? "," : "{\"files\":[");
    api_append_file(call, f);
    return 0;
}

static struct library_query list_query(struct api_call *call)
{
    static const char *const sorts[] = {
        [LIBRARY_BY_NAME] = "name", [LIBRARY_BY_DATE] = "date", [LIBRARY_BY_SIZE] = "size", NULL};
    static const char *const directions[] = {"asc", "desc", NULL};
    int64_t per_page = api_query_lenient(call, "per_page", PER_PAGE_DEFAULT);
    if (per_page > 0) /* less is everything, and is echoed as it came */
        per_page = per_page < PER_PAGE_MIN   ? PER_PAGE_MIN
                   : per_page > PER_PAGE_MAX ? PER_PAGE_MAX
                                             : per_page;
    return (struct library_query){
        .what = {.filter = (enum library_filter)lenient_choice(call, "filter", library_filters),
                 .search = api_query(call, "search"),
                 .folder = api_query(call, "folder")},
        .sort = (enum library_sort)lenient_choice(call, "sort", sorts),
        .descending = lenient_choice(call, "direction", directions) == 1,
        .page = api_query_lenient(call, "page", 1),
        .per_page = per_page,
        .limit = api_query_within(call, "limit", 0, 1, INT64_MAX),
        .offset = api_query_within(call, "offset", 0, 0, INT64_MAX),
    };
}

static json_t *counts_json(const struct library_counts *c)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "all", (json_int_t)c->files, "marked",
                     (json_int_t)c->processed, "unmarked", (json_int_t)(c->files - c->processed),
                     "duplicates", (json_int_t)c->duplicates, "problems", (json_int_t)c->problems);
}

int api_files_list(struct api_call *call, struct err *err)
{
    struct library_query query = list_query(call);
    int64_t per_page = query.per_page;
    query.per_page = per_page > 0 ? per_page : 0;
    if (query.limit > PER_PAGE_MAX)
        query.limit = PER_PAGE_MAX;
    struct library_page page;
    struct db *db = store_reader_db(call->reader, GATE_LIBRARY);
    if (store_library_list(db, &query, add_file, call, &page, err) < 0) {
        strbuf_reset(&call->text);
        return -1;
    }
    strbuf_adds(&call->text, call->text.len > 0 ? "]," : "{\"files\":[],");
    api_append_members(&call->text,
                       query.limit ? json_pack("{s:I, s:I}", "offset", (json_int_t)query.offset,
                                               "limit", (json_int_t)query.limit)
                                   : json_pack("{s:I, s:I, s:I}", "page", (json_int_t)page.page,
                                               "per_page", (json_int_t)per_page, "total_pages",
                                               (json_int_t)page.total_pages));
    strbuf_addc(&call->text, ',');
    api_append_members(&call->text,
                       json_pack("{s:I, s:I, s:o}", "total_files", (json_int_t)page.total_files,
                                 "unmarked_count",
                                 (json_int_t)(page.totals.files - page.totals.processed), "counts",
                                 counts_json(&page.counts)));
    strbuf_addc(&call->text, '}');
    return 0;
}

static int add_id(void *ctx, const struct library_file *f, struct err *err)
{
    (void)err;
    struct api_call *call = ctx;
    strbuf_addf(&call->text, "%s\"id:%lld\"", call->text.len > 0 ? "," : "{\"ids\":[",
                (long long)f->file_id);
    return 0;
}

int api_files_ids(struct api_call *call, struct err *err)
{
    struct library_query query = list_query(call);
    if (query.limit == 0 || query.limit > IDS_MAX)
        query.limit = IDS_MAX;
    struct library_page page;
    struct db *db = store_reader_db(call->reader, GATE_LIBRARY);
    if (store_library_list(db, &query, add_id, call, &page, err) < 0) {
        strbuf_reset(&call->text);
        return -1;
    }
    strbuf_adds(&call->text, call->text.len > 0 ? "]," : "{\"ids\":[],");
    api_append_members(&call->text, json_pack("{s:I, s:I, s:I}", "offset", (json_int_t)query.offset,
                                              "limit", (json_int_t)query.limit, "total_files",
                                              (json_int_t)page.total_files));
    strbuf_addc(&call->text, '}');
    return 0;
}

/* ---- folders ---- */

static int add_folder(void *ctx, const struct library_folder *f, struct err *err)
{
    (void)err;
    /* what is not valid text cannot be said in a request: only shown */
    bool sayable = utf8_valid(f->path, strlen(f->path));
    json_t *row =
        json_pack("{s:o, s:o, s:o}", "name", json_text(path_base(f->path)), "folder",
                  sayable ? json_text(f->path) : json_null(), "counts", counts_json(&f->counts));
    must(row && json_array_append_new(ctx, row) == 0);
    return 0;
}

int api_folders(struct api_call *call, struct err *err)
{
    const char *folder = api_query(call, "folder");
    int64_t limit = api_query_within(call, "limit", FOLDERS_DEFAULT, 1, FOLDERS_MAX);
    int64_t offset = api_query_within(call, "offset", 0, 0, INT64_MAX);
    json_t *rows = json_array();
    bool more;
    struct db *db = store_reader_db(call->reader, GATE_LIBRARY);
    if (store_library_folders(db, folder, offset, limit, add_folder, rows, &more, err) < 0) {
        json_decref(rows);
        return -1;
    }
    json_t *next = more ? json_integer((json_int_t)(offset + limit)) : json_null();
    return api_reply(call, 200, json_pack("{s:o, s:o}", "folders", rows, "next", next));
}

/* ---- books with the same pages ---- */

struct same_ctx {
    struct api_call *call;
    char content[64]; /* of the group that is open, "" = none */
};

static int add_same(void *ctx, const struct library_group *g, const struct library_file *f,
                    struct err *err)
{
    (void)err;
    struct same_ctx *s = ctx;
    struct strbuf *out = &s->call->text;
    if (strcmp(s->content, g->content) != 0) {
        strbuf_adds(out, s->content[0] ? "]},{" : "{");
        api_append_members(
            out, json_pack("{s:s, s:I}", "content", g->content, "pages", (json_int_t)g->pages));
        strbuf_adds(out, ",\"files\":[");
        (void)snprintf(s->content, sizeof(s->content), "%s", g->content);
    } else {
        strbuf_addc(out, ',');
    }
    api_append_file(s->call, f);
    return 0;
}

int api_files_same(struct api_call *call, struct err *err)
{
    struct same_ctx s = {.call = call};
    const char *after = api_query(call, "after");
    char *next LB_CLEANUP(mem_free) = NULL;
    int64_t limit = api_query_within(call, "limit", GROUPS_DEFAULT, 1, GROUPS_MAX);
    strbuf_adds(&call->text, "{\"groups\":[");
    if (store_library_same(store_reader_db(call->reader, GATE_LIBRARY), after ? after : "", limit,
                           add_same, &s, &next, err) < 0) {
        strbuf_reset(&call->text);
        return -1;
    }
    strbuf_adds(&call->text, s.content[0] ? "]}]," : "],");
    api_append_members(&call->text, json_pack("{s:s?}", "next", next));
    strbuf_addc(&call->text, '}');
    return 0;
}

int api_scan_unmarked(struct api_call *call, struct err *err)
{
    struct library_totals t;
    if (store_library_totals(store_reader_db(call->reader, GATE_LIBRARY), &t, err) < 0)
        return -1;
    return api_reply(call, 200,
                     json_pack("{s:I, s:I, s:I}", "unmarked_count",
                               (json_int_t)(t.files - t.processed), "marked_count",
                               (json_int_t)t.processed, "total_count", (json_int_t)t.files));
}
