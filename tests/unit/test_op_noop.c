/* test_op_noop.c - the operation that does nothing, and the table of operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "op.h"

struct fake {
    int asked;
    int cancel_at; /* the look at which it is cancelled, 0 = never */
};

static bool cancelled(void *ctx)
{
    struct fake *f = ctx;
    f->asked++;
    return f->cancel_at != 0 && f->asked >= f->cancel_at;
}

static int run(struct fake *f, int64_t seq, const char *options, struct err *err)
{
    struct op_env env = {.library_fd = -1, .ctx = f, .cancelled = cancelled};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    json_t *o = json_loads(options, 0, NULL);
    assert_non_null(o);
    struct op_item item = {
        .job_id = "job", .seq = seq, .path = "anything", .attempt = 1, .options = o};
    int rc = op_find("noop")->run(&env, &item, &r, err);
    json_decref(o);
    assert_false(r.changed_file || r.mark_processed || r.mark_duplicate || r.final_path);
    return rc;
}

static enum err_code check(const char *options)
{
    struct err err = {0};
    json_t *o = json_loads(options, 0, NULL);
    int rc = op_find("noop")->check_options(o, &err);
    json_decref(o);
    assert_int_equal(rc, err.code == ERR_NONE ? 0 : -1);
    return err.code;
}

static void does_nothing_at_once(void **state)
{
    (void)state;
    struct fake f = {0};
    struct err err = {0};
    assert_int_equal(run(&f, 1, "{}", &err), 0);
    assert_int_equal(f.asked, 1);
}

static void every_nth_item_fails_as_asked(void **state)
{
    (void)state;
    for (int64_t seq = 1; seq <= 9; seq++) {
        struct fake f = {0};
        struct err err = {0};
        assert_int_equal(run(&f, seq, "{\"fail_every\": 3}", &err), seq % 3 == 0 ? -1 : 0);
        assert_string_equal(err.msg, seq % 3 == 0 ? "item failed as asked" : "");
    }
}

static void sleeps_in_small_steps_and_stops_when_cancelled(void **state)
{
    (void)state;
    struct fake whole = {0}, cut = {.cancel_at = 3};
    struct err err = {0};
    int64_t start = clock_mono_ms();
    assert_int_equal(run(&whole, 1, "{\"ms\": 300}", &err), 0);
    assert_true(clock_mono_ms() - start >= 300);
    assert_true(whole.asked >= 2 && whole.asked <= 32); /* every 10 ms, later on a busy machine */
    start = clock_mono_ms();
    assert_int_equal(run(&cut, 1, "{\"ms\": 600000}", &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(cut.asked, 3);
    assert_true(clock_mono_ms() - start < 60000);
}

static void options_are_checked(void **state)
{
    (void)state;
    assert_int_equal(check("{}"), ERR_NONE);
    assert_int_equal(check("{\"ms\": 0, \"fail_every\": 1}"), ERR_NONE);
    assert_int_equal(check("{\"ms\": 600000}"), ERR_NONE);
    assert_int_equal(check("{\"ms\": 600001}"), ERR_RANGE);
    assert_int_equal(check("{\"ms\": -1}"), ERR_RANGE);
    assert_int_equal(check("{\"fail_every\": 0}"), ERR_RANGE);
    assert_int_equal(check("{\"ms\": \"1\"}"), ERR_BAD_FIELD);
    assert_int_equal(check("{\"ms\": 1.5}"), ERR_BAD_FIELD);
    assert_int_equal(check("{\"fail_every\": null}"), ERR_BAD_FIELD);
    assert_int_equal(check("{\"nap\": 1}"), ERR_BAD_FIELD);
    assert_int_equal(check("[]"), ERR_BAD_FIELD);
}

static void table_is_complete(void **state)
{
    (void)state;
    static const char *const names[] = {"process", "rename", "normalize", "tag", "undo",
                                        "convert", "repair", "verify",    "noop"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct op *op = op_at(i);
        assert_non_null(op);
        assert_ptr_equal(op, op_find(names[i]));
        assert_true(op->verb[0] && op->label[0] && op->text[0]);
        bool noop = strcmp(names[i], "noop") == 0, reads = strcmp(names[i], "verify") == 0;
        assert_int_equal(op->accepts, noop ? ACCEPTS_STRINGS : ACCEPTS_BOOKS);
        assert_int_equal(op->changes_files, !noop && !reads);
        json_t *schema = json_loads(op->option_schema, JSON_REJECT_DUPLICATES, NULL);
        assert_true(json_is_object(json_object_get(schema, "properties")));
        assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
        json_decref(schema);
    }
    assert_null(op_at(ARRAY_LEN(names)));
    assert_null(op_find("Process"));
    assert_null(op_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_nothing_at_once),
        cmocka_unit_test(every_nth_item_fails_as_asked),
        cmocka_unit_test(sleeps_in_small_steps_and_stops_when_cancelled),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
