#include "op_lab.h"

#include "op_delete.h"
#include "op_plan.h"

#define BOOK "S/sub/x 1.cbz"

static void setup_lab(struct lab *l, bool trash)
{
    lab_open(l);
    l->env.trash_dir = trash ? l->duplicates : NULL; /* a folder beside the library */
    write_book(l, "library/" BOOK, "<Writer>w</Writer>");
}

static int delete_it(struct lab *l, const char *path, const json_t *intent, struct op_result *ret,
                     struct err *err)
{
    json_t *options = json_object();
    struct op_item item = {"job", 1, path, intent ? 2 : 1, intent, options};
    int rc = op_delete_run(&l->env, &item, ret, err);
    json_decref(options);
    return rc;
}

/* Runs and expects that the book is in the library no more; *ret_final is details.final, "" for null. */
static void delete_ok(struct lab *l, const json_t *intent, char ret_final[256])
{
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    if (delete_it(l, BOOK, intent, &r, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(r.removed && r.changed_file);
    assert_null(r.final_path);
    const json_t *final = json_object_get(r.details, "final");
    assert_true(json_is_null(final) || json_is_string(final));
    (void)snprintf(ret_final, 256, "%s", json_is_string(final) ? json_string_value(final) : "");
}

static void check_refused(struct lab *l, const char *path, const json_t *intent, enum err_code code,
                          const char *text)
{
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    assert_int_equal(delete_it(l, path, intent, &r, &err), -1);
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, text))
        fail_msg("%s: no \"%s\"", err.msg, text);
    assert_false(r.removed);
}

static void without_a_trash_folder_the_book_is_gone_for_good(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    char final[256];
    setup_lab(&l, false);
    delete_ok(&l, NULL, final);
    assert_string_equal(final, "");
    assert_false(exists(&l, "library/" BOOK));
    assert_true(exists(&l, "library/S/sub"));
    assert_int_equal(l.declared, 1);
    assert_null(l.target);
}

static void the_trash_keeps_the_folders_and_every_book(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    char final[256], wanted[256];
    setup_lab(&l, true);
    delete_ok(&l, NULL, final);
    (void)snprintf(wanted, sizeof(wanted), "%s/" BOOK, l.duplicates);
    assert_string_equal(final, wanted);
    assert_string_equal(tag(&l, "duplicates/" BOOK, "Writer"), "w");
    write_book(&l, "library/" BOOK, "<Writer>second</Writer>");
    delete_ok(&l, NULL, final);
    assert_non_null(strstr(final, "x 1 (2).cbz"));
    assert_string_equal(tag(&l, "duplicates/" BOOK, "Writer"), "w");
    assert_string_equal(tag(&l, "duplicates/S/sub/x 1 (2).cbz", "Writer"), "second");
    assert_false(exists(&l, "library/" BOOK));
}

static void what_is_no_book_is_kept(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    setup_lab(&l, false);
    write_book(&l, "library/S/cover.jpg", NULL);
    write_book(&l, "library/S/folder.cbz/x.cbz", NULL);
    write_book(&l, "library/S/.hidden.cbz", NULL);
    check_refused(&l, "S/gone.cbz", NULL, ERR_NOT_FOUND, "File not found");
    check_refused(&l, "Nowhere/gone.cbz", NULL, ERR_NOT_FOUND, "File not found");
    check_refused(&l, "S/cover.jpg", NULL, ERR_BOOK, "is not a book");
    check_refused(&l, "S/.hidden.cbz", NULL, ERR_BOOK, "is not a book");
    check_refused(&l, "S/folder.cbz", NULL, ERR_BOOK, "is not a book");
    check_refused(&l, "../library/" BOOK, NULL, ERR_PATH_OUTSIDE, "leaves the library");
    assert_true(exists(&l, "library/S/cover.jpg") && exists(&l, "library/S/folder.cbz/x.cbz") &&
                exists(&l, "library/S/.hidden.cbz") && exists(&l, "library/" BOOK));
    assert_int_equal(l.declared, 0);
}

static void nothing_happens_before_it_is_declared_or_after_a_cancel(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    setup_lab(&l, true);
    l.refuse = ERR_CONFLICT;
    check_refused(&l, BOOK, NULL, ERR_CONFLICT, "another item");
    l.refuse = ERR_NONE;
    l.cancel = true;
    check_refused(&l, BOOK, NULL, ERR_CANCELLED, "cancelled");
    l.cancel = false;
    l.env.trash_dir = "/nonexistent/trash";
    check_refused(&l, BOOK, NULL, ERR_IO, "the trash folder \"/nonexistent/trash\"");
    assert_true(exists(&l, "library/" BOOK));
    assert_int_equal(l.declared, 0);
}

#ifdef LB_FAULTS

static int delete_once(struct lab *l, void *arg)
{
    (void)arg;
    struct op_result r = {0};
    struct err err = {0};
    return delete_it(l, BOOK, NULL, &r, &err);
}

/* What a delete declared that died at the point. */
static json_t *died_at(struct lab *l, const char *point)
{
    assert_true(dies_at(l, point, 1, delete_once, NULL));
    return declared_intent(l);
}

static const struct {
    bool trash;
    const char *point;
    bool moved; /* the kill came after the book was gone */
} deaths[] = {
    {false, "delete_declared", false},
    {false, "delete_unlinked", true},
    {true, "delete_declared", false},
    {true, "move_renamed", true},
};

static void a_second_run_ends_what_a_killed_one_began(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        char final[256];
        setup_lab(&l, deaths[i].trash);
        json_t *intent = died_at(&l, deaths[i].point);
        assert_int_equal(exists(&l, "library/" BOOK), !deaths[i].moved);
        delete_ok(&l, intent, final);
        json_decref(intent);
        assert_false(exists(&l, "library/" BOOK));
        assert_int_equal(exists(&l, "duplicates/" BOOK), deaths[i].trash);
        assert_false(exists(&l, "duplicates/S/sub/x 1 (2).cbz"));
        assert_int_equal(final[0] != '\0', deaths[i].trash);
    }
}

static void another_book_that_came_meanwhile_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        char final[256];
        setup_lab(&l, deaths[i].trash);
        json_t *intent = died_at(&l, deaths[i].point);
        write_book(&l, "library/" BOOK, "<Writer>somebody else's, and longer</Writer>");
        if (deaths[i].trash && deaths[i].moved)
            delete_ok(&l, intent, final); /* the one that was meant is in the trash */
        else
            check_refused(&l, BOOK, intent, ERR_BOOK, "another file");
        json_decref(intent);
        assert_string_equal(tag(&l, "library/" BOOK, "Writer"), "somebody else's, and longer");
    }
}

static void the_setting_of_the_second_run_counts(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    char final[256];
    setup_lab(&l, true);
    json_t *intent = died_at(&l, "delete_declared");
    l.env.trash_dir = NULL;
    delete_ok(&l, intent, final);
    json_decref(intent);
    assert_string_equal(final, "");
    assert_false(exists(&l, "library/" BOOK));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_trash_folder_the_book_is_gone_for_good),
        cmocka_unit_test(the_trash_keeps_the_folders_and_every_book),
        cmocka_unit_test(what_is_no_book_is_kept),
        cmocka_unit_test(nothing_happens_before_it_is_declared_or_after_a_cancel),
#ifdef LB_FAULTS
        cmocka_unit_test(a_second_run_ends_what_a_killed_one_began),
        cmocka_unit_test(another_book_that_came_meanwhile_is_kept),
        cmocka_unit_test(the_setting_of_the_second_run_counts),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
