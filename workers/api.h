/*
 * api.h - from a request to a handler and back: routes, checks that every request passes, JSON in and out.
 *
 * A handler is `int api_job_get(struct api_call *call, struct err *err)`: it parses, asks the store, fills call->reply;
 * the dispatcher alone turns an err into {"error", "code", "field"}. Routes are a table (api_routes.c).
 *
 * A route runs on the loop when it only does short reads of the stores (API_ON_LOOP), else on one of the API threads,
 * where it may wait for the writer or the disk. Each of these threads has a `struct store_reader` of its own.
 */
#ifndef LB_API_H
#define LB_API_H

#include <jansson.h>
#include <stdbool.h>

#include "base.h"
#include "downloads.h"
#include "err.h"
#include "job.h" /* json_text */
#include "old_streams.h"
#include "strbuf.h"

struct worker;
struct store_reader;
struct http_request;

#define API_PARAM_MAX 4

struct api_call {
    struct worker *worker;       /* configuration, writer, runner, ... */
    struct store_reader *reader; /* of the thread that runs the handler */
    const char *path_params
        [API_PARAM_MAX]; /* what {id} and {path...} stood for, percent-decoded, NUL-terminated */
    size_t path_param_len
        [API_PARAM_MAX]; /* always strlen: control bytes and %00 in a path are refused before */
    json_t *body;        /* the request's JSON; NULL when there was no body */
    char request_id[40];

    /* the answer */
    int status;         /* 200 unless set */
    json_t *reply;      /* owned by the call; sent as JSON */
    struct strbuf text; /* instead of reply, with content_type */
    const char *content_type;
    struct strbuf headers;        /* "Name: value\n" lines, for Location, ETag, Retry-After, ... */
    struct old_stream_ask stream; /* instead of reply and text: the stream of a job */
    struct download_ask
        download; /* the same: its results as a file; with Content-Type in headers */

    struct api_request *request; /* the dispatcher's */
};

/* A query parameter, percent-decoded; NULL when absent. Valid as long as the call. */
const char *api_query(const struct api_call *call, const char *name);
/* A whole number from the query within min..max; `def` when absent; ERR_BAD_FIELD / ERR_RANGE otherwise. */
int api_query_int(const struct api_call *call, const char *name, int64_t def, int64_t min,
                  int64_t max, int64_t *ret, struct err *err) LB_MUST_CHECK;
/* The same where old pages send whatever they have stored: what is not a whole number counts as not sent. */
int64_t api_query_lenient(const struct api_call *call, const char *name, int64_t def);
/* And what is not within min..max as well. */
int64_t api_query_within(const struct api_call *call, const char *name, int64_t def, int64_t min,
                         int64_t max);
/*
 * A header of the request, NULL when absent: Host, If-None-Match, Idempotency-Key, Last-Event-ID, X-Forwarded-For,
 * User-Agent, X-Longbox-Client; no other.
 */
const char *api_header(const struct api_call *call, const char *name);
void api_add_header(struct api_call *call, const char *name, const char *value);
/* Sets status and reply (takes the reference). Returns 0. */
int api_reply(struct api_call *call, int status, json_t *reply);

/* A string member of the body. Absent or null: *ret = NULL. Wrong type: ERR_BAD_FIELD naming it. Borrowed. */
int api_body_str(const struct api_call *call, const char *name, const char **ret,
                 struct err *err) LB_MUST_CHECK;

enum api_where { API_ON_LOOP, API_ON_THREAD };

struct api_route {
    const char *method;
    const char *
        pattern; /* "/api/jobs/{id}/cancel"; {path...} takes one segment or more, slashes included */
    int (*handler)(struct api_call *call, struct err *err);
    enum api_where where;
    int64_t
        body_max_bytes; /* 0: a body is not read as JSON; -1: the configuration's body_max_bytes */
};
extern const struct api_route api_routes[]; /* ends with method NULL */

/*
 * Event streams are no ordinary calls: they keep the request. The dispatcher hands GET /api/events/stream over after
 * the checks (events.h).
 */

struct api;
/*
 * Starts `threads` API threads ("lb-api-0"...). `routes` ends with method NULL; the worker, its loop, the routes and
 * the reader outlive the api.
 */
struct api *api_new(struct worker *w, const struct api_route *routes, int threads,
                    struct store_reader *loop_reader);
/* The handler for http_listen. */
void api_on_request(struct http_request *req, void *api);
/* A doorbell rang: is the answer there that a parked call waits for (api_wait.h)? On the loop. */
void api_look(struct api *a);
/* Parked calls get their last look now, and later ones at once. On the loop. */
void api_stop_waiting(struct api *a);
/* Calls that have not been answered. */
size_t api_pending(const struct api *a);
/* Waits for the handlers that run; calls that wait are answered with ERR_STOPPING. Before http_free. */
void api_free(struct api *a);

#endif
