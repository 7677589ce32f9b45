/*
 * The tags of books under the names of the old application: GET and POST /api/file/{path}/tags, POST /api/files/tags.
 * Reading opens the book; setting is a job of the operation "tag".
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api_files.h"
#include "api_job.h"
#include "api_old.h"
#include "book.h"
#include "handlers.h"
#include "job_start.h"
#include "log.h"
#include "op.h"
#include "store.h"
#include "worker.h"

static const struct {
    const char *name, *element;
} fields[] = {
    {"title", "Title"},
    {"series", "Series"},
    {"issue", "Number"},
    {"volume", "Volume"},
    {"publisher", "Publisher"},
    {"year", "Year"},
    {"month", "Month"},
    {"writer", "Writer"},
    {"penciller", "Penciller"},
    {"inker", "Inker"},
    {"colorist", "Colorist"},
    {"letterer", "Letterer"},
    {"cover_artist", "CoverArtist"},
    {"editor", "Editor"},
    {"summary", "Summary"},
    {"notes", "Notes"},
    {"genre", "Genre"},
    {"tags", "Tags"},
    {"web", "Web"},
    {"page_count", "PageCount"},
};

/* The one that is a number: what the tag says, else the pages that are there. */
static int64_t page_count(const struct book *b, const char *text)
{
    char *end;
    errno = 0;
    long n = text ? strtol(text, &end, 10) : -1;
    return text && end != text && !*end && !errno && n >= 0 && n <= INT_MAX ? n : book_pages(b);
}

/* Every element that can be set and is there, under its own name. */
static json_t *elements_of(const struct book *b)
{
    static const char *const names[] = {
#define ELEMENT(name, kind) #name,
#include "comicinfo_elements.def"
#undef ELEMENT
    };
    json_t *all = json_object();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *text = strcmp(names[i], "Pages") == 0 ? NULL : book_tag(b, names[i]);
        if (text)
            must(json_object_set_new(all, names[i], json_text(text)) == 0);
    }
    return all;
}

static int append_file(void *ctx, const struct library_file *f, struct err *err)
{
    (void)err;
    struct api_call *call = ctx;
    strbuf_adds(&call->text, "{\"file\":");
    api_append_file(call, f);
    return 0;
}

/* The file as the list has it, where it is known already; its tags, and how many pages it has. */
static int reply_elements(struct api_call *call, const char *path, const struct book *b,
                          struct err *err)
{
    struct db *db = store_reader_db(call->reader, GATE_LIBRARY);
    if (store_library_show(db, path, append_file, call, err) < 0)
        return -1;
    if (call->text.len == 0)
        strbuf_adds(&call->text, "{\"file\":null");
    json_t *rest =
        json_pack("{s:o, s:I}", "tags", elements_of(b), "pages", (json_int_t)book_pages(b));
    strbuf_addc(&call->text, ',');
    api_append_members(&call->text, rest);
    strbuf_addc(&call->text, '}');
    return 0;
}

/* Are tags named as in ComicInfo.xml, or, without the parameter, as the old application did? */
static int names_param(struct api_call *call, bool *ret_by_element, struct err *err)
{
    const char *names = api_query(call, "names");
    *ret_by_element = names != NULL;
    return !names || strcmp(names, "comicinfo") == 0
               ? 0
               : err_field(err, ERR_BAD_FIELD, "names", "names must be comicinfo, not %s",
                           LOG_QUOTE(names));
}

int api_tags_get(struct api_call *call, struct err *err)
{
    char path[PATH_MAX_BYTES];
    struct book *b LB_CLEANUP(book_close) = NULL;
    bool by_element;
    if (names_param(call, &by_element, err) < 0 || single_path(call, path, err) < 0)
        return -1;
    if (book_open(worker_library_fd(call->worker), path, &b, err) < 0)
        return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "File not found") : -1;
    if (book_check_tags(b, err) < 0)
        return -1;
    if (by_element)
        return reply_elements(call, path, b, err);
    json_t *reply = json_object();
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const char *text = book_tag(b, fields[i].element);
        bool is_count = strcmp(fields[i].name, "page_count") == 0;
        json_t *value =
            is_count ? json_integer((json_int_t)page_count(b, text)) : json_text(text ? text : "");
        must(json_object_set_new(reply, fields[i].name, value) == 0);
    }
    return api_reply(call, 200, reply);
}

/* ---- setting ---- */

static const char *element_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].element;
    return NULL;
}

/* The options of the operation for an object of our names. */
static int make_options(const json_t *updates, json_t **ret, struct err *err)
{
    json_t *tags = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)updates, name, value)
    {
        const char *element = element_of(name);
        if (!element) {
            json_decref(tags);
            return err_field(err, ERR_BAD_FIELD, name, "there is no tag '%.40s'", name);
        }
        must(json_object_set(tags, element, value) == 0);
    }
    *ret = json_pack("{s:o}", "tags", tags);
    must(*ret != NULL);
    return 0;
}

/* A refused value is told under the name that it was sent with. */
static int rename_field(struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(err->field, fields[i].element) == 0)
            memcpy(err->field, fields[i].name, strlen(fields[i].name) + 1);
    return -1;
}

int api_tags_post(struct api_call *call, struct err *err)
{
    json_t *options;
    if (call->body && !json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (json_object_size(call->body) == 0)
        return err_set(err, ERR_NOTHING_TO_DO, "No tag updates provided");
    bool by_element;
    if (names_param(call, &by_element, err) < 0)
        return -1;
    if (by_element)
        options = json_pack("{s:O}", "tags", call->body);
    else if (make_options(call->body, &options, err) < 0)
        return -1;
    int rc = single_run(call, op_find("tag"), options, err);
    json_decref(options);
    return rc < 0 && !by_element ? rename_field(err) : rc;
}

static int start_many(struct api_call *call, const json_t *options, struct job *ret,
                      struct err *err)
{
    const struct op *op = op_find("tag");
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    json_t *files;
    size_t valid;
    if (files_member(call, "files", &files, err) < 0 || op->check_options(options, err) < 0 ||
        selected_paths(call, "files", files, &items, &valid, err) < 0)
        return -1;
    struct job_request request = {.op = op,
                                  .title = "Tagging Selected Files...",
                                  .options = options,
                                  .priority = PRIORITY_NORMAL,
                                  .items = &items};
    if (parse_source(call, "old api", &request.source, err) < 0)
        return -1;
    return job_start(call->worker, &request, ret, err) < 0 ? -1 : 0;
}

int api_tags_post_many(struct api_call *call, struct err *err)
{
    static const char *const known[] = {"files", "tags", NULL};
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (refuse_unknown(call->body, known, "tags of files", err) < 0)
        return -1;
    const json_t *tags = body_member(call, "tags");
    const json_t *files = body_member(call, "files");
    if (tags && !json_is_object(tags))
        return err_field(err, ERR_BAD_FIELD, "tags", "tags must be an object");
    if (json_object_size(tags) == 0 ||
        (json_array_size(files) == 0 && (!files || json_is_array(files))))
        return err_set(err, ERR_NOTHING_TO_DO, "Files and tags are required");
    json_t *options;
    struct job job;
    if (old_check(call, err) < 0 || make_options(tags, &options, err) < 0)
        return -1;
    int rc = start_many(call, options, &job, err);
    json_decref(options);
    return rc < 0 ? rename_field(err) : old_reply(call, job.job_id, true);
}
