/* test_op_tag.c - tag: the elements that the options name, in real archives, before and after a crash. */
#include "op_lab.h"

static enum err_code check(const char *options, const char *says)
{
    struct err err = {0};
    json_t *j = json_loads(options, JSON_DECODE_ANY, NULL);
    assert_non_null(j);
    int rc = op_find("tag")->check_options(j, &err);
    json_decref(j);
    if (rc < 0 && !strstr(err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
    return rc < 0 ? err.code : ERR_NONE;
}

static void options_are_checked(void **state)
{
    (void)state;
    assert_int_equal(check("{\"tags\": {\"Writer\": \"A\", \"Year\": 2014, \"Notes\": null}}", ""),
                     ERR_NONE);
    assert_int_equal(check("[]", "not an object"), ERR_BAD_FIELD);
    assert_int_equal(check("{}", "tags is required"), ERR_BAD_FIELD);
    assert_int_equal(check("{\"tags\": {}}", "tags is required"), ERR_BAD_FIELD);
    assert_int_equal(check("{\"tags\": [1]}", "tags is required"), ERR_BAD_FIELD);
    assert_int_equal(check("{\"tags\": {\"Year\": 1}, \"x\": 1}", "no option \"x\""),
                     ERR_BAD_FIELD);
    assert_int_equal(check("{\"tags\": {\"Month\": 13}}", "1 to 12"), ERR_RANGE);
    assert_int_equal(check("{\"tags\": {\"month\": 1}}", "did you mean Month"), ERR_BAD_FIELD);
    struct strbuf big LB_CLEANUP(strbuf_clear) = {0};
    strbuf_adds(&big, "{\"tags\": {\"Summary\": \"");
    for (int i = 0; i < 65536; i++)
        strbuf_addc(&big, 'x');
    strbuf_adds(&big, "\", \"Year\": 1}}");
    assert_int_equal(check(big.data, "over 65536 bytes"), ERR_RANGE);
}

static void sets_what_is_named_and_nothing_else(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    write_book(&l, "library/S/x.cbz", "<Title>T</Title><Notes>n</Notes><my a='1'/>");
    assert_int_equal(run_with(&l, "tag", "S/x.cbz",
                              "{\"tags\": {\"Writer\": \"A & B\", \"Year\": 2014, \"Notes\": null,"
                              " \"Number\": \"1.5\", \"Title\": \"T\"}}",
                              NULL, &r, &err),
                     0);
    assert_true(r.changed_file && !r.mark_processed && !r.mark_duplicate);
    assert_null(r.final_path);
    assert_string_equal(r.before.title, "T");
    assert_null(r.before.year);
    assert_string_equal(r.after.title, "T");
    assert_string_equal(r.after.year, "2014");
    assert_string_equal(r.after.issue, "1.5");
    assert_string_equal(tag(&l, "library/S/x.cbz", "Writer"), "A & B");
    assert_string_equal(tag(&l, "library/S/x.cbz", "Notes"), "");
    assert_string_equal(tag(&l, "library/S/x.cbz", "Title"), "T");
    assert_int_equal(l.declared, 1);
    assert_null(l.target);
}

static void same_values_write_nothing(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    write_book(&l, "library/S/x.cbz", "<Title>T</Title>");
    ino_t before = inode(&l, "library/S/x.cbz");
    assert_int_equal(run_with(&l, "tag", "S/x.cbz", "{\"tags\": {\"Title\": \"T\", \"Web\": null}}",
                              NULL, &r, &err),
                     0);
    assert_false(r.changed_file);
    assert_int_equal(l.declared, 0);
    assert_int_equal(inode(&l, "library/S/x.cbz"), before);
}

static void book_without_tags_gets_them(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    write_book(&l, "library/S/x.cbz", NULL);
    assert_int_equal(run_with(&l, "tag", "S/x.cbz", "{\"tags\": {\"GTIN\": 978}}", NULL, &r, &err),
                     0);
    assert_true(r.changed_file);
    assert_string_equal(tag(&l, "library/S/x.cbz", "GTIN"), "978");
}

static void refused_or_cancelled_leaves_the_book(void **state)
{
    (void)state;
    static const char options[] = "{\"tags\": {\"Writer\": \"B\"}}";
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    write_book(&l, "library/S/x.cbz", "<Writer>A</Writer>");
    write_file(&l, "library/S/y.cbz", "Rar!\x1a\x07\x01", 8);
    l.refuse = ERR_CONFLICT;
    assert_int_equal(run_with(&l, "tag", "S/x.cbz", options, NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    l.refuse = ERR_NONE;
    assert_int_equal(run_with(&l, "tag", "S/y.cbz", options, NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    l.cancel = true;
    assert_int_equal(run_with(&l, "tag", "S/x.cbz", options, NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_string_equal(tag(&l, "library/S/x.cbz", "Writer"), "A");
}

static const char crash_options[] = "{\"tags\": {\"Title\": \"New\", \"Writer\": \"B\"}}";

static void killed_run_is_finished_with_the_same_result(void **state)
{
    (void)state;
    static const char *const points[] = {"op_declared", "op_saved"};
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        lab_open(&l);
        write_book(&l, "library/S/x.cbz", "<Title>Old</Title>");
        assert_true(killed_at(&l, "tag", "S/x.cbz", crash_options, points[i], 1));
        json_t *intent = declared_intent(&l);
        lab_recover(&l, "S/x.cbz");
        assert_string_equal(tag(&l, "library/S/x.cbz", "Title"), i ? "New" : "Old");
        assert_int_equal(run_with(&l, "tag", "S/x.cbz", crash_options, intent, &r, &err), 0);
        json_decref(intent);
        assert_true(r.changed_file);
        assert_string_equal(r.before.title, "Old");
        assert_string_equal(r.after.title, "New");
        assert_string_equal(tag(&l, "library/S/x.cbz", "Writer"), "B");
        assert_int_equal(l.declared, i == 0); /* anew, with the record of the new write */
    }
}

static void book_that_was_edited_after_the_crash_is_planned_anew(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    write_book(&l, "library/S/x.cbz", "<Title>Old</Title>");
    assert_true(killed_at(&l, "tag", "S/x.cbz", crash_options, "op_declared", 1));
    json_t *intent = declared_intent(&l);
    write_book(&l, "library/S/x.cbz", "<Title>Somebody's</Title><Notes>mine</Notes>");
    assert_int_equal(run_with(&l, "tag", "S/x.cbz", crash_options, intent, &r, &err), 0);
    json_decref(intent);
    assert_string_equal(r.before.title, "Somebody's");
    assert_string_equal(tag(&l, "library/S/x.cbz", "Notes"), "mine");
    assert_int_equal(l.declared, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(sets_what_is_named_and_nothing_else),
        cmocka_unit_test(same_values_write_nothing),
        cmocka_unit_test(book_without_tags_gets_them),
        cmocka_unit_test(refused_or_cancelled_leaves_the_book),
        cmocka_unit_test(killed_run_is_finished_with_the_same_result),
        cmocka_unit_test(book_that_was_edited_after_the_crash_is_planned_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
