#include <ctype.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "http_conn.h"
#include "log.h"

#define SWEEP_MS        500
#define ACCEPT_AGAIN_MS 100 /* after accept failed for want of descriptors */

/* ---- requests ---- */

static void hand_over(struct http_conn *c, struct evhttp_request *ev, enum err_code defect)
{
    struct http *h = c->http;
    struct http_request *r = mem_new(sizeof(*r));
    r->http = h;
    r->conn = c;
    r->ev = ev;
    r->defect = defect;
    c->request = r;
    c->phase = HTTP_HANDLING;
    LIST_INSERT_HEAD(&h->requests, r, links);
    h->pending++;
    h->handler(r, h->ctx); /* may answer at once */
}

static bool is_token(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
            return false;
    return true;
}

static bool is_length(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n <= 18 && strspn(s, "0123456789") == n;
}

/* evhttp reads no body for these, whatever the head says; what follows would be taken for the next
 * request. */
static bool body_is_left_unread(enum evhttp_cmd_type type)
{
    switch (type) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_POST:
    case EVHTTP_REQ_PUT:
    case EVHTTP_REQ_DELETE:
    case EVHTTP_REQ_OPTIONS:
    case EVHTTP_REQ_PATCH:
    case EVHTTP_REQ_CONNECT:
        return false;
    default:
        return true;
    }
}

/*
 * What evhttp lets through but must not be: two readings of where the body ends (RFC 9112
 * section 6.3), a second Host, names that are no names. The connection is closed after the answer,
 * so nothing behind is taken for a request.
 */
static bool head_is_sound(struct evhttp_request *ev)
{
    const char *length = NULL;
    int hosts = 0, codings = 0;
    struct evkeyval *header;
    for (header = evhttp_request_get_input_headers(ev)->tqh_first; header;
         header = header->next.tqe_next) {
        if (!is_token(header->key))
            return false;
        if (strcasecmp(header->key, "Host") == 0)
            hosts++;
        if (strcasecmp(header->key, "Transfer-Encoding") == 0) {
            codings++;
            if (strcasecmp(header->value, "chunked") != 0)
                return false;
        }
        if (strcasecmp(header->key, "Content-Length") == 0) {
            if (!is_length(header->value) || (length && strcmp(length, header->value) != 0))
                return false;
            length = header->value;
        }
    }
    if (hosts > 1 || codings > 1 || (codings && (length || ev->minor == 0)))
        return false;
    bool has_body = codings || (length && strspn(length, "0") != strlen(length));
    return !has_body || !body_is_left_unread(evhttp_request_get_command(ev));
}

/*
 * A whole request is there. evhttp does not say which of our connections it is on, but it has just
 * taken the request's lines out of that connection's input, so on_input was called for it last.
 */
static void on_request(struct evhttp_request *ev, void *http)
{
    struct http *h = http;
    struct http_conn *c = h->current;
    must(c && c->evcon && c->evcon == evhttp_request_get_connection(ev));
    evhttp_request_own(ev);             /* it outlives the connection while the handler has it */
    ev->flags &= ~EVHTTP_PROXY_REQUEST; /* a target in absolute form is an ordinary request here */
    hand_over(c, ev, head_is_sound(ev) ? ERR_NONE : ERR_BAD_REQUEST);
}

/* ---- broken requests ---- */

/* In place of evhttp's page of HTML the handler answers; evhttp closes the connection when that is
 * out. */
static void replace_page(struct http_conn *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    (void)bufferevent_disable(c->bev, EV_WRITE);
    (void)evbuffer_unfreeze(out, 1);
    must(evbuffer_drain(out, evbuffer_get_length(out)) == 0);
    (void)evbuffer_freeze(out, 1);
    hand_over(c, NULL, c->page_status == 413 ? ERR_LIMIT : ERR_BAD_REQUEST);
}

/* evhttp writes by itself in two cases only: "100 Continue", and its page about a request that it
 * gives up. */
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *conn)
{
    struct http_conn *c = conn;
    if (info->n_added == 0 || c->phase > HTTP_READING)
        return;
    /* Peeked at, not copied out: bufferevent freezes the start of its output between two writes. */
    struct evbuffer_ptr at;
    struct evbuffer_iovec first;
    if (evbuffer_ptr_set(out, &at, info->orig_size, EVBUFFER_PTR_SET) < 0 ||
        evbuffer_peek(out, 12, &at, &first, 1) < 1 || first.iov_len < 12)
        return;
    char line[16] = "";
    memcpy(line, first.iov_base, 12);
    if (strncmp(line, "HTTP/", 5) != 0)
        return;
    long status = strtol(line + 9, NULL, 10);
    if (status == 100)
        return;
    c->page_status = (int)status;
    c->phase = HTTP_HANDLING; /* before anything can be sent: the loop runs `later` before it looks
                                 at sockets */
    event_active(&c->later, EV_TIMEOUT, 0);
}

/* ---- connections ---- */

static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *conn)
{
    (void)in;
    (void)info;
    struct http_conn *c = conn;
    c->http->current = c;
    if (c->phase == HTTP_IDLE) {
        c->phase = HTTP_READING;
        c->deadline_ms = clock_mono_ms() + HTTP_REQUEST_MS;
    }
}

void http_conn_next(struct evhttp_request *ev, void *conn)
{
    (void)ev;
    struct http_conn *c = conn;
    c->phase = HTTP_IDLE;
    c->deadline_ms = clock_mono_ms() + HTTP_KEEPALIVE_MS;
}

static void conn_free(struct http_conn *c)
{
    (void)event_del(&c->later);
    (void)evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
    (void)evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
    if (c->http->current == c)
        c->http->current = NULL;
    LIST_REMOVE(c, links);
    c->http->n_conns--;
    free(c);
}

static void on_close(struct evhttp_connection *evcon, void *conn)
{
    (void)evcon;
    http_conn_gone(conn);
    conn_free(conn);
}

/* evhttp has put its connection behind the bufferevent; or it failed to, and only our reference is
 * left. */
static void adopt(struct http_conn *c)
{
    struct http *h = c->http;
    if (h->bound)
        (void)evconnlistener_enable(h->listener);
    void *evcon = NULL;
    bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
    struct bufferevent *bev = c->bev;
    if (evcon) {
        c->evcon = evcon;
        evhttp_connection_set_closecb(evcon, on_close, c);
    } else {
        conn_free(c);
    }
    bufferevent_decref(bev);
}

static void on_later(evutil_socket_t fd, short what, void *conn)
{
    (void)fd;
    (void)what;
    struct http_conn *c = conn;
    if (!c->evcon)
        adopt(c);
    else
        replace_page(c);
}

/*
 * evhttp has accepted a connection. The listener rests until the next turn of the loop: one
 * connection a turn, so that the other processes on the same socket get their share of a burst.
 */
static struct bufferevent *on_accept(struct event_base *base, void *http)
{
    struct http *h = http;
    (void)evconnlistener_disable(h->listener);
    struct http_conn *c = mem_new(sizeof(*c));
    c->http = h;
    c->bev = bufferevent_socket_new(base, -1, 0);
    must(c->bev != NULL);
    bufferevent_incref(c->bev);
    struct timeval write_timeout = {.tv_sec = HTTP_WRITE_S};
    must(bufferevent_set_timeouts(c->bev, NULL, &write_timeout) == 0);
    must(evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c) != NULL);
    must(evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c) != NULL);
    http_conn_next(NULL, c);
    LIST_INSERT_HEAD(&h->conns, c, links);
    h->n_conns++;
    must(event_assign(&c->later, base, -1, 0, on_later, c) == 0);
    event_active(&c->later, EV_TIMEOUT, 0);
    return c->bev;
}

static void on_accept_again(void *http)
{
    struct http *h = http;
    if (h->bound)
        (void)evconnlistener_enable(h->listener);
}

/* libevent calls this with its own struct evhttp, not with ours: looked up by the listener. The loop's thread only. */
static struct http *listening;

static void on_accept_error(struct evconnlistener *listener, void *evhttp)
{
    (void)evhttp;
    int sys = EVUTIL_SOCKET_ERROR();
    struct http *h = listening;
    while (h && h->listener != listener)
        h = h->next_listening;
    must(h != NULL);
    log_warn("accept failed", "errno=%d retry_ms=%d", sys, ACCEPT_AGAIN_MS);
    (void)evconnlistener_disable(listener);
    loop_timer_set(h->accept_again, ACCEPT_AGAIN_MS);
}

static void unlist(struct http *h)
{
    struct http **p = &listening;
    while (*p && *p != h)
        p = &(*p)->next_listening;
    if (*p)
        *p = h->next_listening;
}

/* Closes what was idle or dribbled for too long. */
static void on_sweep(void *http)
{
    struct http *h = http;
    int64_t now = clock_mono_ms();
    struct http_conn *next;
    for (struct http_conn *c = LIST_FIRST(&h->conns); c; c = next) {
        next = LIST_NEXT(c, links);
        if (c->evcon && c->phase <= HTTP_READING && now >= c->deadline_ms)
            evhttp_connection_free(c->evcon); /* calls on_close */
    }
}

/* ---- the server ---- */

struct http *http_listen(struct loop *loop, int listen_fd, const struct http_config *config,
                         void (*handler)(struct http_request *req, void *ctx), void *ctx)
{
    must(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* libevent writes with writev */
    struct http *h = mem_new(sizeof(*h));
    h->loop = loop;
    h->config = *config;
    h->handler = handler;
    h->ctx = ctx;
    LIST_INIT(&h->conns);
    LIST_INIT(&h->requests);
    h->chunk = evbuffer_new();
    h->evhttp = evhttp_new(loop_base(loop));
    must(h->chunk && h->evhttp);
    evhttp_set_allowed_methods(h->evhttp, 0xffff); /* unknown ones too */
    evhttp_set_default_content_type(h->evhttp, NULL);
    evhttp_set_max_headers_size(h->evhttp, (ev_ssize_t)config->header_max_bytes);
    evhttp_set_max_body_size(h->evhttp, (ev_ssize_t)config->body_max_bytes);
    evhttp_set_bevcb(h->evhttp, on_accept, h);
    evhttp_set_gencb(h->evhttp, on_request, h);

    must(evutil_make_socket_nonblocking(listen_fd) ==
         0); /* another process may win the race for a connection */
    h->listener =
        evconnlistener_new(loop_base(loop), NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
    must(h->listener != NULL);
    h->bound = evhttp_bind_listener(h->evhttp, h->listener);
    must(h->bound != NULL);
    h->next_listening = listening;
    listening = h;
    evconnlistener_set_error_cb(h->listener, on_accept_error);
    h->sweep = loop_timer_every(loop, SWEEP_MS, on_sweep, h);
    h->accept_again = loop_timer_once(loop, 0, on_accept_again, h);
    return h;
}

void http_drain(struct http *h)
{
    h->draining = true;
    if (!h->bound)
        return;
    unlist(h);
    evhttp_del_accept_socket(h->evhttp,
                             h->bound); /* frees the listener; the descriptor stays open */
    h->bound = NULL;
    h->listener = NULL;
}

size_t http_pending(const struct http *h)
{
    return h->pending;
}

size_t http_connections(const struct http *h)
{
    return h->n_conns;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    http_drain(h);
    loop_timer_free(h->sweep);
    loop_timer_free(h->accept_again);
    evhttp_free(h->evhttp); /* closes the connections: on_close for each that is adopted */
    while (!LIST_EMPTY(&h->conns)) {
        struct http_conn *c = LIST_FIRST(&h->conns);
        must(!c->evcon);
        struct bufferevent *bev = c->bev;
        conn_free(c);
        bufferevent_decref(bev);
    }
    while (!LIST_EMPTY(&h->requests)) {
        struct http_request *r = LIST_FIRST(&h->requests);
        must(!r->conn);
        LIST_REMOVE(r, links);
        r->http = NULL; /* its handler still answers it, into the void */
    }
    evbuffer_free(h->chunk);
    free(h);
}
