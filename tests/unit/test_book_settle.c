/* Settle: the end of a book written in place. What it writes, when it is not done, and recovery from any point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clone_wrap.h"
#include "../lib/journal.h"
#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"

#define BOOK       "book.cbz"
#define PAGE_BYTES 100000
#define XML        "<ComicInfo>\n  <Title>Old</Title>\n</ComicInfo>\n"

static struct scratch scratch;
static struct journal journal;
static struct strbuf old_bytes;
static struct timespec old_time;

static int setup(void **state)
{
    (void)state;
    clone_wrap = CLONE_NEVER;
    scratch_make(&scratch);
    journal_init(&journal, &scratch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    strbuf_clear(&old_bytes);
    return 0;
}

/* Two pages, then the tags when xml is not NULL. */
static void make_book(const char *xml, unsigned flags, const char *comment)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    char *page LB_CLEANUP(mem_free) = mem_new(PAGE_BYTES);
    struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789},
                                {.tv_sec = 1000000000, .tv_nsec = 123456789}};
    memset(page, 'p', PAGE_BYTES);
    zipmaker_add(&m, "001.jpg", page, PAGE_BYTES, flags);
    zipmaker_add(&m, "002.jpg", page, PAGE_BYTES, flags);
    if (xml)
        zipmaker_adds(&m, "ComicInfo.xml", xml, ZM_DEFLATE | flags);
    zipmaker_end(&m, comment, flags);
    strbuf_clear(&old_bytes);
    old_bytes = m.out;
    m.out = (struct strbuf){0};
    (void)unlinkat(scratch.fd, BOOK, 0);
    scratch_write(&scratch, BOOK, old_bytes.data, old_bytes.len);
    assert_int_equal(utimensat(scratch.fd, BOOK, times, 0), 0);
    old_time = times[1];
    journal_forget(&journal);
}

static struct book *open_book(void)
{
    struct book *b = NULL;
    struct err err = {0};
    if (book_open(scratch.fd, BOOK, &b, &err) < 0)
        fail_msg("%s", err.msg);
    book_set_journal(b, &journal.book);
    return b;
}

static struct stat stat_book(void)
{
    struct stat st;
    assert_int_equal(fstatat(scratch.fd, BOOK, &st, 0), 0);
    return st;
}

static enum book_method preview(const char *title, int64_t *ret_bytes)
{
    struct book *b LB_CLEANUP(book_close) = open_book();
    struct book_change change = {"Title", title};
    struct err err = {0};
    enum book_method method;
    if (book_save_preview(b, &change, 1, &method, ret_bytes, &err) < 0)
        fail_msg("%s", err.msg);
    return method;
}

static int save(const char *title, struct err *err)
{
    struct book *b LB_CLEANUP(book_close) = open_book();
    struct book_change change = {"Title", title};
    bool written = false;
    *err = (struct err){0};
    if (book_save(b, &change, 1, NULL, NULL, &written, err) < 0)
        return -1;
    assert_true(written);
    assert_string_equal(book_tag(b, "Title"), title);
    return 0;
}

static void assert_tag(const char *title)
{
    struct book *b LB_CLEANUP(book_close) = open_book();
    if (title)
        assert_string_equal(book_tag(b, "Title"), title);
    else
        assert_null(book_tag(b, "Title"));
    assert_int_equal(book_pages(b), 2);
}

static void assert_title(const char *title)
{
    assert_tag(title);
    assert_true(scratch_zip_ok(&scratch, BOOK));
}

static bool is_old(void)
{
    struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
    struct stat st = stat_book();
    scratch_read(&scratch, BOOK, &now);
    return now.len == old_bytes.len && memcmp(now.data, old_bytes.data, now.len) == 0 &&
           st.st_mtim.tv_sec == old_time.tv_sec && st.st_mtim.tv_nsec == old_time.tv_nsec;
}

/* ---- what it does ---- */

struct shape {
    const char *name;
    const char *xml;
    unsigned flags;
    const char *comment;
};

static const struct shape shapes[] = {
    {"tags last", XML, 0, ""},
    {"no tags", NULL, 0, ""},
    {"comment", XML, 0, "scanned in 2011"},
    {"data descriptors", XML, ZM_DESCRIPTOR | ZM_DEFLATE, ""},
    {"zip64 extra fields", XML, ZM_WIDE, ""},
    {"zip64 end record", XML, ZM_END64, "c"},
};

/* In the member's two headers: the last ones of each kind. */
static void forget_times(struct strbuf *file)
{
    for (int kind = 0; kind < 2; kind++) {
        size_t at = file->len;
        while (memcmp(file->data + --at, kind ? "PK\1\2" : "PK\3\4", 4) != 0)
            ;
        memset(file->data + at + (kind ? 12 : 10), 0, 4);
    }
}

/* The same file, and in it what a full copy makes (but for the time in the member's header). */
static void result_is_that_of_a_full_copy(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct strbuf settled LB_CLEANUP(strbuf_clear) = {0}, copied LB_CLEANUP(strbuf_clear) = {0};
        struct book_change change = {"Title", "New"};
        struct err err;
        int64_t bytes;
        bool written;
        make_book(shapes[i].xml, shapes[i].flags, shapes[i].comment);
        struct stat before = stat_book();
        assert_int_equal(preview("New", &bytes), BOOK_SETTLE);
        assert_true(bytes > 0 && bytes < 4096);
        assert_true(is_old());
        if (save("New", &err) < 0)
            fail_msg("%s: %s", shapes[i].name, err.msg);
        assert_true(journal.had_record);
        assert_false(journal_left(&journal, &(struct tail_write){0}));
        struct stat after = stat_book();
        assert_int_equal(after.st_ino, before.st_ino);
        assert_true(after.st_mtim.tv_sec > before.st_mtim.tv_sec); /* others see that it changed */
        assert_title("New");
        scratch_read(&scratch, BOOK, &settled);
        make_book(shapes[i].xml, shapes[i].flags, shapes[i].comment);
        struct book *b LB_CLEANUP(book_close) = NULL; /* without a journal */
        assert_int_equal(book_open(scratch.fd, BOOK, &b, &err), 0);
        assert_int_equal(book_save(b, &change, 1, NULL, NULL, &written, &err), 0);
        scratch_read(&scratch, BOOK, &copied);
        assert_int_equal(settled.len, copied.len);
        forget_times(&settled);
        forget_times(&copied);
        assert_memory_equal(settled.data, copied.data, copied.len);
    }
}

static void a_hundred_edits_leave_the_size_of_one(void **state)
{
    struct err err;
    (void)state;
    make_book(XML, 0, "c");
    assert_int_equal(save("T00", &err), 0);
    struct stat once = stat_book();
    for (int i = 1; i <= 100; i++) {
        char title[300];
        int len = i % 3 ? 3 : 200; /* shorter and longer than the one before */
        memset(title, 'a' + i % 26, sizeof(title));
        (void)snprintf(title + len, sizeof(title) - (size_t)len, "%d", i);
        if (save(title, &err) < 0)
            fail_msg("%d: %s", i, err.msg);
        assert_true(journal.had_record);
    }
    assert_int_equal(save("T01", &err), 0);
    assert_int_equal(stat_book().st_size, once.st_size);
    assert_int_equal(stat_book().st_ino, once.st_ino);
    assert_title("T01");
}

static void member_can_be_taken_out_and_put_back(void **state)
{
    struct err err = {0};
    bool written;
    (void)state;
    make_book(XML, 0, "");
    struct stat before = stat_book();
    struct book *b LB_CLEANUP(book_close) = open_book();
    assert_int_equal(book_put(b, NULL, 0, NULL, NULL, &written, &err), 0);
    assert_true(written && journal.had_record);
    assert_title(NULL);
    if (book_put(b, XML, strlen(XML), NULL, NULL, &written, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(journal.had_record);
    assert_title("Old");
    assert_int_equal(stat_book().st_ino, before.st_ino);
}

/* ---- when it is not done ---- */

static void assert_copied(const char *why)
{
    struct err err;
    struct stat before = stat_book();
    int64_t bytes;
    if (preview("New", &bytes) != BOOK_COPY)
        fail_msg("%s: not copied", why);
    if (save("New", &err) < 0)
        fail_msg("%s: %s", why, err.msg);
    assert_false(journal.had_record);
    assert_int_equal(stat_book().st_size, bytes);
    assert_int_not_equal(stat_book().st_ino, before.st_ino);
    assert_title("New");
}

static void long_comment_is_copied(void **state)
{
    char comment[1026];
    struct err err;
    int64_t bytes;
    (void)state;
    memset(comment, 'c', sizeof(comment));
    comment[1024] = '\0';
    make_book(XML, 0, comment);
    assert_int_equal(preview("New", &bytes), BOOK_SETTLE);
    assert_int_equal(save("New", &err), 0);
    comment[1024] = 'c';
    comment[1025] = '\0';
    make_book(XML, 0, comment);
    assert_copied("comment");
}

static void book_with_two_links_is_copied(void **state)
{
    struct strbuf other LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    make_book(XML, 0, "");
    assert_int_equal(linkat(scratch.fd, BOOK, scratch.fd, "seed", 0), 0);
    assert_copied("two links");
    scratch_read(&scratch, "seed", &other);
    assert_int_equal(other.len, old_bytes.len);
    assert_memory_equal(other.data, old_bytes.data, other.len);
    assert_int_equal(unlinkat(scratch.fd, "seed", 0), 0);
}

static void book_that_somebody_reads_is_copied(void **state)
{
    (void)state;
    make_book(XML, 0, "");
    int fd LB_CLEANUP(fd_close) = openat(scratch.fd, BOOK, O_RDONLY | O_CLOEXEC);
    assert_copied("open elsewhere");
}

/* Opens the book while the journal is being written: the lease that could be had cannot be any more. */
static int begin_and_open(void *ctx, const struct tail_write *w, struct err *err)
{
    assert_non_null(w);
    int *fd = ctx;
    *fd = openat(scratch.fd, BOOK, O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? err_sys(err, ERR_IO, "open") : 0;
}

static void book_that_is_opened_meanwhile_is_copied(void **state)
{
    int fd = -1;
    struct book_journal j = {.begin = begin_and_open, .ctx = &fd};
    struct book_change change = {"Title", "New"};
    struct err err = {0};
    bool written = false;
    (void)state;
    make_book(XML, 0, "");
    struct stat before = stat_book();
    struct book *b LB_CLEANUP(book_close) = open_book();
    book_set_journal(b, &j);
    if (book_save(b, &change, 1, NULL, NULL, &written, &err) < 0)
        fail_msg("%s", err.msg);
    fd_close(fd);
    assert_true(written);
    assert_int_not_equal(stat_book().st_ino, before.st_ino);
    assert_title("New");
}

static int begin_and_touch(void *ctx, const struct tail_write *w, struct err *err)
{
    (void)ctx, (void)err;
    assert_non_null(w);
    assert_int_equal(utimensat(scratch.fd, BOOK, NULL, 0), 0);
    return 0;
}

static void book_that_changes_meanwhile_is_not_touched(void **state)
{
    struct book_journal j = {.begin = begin_and_touch};
    struct book_change change = {"Title", "New"};
    struct err err = {0};
    bool written = false;
    (void)state;
    make_book(XML, 0, "");
    struct book *b LB_CLEANUP(book_close) = open_book();
    book_set_journal(b, &j);
    assert_int_equal(book_save(b, &change, 1, NULL, NULL, &written, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    assert_title("Old");
}

static void nothing_is_written_without_its_record(void **state)
{
    struct err err;
    (void)state;
    make_book(XML, 0, "");
    journal.refuse = true;
    assert_int_equal(save("New", &err), -1);
    journal.refuse = false;
    assert_int_equal(err.code, ERR_BUSY);
    assert_true(is_old());
}

static int save_within_limit(void *ctx)
{
    struct rlimit limit = {*(rlim_t *)ctx, *(rlim_t *)ctx};
    struct err err;
    (void)signal(SIGXFSZ, SIG_IGN);
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    must(save("New", &err) == -1);
    must(err.code == ERR_IO);
    return 0;
}

static void failing_append_leaves_the_old_book(void **state)
{
    (void)state;
    make_book(XML, 0, "");
    for (rlim_t more = 0; more < 300; more += 100) { /* nothing, a part */
        rlim_t limit = old_bytes.len + more;
        assert_int_equal(scratch_child(save_within_limit, &limit), 0);
        assert_true(is_old());
        assert_false(journal_left(&journal, &(struct tail_write){0}));
    }
}

/* ---- after a crash ---- */

static enum book_recovery recover(const struct tail_write *w)
{
    struct err err = {0};
    enum book_recovery got;
    if (book_recover(scratch.fd, BOOK, NULL, true, w, &got, &err) < 0)
        fail_msg("%s", err.msg);
    return got;
}

#ifdef LB_FAULTS
static int save_and_die(void *ctx)
{
    struct err err;
    struct rlimit none = {0, 0};
    must(setenv("LB_FAULT", ctx, 1) == 0);
    must(setrlimit(RLIMIT_CORE, &none) == 0);
    return save("New", &err) == 0 ? 0 : 1;
}

static int recover_and_die(void *ctx)
{
    struct tail_write w;
    must(setenv("LB_FAULT", ctx, 1) == 0);
    must(journal_left(&journal, &w));
    (void)recover(&w);
    return 0;
}

static void killed_at_any_point_recovers_to_old_or_new(void **state)
{
    static const struct {
        const char *fault;
        enum book_recovery want;
    } cases[] = {
        {"book_begun:1:kill", BOOK_WAS_WHOLE},   {"book_leased:1:kill", BOOK_WAS_WHOLE},
        {"book_appended:1:kill", BOOK_FINISHED}, {"book_append_synced:1:kill", BOOK_FINISHED},
        {"book_placed:1:kill", BOOK_FINISHED},   {"book_place_synced:1:kill", BOOK_FINISHED},
        {"book_cut:1:kill", BOOK_WAS_WHOLE},     {"book_cut_synced:1:kill", BOOK_WAS_WHOLE},
    };
    static const char *const again[] = {"book_recover_judged:1:kill", "book_placed:1:kill",
                                        "book_place_synced:1:kill", "book_cut:1:kill"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(shapes); i++) {
        const struct shape *s = &shapes[i / ARRAY_LEN(cases)];
        size_t c = i % ARRAY_LEN(cases);
        struct tail_write w;
        make_book(s->xml, s->flags, s->comment);
        int status = scratch_child(save_and_die, (void *)cases[c].fault);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(journal_left(&journal, &w));
        bool new = strcmp(cases[c].fault, "book_leased:1:kill") != 0 && c != 0;
        bool first = s == shapes; /* the others take the same steps */
        for (size_t k = 0; first && k < ARRAY_LEN(again) && cases[c].want == BOOK_FINISHED; k++)
            (void)scratch_child(recover_and_die,
                                (void *)again[k]); /* killed as often as it likes */
        enum book_recovery got = recover(&w);
        if (got != cases[c].want && !(cases[c].want == BOOK_FINISHED && got == BOOK_WAS_WHOLE))
            fail_msg("%s, %s: %d", s->name, cases[c].fault, got);
        assert_int_equal(recover(&w), BOOK_WAS_WHOLE);
        assert_int_equal(is_old(), !new);
        assert_tag(new ? "New" : s->xml ? "Old" : NULL);
        struct err err;
        assert_int_equal(save("Next", &err), 0);
        assert_true(journal.had_record);
        assert_title("Next");
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_is_that_of_a_full_copy),
        cmocka_unit_test(a_hundred_edits_leave_the_size_of_one),
        cmocka_unit_test(member_can_be_taken_out_and_put_back),
        cmocka_unit_test(long_comment_is_copied),
        cmocka_unit_test(book_with_two_links_is_copied),
        cmocka_unit_test(book_that_somebody_reads_is_copied),
        cmocka_unit_test(book_that_is_opened_meanwhile_is_copied),
        cmocka_unit_test(book_that_changes_meanwhile_is_not_touched),
        cmocka_unit_test(nothing_is_written_without_its_record),
        cmocka_unit_test(failing_append_leaves_the_old_book),
#ifdef LB_FAULTS
        cmocka_unit_test(killed_at_any_point_recovers_to_old_or_new),
#endif
    };
    return cmocka_run_group_tests_name("book, settle", tests, setup, teardown);
}
