#include "job.h"

#include <math.h>
#include <string.h>

#include "strbuf.h"
#include "utf8.h"

static const struct {
    const char *name;
    bool final;
} statuses[JOB__COUNT] = {
#define STATUS(symbol, name, terminal) [symbol] = {name, terminal},
#include "job.def"
#undef STATUS
};

/* clang-format off */
static const bool may_move[JOB__COUNT][JOB__COUNT] = {
    /* to:              Q  P  C  F  X */
    [JOB_QUEUED]     = {0, 1, 0, 1, 1},
    [JOB_PROCESSING] = {0, 0, 1, 1, 1},
    [JOB_COMPLETED]  = {0, 0, 0, 0, 0}, /* final rows never move */
    [JOB_FAILED]     = {0, 0, 0, 0, 0},
    [JOB_CANCELLED]  = {0, 0, 0, 0, 0},
};
/* clang-format on */

const char *job_status_name(enum job_status s)
{
    must(s >= 0 && s < JOB__COUNT);
    return statuses[s].name;
}

bool job_status_is_final(enum job_status s)
{
    must(s >= 0 && s < JOB__COUNT);
    return statuses[s].final;
}

enum job_status job_status_parse(const char *name)
{
    for (int i = 0; i < JOB__COUNT; i++)
        if (strcmp(statuses[i].name, name) == 0)
            return (enum job_status)i;
    return JOB__COUNT;
}

bool job_may_move(enum job_status from, enum job_status to)
{
    must(from >= 0 && from < JOB__COUNT && to >= 0 && to < JOB__COUNT);
    return may_move[from][to];
}

static const char *const priorities[] = {"low", "normal", "high"};

const char *job_priority_name(enum job_priority p)
{
    must(p >= 0 && p < (int)ARRAY_LEN(priorities));
    return priorities[p];
}

bool job_priority_parse(const char *name, enum job_priority *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(priorities); i++)
        if (strcmp(priorities[i], name) == 0) {
            *ret = (enum job_priority)i;
            return true;
        }
    return false;
}

static const char *const drives[] = {"server", "client"};

const char *job_drive_name(enum job_drive d)
{
    must(d >= 0 && d < (int)ARRAY_LEN(drives));
    return drives[d];
}

bool job_drive_parse(const char *name, enum job_drive *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(drives); i++)
        if (strcmp(drives[i], name) == 0) {
            *ret = (enum job_drive)i;
            return true;
        }
    return false;
}

json_t *json_text_n(const char *s, size_t len)
{
    if (!s)
        return json_null();
    if (utf8_valid(s, len))
        return json_stringn_nocheck(s, len);
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    utf8_append_lossy(&b, s, len);
    return json_stringn_nocheck(strbuf_str(&b), b.len);
}

json_t *json_text(const char *s)
{
    return json_text_n(s, s ? strlen(s) : 0);
}

void json_put(json_t *object, const char *key, json_t *value)
{
    must(value && json_object_set_new_nocheck(object, key, value) == 0);
}

/* Unix seconds to the millisecond: more digits would only be noise in the JSON. */
static json_t *time_or_null(double t)
{
    return t > 0 ? json_real(round(t * 1000) / 1000) : json_null();
}

/* Items per second over the last 30 to 60 s; 0 when it cannot be told. */
static double rate_of(const struct job *j, double now_s)
{
    double since = j->rate_at > 0 ? j->rate_at : j->started_at;
    int64_t items = j->processed - (j->rate_at > 0 ? j->rate_items : 0);
    double end = j->completed_at > 0 ? j->completed_at : now_s;
    if (j->completed_at > 0) { /* ended: the mean over all of it */
        since = j->started_at;
        items = j->processed;
    }
    double seconds = end - since;
    if (since <= 0 || items <= 0 || seconds < 0.001)
        return 0;
    return (double)items / seconds;
}

/* [{"operation", "job_id"}, ...] of the object that the row keeps. */
static json_t *follow_ups_of(const struct job *j)
{
    json_t *list = json_array();
    json_t *made = json_loads(j->follow_ups[0] ? j->follow_ups : "{}", 0, NULL);
    const char *operation;
    json_t *job_id;
    json_object_foreach(made, operation, job_id)
    {
        json_t *one = json_object();
        json_put(one, "operation", json_string(operation));
        json_put(one, "job_id", json_incref(job_id));
        must(json_array_append_new(list, one) == 0);
    }
    json_decref(made);
    return list;
}

/* "follow_up:rename" is told as "follow_up": the operation is the job's own. */
static json_t *parent_kind_of(const struct job *j)
{
    return j->parent_kind[0] ? json_stringn(j->parent_kind, strcspn(j->parent_kind, ":"))
                             : json_null();
}

static void add_tail(json_t *o, const struct job *j, double now_s)
{
    bool paused = j->paused && !job_status_is_final(j->status);
    json_put(o, "error", j->error[0] ? json_text(j->error) : json_null());
    json_put(o, "created_at", time_or_null(j->created_at));
    json_put(o, "started_at", time_or_null(j->started_at));
    json_put(o, "completed_at", time_or_null(j->completed_at));
    json_put(o, "success_items", json_integer(j->success));
    json_put(o, "error_items", json_integer(j->errors));
    json_put(o, "cancelled_items", json_integer(j->cancelled));
    json_put(o, "cancelling", json_boolean(j->cancelling && !job_status_is_final(j->status)));
    json_put(o, "version", json_integer(j->version));
    json_put(o, "operation", json_text(j->operation));
    json_put(o, "title", json_text(j->title));
    json_put(o, "owner", json_text(j->owner));
    json_put(o, "source", json_text(j->source));
    json_put(o, "paused", json_boolean(paused));
    json_put(o, "running_items", paused ? json_integer(j->running) : json_null());
    json_put(o, "priority", json_text(job_priority_name(j->priority)));
    json_put(o, "max_threads", j->max_threads ? json_integer(j->max_threads) : json_null());
    double rate = paused ? 0 : rate_of(j, now_s);
    json_put(o, "rate", rate > 0 ? json_real(round(rate * 100) / 100) : json_null());
    int64_t left = j->total - j->processed - j->cancelled;
    json_put(o, "eta_seconds",
             rate > 0 && j->status == JOB_PROCESSING
                 ? json_real(round((double)left / rate * 10) / 10)
                 : json_null());
    json_put(o, "results_total", json_integer(j->processed));
    json_put(o, "parent", j->parent[0] ? json_text(j->parent) : json_null());
    json_put(o, "parent_kind", parent_kind_of(j));
    json_put(o, "drive", json_string(job_drive_name(j->drive)));
    json_put(o, "follow_up", j->follow_up[0] ? json_loads(j->follow_up, 0, NULL) : json_array());
    json_put(o, "follow_ups", follow_ups_of(j));
    json_put(o, "dry_run", json_boolean(j->dry_run));
    json_put(o, "single", json_boolean(j->single));
}

json_t *job_to_json(const struct job *j, double now_s)
{
    json_t *o = json_object();
    json_put(o, "job_id", json_text(j->job_id));
    json_put(o, "status", json_text(job_status_name(j->status)));
    json_put(o, "total_items", json_integer(j->total));
    json_put(o, "processed_items", json_integer(j->processed));
    json_put(o, "progress", json_real(j->total ? (double)j->processed / (double)j->total : 0));
    add_tail(o, j, now_s);
    return o;
}

json_t *job_to_event_json(const struct job *j, double now_s)
{
    json_t *o = json_object();
    json_put(o, "job_id", json_text(j->job_id));
    json_put(o, "status", json_text(job_status_name(j->status)));
    json_put(o, "total_items", json_integer(j->total));
    json_put(o, "processed_items", json_integer(j->processed));
    json_t *p = json_object();
    json_put(p, "processed", json_integer(j->processed));
    json_put(p, "total", json_integer(j->total));
    json_put(p, "success", json_integer(j->success));
    json_put(p, "errors", json_integer(j->errors));
    json_put(p, "percentage",
             json_real(j->total ? 100.0 * (double)j->processed / (double)j->total : 0));
    json_put(o, "progress", p);
    add_tail(o, j, now_s);
    return o;
}
