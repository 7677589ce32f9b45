#include "api_lab.h"

#include <sys/resource.h>

#define LATER "POST /api/later HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void look(void *ctx)
{
    (void)ctx;
    api_look(api);
}

static bool has_looked(void *ctx)
{
    const int *wanted = ctx;
    return n_looks >= *wanted;
}

static bool is_done(void *ctx)
{
    const int *wanted = ctx;
    return n_done == *wanted;
}

static void wait_for(bool (*probe)(void *), int n, const char *what)
{
    raw_until(probe, &n, what);
}

static void a_parked_call_holds_no_thread_and_is_answered_at_a_look(void **state)
{
    (void)state;
    enum { MANY = 20 }; /* there are two threads */
    static struct raw_client many[MANY];
    for (int i = 0; i < MANY; i++) {
        raw_connect(&many[i], &server);
        raw_send(&many[i], LATER);
    }
    wait_for(has_looked, MANY, "all are parked");
    ask("POST", "/api/echo", "", "{}"); /* the threads are free */
    assert_int_equal(a.status, 200);
    assert_int_equal(pending(), MANY);
    parked_state = 1;
    raw_on_loop(&server, look, NULL);
    assert_int_equal(n_done, MANY);
    for (int i = 0; i < MANY; i++) {
        raw_read(&many[i], &a, false);
        assert_int_equal(a.status, 200);
        assert_string_equal(raw_header(&a, "X-Last"), "no");
        raw_close(&many[i]);
    }
    assert_int_equal(pending(), 0);
}

static void without_a_bell_it_is_looked_at_all_the_same(void **state)
{
    (void)state;
    struct raw_client c;
    raw_connect(&c, &server);
    raw_send(&c, LATER);
    wait_for(has_looked, 1, "it is parked");
    parked_state = 1;
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 200);
    raw_send(&c, LATER); /* the connection goes on; now the answer is there at the first look */
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 200);
    raw_close(&c);
    assert_int_equal(n_done, 2);
}

static void its_time_limit_gives_the_last_look(void **state)
{
    (void)state;
    ask("POST", "/api/later?ms=300", "", NULL);
    assert_int_equal(a.status, 202);
    assert_string_equal(raw_header(&a, "X-Last"), "yes");
    ask("POST", "/api/later-on-loop?ms=0", "", NULL);
    assert_int_equal(a.status, 202);
    assert_int_equal(n_done, 2);
}

static void an_error_is_an_answer(void **state)
{
    (void)state;
    parked_state = -1;
    ask("POST", "/api/later", "", NULL);
    assert_int_equal(a.status, 409);
    assert_string_equal(member("code"), "conflict");
    assert_int_equal(n_done, 1);
}

static void a_peer_that_goes_is_forgotten_without_another_look(void **state)
{
    (void)state;
    struct raw_client gone, pipelining;
    raw_connect(&gone, &server);
    raw_send(&gone, LATER);
    raw_connect(&pipelining, &server);
    raw_send(&pipelining, LATER "GET /api/things HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wait_for(has_looked, 2, "both are parked");
    raw_close(&gone);
    wait_for(is_done, 1, "the one whose peer is gone is dropped");
    assert_int_equal(pending(), 1);
    parked_state = 1;
    raw_read(&pipelining, &a, false);
    assert_int_equal(a.status, 200);
    raw_read(&pipelining, &a, false); /* what was sent behind it is answered too */
    assert_non_null(strstr(a.body, "\"limit\""));
    raw_close(&pipelining);
    assert_int_equal(pending(), 0);
    assert_int_equal(n_done, 2);
}

static void so_many_are_parked_at_once_and_one_more_is_refused(void **state)
{
    (void)state;
    static struct raw_client c;
    static int fds[API_WAITS_MAX];
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    for (int i = 0; i < API_WAITS_MAX; i++) {
        raw_connect(&c, &server);
        raw_send(&c, "POST /api/later-on-loop HTTP/1.1\r\nHost: localhost\r\n\r\n");
        fds[i] = c.fd;
    }
    size_t wanted = API_WAITS_MAX;
    raw_until(is_pending, &wanted, "all are parked");
    ask("POST", "/api/later-on-loop", "", NULL);
    assert_int_equal(a.status, 503);
    assert_string_equal(member("code"), "busy");
    for (int i = 0; i < API_WAITS_MAX; i++)
        assert_int_equal(close(fds[i]), 0);
    wait_for(is_done, API_WAITS_MAX + 1, "they are forgotten");
    parked_state = 1;
    ask("POST", "/api/later-on-loop", "", NULL); /* and there is room again */
    assert_int_equal(a.status, 200);
}

static void stop_waiting(void *ctx)
{
    (void)ctx;
    api_stop_waiting(api);
}

static void a_worker_that_stops_answers_them_with_what_there_is(void **state)
{
    (void)state;
    struct raw_client c;
    raw_connect(&c, &server);
    raw_send(&c, LATER);
    wait_for(has_looked, 1, "it is parked");
    raw_on_loop(&server, stop_waiting, NULL);
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 202);
    assert_string_equal(raw_header(&a, "X-Last"), "yes");
    raw_send(&c, LATER); /* from now on nobody waits */
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 202);
    raw_close(&c);
}

static void a_parked_call_outlives_nothing(void **state)
{
    (void)state;
    struct raw_client c;
    raw_connect(&c, &server);
    raw_send(&c, LATER);
    wait_for(has_looked, 1, "it is parked");
    raw_close(&c); /* teardown frees the api, then http, then the loop */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_parked_call_holds_no_thread_and_is_answered_at_a_look),
        T(without_a_bell_it_is_looked_at_all_the_same),
        T(its_time_limit_gives_the_last_look),
        T(an_error_is_an_answer),
        T(a_peer_that_goes_is_forgotten_without_another_look),
        T(so_many_are_parked_at_once_and_one_more_is_refused),
        T(a_worker_that_stops_answers_them_with_what_there_is),
        T(a_parked_call_outlives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
