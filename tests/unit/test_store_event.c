/* Events are rows written with what they tell of, and say what a poll says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

struct seen {
    int n;
    int64_t last_id, last_version, last_processed;
    char last_status[16];
    json_t *last;
};

static void see(void *ctx, const struct event_row *e)
{
    struct seen *s = ctx;
    must(e->id > s->last_id);
    s->last_id = e->id;
    json_t *data = json_loads(e->data, 0, NULL);
    must(data && strcmp(e->type, "job_updated") == 0);
    int64_t version = json_integer_value(json_object_get(data, "version"));
    int64_t processed = json_integer_value(json_object_get(data, "processed_items"));
    must(version > s->last_version && processed >= s->last_processed);
    s->last_version = version;
    s->last_processed = processed;
    (void)snprintf(s->last_status, sizeof(s->last_status), "%s",
                   json_string_value(json_object_get(data, "status")));
    json_decref(s->last);
    s->last = data;
    s->n++;
}

static void every_k_of_n_is_an_event_and_the_last_one_says_completed(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(10, id);
    struct seen s = {0};
    assert_int_equal(store_events(fx.read, 0, 100, see, &s, &err), 1); /* it was made */
    assert_string_equal(s.last_status, "queued");
    for (int k = 1; k <= 10; k++) {
        assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
        assert_int_equal(fx_finish(&it, fx.owner, k == 4 ? ITEM_ERROR : ITEM_OK, NULL), 1);
        int n = store_events(fx.read, s.last_id, 100, see, &s, &err);
        assert_int_equal(n, k == 1 ? 2 : 1); /* the first claim starts the job */
        assert_int_equal(s.last_processed, k);
        json_t *item = json_object_get(s.last, "item");
        char name[32];
        (void)snprintf(name, sizeof(name), "item %d", k);
        assert_string_equal(json_string_value(json_object_get(item, "item")), name);
        assert_int_equal(json_is_true(json_object_get(item, "success")), k != 4);
        json_t *why = json_object_get(item, "error");
        assert_int_equal(json_is_null(why), k != 4);
        item_clear(&it);
    }
    assert_string_equal(s.last_status, "completed");
    assert_int_equal(fx_get(id).last_event_id, s.last_id);
    json_decref(s.last);
}

static void event_says_what_a_poll_says(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(3, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, NULL), 1);
    double at = fx.now;
    item_clear(&it);
    struct seen s = {0};
    assert_int_equal(store_events(fx.read, 0, 100, see, &s, &err), 3);
    struct job job = fx_get(id);
    json_t *poll = job_to_json(&job, at);
    const char *key;
    json_t *value;
    json_object_foreach(poll, key, value)
    {
        if (strcmp(key, "progress") == 0)
            continue;
        json_t *told = json_object_get(s.last, key);
        if (!told || !json_equal(told, value))
            fail_msg("%s differs", key);
    }
    assert_int_equal(json_object_size(s.last), json_object_size(poll) + 1); /* the item */
    json_decref(poll);
    json_decref(s.last);
}

static void merged_progress_is_silent_but_an_end_never_is(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it;
    struct job job;
    fx_start_items(3, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    int64_t last = fx_int(GATE_JOBS, "SELECT max(id) FROM events");
    struct item_finish f = {.outcome = ITEM_OK, .own_event = false};
    for (int k = 1; k <= 3; k++) {
        if (k > 1)
            assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
        fx_begin();
        assert_int_equal(store_item_finish(fx.jobs, &it, fx.owner, &f, fx_now(), &job, &err), 1);
        fx_commit();
        item_clear(&it);
        assert_int_equal(job.processed, k);
    }
    struct seen s = {0};
    assert_int_equal(store_events(fx.read, last, 100, see, &s, &err), 1);
    assert_string_equal(s.last_status, "completed");
    assert_int_equal(s.last_processed, 3);
    json_decref(s.last);
}

static void events_come_in_order_and_in_pages(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *data = json_pack("{s:i}", "version", 1);
    for (int i = 1; i <= 5; i++) {
        fx_begin();
        assert_int_equal(
            store_event_add(fx.jobs, "service", i % 2 ? NULL : "j", data, fx_now(), &err), i);
        fx_commit();
    }
    json_decref(data);
    int64_t oldest, newest;
    fx_ok(store_event_range(fx.read, &oldest, &newest, &err), &err);
    assert_int_equal(oldest, 1);
    assert_int_equal(newest, 5);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM events WHERE job_id IS NULL"), 3);
}

static void undone_event_leaves_no_gap_for_a_reader_to_wait_at(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *data = json_object();
    fx_begin();
    assert_int_equal(store_event_add(fx.jobs, "service", NULL, data, fx_now(), &err), 1);
    fx_rollback();
    fx_begin();
    assert_int_equal(store_event_add(fx.jobs, "service", NULL, data, fx_now(), &err), 1);
    fx_commit();
    json_decref(data);
}

static void jobs_that_changed_since_an_event_are_found(void **state)
{
    (void)state;
    struct err err = {0};
    char a[UUID_SIZE], b[UUID_SIZE], c[UUID_SIZE];
    fx_start_items(1, a);
    fx_start_items(1, b);
    fx_start_items(1, c);
    int64_t since = fx_get(b).last_event_id;
    assert_int_equal(fx_cancel(a, NULL), 1);
    struct job jobs[4];
    assert_int_equal(store_jobs_changed(fx.read, since, jobs, 4, &err), 2);
    assert_string_equal(jobs[0].job_id, c);
    assert_string_equal(jobs[1].job_id, a);
    assert_int_equal(jobs[1].status, JOB_CANCELLED); /* nothing that ended is missed */
    assert_int_equal(store_jobs_changed(fx.read, jobs[1].last_event_id, jobs, 4, &err), 0);
}

static void name_that_is_not_utf8_is_told_with_replacement_characters(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const paths[] = {"A/caf\xe9.cbz"};
    char id[UUID_SIZE];
    struct item it;
    fx_start_paths(paths, 1, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, NULL), 1);
    item_clear(&it);
    struct seen s = {0};
    assert_int_equal(store_events(fx.read, 0, 100, see, &s, &err), 3);
    assert_string_equal(json_string_value(json_object_get(json_object_get(s.last, "item"), "item")),
                        "caf\xef\xbf\xbd.cbz");
    json_decref(s.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(every_k_of_n_is_an_event_and_the_last_one_says_completed),
        FX_TEST(event_says_what_a_poll_says),
        FX_TEST(merged_progress_is_silent_but_an_end_never_is),
        FX_TEST(events_come_in_order_and_in_pages),
        FX_TEST(undone_event_leaves_no_gap_for_a_reader_to_wait_at),
        FX_TEST(jobs_that_changed_since_an_event_are_found),
        FX_TEST(name_that_is_not_utf8_is_told_with_replacement_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
