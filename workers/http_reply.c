#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_conn.h"

/* Input of the next request that a stream's peer may send ahead before its socket is read no more.
 */
#define STREAM_INPUT_MAX 65536

/* ---- reading ---- */

static const struct {
    enum evhttp_cmd_type type;
    const char *name;
} methods[] = {
    {EVHTTP_REQ_GET, "GET"},     {EVHTTP_REQ_POST, "POST"},       {EVHTTP_REQ_HEAD, "HEAD"},
    {EVHTTP_REQ_PUT, "PUT"},     {EVHTTP_REQ_DELETE, "DELETE"},   {EVHTTP_REQ_OPTIONS, "OPTIONS"},
    {EVHTTP_REQ_TRACE, "TRACE"}, {EVHTTP_REQ_CONNECT, "CONNECT"}, {EVHTTP_REQ_PATCH, "PATCH"},
};

const char *http_request_method(const struct http_request *req)
{
    if (req->defect)
        return "";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].type == evhttp_request_get_command(req->ev))
            return methods[i].name;
    return "UNKNOWN"; /* evhttp does not keep the word */
}

const char *http_request_target(const struct http_request *req)
{
    return req->defect ? "" : evhttp_request_get_uri(req->ev);
}

const char *http_request_header(const struct http_request *req, const char *name)
{
    if (req->defect)
        return NULL;
    return evhttp_find_header(evhttp_request_get_input_headers(req->ev), name);
}

const char *http_request_body(const struct http_request *req, size_t *ret_len)
{
    struct http_request *r = (struct http_request *)req; /* only the cache below changes */
    if (!r->body && !r->defect) {
        struct evbuffer *in = evhttp_request_get_input_buffer(r->ev);
        r->body_len = evbuffer_get_length(in);
        must(evbuffer_add(in, "", 1) == 0);
        r->body = (const char *)evbuffer_pullup(in, -1);
        must(r->body != NULL);
    }
    *ret_len = r->body_len;
    return r->body ? r->body : "";
}

enum err_code http_request_defect(const struct http_request *req)
{
    return req->defect;
}

/*
 * While a handler has the request, evhttp does not read, and so does not see the end of the connection. Reading without
 * a read callback is what it does itself while it writes; its event callback then frees the connection.
 */
void http_request_watch(struct http_request *req)
{
    struct http_conn *c = req->conn;
    if (!c || req->defect)
        return;
    bufferevent_data_cb on_write;
    bufferevent_event_cb on_event;
    void *arg;
    bufferevent_getcb(c->bev, NULL, &on_write, &on_event, &arg);
    bufferevent_setcb(c->bev, NULL, on_write, on_event, arg);
    bufferevent_setwatermark(c->bev, EV_READ, 0, STREAM_INPUT_MAX);
    must(bufferevent_enable(c->bev, EV_READ) == 0);
}

bool http_request_gone(const struct http_request *req)
{
    return !req->conn;
}

/* ---- answering ---- */

static const char *reason_of(int status)
{
    switch (status) { /* those that evhttp only knows as "Client Error" and "Server Error" */
    case 421:
        return "Misdirected Request";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 507:
        return "Insufficient Storage";
    case 413:
        return "Content Too Large";
    case 400:
        return "Bad Request";
    default:
        return NULL;
    }
}

/* Takes the request from its handler: from here on it is the connection's, or nobody's. */
static struct http_conn *request_end(struct http_request *req)
{
    struct http_conn *c = req->conn;
    if (req->http) {
        LIST_REMOVE(req, links);
        req->http->pending--;
    }
    if (c) {
        c->request = NULL;
        c->phase = HTTP_WRITING;
    }
    if (req->ev && c)
        req->ev->flags &=
            ~EVHTTP_USER_OWNED; /* evhttp frees it with the connection, or when it is answered */
    else if (req->ev)
        evhttp_request_free(req->ev);
    free(req);
    return c;
}

static void close_after(struct evhttp_request *ev)
{
    /* Only the answer's header decides, and HTTP/1.0 gets no second one that says keep-alive. */
    (void)evhttp_remove_header(evhttp_request_get_input_headers(ev), "Connection");
    (void)evhttp_remove_header(evhttp_request_get_output_headers(ev), "Connection");
    must(evhttp_add_header(evhttp_request_get_output_headers(ev), "Connection", "close") == 0);
}

static void add_headers(struct evhttp_request *ev, const struct http_header *headers, size_t n)
{
    for (size_t i = 0; i < n;
         i++) /* evhttp refuses values with line ends; such a header is left out */
        (void)evhttp_add_header(evhttp_request_get_output_headers(ev), headers[i].name,
                                headers[i].value);
}

/* evhttp has no request that could carry this answer, but sends what is put in its page's place,
 * and closes. */
static void respond_to_defect(struct http_conn *c, int status, const struct http_header *headers,
                              size_t n_headers, const char *body, size_t len)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    const char *reason = reason_of(status);
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", status, reason ? reason : "Error");
    for (size_t i = 0; i < n_headers; i++)
        if (strcasecmp(headers[i].name, "Connection") != 0 && !strpbrk(headers[i].value, "\r\n"))
            evbuffer_add_printf(out, "%s: %s\r\n", headers[i].name, headers[i].value);
    evbuffer_add_printf(out, "Connection: close\r\nContent-Length: %zu\r\n\r\n", len);
    must(evbuffer_add(out, body, len) == 0);
    (void)bufferevent_enable(c->bev, EV_WRITE);
}

void http_respond(struct http_request *req, int status, const struct http_header *headers,
                  size_t n_headers, const char *body, size_t len)
{
    struct evhttp_request *ev = req->ev;
    bool broken = req->defect != ERR_NONE;
    bool head = !broken && evhttp_request_get_command(ev) == EVHTTP_REQ_HEAD;
    struct http_conn *c = request_end(req);
    if (!c)
        return;
    if (!ev) {
        respond_to_defect(c, status, headers, n_headers, body, len);
        return;
    }
    struct evkeyvalq *out = evhttp_request_get_output_headers(ev);
    add_headers(ev, headers, n_headers);
    if (broken || c->http->draining)
        close_after(ev);
    if (status != 204 && status != 304) {
        char length[24];
        (void)snprintf(length, sizeof(length), "%zu", len);
        must(evhttp_add_header(out, "Content-Length", length) == 0);
        if (!head && len)
            must(evbuffer_add(evhttp_request_get_output_buffer(ev), body, len) == 0);
    }
    bufferevent_setwatermark(c->bev, EV_READ, 0, 0); /* of a watch */
    evhttp_request_set_on_complete_cb(ev, http_conn_next, c);
    evhttp_send_reply(ev, status, reason_of(status), NULL);
}

/* ---- streams ---- */

/* The peer went before the stream began (a failed write of "100 Continue" tells evhttp while the
 * handler works). */
static void stream_is_stillborn(void *stream)
{
    struct http_stream *s = stream;
    if (s->closed)
        s->closed(s->ctx);
    free(s);
}

struct http_stream *http_stream_start(struct http_request *req, const struct http_header *headers,
                                      size_t n_headers, void (*closed)(void *ctx), void *ctx)
{
    must(!req->defect &&
         req->http); /* a broken request gets no stream, and the handler runs on the loop */
    struct http *h = req->http;
    struct http_stream *s = mem_new(sizeof(*s));
    struct evhttp_request *ev = req->ev;
    s->closed = closed;
    s->ctx = ctx;
    s->conn = request_end(req);
    if (!s->conn) {
        loop_post(h->loop, stream_is_stillborn, s);
        return s;
    }
    s->ev = ev;
    s->conn->stream = s;
    s->conn->phase = HTTP_STREAMING;
    add_headers(ev, headers, n_headers);
    if (ev->minor == 0 || h->draining)
        close_after(ev);
    bufferevent_setwatermark(s->conn->bev, EV_READ, 0, STREAM_INPUT_MAX);
    evhttp_request_set_on_complete_cb(ev, http_conn_next, s->conn);
    evhttp_send_reply_start(ev, 200, NULL);
    return s;
}

void http_stream_send(struct http_stream *s, const char *bytes, size_t len)
{
    if (!s->conn)
        return;
    struct evbuffer *chunk = s->conn->http->chunk;
    must(evbuffer_add(chunk, bytes, len) == 0);
    evhttp_send_reply_chunk(s->ev, chunk);
    (void)evbuffer_drain(chunk,
                         evbuffer_get_length(chunk)); /* left over when the answer has no body */
}

size_t http_stream_backlog(const struct http_stream *s)
{
    return s->conn ? evbuffer_get_length(bufferevent_get_output(s->conn->bev)) : 0;
}

void http_stream_end(struct http_stream *s)
{
    struct http_conn *c = s->conn;
    if (!c) {
        s->closed = NULL; /* freed by stream_is_stillborn */
        return;
    }
    struct evhttp_request *ev = s->ev;
    c->stream = NULL;
    c->phase = HTTP_WRITING;
    free(s);
    bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
    evhttp_send_reply_end(ev); /* may free the connection at once */
}

static void not_told(void *ctx)
{
    (void)ctx;
}

void http_stream_cut(struct http_stream *s)
{
    s->closed = s->conn ? not_told : NULL;
    if (s->conn)
        evhttp_connection_free(
            s->conn->evcon); /* ends in http_conn_gone; else stream_is_stillborn frees it */
}

void http_conn_gone(struct http_conn *c)
{
    if (c->request) {
        c->request->conn = NULL;
        c->request = NULL;
    }
    struct http_stream *s = c->stream;
    if (!s)
        return;
    c->stream = NULL;
    /* When the peer went first, evhttp has cut the unfinished request off and leaves it to us. */
    if (!evhttp_request_get_connection(s->ev))
        evhttp_request_free(s->ev);
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->ctx;
    free(s);
    closed(ctx);
}
