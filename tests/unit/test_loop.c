#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"

#define THREADS  4
#define PER_EACH 2000

struct poster {
    struct loop *loop;
    int number;
    pthread_t thread;
};

struct posted {
    int thread, n;
};

static int last_of[THREADS];
static int n_run;
static struct loop *the_loop;
static pthread_t loop_thread;

static void count_post(void *ctx)
{
    struct posted *p = ctx;
    assert_true(pthread_equal(pthread_self(), loop_thread));
    assert_int_equal(p->n, last_of[p->thread] + 1); /* the order of posting */
    last_of[p->thread] = p->n;
    free(p);
    if (++n_run == THREADS * PER_EACH)
        loop_stop(the_loop);
}

static void *poster_main(void *arg)
{
    struct poster *p = arg;
    for (int i = 1; i <= PER_EACH; i++) {
        struct posted *one = mem_new(sizeof(*one));
        *one = (struct posted){p->number, i};
        loop_post(p->loop, count_post, one);
    }
    return NULL;
}

static void posts_of_many_threads_run_in_order_and_none_is_lost(void **state)
{
    (void)state;
    the_loop = loop_new();
    loop_thread = pthread_self();
    n_run = 0;
    struct poster posters[THREADS];
    for (int i = 0; i < THREADS; i++) {
        last_of[i] = 0;
        posters[i] = (struct poster){.loop = the_loop, .number = i};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, poster_main, &posters[i]), 0);
    }
    loop_run(the_loop);
    assert_int_equal(n_run, THREADS * PER_EACH);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
    loop_free(the_loop);
}

static void post_again(void *ctx)
{
    int *n = ctx;
    if (++*n < 5)
        loop_post(the_loop, post_again, n);
}

static void posts_left_at_the_end_are_run_by_free(void **state)
{
    (void)state;
    the_loop = loop_new();
    int n = 0;
    loop_post(the_loop, post_again, &n);
    loop_free(the_loop);
    assert_int_equal(n, 5);
}

static void *stopper_main(void *arg)
{
    (void)usleep(20000);
    loop_stop(arg);
    return NULL;
}

static void a_silent_loop_is_stopped_by_another_thread(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, stopper_main, l), 0);
    loop_run(l);
    assert_int_equal(pthread_join(t, NULL), 0);
    loop_free(l);
}

static void stop_before_run_is_not_forgotten(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    loop_stop(l);
    loop_run(l);
    loop_free(l);
}

struct ticks {
    struct loop *loop;
    struct loop_timer *timer;
    int n, until;
    int64_t started_ms;
};

static void tick(void *ctx)
{
    struct ticks *t = ctx;
    if (++t->n == t->until)
        loop_stop(t->loop);
}

static void tick_again(void *ctx)
{
    struct ticks *t = ctx;
    tick(t);
    if (t->n < t->until)
        loop_timer_set(t->timer, 10);
}

static void a_timer_every_ms_goes_on_and_one_once_waits_to_be_set(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    struct ticks every = {.loop = l, .until = 3};
    struct ticks once = {.loop = l, .until = -1};
    int64_t start = clock_mono_ms();
    struct loop_timer *a = loop_timer_every(l, 20, tick, &every);
    struct loop_timer *b = loop_timer_once(l, 5, tick, &once);
    loop_run(l);
    assert_true(clock_mono_ms() - start >= 50); /* libevent's clock is coarse: 4 ms */
    assert_int_equal(once.n, 1);
    loop_timer_free(a);
    loop_timer_free(b);
    loop_timer_free(NULL);
    loop_free(l);
}

static void a_timer_may_be_set_again_by_its_own_callback(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    struct ticks t = {.loop = l, .until = 3};
    t.timer = loop_timer_once(l, 10, tick_again, &t);
    loop_run(l);
    assert_int_equal(t.n, 3);
    loop_timer_free(t.timer);
    loop_free(l);
}

static void free_timer(void *ctx)
{
    struct ticks *t = ctx;
    loop_timer_free(t->timer);
    loop_stop(t->loop);
}

static void a_timer_may_be_freed_by_its_own_callback(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    struct ticks t = {.loop = l};
    t.timer = loop_timer_every(l, 1, free_timer, &t);
    loop_run(l);
    loop_free(l);
}

static void work_long_then_set(void *ctx)
{
    struct ticks *t = ctx;
    (void)usleep(30000);
    t->started_ms = clock_mono_ms();
    loop_timer_set(t->timer, 20);
}

static void a_timer_set_late_in_a_long_turn_is_not_early(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    struct ticks t = {.loop = l, .until = 1};
    t.timer = loop_timer_once(l, 5000, tick, &t);
    loop_post(l, work_long_then_set, &t);
    loop_run(l);
    assert_true(clock_mono_ms() - t.started_ms >= 15);
    loop_timer_free(t.timer);
    loop_free(l);
}

struct reader {
    struct loop *loop;
    int fd, n;
};

static void read_one(void *ctx)
{
    struct reader *r = ctx;
    char c;
    assert_int_equal(read(r->fd, &c, 1), 1);
    if (++r->n == 3)
        loop_stop(r->loop);
}

static void a_watched_descriptor_calls_as_long_as_it_is_readable(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct reader r = {.loop = loop_new(), .fd = fds[0]};
    loop_watch(r.loop, fds[0], read_one, &r);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    loop_run(r.loop);
    assert_int_equal(r.n, 3);
    loop_free(r.loop);
    fd_close(fds[0]);
    fd_close(fds[1]);
}

static void unwatch_itself(void *ctx)
{
    struct reader *r = ctx;
    r->n++;
    loop_unwatch(r->loop, r->fd);
}

static void stop_soon(void *ctx)
{
    loop_stop(ctx);
}

static void an_ended_pipe_that_unwatches_itself_calls_once(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct reader r = {.loop = loop_new(), .fd = fds[0]};
    loop_watch(r.loop, fds[0], unwatch_itself, &r);
    fd_close(fds[1]);
    struct loop_timer *end = loop_timer_once(r.loop, 20, stop_soon, r.loop);
    loop_run(r.loop);
    assert_int_equal(r.n, 1);
    loop_timer_free(end);
    loop_free(r.loop);
    fd_close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_of_many_threads_run_in_order_and_none_is_lost),
        cmocka_unit_test(posts_left_at_the_end_are_run_by_free),
        cmocka_unit_test(a_silent_loop_is_stopped_by_another_thread),
        cmocka_unit_test(stop_before_run_is_not_forgotten),
        cmocka_unit_test(a_timer_every_ms_goes_on_and_one_once_waits_to_be_set),
        cmocka_unit_test(a_timer_may_be_set_again_by_its_own_callback),
        cmocka_unit_test(a_timer_may_be_freed_by_its_own_callback),
        cmocka_unit_test(a_timer_set_late_in_a_long_turn_is_not_early),
        cmocka_unit_test(a_watched_descriptor_calls_as_long_as_it_is_readable),
        cmocka_unit_test(an_ended_pipe_that_unwatches_itself_calls_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
