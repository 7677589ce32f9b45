/*
 * test_op_recover.c - what a second run makes of the work of a killed one. Needs a build with fault
 * points.
 */
#include "op_lab.h"

#include "../lib/clone_wrap.h"

#ifdef LB_FAULTS

struct scene {
    const char *name;
    const char *book; /* what is worked on; its tags: */
    const char *tags;
    const char *other; /* another book that is there, or NULL */
    const char *aside; /* a file in the folder for duplicates, or NULL */
    bool duplicate_dir;
};

static const struct scene scenes[] = {
    {"plain", "S/x 1.cbz", "<Writer>w</Writer>", NULL, NULL, false},
    {"tags right", "S/x 1.cbz", "<Title>Chapter 1</Title><Series>S</Series><Number>1</Number>",
     NULL, NULL, false},
    {"name right", "S/S - Chapter 0001.cbz", NULL, NULL, NULL, false},
    {"no number", "S/special.cbz", "<Title>t</Title>", NULL, NULL, false},
    {"taken", "S/x 1.cbz", NULL, "S/S - Chapter 0001.cbz", NULL, false},
    {"taken, moved", "S/x 1.cbz", NULL, "S/S - Chapter 0001.cbz", NULL, true},
    {"taken, moved aside", "S/x 1.cbz", NULL, "S/S - Chapter 0001.cbz", "S/x 1.cbz", true},
    {"bytes", "S\xff/x\xfe 1.cbz", NULL, "S\xff/S - Chapter 0001.cbz", "S\xff/x\xfe 1.cbz", true},
    {"bytes, free", "S\xff/x\xfe 1.cbz", "<Series>S</Series>", NULL, NULL, false},
};

static void set_scene(struct lab *l, const char *dir, const struct scene *s)
{
    char path[256];
    if (mkdir(dir, 0700) < 0)
        assert_int_equal(errno, EEXIST);
    lab_open_at(l, dir);
    l->env.duplicate_dir = s->duplicate_dir ? l->duplicates : NULL;
    (void)snprintf(path, sizeof(path), "library/%s", s->book);
    write_book(l, path, s->tags);
    if (s->other) {
        (void)snprintf(path, sizeof(path), "library/%s", s->other);
        write_book(
            l, path,
            "<Title>Chapter 1</Title><Series>S</Series><Number>1</Number><Writer>other</Writer>");
    }
    if (s->aside) {
        (void)snprintf(path, sizeof(path), "duplicates/%s", s->aside);
        write_book(l, path, "<Writer>aside</Writer>");
    }
}

/* Runs the scene undisturbed, and killed at the point and run again; both must come to the same. 1
 * = it was killed. */
static int crash_and_compare(const char *dir, const struct scene *s, const char *op,
                             const char *point)
{
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result want LB_CLEANUP(op_result_clear) = {0}, got LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    set_scene(&l, dir, s);
    run_ok(&l, op, s->book, &want);
    char *want_world LB_CLEANUP(mem_free) = world(&l);
    lab_close(&l);

    set_scene(&l, dir, s);
    if (!killed_at(&l, op, s->book, "{}", point, 1))
        return 0;
    json_t *intent = declared_intent(&l);
    lab_recover(&l, s->book);
    l.env.filename_format = "changed {issue}"; /* settings of after the crash do not matter */
    l.env.issue_padding = 1;
    if (run(&l, op, s->book, intent, &got, &err) < 0)
        fail_msg("%s, %s at %s: %s", s->name, op, point, err.msg);
    json_decref(intent);
    char *got_world LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(got_world, want_world);
    char *a LB_CLEANUP(mem_free) = result_text(&want), *b LB_CLEANUP(mem_free) = result_text(&got);
    assert_string_equal(b, a);
    return 1;
}

static void killed_run_is_finished_with_the_same_result(void **state)
{
    (void)state;
    static const char *const ops[] = {"process", "normalize", "rename"};
    static const char *const points[] = {"op_declared",     "book_appended", "book_placed",
                                         "book_cut_synced", "op_saved",      "op_renamed"};
    char dir[] = "/tmp/longbox-op-XXXXXX";
    assert_non_null(mkdtemp(dir));
    int killed[ARRAY_LEN(ops)][ARRAY_LEN(points)] = {0};
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
        for (size_t k = 0; k < ARRAY_LEN(ops); k++)
            for (size_t p = 0; p < ARRAY_LEN(points); p++)
                killed[k][p] += crash_and_compare(dir, &scenes[i], ops[k], points[p]);
    /* of nine scenes: changed at all, tags changed, name changed or taken */
    static const int want[ARRAY_LEN(ops)][ARRAY_LEN(points)] = {
        {9, 8, 8, 8, 8, 7}, {8, 8, 8, 8, 8, 0}, {7, 0, 0, 0, 0, 7}};
    for (size_t k = 0; k < ARRAY_LEN(ops); k++)
        for (size_t p = 0; p < ARRAY_LEN(points); p++)
            if (killed[k][p] != want[k][p])
                fail_msg("%s was killed %d times at %s, not %d", ops[k], killed[k][p], points[p],
                         want[k][p]);
}

/* A lab in which `process` of S/x 1.cbz was killed at the point; returns its intent. */
static json_t *killed_lab(struct lab *l, const char *op, const char *point)
{
    lab_open(l);
    write_book(l, "library/S/x 1.cbz", "<Writer>mine</Writer>");
    assert_true(killed_at(l, op, "S/x 1.cbz", "{}", point, 1));
    return declared_intent(l);
}

static void file_that_took_the_name_meanwhile_is_kept(void **state)
{
    (void)state;
    static const char *const points[] = {"op_declared", "op_saved"};
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        json_t *intent = killed_lab(&l, "process", points[i]);
        write_book(&l, "library/S/S - Chapter 0001.cbz", "<Writer>foreign</Writer>");
        l.env.duplicate_dir = i ? l.duplicates : NULL; /* not foreseen by the plan: declared anew */
        assert_int_equal(run(&l, "process", "S/x 1.cbz", intent, &r, &err), 0);
        json_decref(intent);
        assert_true(r.mark_duplicate);
        assert_int_equal(l.declared, 1);
        assert_string_equal(tag(&l, "library/S/S - Chapter 0001.cbz", "Writer"), "foreign");
        assert_string_equal(tag(&l, i ? "duplicates/S/x 1.cbz" : "library/S/x 1.cbz", "Writer"),
                            "mine");
    }
}

static void file_that_took_the_old_name_meanwhile_is_kept(void **state)
{
    (void)state;
    static const char *const ops[] = {"process", "rename"};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        json_t *intent = killed_lab(&l, ops[i], "op_renamed");
        write_book(&l, "library/S/x 1.cbz", "<Writer>foreign</Writer>");
        assert_int_equal(run(&l, ops[i], "S/x 1.cbz", intent, &r, &err), 0);
        json_decref(intent);
        assert_string_equal(r.final_path, "S/S - Chapter 0001.cbz");
        assert_string_equal(tag(&l, "library/S/S - Chapter 0001.cbz", "Writer"), "mine");
        assert_string_equal(tag(&l, "library/S/x 1.cbz", "Writer"), "foreign");
        assert_string_equal(tag(&l, "library/S/x 1.cbz", "Title"), "");
    }
}

static void book_that_went_away_is_not_found_though_another_has_its_new_name(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    json_t *intent = killed_lab(&l, "process", "op_declared");
    assert_int_equal(unlinkat(l.env.library_fd, "S/x 1.cbz", 0), 0);
    write_book(&l, "library/S/S - Chapter 0001.cbz",
               "<Title>Chapter 1</Title><Writer>foreign</Writer>");
    assert_int_equal(run(&l, "process", "S/x 1.cbz", intent, &r, &err), -1);
    json_decref(intent);
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void book_that_was_edited_meanwhile_is_planned_anew(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    json_t *intent = killed_lab(&l, "process", "op_declared");
    write_book(&l, "library/S/x 1.cbz", "<Writer>mine</Writer><Number>7</Number>");
    assert_int_equal(run(&l, "process", "S/x 1.cbz", intent, &r, &err), 0);
    json_decref(intent);
    assert_string_equal(r.final_path, "S/S - Chapter 0007.cbz");
    assert_int_equal(l.declared, 1);
}

/* Where renameat2 has no NOREPLACE the name is linked first; a crash between leaves both names. */
static void unfinished_link_is_finished(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    json_t *intent = killed_lab(&l, "process", "op_saved");
    int dir LB_CLEANUP(fd_close) = openat(l.env.library_fd, "S", O_PATH);
    assert_int_equal(linkat(dir, "x 1.cbz", dir, "S - Chapter 0001.cbz", 0), 0);
    assert_int_equal(run(&l, "process", "S/x 1.cbz", intent, &r, &err), 0);
    json_decref(intent);
    assert_false(r.mark_duplicate);
    assert_string_equal(r.final_path, "S/S - Chapter 0001.cbz");
    assert_false(exists(&l, "library/S/x 1.cbz"));
    assert_string_equal(tag(&l, "library/S/S - Chapter 0001.cbz", "Writer"), "mine");
}

static void cancel_after_the_tags_were_saved_finishes(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    json_t *intent = killed_lab(&l, "process", "op_saved");
    l.cancel = true;
    assert_int_equal(run(&l, "process", "S/x 1.cbz", intent, &r, &err), 0);
    json_decref(intent);
    assert_true(exists(&l, "library/S/S - Chapter 0001.cbz"));
}

int main(void)
{
    clone_wrap = CLONE_NEVER; /* the points are those of a settle */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_run_is_finished_with_the_same_result),
        cmocka_unit_test(file_that_took_the_name_meanwhile_is_kept),
        cmocka_unit_test(file_that_took_the_old_name_meanwhile_is_kept),
        cmocka_unit_test(book_that_went_away_is_not_found_though_another_has_its_new_name),
        cmocka_unit_test(book_that_was_edited_meanwhile_is_planned_anew),
        cmocka_unit_test(unfinished_link_is_finished),
        cmocka_unit_test(cancel_after_the_tags_were_saved_finishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    (void)puts("built without fault points: nothing to test");
    return 0;
}

#endif
