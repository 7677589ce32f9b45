/* store_list.c - pages of the library: by filter, folder and search, in any order. */
#include <stdlib.h>
#include <string.h>

#include "store_library_row.h"

/* ---- questions ---- */

/* What lies in a folder begins with "folder/" and ends before "folder0", the byte behind the slash. */
struct bounds {
    struct strbuf from, to;
};

static void bounds_clear(struct bounds *b)
{
    strbuf_clear(&b->from);
    strbuf_clear(&b->to);
}
LB_DEFINE_CLEANUP(struct bounds, bounds_clear)

static void bounds_of(const char *folder, struct bounds *ret)
{
    size_t len = folder ? strlen(folder) : 0;
    while (len > 0 && folder[len - 1] == '/')
        len--;
    if (len == 0)
        return;
    strbuf_add(&ret->from, folder, len);
    strbuf_addc(&ret->from, '/');
    strbuf_add(&ret->to, folder, len);
    strbuf_addc(&ret->to, '/' + 1);
}

static void bind_bounds(struct query *q, const struct bounds *b)
{
    query_text(q, ":from", b->from.len ? strbuf_str(&b->from) : NULL);
    query_text(q, ":to", b->to.len ? strbuf_str(&b->to) : NULL);
}

static void bind_filter(struct query *q, enum library_filter filter)
{
    query_null(q, ":processed");
    query_null(q, ":duplicate");
    query_null(q, ":problems");
    if (filter == LIBRARY_MARKED || filter == LIBRARY_UNMARKED)
        query_int(q, ":processed", filter == LIBRARY_MARKED);
    else if (filter == LIBRARY_DUPLICATES)
        query_int(q, ":duplicate", 1);
    else if (filter == LIBRARY_PROBLEMS)
        query_int(q, ":problems", 1);
}

int store_library_paths(struct db *db, const struct library_question *question,
                        int (*fn)(void *ctx, const char *path, struct err *err), void *ctx,
                        struct err *err)
{
    struct strbuf folded LB_CLEANUP(strbuf_clear) = {0};
    struct bounds within LB_CLEANUP(bounds_clear) = {0};
    library_fold(question->search ? question->search : "", &folded);
    bounds_of(question->folder, &within);
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, folded.len ? SQL_LIBRARY_PATHS_SEARCH : SQL_LIBRARY_PATHS, err) < 0)
        return -1;
    if (folded.len)
        query_text(&q, ":folded", strbuf_str(&folded));
    bind_bounds(&q, &within);
    bind_filter(&q, question->filter);
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        if (fn(ctx, query_col_text(&q, 0), err) < 0)
            return -1;
    return rc;
}

static int count_within(struct db *db, const struct bounds *within, struct library_counts *ret,
                        struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_COUNTS, err) < 0)
        return -1;
    bind_bounds(&q, within);
    int rc = query_step(&q, err);
    must(rc != 0); /* a count always gives a row */
    if (rc < 0)
        return -1;
    *ret = (struct library_counts){query_col_int(&q, 0), query_col_int(&q, 1), query_col_int(&q, 2),
                                   query_col_int(&q, 3)};
    return 0;
}

/* ---- what a search found ---- */

enum { FOUND_PROCESSED = 1, FOUND_DUPLICATE = 2, FOUND_PROBLEMS = 4, FOUND_BITS = 3 };
#define FOUND_KEPT 2 /* lists of a connection: 800 KB each for 100,000 files */

struct found_list {
    char *folded, *from; /* NULL: nothing is here */
    enum library_sort sort;
    int64_t *rows; /* file_id << FOUND_BITS | FOUND_*, upwards */
    size_t n, cap;
    struct library_counts counts;
    int64_t used;
};

struct found_lists {
    int64_t data_version, changes; /* the state of the library that they are of */
    int64_t clock;
    struct found_list lists[FOUND_KEPT];
};

static void found_list_clear(struct found_list *l)
{
    free(l->folded);
    free(l->from);
    free(l->rows);
    *l = (struct found_list){0};
}

void found_lists_free(struct found_lists *l)
{
    for (size_t i = 0; l && i < FOUND_KEPT; i++)
        found_list_clear(&l->lists[i]);
    free(l);
}

/* The lists of the state that the open read transaction sees; those of another state are dropped. */
static struct found_lists *current_lists(struct db *db)
{
    if (!db->found)
        db->found = mem_new(sizeof(*db->found));
    struct found_lists *l = db->found;
    int64_t data_version = store_data_version(db);
    int64_t changes = sqlite3_total_changes64(db->conn); /* our own do not count as a version */
    if (l->data_version != data_version || l->changes != changes)
        for (size_t i = 0; i < FOUND_KEPT; i++)
            found_list_clear(&l->lists[i]);
    l->data_version = data_version;
    l->changes = changes;
    return l;
}

static void found_add(struct found_list *l, int64_t file_id, int64_t bits)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        l->rows = realloc(l->rows, l->cap * sizeof(l->rows[0]));
        must(l->rows);
    }
    l->rows[l->n++] = file_id << FOUND_BITS | bits;
    l->counts.files++;
    l->counts.processed += (bits & FOUND_PROCESSED) != 0;
    l->counts.duplicates += (bits & FOUND_DUPLICATE) != 0;
    l->counts.problems += (bits & FOUND_PROBLEMS) != 0;
}

static int find(struct db *db, enum library_sort sort, const char *folded,
                const struct bounds *within, struct found_list *ret, struct err *err)
{
    static const enum sql_id sql[] = {[LIBRARY_BY_NAME] = SQL_LIBRARY_NAME_SEARCH,
                                      [LIBRARY_BY_DATE] = SQL_LIBRARY_DATE_SEARCH,
                                      [LIBRARY_BY_SIZE] = SQL_LIBRARY_SIZE_SEARCH};
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, sql[sort], err) < 0)
        return -1;
    query_text(&q, ":folded", folded);
    bind_bounds(&q, within);
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        found_add(ret, query_col_int(&q, 0), query_col_int(&q, 1));
    return rc;
}

/* The list of a search, in whatever order is upwards; read when it is not kept. */
static int found_get(struct db *db, enum library_sort sort, const char *folded,
                     const struct bounds *within, const struct found_list **ret, struct err *err)
{
    struct found_lists *lists = current_lists(db);
    struct found_list *oldest = &lists->lists[0];
    const char *from = strbuf_str(&within->from);
    for (size_t i = 0; i < FOUND_KEPT; i++) {
        struct found_list *l = &lists->lists[i];
        if (l->folded && l->sort == sort && strcmp(l->folded, folded) == 0 &&
            strcmp(l->from, from) == 0) {
            l->used = ++lists->clock;
            *ret = l;
            return 0;
        }
        if (l->used < oldest->used)
            oldest = l;
    }
    found_list_clear(oldest);
    if (find(db, sort, folded, within, oldest, err) < 0) {
        found_list_clear(oldest);
        return -1;
    }
    oldest->folded = mem_strdup(folded);
    oldest->from = mem_strdup(from);
    oldest->sort = sort;
    oldest->used = ++lists->clock;
    *ret = oldest;
    return 0;
}

static bool passes(int64_t row, enum library_filter filter)
{
    switch (filter) {
    case LIBRARY_MARKED:
        return (row & FOUND_PROCESSED) != 0;
    case LIBRARY_UNMARKED:
        return (row & FOUND_PROCESSED) == 0;
    case LIBRARY_DUPLICATES:
        return (row & FOUND_DUPLICATE) != 0;
    case LIBRARY_PROBLEMS:
        return (row & FOUND_PROBLEMS) != 0;
    case LIBRARY_ALL:
        break;
    }
    return true;
}

/* ---- the list ---- */

static int64_t count_filtered(const struct library_counts *c, enum library_filter filter)
{
    switch (filter) {
    case LIBRARY_MARKED:
        return c->processed;
    case LIBRARY_UNMARKED:
        return c->files - c->processed;
    case LIBRARY_DUPLICATES:
        return c->duplicates;
    case LIBRARY_PROBLEMS:
        return c->problems;
    case LIBRARY_ALL:
        break;
    }
    return c->files;
}

/* Which rows to read: sets page, total_pages, and the limits of the statement (max -1 = no limit). */
static void cut_page(const struct library_query *query, struct library_page *ret, int64_t *ret_max,
                     int64_t *ret_skip)
{
    *ret_max = -1;
    *ret_skip = 0;
    ret->page = ret->total_pages = 1;
    if (query->limit > 0) {
        *ret_max = query->limit;
        *ret_skip = query->offset > 0 ? query->offset : 0;
        return;
    }
    if (query->per_page == 0)
        return;
    must(query->per_page > 0);
    if (ret->total_files > 0)
        ret->total_pages = (ret->total_files - 1) / query->per_page + 1;
    if (query->page > ret->total_pages)
        ret->page = ret->total_pages;
    else if (query->page > 1)
        ret->page = query->page;
    *ret_max = query->per_page;
    *ret_skip = (ret->page - 1) * query->per_page;
}

static int read_row(struct db *db, int64_t file_id, library_file_fn *fn, void *ctx, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_ROW, err) < 0)
        return -1;
    query_int(&q, ":file_id", file_id);
    return library_each(&q, fn, ctx, err);
}

static int read_found(struct db *db, const struct library_query *query, const struct found_list *l,
                      int64_t max, int64_t skip, library_file_fn *fn, void *ctx, struct err *err)
{
    for (size_t i = 0; i < l->n && max != 0; i++) {
        int64_t row = l->rows[query->descending ? l->n - 1 - i : i];
        if (!passes(row, query->what.filter) || skip-- > 0)
            continue;
        max -= max > 0;
        if (read_row(db, row >> FOUND_BITS, fn, ctx, err) < 0)
            return -1;
    }
    return 0;
}

static int list_found(struct db *db, const struct library_query *query, const char *folded,
                      const struct bounds *within, library_file_fn *fn, void *ctx,
                      struct library_page *ret, struct err *err)
{
    const struct found_list *l;
    if (found_get(db, query->sort, folded, within, &l, err) < 0)
        return -1;
    ret->counts = l->counts;
    ret->total_files = count_filtered(&l->counts, query->what.filter);
    int64_t max, skip;
    cut_page(query, ret, &max, &skip);
    return read_found(db, query, l, max, skip, fn, ctx, err);
}

static int list_within(struct db *db, const struct library_query *query,
                       const struct bounds *within, library_file_fn *fn, void *ctx,
                       struct library_page *ret, struct err *err)
{
    static const enum sql_id sql[3][2] = {
        /* sort, descending */
        {SQL_LIBRARY_NAME_ASC, SQL_LIBRARY_NAME_DESC},
        {SQL_LIBRARY_DATE_ASC, SQL_LIBRARY_DATE_DESC},
        {SQL_LIBRARY_SIZE_ASC, SQL_LIBRARY_SIZE_DESC},
    };
    const struct library_totals *t = &ret->totals;
    ret->counts = (struct library_counts){t->files, t->processed, t->duplicates, t->problems};
    if (within->from.len && count_within(db, within, &ret->counts, err) < 0)
        return -1;
    ret->total_files = count_filtered(&ret->counts, query->what.filter);
    int64_t max, skip;
    cut_page(query, ret, &max, &skip);
    if (skip >= ret->total_files)
        return 0; /* nothing to look for among all the others */
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, sql[query->sort][query->descending], err) < 0)
        return -1;
    bind_bounds(&q, within);
    bind_filter(&q, query->what.filter);
    query_int(&q, ":max", max);
    query_int(&q, ":skip", skip);
    return library_each(&q, fn, ctx, err);
}

int store_library_list(struct db *db, const struct library_query *query, library_file_fn *fn,
                       void *ctx, struct library_page *ret, struct err *err)
{
    struct strbuf folded LB_CLEANUP(strbuf_clear) = {0};
    struct bounds within LB_CLEANUP(bounds_clear) = {0};
    library_fold(query->what.search ? query->what.search : "", &folded);
    bounds_of(query->what.folder, &within);
    *ret = (struct library_page){0};
    bool alone = !db->in_write; /* a write transaction is one state already */
    if (alone && store_read_begin(db, err) < 0)
        return -1;
    int rc = store_library_totals(db, &ret->totals, err); /* the first read: the state is chosen */
    if (rc == 0)
        rc = folded.len ? list_found(db, query, strbuf_str(&folded), &within, fn, ctx, ret, err)
                        : list_within(db, query, &within, fn, ctx, ret, err);
    if (alone)
        store_read_end(db);
    return rc;
}

/* ---- folders ---- */

/* The first folder below `prefix` whose books lie between the bounds: its whole path. 0 = none. */
static int next_folder(struct db *db, size_t prefix, const struct bounds *rest, struct strbuf *ret,
                       struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    int rc;
    if (query_start(&q, db, SQL_LIBRARY_BETWEEN, err) < 0)
        return -1;
    bind_bounds(&q, rest);
    while ((rc = query_step(&q, err)) == 1) { /* past the books that lie in no folder here */
        const char *path = query_col_text(&q, 0);
        const char *slash = strchr(path + prefix, '/');
        if (!slash)
            continue;
        strbuf_reset(ret);
        strbuf_add(ret, path, (size_t)(slash - path));
        return 1;
    }
    return rc;
}

static int each_folder(struct db *db, size_t prefix, struct bounds *rest, int64_t skip, int64_t max,
                       int (*fn)(void *ctx, const struct library_folder *f, struct err *err),
                       void *ctx, bool *ret_more, struct err *err)
{
    struct strbuf path LB_CLEANUP(strbuf_clear) = {0};
    int rc;
    while ((rc = next_folder(db, prefix, rest, &path, err)) == 1) {
        struct bounds within LB_CLEANUP(bounds_clear) = {0};
        struct library_folder f = {.path = strbuf_str(&path)};
        bounds_of(f.path, &within);
        if (skip-- <= 0) {
            *ret_more = max == 0;
            if (max-- == 0)
                return 0;
            if (count_within(db, &within, &f.counts, err) < 0 || fn(ctx, &f, err) < 0)
                return -1;
        }
        strbuf_reset(&rest->from);
        strbuf_adds(&rest->from, strbuf_str(&within.to));
    }
    return rc;
}

int store_library_folders(struct db *db, const char *folder, int64_t skip, int64_t max,
                          int (*fn)(void *ctx, const struct library_folder *f, struct err *err),
                          void *ctx, bool *ret_more, struct err *err)
{
    struct bounds rest LB_CLEANUP(bounds_clear) = {0};
    *ret_more = false;
    bounds_of(folder, &rest);
    size_t prefix = rest.from.len;
    if (store_read_begin(db, err) < 0)
        return -1;
    int rc = each_folder(db, prefix, &rest, skip, max, fn, ctx, ret_more, err);
    store_read_end(db);
    return rc;
}
