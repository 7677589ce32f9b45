#include "loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "lock.h"
#include "log.h"

struct post {
    STAILQ_ENTRY(post) next;
    void (*fn)(void *ctx);
    void *ctx;
};
STAILQ_HEAD(post_list, post);

struct watch {
    SLIST_ENTRY(watch) next;
    struct event *event;
    void (*fn)(void *ctx);
    void *ctx;
};

struct loop {
    struct lock lock; /* RANK_LEAF, so that loop_post may be called under any other lock */
    struct post_list posts;

    struct event_base *base;
    int wake_fd; /* an eventfd: other threads write it, the loop reads it */
    struct event *wake;
    _Atomic bool stop;
    SLIST_HEAD(, watch) watches;
};

struct loop_timer {
    struct event *event;
    void (*fn)(void *ctx);
    void *ctx;
};

static void on_library_log(int severity, const char *message)
{
    char quoted[300];
    if (severity == EVENT_LOG_ERR || severity == EVENT_LOG_WARN)
        log_warn("libevent", "message=%s", log_quote(message, quoted, sizeof(quoted)));
}

static void on_library_fatal(int error)
{
    log_error("libevent fatal", "code=%d", error);
    abort(); /* the library has no way back; the master starts another worker */
}

static void ring(struct loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof(one));
    must(n == sizeof(one) ||
         errno == EAGAIN); /* EAGAIN: the counter is full, so it is rung already */
}

/* Runs what was posted until now, in order. What these post in turn waits for the next call. */
static bool run_posts(struct loop *l)
{
    struct post_list batch = STAILQ_HEAD_INITIALIZER(batch);
    lock_take(&l->lock);
    STAILQ_CONCAT(&batch, &l->posts);
    lock_drop(&l->lock);
    bool any = !STAILQ_EMPTY(&batch);
    while (!STAILQ_EMPTY(&batch)) {
        struct post *p = STAILQ_FIRST(&batch);
        STAILQ_REMOVE_HEAD(&batch, next);
        p->fn(p->ctx);
        free(p);
    }
    return any;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *l = arg;
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof(count));
    must(n == sizeof(count) || errno == EAGAIN);
    (void)run_posts(l);
    if (l->stop)
        (void)event_base_loopbreak(l->base);
}

struct loop *loop_new(void)
{
    event_set_log_callback(on_library_log);
    event_set_fatal_callback(on_library_fatal);
    struct loop *l = mem_new(sizeof(*l));
    lock_init(&l->lock, RANK_LEAF);
    STAILQ_INIT(&l->posts);
    SLIST_INIT(&l->watches);
    /* No lock: only this thread calls in; others ring the eventfd. */
    struct event_config *config = event_config_new();
    must(config != NULL);
    must(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0);
    l->base = event_base_new_with_config(config);
    event_config_free(config);
    must(l->base != NULL);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must(l->wake_fd >= 0);
    l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    must(l->wake != NULL && event_add(l->wake, NULL) == 0);
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    while (run_posts(l))
        continue;
    while (!SLIST_EMPTY(&l->watches)) {
        struct watch *w = SLIST_FIRST(&l->watches);
        SLIST_REMOVE_HEAD(&l->watches, next);
        event_free(w->event);
        free(w);
    }
    event_free(l->wake);
    event_base_free(l->base);
    fd_close(l->wake_fd);
    lock_clear(&l->lock);
    free(l);
}

void loop_run(struct loop *l)
{
    must(event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0);
}

void loop_stop(struct loop *l)
{
    l->stop = true;
    ring(l);
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

void loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    struct post *p = mem_new(sizeof(*p));
    p->fn = fn;
    p->ctx = ctx;
    lock_take(&l->lock);
    bool first = STAILQ_EMPTY(&l->posts);
    STAILQ_INSERT_TAIL(&l->posts, p, next);
    if (first) /* under the lock: once it is dropped, the loop may have run the post and been freed
                */
        ring(l);
    lock_drop(&l->lock);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_timer *t = arg;
    t->fn(t->ctx); /* may free the timer */
}

static struct loop_timer *timer_new(struct loop *l, int64_t ms, short flags, void (*fn)(void *ctx),
                                    void *ctx)
{
    struct loop_timer *t = mem_new(sizeof(*t));
    t->fn = fn;
    t->ctx = ctx;
    t->event = event_new(l->base, -1, flags, on_timer, t);
    must(t->event != NULL);
    loop_timer_set(t, ms);
    return t;
}

struct loop_timer *loop_timer_every(struct loop *l, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    return timer_new(l, ms, EV_PERSIST, fn, ctx);
}

struct loop_timer *loop_timer_once(struct loop *l, int64_t ms, void (*fn)(void *ctx), void *ctx)
{
    return timer_new(l, ms, 0, fn, ctx);
}

void loop_timer_set(struct loop_timer *t, int64_t ms)
{
    must(ms >= 0);
    struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    must(event_add(t->event, &tv) == 0);
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    event_free(t->event);
    free(t);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct watch *w = arg;
    w->fn(w->ctx);
}

void loop_watch(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx)
{
    struct watch *w = mem_new(sizeof(*w));
    w->fn = fn;
    w->ctx = ctx;
    w->event = event_new(l->base, fd, EV_READ | EV_PERSIST, on_readable, w);
    must(w->event != NULL && event_add(w->event, NULL) == 0);
    SLIST_INSERT_HEAD(&l->watches, w, next);
}

void loop_unwatch(struct loop *l, int fd)
{
    struct watch *w;
    SLIST_FOREACH(w, &l->watches, next)
    {
        if (event_get_fd(w->event) == fd)
            must(event_del(w->event) == 0);
    }
}
