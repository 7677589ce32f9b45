/* test_op_preview.c - a preview changes nothing and says what the run then does. */
#include "op_lab.h"

#include "path.h"

/* Every byte of every file of the lab, as text. */
static int add_bytes(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)ftw;
    if (flag != FTW_F)
        return 0;
    char *data = mem_new((size_t)st->st_size + 1);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(data, 1, (size_t)st->st_size, f), st->st_size);
    assert_int_equal(fclose(f), 0);
    strbuf_addf(listing, "%s %llu %lld.%09ld %lx\n", path, (unsigned long long)st->st_ino,
                (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                crc32(0, (const unsigned char *)data, (unsigned)st->st_size));
    free(data);
    return 0;
}

static char *every_byte(const struct lab *l)
{
    struct strbuf b = {0};
    listing = &b;
    assert_int_equal(nftw(l->dir, add_bytes, 16, FTW_PHYS), 0);
    return strbuf_take(&b);
}

static const json_t *preview_of(const struct op_result *r)
{
    const json_t *p = json_object_get(r->details, "preview");
    assert_true(json_is_object(p));
    return p;
}

static const char *said(const struct op_result *r, const char *when, const char *what)
{
    const json_t *o = json_object_get(preview_of(r), when);
    const json_t *v = json_object_get(json_object_get(o, "tags"), what);
    if (strcmp(what, "name") == 0)
        v = json_object_get(o, "name");
    return v && !json_is_null(v) ? json_string_value(v) : "";
}

static void preview_ok(struct lab *l, const char *op, const char *path, const char *options,
                       struct op_result *ret)
{
    struct err err = {0};
    l->env.dry_run = true;
    if (run_with(l, op, path, options, NULL, ret, &err) < 0)
        fail_msg("preview of %s %s: %s", op, path, err.msg);
    l->env.dry_run = false;
}

static const struct {
    const char *op, *path, *tags, *options;
} cases[] = {
    {"process", "Glass_ Harbor/x 012.cbz", "<Title>Old</Title><Writer>W</Writer>", "{}"},
    {"process", "S/x 1.cbz", NULL, "{}"},
    {"process", "S/S - Chapter 0001.cbz",
     "<Title>Chapter 1</Title><Series>S</Series><Number>1</Number>", "{}"},
    {"process", "S/special.cbz", "<Title>Mine</Title>", "{}"},
    {"rename", "S/x 2.cbz", "<Number>7.50</Number>", "{}"},
    {"normalize", "S/x 3.cbz", "<Number>3</Number><Series>S</Series>", "{}"},
    {"tag", "S/x 4.cbz", "<Title>T</Title><Web>w</Web>",
     "{\"tags\": {\"Title\": \"T\", \"Writer\": \"A & B\", \"Web\": null, \"Year\": 2014}}"},
    {"tag", "S/x 5.cbz", "<Title>T</Title>", "{\"tags\": {\"Title\": \"T\"}}"},
};

static void preview_changes_nothing_and_says_what_the_run_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        struct op_result p LB_CLEANUP(op_result_clear) = {0};
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        char path[256];
        lab_open(&l);
        (void)snprintf(path, sizeof(path), "library/%s", cases[i].path);
        write_book(&l, path, cases[i].tags);
        char *before LB_CLEANUP(mem_free) = every_byte(&l);
        preview_ok(&l, cases[i].op, cases[i].path, cases[i].options, &p);
        char *after LB_CLEANUP(mem_free) = every_byte(&l);
        assert_string_equal(after, before);
        assert_int_equal(l.declared, 0);

        static const char *const elements[] = {"Title",  "Series", "Number",
                                               "Writer", "Web",    "Year"};
        const json_t *tags = json_object_get(json_object_get(preview_of(&p), "after"), "tags");
        for (size_t k = 0; k < ARRAY_LEN(elements); k++)
            if (json_object_get(tags, elements[k]))
                assert_string_equal(said(&p, "before", elements[k]), tag(&l, path, elements[k]));
        assert_int_equal(run_with(&l, cases[i].op, cases[i].path, cases[i].options, NULL, &r, &err),
                         0);
        assert_int_equal(p.changed_file, r.changed_file);
        assert_string_equal(p.message, r.message);
        assert_string_equal(show(p.final_path), show(r.final_path));
        if (r.final_path)
            (void)snprintf(path, sizeof(path), "library/%s", r.final_path);
        assert_string_equal(said(&p, "after", "name"), r.final_path ? path_base(r.final_path) : "");
        const char *method = json_string_value(json_object_get(preview_of(&p), "method"));
        assert_int_equal(strcmp(method, "none") != 0, tags != NULL);
        assert_int_equal(json_integer_value(json_object_get(preview_of(&p), "bytes")) > 0,
                         tags != NULL);
        for (size_t k = 0; k < ARRAY_LEN(elements); k++)
            if (json_object_get(tags, elements[k]))
                assert_string_equal(said(&p, "after", elements[k]), tag(&l, path, elements[k]));
    }
}

static void second_book_for_a_name_is_a_duplicate(void **state)
{
    (void)state;
    for (int moved = 0; moved < 2; moved++) {
        struct lab l LB_CLEANUP(lab_close) = {0};
        struct op_result a LB_CLEANUP(op_result_clear) = {0};
        struct op_result b LB_CLEANUP(op_result_clear) = {0};
        lab_open(&l);
        l.env.duplicate_dir = moved ? l.duplicates : NULL;
        write_book(&l, "library/S/a 1.cbz", NULL);
        write_book(&l, "library/S/b 01.cbz", NULL);
        preview_ok(&l, "process", "S/a 1.cbz", "{}", &a);
        preview_ok(&l, "process", "S/b 01.cbz", "{}", &b);
        assert_string_equal(a.final_path, "S/S - Chapter 0001.cbz");
        assert_false(a.mark_duplicate);
        assert_true(b.mark_duplicate);
        assert_null(b.final_path);
        assert_true(json_is_true(json_object_get(b.details, "duplicate")));
        assert_string_equal(b.message,
                            "duplicate: \"S - Chapter 0001.cbz\" would be there already");
        assert_string_equal(said(&b, "after", "name"), moved ? "b 01.cbz" : "");
        if (moved)
            assert_non_null(strstr(json_string_value(json_object_get(b.details, "final")),
                                   "/duplicates/S/b 01.cbz"));
        assert_true(exists(&l, "library/S/b 01.cbz"));
    }
}

static void name_that_an_earlier_book_leaves_is_free(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result a LB_CLEANUP(op_result_clear) = {0};
    struct op_result b LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/S - Chapter 0001.cbz", "<Number>2</Number>");
    write_book(&l, "library/S/x 1.cbz", NULL);
    preview_ok(&l, "rename", "S/S - Chapter 0001.cbz", "{}", &a);
    preview_ok(&l, "rename", "S/x 1.cbz", "{}", &b);
    assert_string_equal(a.final_path, "S/S - Chapter 0002.cbz");
    assert_string_equal(b.final_path, "S/S - Chapter 0001.cbz");
    assert_false(b.mark_duplicate);
}

static void what_cannot_be_done_is_an_error_of_the_preview_too(void **state)
{
    (void)state;
    static const char *const ops[] = {"process", "normalize"}; /* it can be renamed */
    struct lab l LB_CLEANUP(lab_close) = {0};
    lab_open(&l);
    write_file(&l, "library/S/x 1.cbr", "Rar!\x1a\x07\x01", 8);
    l.env.dry_run = true;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        assert_int_equal(run(&l, ops[i], "S/x 1.cbr", NULL, &r, &err), -1);
        assert_int_equal(err.code, ERR_BOOK);
    }
}

static void long_values_are_cut_at_a_character(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    lab_open(&l);
    write_book(&l, "library/S/x.cbz", NULL);
    strbuf_adds(&text, "{\"tags\": {\"Summary\": \"x");
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&text, "\xc3\xa9");
    strbuf_adds(&text, "\"}}");
    preview_ok(&l, "tag", "S/x.cbz", text.data, &r);
    assert_int_equal(strlen(said(&r, "after", "Summary")), 1023);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preview_changes_nothing_and_says_what_the_run_does),
        cmocka_unit_test(second_book_for_a_name_is_a_duplicate),
        cmocka_unit_test(name_that_an_earlier_book_leaves_is_free),
        cmocka_unit_test(what_cannot_be_done_is_an_error_of_the_preview_too),
        cmocka_unit_test(long_values_are_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
