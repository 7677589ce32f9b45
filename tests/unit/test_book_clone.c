/* Where blocks can be shared a clone of the book is edited: with a FICLONE that the test makes, and, as root, on btrfs
 * and XFS in an image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../lib/clone_wrap.h"
#include "../lib/journal.h"
#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"

#define BOOK       "book.cbz"
#define PAGE_BYTES 300000
#define XML        "<ComicInfo><Title>Old</Title></ComicInfo>"

extern char **environ;

static struct scratch scratch;
static struct journal journal;
static struct strbuf old_bytes;

static int setup(void **state)
{
    (void)state;
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

static void make_book(const char *comment, bool tags_first)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    char *page LB_CLEANUP(mem_free) = mem_new(PAGE_BYTES);
    for (size_t i = 0; i < PAGE_BYTES; i++)
        page[i] = (char)(i * i >> 7);
    if (tags_first)
        zipmaker_adds(&m, "ComicInfo.xml", XML, 0);
    zipmaker_add(&m, "001.jpg", page, PAGE_BYTES, 0);
    if (!tags_first)
        zipmaker_adds(&m, "ComicInfo.xml", XML, 0);
    zipmaker_end(&m, comment, 0);
    strbuf_clear(&old_bytes);
    old_bytes = m.out;
    m.out = (struct strbuf){0};
    (void)unlinkat(scratch.fd, BOOK, 0);
    scratch_write(&scratch, BOOK, old_bytes.data, old_bytes.len);
}

static struct stat stat_book(void)
{
    struct stat st;
    assert_int_equal(fstatat(scratch.fd, BOOK, &st, 0), 0);
    return st;
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

static enum book_method preview(int64_t *ret_bytes)
{
    struct book *b LB_CLEANUP(book_close) = open_book();
    struct book_change change = {"Title", "New"};
    struct err err = {0};
    enum book_method method;
    if (book_save_preview(b, &change, 1, &method, ret_bytes, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
    return method;
}

static int save(void)
{
    struct book *b LB_CLEANUP(book_close) = open_book();
    struct book_change change = {"Title", "New"};
    struct err err = {0};
    bool written;
    return book_save(b, &change, 1, NULL, NULL, &written, &err);
}

static void assert_title(const char *title)
{
    struct book *b LB_CLEANUP(book_close) = open_book();
    assert_string_equal(book_tag(b, "Title"), title);
    assert_true(scratch_zip_ok(&scratch, BOOK));
}

/* A clone is a new file with the old one's mode, attributes and pages; nothing is settled. */
static void assert_cloned(const char *comment)
{
    int64_t bytes;
    make_book(comment, false);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/" BOOK, scratch.dir);
    assert_int_equal(fchmodat(scratch.fd, BOOK, 0640, 0), 0);
    bool has_xattrs = setxattr(path, "user.note", "mine", 4, 0) == 0;
    struct stat before = stat_book();
    assert_int_equal(preview(&bytes), BOOK_CLONE);
    assert_true(bytes > 0 && bytes < 4096);
    int calls = clone_wrap_calls;
    assert_int_equal(save(), 0);
    assert_int_equal(clone_wrap_calls, calls + 2); /* the question, and the clone */
    assert_true(journal.begun > 0 && !journal.had_record);
    struct stat after = stat_book();
    assert_int_not_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_true(after.st_uid == before.st_uid && after.st_gid == before.st_gid);
    char note[4];
    if (has_xattrs) {
        assert_int_equal(getxattr(path, "user.note", note, sizeof(note)), 4);
        assert_memory_equal(note, "mine", 4);
    }
    struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
    scratch_read(&scratch, BOOK, &now);
    assert_memory_equal(now.data, old_bytes.data, PAGE_BYTES);
    assert_title("New");
    assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
}

static void clone_is_edited_where_it_can_be_had(void **state)
{
    char comment[2000];
    (void)state;
    clone_wrap = CLONE_BY_BYTES;
    memset(comment, 'c', sizeof(comment));
    comment[sizeof(comment) - 1] = '\0';
    assert_cloned("");
    assert_cloned(comment); /* it is not written in place, so no reader is in the way of it */
    int fd LB_CLEANUP(fd_close) = -1;
    make_book("", false);
    fd = openat(scratch.fd, BOOK, O_RDONLY | O_CLOEXEC);
    int64_t bytes;
    assert_int_equal(preview(&bytes), BOOK_CLONE);
    make_book("", true); /* pages move */
    assert_int_equal(preview(&bytes), BOOK_COPY);
    assert_int_equal(save(), 0);
    assert_title("New");
}

static void file_system_that_cannot_is_asked_once(void **state)
{
    int64_t bytes;
    (void)state;
    clone_wrap = CLONE_NEVER;
    make_book("", false);
    assert_int_equal(preview(&bytes), BOOK_SETTLE);
    int calls = clone_wrap_calls;
    assert_int_equal(preview(&bytes), BOOK_SETTLE);
    assert_int_equal(save(), 0);
    assert_true(journal.had_record);
    assert_int_equal(clone_wrap_calls, calls);
}

#ifdef LB_FAULTS
static int save_and_die(void *ctx)
{
    struct rlimit none = {0, 0};
    must(setenv("LB_FAULT", ctx, 1) == 0);
    must(setrlimit(RLIMIT_CORE, &none) == 0);
    return save();
}

static void killed_at_any_point_leaves_old_or_new(void **state)
{
    static const char *const before[] = {"book_begun:1:kill", "book_cloned:1:kill",
                                         "book_copy_written:1:kill", "book_synced:1:kill",
                                         "book_before_rename:1:kill"};
    static const char *const after[] = {"book_after_rename:1:kill", "book_folder_synced:1:kill"};
    (void)state;
    clone_wrap = CLONE_BY_BYTES;
    for (size_t i = 0; i < ARRAY_LEN(before) + ARRAY_LEN(after); i++) {
        bool old = i < ARRAY_LEN(before);
        const char *fault = old ? before[i] : after[i - ARRAY_LEN(before)];
        struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
        make_book("", false);
        int status = scratch_child(save_and_die, (void *)fault);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        scratch_read(&scratch, BOOK, &now);
        bool is_old = now.len == old_bytes.len && memcmp(now.data, old_bytes.data, now.len) == 0;
        assert_int_equal(is_old, old);
        assert_title(old ? "Old" : "New");
        assert_int_equal(save(), 0); /* takes away what was left */
        assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
    }
}
#endif

/* Runs a program; its exit status. */
static int run(char *const argv[])
{
    pid_t pid;
    int status = -1;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return -1;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* In an image of its own, mounted over the scratch folder's S; false when this machine cannot. */
static void on_a_real_file_system(const char *mkfs)
{
    struct scratch outer = scratch;
    char image[128], folder[64];
    (void)snprintf(image, sizeof(image), "%s/%s.img", outer.dir, mkfs);
    must(snprintf(folder, sizeof(folder), "%s/%s", outer.dir, mkfs) < (int)sizeof(folder));
    int fd = open(image, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, 400 << 20) == 0);
    fd_close(fd);
    assert_int_equal(mkdir(folder, 0700), 0);
    if (geteuid() != 0 || run((char *[]){(char *)mkfs, (char[]){"-q"}, image, NULL}) != 0 ||
        run((char *[]){(char[]){"mount"}, (char[]){"-o"}, (char[]){"loop"}, image, folder, NULL}) !=
            0) {
        print_message("%s: cannot be made or mounted here\n", mkfs);
        skip();
    }
    clone_wrap = CLONE_AS_IT_IS;
    memcpy(scratch.dir, folder, sizeof(folder));
    scratch.fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_cloned("");
    fd_close(scratch.fd);
    scratch = outer;
    assert_int_equal(umount(folder), 0);
    assert_int_equal(unlink(image), 0);
}

static void clone_on_btrfs(void **state)
{
    (void)state;
    on_a_real_file_system("mkfs.btrfs");
}

static void clone_on_xfs(void **state)
{
    (void)state;
    on_a_real_file_system("mkfs.xfs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clone_is_edited_where_it_can_be_had),
#ifdef LB_FAULTS
        cmocka_unit_test(killed_at_any_point_leaves_old_or_new),
#endif
        cmocka_unit_test(clone_on_btrfs),
        cmocka_unit_test(clone_on_xfs),
        cmocka_unit_test(file_system_that_cannot_is_asked_once),
    };
    return cmocka_run_group_tests_name("book, clone", tests, setup, teardown);
}
