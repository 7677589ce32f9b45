#include "http_lab.h"

/* ---- requests and answers ---- */

static void a_connection_is_kept_and_answers_come_with_a_length(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    for (int i = 0; i < 3; i++) {
        raw_send(&c, "GET /a?b=%20c HTTP/1.1\r\nHost: x\r\nX-Test: t\r\n\r\n");
        raw_read(&c, &a, false);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "GET /a?b=%20c t ");
        assert_string_equal(raw_header(&a, "Content-Length"), "16");
        assert_string_equal(raw_header(&a, "X-Reply"), "yes");
        assert_null(raw_header(&a, "X-Bad")); /* a header with a line end is left out */
        assert_null(raw_header(&a, "Set-Cookie"));
        assert_null(raw_header(&a, "Connection"));
    }
    raw_close(&c);
    assert_int_equal(pending(), 0);
}

static void every_method_reaches_the_handler(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET",   "POST",    "PUT",  "DELETE",
                                          "PATCH", "OPTIONS", "TRACE"};
    raw_connect(&c, &server);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        char request[100], expected[100];
        (void)snprintf(request, sizeof(request), "%s /m HTTP/1.1\r\nHost: x\r\n\r\n", methods[i]);
        (void)snprintf(expected, sizeof(expected), "%s /m - ", methods[i]);
        raw_send(&c, request);
        raw_read(&c, &a, false);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, expected);
    }
    raw_send(&c, "BREW /m HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "UNKNOWN /m - ");
    raw_close(&c);
}

static void head_sends_the_length_and_no_body(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    raw_send(&c, "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\nGET /g HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&c, &a, true);
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "Content-Length"), "10");
    raw_read(&c, &a, false); /* the next answer begins right behind the head */
    assert_string_equal(a.body, "GET /g - ");
    raw_close(&c);
}

static void status_204_has_neither_body_nor_length(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    raw_send(&c, "GET /204 HTTP/1.1\r\nHost: x\r\n\r\nGET /422 HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 204);
    assert_null(raw_header(&a, "Content-Length"));
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 422);
    assert_non_null(strstr(a.head, "422 Unprocessable Content"));
    raw_close(&c);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    later_may_go = 1;
    raw_connect(&c, &server);
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    for (int i = 0; i < 50; i++)
        strbuf_addf(&b,
                    "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                    "GET /later HTTP/1.1\r\nHost: x\r\n\r\n",
                    i);
    raw_send(&c, b.data);
    for (int i = 0; i < 50; i++) {
        char expected[40];
        (void)snprintf(expected, sizeof(expected), "POST /%d - abc", i);
        raw_read(&c, &a, false);
        assert_string_equal(a.body, expected);
        raw_read(&c, &a, false);
        assert_string_equal(a.body, "late");
    }
    raw_close(&c);
}

static void a_body_comes_whole_in_one_piece_or_byte_by_byte(void **state)
{
    (void)state;
    static const char request[] = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    raw_connect(&c, &server);
    raw_send(&c, request);
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "POST /b - hello");
    for (const char *p = request; *p; p++) {
        raw_send_n(&c, p, 1);
        if (p - request < 60)
            (void)usleep(200);
    }
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "POST /b - hello");
    raw_close(&c);
}

static void a_chunked_body_is_put_together(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    raw_send(&c, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n5\r\n defg\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "POST /c - abc defg");
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "GET /next - ");
    raw_close(&c);
}

static void expect_100_continue_is_answered_before_the_body(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    raw_send(&c,
             "POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    raw_read_head(&c, &a);
    assert_int_equal(a.status, 100);
    raw_send(&c, "ok");
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "POST /e - ok");
    raw_close(&c);
}

static void http_1_0_is_closed_unless_it_asks_to_stay(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    raw_send(&c, "GET /0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    raw_read(&c, &a, false);
    assert_string_equal(raw_header(&a, "Connection"), "keep-alive");
    raw_send(&c, "GET /1 HTTP/1.0\r\n\r\n");
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "GET /1 - ");
    assert_true(raw_at_end(&c));
    raw_close(&c);
}

static void a_target_in_absolute_form_keeps_the_connection(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    for (int i = 0; i < 2; i++) {
        raw_send(&c, "GET http://x/y HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_read(&c, &a, false);
        assert_string_equal(a.body, "GET http://x/y - ");
    }
    raw_close(&c);
}

/* ---- broken requests ---- */

static void refused(const char *request, int status, const char *body)
{
    raw_connect(&c, &server);
    raw_send(&c, request);
    raw_read(&c, &a, false);
    if (a.status != status)
        fail_msg("%d instead of %d for: %s", a.status, status, request);
    assert_string_equal(a.body, body);
    assert_string_equal(raw_header(&a, "Content-Type"), "application/json");
    assert_string_equal(raw_header(&a, "Connection"), "close");
    assert_true(raw_at_end(&c)); /* what is behind is never taken for a request */
    raw_close(&c);
}

static void a_body_over_the_limit_is_refused_by_the_handler(void **state)
{
    (void)state;
    static char big[BODY_MAX + 200];
    int n = snprintf(big, sizeof(big),
                     "POST /422 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BODY_MAX);
    memset(big + n, 'x', BODY_MAX);
    big[n + BODY_MAX] = '\0';
    raw_connect(&c, &server);
    raw_send(&c, big); /* exactly as much as allowed */
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 422);
    /* The second request of a connection is refused in the same way as the first. */
    raw_send(&c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n");
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 413);
    assert_string_equal(a.body, "too_large");
    raw_close(&c);
    refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", 413, "too_large");
    refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n",
            413, "too_large");
    refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n186a0\r\n",
            413, "too_large");
    refused(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
        "186a1\r\n",
        413, "too_large");
    assert_int_equal(pending(), 0);
}

static void broken_heads_are_refused_by_the_handler(void **state)
{
    (void)state;
    char long_head[HEAD_MAX + 200];
    int n = snprintf(long_head, sizeof(long_head), "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    memset(long_head + n, 'x', HEAD_MAX);
    memcpy(long_head + n + HEAD_MAX, "\r\n\r\n", 5);
    refused(long_head, 400, "bad_request");
    static const char *const heads[] = {
        "nonsense\r\n\r\n",
        "\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/9.1\r\nHost: x\r\n\r\n",
        "GET / FTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n folded first\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nName with space: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        refused(heads[i], 400, "bad_request");
    assert_int_equal(pending(), 0);
}

static void two_readings_of_where_the_body_ends_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nGET /inside HTTP/1.1\r\nHost: "
        "x\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nGET /inside HTTP/1.1\r\nHost: "
        "x\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        refused(heads[i], 400, "bad_request");
    assert_int_equal(n_handled,
                     (int)ARRAY_LEN(heads)); /* nothing inside a body was taken for a request */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_connection_is_kept_and_answers_come_with_a_length),
        T(every_method_reaches_the_handler),
        T(head_sends_the_length_and_no_body),
        T(status_204_has_neither_body_nor_length),
        T(pipelined_requests_are_answered_in_order),
        T(a_body_comes_whole_in_one_piece_or_byte_by_byte),
        T(a_chunked_body_is_put_together),
        T(expect_100_continue_is_answered_before_the_body),
        T(http_1_0_is_closed_unless_it_asks_to_stay),
        T(a_target_in_absolute_form_keeps_the_connection),
        T(a_body_over_the_limit_is_refused_by_the_handler),
        T(broken_heads_are_refused_by_the_handler),
        T(two_readings_of_where_the_body_ends_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
