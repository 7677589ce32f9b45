/* log.h: one event, one line, whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static int pipe_fds[2], saved_stderr;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
    log_setup("worker=1", LOG_LVL_INFO);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    (void)close(pipe_fds[0]);
    return close(pipe_fds[1]);
}

/* What was written since the last call. */
static const char *written(void)
{
    static char text[8192];
    ssize_t n = read(pipe_fds[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void line_has_time_level_process_event_and_values(void **state)
{
    (void)state;
    log_info("job created", "job=%s items=%d", "0192", 25);
    const char *line = written();
    /* 2026-11-22T04:31:07.123Z */
    assert_int_equal(strlen(line) > 25 ? line[10] : 0, 'T');
    assert_int_equal(line[23], 'Z');
    assert_string_equal(line + 24, " info worker=1 event=\"job created\" job=0192 items=25\n");
}

static void only_from_the_level_on(void **state)
{
    (void)state;
    log_debug("x", "y=%d", 1);
    assert_string_equal(written(), "");
    log_warn("x", "y=%d", 1);
    assert_non_null(strstr(written(), " warn "));
    log_setup("worker=1", LOG_LVL_ERROR);
    log_warn("x", "y=%d", 1);
    assert_string_equal(written(), "");
    log_error("x", "y=%d", 1);
    assert_non_null(strstr(written(), " error "));
    assert_int_equal(log_level_parse("debug"), LOG_LVL_DEBUG);
    assert_int_equal(log_level_parse("loud"), -1);
}

static void long_line_is_cut_and_still_one_line(void **state)
{
    (void)state;
    char text[4000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_info("e", "v=%s", text);
    const char *line = written();
    size_t len = strlen(line);
    assert_in_range(len, 1900, 2048);
    assert_int_equal(line[len - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
}

static void no_values_leave_no_space_at_the_end(void **state)
{
    (void)state;
    log_info("ready", "%s", "");
    const char *line = written();
    assert_string_equal(line + strlen(line) - 2, "\"\n");
}

static void quoted_text_cannot_forge_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "\"\""},
        {"Batman 001.cbz", "\"Batman 001.cbz\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"x\n2026 error forged", "\"x\\x0a2026 error forged\""},
        {"\x1b[31m\x7f\t", "\"\\x1b[31m\\x7f\\x09\""},
        {"caf\xc3\xa9 \xe9", "\"caf\xc3\xa9 \\xe9\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buf[64];
        assert_string_equal(log_quote(cases[i].in, buf, sizeof(buf)), cases[i].out);
    }
}

/* Every size: never beyond the buffer, always both quotes, never half a character. */
static void quoted_text_fits_its_buffer(void **state)
{
    (void)state;
    for (size_t size = 8; size < 40; size++) {
        char buf[48];
        memset(buf, '#', sizeof(buf));
        const char *q = log_quote("\xc3\xa9\n\"\xf0\x9f\x98\x80 0123456789 0123456789", buf, size);
        size_t len = strlen(q);
        assert_true(len < size);
        assert_int_equal(buf[size], '#');
        assert_int_equal(q[0], '"');
        assert_int_equal(q[len - 1], '"');
        if (len < 36)
            assert_int_equal(strncmp(q + len - 4, "...", 3), 0);
    }
    assert_int_equal(strlen(LOG_QUOTE("abc")), 5);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(line_has_time_level_process_event_and_values),
        T(only_from_the_level_on),
        T(long_line_is_cut_and_still_one_line),
        T(no_values_leave_no_space_at_the_end),
        T(quoted_text_cannot_forge_a_line),
        T(quoted_text_fits_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
