/*
 * http_conn.h - what http_evhttp.c (connections, what comes in) and http_reply.c (answers, streams)
 * share.
 *
 * evhttp has no hook for a new connection, answers broken requests itself with a page of its own,
 * and says nothing to the handler when it frees a connection. So each connection gets a struct
 * http_conn: made when evhttp asks for the bufferevent, tied to evhttp's connection on the next
 * turn of the loop, freed by evhttp's close callback.
 */
#ifndef LB_HTTP_CONN_H
#define LB_HTTP_CONN_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <sys/queue.h>

#include "http.h"
#include "loop.h"

#define HTTP_KEEPALIVE_MS 15000 /* idle; more than the front end's 2 s */
#define HTTP_REQUEST_MS   30000 /* from a request's first byte to its last */
#define HTTP_WRITE_S      60    /* a peer that takes nothing for so long is dropped */

enum http_phase {
    HTTP_IDLE,      /* no byte of the next request is there */
    HTTP_READING,   /* a request is coming in */
    HTTP_HANDLING,  /* the handler has it; evhttp does not read meanwhile */
    HTTP_WRITING,   /* the answer is going out */
    HTTP_STREAMING, /* an answer without an end */
};

struct http {
    struct loop *loop;
    struct http_config config;
    void (*handler)(struct http_request *req, void *ctx);
    void *ctx;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *bound; /* NULL once draining */
    struct evconnlistener *listener;   /* belongs to bound */
    struct http *next_listening;
    struct loop_timer *sweep;
    struct loop_timer *accept_again;
    struct evbuffer *chunk; /* scratch of http_stream_send */
    LIST_HEAD(, http_conn) conns;
    LIST_HEAD(, http_request) requests; /* with the handler */
    struct http_conn *current;          /* whose input changed last; see http_on_request */
    size_t pending;
    _Atomic size_t n_conns;
    bool draining;
};

struct http_conn {
    LIST_ENTRY(http_conn) links;
    struct http *http;
    struct bufferevent *bev;
    struct evhttp_connection *evcon; /* NULL until adopted */
    struct event later;              /* adopts the connection, then: replaces evhttp's error page */
    enum http_phase phase;
    int64_t deadline_ms; /* of HTTP_IDLE and HTTP_READING, monotonic */
    int page_status;     /* of evhttp's own error page */
    struct http_request *request;
    struct http_stream *stream;
};

struct http_request {
    LIST_ENTRY(http_request) links;
    struct http *http;      /* NULL after http_free */
    struct http_conn *conn; /* NULL when the peer is gone */
    struct evhttp_request
        *ev; /* ours until answered (evhttp_request_own); NULL: evhttp could not read it */
    enum err_code defect;
    const char *body; /* NULL until asked for */
    size_t body_len;
};

struct http_stream {
    struct http_conn *conn; /* NULL: the peer went before the stream began */
    struct evhttp_request *ev;
    void (*closed)(void *ctx);
    void *ctx;
};

/* http_reply.c: the connection is going down. Tells the stream, and leaves the request to its
 * handler. */
void http_conn_gone(struct http_conn *c);
/* http_evhttp.c: the answer is out; the connection waits for the next request. */
void http_conn_next(struct evhttp_request *ev, void *conn);

#endif
