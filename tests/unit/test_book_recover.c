/* Recovery of an interrupted settle: every state that a crash can leave, and files that are not what the record says. */
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
#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"
#include "book_parts.h"
#include "zip.h"

#define BOOK "S/book.cbz"

static struct scratch scratch;
/* A book before, when the new tail had been appended, and after; and the record. The same file through all of it. */
static struct strbuf old_bytes, appended, new_bytes;
static struct tail_write record;
static struct timespec old_time;

static struct stat stat_of(const char *name)
{
    struct stat st;
    assert_int_equal(fstatat(scratch.fd, name, &st, 0), 0);
    return st;
}

static int keep_record(void *ctx, const struct tail_write *w, struct err *err)
{
    (void)ctx, (void)err;
    assert_non_null(w);
    record = *w;
    return 0;
}

static int make(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct book_journal j = {.begin = keep_record};
    struct book_change change = {"Title", "A new title that is much longer than the old one was"};
    struct err err = {0};
    struct book *b LB_CLEANUP(book_close) = NULL;
    bool written;
    (void)state;
    clone_wrap = CLONE_NEVER;
    scratch_make(&scratch);
    assert_int_equal(mkdirat(scratch.fd, "S", 0700), 0);
    zipmaker_adds(&m, "001.jpg", "page one", 0);
    zipmaker_adds(&m, "002.jpg", "page two", 0);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>Old</Title></ComicInfo>", 0);
    zipmaker_end(&m, "c", 0);
    scratch_write(&scratch, BOOK, m.out.data, m.out.len);
    old_bytes = m.out;
    m.out = (struct strbuf){0};
    old_time = stat_of(BOOK).st_mtim;
    assert_int_equal(book_open(scratch.fd, BOOK, &b, &err), 0);
    book_set_journal(b, &j);
    assert_int_equal(book_save(b, &change, 1, NULL, NULL, &written, &err), 0);
    scratch_read(&scratch, BOOK, &new_bytes);
    /* What had been appended is the new tail with the offsets of that place, behind zeros up to it. */
    unsigned char *tail LB_CLEANUP(mem_free) = mem_new((size_t)record.tail_len);
    memcpy(tail, new_bytes.data + record.tail_at, (size_t)record.tail_len);
    assert_true(zip_tail_move(tail, (size_t)record.tail_len, (uint64_t)record.tail_at,
                              (uint64_t)record.append_at));
    assert_true(book_sum(tail, (size_t)record.tail_len) == record.append_sum);
    strbuf_add(&appended, old_bytes.data, old_bytes.len);
    while (appended.len < (size_t)record.append_at)
        strbuf_addc(&appended, 0);
    strbuf_add(&appended, tail, (size_t)record.tail_len);
    assert_true(record.append_at > record.old_size); /* there is a gap */
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    strbuf_clear(&old_bytes);
    strbuf_clear(&new_bytes);
    strbuf_clear(&appended);
    return 0;
}

/* The same file with other bytes. */
static void set_bytes(const void *bytes, size_t len)
{
    scratch_write(&scratch, BOOK, bytes, len);
}

static bool has_bytes(const struct strbuf *want)
{
    struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
    scratch_read(&scratch, BOOK, &now);
    return now.len == want->len && memcmp(now.data, want->data, now.len) == 0;
}

static int recover_as(const struct tail_write *w, const char *target, bool same_boot,
                      enum book_recovery *ret, struct err *err)
{
    *err = (struct err){0};
    return book_recover(scratch.fd, BOOK, target, same_boot, w, ret, err);
}

static enum book_recovery recover(const struct tail_write *w)
{
    struct err err;
    enum book_recovery got;
    if (recover_as(w, NULL, true, &got, &err) < 0)
        fail_msg("%s", err.msg);
    return got;
}

/* Whatever part of the append is there, and whatever stands where the rest should be, the old book comes back. */
static void any_part_of_the_append_is_cut_back(void **state)
{
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    for (size_t len = old_bytes.len; len <= appended.len; len++)
        for (int kind = 0; kind < 3; kind++) {
            strbuf_reset(&file);
            strbuf_add(&file, appended.data, len);
            if (kind == 1) /* the length is there, the rest of the bytes is not */
                while (file.len < appended.len)
                    strbuf_addc(&file, 0);
            if (kind == 2 && len > old_bytes.len) /* a sector in front is missing */
                memset(file.data + old_bytes.len, 0x5a, (len - old_bytes.len) / 2 + 1);
            bool whole = file.len == appended.len &&
                         memcmp(file.data + record.append_at, appended.data + record.append_at,
                                (size_t)record.tail_len) == 0;
            set_bytes(file.data, file.len);
            enum book_recovery want = whole                       ? BOOK_FINISHED
                                      : file.len == old_bytes.len ? BOOK_WAS_WHOLE
                                                                  : BOOK_CUT_BACK;
            assert_int_equal(recover(&record), want);
            assert_true(has_bytes(whole ? &new_bytes : &old_bytes));
            struct stat st = stat_of(BOOK);
            if (want == BOOK_CUT_BACK)
                assert_true(st.st_mtim.tv_sec == old_time.tv_sec &&
                            st.st_mtim.tv_nsec == old_time.tv_nsec);
            assert_int_equal(recover(&record), BOOK_WAS_WHOLE);
        }
}

/* Whatever part of the second write is there, the new book is finished. */
static void any_part_of_the_second_write_is_finished(void **state)
{
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    for (size_t from = 0; from <= (size_t)record.tail_len; from++) {
        strbuf_reset(&file);
        strbuf_add(&file, appended.data, appended.len);
        char *place = file.data + record.tail_at;
        if (from % 2)
            memcpy(place, new_bytes.data + record.tail_at, from);
        else
            memcpy(place + from, new_bytes.data + record.tail_at + from,
                   (size_t)record.tail_len - from);
        set_bytes(file.data, file.len);
        assert_int_equal(recover(&record), BOOK_FINISHED);
        assert_true(has_bytes(&new_bytes));
    }
}

static void file_that_does_not_fit_is_not_touched(void **state)
{
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    strbuf_add(&file, appended.data, appended.len);
    file.data[appended.len - 1] ^= 1;    /* the append is not whole, */
    file.data[record.old_size - 5] ^= 1; /* and the old tail is another one */
    set_bytes(file.data, file.len);
    assert_int_equal(recover(&record), BOOK_MISFIT);
    assert_true(has_bytes(&file));
    const size_t lengths[] = {0, 10, old_bytes.len - 1, appended.len + 1};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        strbuf_reset(&file);
        strbuf_add(&file, appended.data, lengths[i] < appended.len ? lengths[i] : appended.len);
        while (file.len < lengths[i])
            strbuf_addc(&file, 'x');
        set_bytes(file.data, file.len);
        assert_int_equal(recover(&record), BOOK_MISFIT);
        assert_true(has_bytes(&file));
    }
    const struct tail_write wrong[] = {
        {0},
        {.old_size = 10, .tail_at = 20, .append_at = 30, .tail_len = 5},
        {.old_size = 10, .append_at = 30, .tail_len = INT64_MAX},
        {.old_size = INT64_MAX, .append_at = INT64_MAX, .tail_len = 5},
        {.old_size = 10, .tail_at = -1, .append_at = 30, .tail_len = 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(recover(&wrong[i]), BOOK_MISFIT);
}

static void another_file_is_not_touched(void **state)
{
    struct tail_write w = record;
    struct err err;
    enum book_recovery got;
    (void)state;
    set_bytes(appended.data, appended.len);
    w.inode++;
    assert_int_equal(recover(&w), BOOK_MISSING);
    w = record;
    w.device++;
    assert_int_equal(recover(&w), BOOK_MISSING);
    assert_true(has_bytes(&appended));
    /* After a restart of the machine devices have other numbers. */
    assert_int_equal(recover_as(&w, NULL, false, &got, &err), 0);
    assert_int_equal(got, BOOK_FINISHED);
    assert_true(has_bytes(&new_bytes));
}

static void renamed_file_is_found(void **state)
{
    struct err err;
    enum book_recovery got;
    struct stat st;
    (void)state;
    set_bytes(appended.data, appended.len);
    assert_int_equal(renameat(scratch.fd, BOOK, scratch.fd, "S/other.cbz"), 0);
    scratch_write(&scratch, BOOK, "not it", 6);
    assert_int_equal(recover_as(&record, NULL, true, &got, &err), 0);
    assert_int_equal(got, BOOK_FINISHED);
    assert_int_equal(renameat(scratch.fd, "S/other.cbz", scratch.fd, "elsewhere.cbz"), 0);
    assert_int_equal(recover_as(&record, NULL, true, &got, &err), 0);
    assert_int_equal(got, BOOK_MISSING);
    assert_int_equal(recover_as(&record, "elsewhere.cbz", true, &got, &err), 0);
    assert_int_equal(got, BOOK_WAS_WHOLE);
    assert_int_equal(renameat(scratch.fd, "elsewhere.cbz", scratch.fd, BOOK), 0);
    assert_true(has_bytes(&new_bytes));
    assert_int_equal(book_recover(scratch.fd, "T/x.cbz", NULL, true, &record, &got, &err), 0);
    assert_int_equal(got, BOOK_NO_FOLDER);
    assert_int_equal(fstatat(scratch.fd, "T", &st, 0), -1);
}

static void waits_for_one_that_writes_and_goes_on_beside_one_that_reads(void **state)
{
    struct err err;
    enum book_recovery got;
    (void)state;
    set_bytes(appended.data, appended.len);
    int fd = openat(scratch.fd, BOOK, O_WRONLY | O_CLOEXEC);
    assert_int_equal(recover_as(&record, NULL, true, &got, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    assert_true(has_bytes(&appended));
    fd_close(fd);
    fd = openat(scratch.fd, BOOK, O_RDONLY | O_CLOEXEC);
    assert_int_equal(recover_as(&record, NULL, true, &got, &err), 0);
    fd_close(fd);
    assert_int_equal(got, BOOK_FINISHED);
    assert_true(has_bytes(&new_bytes));
}

#ifdef LB_FAULTS
static int recover_and_die(void *ctx)
{
    struct rlimit none = {0, 0};
    must(setenv("LB_FAULT", ctx, 1) == 0);
    must(setrlimit(RLIMIT_CORE, &none) == 0);
    (void)recover(&record);
    return 0;
}

static void killed_while_it_cuts_is_done_again(void **state)
{
    static const char *const faults[] = {"book_recover_judged:1:kill", "book_recover_cut:1:kill"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        set_bytes(appended.data, appended.len - 1);
        int status = scratch_child(recover_and_die, (void *)faults[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(recover(&record), i ? BOOK_WAS_WHOLE : BOOK_CUT_BACK);
        assert_true(has_bytes(&old_bytes));
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_part_of_the_append_is_cut_back),
        cmocka_unit_test(any_part_of_the_second_write_is_finished),
        cmocka_unit_test(file_that_does_not_fit_is_not_touched),
        cmocka_unit_test(another_file_is_not_touched),
        cmocka_unit_test(renamed_file_is_found),
#ifdef LB_FAULTS
        cmocka_unit_test(killed_while_it_cuts_is_done_again),
#endif
        cmocka_unit_test(waits_for_one_that_writes_and_goes_on_beside_one_that_reads),
    };
    return cmocka_run_group_tests_name("book, recover", tests, make, unmake);
}
