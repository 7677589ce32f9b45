/*
 * test_unar.c - archives that libarchive cannot read, through unar: the real one, and a false one, which is this program
 * under the names lsar and unar. What the false one does is in the file "do" beside it: an argument cannot say it, and
 * of the environment nothing comes through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "path.h"
#include "scratch.h"
#include "unpack_any.h"

LB_DEFINE_CLEANUP(struct scratch, scratch_remove)

/* ------------------------------------------------------------------ the false programs */

static char false_text[16384];

static size_t false_read(const char *program, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%.*s%s", (int)(path_base(program) - program), program,
                   name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, false_text, sizeof(false_text) - 1);
    (void)close(fd);
    false_text[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static int code_of(long rc)
{
    return rc < 0 ? errno : 0;
}

/* What code that took it over would try; the errno of each. */
static int false_try(char *ret, size_t size)
{
    extern char **environ;
    int variables = 0, descriptors = 0;
    while (environ[variables])
        variables++;
    for (int fd = 0; fd < 64; fd++)
        descriptors += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
    int create = code_of(open("/tmp/longbox-unar-was-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    int overwrite = code_of(open("/proc/self/fd/0", O_RDWR | O_CLOEXEC));
    int dial = code_of(socket(AF_INET, SOCK_STREAM, 0));
    int child = code_of(fork());
    int killed = code_of(kill(getppid(), 0));
    int removed = code_of(unlink("/tmp/longbox-unar-was-here"));
    return snprintf(ret, size, "%d %d %d %d %d %d; %d variables, %d descriptors", create, overwrite,
                    dial, child, killed, removed, variables, descriptors);
}

static int false_main(const char *program)
{
    char mode[16] = "";
    bool lists = strcmp(path_base(program), "lsar") == 0;
    (void)false_read(program, "do");
    (void)snprintf(mode, sizeof(mode), "%.15s", false_text);
    size_t n = false_read(program, lists ? "list" : "bytes");
    if (!lists && strcmp(mode, "try") == 0)
        n = (size_t)false_try(false_text, sizeof(false_text));
    if (lists && strcmp(mode, "endless") == 0)
        while (write(1, false_text, n) > 0)
            ;
    if (write(1, false_text, n) < 0)
        return 1;
    while (strcmp(mode, "spin") == 0)
        ;
    if (strcmp(mode, "closed") == 0 && close(1) == 0)
        for (;;)
            (void)pause();
    return strcmp(mode, lists ? "list fails" : "fails") == 0;
}

/* ------------------------------------------------------------------ walking */

struct seen {
    struct strbuf text; /* "name=bytes;" or "name=bytes!;" */
    int begun;
    bool cancel;
};

static int on_begin(void *ctx, const struct entry_info *e, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    strbuf_add(&s->text, e->name, e->name_len);
    strbuf_addc(&s->text, '=');
    return 0;
}

static int on_data(void *ctx, const void *bytes, size_t len, struct err *err)
{
    (void)err;
    strbuf_add(&((struct seen *)ctx)->text, bytes, len);
    return 0;
}

static int on_end(void *ctx, const struct err *why, struct err *err)
{
    (void)err;
    strbuf_adds(&((struct seen *)ctx)->text, why ? "!;" : ";");
    return 0;
}

static bool cancelled(void *ctx)
{
    return ((struct seen *)ctx)->cancel;
}

static int begin(void *ctx, struct entry_sink *ret, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    s->begun++;
    strbuf_clear(&s->text);
    *ret = (struct entry_sink){on_begin, on_data, on_end, s, cancelled, s};
    return 0;
}

static int walk(const struct scratch *s, const char *name, const struct unpack_limits *limits,
                struct seen *seen, struct unpack_report *report, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
    struct unpack_target target = {begin, seen};
    assert_true(fd >= 0);
    return unpack_any(fd, limits, &target, report, err);
}

static void assert_fails(const struct scratch *s, const char *name,
                         const struct unpack_limits *limits, const char *part)
{
    struct seen seen = {0};
    struct unpack_report report;
    struct err err = {0};
    assert_int_equal(walk(s, name, limits, &seen, &report, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    assert_null(report.by);
    if (!strstr(err.msg, part))
        fail_msg("%s: \"%s\" does not say \"%s\"", name, err.msg, part);
    strbuf_clear(&seen.text);
}

/* ------------------------------------------------------------------ archives */

/*
 * Sound archives of three stored files that libarchive 3.6.2 gives up on: a recovery record of RAR 2, an authenticity
 * block, and in RAR 5 a block of a kind to come, with data. unar and RARLAB's own code read them. And those that must
 * not go to unar.
 */
static const char maker[] =
    "import sys, struct, zlib, importlib.machinery, importlib.util\n"
    "sys.dont_write_bytecode = True\n"
    "loader = importlib.machinery.SourceFileLoader('m', 'tests/tools/make-library')\n"
    "m = importlib.util.module_from_spec(importlib.util.spec_from_loader('m', loader))\n"
    "loader.exec_module(m)\n"
    "pages = [('%d.jpg' % n, b'page %d.' % n) for n in (1, 2, 3)]\n"
    "def b4(kind, flags, rest, data=b''):\n"
    "    b = struct.pack('<BHH', kind, flags, 7 + len(rest)) + rest\n"
    "    return struct.pack('<H', zlib.crc32(b) & 0xffff) + b + data\n"
    "def b5(body, data=b''):\n"
    "    h = m._vint(len(body)) + body\n"
    "    return struct.pack('<I', zlib.crc32(h)) + h + data\n"
    "mark4, mark5 = b'Rar!\\x1a\\x07\\0', b'Rar!\\x1a\\x07\\x01\\0'\n"
    "rest4 = m.rar4_bytes(pages)[20:]\n"
    "rest5 = m.rar5_bytes(pages)[8 + len(b5(b'\\1\\0\\0')):]\n"
    "record = b4(0x78, 0x8000, struct.pack('<I', 50), b'P' * 50)\n"
    "coming = b5(b'\\x09\\x06\\x1e', b'x' * 30)\n"
    "all = {\n"
    "    'record.cbr': mark4 + b4(0x73, 0, bytes(6)) + record + rest4,\n"
    "    'sign.cbr': mark4 + b4(0x73, 0, bytes(6)) + b4(0x79, 0x8000, struct.pack('<I', 9), b'S' * "
    "9) + rest4,\n"
    "    'coming.cbr': mark5 + b5(b'\\1\\0\\0') + coming + rest5,\n"
    "    'split4.cbr': mark4 + b4(0x73, 1, bytes(6)) + record + rest4,\n"
    "    'split5.cbr': mark5 + b5(b'\\1\\0\\1') + coming + rest5,\n"
    "    'locked.cbr': mark4 + b4(0x73, 0x80, bytes(6)) + record + rest4,\n"
    "    'wrong.cbr': mark4 + b4(0x73, 0, bytes(6)) + record + rest4.replace(b'page 2', b'page "
    "X'),\n"
    "}\n"
    "import os\n"
    "for name in all: open(os.path.join(os.path.dirname(sys.argv[1]), name), "
    "'wb').write(all[name])\n";

#define PAGES "1.jpg=page 1.;2.jpg=page 2.;3.jpg=page 3.;"

static struct scratch s;
static char *real_path;

static int setup(void **state)
{
    (void)state;
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    assert_int_equal(setenv("PATH", real_path, 1), 0);
    scratch_make(&s);
    scratch_python(&s, maker, "x", "", &out);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

/* ------------------------------------------------------------------ the real one */

static void what_libarchive_cannot_read_is_read_by_unar(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"record.cbr", "RAR"}, {"sign.cbr", "RAR"}, {"coming.cbr", "RAR5"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct seen seen = {0};
        struct unpack_report report;
        struct err err = {0};
        if (walk(&s, names[i][0], &UNPACK_LIMITS, &seen, &report, &err) < 0)
            fail_msg("%s: %s", names[i][0], err.msg);
        assert_string_equal(strbuf_str(&seen.text), PAGES);
        assert_string_equal(report.by, "unar");
        assert_string_equal(report.format, names[i][1]);
        assert_int_equal(seen.begun, 2);
        strbuf_clear(&seen.text);
    }
}

static void damage_is_no_less_damage(void **state)
{
    (void)state;
    assert_fails(&s, "wrong.cbr", &UNPACK_LIMITS,
                 "nor by unar: the checksum of \"2.jpg\" is wrong");
}

static void a_cut_one_is_never_a_shorter_one(void **state)
{
    (void)state;
    static const char *const names[] = {"record.cbr", "coming.cbr"};
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        struct strbuf all LB_CLEANUP(strbuf_clear) = {0};
        scratch_read(&s, names[k], &all);
        for (size_t len = all.len - 8; len >= 20; len -= 3) { /* the last block is 7 or 8 bytes */
            scratch_write(&s, "cut.cbr", all.data, len);
            assert_fails(&s, "cut.cbr", &UNPACK_LIMITS, "");
        }
    }
}

static void limits_hold_for_it(void **state)
{
    (void)state;
    struct unpack_limits l = UNPACK_LIMITS;
    l.entries = 2;
    assert_fails(&s, "record.cbr", &l, "nor by unar: the archive has more than 2 entries");
    l = UNPACK_LIMITS;
    l.entry_bytes = 6;
    assert_fails(&s, "record.cbr", &l, "nor by unar: an entry unpacks to more");
    l = UNPACK_LIMITS;
    l.total_bytes = 20;
    assert_fails(&s, "record.cbr", &l, "nor by unar: the archive unpacks to more");
}

/* ------------------------------------------------------------------ the false one */

/* {"name", size, crc} of one page. */
static void put_list(const char *more, size_t size, unsigned long crc)
{
    char list[1024];
    int n = snprintf(list, sizeof(list),
                     "{\"lsarFormatVersion\":2,\"lsarContents\":[{\"XADFileName\":\"a.jpg\","
                     "\"XADIndex\":0,\"XADFileSize\":%zu,\"RARCRC32\":%lu}%s],"
                     "\"lsarFormatName\":\"RAR\"}",
                     size, crc, more);
    scratch_write(&s, "list", list, (size_t)n);
}

static int setup_false(void **state)
{
    char self[512];
    (void)setup(state);
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = '\0';
    assert_int_equal(symlinkat(self, s.fd, "lsar"), 0);
    assert_int_equal(symlinkat(self, s.fd, "unar"), 0);
    assert_int_equal(setenv("PATH", s.dir, 1), 0);
    put_list("", 6, crc32(0, (const Bytef *)"abcdef", 6));
    scratch_write(&s, "bytes", "abcdef", 6);
    return 0;
}

static void put_mode(const char *mode)
{
    scratch_write(&s, "do", mode, strlen(mode));
}

static void the_false_one_is_believed_when_all_fits(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct unpack_report report;
    struct err err = {0};
    assert_int_equal(walk(&s, "record.cbr", &UNPACK_LIMITS, &seen, &report, &err), 0);
    assert_string_equal(strbuf_str(&seen.text), "a.jpg=abcdef;");
    strbuf_clear(&seen.text);
}

static void what_another_reader_may_not_have_does_not_go_there(void **state)
{
    (void)state;
    static const char *const names[] = {"split4.cbr", "split5.cbr", "locked.cbr"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct seen seen = {0};
        struct unpack_report report;
        struct err err = {0};
        assert_int_equal(walk(&s, names[i], &UNPACK_LIMITS, &seen, &report, &err), -1);
        assert_int_equal(seen.begun, 1);
        assert_null(strstr(err.msg, "unar"));
        strbuf_clear(&seen.text);
    }
    put_list(",{\"XADFileName\":\"b.jpg\",\"XADIndex\":1,\"XADFileSize\":1,\"RARCRC32\":1,"
             "\"XADIsEncrypted\":1}",
             6, 0);
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "nor by unar: the archive is encrypted");
}

static void what_does_not_fit_the_list_is_refused(void **state)
{
    (void)state;
    unsigned long crc = crc32(0, (const Bytef *)"abcdef", 6);
    put_list("", 7, crc);
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "shorter than it should be");
    put_list("", 5, crc32(0, (const Bytef *)"abcde", 5));
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "more comes out of it than its list says");
    put_list("", 6, crc + 1);
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "the checksum of \"a.jpg\" is wrong");
    put_list("", 6, crc);
    put_mode("fails");
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "unar cannot read it");
    put_mode("list fails");
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "lsar cannot read it");
}

static void put_text(const char *text)
{
    scratch_write(&s, "list", text, strlen(text));
}

#define ONE(members) "{\"lsarContents\":[{" members "}],\"lsarFormatName\":\"RAR\"}"

static void a_list_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const lists[][2] = {
        {"", "list cannot be read"},
        {"[]", "list cannot be read"},
        {"{\"lsarContents\":{},\"lsarFormatName\":\"RAR\"}", "to its end"},
        {"{\"lsarContents\":[],\"lsarFormatName\":\"RAR\",\"lsarError\":3}", "to its end"},
        {"{\"lsarContents\":[],\"lsarFormatName\":\"ISO 9660\"}", "something else"},
        {ONE("\"XADIndex\":0,\"XADFileSize\":6,\"RARCRC32\":1"), "no name"},
        {ONE("\"XADFileName\":\"a\\u0000b\",\"XADIndex\":0,\"XADFileSize\":6"), "no name"},
        {ONE("\"XADFileName\":\"a\",\"XADIndex\":0,\"XADFileSize\":6"), "no checksum of \"a\""},
        {ONE("\"XADFileName\":\"a\",\"XADIndex\":0,\"XADFileSize\":-6"), "damaged"},
        {ONE("\"XADFileName\":\"a\",\"XADFileSize\":6"), "damaged"},
        {ONE("\"XADFileName\":\"a\",\"XADIndex\":0,\"XADFileSize\":9000000000,\"RARCRC32\":1"),
         "more than 512"},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        put_text(lists[i][0]);
        assert_fails(&s, "record.cbr", &UNPACK_LIMITS, lists[i][1]);
    }
    put_list(",{\"XADFileName\":\"b\",\"XADIndex\":0,\"XADFileSize\":6,\"RARCRC32\":1}", 6, 1);
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "in no order");
    put_text("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
    put_mode("endless");
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "longer than 24 MiB");
}

static void links_are_passed_over(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct unpack_report report;
    struct err err = {0};
    put_list(",{\"XADFileName\":\"l\",\"XADIndex\":1,\"XADIsLink\":1},"
             "{\"XADFileName\":\"d\",\"XADIndex\":2,\"XADIsDirectory\":1},"
             "{\"XADFileName\":\"p\",\"XADIndex\":3,\"XADPosixPermissions\":4516}",
             6, crc32(0, (const Bytef *)"abcdef", 6));
    assert_int_equal(walk(&s, "record.cbr", &UNPACK_LIMITS, &seen, &report, &err), 0);
    assert_string_equal(strbuf_str(&seen.text), "a.jpg=abcdef;");
    assert_int_equal(report.n_skipped, 2);
    strbuf_clear(&seen.text);
}

static void time_ends_it_and_so_does_cancelling(void **state)
{
    (void)state;
    struct unpack_limits l = UNPACK_LIMITS;
    put_mode("spin");
    l.cpu_s = 1;
    assert_fails(&s, "record.cbr", &l, "more than 1 s of CPU time");
    l = UNPACK_LIMITS;
    l.wall_s = 1;
    assert_fails(&s, "record.cbr", &l, "more than 1 s");
    struct seen seen = {.cancel = true};
    struct unpack_report report;
    struct err err = {0};
    assert_int_equal(walk(&s, "record.cbr", &UNPACK_LIMITS, &seen, &report, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    strbuf_clear(&seen.text);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left */
}

/* One that says all and then does not end must not hold a thread. */
static void one_that_only_closes_its_output_is_ended(void **state)
{
    (void)state;
    put_mode("closed");
    assert_fails(&s, "record.cbr", &UNPACK_LIMITS, "ended by signal 9");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void it_can_only_read_and_write_to_its_pipe(void **state)
{
    (void)state;
    static const char want[] = "1 1 1 1 1 1; 3 variables, 3 descriptors";
    struct seen seen = {0};
    struct unpack_report report;
    struct err err = {0};
    struct stat st;
    put_mode("try");
    put_list("", strlen(want), crc32(0, (const Bytef *)want, sizeof(want) - 1));
    int rc = walk(&s, "record.cbr", &UNPACK_LIMITS, &seen, &report, &err);
    if (rc < 0)
        fail_msg("%s: %s", err.msg, strbuf_str(&seen.text));
    assert_int_equal(stat("/tmp/longbox-unar-was-here", &st), -1);
    strbuf_clear(&seen.text);
}

static void without_it_the_error_says_what_to_install(void **state)
{
    (void)state;
    struct unpack_report report;
    struct seen seen = {0};
    struct err err = {0};
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    assert_int_equal(walk(&s, "record.cbr", &UNPACK_LIMITS, &seen, &report, &err), -1);
    unpack_remedy(&report, &err);
    assert_non_null(strstr(err.msg, "Header CRC error; if it is sound, install unar"));
    assert_int_equal(seen.begun, 1);
    strbuf_clear(&seen.text);
}

#define REAL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define FAKE(test) cmocka_unit_test_setup_teardown(test, setup_false, teardown)

int main(int argc, char **argv)
{
    const char *name = argc > 0 ? path_base(argv[0]) : "";
    if (strcmp(name, "lsar") == 0 || strcmp(name, "unar") == 0)
        _exit(false_main(argv[0])); /* no search for leaks: that takes another process */
    real_path = strdup(getenv("PATH"));
    const struct CMUnitTest tests[] = {
        REAL(what_libarchive_cannot_read_is_read_by_unar),
        REAL(damage_is_no_less_damage),
        REAL(a_cut_one_is_never_a_shorter_one),
        REAL(limits_hold_for_it),
    };
    const struct CMUnitTest false_tests[] = {
        FAKE(the_false_one_is_believed_when_all_fits),
        FAKE(what_another_reader_may_not_have_does_not_go_there),
        FAKE(what_does_not_fit_the_list_is_refused),
        FAKE(a_list_that_makes_no_sense_is_refused),
        FAKE(links_are_passed_over),
        FAKE(time_ends_it_and_so_does_cancelling),
        FAKE(one_that_only_closes_its_output_is_ended),
        FAKE(it_can_only_read_and_write_to_its_pipe),
        FAKE(without_it_the_error_says_what_to_install),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
#if !defined(__SANITIZE_THREAD__) /* its start calls what the filter refuses */
    failed += cmocka_run_group_tests(false_tests, NULL, NULL);
#else
    (void)false_tests;
#endif
    return failed;
}
