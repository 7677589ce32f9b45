#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/zipmaker.h"
#include "zip.h"

#define MAX_TEXT 65536

static int file_of(const void *bytes, size_t len)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    must(fd >= 0 && (len == 0 || write(fd, bytes, len) == (ssize_t)len));
    return fd;
}

/* Reads bytes as an archive; the places of the entries too. */
static int try_read(const void *bytes, size_t len, struct zip *ret, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = file_of(bytes, len);
    *err = (struct err){0};
    if (zip_read(fd, len, ret, err) < 0)
        return -1;
    if (zip_check_places(fd, ret, err) == 0)
        return 0;
    zip_clear(ret);
    return -1;
}

static void assert_refused(const void *bytes, size_t len, const char *reason)
{
    struct zip z = {0};
    struct err err;
    assert_int_equal(try_read(bytes, len, &z, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    if (!strstr(err.msg, reason))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, reason);
}

/* The directory alone gives it away, before any local header is looked at. */
static void assert_directory_refused(const struct zipmaker *m, const char *reason)
{
    struct zip z = {0};
    struct err err = {0};
    int fd LB_CLEANUP(fd_close) = file_of(m->out.data, m->out.len);
    assert_int_equal(zip_read(fd, m->out.len, &z, &err), -1);
    if (!strstr(err.msg, reason))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, reason);
}

static void make_book(struct zipmaker *m)
{
    zipmaker_adds(m, "001.jpg", "first page", 0);
    zipmaker_adds(m, "002.jpg", "second page, second page, second page", ZM_DEFLATE);
    zipmaker_adds(m, "ComicInfo.xml", "<ComicInfo/>", ZM_DEFLATE | ZM_DESCRIPTOR);
    zipmaker_end(m, "a comment", 0);
}

static void entries_are_read_in_order(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err err;
    (void)state;
    make_book(&m);
    assert_int_equal(try_read(m.out.data, m.out.len, &z, &err), 0);
    assert_int_equal(z.n, 3);
    assert_int_equal(z.entries[1].at, m.entries[1].at);
    assert_int_equal(z.entries[1].size, 37);
    assert_memory_equal(zip_name(&z, &z.entries[1]), "002.jpg", 7);
    assert_int_equal(z.comment_len, 9);
    assert_memory_equal(z.comment, "a comment", 9);
    assert_int_equal(zip_span_end(&z, 2), m.entries[2].end);
}

static void entry_is_unpacked(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    struct err err = {0};
    (void)state;
    make_book(&m);
    int fd LB_CLEANUP(fd_close) = file_of(m.out.data, m.out.len);
    assert_int_equal(zip_read(fd, m.out.len, &z, &err), 0);
    assert_int_equal(zip_read_entry(fd, &z, &z.entries[0], "x", MAX_TEXT, &text, &err), 0);
    assert_string_equal(text.data, "first page");
    assert_int_equal(zip_read_entry(fd, &z, &z.entries[2], "x", MAX_TEXT, &text, &err), 0);
    assert_string_equal(text.data, "<ComicInfo/>");
    assert_int_equal(zip_read_entry(fd, &z, &z.entries[1], "x", 36, &text, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    assert_int_equal(zip_check_data(fd, &z, NULL, NULL, &err), 0);
}

static void flipped_bit_in_data_is_found(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    struct err err = {0};
    (void)state;
    make_book(&m);
    m.out.data[m.entries[0].end - 1] ^= 1;
    int fd LB_CLEANUP(fd_close) = file_of(m.out.data, m.out.len);
    assert_int_equal(zip_read(fd, m.out.len, &z, &err), 0);
    assert_int_equal(zip_read_entry(fd, &z, &z.entries[0], "x", MAX_TEXT, &text, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    assert_int_equal(zip_check_data(fd, &z, NULL, NULL, &err), -1);
}

/* Once the directory is read, the tags at the end of the file need no further read. */
static void ordinary_book_needs_only_its_tail(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    struct err err = {0};
    char *page LB_CLEANUP(mem_free) = mem_new(100000);
    (void)state;
    zipmaker_add(&m, "001.jpg", page, 100000, 0);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo/>", ZM_DEFLATE);
    zipmaker_end(&m, "", 0);
    int fd LB_CLEANUP(fd_close) = file_of(m.out.data, m.out.len);
    assert_int_equal(zip_read(fd, m.out.len, &z, &err), 0);
    assert_int_equal(z.tail_len, ZIP_TAIL_BYTES);
    assert_int_equal(ftruncate(fd, 0), 0); /* nothing more can be read */
    assert_int_equal(zip_read_entry(fd, &z, &z.entries[1], "x", MAX_TEXT, &text, &err), 0);
    assert_string_equal(text.data, "<ComicInfo/>");
}

static void zip64_is_read(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err err;
    (void)state;
    zipmaker_adds(&m, "1.jpg", "one", ZM_WIDE);
    zipmaker_adds(&m, "2.jpg", "two", ZM_WIDE | ZM_DEFLATE);
    zipmaker_end(&m, "c", ZM_END64);
    assert_int_equal(try_read(m.out.data, m.out.len, &z, &err), 0);
    assert_true(z.zip64);
    assert_int_equal(z.entries[1].at, m.entries[1].at);
    assert_int_equal(z.entries[1].size, 3);
}

static void tail_behind_4_gib_becomes_zip64(void **state)
{
    static const uint64_t at = (uint64_t)5 << 30;
    static const unsigned char packed[] = {1, 1, 0, 0xfe, 0xff, 'x'}; /* one stored block */
    const struct zip none = {0};
    struct zip_plan plan = {.at = at};
    struct zip_member m = {.name = "ComicInfo.xml",
                           .name_len = 13,
                           .packed = packed,
                           .packed_len = sizeof(packed),
                           .size = 1,
                           .crc = 0x8cdc1683};
    struct strbuf tail LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err err = {0};
    (void)state;
    zip_tail_build(&none, &plan, at, &m, &tail);
    int fd LB_CLEANUP(fd_close) = file_of("", 0);
    assert_int_equal(pwrite(fd, tail.data, tail.len, (off_t)at), tail.len); /* before it: a hole */
    assert_int_equal(zip_read(fd, at + tail.len, &z, &err), 0);
    assert_true(z.zip64);
    assert_int_equal(z.n, 1);
    assert_int_equal(z.entries[0].at, at);
    assert_int_equal(z.shift, 0);
    assert_int_equal(zip_read_entry(fd, &z, &z.entries[0], "x", MAX_TEXT, &text, &err), 0);
    assert_string_equal(text.data, "x");
}

static void empty_archive_is_an_archive(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err err;
    (void)state;
    zipmaker_end(&m, "", 0);
    assert_int_equal(try_read(m.out.data, m.out.len, &z, &err), 0);
    assert_int_equal(z.n, 0);
}

static void junk_around_is_measured(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    struct err err;
    (void)state;
    make_book(&m);
    strbuf_adds(&file, "HTTP/1.1 200 OK\r\n\r\n");
    strbuf_add(&file, m.out.data, m.out.len);
    strbuf_adds(&file, "<html>");
    assert_int_equal(try_read(file.data, file.len, &z, &err), 0);
    assert_int_equal(z.junk_before, 19);
    assert_int_equal(z.junk_after, 6);
    assert_int_equal(z.entries[1].at, 19 + m.entries[1].at);
}

static void longest_comment_is_found(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err err;
    static char comment[65536];
    (void)state;
    memset(comment, 'c', sizeof(comment) - 1);
    zipmaker_adds(&m, "1.jpg", "one", 0);
    zipmaker_end(&m, comment, 0);
    assert_int_equal(try_read(m.out.data, m.out.len, &z, &err), 0);
    assert_int_equal(z.comment_len, 65535);
    assert_int_equal(z.junk_after, 0);
}

static void too_much_junk_is_refused(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    char *junk LB_CLEANUP(mem_free) = mem_new(ZIP_MAX_JUNK + 1);
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err err;
    (void)state;
    make_book(&m);
    strbuf_add(&m.out, junk, ZIP_MAX_JUNK);
    assert_int_equal(try_read(m.out.data, m.out.len, &z, &err), 0);
    strbuf_addc(&m.out, 0);
    assert_refused(m.out.data, m.out.len, "its end");
}

static void other_formats_are_named(void **state)
{
    char tar[512] = "page.jpg";
    (void)state;
    memcpy(tar + 257, "ustar", 5);
    assert_refused("", 0, "empty");
    assert_refused("P", 1, "not a CBZ");
    assert_refused("Rar!\x1a\x07\x01\0xxxxxxxxxxxxxxxxxxxx", 28, "a RAR archive");
    assert_refused("7z\xbc\xaf\x27\x1cxxxxxxxxxxxxxxxxxxxx", 26, "a 7-Zip archive");
    assert_refused("%PDF-1.4 xxxxxxxxxxxxxxxxxxxx", 29, "a PDF document");
    assert_refused("\x1f\x8b\x08xxxxxxxxxxxxxxxxxxxxxxx", 26, "a gzip file");
    assert_refused("PK\x07\x08PK\x03\x04xxxxxxxxxxxxxxxx", 24, "split archive");
    assert_refused(tar, sizeof(tar), "a tar archive");
}

static void harmful_archives_are_refused(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "1.jpg", "one", ZM_ENCRYPTED);
    zipmaker_end(&m, "", 0);
    assert_directory_refused(&m, "encrypted");
    zipmaker_clear(&m);

    zipmaker_adds(&m, "1.jpg", "one", 0);
    zipmaker_adds(&m, "2.jpg", "two", 0);
    memset(m.entries[1].record.data + 42, 0, 4); /* the second points at the first */
    zipmaker_end(&m, "", 0);
    assert_directory_refused(&m, "overlap");
    zipmaker_clear(&m);

    zipmaker_adds(&m, "1.jpg", "one", 0);
    m.out.data[28]++; /* a longer extra field: the data would end inside the next entry */
    zipmaker_adds(&m, "2.jpg", "two", 0);
    zipmaker_end(&m, "", 0);
    assert_refused(m.out.data, m.out.len, "overlap");
    zipmaker_clear(&m);

    zipmaker_adds(&m, "1.jpg", "one", 0);
    m.entries[0].record.data[45] = 0x7f; /* an offset behind the directory */
    zipmaker_end(&m, "", 0);
    assert_refused(m.out.data, m.out.len, "inside the file");
    zipmaker_clear(&m);

    zipmaker_adds(&m, "1.jpg", "one", 0);
    zipmaker_end(&m, "", 0);
    m.out.data[m.out.len - 22 + 4] = 1; /* disk 1 of more */
    assert_refused(m.out.data, m.out.len, "split");
}

static void counts_are_bounded_before_memory_is_taken(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "1.jpg", "one", ZM_WIDE);
    zipmaker_end(&m, "", ZM_END64);
    char *end64 = m.out.data + m.out.len - 22 - 20 - 56;
    memset(end64 + 24, 0x11, 16); /* 1.2e18 entries */
    assert_refused(m.out.data, m.out.len, "too many entries");
    memset(end64 + 24, 0xff, 32); /* everything at its largest */
    assert_refused(m.out.data, m.out.len, "damaged");
}

/* An archive inside a cut one is not "an archive behind junk": dropping the junk would destroy the
 * outer one. */
static void archive_inside_a_cut_one_is_refused(void **state)
{
    struct zipmaker inner LB_CLEANUP(zipmaker_clear) = {0};
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    make_book(&inner);
    zipmaker_adds(&m, "001.jpg", "page", 0);
    zipmaker_add(&m, "inner.cbz", inner.out.data, inner.out.len, 0);
    assert_refused(m.out.data, m.entries[1].end, "ends as another one");
}

static void truncated_anywhere_is_refused_or_readable(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "001.jpg", "first page", ZM_WIDE);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo/>", ZM_DEFLATE | ZM_DESCRIPTOR);
    zipmaker_end(&m, "a comment", ZM_END64);
    for (size_t len = 0; len < m.out.len; len++)
        assert_refused(m.out.data, len, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read_in_order),
        cmocka_unit_test(entry_is_unpacked),
        cmocka_unit_test(flipped_bit_in_data_is_found),
        cmocka_unit_test(ordinary_book_needs_only_its_tail),
        cmocka_unit_test(zip64_is_read),
        cmocka_unit_test(tail_behind_4_gib_becomes_zip64),
        cmocka_unit_test(empty_archive_is_an_archive),
        cmocka_unit_test(junk_around_is_measured),
        cmocka_unit_test(longest_comment_is_found),
        cmocka_unit_test(too_much_junk_is_refused),
        cmocka_unit_test(other_formats_are_named),
        cmocka_unit_test(harmful_archives_are_refused),
        cmocka_unit_test(counts_are_bounded_before_memory_is_taken),
        cmocka_unit_test(archive_inside_a_cut_one_is_refused),
        cmocka_unit_test(truncated_anywhere_is_refused_or_readable),
    };
    return cmocka_run_group_tests_name("zip", tests, NULL, NULL);
}
