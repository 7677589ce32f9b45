/* test_op_undo.c - what a run changed is put back, byte for byte, also by a run after a crash. */
#include "op_lab.h"

#include "op_kept.h"
#include "path.h"
#include "store_undo.h"

/* ------------------------------------------------------------------ a row of the history */

/* What the history would have of the last change; find_change gives it to the undo. */
static struct {
    char op[32], before[256], after[256];
    struct op_result *result;
    bool old;       /* from before anything was kept */
    int64_t undone; /* undone_by */
} row;

static char *copy(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

static struct undo_tags copy_tags(const struct op_tags *t)
{
    return (struct undo_tags){copy(t->title),     copy(t->series), copy(t->issue),
                              copy(t->publisher), copy(t->year),   copy(t->volume)};
}

static int find_change(void *ctx, const json_t *options, const char *path, struct undo_row *ret,
                       struct err *err)
{
    (void)ctx, (void)path, (void)err;
    assert_int_equal(json_integer_value(json_object_get(options, "history")), 12);
    *ret = (struct undo_row){
        .id = 12,
        .operation = mem_strdup(row.op),
        .before_path = mem_strdup(row.before),
        .after_path = mem_strdup(row.after),
        .before = copy_tags(&row.result->before),
        .after = copy_tags(&row.result->after),
        .kept = !row.old,
        .was_processed = row.result->mark_processed ? 0 : -1,
        .was_duplicate = row.result->mark_duplicate ? 0 : -1,
        .data = row.old ? NULL : json_dumps(row.result->undo, 0),
        .undone_by = row.undone,
    };
    return 0;
}

/* Runs an operation and makes the row of it. */
static void change(struct lab *l, const char *op, const char *path, const char *options,
                   struct op_result *ret)
{
    struct err err = {0};
    if (run_with(l, op, path, options, NULL, ret, &err) < 0)
        fail_msg("%s %s: %s", op, path, err.msg);
    assert_true(ret->changed_file);
    (void)snprintf(row.op, sizeof(row.op), "%s", op);
    (void)snprintf(row.before, sizeof(row.before), "%s", path);
    (void)snprintf(row.after, sizeof(row.after), "%s", ret->final_path ? ret->final_path : path);
    row.result = ret;
    row.old = false;
    row.undone = 0;
    l->env.find_change = find_change;
}

#define THE_ROW "{\"history\": 12}"

static int undo(struct lab *l, const json_t *intent, struct op_result *ret, struct err *err)
{
    return run_with(l, "undo", row.after, THE_ROW, intent, ret, err);
}

static void undo_ok(struct lab *l, struct op_result *ret)
{
    struct err err = {0};
    if (undo(l, NULL, ret, &err) < 0)
        fail_msg("undo of %s: %s", row.after, err.msg);
}

static void undo_refused(struct lab *l, enum err_code code, const char *says)
{
    struct err err = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    char *before LB_CLEANUP(mem_free) = world(l);
    int declared = l->declared;
    assert_int_equal(undo(l, NULL, &r, &err), -1);
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
    assert_string_equal(json_string_value(json_object_get(r.details, "code")), err_name(code));
    char *after LB_CLEANUP(mem_free) = world(l);
    assert_string_equal(after, before);
    assert_int_equal(l->declared, declared);
}

/* The bytes of ComicInfo.xml, "" when there is none. */
static char *member(const struct lab *l, const char *path)
{
    struct err err = {0};
    struct book *b LB_CLEANUP(book_close) = NULL;
    size_t len;
    if (book_open(l->env.library_fd, path, &b, &err) < 0)
        fail_msg("%s: %s", path, err.msg);
    const char *bytes = book_member(b, &len);
    return bytes ? mem_strndup(bytes, len) : mem_strdup("");
}

static const struct {
    const char *op, *path, *tags, *options;
} cases[] = {
    {"process", "S/x 1.cbz", "<Title><![CDATA[Old & grey]]></Title>\r\n <!-- c --><my a='1'/>",
     "{}"},
    {"process", "S/x 2.cbz", NULL, "{}"},
    {"rename", "S/x 3.cbz", "<Title>T</Title>", "{}"},
    {"normalize", "S/x 4.cbz", "<Number> 4</Number>", "{}"},
    {"tag", "S/x 5.cbz", "<Title>T</Title><Web>w</Web>",
     "{\"tags\": {\"Writer\": \"W\", \"Web\": null}}"},
    {"process", "S\xff/x\xfe 1.cbz", "<Series>S</Series>", "{}"},
};

static void set_case(struct lab *l, size_t i, struct op_result *ret)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "library/%s", cases[i].path);
    write_book(l, path, cases[i].tags);
    change(l, cases[i].op, cases[i].path, cases[i].options, ret);
}

static void change_is_put_back_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        struct op_result r LB_CLEANUP(op_result_clear) = {0}, u LB_CLEANUP(op_result_clear) = {0};
        char path[256];
        lab_open(&l);
        (void)snprintf(path, sizeof(path), "library/%s", cases[i].path);
        write_book(&l, path, cases[i].tags);
        char *tags LB_CLEANUP(mem_free) = member(&l, cases[i].path);
        char *before LB_CLEANUP(mem_free) = world(&l);
        change(&l, cases[i].op, cases[i].path, cases[i].options, &r);
        undo_ok(&l, &u);
        char *after LB_CLEANUP(mem_free) = world(&l);
        assert_string_equal(after, before);
        char *now LB_CLEANUP(mem_free) = member(&l, cases[i].path);
        assert_string_equal(now, tags);
        assert_true(u.changed_file && u.undo && u.undo_of == 12);
        assert_false(u.mark_processed || u.mark_duplicate);
        assert_int_equal(u.unmark_processed, r.mark_processed);
        assert_int_equal(u.unmark_duplicate, r.mark_duplicate);
        assert_string_equal(show(u.after.title), show(r.before.title));
        assert_string_equal(show(u.before.title), show(r.after.title));
    }
}

static void undo_of_an_undo_does_it_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        struct op_result r LB_CLEANUP(op_result_clear) = {0}, u LB_CLEANUP(op_result_clear) = {0},
                           again LB_CLEANUP(op_result_clear) = {0};
        lab_open(&l);
        set_case(&l, i, &r);
        char *want LB_CLEANUP(mem_free) = world(&l);
        char *tags LB_CLEANUP(mem_free) = member(&l, row.after);
        char path[256];
        (void)snprintf(path, sizeof(path), "%s", row.after);
        change(&l, "undo", path, THE_ROW, &u);
        undo_ok(&l, &again);
        char *got LB_CLEANUP(mem_free) = world(&l);
        assert_string_equal(got, want);
        char *now LB_CLEANUP(mem_free) = member(&l, row.before);
        assert_string_equal(now, tags);
    }
}

/* ------------------------------------------------------------------ crashes */

static int undo_once(struct lab *l, void *arg)
{
    (void)arg;
    struct op_result r = {0};
    struct err err = {0};
    return undo(l, NULL, &r, &err);
}

static int crash_and_compare(const char *dir, size_t i, const char *point)
{
    struct op_result want LB_CLEANUP(op_result_clear) = {0}, got LB_CLEANUP(op_result_clear) = {0};
    struct op_result first LB_CLEANUP(op_result_clear) = {0};
    struct op_result second LB_CLEANUP(op_result_clear) = {0};
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct err err = {0};
    if (mkdir(dir, 0700) < 0)
        assert_int_equal(errno, EEXIST);
    lab_open_at(&l, dir);
    set_case(&l, i, &first);
    undo_ok(&l, &want);
    char *want_world LB_CLEANUP(mem_free) = world(&l);
    lab_close(&l);

    if (mkdir(dir, 0700) < 0)
        assert_int_equal(errno, EEXIST);
    lab_open_at(&l, dir);
    set_case(&l, i, &second);
    if (!dies_at(&l, point, 1, undo_once, NULL))
        return 0;
    json_t *intent = declared_intent(&l);
    lab_recover(&l, row.after);
    row.undone = 99; /* it may have been recorded already: the intent counts */
    if (undo(&l, intent, &got, &err) < 0)
        fail_msg("%s at %s: %s", cases[i].path, point, err.msg);
    json_decref(intent);
    char *got_world LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(got_world, want_world);
    char *a LB_CLEANUP(mem_free) = result_text(&want), *b LB_CLEANUP(mem_free) = result_text(&got);
    assert_string_equal(b, a);
    return 1;
}

static void killed_undo_is_finished_with_the_same_result(void **state)
{
    (void)state;
    static const char *const points[] = {"undo_declared",   "book_appended", "book_placed",
                                         "book_cut_synced", "undo_saved",    "undo_renamed"};
    /* of six cases: all, tags changed, name changed */
    static const int want[ARRAY_LEN(points)] = {6, 5, 5, 5, 5, 4};
    char dir[] = "/tmp/longbox-op-XXXXXX";
    assert_non_null(mkdtemp(dir));
    for (size_t p = 0; p < ARRAY_LEN(points); p++) {
        int killed = 0;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
            killed += crash_and_compare(dir, i, points[p]);
        if (killed != want[p])
            fail_msg("killed %d times at %s, not %d", killed, points[p], want[p]);
    }
    (void)rmdir(dir); /* gone with the last lab */
}

/* ------------------------------------------------------------------ what cannot be put back */

static void what_was_changed_since_stays(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, t LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    set_case(&l, 0, &r);
    write_book(&l, "library/S/x 1.cbz", "<Writer>foreign</Writer>");
    undo_refused(&l, ERR_CANNOT_UNDO, "old name is taken by another file: \"S/x 1.cbz\"");
    assert_int_equal(unlinkat(l.env.library_fd, "S/x 1.cbz", 0), 0);
    row.undone = 13;
    undo_refused(&l, ERR_CANNOT_UNDO, "undone already (history 13)");
    row.undone = 0;
    assert_int_equal(run_with(&l, "tag", row.after, "{\"tags\": {\"Web\": \"w\"}}", NULL, &t, &err),
                     0);
    undo_refused(&l, ERR_CANNOT_UNDO, "tags were changed since");
}

static void place_that_is_another_or_gone_is_told(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    set_case(&l, 0, &r);
    char now[256];
    (void)snprintf(now, sizeof(now), "%s", row.after);
    (void)snprintf(row.after, sizeof(row.after), "S/gone.cbz");
    undo_refused(&l, ERR_NOT_FOUND, "");
    (void)snprintf(row.after, sizeof(row.after), "%s", now);
    (void)snprintf(row.before, sizeof(row.before), "no folder/x 1.cbz");
    undo_refused(&l, ERR_CANNOT_UNDO, "its old folder is not there any more");
    assert_int_equal(renameat(l.env.library_fd, now, l.env.library_fd, "S/moved.cbz"), 0);
    char *before LB_CLEANUP(mem_free) = world(&l);
    struct op_result u LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    assert_int_equal(run_with(&l, "undo", "S/moved.cbz", THE_ROW, NULL, &u, &err), -1);
    assert_int_equal(err.code, ERR_CANNOT_UNDO);
    assert_non_null(strstr(err.msg, "renamed since, to \"S/moved.cbz\""));
    char *after LB_CLEANUP(mem_free) = world(&l);
    assert_string_equal(after, before);
}

static void tags_go_back_though_the_book_was_renamed_since(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, u LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    set_case(&l, 4, &r); /* tag */
    assert_int_equal(renameat(l.env.library_fd, row.after, l.env.library_fd, "S/moved.cbz"), 0);
    assert_int_equal(run_with(&l, "undo", "S/moved.cbz", THE_ROW, NULL, &u, &err), 0);
    assert_null(u.final_path);
    assert_string_equal(tag(&l, "library/S/moved.cbz", "Web"), "w");
}

static void old_rows_go_back_by_their_fields(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, u LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    set_case(&l, 0, &r);
    row.old = true;
    undo_ok(&l, &u);
    assert_string_equal(u.final_path, "S/x 1.cbz");
    assert_string_equal(tag(&l, "library/S/x 1.cbz", "Title"), "Old & grey");
    assert_string_equal(tag(&l, "library/S/x 1.cbz", "Series"), "");
    assert_false(u.unmark_processed); /* not known */
    (void)snprintf(row.op, sizeof(row.op), "convert");
    undo_refused(&l, ERR_CANNOT_UNDO, "what 'convert' did cannot be undone");
}

static void member_that_is_too_large_is_not_kept(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct strbuf tags LB_CLEANUP(strbuf_clear) = {0};
    unsigned seed = 1;
    lab_open(&l);
    strbuf_adds(&tags, "<Notes>");
    for (int i = 0; i < 100000; i++)
        strbuf_addc(&tags, (char)('0' + (seed = seed * 1103515245 + 12345) / 65536 % 10));
    for (int i = 0; i < 100000; i++)
        strbuf_addc(&tags, (char)('a' + (seed = seed * 1103515245 + 12345) / 65536 % 26));
    strbuf_adds(&tags, "</Notes>");
    write_book(&l, "library/S/x 1.cbz", tags.data);
    change(&l, "process", "S/x 1.cbz", "{}", &r);
    undo_refused(&l, ERR_CANNOT_UNDO, "too large to be kept");
}

static void kept_bytes_come_back_and_damage_is_seen(void **state)
{
    (void)state;
    char bytes[600];
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        char *back LB_CLEANUP(mem_free) = NULL;
        size_t n;
        struct err err = {0};
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(i * 37 + len);
        json_t *m = op_kept_pack(bytes, len);
        assert_int_equal(op_kept_unpack(m, &back, &n, &err), 0);
        json_decref(m);
        assert_int_equal(n, len);
        assert_memory_equal(back, bytes, len);
    }
    static const char *const damaged[] = {
        "{\"had\": true, \"size\": 5, \"packed\": \"!!!!\"}",
        "{\"had\": true, \"size\": 5, \"packed\": \"AAAA\"}",
        "{\"had\": true, \"size\": -5, \"packed\": \"AAAA\"}",
        "{\"had\": true, \"size\": 99999999999, \"packed\": \"AAAA\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        char *back LB_CLEANUP(mem_free) = NULL;
        size_t n;
        struct err err = {0};
        json_t *m = json_loads(damaged[i], 0, NULL);
        assert_int_equal(op_kept_unpack(m, &back, &n, &err), -1);
        assert_int_equal(err.code, ERR_STORE);
        json_decref(m);
    }
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum err_code code;
    } tries[] = {
        {"{\"history\": 1}", ERR_NONE},
        {"{\"job\": \"00000000-0000-7000-8000-000000000000\"}", ERR_NONE},
        {"{}", ERR_BAD_FIELD},
        {"[]", ERR_BAD_FIELD},
        {"{\"history\": 0}", ERR_BAD_FIELD},
        {"{\"history\": \"1\"}", ERR_BAD_FIELD},
        {"{\"job\": \"x\"}", ERR_BAD_FIELD},
        {"{\"history\": 1, \"job\": \"00000000-0000-7000-8000-000000000000\"}", ERR_BAD_FIELD},
        {"{\"other\": 1}", ERR_BAD_FIELD},
    };
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        struct err err = {0};
        json_t *j = json_loads(tries[i].options, 0, NULL);
        (void)op_find("undo")->check_options(j, &err);
        assert_int_equal(err.code, tries[i].code);
        json_decref(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(change_is_put_back_byte_for_byte),
        cmocka_unit_test(undo_of_an_undo_does_it_again),
        cmocka_unit_test(killed_undo_is_finished_with_the_same_result),
        cmocka_unit_test(what_was_changed_since_stays),
        cmocka_unit_test(place_that_is_another_or_gone_is_told),
        cmocka_unit_test(tags_go_back_though_the_book_was_renamed_since),
        cmocka_unit_test(old_rows_go_back_by_their_fields),
        cmocka_unit_test(member_that_is_too_large_is_not_kept),
        cmocka_unit_test(kept_bytes_come_back_and_damage_is_seen),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
