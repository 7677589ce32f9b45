#include "api_lab.h"

/* ---- answers ---- */

static void errors_become_json_with_code_and_field(void **state)
{
    (void)state;
    ask("GET", "/api/things/5", "", NULL);
    assert_int_equal(a.status, 404);
    assert_string_equal(a.body, "{\"error\":\"thing 5 is not known\",\"code\":\"not_found\"}");
    ask("GET", "/api/fail/io", "", NULL);
    assert_int_equal(a.status, 500);
    assert_string_equal(member("code"), "io");
    assert_null(raw_header(&a, "Retry-After"));
    assert_null(raw_header(&a, "X-Half")); /* of the answer that was not given */
    ask("GET", "/api/fail/busy", "", NULL);
    assert_int_equal(a.status, 503);
    assert_string_equal(raw_header(&a, "Retry-After"), "1");
    ask("GET", "/api/fail/space", "", NULL);
    assert_int_equal(a.status, 507);
    assert_string_equal(raw_header(&a, "Retry-After"), "1");
    ask("GET", "/api/fail/utf8", "", NULL);
    assert_string_equal(member("error"), "file \xef\xbf\xbd\xef\xbf\xbd");
    ask("GET", "/api/fail/json", "", NULL);
    assert_int_equal(a.status, 500);
    ask("GET", "/api/fail/silent", "", NULL);
    assert_int_equal(a.status, 500);
    assert_string_equal(member("code"), "internal");
}

static void a_handler_may_choose_type_and_headers(void **state)
{
    (void)state;
    ask("GET", "/api/text", "", NULL);
    assert_string_equal(a.body, "plain\n");
    assert_string_equal(raw_header(&a, "Content-Type"), "text/plain");
    assert_string_equal(raw_header(&a, "Cache-Control"), "no-cache");
    assert_string_equal(raw_header(&a, "ETag"), "\"a?b\"");
    ask("GET", "/api/not-modified", "", NULL);
    assert_int_equal(a.status, 304);
    assert_null(raw_header(&a, "Content-Type"));
    assert_string_equal(raw_header(&a, "Cache-Control"), "no-store");
}

static void the_request_id_is_the_client_s_when_it_is_harmless(void **state)
{
    (void)state;
    ask("GET", "/api/things", "X-Request-Id: aZ09_.-\r\n", NULL);
    assert_string_equal(raw_header(&a, "X-Request-Id"), "aZ09_.-");
    static const char *const bad[] = {"", "X-Request-Id: \r\n", "X-Request-Id: a b\r\n",
                                      "X-Request-Id: a\"b\r\n",
                                      "X-Request-Id: 1234567890123456789012345678901234567\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ask("GET", "/api/things", bad[i], NULL);
        assert_true(uuid_valid(raw_header(&a, "X-Request-Id")));
    }
}

static void a_draining_worker_says_close(void **state)
{
    (void)state;
    ask("GET", "/api/things", "", NULL);
    assert_null(raw_header(&a, "Connection"));
    worker.draining = true;
    ask("GET", "/api/things", "", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "Connection"), "close");
}

static void reading_needs_no_origin(void **state)
{
    (void)state;
    static const char foreign[] = "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    ask("GET", "/api/things", foreign, NULL);
    assert_int_equal(a.status, 200);
    ask("HEAD", "/api/things", foreign, NULL);
    assert_int_equal(a.status, 200);
    ask("DELETE", "/api/things/5", foreign, NULL);
    assert_int_equal(a.status, 403);
}

/* ---- threads ---- */

static void a_full_queue_says_busy_and_the_loop_goes_on(void **state)
{
    (void)state;
    enum { RUNNING = 2, WAITING = 256 };
    static struct raw_client many[RUNNING + WAITING];
    for (int i = 0; i < RUNNING + WAITING; i++) {
        raw_connect(&many[i], &server);
        raw_send(&many[i], "GET /api/wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
        if (i < RUNNING) { /* both threads are in it before the queue fills */
            int wanted = i + 1;
            raw_until(has_reached, &wanted, "a thread runs the handler");
        }
    }
    size_t wanted = RUNNING + WAITING;
    raw_until(is_pending, &wanted, "all calls have arrived");
    ask("GET", "/api/wait", "", NULL);
    assert_int_equal(a.status, 503);
    assert_string_equal(member("code"), "busy");
    assert_string_equal(raw_header(&a, "Retry-After"), "1");
    ask("GET", "/api/things", "", NULL);
    assert_int_equal(a.status, 200);
    may_go = 1;
    for (int i = 0; i < RUNNING + WAITING; i++) {
        raw_read(&many[i], &a, false);
        assert_int_equal(a.status, 200);
        raw_close(&many[i]);
    }
    assert_int_equal(pending(), 0);
    assert_int_equal(n_readers_opened, 2); /* one for each thread, not for each call */
}

static void free_api(void *ctx)
{
    (void)ctx;
    may_go = 1; /* the handlers that run may end */
    api_free(api);
    api = NULL;
}

static void stopping_answers_those_that_run_and_those_that_wait(void **state)
{
    (void)state;
    static struct raw_client many[12];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        raw_connect(&many[i], &server);
        raw_send(&many[i], "GET /api/wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    int wanted_running = 2;
    raw_until(has_reached, &wanted_running, "the threads run handlers");
    size_t wanted = ARRAY_LEN(many);
    raw_until(is_pending, &wanted, "all calls have arrived");
    raw_on_loop(&server, free_api, NULL);
    int ok = 0, stopping = 0;
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        raw_read(&many[i], &a, false);
        ok += a.status == 200;
        stopping += a.status == 503 && strcmp(member("code"), "stopping") == 0;
        raw_close(&many[i]);
    }
    assert_true(ok >= 2);
    assert_int_equal(ok + stopping, ARRAY_LEN(many));
}

static void answers_that_wait_in_the_loop_outlive_the_api(void **state)
{
    (void)state;
    struct raw_client c;
    raw_connect(&c, &server);
    raw_send(&c, "GET /api/wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    int wanted = 1;
    raw_until(has_reached, &wanted, "the thread runs the handler");
    raw_close(&c);
    /* teardown: the loop has ended when the handler does, the answer is posted, api and http are
     * freed, then the loop */
}

static void a_store_that_cannot_be_opened_is_an_answer_and_is_tried_again(void **state)
{
    (void)state;
    reader_fails = true;
    for (int i = 0; i < 3; i++) {
        ask("POST", "/api/echo", "", "{}");
        assert_int_equal(a.status, 500);
        assert_string_equal(member("code"), "store");
    }
    reader_fails = false;
    ask("POST", "/api/echo", "", "{}");
    assert_int_equal(a.status, 200);
}

/* ---- streams ---- */

static void the_stream_is_handed_over_after_the_checks(void **state)
{
    (void)state;
    ask("GET", "/comics/api/events/stream?job=j1&last_event_id=41", "", NULL);
    assert_string_equal(a.body, "41 j1 []");
    ask("GET", "/api/events/stream?last_event_id=41",
        "Last-Event-ID: 42\r\nX-Forwarded-For: 6.6.6.6, 10.0.0.1 ,  ::1 \r\n", NULL);
    assert_string_equal(a.body,
                        "42 - [::1]"); /* the header wins; the last address is the front end's */
    ask("GET", "/api/events/stream", "X-Forwarded-For: 10.0.0.1\r\n", NULL);
    assert_string_equal(a.body, "- - [10.0.0.1]");
    ask("POST", "/api/events/stream", "", NULL);
    assert_int_equal(a.status, 405);
    assert_string_equal(raw_header(&a, "Allow"), "GET");
    raw_ask(&server, "GET /api/events/stream HTTP/1.1\r\nHost: evil.example\r\n\r\n", &a);
    assert_int_equal(a.status, 421);
    assert_int_equal(pending(), 0);
}

static void an_old_stream_is_opened_after_its_handler_with_the_headers_of_every_answer(void **state)
{
    (void)state;
    ask("POST", "/api/old-stream", "X-Request-Id: r1\r\n", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "some-job");
    assert_string_equal(raw_header(&a, "X-Longbox-Job"), "some-job");
    assert_string_equal(raw_header(&a, "X-Longbox-Worker"), "7");
    assert_string_equal(raw_header(&a, "X-Request-Id"), "r1");
    assert_string_equal(raw_header(&a, "Content-Type"), "text/event-stream");
    assert_string_equal(raw_header(&a, "Cache-Control"), "no-cache");
    assert_int_equal(pending(), 0);
    ask("POST", "/api/old-stream?fail=1", "", NULL);
    assert_int_equal(a.status, 503);
    assert_string_equal(member("code"), "busy");
    assert_null(raw_header(&a, "X-Longbox-Job"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(errors_become_json_with_code_and_field),
        T(a_handler_may_choose_type_and_headers),
        T(the_request_id_is_the_client_s_when_it_is_harmless),
        T(a_draining_worker_says_close),
        T(reading_needs_no_origin),
        T(a_full_queue_says_busy_and_the_loop_goes_on),
        T(stopping_answers_those_that_run_and_those_that_wait),
        T(answers_that_wait_in_the_loop_outlive_the_api),
        T(a_store_that_cannot_be_opened_is_an_answer_and_is_tried_again),
        T(the_stream_is_handed_over_after_the_checks),
        T(an_old_stream_is_opened_after_its_handler_with_the_headers_of_every_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
