/*
 * test_op_repair.c - what is saved of damaged archives: by their directory, by their local headers; and that the old
 * file stays as it is, whatever happens.
 */
#include "op_lab.h"

#include "scratch.h"
#include "zip_salvage.h"
#include "zipmaker.h"

#define PAGES 4

static const char *page_text(int i)
{
    static char text[4][600];
    char *p = text[i % 4];
    (void)snprintf(p, 600, "GIF89a page %d %0*d", i, 400 + i, i);
    return p;
}

/* Four pages, packed in four ways. */
static void make_book(struct zipmaker *m)
{
    static const unsigned flags[PAGES] = {0, ZM_DEFLATE, ZM_DEFLATE | ZM_DESCRIPTOR, ZM_WIDE};
    for (int i = 0; i < PAGES; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%d.gif", i);
        zipmaker_adds(m, name, page_text(i), flags[i]);
    }
    zipmaker_end(m, "", 0);
}

/* "name=ok " of what a Python reader finds in the book, each entry compared with its page. */
static void read_pages(const struct lab *l, const char *path, char ret[256])
{
    struct scratch s = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l->dir);
    scratch_python(&s,
                   "import sys, zipfile\n"
                   "for i in zipfile.ZipFile(sys.argv[1]).infolist():\n"
                   "    n = int(i.filename[0])\n"
                   "    d = zipfile.ZipFile(sys.argv[1]).read(i)\n"
                   "    ok = d == b'GIF89a page %d %0*d' % (n, 400 + n, n)\n"
                   "    print('%s=%s' % (i.filename, 'ok' if ok else 'wrong'), end=' ')",
                   path, "", &out);
    (void)snprintf(ret, 256, "%s", strbuf_str(&out));
}

static void run_repair(struct lab *l, const char *path, const char *want, int lost)
{
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct strbuf before LB_CLEANUP(strbuf_clear) = {0}, after LB_CLEANUP(strbuf_clear) = {0};
    struct scratch s = {.fd = l->env.library_fd};
    char is[256];
    scratch_read(&s, path, &before);
    run_ok(l, "repair", path, &r);
    scratch_read(&s, path, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(strbuf_str(&before), strbuf_str(&after), after.len);
    assert_true(exists(l, "library/a (repaired).cbz"));
    read_pages(l, "library/a (repaired).cbz", is);
    assert_string_equal(is, want);
    assert_int_equal(json_integer_value(json_object_get(r.details, "lost")), lost);
    assert_false(r.changed_file);
    assert_null(r.final_path);
    assert_int_equal(unlinkat(l->env.library_fd, "a (repaired).cbz", 0), 0);
}

static void a_cut_book_keeps_the_pages_before_the_cut(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    make_book(&m);
    write_file(&l, "library/a.cbz", m.out.data, m.out.len - 30);
    run_repair(&l, "a.cbz", "0.gif=ok 1.gif=ok 2.gif=ok 3.gif=ok ", 0);
    write_file(&l, "library/a.cbz", m.out.data, m.entries[3].end - 1);
    run_repair(&l, "a.cbz", "0.gif=ok 1.gif=ok 2.gif=ok ", 1);
    write_file(&l, "library/a.cbz", m.out.data, m.entries[2].at + 5);
    run_repair(&l, "a.cbz", "0.gif=ok 1.gif=ok ", 0); /* of the third not even a header is left */
    /* the beginning is missing, too */
    write_file(&l, "library/a.cbr", m.out.data + 100, m.entries[2].end - 100);
    run_repair(&l, "a.cbr", "1.gif=ok 2.gif=ok ", 0);
}

static void a_damaged_page_is_left_out(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    make_book(&m);
    m.out.data[m.entries[1].end - 10] ^= 1;
    write_file(&l, "library/a.cbz", m.out.data, m.out.len);
    run_repair(&l, "a.cbz", "0.gif=ok 2.gif=ok 3.gif=ok ", 1); /* by the directory */
    write_file(&l, "library/a.cbz", m.out.data, m.out.len - 30);
    run_repair(&l, "a.cbz", "0.gif=ok 2.gif=ok 3.gif=ok ", 1); /* by the local headers */
    /* other data before the archive */
    struct strbuf with_junk LB_CLEANUP(strbuf_clear) = {0};
    strbuf_adds(&with_junk, "some other data");
    strbuf_add(&with_junk, m.out.data, m.out.len);
    write_file(&l, "library/a.cbz", with_junk.data, with_junk.len);
    run_repair(&l, "a.cbz", "0.gif=ok 2.gif=ok 3.gif=ok ", 1);
}

static void what_was_replaced_later_does_not_come_back(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    lab_open(&l);
    zipmaker_adds(&m, "0.gif", "an older one", 0);
    zipmaker_adds(&m, "1.gif", page_text(1), 0);
    zipmaker_adds(&m, "0.gif", page_text(0), 0);
    zipmaker_end(&m, "", 0);
    write_file(&l, "library/a.cbz", m.out.data, m.out.len - 30);
    run_repair(&l, "a.cbz", "1.gif=ok 0.gif=ok ", 0);
}

static void assert_refused(struct lab *l, const char *path, enum err_code code, const char *part)
{
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    struct scratch s = {0};
    (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l->library);
    int files = scratch_count(&s, "");
    assert_int_equal(run(l, "repair", path, NULL, &r, &err), -1);
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
    assert_int_equal(scratch_count(&s, ""), files);
}

static void what_cannot_be_repaired_says_why(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0}, n LB_CLEANUP(zipmaker_clear) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    make_book(&m);
    write_file(&l, "library/good.cbz", m.out.data, m.out.len);
    run_ok(&l, "repair", "good.cbz", &r);
    assert_string_equal(r.message, "nothing is wrong with it");
    assert_false(exists(&l, "library/good (repaired).cbz"));
    assert_int_equal(l.declared, 0);
    write_file(&l, "library/rar.cbr", "Rar!\x1a\x07\x01\x00 and then nothing of use", 32);
    assert_refused(&l, "rar.cbr", ERR_BOOK, "only zip archives");
    write_file(&l, "library/text.cbz", "no archive at all", 17);
    assert_refused(&l, "text.cbz", ERR_BOOK, "no file in it");
    write_file(&l, "library/empty.cbz", "", 0);
    assert_refused(&l, "empty.cbz", ERR_BOOK, "empty");
    assert_refused(&l, "none.cbz", ERR_NOT_FOUND, "");
    zipmaker_adds(&n, "0.gif", page_text(0), ZM_ENCRYPTED);
    zipmaker_end(&n, "", 0);
    write_file(&l, "library/locked.cbz", n.out.data, n.out.len);
    assert_refused(&l, "locked.cbz", ERR_BOOK, "no file in it");
    write_file(&l, "library/b.cbz", m.out.data, m.out.len - 30);
    write_file(&l, "library/b (repaired).cbz", "x", 1);
    assert_refused(&l, "b.cbz", ERR_BOOK, "is there already");
    l.cancel = true;
    write_file(&l, "library/c.cbz", m.out.data, m.out.len - 30);
    assert_refused(&l, "c.cbz", ERR_CANCELLED, "cancelled");
}

static int plan_free(void *ctx, const char *to, bool on_disk, bool *ret_taken, struct err *err)
{
    (void)ctx, (void)err, (void)on_disk;
    assert_string_equal(to, "a (repaired).cbz");
    *ret_taken = false;
    return 0;
}

static void a_preview_makes_nothing(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    l.env.dry_run = true;
    l.env.plan_name = plan_free;
    make_book(&m);
    write_file(&l, "library/a.cbz", m.out.data, m.out.len - 30);
    run_ok(&l, "repair", "a.cbz", &r);
    assert_non_null(json_object_get(r.details, "preview"));
    assert_false(exists(&l, "library/a (repaired).cbz"));
    assert_int_equal(l.declared, 0);
}

/* ------------------------------------------------------------------ the search */

static int salvage(const void *bytes, size_t len, struct zip_salvage *ret, struct err *err)
{
    struct scratch s;
    scratch_make(&s);
    scratch_write(&s, "x", bytes, len);
    int fd LB_CLEANUP(fd_close) = openat(s.fd, "x", O_RDONLY | O_CLOEXEC);
    *err = (struct err){0};
    int rc = zip_salvage_find(fd, len, NULL, NULL, ret, err);
    scratch_remove(&s);
    return rc;
}

static void every_cut_saves_what_is_whole(void **state)
{
    (void)state;
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    make_book(&m);
    for (size_t len = 0; len <= m.out.len; len += 7) {
        struct zip_salvage s LB_CLEANUP(zip_salvage_clear) = {0};
        struct err err;
        size_t whole = 0;
        assert_int_equal(salvage(m.out.data, len, &s, &err), 0);
        for (int i = 0; i < PAGES; i++)
            whole += m.entries[i].end <= len;
        if (s.n != whole) /* a descriptor needs no mark and no more than its first fields */
            assert_true(s.n == whole + 1 || whole == 0);
    }
}

/* A file of nothing but headers, each with as much data as there is: found out by the work it makes. */
static void a_file_of_headers_is_given_up(void **state)
{
    (void)state;
    enum { HEADERS = 60000 };
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    struct zip_salvage s LB_CLEANUP(zip_salvage_clear) = {0};
    struct err err;
    size_t size = HEADERS * 31;
    for (int i = 0; i < HEADERS; i++) {
        unsigned char p[31] = "PK\3\4";
        size_t packed = size - (size_t)(i + 1) * 31;
        for (int k = 0; k < 4; k++)
            p[18 + k] = p[22 + k] = (unsigned char)(packed >> (8 * k));
        p[26] = 1;
        p[30] = 'a';
        strbuf_add(&b, p, sizeof(p));
    }
    assert_int_equal(salvage(b.data, b.len, &s, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

#ifdef LB_FAULTS
static void a_killed_run_is_finished_with_the_same_result(void **state)
{
    (void)state;
    static const char *const points[] = {
        "repair_declared",      "new_book_made", "new_book_written", "repair_proven",
        "new_book_before_name", "move_renamed",  "new_book_named",   "repair_done"};
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct lab l LB_CLEANUP(lab_close);
        struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
        struct op_result got LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        char fault[64], is[256], path[128];
        lab_open(&l);
        make_book(&m);
        write_file(&l, "library/a.cbz", m.out.data, m.entries[3].end - 1);
        (void)fflush(NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct op_result r = {0};
            (void)snprintf(fault, sizeof(fault), "%s:1:kill", points[i]);
            (void)setenv("LB_FAULT", fault, 1);
            _exit(run(&l, "repair", "a.cbz", NULL, &r, &err) == 0 ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        (void)snprintf(path, sizeof(path), "%s/intent", l.dir);
        json_t *intent = json_load_file(path, 0, NULL);
        if (run(&l, "repair", "a.cbz", intent, &got, &err) < 0)
            fail_msg("%s: %s", points[i], err.msg);
        json_decref(intent);
        read_pages(&l, "library/a (repaired).cbz", is);
        assert_string_equal(is, "0.gif=ok 1.gif=ok 2.gif=ok ");
        assert_string_equal(got.message, "3 files saved, 1 lost; the old file is as it was");
        struct scratch s = {0};
        (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l.library);
        assert_int_equal(scratch_count(&s, ".longbox"), 0);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_book_keeps_the_pages_before_the_cut),
        cmocka_unit_test(a_damaged_page_is_left_out),
        cmocka_unit_test(what_was_replaced_later_does_not_come_back),
        cmocka_unit_test(what_cannot_be_repaired_says_why),
        cmocka_unit_test(a_preview_makes_nothing),
        cmocka_unit_test(every_cut_saves_what_is_whole),
        cmocka_unit_test(a_file_of_headers_is_given_up),
#ifdef LB_FAULTS
        cmocka_unit_test(a_killed_run_is_finished_with_the_same_result),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
