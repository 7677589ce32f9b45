/* The items of a job as they are, for people and clients that look at them one by one. */
#include <string.h>

#include "store_db.h"

static enum item_state parse_state(const char *name)
{
    static const char *const names[] = {[ITEM_IS_QUEUED] = "queued",
                                        [ITEM_IS_LEASED] = "leased",
                                        [ITEM_IS_OK] = "ok",
                                        [ITEM_IS_ERROR] = "error",
                                        [ITEM_IS_CANCELLED] = "cancelled"};
    size_t i = 0;
    while (i < ARRAY_LEN(names) && strcmp(names[i], name) != 0)
        i++;
    must(i < ARRAY_LEN(names)); /* the CHECK of the table knows the same words */
    return (enum item_state)i;
}

int store_items(struct db *db, const char *job_id, int64_t after, int max,
                int (*fn)(void *ctx, const struct item_row *it, struct err *err), void *ctx,
                struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_ITEMS, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    query_int(&q, ":after", after);
    query_int(&q, ":max", max);
    int n = 0, rc;
    for (; (rc = query_step(&q, err)) == 1; n++) {
        struct item_row it = {.seq = query_col_int(&q, 0),
                              .path = query_col_text(&q, 1),
                              .state = parse_state(query_col_text(&q, 2)),
                              .attempts = (int)query_col_int(&q, 3),
                              .message = query_col_text(&q, 4),
                              .details = query_col_text(&q, 5)};
        if (fn(ctx, &it, err) < 0)
            return -1;
    }
    return rc < 0 ? -1 : n;
}

int store_has_queued(struct db *db, const char *job_id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_ITEMS_QUEUED, err) < 0)
        return -1;
    query_text(&q, ":job_id", job_id);
    return query_step(&q, err);
}
