/* Saving a book that is interrupted, cancelled, raced for, or done with fewer system calls: old or
 * new, never else. */
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
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"

#define BOOK       "book.cbz"
#define PAGE_BYTES 300000
#define SAVERS     4
#define SAVES      20

static struct scratch scratch;
static struct strbuf old_bytes;

static int setup(void **state)
{
    (void)state;
    scratch_make(&scratch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    strbuf_clear(&old_bytes);
    return 0;
}

/* A book with tags in the middle, titled "Old"; its bytes are in old_bytes. */
static void make_book(void)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    char *page LB_CLEANUP(mem_free) = mem_new(PAGE_BYTES);
    memset(page, 'p', PAGE_BYTES);
    zipmaker_add(&m, "001.jpg", page, PAGE_BYTES, 0);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>Old</Title></ComicInfo>", 0);
    zipmaker_add(&m, "002.jpg", page, PAGE_BYTES, 0);
    zipmaker_end(&m, "", 0);
    strbuf_clear(&old_bytes);
    old_bytes = m.out;
    m.out = (struct strbuf){0};
    scratch_write(&scratch, BOOK, old_bytes.data, old_bytes.len);
}

static int save(const char *title, bool (*cancelled)(void *ctx), void *ctx, struct err *err)
{
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct book_change change = {"Title", title};
    bool written;
    *err = (struct err){0};
    if (book_open(scratch.fd, BOOK, &b, err) < 0)
        return -1;
    return book_save(b, &change, 1, cancelled, ctx, &written, err);
}

static bool is_old(void)
{
    struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
    scratch_read(&scratch, BOOK, &now);
    return now.len == old_bytes.len && memcmp(now.data, old_bytes.data, now.len) == 0;
}

static void assert_title(const char *title)
{
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct err err = {0};
    assert_int_equal(book_open(scratch.fd, BOOK, &b, &err), 0);
    assert_string_equal(book_tag(b, "Title"), title);
    assert_true(scratch_zip_ok(&scratch, BOOK));
}

#ifdef LB_FAULTS
struct fault_case {
    const char *fault;
    int signal; /* that ends it, or 0 */
    int exit_code;
    bool old; /* the old book is in place afterwards */
    int leftovers;
};

static int save_with_fault(void *ctx)
{
    const struct fault_case *c = ctx;
    struct err err;
    must(setenv("LB_FAULT", c->fault, 1) == 0);
    struct rlimit none = {0, 0};
    must(setrlimit(RLIMIT_CORE, &none) == 0);
    return save("New", NULL, NULL, &err) == 0 ? 0 : 1;
}

static void killed_at_any_point_leaves_old_or_new(void **state)
{
    static const struct fault_case cases[] = {
        {"book_copy_written:1:kill", SIGKILL, 0, true, 1},
        {"book_before_rename:1:abort", SIGABRT, 0, true, 1},
        {"nothing:1:kill,book_before_rename:1:exit", 0, 70, true, 1},
        {"book_after_rename:1:kill", SIGKILL, 0, false, 0},
        {"book_after_rename:2:kill", 0, 0, false, 0},
        {"book_after_rename", 0, 0, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err;
        make_book();
        int status = scratch_child(save_with_fault, (void *)&cases[i]);
        assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, cases[i].signal);
        assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : 0, cases[i].exit_code);
        assert_int_equal(is_old(), cases[i].old);
        assert_title(cases[i].old ? "Old" : "New");
        assert_int_equal(scratch_count(&scratch, ".longbox-"), cases[i].leftovers);
        assert_int_equal(save("Again", NULL, NULL, &err), 0); /* and takes the leftover away */
        assert_title("Again");
        assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
    }
}

static void fault_fires_once_when_asked_to(void **state)
{
    static const struct fault_case c = {.fault = "book_before_rename:1:kill"};
    char file[128];
    (void)state;
    (void)snprintf(file, sizeof(file), "%s/once", scratch.dir);
    assert_int_equal(setenv("LB_FAULT_ONCE", file, 1), 0);
    make_book();
    assert_true(WIFSIGNALED(scratch_child(save_with_fault, (void *)&c)));
    assert_int_equal(scratch_child(save_with_fault, (void *)&c), 0);
    assert_int_equal(unsetenv("LB_FAULT_ONCE"), 0);
    assert_title("New");
}
#endif

/* Answers yes at the n-th question. */
static bool stop_at(void *ctx)
{
    int *left = ctx;
    return --*left == 0;
}

static void cancelled_at_any_step_changes_nothing(void **state)
{
    struct err err;
    int steps = 0;
    (void)state;
    make_book();
    for (;;) {
        int left = ++steps;
        if (save("New", stop_at, &left, &err) == 0)
            break;
        assert_int_equal(err.code, ERR_CANCELLED);
        assert_true(is_old());
        assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
    }
    assert_true(steps >= 4); /* before, in both ranges of pages, before the rename */
    assert_title("New");
}

static int save_within_limit(void *ctx)
{
    struct rlimit limit = {PAGE_BYTES, PAGE_BYTES};
    struct err err;
    (void)ctx;
    (void)signal(SIGXFSZ, SIG_IGN);
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    must(save("New", NULL, NULL, &err) == -1);
    must(err.code == ERR_IO);
    return 0;
}

static void failing_write_leaves_the_old_book_alone(void **state)
{
    (void)state;
    make_book();
    assert_int_equal(scratch_child(save_within_limit, NULL), 0);
    assert_true(is_old());
    assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
}

static int save_without_copy_call(void *ctx)
{
    struct err err;
    (void)ctx;
    scratch_deny(SYS_copy_file_range);
    return save("New", NULL, NULL, &err) == 0 ? 0 : 1;
}

static void copy_without_copy_file_range_is_the_same(void **state)
{
    struct strbuf a LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    struct err err;
    (void)state;
    make_book();
    assert_int_equal(scratch_child(save_without_copy_call, NULL), 0);
    assert_title("New");
    scratch_read(&scratch, BOOK, &a);
    make_book();
    assert_int_equal(save("New", NULL, NULL, &err), 0);
    scratch_read(&scratch, BOOK, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, 2 * PAGE_BYTES); /* behind the pages is a time */
}

static void book_changed_since_it_was_opened_is_not_overwritten(void **state)
{
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct book_change change = {"Title", "Mine"};
    struct err err = {0};
    bool written;
    (void)state;
    make_book();
    assert_int_equal(book_open(scratch.fd, BOOK, &b, &err), 0);
    assert_int_equal(save("Theirs", NULL, NULL, &err), 0);
    assert_int_equal(book_save(b, &change, 1, NULL, NULL, &written, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    assert_title("Theirs");
    assert_int_equal(unlinkat(scratch.fd, BOOK, 0), 0);
    assert_int_equal(book_save(b, &change, 1, NULL, NULL, &written, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void two_savers_never_share_a_temporary_file(void **state)
{
    struct stat st;
    struct err err;
    char name[64];
    (void)state;
    make_book();
    assert_int_equal(fstatat(scratch.fd, BOOK, &st, 0), 0);
    (void)snprintf(name, sizeof(name), ".longbox-%llx.tmp", (unsigned long long)st.st_ino);
    scratch_write(&scratch, name, "half", 4);
    int fd = openat(scratch.fd, name, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* the other saver is alive */
    assert_int_equal(save("New", NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    assert_true(is_old());
    fd_close(fd); /* now it is dead */
    assert_int_equal(save("New", NULL, NULL, &err), 0);
    assert_title("New");
}

/* Saves again and again while others do the same; each answer must be a success or "busy". */
static int save_often(void *ctx)
{
    struct err err;
    char title[32];
    for (int i = 0; i < SAVES; i++) {
        (void)snprintf(title, sizeof(title), "%d.%d", *(int *)ctx, i);
        if (save(title, NULL, NULL, &err) < 0 && err.code != ERR_BUSY) {
            (void)fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
    }
    return 0;
}

static void savers_at_the_same_time_leave_a_sound_book(void **state)
{
    pid_t pids[SAVERS];
    (void)state;
    make_book();
    for (int i = 0; i < SAVERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(save_often(&i));
    }
    for (int i = 0; i < SAVERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    struct err err;
    assert_int_equal(save("New", NULL, NULL, &err), 0);
    assert_title("New");
    assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef LB_FAULTS
        cmocka_unit_test(killed_at_any_point_leaves_old_or_new),
        cmocka_unit_test(fault_fires_once_when_asked_to),
#endif
        cmocka_unit_test(cancelled_at_any_step_changes_nothing),
        cmocka_unit_test(failing_write_leaves_the_old_book_alone),
        cmocka_unit_test(copy_without_copy_file_range_is_the_same),
        cmocka_unit_test(book_changed_since_it_was_opened_is_not_overwritten),
        cmocka_unit_test(two_savers_never_share_a_temporary_file),
        cmocka_unit_test(savers_at_the_same_time_leave_a_sound_book),
    };
    return cmocka_run_group_tests_name("book, crash", tests, setup, teardown);
}
