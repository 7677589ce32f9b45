/*
 * api_request.h - what the parts of the dispatcher share: api.c (threads, from http.h and back),
 * api_check.c (from a request to its route), api_call.c (what handlers call), api_reply.c (the
 * answer), api_wait.c (answers that come later).
 */
#ifndef LB_API_REQUEST_H
#define LB_API_REQUEST_H

#include <sys/queue.h>

#include "api.h"
#include "api_guard.h"
#include "api_target.h"
#include "api_wait.h"

enum api_header_id {
    API_HEADER_HOST,
    API_HEADER_IF_NONE_MATCH,
    API_HEADER_IDEMPOTENCY_KEY,
    API_HEADER_LAST_EVENT_ID,
    API_HEADER_X_FORWARDED_FOR,
    API_HEADER_USER_AGENT,
    API_HEADER_X_LONGBOX_CLIENT,
    API_HEADER_COUNT
};
extern const char *const api_header_names[API_HEADER_COUNT];

/* Belongs to the loop, but while a thread runs it. Strings that are not malloc'd here live as long
 * as `http`. */
struct api_request {
    STAILQ_ENTRY(api_request) next;
    TAILQ_ENTRY(api_request) waiting; /* api_wait.c */
    struct api *api;
    struct http_request *http;
    int64_t started_us;
    struct api_call call;
    struct api_target target;
    const struct api_route *route;
    const char *method;
    const char *path; /* for the log */
    const char *headers[API_HEADER_COUNT];
    const char *body;
    size_t body_len;
    struct api_wait wait;  /* look is set: the handler asked to be answered later */
    int64_t wait_until_ms; /* monotonic */
    char *out;             /* the answer's body, malloc'd; NULL: none */
    size_t out_len;
    enum err_code failed; /* ERR_NONE: the handler answered */
    char message[320];    /* of the error, for the log */
};

struct api_rules {
    const struct api_guard *guard;
    const struct api_route *routes;
    const char *base_path;
    int64_t body_max_bytes;
};

/* api_check.c, on the loop */
enum api_checked { API_REFUSED, API_ROUTED, API_STREAM };
/* Every check that a request passes before a handler sees it. API_REFUSED: err says why. */
enum api_checked api_check(struct api_request *r, const struct api_rules *rules, struct err *err);
/* Sets call.request_id: the client's when it is fit for a log line, else a new one. */
void api_check_id(struct api_request *r);

/* api_call.c, on the thread of the handler */
/* Makes call.body of the bytes that came. */
int api_call_read_body(struct api_request *r, struct err *err) LB_MUST_CHECK;
void api_call_clear(struct api_call *call);

/* api_reply.c */
/* Turns call.reply or call.text into the bytes of the answer. Any thread. */
void api_reply_finish(struct api_request *r);
/* The same for an error; what the handler put into the call is dropped, but headers of the
 * dispatcher's stay. */
void api_reply_error(struct api_request *r, const struct err *err);
/* Sends it, or opens the stream that was asked for, and logs. On the loop; r->http is gone afterwards. */
void api_reply_send(struct api_request *r, int slot, bool draining);

#endif
