/* test_op_verify.c - what verify finds in books, and what it makes of the item. */
#include "op_lab.h"

#include "scratch.h"
#include "zipmaker.h"

/* A picture of its own for each number. */
static const char *picture(char c)
{
    static char text[4][32];
    static int next;
    char *p = text[next++ % 4];
    (void)snprintf(p, 32, "GIF89a%c%c%c%cxyz%c", 16, 1, 16, 1, c);
    return p;
}

struct verdict {
    int rc;
    struct err err;
    struct op_result result;
    char codes[256]; /* the codes, in order, each with a blank behind */
};

static void verdict_clear(struct verdict *v)
{
    op_result_clear(&v->result);
}
LB_DEFINE_CLEANUP(struct verdict, verdict_clear)

static struct verdict verify(struct lab *l, const char *path)
{
    struct verdict v = {0};
    v.rc = run(l, "verify", path, NULL, &v.result, &v.err);
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(v.result.details, "problems"), i, p)
    {
        assert_true(strlen(json_string_value(json_object_get(p, "text"))) > 0);
        (void)snprintf(v.codes + strlen(v.codes), sizeof(v.codes) - strlen(v.codes), "%s ",
                       json_string_value(json_object_get(p, "code")));
    }
    if (v.result.check)
        assert_int_equal(v.result.check->n_problems, i);
    return v;
}

static void put_book(const struct lab *l, const char *path, struct zipmaker *m)
{
    zipmaker_end(m, "", 0);
    write_file(l, path, m->out.data, m->out.len);
}

static void assert_codes(struct lab *l, const char *path, bool broken, const char *codes)
{
    struct verdict v LB_CLEANUP(verdict_clear) = verify(l, path);
    if (strcmp(v.codes, codes) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", path, v.codes, codes);
    assert_int_equal(v.rc, broken ? -1 : 0);
    assert_int_equal(v.err.code, broken ? ERR_BOOK : ERR_NONE);
    assert_non_null(v.result.check);
    assert_false(v.result.changed_file || v.result.mark_processed);
    assert_int_equal(l->declared, 0);
}

static void a_sound_book_has_nothing(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    zipmaker_adds(&m, "sub/", "", 0);
    zipmaker_adds(&m, "sub/1.gif", picture('a'), ZM_DEFLATE);
    zipmaker_adds(&m, "sub/2.gif", picture('b'), ZM_DESCRIPTOR | ZM_DEFLATE);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>x</Title></ComicInfo>", 0);
    zipmaker_adds(&m, "credits.txt", "thanks", 0);
    put_book(&l, "library/a.cbz", &m);
    assert_codes(&l, "a.cbz", false, "");
    struct verdict v LB_CLEANUP(verdict_clear) = verify(&l, "a.cbz");
    assert_int_equal(v.result.check->pages, 2);
    assert_string_equal(v.result.message, "");
    assert_int_equal(strlen(v.result.check->content), 32);
}

static void lesser_findings_leave_it_a_success(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0}, n LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    zipmaker_adds(&m, "10.gif", picture('a'), 0);
    zipmaker_adds(&m, "2.gif", picture('b'), 0);
    zipmaker_adds(&m, "3.png", picture('c'), 0);
    zipmaker_adds(&m, "4.gif", picture('b'), 0);
    zipmaker_adds(&m, "__MACOSX/._2.gif", "x", 0);
    zipmaker_adds(&m, "more.zip", "PK\3\4", 0);
    zipmaker_adds(&m, "../out.txt", "x", 0);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>", 0);
    put_book(&l, "library/a.cbz", &m);
    assert_codes(
        &l, "a.cbz", false,
        "picture_type junk nested_archive unsafe_name bad_tags page_order page_names same_page ");
    struct verdict v LB_CLEANUP(verdict_clear) = verify(&l, "a.cbz");
    assert_string_equal(v.result.message, "8 findings");
    zipmaker_adds(&n, "1.gif", picture('a'), 0);
    zipmaker_adds(&n, "1.gif", picture('b'), 0);
    put_book(&l, "library/b.cbr", &n);
    assert_codes(&l, "b.cbr", false, "misnamed same_name ");
}

static void what_readers_cannot_show_is_an_error(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0}, n LB_CLEANUP(zipmaker_clear) = {0};
    struct zipmaker o LB_CLEANUP(zipmaker_clear) = {0}, p LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    zipmaker_adds(&m, "1.gif", picture('a'), 0);
    zipmaker_adds(&m, "2.gif", "no picture at all", 0);
    zipmaker_adds(&m, "3.gif", picture('c'), 0);
    m.out.data[m.entries[2].end - 1] ^= 1; /* its checksum does not match any more */
    put_book(&l, "library/a.cbz", &m);
    assert_codes(&l, "a.cbz", true, "bad_picture damaged_entry ");
    struct verdict v LB_CLEANUP(verdict_clear) = verify(&l, "a.cbz");
    assert_string_equal(v.err.msg, "'2.gif' is no picture (and 1 more)");
    assert_null(v.result.check->content); /* not all could be read */
    zipmaker_adds(&n, "read.txt", "x", 0);
    put_book(&l, "library/b.cbz", &n);
    assert_codes(&l, "b.cbz", true, "no_pages ");
    zipmaker_adds(&o, "1.gif", picture('a'), ZM_ENCRYPTED);
    put_book(&l, "library/c.cbz", &o);
    assert_codes(&l, "c.cbz", true, "encrypted ");
    write_file(&l, "library/d.cbz", "", 0);
    assert_codes(&l, "d.cbz", true, "damaged ");
    write_file(&l, "library/e.cbz", "%PDF-1.4 and so on", 18);
    assert_codes(&l, "e.cbz", true, "not_a_book ");
    zipmaker_adds(&p, "1.gif", picture('a'), 0);
    zipmaker_end(&p, "", 0);
    write_file(&l, "library/f.cbz", p.out.data, p.out.len - 30);
    assert_codes(&l, "f.cbz", true, "damaged ");
}

static void other_archives_are_read_too(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    struct scratch s = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l.dir);
    static const char script[] =
        "import sys, tarfile, io\n"
        "t = tarfile.open(sys.argv[1], 'w')\n"
        "for n, c in ((1, b'a'), (2, b'b')):\n"
        "    d = b'GIF89a\\x10\\1\\x10\\1xyz' + c\n"
        "    i = tarfile.TarInfo('x/%d.gif' % n); i.size = len(d); t.addfile(i, io.BytesIO(d))\n"
        "t.close()\n";
    scratch_python(&s, script, "library/a.cbt", "", &out);
    scratch_python(&s, script, "library/b.cbz", "", &out);
    assert_codes(&l, "a.cbt", false, "");
    assert_codes(&l, "b.cbz", false, "misnamed ");
    zipmaker_adds(&m, "1.gif", picture('a'), 0);
    zipmaker_adds(&m, "2.gif", picture('b'), 0);
    put_book(&l, "library/c.cbz", &m);
    /* the same pages under other names in another archive */
    struct verdict v LB_CLEANUP(verdict_clear) = verify(&l, "a.cbt");
    struct verdict w LB_CLEANUP(verdict_clear) = verify(&l, "c.cbz");
    assert_string_equal(v.result.check->content, w.result.check->content);
    write_file(&l, "library/d.cbr", "Rar!\x1a\x07\x01\x00 and then nothing of use", 32);
    assert_codes(&l, "d.cbr", true, "damaged ");
}

static void order_of_pages_counts_for_the_content(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0}, n LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    zipmaker_adds(&m, "1.gif", picture('a'), 0);
    zipmaker_adds(&m, "2.gif", picture('b'), 0);
    put_book(&l, "library/a.cbz", &m);
    zipmaker_adds(&n, "1.gif", picture('b'), 0);
    zipmaker_adds(&n, "2.gif", picture('a'), 0);
    put_book(&l, "library/b.cbz", &n);
    struct verdict v LB_CLEANUP(verdict_clear) = verify(&l, "a.cbz");
    struct verdict w LB_CLEANUP(verdict_clear) = verify(&l, "b.cbz");
    assert_string_not_equal(v.result.check->content, w.result.check->content);
}

static void a_list_of_problems_has_an_end(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    struct scratch s = {0};
    lab_open(&l);
    (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l.dir);
    scratch_python(&s,
                   "import sys, zipfile\n"
                   "z = zipfile.ZipFile(sys.argv[1], 'w')\n"
                   "for i in range(300): z.writestr('%03d.gif' % i, 'x' + str(i))\n"
                   "for i in range(300): z.writestr('%03d.nfo' % i, 'x')\n"
                   "z.close()\n",
                   "library/a.cbz", "", &out);
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    assert_int_equal(run(&l, "verify", "a.cbz", NULL, &r, &err), -1);
    assert_string_equal(err.msg, "'000.gif' is no picture (and 299 more)");
    assert_int_equal(json_array_size(json_object_get(r.details, "problems")), 100);
    assert_int_equal(json_integer_value(json_object_get(r.details, "problem_count")), 600);
    assert_int_equal(r.check->n_problems, 600);
}

static void what_is_no_file_and_cancel(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    lab_open(&l);
    assert_int_equal(run(&l, "verify", "none.cbz", NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_int_equal(mkfifoat(l.env.library_fd, "pipe.cbz", 0600), 0);
    assert_int_equal(run(&l, "verify", "pipe.cbz", NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    zipmaker_adds(&m, "1.gif", picture('a'), 0);
    put_book(&l, "library/a.cbz", &m);
    l.cancel = true;
    assert_int_equal(run(&l, "verify", "a.cbz", NULL, &r, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_null(r.check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_book_has_nothing),
        cmocka_unit_test(lesser_findings_leave_it_a_success),
        cmocka_unit_test(what_readers_cannot_show_is_an_error),
        cmocka_unit_test(other_archives_are_read_too),
        cmocka_unit_test(order_of_pages_counts_for_the_content),
        cmocka_unit_test(a_list_of_problems_has_an_end),
        cmocka_unit_test(what_is_no_file_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
