/*
 * http.h - HTTP/1.1 on the workers' Unix socket. Only http_*.c know the library behind it
 * (libevent's evhttp).
 *
 * All calls on the loop's thread. A request belongs to the handler from the callback until
 * http_respond or http_stream_start; a peer that goes away meanwhile changes nothing for the
 * handler (the answer is dropped). What the http_request_* functions return stays valid and
 * unchanged that long, so another thread may read it.
 *
 * An idle connection is closed after 15 s, a request that takes longer than 30 s to arrive is cut,
 * and a peer that takes nothing of its answer or stream for 60 s is dropped.
 */
#ifndef LB_HTTP_H
#define LB_HTTP_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

struct loop;
struct http;
struct http_request;
struct http_stream;

struct http_config {
    int64_t body_max_bytes;   /* longer bodies: the handler is called with a defect, ERR_LIMIT */
    int64_t header_max_bytes; /* the request line and the headers; longer ones: ERR_BAD_REQUEST */
};

/*
 * Accepts on listen_fd (already listening, shared with other processes; stays the caller's).
 * `handler` is called once for every request whose head and body are there, also for a broken one
 * (http_request_defect), after whose answer the connection is closed. SIGPIPE is ignored from here
 * on.
 */
struct http *http_listen(struct loop *loop, int listen_fd, const struct http_config *config,
                         void (*handler)(struct http_request *req, void *ctx), void *ctx);
/* Accepts no more; answers still to come say "Connection: close". */
void http_drain(struct http *h);
/* Requests whose answer is still owed. Streams do not count. */
size_t http_pending(const struct http *h);
/* Open connections, idle ones and streams too. Any thread. */
size_t http_connections(const struct http *h);
/* Closes every connection. Streams hear `closed`; requests still with the handler are answered into
 * the void. */
void http_free(struct http *h);

const char *http_request_method(
    const struct http_request *req); /* "GET", ...; "UNKNOWN" for what is in no RFC */
const char *http_request_target(const struct http_request *req); /* as sent: "/api/jobs?limit=3" */
/* A header's value, NULL when absent. Names in any case. */
const char *http_request_header(const struct http_request *req, const char *name);
const char *http_request_body(const struct http_request *req, size_t *ret_len); /* NUL behind it */
/* ERR_NONE, ERR_LIMIT (body too large) or ERR_BAD_REQUEST (not HTTP); then the rest reads as "" and
 * NULL. */
enum err_code http_request_defect(const struct http_request *req);

/*
 * For a request that is answered much later: from now on its peer's closing is noticed. Has the peer gone? (Without a
 * watch that is known only by chance.) It must be answered all the same.
 */
void http_request_watch(struct http_request *req);
bool http_request_gone(const struct http_request *req);

struct http_header {
    const char *name, *value;
};
/*
 * Answers and frees req. Always sends Content-Length, but for 204 and 304, which send no body; HEAD
 * sends the length only. A header whose value holds a line end is left out.
 */
void http_respond(struct http_request *req, int status, const struct http_header *headers,
                  size_t n_headers, const char *body, size_t len);

/*
 * Answers 200 with a body that goes on (chunked), and frees req. Each http_stream_send is one
 * chunk. `closed` is called once when the peer is gone, never from inside http_stream_send; after
 * it, or after http_stream_end, the stream is no more. Not for a request with a defect.
 */
struct http_stream *http_stream_start(struct http_request *req, const struct http_header *headers,
                                      size_t n_headers, void (*closed)(void *ctx), void *ctx);
void http_stream_send(struct http_stream *s, const char *bytes, size_t len);
/* Bytes that the peer has not taken yet. */
size_t http_stream_backlog(const struct http_stream *s);
void http_stream_end(struct http_stream *s);
/* Closes the connection, so that the peer knows that this was not the end. `closed` is not called. */
void http_stream_cut(struct http_stream *s);

#endif
