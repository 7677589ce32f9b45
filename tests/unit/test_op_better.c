/*
 * test_op_better.c - process, normalize and rename with options: the parser "better", its limit, and names of a job's
 * own template.
 */
#include "op_lab.h"

#include "op_plan.h"

static int run_checked(struct lab *l, const char *op, const char *path, const char *options,
                       const json_t *intent, struct op_result *ret, struct err *err)
{
    json_t *o = json_loads(options, 0, NULL);
    assert_non_null(o);
    assert_int_equal(op_find(op)->check_options(o, err), 0);
    struct op_item item = {.job_id = "job",
                           .seq = 1,
                           .path = path,
                           .attempt = intent ? 2 : 1,
                           .intent = intent,
                           .options = o};
    int rc = op_find(op)->run(&l->env, &item, ret, err);
    json_decref(o);
    return rc;
}

static void ok_with(struct lab *l, const char *op, const char *path, const char *options,
                    struct op_result *ret)
{
    struct err err = {0};
    if (run_checked(l, op, path, options, NULL, ret, &err) < 0)
        fail_msg("%s %s: %s", op, path, err.msg);
}

static const char *parsed(const struct op_result *r, const char *member)
{
    return json_string_value(json_object_get(json_object_get(r->details, "parsed"), member));
}

#define BETTER "{\"parser\": \"better\"}"

static void better_fills_what_is_missing(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/New/Night Ferry v02 012 - The Tide (2019) (digital).cbz",
               "<Writer>W</Writer>");
    ok_with(&l, "process", "New/Night Ferry v02 012 - The Tide (2019) (digital).cbz", BETTER, &r);
    assert_string_equal(r.final_path, "New/Night Ferry - Chapter 0012.cbz");
    assert_string_equal(r.after.series, "Night Ferry");
    assert_string_equal(r.after.issue, "12");
    assert_string_equal(r.after.title, "The Tide");
    assert_string_equal(r.after.volume, "2");
    assert_string_equal(r.after.year, "2019");
    assert_string_equal(parsed(&r, "title"), "The Tide");
    assert_string_equal(tag(&l, "library/New/Night Ferry - Chapter 0012.cbz", "Volume"), "2");
    assert_string_equal(tag(&l, "library/New/Night Ferry - Chapter 0012.cbz", "Writer"), "W");
}

static void better_leaves_tags_that_are_there(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/Night Ferry 012 (2019).cbz",
               "<Title>Mine</Title><Series>My Series</Series><Number>7</Number><Year>1999</Year>");
    ok_with(&l, "process", "S/Night Ferry 012 (2019).cbz", BETTER, &r);
    assert_string_equal(r.final_path, "S/My Series - Chapter 0007.cbz");
    assert_true(op_tags_equal(&r.before, &r.after));
}

static void the_folder_names_the_series_that_the_file_does_not(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/Glass_ Harbor (2011)/Ch. 3 - Ice.cbz", NULL);
    ok_with(&l, "normalize", "Glass_ Harbor (2011)/Ch. 3 - Ice.cbz", BETTER, &r);
    assert_string_equal(r.after.series, "Glass: Harbor");
    assert_string_equal(r.after.title, "Ice");
    assert_null(r.after.year); /* the folder's year is that of the series */
}

static void what_is_a_guess_fails_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const ops[] = {"process", "normalize", "rename"};
    const char *path = "S/Night Ferry 13 Ice Age.cbz";
    struct lab l LB_CLEANUP(lab_close) = {0};
    lab_open(&l);
    write_book(&l, "library/S/Night Ferry 13 Ice Age.cbz", NULL);
    ino_t before = inode(&l, "library/S/Night Ferry 13 Ice Age.cbz");
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        assert_int_equal(run_checked(&l, ops[i], path, BETTER, NULL, &r, &err), -1);
        assert_int_equal(err.code, ERR_RANGE);
        if (!strstr(err.msg, "only 40 % sure (60 % needed)"))
            fail_msg("%s", err.msg);
        assert_non_null(strstr(err.msg, "number 13 of series \"Night Ferry\""));
        assert_non_null(strstr(err.msg, "min_confidence"));
        assert_string_equal(parsed(&r, "issue"), "13");
        assert_string_equal(parsed(&r, "title"), "Ice Age");
    }
    assert_int_equal(l.declared, 0);
    assert_int_equal(inode(&l, "library/S/Night Ferry 13 Ice Age.cbz"), before);
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    ok_with(&l, "process", path, "{\"parser\": \"better\", \"min_confidence\": 0.4}", &r);
    assert_string_equal(r.final_path, "S/Night Ferry - Chapter 0013.cbz");
}

static void a_tag_that_agrees_makes_it_sure(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/Night Ferry 13 Ice Age.cbz", "<Number>013</Number>");
    ok_with(&l, "normalize", "S/Night Ferry 13 Ice Age.cbz", BETTER, &r);
    assert_string_equal(r.after.series, "Night Ferry");
    assert_string_equal(r.after.issue, "013");
}

static void a_guess_that_nothing_is_made_of_is_no_error(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/Night Ferry 13 Ice Age.cbz",
               "<Title>T</Title><Series>S</Series><Number>5</Number>");
    ok_with(&l, "rename", "S/Night Ferry 13 Ice Age.cbz", BETTER, &r);
    assert_string_equal(r.final_path, "S/S - Chapter 0005.cbz");
}

static void without_a_number_the_rest_is_filled(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/Night Ferry (2019).cbz", NULL);
    ok_with(&l, "process", "S/Night Ferry (2019).cbz", BETTER, &r);
    assert_null(r.final_path);
    assert_string_equal(r.message, "no number found: not renamed");
    assert_string_equal(r.after.series, "Night Ferry");
    assert_string_equal(r.after.year, "2019");
    assert_null(r.after.issue);
}

static void a_job_has_its_own_template(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, d LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S: x/y 3.cbz", "<Writer>Ann</Writer><Number>3</Number>");
    ok_with(&l, "rename", "S: x/y 3.cbz",
            "{\"format\": \"{series}< v{volume}> #{issue}< by {Writer}>\", \"padding\": 2, "
            "\"name_policy\": \"posix\"}",
            &r);
    assert_string_equal(r.final_path, "S: x/S: x #03 by Ann.cbz");
    ok_with(&l, "rename", r.final_path, "{\"format\": \"{series} {issue}.cbz\", \"padding\": 0}",
            &d);
    assert_string_equal(d.final_path, "S: x/S_ x 3.cbz");
}

static void a_second_run_gives_the_same_result(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result first LB_CLEANUP(op_result_clear) = {0},
                           again LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    const char *path = "S/Night Ferry 012 - Ice (2019).cbz";
    lab_open(&l);
    write_book(&l, "library/S/Night Ferry 012 - Ice (2019).cbz", NULL);
    ok_with(&l, "process", path, BETTER, &first);
    json_t *intent = json_deep_copy(l.intent);
    assert_int_equal(run_checked(&l, "process", path, BETTER, intent, &again, &err), 0);
    char *a LB_CLEANUP(mem_free) = result_text(&first),
            *b LB_CLEANUP(mem_free) = result_text(&again);
    assert_string_equal(a, b);
    json_decref(intent);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *op, *options, *says;
    } cases[] = {
        {"process", "{\"parser\": \"best\"}", "\"compatible\" or \"better\""},
        {"process", "{\"parser\": 1}", "parser"},
        {"rename", "{\"min_confidence\": 1.5}", "0 to 1"},
        {"rename", "{\"min_confidence\": \"1\"}", "a number"},
        {"rename", "{\"format\": \"{series}\"}", "no {issue}"},
        {"rename", "{\"format\": \"{series} {isue} {issue}\"}", "{isue}"},
        {"rename", "{\"format\": \"{issue} <\"}", "without a >"},
        {"rename", "{\"format\": \"{issue}/a\"}", "slash"},
        {"rename", "{\"format\": \"{issue}\\u0000/a\"}", "text"},
        {"rename", "{\"padding\": 65}", "0 to 64"},
        {"rename", "{\"padding\": \"3\"}", "whole number"},
        {"rename", "{\"name_policy\": \"windows\"}", "\"strict\" or \"posix\""},
        {"normalize", "{\"format\": \"{issue}\"}", "normalize leaves names"},
        {"normalize", "{\"force\": true}", "force"},
        {"process", "[]", "not an object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        json_t *o = json_loads(cases[i].options, JSON_ALLOW_NUL, NULL);
        assert_non_null(o);
        assert_int_equal(op_find(cases[i].op)->check_options(o, &err), -1);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("%s says: %s", cases[i].options, err.msg);
        json_decref(o);
    }
}

/* The page makes its form from it. */
static void schemas_name_the_options(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        size_t n;
    } ops[] = {{"process", 5}, {"rename", 5}, {"normalize", 2}};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        json_t *schema = json_loads(op_find(ops[i].op)->option_schema, 0, NULL);
        assert_int_equal(json_object_size(json_object_get(schema, "properties")), ops[i].n);
        json_decref(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(better_fills_what_is_missing),
        cmocka_unit_test(better_leaves_tags_that_are_there),
        cmocka_unit_test(the_folder_names_the_series_that_the_file_does_not),
        cmocka_unit_test(what_is_a_guess_fails_and_changes_nothing),
        cmocka_unit_test(a_tag_that_agrees_makes_it_sure),
        cmocka_unit_test(a_guess_that_nothing_is_made_of_is_no_error),
        cmocka_unit_test(without_a_number_the_rest_is_filled),
        cmocka_unit_test(a_job_has_its_own_template),
        cmocka_unit_test(a_second_run_gives_the_same_result),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(schemas_name_the_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
