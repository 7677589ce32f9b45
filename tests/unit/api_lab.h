/*
 * api_lab.h - the dispatcher on a worker, a table of routes and handlers of the tests' own, and set
 * up and tear down around each test. The worker_* functions here stand in for those of worker.c.
 */
#ifndef API_LAB_H
#define API_LAB_H

#include "raw_http.h"

#include <stdatomic.h>

#include "api.h"
#include "api_target.h"
#include "api_wait.h"
#include "config.h"
#include "http.h"
#include "uuid.h"
#include "worker.h"

/* ---- a worker of the test's own ---- */

struct worker {
    struct config config;
    struct loop *loop;
    _Atomic bool draining;
};

struct store_reader {
    int number;
};

static struct worker worker;
static struct store_reader loop_reader;
static atomic_int n_readers, n_readers_opened, n_waiting, may_go;
static _Atomic bool reader_fails;
static char stream_saw[300];

const struct config *worker_config(const struct worker *w)
{
    return &w->config;
}

int worker_slot(const struct worker *w)
{
    (void)w;
    return 7;
}

struct loop *worker_loop(struct worker *w)
{
    return w->loop;
}

bool worker_draining(const struct worker *w)
{
    return w->draining;
}

struct store_reader *worker_reader_open(struct worker *w, struct err *err)
{
    (void)w;
    if (reader_fails) {
        (void)err_set(err, ERR_STORE, "the store cannot be opened");
        return NULL;
    }
    struct store_reader *r = mem_new(sizeof(*r));
    r->number = ++n_readers_opened;
    n_readers++;
    return r;
}

void worker_reader_close(struct store_reader *r)
{
    n_readers--;
    free(r);
}

void worker_stream_open(struct worker *w, struct http_request *req, const char *last_event_id,
                        const char *job_id, const char *client_address)
{
    assert_ptr_equal(w, &worker);
    (void)snprintf(stream_saw, sizeof(stream_saw), "%s %s [%s]",
                   last_event_id ? last_event_id : "-", job_id ? job_id : "-", client_address);
    http_respond(req, 200, NULL, 0, stream_saw, strlen(stream_saw));
}

void worker_old_stream_open(struct worker *w, struct http_request *req,
                            const struct old_stream_ask *ask, const struct http_header *headers,
                            size_t n_headers)
{
    assert_ptr_equal(w, &worker);
    http_respond(req, 200, headers, n_headers, ask->job_id, strlen(ask->job_id));
}

void worker_download_open(struct worker *w, struct http_request *req,
                          const struct download_ask *ask, const struct http_header *headers,
                          size_t n_headers)
{
    assert_ptr_equal(w, &worker);
    http_respond(req, 200, headers, n_headers, ask->job_id, strlen(ask->job_id));
}

/* ---- its handlers ---- */

static int get_things(struct api_call *call, struct err *err)
{
    int64_t limit;
    assert_ptr_equal(call->reader, &loop_reader);
    if (api_query_int(call, "limit", 10, 1, 100, &limit, err) < 0)
        return -1;
    const char *search = api_query(call, "search");
    json_t *reply = json_object();
    json_object_set_new(reply, "limit", json_integer(limit));
    json_object_set_new(reply, "search", json_text(search));
    json_object_set_new(reply, "agent", json_text(api_header(call, "user-agent")));
    json_object_set_new(reply, "rate", json_real(0.1));
    return api_reply(call, 200, reply);
}

static int get_thing(struct api_call *call, struct err *err)
{
    assert_int_equal(call->path_param_len[0], strlen(call->path_params[0]));
    return err_set(err, ERR_NOT_FOUND, "thing %s is not known", call->path_params[0]);
}

static int get_tags(struct api_call *call, struct err *err)
{
    (void)err;
    json_t *reply = json_object();
    json_object_set_new(reply, "path", json_text(call->path_params[0]));
    return api_reply(call, 200, reply);
}

static int echo(struct api_call *call, struct err *err)
{
    (void)err;
    assert_ptr_not_equal(call->reader, &loop_reader);
    assert_true(call->reader->number > 0);
    return api_reply(call, 200, call->body ? json_incref(call->body) : json_null());
}

static int get_title(struct api_call *call, struct err *err)
{
    const char *title;
    if (api_body_str(call, "title", &title, err) < 0)
        return -1;
    json_t *reply = json_object();
    json_object_set_new(reply, "title", json_text(title));
    return api_reply(call, 201, reply);
}

static int wait_to_go(struct api_call *call, struct err *err)
{
    (void)err;
    n_waiting++;
    while (!may_go)
        (void)usleep(500);
    return api_reply(call, 200, json_object());
}

static atomic_int parked_state, n_looks, n_done; /* of /api/later */

static int parked_look(struct api_call *call, void *ctx, bool last, struct err *err)
{
    assert_ptr_equal(ctx, &parked_state);
    assert_ptr_equal(call->reader, &loop_reader);
    n_looks++;
    if (parked_state < 0)
        return err_set(err, ERR_CONFLICT, "no more");
    if (parked_state == 0 && !last)
        return 0;
    api_add_header(call, "X-Last", last ? "yes" : "no");
    (void)api_reply(call, parked_state ? 200 : 202, json_object());
    return 1;
}

static void parked_done(void *ctx)
{
    assert_ptr_equal(ctx, &parked_state);
    n_done++;
}

static int park(struct api_call *call, struct err *err)
{
    int64_t ms;
    if (api_query_int(call, "ms", 20000, 0, 20000, &ms, err) < 0)
        return -1;
    struct api_wait wait = {parked_look, parked_done, &parked_state, ms};
    return api_wait(call, &wait);
}

static int fail_with(struct api_call *call, struct err *err)
{
    api_add_header(call, "X-Half", "done");
    const char *code = call->path_params[0];
    if (strcmp(code, "io") == 0)
        return err_set(err, ERR_IO, "disk: \"gone\"\n");
    if (strcmp(code, "busy") == 0)
        return err_set(err, ERR_BUSY, "busy");
    if (strcmp(code, "space") == 0)
        return err_set(err, ERR_NO_SPACE, "full");
    if (strcmp(code, "utf8") == 0)
        return err_set(err, ERR_NOT_FOUND, "file \xff\xfe");
    if (strcmp(code, "json") == 0)
        return api_reply(call, 200, json_stringn_nocheck("\xff", 1));
    return -1; /* without a reason */
}

static int get_text(struct api_call *call, struct err *err)
{
    (void)err;
    strbuf_adds(&call->text, "plain\n");
    call->content_type = "text/plain";
    api_add_header(call, "Cache-Control", "no-cache");
    api_add_header(call, "ETag", "\"a\nb\"");
    return 0;
}

static int get_old_stream(struct api_call *call, struct err *err)
{
    (void)snprintf(call->stream.job_id, sizeof(call->stream.job_id), "some-job");
    api_add_header(call, "X-Longbox-Job", "some-job");
    return api_query(call, "fail") ? err_set(err, ERR_BUSY, "not now") : 0;
}

static int not_modified(struct api_call *call, struct err *err)
{
    (void)err;
    call->status = 304;
    return 0;
}

static const struct api_route routes[] = {
    {"GET", "/api/things", get_things, API_ON_LOOP, 0},
    {"POST", "/api/things", get_title, API_ON_THREAD, -1},
    {"GET", "/api/things/{id}", get_thing, API_ON_LOOP, 0},
    {"DELETE", "/api/things/{id}", get_thing, API_ON_LOOP, 0},
    {"GET", "/api/file/{path...}/tags", get_tags, API_ON_LOOP, 0},
    {"DELETE", "/api/delete-file/{path...}", get_tags, API_ON_LOOP, 0},
    {"POST", "/api/echo", echo, API_ON_THREAD, 1024},
    {"POST", "/api/deep", echo, API_ON_THREAD, -1},
    {"POST", "/api/ignore", get_text, API_ON_LOOP, 0},
    {"GET", "/api/wait", wait_to_go, API_ON_THREAD, 0},
    {"POST", "/api/later", park, API_ON_THREAD, 0},
    {"POST", "/api/later-on-loop", park, API_ON_LOOP, 0},
    {"GET", "/api/fail/{code}", fail_with, API_ON_LOOP, 0},
    {"GET", "/api/text", get_text, API_ON_LOOP, 0},
    {"POST", "/api/old-stream", get_old_stream, API_ON_THREAD, 0},
    {"GET", "/api/not-modified", not_modified, API_ON_LOOP, 0},
    {NULL, NULL, NULL, API_ON_LOOP, 0},
};

/* ---- set up ---- */

static struct raw_server server;
static struct http *http;
static struct api *api;
static struct raw_answer a;

static inline int setup(void **state)
{
    (void)state;
    may_go = n_waiting = n_readers = n_readers_opened = 0;
    parked_state = n_looks = n_done = 0;
    reader_fails = false;
    raw_server_new(&server);
    worker = (struct worker){.loop = server.loop};
    (void)snprintf(worker.config.base_path, sizeof(worker.config.base_path), "/comics");
    (void)snprintf(worker.config.hosts, sizeof(worker.config.hosts),
                   "  comics.example.com  proxy.example.com:8443 ");
    worker.config.body_max_bytes = 8192;
    api = api_new(&worker, routes, 2, &loop_reader);
    struct http_config config = {.body_max_bytes = 8192, .header_max_bytes = 65536};
    http = http_listen(server.loop, server.fd, &config, api_on_request, api);
    raw_server_run(&server);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    may_go = 1;
    raw_server_stop(&server);
    api_free(api);
    assert_int_equal(n_readers, 0);
    http_free(http);
    raw_server_free(&server);
    return 0;
}

static inline void ask(const char *method, const char *target, const char *headers,
                       const char *body)
{
    char request[16384];
    int n = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: localhost\r\n%s", method,
                     target, headers);
    if (body)
        n += snprintf(request + n, sizeof(request) - (size_t)n, "Content-Length: %zu\r\n",
                      strlen(body));
    n += snprintf(request + n, sizeof(request) - (size_t)n, "\r\n%s", body ? body : "");
    assert_true((size_t)n < sizeof(request));
    raw_ask(&server, request, &a);
}

/* A string of the answer's JSON, "" when it is absent. In a buffer that the next call overwrites.
 */
static inline const char *member(const char *name)
{
    static char value[1024];
    json_t *o = json_loads(a.body, 0, NULL);
    assert_non_null(o);
    const char *s = json_string_value(json_object_get(o, name));
    (void)snprintf(value, sizeof(value), "%s", s ? s : "");
    json_decref(o);
    return value;
}

static inline void get_pending(void *ctx)
{
    *(size_t *)ctx = api_pending(api);
}

static inline size_t pending(void)
{
    size_t n;
    raw_on_loop(&server, get_pending, &n);
    return n;
}

static inline bool has_reached(void *ctx)
{
    const int *wanted = ctx;
    return n_waiting >= *wanted;
}

static inline bool is_pending(void *ctx)
{
    const size_t *wanted = ctx;
    return pending() == *wanted;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
