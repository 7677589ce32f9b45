/* store_same.c - books with the same pages. */
#include <stdlib.h>

#include "store_library_row.h"

struct group_list {
    char *content[500];
    int64_t pages[500];
    size_t n;
};

static void group_list_clear(struct group_list *l)
{
    while (l->n > 0)
        free(l->content[--l->n]);
}
LB_DEFINE_CLEANUP(struct group_list, group_list_clear)

static int read_groups(struct db *db, const char *after, int64_t max, struct group_list *ret,
                       struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    int rc;
    if (query_start(&q, db, SQL_LIBRARY_SAME, err) < 0)
        return -1;
    query_text(&q, ":after", after);
    query_int(&q, ":max", max);
    while ((rc = query_step(&q, err)) == 1) {
        ret->content[ret->n] = mem_strdup(query_col_text(&q, 0));
        ret->pages[ret->n++] = query_col_int(&q, 1);
    }
    return rc;
}

static int each_of_group(struct db *db, const struct library_group *g,
                         int (*fn)(void *ctx, const struct library_group *g,
                                   const struct library_file *f, struct err *err),
                         void *ctx, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    int rc;
    if (query_start(&q, db, SQL_LIBRARY_SAME_FILES, err) < 0)
        return -1;
    query_text(&q, ":content", g->content);
    while ((rc = query_step(&q, err)) == 1) {
        struct library_file f = library_file_of(&q);
        if (fn(ctx, g, &f, err) < 0)
            return -1;
    }
    return rc;
}

int store_library_same(struct db *db, const char *after, int64_t max,
                       int (*fn)(void *ctx, const struct library_group *g,
                                 const struct library_file *f, struct err *err),
                       void *ctx, char **ret_next, struct err *err)
{
    struct group_list l LB_CLEANUP(group_list_clear) = {0};
    must(max > 0 && (size_t)max <= ARRAY_LEN(l.content));
    *ret_next = NULL;
    if (store_read_begin(db, err) < 0)
        return -1;
    int rc = read_groups(db, after, max, &l, err);
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        struct library_group g = {l.content[i], l.pages[i]};
        rc = each_of_group(db, &g, fn, ctx, err);
    }
    store_read_end(db);
    if (rc == 0 && l.n == (size_t)max)
        *ret_next = mem_strdup(l.content[l.n - 1]);
    return rc;
}
