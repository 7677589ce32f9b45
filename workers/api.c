#include "api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_request.h"
#include "clock.h"
#include "http.h"
#include "lock.h"
#include "log.h"
#include "loop.h"
#include "worker.h"

#define QUEUE_MAX 256 /* calls that wait for a thread; with more the answer is "busy" */
#define WAIT_MS   60000

struct api_thread {
    pthread_t thread;
    struct api *api;
    int number;
};

struct api {
    struct lock lock; /* RANK_HTTP */
    pthread_cond_t work;
    STAILQ_HEAD(, api_request) queue;
    size_t n_queued;
    bool stopping;

    /* set by api_new, then only read */
    struct worker *worker;
    struct loop *loop;
    struct store_reader *loop_reader;
    struct api_guard *guard;
    struct api_rules rules;
    int slot;
    struct api_thread *threads;
    int n_threads;

    /* only on the loop */
    _Atomic size_t n_pending; /* the stop looks at it from its own thread */
    struct api_waits waits;
    struct loop_timer *look;
    bool freed; /* api_free was called; the last answer frees the rest */
};

static void api_destroy(struct api *a)
{
    must(STAILQ_EMPTY(&a->queue));
    must(pthread_cond_destroy(&a->work) == 0);
    lock_clear(&a->lock);
    api_guard_free(a->guard);
    free(a->threads);
    free(a);
}

static void request_free(struct api_request *r)
{
    api_target_clear(&r->target);
    api_call_clear(&r->call);
    free(r->out);
    free(r);
}

/* On the loop. The request is no more. */
static void answer(struct api_request *r)
{
    struct api *a = r->api;
    api_reply_send(r, a->slot, a->freed || worker_draining(a->worker));
    request_free(r);
    a->n_pending--;
    if (a->freed && a->n_pending == 0)
        api_destroy(a);
}

/* The handler is through: its answer goes out, or the call is parked until there is one. */
static void end_run(struct api_request *r)
{
    if (!r->wait.look) {
        answer(r);
        return;
    }
    r->call.reader = r->api->loop_reader;
    api_waits_add(&r->api->waits, r);
}

static void on_done(void *request)
{
    end_run(request);
}

/* Reads the body, runs the handler and makes its answer. On the loop or an API thread. */
static void run(struct api_request *r, struct store_reader *reader)
{
    struct err err = {0};
    r->call.reader = reader;
    if (api_call_read_body(r, &err) == 0 && r->route->handler(&r->call, &err) == 0) {
        if (!r->wait.look)
            api_reply_finish(r);
        return;
    }
    must(!r->wait.look);            /* a handler that waits has not failed */
    strbuf_reset(&r->call.headers); /* those of an answer that is not given */
    api_reply_error(r, &err);
}

/* ---- threads ---- */

/* The next request, NULL when the api stops. */
static struct api_request *next_request(struct api *a)
{
    LOCK_SCOPE(&a->lock);
    while (STAILQ_EMPTY(&a->queue) && !a->stopping)
        (void)lock_wait(&a->lock, &a->work, WAIT_MS);
    if (a->stopping)
        return NULL;
    struct api_request *r = STAILQ_FIRST(&a->queue);
    STAILQ_REMOVE_HEAD(&a->queue, next);
    a->n_queued--;
    return r;
}

static void *thread_main(void *arg)
{
    struct api_thread *t = arg;
    struct api *a = t->api;
    char name[16];
    (void)snprintf(name, sizeof(name), "lb-api-%d", t->number);
    (void)pthread_setname_np(pthread_self(), name);
    struct store_reader *reader = NULL;
    struct api_request *r;
    while ((r = next_request(a)) != NULL) {
        struct err err = {0};
        if (!reader) /* at the first call, and again after a failure */
            reader = worker_reader_open(a->worker, &err);
        if (reader)
            run(r, reader);
        else
            api_reply_error(r, &err);
        loop_post(a->loop, on_done, r);
    }
    if (reader)
        worker_reader_close(reader);
    return NULL;
}

static int enqueue(struct api *a, struct api_request *r, struct err *err)
{
    LOCK_SCOPE(&a->lock);
    if (a->n_queued == QUEUE_MAX)
        return err_set(err, ERR_BUSY, "%d calls are waiting already", QUEUE_MAX);
    STAILQ_INSERT_TAIL(&a->queue, r, next);
    a->n_queued++;
    (void)pthread_cond_signal(&a->work);
    return 0;
}

/* ---- from http.h ---- */

/* The last element of X-Forwarded-For: the only one that our front end, not the client, has
 * written. */
static const char *client_address(const struct api_request *r, char *buf, size_t size)
{
    const char *list = r->headers[API_HEADER_X_FORWARDED_FOR];
    const char *last = list ? strrchr(list, ',') : NULL;
    last = last ? last + 1 : list ? list : "";
    last += strspn(last, " \t");
    (void)snprintf(buf, size, "%.*s", (int)strcspn(last, " \t"), last);
    return buf;
}

static void open_stream(struct api *a, struct api_request *r)
{
    char address[64];
    const char *last_id = r->headers[API_HEADER_LAST_EVENT_ID];
    if (!last_id)
        last_id = api_query(&r->call, "last_event_id");
    log_debug("stream", "request=%s path=%s", r->call.request_id, LOG_QUOTE(r->path));
    worker_stream_open(a->worker, r->http, last_id, api_query(&r->call, "job"),
                       client_address(r, address, sizeof(address)));
    request_free(r);
    a->n_pending--;
}

void api_on_request(struct http_request *req, void *api)
{
    struct api *a = api;
    struct api_request *r = mem_new(sizeof(*r));
    r->api = a;
    r->http = req;
    r->started_us = clock_mono_us();
    r->call.worker = a->worker;
    r->call.status = 200;
    r->call.request = r;
    api_check_id(r);
    a->n_pending++;

    struct err err = {0};
    enum api_checked checked = api_check(r, &a->rules, &err);
    if (checked == API_STREAM) {
        open_stream(a, r);
        return;
    }
    if (checked == API_ROUTED && r->route->where == API_ON_THREAD) {
        if (enqueue(a, r, &err) == 0)
            return;
        checked = API_REFUSED;
    }
    if (checked == API_ROUTED)
        run(r, a->loop_reader);
    else
        api_reply_error(r, &err);
    end_run(r);
}

void api_look(struct api *a)
{
    api_waits_look(&a->waits);
}

void api_stop_waiting(struct api *a)
{
    api_waits_end(&a->waits);
}

static void on_look(void *api)
{
    api_look(api);
}

size_t api_pending(const struct api *a)
{
    return a->n_pending;
}

struct api *api_new(struct worker *w, const struct api_route *routes, int threads,
                    struct store_reader *loop_reader)
{
    json_object_seed(0); /* before the threads */
    struct api *a = mem_new(sizeof(*a));
    lock_init(&a->lock, RANK_HTTP);
    cond_init(&a->work);
    STAILQ_INIT(&a->queue);
    const struct config *config = worker_config(w);
    char own_name[256] = "";
    (void)gethostname(own_name, sizeof(own_name) - 1); /* without one, only its address is known */
    a->worker = w;
    a->loop = worker_loop(w);
    a->loop_reader = loop_reader;
    a->slot = worker_slot(w);
    a->guard = api_guard_new(config->hosts, own_name);
    a->rules = (struct api_rules){.guard = a->guard,
                                  .routes = routes,
                                  .base_path = config->base_path,
                                  .body_max_bytes = config->body_max_bytes};
    TAILQ_INIT(&a->waits.list);
    a->waits.answer = answer;
    a->look = loop_timer_every(a->loop, API_WAIT_LOOK_MS, on_look, a);
    a->n_threads = threads;
    a->threads = mem_new((size_t)threads * sizeof(a->threads[0]));
    for (int i = 0; i < threads; i++) {
        a->threads[i] = (struct api_thread){.api = a, .number = i};
        must(pthread_create(&a->threads[i].thread, NULL, thread_main, &a->threads[i]) == 0);
    }
    return a;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    lock_take(&a->lock);
    a->stopping = true;
    (void)pthread_cond_broadcast(&a->work);
    lock_drop(&a->lock);
    for (int i = 0; i < a->n_threads; i++)
        must(pthread_join(a->threads[i].thread, NULL) == 0);
    while (!STAILQ_EMPTY(&a->queue)) { /* nobody else is left to touch it */
        struct api_request *r = STAILQ_FIRST(&a->queue);
        STAILQ_REMOVE_HEAD(&a->queue, next);
        struct err err = {0};
        (void)err_set(&err, ERR_STOPPING, "the worker stops");
        api_reply_error(r, &err);
        answer(r);
    }
    loop_timer_free(a->look);
    api_stop_waiting(a);
    api_waits_close(&a->waits); /* for those whose handler is through but not yet on the loop */
    a->freed = true;
    if (a->n_pending == 0)
        api_destroy(a); /* else the last of the answers that wait in the loop does it */
}
