/*
 * test_unpack.c - archives read by the confined child: what comes out, and what it cannot do. The child is the real
 * longbox-unpack of the build; LB_UNPACK_TRY makes it try what code that took it over would try.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "unpack.h"

LB_DEFINE_CLEANUP(struct scratch, scratch_remove)

struct seen {
    struct strbuf text; /* "name=bytes;" or "name!why;" */
    uint64_t bytes;
    bool keep;
    int stop_after; /* entries, 0 = never */
    int n;
    bool cancel;
};

static int on_begin(void *ctx, const struct entry_info *e, struct err *err)
{
    struct seen *s = ctx;
    if (s->stop_after && ++s->n > s->stop_after)
        return err_set(err, ERR_LIMIT, "enough");
    strbuf_add(&s->text, e->name, e->name_len);
    strbuf_addc(&s->text, '=');
    return 0;
}

static int on_data(void *ctx, const void *bytes, size_t len, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    s->bytes += len;
    if (s->keep)
        strbuf_add(&s->text, bytes, len);
    return 0;
}

static int on_end(void *ctx, const struct err *why, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    strbuf_adds(&s->text, why ? "!;" : ";");
    return 0;
}

static bool cancelled(void *ctx)
{
    return ((struct seen *)ctx)->cancel;
}

static int walk_with(const struct scratch *s, const char *name, const struct unpack_limits *limits,
                     struct seen *seen, struct unpack_report *report, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct entry_sink sink = {on_begin, on_data, on_end, seen, cancelled, seen};
    int rc = unpack_walk(fd, limits, &sink, report, err);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0); /* the descriptor's place is ours */
    return rc;
}

static int walk(const struct scratch *s, const char *name, struct seen *seen, struct err *err)
{
    struct unpack_report report;
    return walk_with(s, name, &UNPACK_LIMITS, seen, &report, err);
}

/* Makes a tar with Python: files a.jpg "first", b.jpg "second", a folder, a link, and what `more` adds. */
static void make_tar(const struct scratch *s, const char *name, const char *more)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf script LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&script,
                "import sys, tarfile, io\n"
                "t = tarfile.open(sys.argv[1], 'w')\n"
                "def add(name, data=b'', kind=None, link=''):\n"
                "    i = tarfile.TarInfo(name); i.size = len(data); i.mtime = 1400000000\n"
                "    if kind: i.type = kind; i.linkname = link\n"
                "    t.addfile(i, io.BytesIO(data))\n"
                "add('a.jpg', b'first')\n"
                "add('sub', kind=tarfile.DIRTYPE)\n"
                "add('sub/b.jpg', b'second')\n"
                "%s\nt.close()\n",
                more);
    scratch_python(s, strbuf_str(&script), name, "", &out);
}

static void files_come_with_their_bytes(void **state)
{
    (void)state;
    struct scratch s LB_CLEANUP(scratch_remove);
    struct seen seen = {.keep = true};
    struct unpack_report report;
    struct err err = {0};
    scratch_make(&s);
    make_tar(&s, "x.cbt",
             "add('link', kind=tarfile.SYMTYPE, link='/etc/passwd')\n"
             "add('pipe', kind=tarfile.FIFOTYPE)\n"
             "add('../../out.jpg', b'third')\n");
    if (walk_with(&s, "x.cbt", &UNPACK_LIMITS, &seen, &report, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(strbuf_str(&seen.text),
                        "a.jpg=first;sub/b.jpg=second;../../out.jpg=third;");
    assert_int_equal(report.n_skipped, 2);
    assert_non_null(strstr(report.format, "tar"));
    strbuf_clear(&seen.text);
}

static void assert_fails(const struct scratch *s, const char *name,
                         const struct unpack_limits *limits, const char *part)
{
    struct seen seen = {0};
    struct unpack_report report;
    struct err err = {0};
    assert_int_equal(walk_with(s, name, limits, &seen, &report, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
    strbuf_clear(&seen.text);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct scratch s LB_CLEANUP(scratch_remove);
    scratch_make(&s);
    scratch_write(&s, "empty.cbr", "", 0);
    scratch_write(&s, "rar.cbr", "Rar!\x1a\x07\x01\x00 and then nothing of use", 32);
    scratch_write(&s, "seven.cb7", "7z\xbc\xaf\x27\x1c\0\4xxxxxxxxxxxxxxxxxxxxxxxxxxxx", 32);
    assert_fails(&s, "rar.cbr", &UNPACK_LIMITS, "cannot be unpacked");
    assert_fails(&s, "seven.cb7", &UNPACK_LIMITS, "cannot be unpacked");
}

/* A RAR of three stored files, by the writer of make-library. `kind` is "rar4_bytes" or "rar5_bytes". */
static void make_rar(const struct scratch *s, const char *name, const char *kind)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    scratch_python(
        s,
        "import sys, importlib.machinery, importlib.util\n"
        "sys.dont_write_bytecode = True\n"
        "loader = importlib.machinery.SourceFileLoader('m', 'tests/tools/make-library')\n"
        "m = importlib.util.module_from_spec(importlib.util.spec_from_loader('m', loader))\n"
        "loader.exec_module(m)\n"
        "entries = [('%d.jpg' % n, b'page %d ' % n * 20) for n in (1, 2, 3)]\n"
        "open(sys.argv[1], 'wb').write(getattr(m, sys.argv[2])(entries))\n",
        name, kind, &out);
}

/* libarchive takes a RAR5 that was cut between two files for a shorter one. */
static void a_cut_rar_is_never_a_shorter_one(void **state)
{
    (void)state;
    static const char *const kinds[] = {"rar4_bytes", "rar5_bytes"};
    static const char want[] = "1.jpg=;2.jpg=;3.jpg=;";
    struct scratch s LB_CLEANUP(scratch_remove);
    scratch_make(&s);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct strbuf all LB_CLEANUP(strbuf_clear) = {0};
        make_rar(&s, "x.cbr", kinds[k]);
        scratch_read(&s, "x.cbr", &all);
        int refused = 0;
        for (size_t len = all.len; len >= 20; len--) {
            struct seen seen = {0};
            struct err err = {0};
            scratch_write(&s, "cut.cbr", all.data, len);
            int rc = walk(&s, "cut.cbr", &seen, &err);
            assert_true(rc == 0 || len < all.len);
            if (rc < 0)
                refused++;
            else if (strcmp(strbuf_str(&seen.text), want) != 0)
                fail_msg("%s cut at %zu of %zu: %s", kinds[k], len, all.len,
                         strbuf_str(&seen.text));
            strbuf_clear(&seen.text);
        }
        assert_true(refused > (int)all.len / 2);
    }
}

static void limits_of_entries_and_bytes_end_it(void **state)
{
    (void)state;
    struct scratch s LB_CLEANUP(scratch_remove);
    struct unpack_limits l = UNPACK_LIMITS;
    scratch_make(&s);
    make_tar(&s, "x.cbt", "add('big.jpg', b'x' * 3000000)\n");
    l.entries = 3; /* the folder counts */
    assert_fails(&s, "x.cbt", &l, "more than 3 entries");
    l = UNPACK_LIMITS;
    l.entry_bytes = 2u << 20;
    assert_fails(&s, "x.cbt", &l, "more than 2 MiB");
    l = UNPACK_LIMITS;
    l.total_bytes = 2u << 20;
    assert_fails(&s, "x.cbt", &l, "more than 2 MiB");
}

/* 70 MB of zeros in some KB, as the formats of packed tars allow. */
static void a_bomb_is_ended_by_its_ratio(void **state)
{
    (void)state;
    struct scratch s LB_CLEANUP(scratch_remove);
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    scratch_make(&s);
    scratch_python(&s,
                   "import sys, tarfile, io\n"
                   "t = tarfile.open(sys.argv[1], 'w:gz')\n"
                   "i = tarfile.TarInfo('a.jpg'); i.size = 70 << 20\n"
                   "t.addfile(i, io.BytesIO(bytes(i.size))); t.close()\n",
                   "bomb.cbt", "", &out);
    assert_fails(&s, "bomb.cbt", &UNPACK_LIMITS, "200 times its size");
}

static void the_sink_can_end_it(void **state)
{
    (void)state;
    struct scratch s LB_CLEANUP(scratch_remove);
    struct seen seen = {.stop_after = 1};
    struct err err = {0};
    scratch_make(&s);
    make_tar(&s, "x.cbt", "");
    assert_int_equal(walk(&s, "x.cbt", &seen, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(strbuf_str(&seen.text), "a.jpg=;");
    strbuf_clear(&seen.text);
}

/* ------------------------------------------------------------------ what it cannot do */

static struct scratch trial;

static void try_it(const char *what, const struct unpack_limits *limits, struct err *ret)
{
    struct seen seen = {0};
    struct unpack_report report;
    *ret = (struct err){0};
    assert_int_equal(setenv("LB_UNPACK_TRY", what, 1), 0);
    assert_int_equal(walk_with(&trial, "x.cbt", limits, &seen, &report, ret), -1);
    assert_int_equal(unsetenv("LB_UNPACK_TRY"), 0);
    strbuf_clear(&seen.text);
}

static void assert_said(const struct err *err, const char *part)
{
    if (!strstr(err->msg, part))
        fail_msg("\"%s\" does not say \"%s\"", err->msg, part);
}

static int trial_setup(void **state)
{
    (void)state;
    scratch_make(&trial);
    make_tar(&trial, "x.cbt", "");
    return 0;
}

static int trial_teardown(void **state)
{
    (void)state;
    scratch_remove(&trial);
    return 0;
}

static void it_cannot_open_files(void **state)
{
    (void)state;
    struct err err;
    struct stat st;
    try_it("open", &UNPACK_LIMITS, &err);
    assert_said(&err, "open: errno 13"); /* EACCES, and it is root here or not */
    try_it("create", &UNPACK_LIMITS, &err);
    assert_said(&err, "create: errno 13");
    assert_int_equal(stat("/tmp/longbox-unpack-was-here", &st), -1);
}

static void it_is_killed_for_anything_else(void **state)
{
    (void)state;
    static const char *const all[] = {"socket", "fork", "exec", "kill", "unlink", "code"};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct err err;
        try_it(all[i], &UNPACK_LIMITS, &err);
        assert_said(&err, "what it must not");
    }
}

static void memory_and_time_end(void **state)
{
    (void)state;
    struct err err;
    struct unpack_limits l = UNPACK_LIMITS;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    l.memory_mib = 100;
    try_it("memory", &l, &err);
    assert_said(&err, "no more memory after");
    assert_true(strtol(strstr(err.msg, "after") + 6, NULL, 10) < 100);
#endif
    l = UNPACK_LIMITS;
    l.cpu_s = 1;
    try_it("spin", &l, &err);
    assert_said(&err, "more than 1 s of CPU time");
    l = UNPACK_LIMITS;
    l.wall_s = 1;
    try_it("spin", &l, &err);
    assert_said(&err, "takes more than 1 s");
}

static void what_it_says_is_not_believed(void **state)
{
    (void)state;
    struct err err;
    try_it("nonsense", &UNPACK_LIMITS, &err); /* data without an entry */
    assert_said(&err, "nonsense");
}

static void cancel_ends_it_though_it_is_silent(void **state)
{
    (void)state;
    struct seen seen = {.cancel = true};
    struct unpack_report report;
    struct err err = {0};
    assert_int_equal(setenv("LB_UNPACK_TRY", "spin", 1), 0);
    assert_int_equal(walk_with(&trial, "x.cbt", &UNPACK_LIMITS, &seen, &report, &err), -1);
    assert_int_equal(unsetenv("LB_UNPACK_TRY"), 0);
    assert_int_equal(err.code, ERR_CANCELLED);
}

static int count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static void nothing_is_left_open_and_no_child_unreaped(void **state)
{
    (void)state;
    int before = count_descriptors();
    struct err err;
    struct seen seen = {0};
    for (int i = 0; i < 3; i++) {
        err = (struct err){0};
        assert_int_equal(walk(&trial, "x.cbt", &seen, &err), 0);
        try_it("fork", &UNPACK_LIMITS, &err);
    }
    strbuf_clear(&seen.text);
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_with_their_bytes),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(a_cut_rar_is_never_a_shorter_one),
        cmocka_unit_test(limits_of_entries_and_bytes_end_it),
        cmocka_unit_test(a_bomb_is_ended_by_its_ratio),
        cmocka_unit_test(the_sink_can_end_it),
        cmocka_unit_test_setup_teardown(it_cannot_open_files, trial_setup, trial_teardown),
        cmocka_unit_test_setup_teardown(it_is_killed_for_anything_else, trial_setup,
                                        trial_teardown),
        cmocka_unit_test_setup_teardown(memory_and_time_end, trial_setup, trial_teardown),
        cmocka_unit_test_setup_teardown(what_it_says_is_not_believed, trial_setup, trial_teardown),
        cmocka_unit_test_setup_teardown(cancel_ends_it_though_it_is_silent, trial_setup,
                                        trial_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_left_open_and_no_child_unreaped, trial_setup,
                                        trial_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
