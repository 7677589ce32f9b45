/* Books and files that are refused: with a reason, without a change, without harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"

#define BOMB_BYTES    (256u << 20)
#define BOMB_LIMIT_KB (64 << 10) /* that reading one may take, sanitizers included */

static struct scratch scratch;

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
    return 0;
}

/* Opens and, if that is allowed, sets the title to "New". */
static int try_save(const char *name, struct err *err)
{
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct book_change change = {"Title", "New"};
    bool written;
    *err = (struct err){0};
    if (book_open(scratch.fd, name, &b, err) < 0)
        return -1;
    return book_save(b, &change, 1, NULL, NULL, &written, err);
}

static void assert_refused(const char *name, enum err_code code, const char *reason)
{
    struct err err;
    assert_int_equal(try_save(name, &err), -1);
    if (err.code != code || !strstr(err.msg, reason))
        fail_msg("%s: %s: \"%s\" does not say \"%s\"", name, err_name(err.code), err.msg, reason);
    assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
}

/* Refused, and its bytes are what they were. */
static void assert_bytes_refused(const void *bytes, size_t len, const char *reason)
{
    struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
    scratch_write(&scratch, "book.cbz", bytes, len);
    assert_refused("book.cbz", ERR_BOOK, reason);
    scratch_read(&scratch, "book.cbz", &now);
    assert_int_equal(now.len, len);
    assert_memory_equal(strbuf_str(&now), bytes, len);
}

static void assert_tags_refused(const char *xml, unsigned flags, const char *reason)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    zipmaker_adds(&m, "001.jpg", "page", 0);
    zipmaker_adds(&m, "ComicInfo.xml", xml, flags);
    zipmaker_end(&m, "", 0);
    assert_bytes_refused(m.out.data, m.out.len, reason);
}

static void files_that_are_no_books_are_named(void **state)
{
    (void)state;
    assert_bytes_refused("", 0, "empty");
    assert_bytes_refused("Rar!\x1a\x07\x00xxxxxxxxxxxxxxxxxxxxxxxx", 30, "a RAR archive");
    assert_bytes_refused("this is not an archive", 22, "not a CBZ");
    assert_refused("nothing.cbz", ERR_NOT_FOUND, "nothing.cbz");
    assert_refused("../x.cbz", ERR_PATH_OUTSIDE, "leaves the library");
}

static void broken_tags_are_not_overwritten(void **state)
{
    (void)state;
    assert_tags_refused("", 0, "empty");
    assert_tags_refused("<ComicInfo><Title>Fox & Crow</Title></ComicInfo>", 0, "not well-formed");
    assert_tags_refused("<?xml version='1.0' encoding='x-unknown'?><ComicInfo/>", ZM_DEFLATE,
                        "encoding");
    assert_tags_refused(
        "<!DOCTYPE c [<!ENTITY a \"AAAA\">]><ComicInfo><Title>&a;</Title></ComicInfo>", 0,
        "document type");
    assert_tags_refused("<ComicInfo/>", ZM_ENCRYPTED, "encrypted");
    assert_tags_refused("<ComicInfo/>", ZM_LIE, "too large");
}

static void wrong_checksum_of_tags_is_refused(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>a</Title></ComicInfo>", 0);
    m.out.data[m.entries[0].end - 20] ^= 2;
    zipmaker_end(&m, "", 0);
    assert_bytes_refused(m.out.data, m.out.len, "damaged");
}

static void truncated_anywhere_is_refused(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>a</Title></ComicInfo>", ZM_DEFLATE);
    zipmaker_adds(&m, "001.jpg", "page page page page page page page", 0);
    zipmaker_adds(&m, "002.jpg", "page page page page page page page", ZM_DEFLATE | ZM_DESCRIPTOR);
    zipmaker_end(&m, "a comment", 0);
    for (size_t len = 0; len < m.out.len; len += 7)
        assert_bytes_refused(m.out.data, len, "");
}

/* Any one byte turned round: refused with a reason, or saved into an archive that still opens. */
static void no_flipped_byte_does_harm(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct err err;
    (void)state;
    zipmaker_adds(&m, "001.jpg", "page", ZM_WIDE);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>a</Title></ComicInfo>", ZM_DEFLATE);
    zipmaker_end(&m, "c", ZM_END64);
    for (size_t i = 0; i < m.out.len; i++) {
        m.out.data[i] ^= 0xff;
        scratch_write(&scratch, "flip.cbz", m.out.data, m.out.len);
        m.out.data[i] ^= 0xff;
        if (try_save("flip.cbz", &err) < 0) {
            assert_int_equal(err.code, ERR_BOOK);
            assert_true(err.msg[0] != '\0');
            continue;
        }
        struct book *b LB_CLEANUP(book_close) = NULL;
        assert_int_equal(book_open(scratch.fd, "flip.cbz", &b, &err), 0);
        assert_string_equal(book_tag(b, "Title"), "New");
    }
}

static void junk_stays_when_a_page_is_damaged(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "001.jpg", "page", 0);
    m.out.data[m.entries[0].end - 1] ^= 1;
    zipmaker_end(&m, "", 0);
    strbuf_adds(&m.out, "junk");
    assert_bytes_refused(m.out.data, m.out.len, "checksum");
}

static void overlapping_entries_are_refused(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "001.jpg", "page", 0);
    m.out.data[28]++; /* a longer extra field: its data would end inside the next entry */
    zipmaker_adds(&m, "002.jpg", "page", 0);
    zipmaker_end(&m, "", 0);
    assert_bytes_refused(m.out.data, m.out.len, "overlap");
}

static int open_bomb(void *ctx)
{
    struct rusage before;
    struct rusage after;
    struct book *b = NULL;
    struct err err = {0};
    (void)ctx;
    must(getrusage(RUSAGE_SELF, &before) == 0);
    must(book_open(scratch.fd, "bomb.cbz", &b, &err) == -1);
    must(err.code == ERR_BOOK && strstr(err.msg, "too large"));
    must(getrusage(RUSAGE_SELF, &after) == 0);
    return after.ru_maxrss - before.ru_maxrss > BOMB_LIMIT_KB;
}

static void bomb_is_not_unpacked(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    {
        void *zeros LB_CLEANUP(mem_free) = mem_new(BOMB_BYTES);
        zipmaker_add(&m, "ComicInfo.xml", zeros, BOMB_BYTES, ZM_DEFLATE);
    }
    for (int lie = 0; lie <= 1; lie++) {
        size_t end = m.out.len;
        if (lie)
            memcpy(m.entries[0].record.data + 24, "\x84\3\0", 4); /* 900 bytes */
        zipmaker_end(&m, "", 0);
        scratch_write(&scratch, "bomb.cbz", m.out.data, m.out.len);
        assert_int_equal(scratch_child(open_bomb, NULL), 0);
        m.out.len = end;
    }
}

static void make_book(const char *name)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    zipmaker_adds(&m, "001.jpg", "page", 0);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, name, m.out.data, m.out.len);
}

static void links_and_special_files_are_refused(void **state)
{
    (void)state;
    make_book("real.cbz");
    assert_int_equal(symlinkat("real.cbz", scratch.fd, "link.cbz"), 0);
    assert_int_equal(symlinkat("/etc/hostname", scratch.fd, "out.cbz"), 0);
    assert_int_equal(mkdirat(scratch.fd, "folder.cbz", 0755), 0);
    assert_int_equal(mkfifoat(scratch.fd, "pipe.cbz", 0644), 0);
    assert_refused("link.cbz", ERR_BOOK, "symbolic link");
    assert_refused("out.cbz", ERR_PATH_OUTSIDE, "leaves the library");
    assert_refused("folder.cbz", ERR_BOOK, "a folder");
    assert_refused("pipe.cbz", ERR_BOOK, "a named pipe");
}

static void read_only_file_is_refused(void **state)
{
    (void)state;
    make_book("readonly.cbz");
    assert_int_equal(fchmodat(scratch.fd, "readonly.cbz", 0444, 0), 0);
    assert_refused("readonly.cbz", ERR_BOOK, "read-only");
}

/* A name's mode, then what saving answers as a user without rights. */
struct as_user {
    const char *name;
    const char *reason;
};

static int save_as_user(void *ctx)
{
    const struct as_user *u = ctx;
    struct err err;
    if (geteuid() == 0)
        must(seteuid(65534) == 0);
    must(try_save(u->name, &err) == -1);
    must(err.code == ERR_IO && strstr(err.msg, u->reason));
    return 0;
}

static void read_only_folder_is_an_error(void **state)
{
    struct as_user u = {"in folder.cbz", "cannot write into the book's folder"};
    (void)state;
    make_book(u.name);
    assert_int_equal(fchmodat(scratch.fd, u.name, 0666, 0), 0);
    assert_int_equal(chmod(scratch.dir, 0555), 0);
    assert_int_equal(scratch_child(save_as_user, &u), 0);
    assert_int_equal(chmod(scratch.dir, 0700), 0);
}

static void owner_that_cannot_be_kept_is_an_error(void **state)
{
    struct as_user u = {"other owner.cbz", "owner"};
    (void)state;
    if (geteuid() != 0)
        skip();
    make_book(u.name);
    assert_int_equal(fchmodat(scratch.fd, u.name, 0666, 0), 0);
    assert_int_equal(chmod(scratch.dir, 0777), 0);
    assert_int_equal(scratch_child(save_as_user, &u), 0);
    assert_int_equal(chmod(scratch.dir, 0700), 0);
    assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_books_are_named),
        cmocka_unit_test(broken_tags_are_not_overwritten),
        cmocka_unit_test(wrong_checksum_of_tags_is_refused),
        cmocka_unit_test(truncated_anywhere_is_refused),
        cmocka_unit_test(no_flipped_byte_does_harm),
        cmocka_unit_test(junk_stays_when_a_page_is_damaged),
        cmocka_unit_test(overlapping_entries_are_refused),
        cmocka_unit_test(bomb_is_not_unpacked),
        cmocka_unit_test(links_and_special_files_are_refused),
        cmocka_unit_test(read_only_file_is_refused),
        cmocka_unit_test(read_only_folder_is_an_error),
        cmocka_unit_test(owner_that_cannot_be_kept_is_an_error),
    };
    return cmocka_run_group_tests_name("book, refused", tests, setup, teardown);
}
