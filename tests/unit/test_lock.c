/* lock.h: a wrong order ends the process, whatever the build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"

static struct lock low, high;

static int setup(void **state)
{
    (void)state;
    lock_init(&low, RANK_POOL);
    lock_init(&high, RANK_WRITER);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lock_clear(&low);
    lock_clear(&high);
    lock_clear(&high); /* what was never made, or is gone, is fine */
    return 0;
}

/* Does fn abort? In a child. */
static bool aborts(void (*fn)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)alarm(5); /* a lock that is taken twice would wait for ever */
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDERR_FILENO);
        fn();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void take_rising(void)
{
    lock_take(&low);
    lock_take(&high);
    lock_drop(&high);
    lock_drop(&low);
    lock_take(&high);
    lock_drop(&high);
}

static void take_falling(void)
{
    lock_take(&high);
    lock_take(&low);
}

static void take_twice(void)
{
    lock_take(&low);
    lock_take(&low);
}

static void take_equal(void)
{
    struct lock other = {0};
    lock_init(&other, RANK_POOL);
    lock_take(&low);
    lock_take(&other);
}

static void drop_in_wrong_order(void)
{
    lock_take(&low);
    lock_take(&high);
    lock_drop(&low);
}

static void drop_what_is_not_held(void)
{
    lock_drop(&low);
}

static void wait_without_it(void)
{
    pthread_cond_t c;
    cond_init(&c);
    (void)lock_wait(&low, &c, 1);
}

static void wrong_order_aborts(void **state)
{
    (void)state;
    assert_false(aborts(take_rising));
    assert_true(aborts(take_falling));
    assert_true(aborts(take_twice));
    assert_true(aborts(take_equal));
    assert_true(aborts(drop_in_wrong_order));
    assert_true(aborts(drop_what_is_not_held));
    assert_true(aborts(wait_without_it));
}

static void *is_held_elsewhere(void *unused)
{
    (void)unused;
    return lock_held(&low) ? &low : NULL;
}

static void held_is_about_this_thread(void **state)
{
    (void)state;
    assert_false(lock_held(&low));
    LOCK_SCOPE(&low);
    assert_true(lock_held(&low));
    assert_false(lock_held(&high));
    pthread_t t;
    void *answer;
    assert_int_equal(pthread_create(&t, NULL, is_held_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(t, &answer), 0);
    assert_null(answer);
}

static int leave_early(bool early)
{
    LOCK_SCOPE(&low);
    if (early)
        return 1;
    return 2;
}

static void scope_drops_on_any_way_out(void **state)
{
    (void)state;
    assert_int_equal(leave_early(true), 1);
    assert_false(lock_held(&low));
    assert_int_equal(leave_early(false), 2);
    assert_false(lock_held(&low));
}

static long counter;

static void *count(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        LOCK_SCOPE(&low);
        counter++;
    }
    return NULL;
}

static void threads_are_kept_apart(void **state)
{
    (void)state;
    pthread_t t[4];
    counter = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, count, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(counter, 4 * 20000);
}

struct waiting {
    pthread_cond_t cond;
    bool ready;
};

static void *wake(void *arg)
{
    struct waiting *w = arg;
    LOCK_SCOPE(&low);
    w->ready = true;
    pthread_cond_signal(&w->cond);
    return NULL;
}

static void wait_ends_by_signal_or_by_time(void **state)
{
    (void)state;
    struct waiting w = {0};
    cond_init(&w.cond);
    pthread_t t;
    {
        LOCK_SCOPE(&low);
        int64_t begun = clock_mono_ms();
        assert_false(lock_wait(&low, &w.cond, 30));
        assert_in_range(clock_mono_ms() - begun, 29, 5000);
        assert_true(lock_held(&low));
        assert_int_equal(pthread_create(&t, NULL, wake, &w), 0);
        while (!w.ready)
            (void)lock_wait(&low, &w.cond, 1500); /* over a second: the carry of the nanoseconds */
    }
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(pthread_cond_destroy(&w.cond), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(wrong_order_aborts),     T(held_is_about_this_thread),      T(scope_drops_on_any_way_out),
        T(threads_are_kept_apart), T(wait_ends_by_signal_or_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
