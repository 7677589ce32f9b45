/*
 * job.h - a job as a plain value, its statuses and which may follow which, and its JSON.
 *
 * The JSON of a poll answer and of an event come from the same row and carry the same version, so a page needs one
 * rule: the higher version wins.
 */
#ifndef LB_JOB_H
#define LB_JOB_H

#include <jansson.h>
#include <stdbool.h>

#include "base.h"
#include "uuid.h"

enum job_status {
#define STATUS(symbol, name, terminal) symbol,
#include "job.def"
#undef STATUS
    JOB__COUNT
};

enum job_priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH };
/* Who takes its items: the pools by themselves, or a client with one call for each. */
enum job_drive { DRIVE_SERVER, DRIVE_CLIENT };

#define JOB_TITLE_MAX   200 /* bytes */
#define JOB_THREADS_MAX 1024
#define JOB_SOURCE_MAX  40 /* bytes */
/* Operations that are to follow one job, and jobs that do; as JSON text they fit. */
#define JOB_FOLLOW_UPS_MAX  8
#define JOB_FOLLOW_UP_SIZE  512
#define JOB_FOLLOW_UPS_SIZE 1024

#define JOB_SOURCE_WATCHER "watcher" /* who started it, when no call did: workers/watcher.h */

struct job {
    char job_id[UUID_SIZE];
    char operation[32];
    char title[JOB_TITLE_MAX + 1];
    enum job_status status;
    int64_t total, processed, success, errors, cancelled; /* items */
    bool cancelling, paused, exclusive;
    int64_t running; /* items that are leased; only of a job that is paused, else -1 */
    bool dry_run;    /* its items change nothing, they say what they would change */
    bool single;     /* over one file, for a caller that waits */
    enum job_priority priority;
    int max_threads;        /* items leased at once at most; 0 = no limit */
    char parent[UUID_SIZE]; /* the job whose items it takes; "" = none */
    char parent_kind[64];   /* "retry": the failed ones again; "follow_up:<operation>"; "" = none */
    enum job_drive drive;
    char follow_up[JOB_FOLLOW_UP_SIZE]; /* operations to come, JSON array; "" = none */
    char follow_ups
        [JOB_FOLLOW_UPS_SIZE]; /* operation: id of the job that was made, JSON object; "" = none */
    int64_t version;
    double created_at, started_at, completed_at; /* Unix seconds; 0 = not yet */
    char error[256];                             /* "" = none */
    char owner[32];
    char source[JOB_SOURCE_MAX + 1]; /* who started it: "page", "command line", "retry", ... */
    double rate_at; /* the older sample: when, and how many were processed then; 0 = none */
    int64_t rate_items;
    double rate_next_at;
    int64_t rate_next_items;
    int64_t last_event_id;
    bool made_active; /* set by the write that showed it: it is the active job now */
    bool was_active;  /* set by the write that ended it: it was the active job and is no more */
};

const char *job_status_name(enum job_status s);
bool job_status_is_final(enum job_status s);
/* JOB__COUNT when it is none of them. */
enum job_status job_status_parse(const char *name);
/* Every write of a status asks this table. */
bool job_may_move(enum job_status from, enum job_status to);
const char *job_priority_name(enum job_priority p);
/* false when it is none of them. */
bool job_priority_parse(const char *name, enum job_priority *ret);

const char *job_drive_name(enum job_drive d);
bool job_drive_parse(const char *name, enum job_drive *ret);

/* How JSON is written everywhere: 15 digits show a double as people wrote it. */
#define JSON_TEXT_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. NULL gives null. New reference. */
json_t *json_text(const char *s);
json_t *json_text_n(const char *s, size_t len);
/* Sets a member, whose name is UTF-8; takes the value, which must be one. */
void json_put(json_t *object, const char *key, json_t *value);

/*
 * The job object of docs/API.md without `results`. now_s is for rate and eta_seconds, which are null while they cannot
 * be believed (nothing processed yet, not running, paused).
 */
json_t *job_to_json(const struct job *j, double now_s);
/* The same for an event: `progress` is the object {processed, total, success, errors, percentage}. */
json_t *job_to_event_json(const struct job *j, double now_s);

#endif
