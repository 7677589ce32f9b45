/* A job as a value: which status may follow which, and its JSON, member by member as docs/API.md says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "job.h"

static void status_words_are_the_public_ones(void **state)
{
    (void)state;
    static const char *const words[] = {"queued", "processing", "completed", "failed", "cancelled"};
    assert_int_equal(JOB__COUNT, ARRAY_LEN(words));
    for (int i = 0; i < JOB__COUNT; i++) {
        assert_string_equal(job_status_name((enum job_status)i), words[i]);
        assert_int_equal(job_status_parse(words[i]), i);
        assert_int_equal(job_status_is_final((enum job_status)i), i >= 2);
    }
    assert_int_equal(job_status_parse("Queued"), JOB__COUNT);
    assert_int_equal(job_status_parse(""), JOB__COUNT);
}

static void final_never_moves_and_nothing_goes_back(void **state)
{
    (void)state;
    static const char *const allowed[] = {
        "queued processing",    "queued failed",     "queued cancelled",
        "processing completed", "processing failed", "processing cancelled",
    };
    int n = 0;
    for (int from = 0; from < JOB__COUNT; from++)
        for (int to = 0; to < JOB__COUNT; to++) {
            bool may = job_may_move((enum job_status)from, (enum job_status)to);
            bool listed = false;
            for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
                size_t len = strlen(job_status_name((enum job_status)from));
                listed |= strncmp(allowed[i], job_status_name((enum job_status)from), len) == 0 &&
                          strcmp(allowed[i] + len + 1, job_status_name((enum job_status)to)) == 0;
            }
            assert_int_equal(may, listed);
            n += may;
        }
    assert_int_equal(n, ARRAY_LEN(allowed));
}

/* The example of docs/API.md. */
static struct job example(void)
{
    return (struct job){
        .job_id = "01920000-0000-7000-8000-000000000000",
        .operation = "process",
        .title = "Processing Files...",
        .status = JOB_PROCESSING,
        .total = 25,
        .processed = 11,
        .success = 10,
        .errors = 1,
        .priority = PRIORITY_NORMAL,
        .version = 14,
        .created_at = 1790000000.12,
        .started_at = 1790000000.13,
        .owner = "worker 1",
        .source = "command line",
        .last_event_id = 77,
    };
}

static void json_is(json_t *have, const char *want)
{
    json_error_t why;
    json_t *wanted = json_loads(want, 0, &why);
    if (!wanted)
        fail_msg("%s", why.text);
    if (!json_equal(have, wanted)) {
        char *text = json_dumps(have, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(16));
        char *wanted_text =
            json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(16));
        fail_msg("have %s\nwant %s", text, wanted_text);
    }
    json_decref(have);
    json_decref(wanted);
}

#define TAIL                                                                                       \
    "\"error\":null,\"created_at\":1790000000.12,\"started_at\":1790000000.13,"                    \
    "\"completed_at\":null,\"success_items\":10,\"error_items\":1,\"cancelled_items\":0,"          \
    "\"cancelling\":false,\"version\":14,\"operation\":\"process\",\"title\":\"Processing "        \
    "Files...\","                                                                                  \
    "\"owner\":\"worker "                                                                          \
    "1\",\"source\":\"command line\",\"paused\":false,\"running_items\":null,\"priority\":\"normal\",\"rate\":5.5,\"eta_seconds\":2.5,"               \
    "\"results_total\":11,\"parent\":null,\"parent_kind\":null,\"drive\":\"server\","              \
    "\"follow_up\":[],\"follow_ups\":[],\"max_threads\":null,\"dry_run\":false,\"single\":false}"

static void poll_has_the_members_of_the_contract(void **state)
{
    (void)state;
    struct job j = example();
    json_is(job_to_json(&j, j.started_at + 2),
            "{\"job_id\":\"01920000-0000-7000-8000-000000000000\",\"status\":\"processing\","
            "\"total_items\":25,\"processed_items\":11,\"progress\":0.44," TAIL);
}

static void event_has_the_older_progress_object(void **state)
{
    (void)state;
    struct job j = example();
    json_is(job_to_event_json(&j, j.started_at + 2),
            "{\"job_id\":\"01920000-0000-7000-8000-000000000000\",\"status\":\"processing\","
            "\"total_items\":25,\"processed_items\":11,\"progress\":{\"processed\":11,\"total\":25,"
            "\"success\":10,\"errors\":1,\"percentage\":44.0}," TAIL);
}

static void texts_and_flags_are_told(void **state)
{
    (void)state;
    struct job j = example();
    j.cancelling = j.paused = true;
    j.priority = PRIORITY_HIGH;
    j.cancelled = 3;
    memcpy(j.error, "disk \xff full", sizeof("disk \xff full"));
    json_t *o = job_to_json(&j, j.started_at + 2);
    assert_true(json_is_true(json_object_get(o, "cancelling")));
    assert_true(json_is_true(json_object_get(o, "paused")));
    assert_string_equal(json_string_value(json_object_get(o, "priority")), "high");
    assert_string_equal(json_string_value(json_object_get(o, "error")), "disk \xef\xbf\xbd full");
    assert_int_equal(json_integer_value(json_object_get(o, "cancelled_items")), 3);
    json_decref(o);
    j.status = JOB_CANCELLED; /* what ended is not cancelling any more */
    j.completed_at = j.started_at + 2;
    o = job_to_json(&j, j.started_at + 3);
    assert_true(json_is_false(json_object_get(o, "cancelling")));
    assert_true(json_real_value(json_object_get(o, "completed_at")) > 0);
    json_decref(o);
}

/* rate and eta_seconds of j at `now`; -1 for null. */
static void rate_is(const struct job *j, double now, double rate, double eta)
{
    json_t *o = job_to_json(j, now);
    json_t *r = json_object_get(o, "rate"), *e = json_object_get(o, "eta_seconds");
    assert_non_null(r);
    assert_non_null(e);
    double have_rate = json_is_null(r) ? -1 : json_real_value(r);
    double have_eta = json_is_null(e) ? -1 : json_real_value(e);
    if (have_rate != rate || have_eta != eta)
        fail_msg("rate %g eta %g, wanted %g %g", have_rate, have_eta, rate, eta);
    json_decref(o);
}

static void rate_is_null_while_it_cannot_be_believed(void **state)
{
    (void)state;
    struct job j = example();
    j.processed = j.success = j.errors = 0;
    rate_is(&j, j.started_at + 10, -1, -1); /* nothing processed */
    j = example();
    rate_is(&j, j.started_at, -1, -1);     /* no time has passed */
    rate_is(&j, j.started_at - 5, -1, -1); /* the clock went back */
    j.status = JOB_QUEUED;
    j.started_at = 0;
    rate_is(&j, 1790000010, -1, -1); /* not started */
}

static void rate_counts_the_last_sample_not_the_whole_job(void **state)
{
    (void)state;
    struct job j = example();
    j.rate_at = j.started_at + 100; /* 8 of the 11 were done by then */
    j.rate_items = 8;
    rate_is(&j, j.rate_at + 6, 0.5, 28); /* 3 in 6 s, 14 are left */
    j.rate_items = 11;                   /* nothing since */
    rate_is(&j, j.rate_at + 6, -1, -1);
}

static void cancelled_items_are_not_waited_for(void **state)
{
    (void)state;
    struct job j = example();
    j.cancelled = 3;
    rate_is(&j, j.started_at + 2, 5.5, 2);
}

static void ended_job_has_its_mean_rate_and_no_eta(void **state)
{
    (void)state;
    struct job j = example();
    j.status = JOB_COMPLETED;
    j.processed = j.success = 25;
    j.errors = 0;
    j.rate_at = j.started_at + 1;
    j.rate_items = 24;
    j.completed_at = j.started_at + 10;
    rate_is(&j, j.started_at + 9999, 2.5, -1);
}

static void text_of_any_bytes_is_json(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""},
                 {"caf\xc3\xa9", "caf\xc3\xa9"},
                 {"caf\xe9!", "caf\xef\xbf\xbd!"},
                 {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *v = json_text(cases[i].bytes);
        assert_string_equal(json_string_value(v), cases[i].text);
        json_decref(v);
    }
    assert_true(json_is_null(json_text(NULL)));
    json_t *cut = json_text_n("abcdef", 3);
    assert_string_equal(json_string_value(cut), "abc");
    json_decref(cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_words_are_the_public_ones),
        cmocka_unit_test(final_never_moves_and_nothing_goes_back),
        cmocka_unit_test(poll_has_the_members_of_the_contract),
        cmocka_unit_test(event_has_the_older_progress_object),
        cmocka_unit_test(texts_and_flags_are_told),
        cmocka_unit_test(rate_is_null_while_it_cannot_be_believed),
        cmocka_unit_test(rate_counts_the_last_sample_not_the_whole_job),
        cmocka_unit_test(cancelled_items_are_not_waited_for),
        cmocka_unit_test(ended_job_has_its_mean_rate_and_no_eta),
        cmocka_unit_test(text_of_any_bytes_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
