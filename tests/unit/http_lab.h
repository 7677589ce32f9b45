/*
 * http_lab.h - a server on http.h for its tests: what it serves, and set up and tear down around
 * each test.
 *
 * /later is answered by another thread once `later_may_go` is set; /stream starts a stream; /204
 * and /422 answer so; anything else says back what came.
 */
#ifndef HTTP_LAB_H
#define HTTP_LAB_H

#include "raw_http.h"

#include <stdatomic.h>
#include <sys/resource.h>

#include "http.h"
#include "strbuf.h"

#define BODY_MAX  100000
#define HEAD_MAX  8192
#define N_STREAMS 200

static struct raw_server server;
static struct http *http;

/* ---- what is served ---- */

static struct http_stream *streams[N_STREAMS];
static atomic_int n_open, n_closed, n_handled;

static inline void stream_closed(void *ctx)
{
    struct http_stream **slot = ctx;
    assert_non_null(*slot);
    *slot = NULL;
    n_open--;
    n_closed++;
}

static inline void stream_open(struct http_request *req)
{
    static const struct http_header headers[] = {{"Content-Type", "text/event-stream"}};
    for (int i = 0; i < N_STREAMS; i++)
        if (!streams[i]) {
            streams[i] = http_stream_start(req, headers, 1, stream_closed, &streams[i]);
            http_stream_send(streams[i], "first", 5);
            n_open++;
            return;
        }
    fail();
}

struct later {
    struct http_request *req;
    pthread_t thread;
    struct later *next;
};
static struct later *laters; /* only on the loop */
static atomic_int later_may_go, n_laters, n_answered;

static inline void later_answer(void *ctx)
{
    struct later *l = ctx;
    http_respond(l->req, 200, NULL, 0, "late", 4);
    n_answered++;
}

static inline void *later_main(void *ctx)
{
    while (!later_may_go)
        (void)usleep(500);
    loop_post(server.loop, later_answer, ctx);
    return NULL;
}

static inline void later_start(struct http_request *req)
{
    struct later *l = mem_new(sizeof(*l));
    l->req = req;
    l->next = laters;
    laters = l;
    assert_int_equal(pthread_create(&l->thread, NULL, later_main, l), 0);
    n_laters++;
}

/* Says back what it saw: method, target, header X, body. */
static inline void echo(struct http_request *req)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    size_t len;
    const char *body = http_request_body(req, &len);
    assert_int_equal(body[len], '\0');
    const char *x = http_request_header(req, "x-test");
    strbuf_addf(&b, "%s %s %s ", http_request_method(req), http_request_target(req), x ? x : "-");
    strbuf_add(&b, body, len);
    static const struct http_header headers[] = {{"X-Reply", "yes"},
                                                 {"X-Bad", "a\r\nSet-Cookie: b"}};
    http_respond(req, 200, headers, 2, b.data, b.len);
}

static inline void handle(struct http_request *req, void *ctx)
{
    (void)ctx;
    n_handled++;
    const char *target = http_request_target(req);
    if (http_request_defect(req)) {
        assert_null(http_request_header(req, "Host"));
        static const struct http_header json[] = {{"Content-Type", "application/json"}};
        enum err_code code = http_request_defect(req);
        http_respond(req, err_http_status(code), json, 1, err_name(code), strlen(err_name(code)));
    } else if (strcmp(target, "/later") == 0) {
        later_start(req);
    } else if (strcmp(target, "/stream") == 0) {
        stream_open(req);
    } else if (strcmp(target, "/204") == 0) {
        http_respond(req, 204, NULL, 0, "", 0);
    } else if (strcmp(target, "/422") == 0) {
        http_respond(req, 422, NULL, 0, "no", 2);
    } else {
        echo(req);
    }
}

static inline int setup(void **state)
{
    (void)state;
    n_open = n_closed = n_handled = n_laters = n_answered = later_may_go = 0;
    raw_server_new(&server);
    struct http_config config = {.body_max_bytes = BODY_MAX, .header_max_bytes = HEAD_MAX};
    http = http_listen(server.loop, server.fd, &config, handle, NULL);
    raw_server_run(&server);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    later_may_go = 1;
    raw_server_stop(&server);
    http_free(http);
    assert_int_equal(n_open, 0);
    while (laters) {
        struct later *l = laters;
        assert_int_equal(pthread_join(l->thread, NULL), 0);
        laters = l->next;
        l->next = NULL;
        loop_post(server.loop, free, l); /* behind its answer, which may wait in the loop */
    }
    raw_server_free(&server);
    clock_test_shift(0, 0);
    return 0;
}

static inline void get_pending(void *ctx)
{
    *(size_t *)ctx = http_pending(http);
}

static inline size_t pending(void)
{
    size_t n = 0;
    raw_on_loop(&server, get_pending, &n);
    return n;
}

struct expected {
    atomic_int *counter;
    int value;
};

static inline bool has_reached(void *ctx)
{
    struct expected *e = ctx;
    return *e->counter >= e->value;
}

static inline void until(atomic_int *counter, int value, const char *what)
{
    raw_until(has_reached, &(struct expected){counter, value}, what);
}

static struct raw_answer a;
static struct raw_client c;

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
