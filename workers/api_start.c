/* The calls that start jobs: POST /api/jobs/{process,rename,normalize}-{all,selected,unmarked} and POST /api/jobs. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api.h"
#include "api_job.h"
#include "api_select.h"
#include "clock.h"
#include "files.h"
#include "follow.h"
#include "handlers.h"
#include "job_start.h"
#include "op.h"
#include "path.h"
#include "scan.h"
#include "store.h"
#include "worker.h"

/* "All" means what is on the disk now, not what the last scan saw: the job waits for a scan that begins now. */
#define SCAN_MAX_AGE_MS 0

static int library_paths(struct api_call *call, enum library_filter filter, struct path_list *ret,
                         struct err *err)
{
    if (scan_ensure(call->worker, SCAN_MAX_AGE_MS, err) < 0)
        return -1;
    return store_library_paths(store_reader_db(call->reader, GATE_LIBRARY),
                               &(struct library_question){.filter = filter}, path_list_take, ret,
                               err);
}

static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int selected_paths(struct api_call *call, const char *name, const json_t *files,
                   struct path_list *ret, size_t *ret_valid, struct err *err)
{
    *ret_valid = 0;
    size_t i;
    json_t *value;
    json_array_foreach(files, i, value)
    {
        char path[PATH_MAX_BYTES];
        if (!json_is_string(value))
            return err_field(err, ERR_BAD_FIELD, name, "%s[%zu] must be a string", name, i);
        int fd LB_CLEANUP(fd_close) = -1;
        if (files_resolve(call->worker, call->reader, json_string_value(value),
                          json_string_length(value), path, err) < 0) {
            if (err->code != ERR_NOT_FOUND)
                return -1;
            (void)snprintf(path, sizeof(path), "%s",
                           json_string_value(value)); /* an id nobody has */
        } else if (path_open(worker_library_fd(call->worker), path, O_PATH, &fd, err) == 0)
            *ret_valid += is_file(fd);
        else if (err->code != ERR_NOT_FOUND)
            return -1;
        if (path_list_add(ret, path, err) < 0)
            return -1;
    }
    return 0;
}

static int string_items(const char *name, const json_t *files, struct path_list *ret,
                        struct err *err)
{
    size_t i;
    json_t *value;
    json_array_foreach(files, i, value)
    {
        const char *s = json_string_value(value);
        if (!s || !*s || strlen(s) >= PATH_MAX_BYTES)
            return err_field(err, ERR_BAD_FIELD, name, "%s[%zu] must be a string of 1 to %d bytes",
                             name, i, PATH_MAX_BYTES - 1);
        if (path_list_add(ret, s, err) < 0)
            return -1;
    }
    return 0;
}

int files_member(struct api_call *call, const char *name, json_t **ret, struct err *err)
{
    *ret = body_member(call, name);
    if (*ret && !json_is_array(*ret))
        return err_field(err, ERR_BAD_FIELD, name, "%s must be an array of paths", name);
    if (json_array_size(*ret) == 0)
        return err_field(err, ERR_NOTHING_TO_DO, name, "No files specified");
    return 0;
}

int parse_items(struct api_call *call, const char *name, const struct op *op, struct path_list *ret,
                struct err *err)
{
    json_t *files;
    if (files_member(call, name, &files, err) < 0)
        return -1;
    if (op->accepts == ACCEPTS_STRINGS)
        return string_items(name, files, ret, err);
    size_t valid;
    if (selected_paths(call, name, files, ret, &valid, err) < 0)
        return -1;
    return valid ? 0 : err_field(err, ERR_NOTHING_TO_DO, name, "No valid files to process");
}

int parse_operation(struct api_call *call, const struct op **ret, struct err *err)
{
    const char *name;
    if (api_body_str(call, "operation", &name, err) < 0)
        return -1;
    if (!name)
        return err_field(err, ERR_BAD_FIELD, "operation", "operation is required");
    *ret = op_find(name);
    return *ret
               ? 0
               : err_field(err, ERR_BAD_FIELD, "operation", "operation '%.60s' is not known", name);
}

int parse_follow_up(struct api_call *call, const char *name, const struct op *op, char **ret,
                    struct err *err)
{
    return follow_check(name, body_member(call, name), op, ret, err);
}

int parse_options(struct api_call *call, const json_t **ret, struct err *err)
{
    *ret = body_member(call, "options");
    if (*ret && !json_is_object(*ret))
        return err_field(err, ERR_BAD_FIELD, "options", "options must be an object");
    return 0;
}

/* The key may hold what a header may hold; it is compared byte for byte. */
int parse_idempotency_key(struct api_call *call, const char **ret, struct err *err)
{
    *ret = api_header(call, "Idempotency-Key");
    if (!*ret)
        return 0;
    size_t n = strlen(*ret);
    if (n == 0 || n > 128)
        return err_field(err, ERR_BAD_FIELD, "Idempotency-Key",
                         "Idempotency-Key must have 1 to 128 characters");
    for (size_t i = 0; i < n; i++)
        if ((*ret)[i] < 0x21 || (*ret)[i] > 0x7e)
            return err_field(err, ERR_BAD_FIELD, "Idempotency-Key",
                             "Idempotency-Key must be printable ASCII without spaces");
    return 0;
}

/* ---- the nine calls of the old clients ---- */

static int collect(struct api_call *call, enum which which, bool some_valid, const char *op_name,
                   struct path_list *ret, struct err *err)
{
    size_t valid;
    json_t *files;
    switch (which) {
    case WHICH_SELECTED:
        if (files_member(call, "files", &files, err) < 0 ||
            selected_paths(call, "files", files, ret, &valid, err) < 0)
            return -1;
        if (valid == 0 && some_valid)
            return err_field(err, ERR_NOTHING_TO_DO, "files", "No valid files to process");
        return 0;
    case WHICH_UNMARKED:
        if (library_paths(call, LIBRARY_UNMARKED, ret, err) < 0)
            return -1;
        if (ret->n == 0)
            return err_set(err, ERR_NOTHING_TO_DO, "No unmarked files to %s", op_name);
        return 0;
    default:
        if (library_paths(call, LIBRARY_ALL, ret, err) < 0)
            return -1;
        if (ret->n == 0)
            return err_set(err, ERR_NOTHING_TO_DO, "No files to process");
        return 0;
    }
}

/* The options of an "all" call are the body itself; a selection carries them beside the files. */
static int options_of(struct api_call *call, enum which which, const json_t **ret, struct err *err)
{
    *ret = NULL;
    if (!call->body)
        return 0;
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (which != WHICH_SELECTED) {
        *ret = call->body;
        return 0;
    }
    return parse_options(call, ret, err);
}

int earlier_job(struct api_call *call, const struct job_request *request, struct job *ret,
                struct err *err)
{
    const char *key = request->idempotency_key;
    return key ? job_find_by_key(call->worker, key, request->op, ret, err) : 0;
}

static int reply_old(struct api_call *call, const struct job *job)
{
    return api_reply(
        call, 200,
        json_pack("{s:s, s:I}", "job_id", job->job_id, "total_items", (json_int_t)job->total));
}

int start_nine(struct api_call *call, const char *op_name, enum which which, bool some_valid,
               struct job *ret, struct err *err)
{
    static const char *const what[] = {
        [WHICH_ALL] = "", [WHICH_SELECTED] = "Selected ", [WHICH_UNMARKED] = "Unmarked "};
    const struct op *op = op_find(op_name);
    must(op != NULL);
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    struct job_request request = {.op = op, .priority = PRIORITY_NORMAL, .items = &items};
    if (options_of(call, which, &request.options, err) < 0 ||
        parse_source(call, "old api", &request.source, err) < 0 ||
        parse_idempotency_key(call, &request.idempotency_key, err) < 0)
        return -1;
    int rc = earlier_job(call, &request, ret, err);
    if (rc == 1)
        return 0;
    json_t *none = json_object();
    if (rc == 0)
        rc = op->check_options(request.options ? request.options : none, err);
    json_decref(none);
    if (rc < 0 || collect(call, which, some_valid, op_name, &items, err) < 0)
        return -1;
    char title[JOB_TITLE_MAX + 1];
    (void)snprintf(title, sizeof(title), "%s %sFiles...", op->verb, what[which]);
    request.title = title;
    return job_start(call->worker, &request, ret, err) < 0 ? -1 : 0;
}

static int start_old(struct api_call *call, const char *op_name, enum which which, struct err *err)
{
    struct job job;
    return start_nine(call, op_name, which, true, &job, err) < 0 ? -1 : reply_old(call, &job);
}

#define START(op, which, WHICH)                                                                    \
    int api_start_##op##_##which(struct api_call *call, struct err *err)                           \
    {                                                                                              \
        return start_old(call, #op, WHICH, err);                                                   \
    }
NINE_JOBS(START)

/* ---- POST /api/jobs ---- */

static int new_items(struct api_call *call, const struct op *op, struct path_list *ret,
                     struct err *err)
{
    const json_t *select = body_member(call, "select");
    if (select && body_member(call, "files"))
        return err_field(err, ERR_BAD_FIELD, "select", "give files or select, not both");
    if (select && op->accepts == ACCEPTS_BOOKS) {
        struct selection chosen;
        if (selection_parse(select, &chosen, err) < 0 ||
            scan_ensure(call->worker, SCAN_MAX_AGE_MS, err) < 0 ||
            selection_paths(call, &chosen, ret, err) < 0)
            return -1;
        return ret->n ? 0 : err_set(err, ERR_NOTHING_TO_DO, "No files to process");
    }
    if (select)
        return err_field(err, ERR_BAD_FIELD, "select", "%s takes files, not select", op->name);
    return parse_items(call, "files", op, ret, err);
}

/* "delete" has no button that starts it over all books by a slip: here it must say how many it means. */
static int new_operation(struct api_call *call, const struct op **ret, struct err *err)
{
    const char *name = json_string_value(body_member(call, "operation"));
    if (!name || strcmp(name, "delete") != 0)
        return parse_operation(call, ret, err);
    if (!body_member(call, "expect_items"))
        return err_field(err, ERR_BAD_FIELD, "expect_items",
                         "delete needs expect_items: how many files are to be deleted");
    *ret = op_find_any(name);
    return 0;
}

static int check_expected(struct api_call *call, size_t n, struct err *err)
{
    const json_t *expected = body_member(call, "expect_items");
    if (!expected)
        return 0;
    if (!json_is_integer(expected) || json_integer_value(expected) < 1)
        return err_field(err, ERR_BAD_FIELD, "expect_items",
                         "expect_items must be a whole number of files, 1 or more");
    if ((uint64_t)json_integer_value(expected) == n)
        return 0;
    return err_field(err, ERR_CONFLICT, "expect_items",
                     "these are %zu files, not %lld: look at the list again", n,
                     (long long)json_integer_value(expected));
}

int api_job_create(struct api_call *call, struct err *err)
{
    static const char *const known[] = {
        "operation",   "files", "select",      "options", "title",        "priority", "paused",
        "max_threads", "drive", "on_complete", "dry_run", "expect_items", NULL};
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_JSON, "the body must be a JSON object");
    if (refuse_unknown(call->body, known, "job", err) < 0)
        return -1;
    const struct op *op;
    if (new_operation(call, &op, err) < 0)
        return -1;
    struct path_list items LB_CLEANUP(path_list_clear) = {0};
    struct job_request request = {.op = op, .priority = PRIORITY_NORMAL, .items = &items};
    char title[JOB_TITLE_MAX + 1];
    (void)snprintf(title, sizeof(title), "%s Files...", op->verb);
    request.title = title;
    struct job job;
    char *follow_up LB_CLEANUP(mem_free) = NULL;
    if (parse_options(call, &request.options, err) < 0 ||
        parse_drive(call, &request.drive, err) < 0 ||
        parse_follow_up(call, "on_complete", op, &follow_up, err) < 0 ||
        parse_priority(call, &request.priority, err) < 0 ||
        parse_title(call, &request.title, err) < 0 ||
        parse_paused(call, &request.paused, err) < 0 ||
        parse_dry_run(call, &request.dry_run, err) < 0 ||
        parse_max_threads(call, &request.max_threads, err) < 0 ||
        parse_source(call, "api", &request.source, err) < 0 ||
        parse_idempotency_key(call, &request.idempotency_key, err) < 0)
        return -1;
    if (request.dry_run && follow_up)
        return err_field(err, ERR_BAD_FIELD, "on_complete",
                         "a preview changes nothing, so nothing can follow it");
    if (follow_up && !op_find(op->name))
        return err_field(err, ERR_BAD_FIELD, "on_complete",
                         "after %s there is nothing left to go on with", op->name);
    request.follow_up = follow_up;
    if (request.dry_run &&
        request.title == title) /* who sees it running shall not think that it is done */
        (void)snprintf(title, sizeof(title), "Preview: %s Files...", op->verb);
    int rc = earlier_job(call, &request, &job, err);
    if (rc < 0)
        return -1;
    bool again = rc == 1;
    if (!again) {
        if (new_items(call, op, &items, err) < 0 || check_expected(call, items.n, err) < 0)
            return -1;
        rc = job_start(call->worker, &request, &job, err);
        if (rc < 0)
            return -1;
        again = rc == 0;
    }
    return reply_made(call, &job, again);
}
