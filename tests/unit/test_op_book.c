/*
 * test_op_book.c - process, normalize and rename on real archives. What happens after a crash:
 * test_op_recover.c.
 */
#include "op_lab.h"

static void process_sets_tags_and_name(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/Glass_ Harbor/x 012.cbz",
               "<Title>Old</Title><Writer>W</Writer><Year>2014</Year>");
    run_ok(&l, "process", "Glass_ Harbor/x 012.cbz", &r);
    assert_string_equal(r.final_path, "Glass_ Harbor/Glass_ Harbor - Chapter 0012.cbz");
    assert_string_equal(l.target, r.final_path);
    assert_true(r.changed_file && r.mark_processed && !r.mark_duplicate);
    assert_string_equal(r.message, "");
    assert_string_equal(r.before.title, "Old");
    assert_null(r.before.issue);
    assert_string_equal(r.after.title, "Chapter 012");
    assert_string_equal(r.after.series, "Glass: Harbor");
    assert_string_equal(r.after.issue, "012");
    assert_string_equal(r.after.year, "2014");
    char *w LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(w, "library/Glass_ Harbor/Glass_ Harbor - Chapter 0012.cbz | Chapter 012 | "
                           "Glass: Harbor | 012 | W\n");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(l.intent, "before"), "filename")),
        "x 012.cbz");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(l.intent, "after"), "title")),
        "Chapter 012");
}

static void right_book_is_only_marked(void **state)
{
    (void)state;
    static const char *const ops[] = {"process", "normalize", "rename"};
    struct lab l LB_CLEANUP(lab_close) = {0};
    lab_open(&l);
    write_book(&l, "library/S/S - Chapter 0001.cbz",
               "<Title>Chapter 1</Title><Series>S</Series><Number>1</Number>");
    ino_t before = inode(&l, "library/S/S - Chapter 0001.cbz");
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        run_ok(&l, ops[i], "S/S - Chapter 0001.cbz", &r);
        assert_true(r.mark_processed && !r.changed_file);
        assert_null(r.final_path);
    }
    assert_int_equal(l.declared, 0);
    assert_int_equal(inode(&l, "library/S/S - Chapter 0001.cbz"), before);
}

static void normalize_keeps_the_name_and_rename_keeps_the_tags(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result n LB_CLEANUP(op_result_clear) = {0}, r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/a 3.5.CBZ", NULL);
    write_book(&l, "library/T/b 4.cbz", NULL);
    run_ok(&l, "normalize", "S/a 3.5.CBZ", &n);
    assert_null(n.final_path);
    assert_null(l.target);
    assert_true(n.changed_file);
    ino_t before = inode(&l, "library/T/b 4.cbz");
    l.env.filename_format = "{series} {issue}.CBZ"; /* the extension stays as the file has it */
    run_ok(&l, "rename", "T/b 4.cbz", &r);
    assert_string_equal(r.final_path, "T/T 0004.cbz");
    assert_int_equal(inode(&l, "library/T/T 0004.cbz"), before);
    char *w LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(
        w, "library/S/a 3.5.CBZ | Chapter 3.5 | S | 3.5 | \nlibrary/T/T 0004.cbz |  |  |  | \n");
}

static void number_tag_wins_over_the_name(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/x 9.cbz", "<Number>003.50</Number>");
    run_ok(&l, "process", "S/x 9.cbz", &r);
    assert_string_equal(r.final_path, "S/S - Chapter 0003.5.cbz");
    assert_string_equal(r.after.title, "Chapter 003.50");
    assert_string_equal(r.after.issue, "003.50");
}

static void without_a_number_title_and_name_stay(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result p LB_CLEANUP(op_result_clear) = {0}, r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/special.cbz", "<Title>Mine</Title>");
    run_ok(&l, "rename", "S/special.cbz", &r);
    assert_string_equal(r.message, "no number found: not renamed");
    assert_int_equal(l.declared, 0);
    run_ok(&l, "process", "S/special.cbz", &p);
    assert_string_equal(p.message, "no number found: title and name are left as they were");
    assert_true(p.mark_processed);
    char *w LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(w, "library/S/special.cbz | Mine | S |  | \n");
}

static void taken_name_is_a_duplicate(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/S - Chapter 0001.cbz", "<Writer>first</Writer>");
    write_book(&l, "library/S/x 1.cbz", "<Writer>second</Writer>");
    run_ok(&l, "process", "S/x 1.cbz", &r);
    assert_true(r.mark_duplicate && r.mark_processed && r.changed_file);
    assert_null(r.final_path);
    assert_true(json_is_true(json_object_get(r.details, "duplicate")));
    assert_string_equal(r.message, "duplicate: \"S - Chapter 0001.cbz\" is there already");
    char *w LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(w, "library/S/S - Chapter 0001.cbz |  |  |  | first\n"
                           "library/S/x 1.cbz | Chapter 1 | S | 1 | second\n");
}

static void hard_link_with_the_new_name_is_a_duplicate(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/x 1.cbz", NULL);
    int dir LB_CLEANUP(fd_close) = openat(l.env.library_fd, "S", O_PATH);
    assert_int_equal(linkat(dir, "x 1.cbz", dir, "S - Chapter 0001.cbz", 0), 0);
    run_ok(&l, "rename", "S/x 1.cbz", &r);
    assert_true(r.mark_duplicate);
    assert_true(exists(&l, "library/S/x 1.cbz") && exists(&l, "library/S/S - Chapter 0001.cbz"));
}

static void duplicates_move_to_their_folder_under_a_free_name(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, s LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    l.env.duplicate_dir = l.duplicates;
    write_book(&l, "library/A/S/S - Chapter 0001.cbz", "<Writer>first</Writer>");
    write_book(&l, "library/A/S/x 1.cbz", "<Writer>second</Writer>");
    run_ok(&l, "rename", "A/S/x 1.cbz", &r);
    write_book(&l, "library/A/S/x 1.cbz", "<Writer>third</Writer>");
    run_ok(&l, "rename", "A/S/x 1.cbz", &s);
    char out[256];
    (void)snprintf(out, sizeof(out), "%s/S/x 1 (2).cbz", l.duplicates);
    assert_string_equal(json_string_value(json_object_get(s.details, "final")), out);
    assert_null(s.final_path);
    assert_true(s.changed_file && s.mark_duplicate);
    char *w LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(
        w, "duplicates/S/x 1 (2).cbz |  |  |  | third\nduplicates/S/x 1.cbz |  |  |  | second\n"
           "library/A/S/S - Chapter 0001.cbz |  |  |  | first\n");
}

static void folder_for_duplicates_may_be_in_the_library(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    (void)snprintf(l.duplicates, sizeof(l.duplicates), "%s/again", l.library);
    assert_int_equal(mkdir(l.duplicates, 0755), 0);
    l.env.duplicate_dir = l.duplicates;
    write_book(&l, "library/S/S - Chapter 0001.cbz", NULL);
    write_book(&l, "library/S/x 1.cbz", NULL);
    run_ok(&l, "rename", "S/x 1.cbz", &r);
    assert_string_equal(r.final_path, "again/S/x 1.cbz");
    assert_null(json_object_get(r.details, "final"));
    assert_true(exists(&l, "library/again/S/x 1.cbz"));
}

static void duplicate_that_cannot_move_fails_before_anything_changes(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    struct stat here, there;
    lab_open(&l);
    write_book(&l, "library/S/S - Chapter 0001.cbz", NULL);
    write_book(&l, "library/S/x 1.cbz", NULL);
    char *before LB_CLEANUP(mem_free) = world(&l);
    l.env.duplicate_dir = "/nowhere/at/all";
    assert_int_equal(run(&l, "process", "S/x 1.cbz", NULL, &r, &err), -1);
    assert_non_null(strstr(err.msg, "/nowhere/at/all"));
    assert_int_equal(stat(l.dir, &here), 0);
    if (stat("/dev/shm", &there) == 0 && there.st_dev != here.st_dev) {
        l.env.duplicate_dir = "/dev/shm";
        assert_int_equal(run(&l, "process", "S/x 1.cbz", NULL, &r, &err), -1);
        assert_non_null(strstr(err.msg, "another file system"));
    }
    char *after LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(after, before);
    assert_int_equal(l.declared, 0);
}

/* Its tags wait until it is a CBZ; its name need not. */
static void another_archive_is_only_renamed(void **state)
{
    (void)state;
    static const char *const ops[] = {"process", "normalize"};
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_file(&l, "library/S/x 1.cbr", "Rar!\x1a\x07\x01", 8);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct op_result none LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        assert_int_equal(run(&l, ops[i], "S/x 1.cbr", NULL, &none, &err), -1);
        assert_int_equal(err.code, ERR_BOOK);
        assert_non_null(strstr(err.msg, "a RAR archive"));
        assert_non_null(strstr(err.msg, "convert it first"));
        assert_int_equal(l.declared, 0);
    }
    run_ok(&l, "rename", "S/x 1.cbr", &r);
    assert_string_equal(r.final_path, "S/S - Chapter 0001.cbr");
    assert_true(exists(&l, "library/S/S - Chapter 0001.cbr"));
}

static void what_is_no_sound_book_is_an_error_and_stays(void **state)
{
    (void)state;
    static const char *const ops[] = {"process", "normalize", "rename"};
    struct lab l LB_CLEANUP(lab_close) = {0};
    lab_open(&l);
    write_file(&l, "library/S/x 1.cbr", "Rar", 3);
    write_file(&l, "library/S/x 2.cbr", "PK\3\4 cut", 8);
    write_file(&l, "library/S/x 3.cb7", "", 0);
    char *before LB_CLEANUP(mem_free) = world(&l);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        static const char *const paths[] = {"S/x 1.cbr", "S/x 2.cbr", "S/x 3.cb7", "S/none 4.cbz",
                                            "../x 5.cbz"};
        static const enum err_code codes[] = {ERR_BOOK, ERR_BOOK, ERR_BOOK, ERR_NOT_FOUND,
                                              ERR_PATH_OUTSIDE};
        for (size_t k = 0; k < ARRAY_LEN(paths); k++) {
            struct op_result r LB_CLEANUP(op_result_clear) = {0};
            struct err err = {0};
            assert_int_equal(run(&l, ops[i], paths[k], NULL, &r, &err), -1);
            assert_int_equal(err.code, codes[k]);
            assert_true(err.msg[0] != '\0');
        }
    }
    char *after LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(after, before);
    assert_int_equal(l.declared, 0);
}

static void refused_or_cancelled_leaves_the_book(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    write_book(&l, "library/S/x 1.cbz", NULL);
    char *before LB_CLEANUP(mem_free) = world(&l);
    l.refuse = ERR_CONFLICT;
    assert_int_equal(run(&l, "process", "S/x 1.cbz", NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    l.refuse = ERR_NONE;
    l.cancel = true;
    assert_int_equal(run(&l, "process", "S/x 1.cbz", NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    char *after LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(after, before);
}

static void book_in_the_root_takes_the_library_folder_as_series(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/x 1.cbz", NULL);
    run_ok(&l, "process", "x 1.cbz", &r);
    assert_string_equal(r.final_path, "library - Chapter 0001.cbz");
}

/* The history and the intent take a part of it; the book keeps the whole. */
static void long_tags_are_kept_whole_in_the_book(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct strbuf tags LB_CLEANUP(strbuf_clear) = {0};
    lab_open(&l);
    strbuf_adds(&tags, "<Publisher>x");
    for (int i = 0; i < 2000; i++)
        strbuf_adds(&tags, "\xe2\x82\xac");
    strbuf_adds(&tags, "</Publisher>");
    write_book(&l, "library/S/x 1.cbz", strbuf_str(&tags));
    run_ok(&l, "process", "S/x 1.cbz", &r);
    assert_int_equal(strlen(r.before.publisher), 1 + 341 * 3); /* cut between characters */
    assert_string_equal(r.before.publisher, r.after.publisher);
    struct err err = {0};
    struct book *b LB_CLEANUP(book_close) = NULL;
    assert_int_equal(book_open(l.env.library_fd, r.final_path, &b, &err), 0);
    assert_int_equal(strlen(book_tag(b, "Publisher")), 1 + 2000 * 3);
}

static void options_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *none = json_object(), *some = json_pack("{s:i}", "force", 1), *list = json_array();
    const struct op *op = op_find("process");
    assert_int_equal(op->check_options(none, &err), 0);
    assert_int_equal(op->check_options(some, &err), -1);
    assert_int_equal(err.code, ERR_BAD_FIELD);
    assert_non_null(strstr(err.msg, "force"));
    assert_int_equal(op->check_options(list, &err), -1);
    json_decref(none);
    json_decref(some);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_sets_tags_and_name),
        cmocka_unit_test(right_book_is_only_marked),
        cmocka_unit_test(normalize_keeps_the_name_and_rename_keeps_the_tags),
        cmocka_unit_test(number_tag_wins_over_the_name),
        cmocka_unit_test(without_a_number_title_and_name_stay),
        cmocka_unit_test(taken_name_is_a_duplicate),
        cmocka_unit_test(hard_link_with_the_new_name_is_a_duplicate),
        cmocka_unit_test(duplicates_move_to_their_folder_under_a_free_name),
        cmocka_unit_test(folder_for_duplicates_may_be_in_the_library),
        cmocka_unit_test(duplicate_that_cannot_move_fails_before_anything_changes),
        cmocka_unit_test(another_archive_is_only_renamed),
        cmocka_unit_test(what_is_no_sound_book_is_an_error_and_stays),
        cmocka_unit_test(refused_or_cancelled_leaves_the_book),
        cmocka_unit_test(book_in_the_root_takes_the_library_folder_as_series),
        cmocka_unit_test(long_tags_are_kept_whole_in_the_book),
        cmocka_unit_test(options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
