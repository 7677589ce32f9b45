#include "api_select.h"

#include <stdlib.h>
#include <string.h>

#include "api_job.h"
#include "files.h"
#include "store.h"

const char *const library_filters[] = {
    [LIBRARY_ALL] = "all",           [LIBRARY_MARKED] = "marked",
    [LIBRARY_UNMARKED] = "unmarked", [LIBRARY_DUPLICATES] = "duplicates",
    [LIBRARY_PROBLEMS] = "problems", NULL};

/* A member that is text, without NUL; NULL when it is absent or null. */
static int text_member(const json_t *select, const char *name, const char **ret, struct err *err)
{
    const json_t *value = json_object_get(select, name);
    *ret = NULL;
    if (!value || json_is_null(value))
        return 0;
    *ret = json_string_value(value);
    if (!*ret || strlen(*ret) != json_string_length(value))
        return err_field(err, ERR_BAD_FIELD, "select", "select.%s must be a string", name);
    return 0;
}

static int parse_filter(const json_t *select, enum library_filter *ret, struct err *err)
{
    const char *filter = json_string_value(json_object_get(select, "filter"));
    for (int i = 0; filter && library_filters[i]; i++)
        if (strcmp(filter, library_filters[i]) == 0) {
            *ret = (enum library_filter)i;
            return 0;
        }
    return err_field(err, ERR_BAD_FIELD, "select",
                     "select.filter must be all, marked, unmarked, duplicates or problems");
}

int selection_parse(const json_t *select, struct selection *ret, struct err *err)
{
    static const char *const known[] = {"filter", "search", "folder", "except", NULL};
    *ret = (struct selection){0};
    if (!json_is_object(select))
        return err_field(err, ERR_BAD_FIELD, "select", "select must be an object");
    if (refuse_unknown(select, known, "select", err) < 0 ||
        parse_filter(select, &ret->what.filter, err) < 0 ||
        text_member(select, "search", &ret->what.search, err) < 0 ||
        text_member(select, "folder", &ret->what.folder, err) < 0)
        return -1;
    const json_t *except = json_object_get(select, "except");
    if (!except || json_is_null(except))
        return 0;
    if (!json_is_array(except))
        return err_field(err, ERR_BAD_FIELD, "select",
                         "select.except must be an array of paths or file ids");
    ret->except = except;
    return 0;
}

/* ---- the paths ---- */

struct matching {
    struct path_list except; /* in byte order */
    struct path_list *ret;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_except(struct api_call *call, const json_t *except, struct path_list *ret,
                       struct err *err)
{
    size_t i;
    json_t *value;
    json_array_foreach(except, i, value)
    {
        char path[PATH_MAX_BYTES];
        if (!json_is_string(value))
            return err_field(err, ERR_BAD_FIELD, "select", "select.except[%zu] must be a string",
                             i);
        int rc = files_resolve(call->worker, call->reader, json_string_value(value),
                               json_string_length(value), path, err);
        if (rc < 0 && err->code != ERR_NOT_FOUND)
            return -1;
        if (rc == 0 && path_list_add(ret, path, err) < 0)
            return -1;
    }
    if (ret->n > 0)
        qsort(ret->paths, ret->n, sizeof(ret->paths[0]), by_bytes);
    return 0;
}

static int add_match(void *ctx, const char *path, struct err *err)
{
    struct matching *m = ctx;
    const struct path_list *e = &m->except;
    if (e->n > 0 && bsearch(&path, e->paths, e->n, sizeof(e->paths[0]), by_bytes))
        return 0;
    return path_list_add(m->ret, path, err);
}

int selection_paths(struct api_call *call, const struct selection *s, struct path_list *ret,
                    struct err *err)
{
    struct matching m = {.ret = ret};
    int rc = read_except(call, s->except, &m.except, err);
    if (rc == 0)
        rc = store_library_paths(store_reader_db(call->reader, GATE_LIBRARY), &s->what, add_match,
                                 &m, err);
    path_list_clear(&m.except);
    return rc;
}
