/* What the watcher has still to hand to a job: the column `arrived` of library.db. */
#include "store_db.h"
#include "store_library.h"

int store_library_arrived(struct db *db, int (*fn)(void *ctx, const char *path, struct err *err),
                          void *ctx, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_ARRIVED, err) < 0)
        return -1;
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        if (fn(ctx, query_col_text(&q, 0), err) < 0)
            return -1;
    return rc;
}

int store_library_taken(struct db *db, const struct library_found *files, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_LIBRARY_TAKEN, err) < 0)
            return -1;
        query_text(&q, ":path", files[i].path);
        query_int(&q, ":size", files[i].stat.size);
        query_real(&q, ":mtime", files[i].stat.mtime);
        if (query_run(&q, err) < 0)
            return -1;
    }
    return 0;
}

static int run(struct db *db, enum sql_id id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    return query_start(&q, db, id, err) < 0 ? -1 : query_run(&q, err);
}

int store_library_none_arrived(struct db *db, struct err *err)
{
    return run(db, SQL_LIBRARY_NONE_ARRIVED, err);
}

int store_library_scanned(struct db *db, struct err *err)
{
    return run(db, SQL_LIBRARY_SCANNED, err);
}

int store_path_is_busy(struct db *jobs, const char *path, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, jobs, SQL_ITEM_PATH_BUSY, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    int rc = query_step(&q, err);
    return rc < 0 ? -1 : query_col_int(&q, 0) != 0;
}
