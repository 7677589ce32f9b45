/* The whole ComicInfo.xml: read as it is, put back, taken out; and what a change would do before it is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"

#define XML "<?xml version=\"1.0\"?>\n<ComicInfo>\n  <Title>Old</Title>\n</ComicInfo>\n"

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

static void make_book(const char *xml, size_t len)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    zipmaker_adds(&m, "001.jpg", "page", 0);
    if (xml)
        zipmaker_add(&m, "ComicInfo.xml", xml, len, ZM_DEFLATE);
    zipmaker_adds(&m, "002.jpg", "page", 0);
    zipmaker_end(&m, "comment", 0);
    scratch_write(&scratch, "book.cbz", m.out.data, m.out.len);
}

static struct book *open_book(void)
{
    struct book *b = NULL;
    struct err err = {0};
    if (book_open(scratch.fd, "book.cbz", &b, &err) < 0)
        fail_msg("%s", err.msg);
    return b;
}

static void put(struct book *b, const char *bytes, size_t len, bool writes)
{
    struct err err = {0};
    bool written = !writes;
    if (book_put(b, bytes, len, NULL, NULL, &written, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(written, writes);
}

static void assert_member(struct book *b, const char *xml, size_t len)
{
    size_t got_len;
    const char *got = book_member(b, &got_len);
    if (!xml) {
        assert_null(got);
        return;
    }
    assert_int_equal(got_len, len);
    assert_memory_equal(got, xml, len);
}

static void what_was_taken_out_can_be_put_back(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } members[] = {
        {XML, sizeof(XML) - 1},
        {"\xff\xfe<\0C\0o\0m\0i\0c\0I\0n\0f\0o\0/\0>\0", 26}, /* UTF-16: its own bytes come back */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        make_book(members[i].bytes, members[i].len);
        struct book *b LB_CLEANUP(book_close) = open_book();
        assert_member(b, members[i].bytes, members[i].len);
        put(b, members[i].bytes, members[i].len, false);
        put(b, NULL, 0, true);
        assert_member(b, NULL, 0);
        assert_null(book_tag(b, "Title"));
        put(b, NULL, 0, false);
        struct book *without LB_CLEANUP(book_close) = open_book();
        assert_member(without, NULL, 0);
        assert_int_equal(book_pages(without), 2);
        assert_true(scratch_zip_ok(&scratch, "book.cbz"));
        put(without, members[i].bytes, members[i].len, true);
        struct book *again LB_CLEANUP(book_close) = open_book();
        assert_member(again, members[i].bytes, members[i].len);
        assert_true(scratch_zip_ok(&scratch, "book.cbz"));
    }
}

static void bytes_that_are_no_comicinfo_are_refused(void **state)
{
    struct err err = {0};
    bool written;
    (void)state;
    make_book(XML, sizeof(XML) - 1);
    struct book *b LB_CLEANUP(book_close) = open_book();
    assert_int_equal(book_put(b, "<x/>", 4, NULL, NULL, &written, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    assert_member(b, XML, sizeof(XML) - 1);
}

static void preview_changes_nothing_and_is_right(void **state)
{
    struct strbuf before LB_CLEANUP(strbuf_clear) = {0}, after LB_CLEANUP(strbuf_clear) = {0};
    struct book_change change = {"Title", "New"}, same = {"Title", "Old"};
    struct err err = {0};
    enum book_method method;
    int64_t bytes;
    bool written;
    struct stat st;
    (void)state;
    make_book(XML, sizeof(XML) - 1);
    scratch_read(&scratch, "book.cbz", &before);
    struct book *b LB_CLEANUP(book_close) = open_book();
    assert_int_equal(book_save_preview(b, &same, 1, &method, &bytes, &err), 0);
    assert_string_equal(book_method_name(method), "none");
    assert_int_equal(bytes, 0);
    assert_int_equal(book_save_preview(b, &change, 1, &method, &bytes, &err), 0);
    assert_string_equal(book_method_name(method), "copy"); /* the tags are in the middle */
    scratch_read(&scratch, "book.cbz", &after);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    assert_int_equal(book_save(b, &change, 1, NULL, NULL, &written, &err), 0);
    assert_int_equal(fstatat(scratch.fd, "book.cbz", &st, 0), 0);
    assert_int_equal(st.st_size, bytes);
    assert_int_equal(fchmodat(scratch.fd, "book.cbz", 0444, 0), 0);
    assert_int_equal(book_put_preview(b, NULL, 0, &method, &bytes, &err), -1);
    assert_non_null(strstr(err.msg, "read-only"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taken_out_can_be_put_back),
        cmocka_unit_test(bytes_that_are_no_comicinfo_are_refused),
        cmocka_unit_test(preview_changes_nothing_and_is_right),
    };
    return cmocka_run_group_tests_name("book, put", tests, setup, teardown);
}
