#include "http_lab.h"

/* ---- peers that go ---- */

static void a_peer_may_go_while_another_thread_works_on_its_request(void **state)
{
    (void)state;
    struct raw_client many[20];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        raw_connect(&many[i], &server);
        raw_send(
            &many[i],
            "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /pipelined HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    until(&n_laters, (int)ARRAY_LEN(many), "requests with the threads");
    assert_int_equal(pending(), ARRAY_LEN(many));
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        raw_close(&many[i]);
    later_may_go = 1;
    until(&n_answered, (int)ARRAY_LEN(many), "answers into the void");
    assert_int_equal(pending(), 0);
    raw_ask(&server, "GET /alive HTTP/1.1\r\nHost: x\r\n\r\n", &a);
    assert_int_equal(a.status, 200);
}

static void a_peer_may_go_in_the_middle_of_its_request(void **state)
{
    (void)state;
    static const char request[] = "POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                  "Content-Length: 50\r\n\r\nhello";
    for (size_t n = 0; n < sizeof(request) - 1; n++) {
        raw_connect(&c, &server);
        raw_send_n(&c, request, n);
        raw_close(&c);
    }
    raw_ask(&server, "GET /alive HTTP/1.1\r\nHost: x\r\n\r\n", &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(n_handled, 1);
}

static void requests_with_a_thread_outlive_the_server(void **state)
{
    (void)state;
    raw_connect(&c, &server);
    raw_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(&n_laters, 1, "the request with the thread");
    /* teardown frees the server, then the thread answers */
}

static void nothing(void *ctx)
{
    (void)ctx;
}

/* Until the server has seen what had happened by now: each post is run in a turn of its own, and between two turns it looks
 * at its sockets. */
static void let_it_look(void)
{
    for (int i = 0; i < 5; i++)
        raw_on_loop(&server, nothing, NULL);
}

static void shift_and_wait(int64_t ms, int64_t sleep_ms)
{
    static int64_t shifted; /* all of one test */
    shifted = ms == 0 ? 0 : shifted + ms;
    clock_test_shift(0, shifted);
    (void)usleep((useconds_t)sleep_ms * 1000);
}

static void an_idle_connection_lives_10_s_and_is_closed_in_the_end(void **state)
{
    (void)state;
    shift_and_wait(0, 0);
    raw_connect(&c, &server);
    raw_send(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&c, &a, false);
    shift_and_wait(10000, 1100); /* the sweep comes by twice a second */
    raw_send(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 200);
    let_it_look(); /* it has seen its answer go out */
    shift_and_wait(16000, 0);
    assert_true(raw_at_end(&c));
    raw_close(&c);
}

static void a_request_that_dribbles_is_cut_and_a_working_handler_is_not(void **state)
{
    (void)state;
    shift_and_wait(0, 0);
    struct raw_client working;
    raw_connect(&working, &server);
    raw_send(&working, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(&n_laters, 1, "the request with the thread");
    raw_connect(&c, &server);
    raw_send(&c, "POST /a HTTP/1.1\r\nHost: x\r\n");
    let_it_look();
    shift_and_wait(20000, 1100);
    raw_send(&c, "Content-Length: 100\r\n\r\n"); /* more of it does not lengthen its time */
    let_it_look();
    shift_and_wait(11000, 0);
    assert_true(raw_at_end(&c));
    raw_close(&c);
    later_may_go = 1;
    raw_read(&working, &a, false);
    assert_string_equal(a.body, "late");
    raw_close(&working);
}

/* ---- streams ---- */

static size_t backlog;

static void send_first(void *ctx)
{
    http_stream_send(streams[0], ctx, strlen(ctx));
    backlog = http_stream_backlog(streams[0]);
}

static void end_first(void *ctx)
{
    (void)ctx;
    http_stream_end(streams[0]);
    streams[0] = NULL;
    n_open--;
}

static void open_stream(struct raw_client *client, const char *request)
{
    int before = n_open;
    raw_connect(client, &server);
    raw_send(client, request);
    until(&n_open, before + 1, "the stream");
}

static void a_stream_is_chunks_and_the_connection_goes_on_after_its_end(void **state)
{
    (void)state;
    open_stream(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read_head(&c, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "Transfer-Encoding"), "chunked");
    assert_null(raw_header(&a, "Content-Length"));
    raw_read_chunk(&c, &a);
    assert_string_equal(a.body, "first");
    raw_on_loop(&server, send_first, (void *)"second");
    raw_read_chunk(&c, &a);
    assert_string_equal(a.body, "second");
    assert_int_equal(pending(), 0); /* streams do not count */
    raw_send(&c, "GET /behind HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_on_loop(&server, end_first, NULL);
    raw_read_chunk(&c, &a);
    assert_int_equal(a.len, 0);
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "GET /behind - ");
    static char body[BODY_MAX]; /* more than is read ahead while a stream runs */
    raw_send(&c, "POST /422 HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    raw_send_n(&c, body, sizeof(body));
    raw_read(&c, &a, false);
    assert_int_equal(a.status, 422);
    raw_close(&c);
    assert_int_equal(n_closed, 0); /* `closed` is not for streams that were ended */
}

static void a_stream_to_http_1_0_ends_with_the_connection(void **state)
{
    (void)state;
    open_stream(&c, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    raw_read_head(&c, &a);
    assert_null(raw_header(&a, "Content-Length"));
    assert_null(raw_header(&a, "Transfer-Encoding"));
    assert_string_equal(raw_header(&a, "Connection"), "close");
    raw_on_loop(&server, end_first, NULL);
    while (raw_more(&c))
        continue;
    assert_int_equal(c.len, 5);
    assert_memory_equal(c.buf, "first", 5);
    raw_close(&c);
}

static void two_hundred_streams_open_and_their_closing_is_noticed(void **state)
{
    (void)state;
    static struct raw_client many[N_STREAMS];
    for (int i = 0; i < N_STREAMS; i++)
        open_stream(&many[i], "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(n_open, N_STREAMS);
    for (int i = 0; i < N_STREAMS; i += 2)
        raw_close(&many[i]); /* nothing is written to them: the closing itself is seen */
    until(&n_closed, N_STREAMS / 2, "half of the streams closed");
    for (int i = 1; i < N_STREAMS; i += 2)
        raw_close(&many[i]);
    until(&n_closed, N_STREAMS, "all streams closed");
    assert_int_equal(n_open, 0);
}

static void the_backlog_of_a_slow_reader_grows_and_goes(void **state)
{
    (void)state;
    open_stream(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    static char kilobyte[1025];
    memset(kilobyte, 'k', 1024);
    for (int i = 0; i < 2000 && backlog < 100000; i++)
        raw_on_loop(&server, send_first, kilobyte);
    assert_true(backlog >= 100000);
    size_t before = backlog;
    raw_on_loop(&server, send_first, kilobyte);
    assert_true(backlog >= before + 1024);
    for (int i = 0; i < 1000 && backlog > 50000; i++) {
        assert_true(raw_more(&c));
        c.len = 0;
        raw_on_loop(&server, send_first, (void *)"x");
    }
    assert_true(backlog <= 50000);
    raw_close(&c);
    until(&n_closed, 1, "the stream closed");
}

static void a_stream_s_peer_that_sends_on_and_on_costs_no_memory(void **state)
{
    (void)state;
    open_stream(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
    static char junk[65536];
    size_t sent = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t n = send(c.fd, junk, sizeof(junk), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        (void)usleep(500);
    }
    assert_true(sent < 2000000); /* the rest stays in the socket: its buffer is full, and the server
                                    does not read */
    raw_on_loop(&server, end_first, NULL);
    raw_close(&c);
}

static void streams_that_are_left_hear_of_the_server_s_end(void **state)
{
    (void)state;
    open_stream(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    /* teardown frees the server and counts the open streams */
}

/* ---- accepting ---- */

static void drain(void *ctx)
{
    (void)ctx;
    http_drain(http);
}

static void draining_ends_connections_with_their_answers_and_accepts_no_more(void **state)
{
    (void)state;
    struct raw_client idle;
    raw_connect(&idle, &server);
    raw_send(&idle, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&idle, &a, false);
    raw_connect(&c, &server);
    raw_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(&n_laters, 1, "the request with the thread");
    raw_on_loop(&server, drain, NULL);
    later_may_go = 1;
    raw_read(&c, &a, false);
    assert_string_equal(a.body, "late");
    assert_string_equal(raw_header(&a, "Connection"), "close");
    assert_true(raw_at_end(&c));
    raw_close(&c);
    raw_send(&idle, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n"); /* kept ones get one more answer */
    raw_read(&idle, &a, false);
    assert_string_equal(raw_header(&a, "Connection"), "close");
    raw_close(&idle);
    raw_connect(&c, &server); /* into the backlog, for the other processes */
    struct pollfd p = {.fd = server.fd, .events = POLLIN};
    (void)usleep(20000);
    assert_int_equal(poll(&p, 1, 0), 1);
    raw_close(&c);
}

static atomic_int first_is_in, n_first, n_second;

/* The first loop stands still until the second has answered something: so it must have left
 * connections for it. */
static void handle_first(struct http_request *req, void *ctx)
{
    (void)ctx;
    first_is_in = 1;
    for (int i = 0; i < RAW_TIMEOUT_MS && n_second == 0; i++)
        (void)usleep(1000);
    n_first++;
    http_respond(req, 200, NULL, 0, "", 0);
}

static void handle_second(struct http_request *req, void *ctx)
{
    (void)ctx;
    n_second++;
    http_respond(req, 200, NULL, 0, "", 0);
}

static void one_loop_does_not_take_a_whole_burst_of_connections(void **state)
{
    (void)state;
    raw_on_loop(&server, drain, NULL); /* only its socket is wanted */
    first_is_in = n_first = n_second = 0;
    static struct raw_client many[50];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        raw_connect(&many[i], &server);
        raw_send(&many[i], "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    struct raw_server first = server, second = server;
    first.loop = loop_new();
    second.loop = loop_new();
    struct http_config config = {.body_max_bytes = BODY_MAX, .header_max_bytes = HEAD_MAX};
    struct http *first_http = http_listen(first.loop, server.fd, &config, handle_first, NULL);
    struct http *second_http = http_listen(second.loop, server.fd, &config, handle_second, NULL);
    raw_server_run(&first);
    until(&first_is_in, 1, "the first loop to have taken what it takes");
    raw_server_run(&second);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        raw_read(&many[i], &a, false);
        assert_int_equal(a.status, 200);
        raw_close(&many[i]);
    }
    assert_int_equal(n_first + n_second, ARRAY_LEN(many));
    assert_true(n_second > 0);
    raw_server_stop(&first);
    raw_server_stop(&second);
    http_free(first_http);
    http_free(second_http);
    loop_free(first.loop);
    loop_free(second.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_peer_may_go_while_another_thread_works_on_its_request),
        T(a_peer_may_go_in_the_middle_of_its_request),
        T(requests_with_a_thread_outlive_the_server),
        T(an_idle_connection_lives_10_s_and_is_closed_in_the_end),
        T(a_request_that_dribbles_is_cut_and_a_working_handler_is_not),
        T(a_stream_is_chunks_and_the_connection_goes_on_after_its_end),
        T(a_stream_to_http_1_0_ends_with_the_connection),
        T(two_hundred_streams_open_and_their_closing_is_noticed),
        T(the_backlog_of_a_slow_reader_grows_and_goes),
        T(a_stream_s_peer_that_sends_on_and_on_costs_no_memory),
        T(streams_that_are_left_hear_of_the_server_s_end),
        T(draining_ends_connections_with_their_answers_and_accepts_no_more),
        T(one_loop_does_not_take_a_whole_burst_of_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
