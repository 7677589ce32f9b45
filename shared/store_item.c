#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "fault.h"
#include "path.h"
#include "store_job.h"
#include "store_tail.h"

void item_clear(struct item *it)
{
    free(it->path);
    free(it->intent);
    free(it->options);
    *it = (struct item){0};
}

void item_copy(struct item *ret, const struct item *from)
{
    *ret = *from;
    ret->path = mem_strdup(from->path);
    ret->intent = from->intent ? mem_strdup(from->intent) : NULL;
    ret->options = mem_strdup(from->options);
}

int store_owner_renew(struct db *db, const char *owner, int slot, int64_t lease_until_boot_ms,
                      double now, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_OWNER_RENEW, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    query_int(&q, ":slot", slot);
    query_real(&q, ":now", now);
    query_int(&q, ":until", lease_until_boot_ms);
    return query_run(&q, err);
}

/* ---- what becomes of a lease ---- */

int item_lease_path(struct db *db, const char *path, const struct item *it, struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_LEASE_PATH, err) < 0)
            return -1;
        query_text(&q, ":path", path);
        query_text(&q, ":job_id", it->job_id);
        query_int(&q, ":seq", it->seq);
        int64_t n = query_changes(&q, err);
        if (n != 0)
            return n < 0 ? -1 : 1;
    }
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LEASE_PATH_HOLDER, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    int rc = query_step(&q, err);
    if (rc < 0)
        return -1;
    return rc == 1 && query_col_int(&q, 1) == it->seq &&
           strcmp(query_col_text(&q, 0), it->job_id) == 0;
}

int item_unlease_paths(struct db *db, const struct item *it, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_UNLEASE_PATHS, err) < 0)
        return -1;
    query_text(&q, ":job_id", it->job_id);
    query_int(&q, ":seq", it->seq);
    return query_run(&q, err);
}

static void bind_lease(struct query *q, const struct item *it, const char *owner)
{
    query_text(q, ":job_id", it->job_id);
    query_int(q, ":seq", it->seq);
    query_text(q, ":owner", owner);
    query_int(q, ":attempt", it->attempt);
}

int store_item_declare(struct db *db, const struct item *it, const char *owner, const char *intent,
                       const char *target, struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_ITEM_DECLARE, err) < 0)
            return -1;
        bind_lease(&q, it, owner);
        query_text(&q, ":intent", intent);
        query_text(&q, ":target", target);
        int64_t n = query_changes(&q, err);
        if (n < 0)
            return -1;
        if (n == 0)
            return err_set(err, ERR_NOT_ACTIVE, "the lease of item %lld was lost",
                           (long long)it->seq);
    }
    fault_hit("item_declared");
    if (!target)
        return 0;
    int rc = item_lease_path(db, target, it, err);
    if (rc == 0)
        return err_set(err, ERR_CONFLICT, "another item works on the name it would get");
    return rc < 0 ? -1 : 0;
}

static int plan_name(struct db *db, const struct item *it, const char *path, bool taken,
                     struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_PLAN_NAME, err) < 0)
        return -1;
    query_text(&q, ":job_id", it->job_id);
    query_text(&q, ":path", path);
    query_int(&q, ":seq", it->seq);
    query_int(&q, ":taken", taken);
    return query_run(&q, err);
}

int store_plan_name(struct db *db, const struct item *it, const char *from, const char *to,
                    bool on_disk, struct err *err)
{
    if (to) {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_PLANNED_NAME, err) < 0)
            return -1;
        query_text(&q, ":job_id", it->job_id);
        query_text(&q, ":path", to);
        int rc = query_step(&q, err);
        if (rc < 0)
            return -1;
        /* What this item noted itself is of a run before a crash. */
        bool taken = rc == 1 ? query_col_int(&q, 0) && query_col_int(&q, 1) != it->seq : on_disk;
        if (taken)
            return 0;
    }
    if (plan_name(db, it, from, false, err) < 0 || (to && plan_name(db, it, to, true, err) < 0))
        return -1;
    return 1;
}

static json_t *item_event(const struct item *it, const struct item_finish *f)
{
    json_t *o = json_object();
    (void)json_object_set_new(o, "item", json_text(path_base(it->path)));
    (void)json_object_set_new(o, "success", json_boolean(f->outcome == ITEM_OK));
    (void)json_object_set_new(o, "error",
                              f->outcome == ITEM_ERROR ? json_text(f->message) : json_null());
    return o;
}

static int follow_rename(struct db *db, const char *path, const char *final, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_ITEM_FOLLOW_RENAME, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    query_text(&q, ":final", final);
    return query_run(&q, err);
}

int store_item_finish(struct db *db, const struct item *it, const char *owner,
                      const struct item_finish *f, double now, struct job *ret, struct err *err)
{
    static const char *const words[] = {
        [ITEM_OK] = "ok", [ITEM_ERROR] = "error", [ITEM_CANCELLED] = "cancelled"};
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_ITEM_FINISH, err) < 0)
            return -1;
        bind_lease(&q, it, owner);
        query_text(&q, ":status", words[f->outcome]);
        query_text(&q, ":message", f->message);
        query_text(&q, ":details", f->details);
        bool moved = f->final_path && strcmp(f->final_path, it->path) != 0;
        query_text(&q, ":final", moved ? f->final_path : NULL);
        query_real(&q, ":now", now);
        query_real(&q, ":began", f->began_at);
        int64_t n = query_changes(&q, err);
        if (n <= 0)
            return (int)n; /* 0: the lease was lost */
    }
    fault_hit("item_finished");
    if (store_tail_end(db, it, owner, err) < 0 || item_unlease_paths(db, it, err) < 0)
        return -1;
    if (f->final_path && f->final_path[0] && strcmp(f->final_path, it->path) != 0 &&
        follow_rename(db, it->path, f->final_path, err) < 0)
        return -1;
    struct job_count count = {f->outcome == ITEM_OK, f->outcome == ITEM_ERROR,
                              f->outcome == ITEM_CANCELLED};
    if (job_count(db, it->job_id, &count, now, ret, err) < 0)
        return -1;
    bool at_rest = ret->running == 0; /* the last one that ran of a paused job */
    if (!f->own_event && !at_rest && !job_status_is_final(ret->status))
        return 1;
    json_t *item = f->outcome == ITEM_CANCELLED ? NULL : item_event(it, f);
    int rc = store_event_job(db, ret, item, now, err);
    json_decref(item);
    return rc < 0 ? -1 : 1;
}

/* Who watches a paused job learns when nothing of it runs any more, also when what was left had not begun. */
static int tell_at_rest(struct db *db, const char *job_id, double now, struct err *err)
{
    struct job job;
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_JOB_AT_REST, err) < 0)
            return -1;
        query_text(&q, ":job_id", job_id);
        int rc = query_step(&q, err);
        if (rc != 1)
            return rc;
        job_from_row(&q, &job);
    }
    return store_event_job(db, &job, NULL, now, err);
}

int store_item_return(struct db *db, const struct item *it, const char *owner, bool counted,
                      double now, struct err *err)
{
    {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_ITEM_RETURN, err) < 0)
            return -1;
        bind_lease(&q, it, owner);
        query_int(&q, ":counted", counted);
        int64_t n = query_changes(&q, err);
        if (n <= 0)
            return (int)n;
    }
    fault_hit("item_returned");
    if (store_tail_end(db, it, owner, err) < 0 || item_unlease_paths(db, it, err) < 0)
        return -1;
    return tell_at_rest(db, it->job_id, now, err) < 0 ? -1 : 1;
}
