#include <stdlib.h>

#include "store_job.h"

int64_t store_event_add(struct db *db, const char *type, const char *job_id, const json_t *data,
                        double now, struct err *err)
{
    char *text LB_CLEANUP(mem_free) = json_dumps(data, JSON_TEXT_FLAGS);
    must(text != NULL);
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_EVENT_ADD, err) < 0)
        return -1;
    query_text(&q, ":type", type);
    query_text(&q, ":job_id", job_id);
    query_real(&q, ":now", now);
    query_text(&q, ":data", text);
    return query_insert(&q, err);
}

int store_event_job(struct db *db, struct job *j, json_t *item, double now, struct err *err)
{
    json_t *data = job_to_event_json(j, now);
    if (item)
        (void)json_object_set(data, "item", item);
    int64_t id = store_event_add(db, "job_updated", j->job_id, data, now, err);
    json_decref(data);
    if (id < 0)
        return -1;
    j->last_event_id = id;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_SET_EVENT, err) < 0)
        return -1;
    query_int(&q, ":id", id);
    query_text(&q, ":job_id", j->job_id);
    return query_run(&q, err);
}

int store_events(struct db *db, int64_t after, int max,
                 void (*fn)(void *ctx, const struct event_row *e), void *ctx, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_EVENTS, err) < 0)
        return -1;
    query_int(&q, ":after", after);
    query_int(&q, ":max", max);
    int n = 0, rc;
    while ((rc = query_step(&q, err)) == 1) {
        struct event_row e = {.id = query_col_int(&q, 0),
                              .type = query_col_text(&q, 1),
                              .job_id = query_col_text(&q, 2),
                              .at = query_col_real(&q, 3),
                              .data = query_col_text(&q, 4)};
        fn(ctx, &e);
        n++;
    }
    return rc < 0 ? -1 : n;
}

static int one_int(struct db *db, enum sql_id id, int64_t *ret, struct err *err)
{
    *ret = 0;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    int rc = query_step(&q, err);
    if (rc == 1)
        *ret = query_col_int(&q, 0);
    return rc < 0 ? -1 : 0;
}

int store_event_range(struct db *db, int64_t *ret_oldest, int64_t *ret_newest, struct err *err)
{
    if (one_int(db, SQL_EVENT_OLDEST, ret_oldest, err) < 0)
        return -1;
    return one_int(db, SQL_EVENT_NEWEST, ret_newest, err);
}

int store_jobs_changed(struct db *db, int64_t after, struct job *ret, int max, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_JOB_CHANGED, err) < 0)
        return -1;
    query_int(&q, ":after", after);
    query_int(&q, ":max", max);
    int n = 0, rc;
    while ((rc = query_step(&q, err)) == 1)
        job_from_row(&q, &ret[n++]);
    return rc < 0 ? -1 : n;
}
