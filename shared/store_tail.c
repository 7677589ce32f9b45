#include "store_tail.h"

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "fault.h"
#include "store_db.h"

/* A time to try again that is further away was set by another clock. */
#define RETRY_MAX_S 3600

static void bind_item(struct query *q, const struct item *it, const char *owner)
{
    query_text(q, ":job_id", it->job_id);
    query_int(q, ":seq", it->seq);
    query_text(q, ":owner", owner);
}

static int run_for_item(struct db *db, enum sql_id id, const struct item *it, const char *owner,
                        struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    bind_item(&q, it, owner);
    return query_run(&q, err);
}

/* 1: the path or the file itself has a record already. */
static int has_other(struct db *db, const struct item *it, const struct tail_write *w,
                     struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_OTHER, err) < 0)
        return -1;
    query_text(&q, ":path", it->path);
    query_int(&q, ":device", w->device);
    query_int(&q, ":inode", w->inode);
    return query_step(&q, err);
}

int store_tail_add(struct db *db, const struct item *it, const char *owner, const char *target,
                   const struct tail_write *w, struct err *err)
{
    if (run_for_item(db, SQL_TAIL_FORGET, it, owner, err) < 0)
        return -1;
    int rc = has_other(db, it, w, err);
    if (rc != 0)
        return rc < 0
                   ? -1
                   : err_set(err, ERR_CONFLICT,
                             "an earlier change of the file was interrupted and is not over yet");
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_ADD, err) < 0)
        return -1;
    bind_item(&q, it, owner);
    query_text(&q, ":path", it->path);
    query_text(&q, ":target", target);
    query_int(&q, ":device", w->device);
    query_int(&q, ":inode", w->inode);
    query_int(&q, ":old_size", w->old_size);
    query_int(&q, ":old_mtime_ns", w->old_mtime_ns);
    query_int(&q, ":tail_at", w->tail_at);
    query_int(&q, ":append_at", w->append_at);
    query_int(&q, ":tail_len", w->tail_len);
    query_int(&q, ":old_sum", w->old_sum);
    query_int(&q, ":append_sum", w->append_sum);
    query_int(&q, ":place_sum", w->place_sum);
    rc = query_run(&q, err);
    fault_hit("tail_recorded");
    return rc;
}

int store_tail_end(struct db *db, const struct item *it, const char *owner, struct err *err)
{
    if (it->tail == ITEM_TAIL_NONE)
        return 0;
    return run_for_item(db, it->tail == ITEM_TAIL_OPEN ? SQL_TAIL_LEAVE : SQL_TAIL_FORGET, it,
                        owner, err);
}

void tail_record_clear(struct tail_record *r)
{
    free(r->path);
    free(r->target);
    *r = (struct tail_record){0};
}

/* The first owner of due records, not `me`, who is dead or nobody. 1 = found. */
static int lost_owner(struct db *db, const struct board *board, const char *me, bool all,
                      double now, char ret[BOARD_OWNER_SIZE], struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_OWNERS, err) < 0)
        return -1;
    query_int(&q, ":all", all);
    query_real(&q, ":now", now);
    query_real(&q, ":far", now + RETRY_MAX_S);
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        const char *owner = query_col_text(&q, 0);
        if (strcmp(owner, me) == 0 || board_owner_alive(board, owner))
            continue;
        query_col_copy(&q, 0, ret, BOARD_OWNER_SIZE);
        return 1;
    }
    return rc;
}

/* Has the owner adopted something? */
static int has_adopted(struct db *db, const char *owner, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_ADOPTED, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    query_int(&q, ":max", 1);
    return query_step(&q, err);
}

int store_tail_due(struct db *db, const struct board *board, const char *owner, bool all,
                   double now, struct err *err)
{
    char lost[BOARD_OWNER_SIZE];
    int rc = lost_owner(db, board, owner, all, now, lost, err);
    return rc == 0 ? has_adopted(db, owner, err) : rc;
}

static int adopt(struct db *db, const char *from, const char *owner, bool all, double now,
                 struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_ADOPT, err) < 0)
        return -1;
    query_text(&q, ":from", from);
    query_text(&q, ":owner", owner);
    query_int(&q, ":all", all);
    query_real(&q, ":now", now);
    query_real(&q, ":far", now + RETRY_MAX_S);
    return query_run(&q, err);
}

static bool same_boot(const char *a, const char *b)
{
    size_t n = strcspn(a, ":");
    return strncmp(a, b, n) == 0 && b[n] == ':';
}

static void record_from_row(const struct query *q, const char *owner, struct tail_record *ret)
{
    *ret = (struct tail_record){
        .id = query_col_int(q, 0),
        .path = mem_strdup(query_col_text(q, 1)),
        .target = query_col_text(q, 2) ? mem_strdup(query_col_text(q, 2)) : NULL,
        .same_boot = same_boot(query_col_text(q, 3), owner),
        .tries = (int)query_col_int(q, 4),
        .write = {.device = query_col_int(q, 5),
                  .inode = query_col_int(q, 6),
                  .old_size = query_col_int(q, 7),
                  .old_mtime_ns = query_col_int(q, 8),
                  .tail_at = query_col_int(q, 9),
                  .append_at = query_col_int(q, 10),
                  .tail_len = query_col_int(q, 11),
                  .old_sum = query_col_int(q, 12),
                  .append_sum = query_col_int(q, 13),
                  .place_sum = query_col_int(q, 14)},
    };
}

int store_tail_adopt(struct db *db, const struct board *board, const char *owner, bool all,
                     double now, struct tail_record *ret, int max, struct err *err)
{
    char from[BOARD_OWNER_SIZE];
    int rc, n = 0;
    while ((rc = lost_owner(db, board, owner, all, now, from, err)) == 1)
        if (adopt(db, from, owner, all, now, err) < 0)
            return -1;
    if (rc < 0)
        return -1;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_ADOPTED, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    query_int(&q, ":max", max);
    while (n < max && (rc = query_step(&q, err)) == 1)
        record_from_row(&q, owner, &ret[n++]);
    fault_hit("tails_adopted");
    if (rc >= 0)
        return n;
    for (int i = 0; i < n; i++)
        tail_record_clear(&ret[i]);
    return -1;
}

int store_tail_drop(struct db *db, int64_t id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_DROP, err) < 0)
        return -1;
    query_int(&q, ":id", id);
    return query_run(&q, err);
}

int store_tail_retry(struct db *db, int64_t id, double retry_at, bool kept, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_TAIL_RETRY, err) < 0)
        return -1;
    query_int(&q, ":id", id);
    query_real(&q, ":retry_at", retry_at);
    query_int(&q, ":kept", kept);
    return query_run(&q, err);
}
