/* Odd archives: what is written in place, what is copied once, what is refused. A row for each kind; those that other
 * tests of books have (comments, long and short; damage of all sorts; read-only files) are not repeated here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/clone_wrap.h"
#include "../lib/journal.h"
#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"

#define BOOK "book.cbz"
#define XML  "<ComicInfo><Title>Old</Title><Writer>Somebody</Writer></ComicInfo>"

static struct scratch scratch;
static struct journal journal;

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
    return 0;
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

/* Saves another title; what the preview said must be what is done, and what is done must be `want`. */
static void save_by(const char *row, enum book_method want)
{
    struct book *b LB_CLEANUP(book_close) = open_book();
    struct book_change change = {"Title", "New"};
    struct err err = {0};
    enum book_method said;
    int64_t bytes;
    bool written;
    journal.had_record = false;
    if (book_save_preview(b, &change, 1, &said, &bytes, &err) < 0 ||
        book_save(b, &change, 1, NULL, NULL, &written, &err) < 0)
        fail_msg("%s: %s", row, err.msg);
    if (said != want || journal.had_record != (want == BOOK_SETTLE))
        fail_msg("%s: by way of %s", row, book_method_name(said));
    struct book *again LB_CLEANUP(book_close) = open_book();
    assert_string_equal(book_tag(again, "Title"), "New");
    assert_int_equal(book_pages(again), book_pages(b));
}

/* What Python sees: the names in order, with LF. */
static void names(struct strbuf *ret)
{
    scratch_python(&scratch,
                   "import sys, zipfile\n"
                   "z = zipfile.ZipFile(sys.argv[1])\n"
                   "assert z.testzip() is None\n"
                   "sys.stdout.buffer.write('\\n'.join(n for n in z.namelist()).encode())\n",
                   BOOK, "", ret);
}

static void assert_names(const char *want)
{
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    names(&got);
    assert_string_equal(strbuf_str(&got), want);
}

/* A book of `n` entries: "*" is the page with that name, a name that ends in .xml has the tags. */
static void make(const char *const *entries, size_t n, unsigned flags, const char *behind,
                 const char *before)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    for (size_t i = 0; i < n; i++)
        zipmaker_adds(&m, entries[i], strstr(entries[i], ".xml") ? XML : "page of a book", flags);
    zipmaker_end(&m, "", 0);
    strbuf_adds(&file, before);
    strbuf_add(&file, m.out.data, m.out.len);
    strbuf_adds(&file, behind);
    (void)unlinkat(scratch.fd, BOOK, 0);
    scratch_write(&scratch, BOOK, file.data, file.len);
}

static void place_and_name_of_the_tags(void **state)
{
    static const struct {
        const char *row;
        const char *entries[4];
        enum book_method first;
        const char *after;
    } rows[] = {
        {"last", {"1.jpg", "2.jpg", "ComicInfo.xml"}, BOOK_SETTLE, "1.jpg\n2.jpg\nComicInfo.xml"},
        {"absent", {"1.jpg", "2.jpg"}, BOOK_SETTLE, "1.jpg\n2.jpg\nComicInfo.xml"},
        {"first", {"ComicInfo.xml", "1.jpg", "2.jpg"}, BOOK_COPY, "1.jpg\n2.jpg\nComicInfo.xml"},
        {"middle", {"1.jpg", "ComicInfo.xml", "2.jpg"}, BOOK_COPY, "1.jpg\n2.jpg\nComicInfo.xml"},
        {"twice", {"ComicInfo.xml", "1.jpg", "ComicInfo.xml"}, BOOK_COPY, "1.jpg\nComicInfo.xml"},
        {"twice, at the end",
         {"1.jpg", "ComicInfo.xml", "ComicInfo.xml"},
         BOOK_COPY,
         "1.jpg\nComicInfo.xml"},
        {"lower case", {"1.jpg", "comicinfo.xml"}, BOOK_SETTLE, "1.jpg\ncomicinfo.xml"},
        {"lower case, first", {"comicinfo.xml", "1.jpg"}, BOOK_COPY, "1.jpg\ncomicinfo.xml"},
        {"folder", {"B/1.jpg", "B/ComicInfo.xml"}, BOOK_SETTLE, "B/1.jpg\nB/ComicInfo.xml"},
        {"folder, first", {"B/ComicInfo.xml", "B/1.jpg"}, BOOK_COPY, "B/1.jpg\nB/ComicInfo.xml"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned flags = 0; flags < 2; flags++) {
            size_t n = 0;
            while (n < ARRAY_LEN(rows[i].entries) && rows[i].entries[n])
                n++;
            make(rows[i].entries, n, flags ? ZM_DEFLATE | ZM_DESCRIPTOR : 0, "", "");
            save_by(rows[i].row, rows[i].first);
            assert_names(rows[i].after);
            struct book_change back = {"Title", "Old"};
            struct err err = {0};
            bool written;
            struct book *b LB_CLEANUP(book_close) = open_book();
            assert_int_equal(book_save(b, &back, 1, NULL, NULL, &written, &err), 0);
            assert_true(journal.had_record); /* after one copy every later edit is a settle */
            assert_names(rows[i].after);
        }
}

static void empty_archive_is_settled(void **state)
{
    (void)state;
    make(NULL, 0, 0, "", "");
    save_by("empty", BOOK_SETTLE);
    assert_names("ComicInfo.xml");
    save_by("the tags alone", BOOK_NONE); /* nothing differs */
}

static void names_that_are_not_utf8_stay_as_they_are(void **state)
{
    static const char *const entries[] = {"\x83\x79\x81\x5b\x83\x57 1.jpg", "\xff\xfe.jpg",
                                          "ComicInfo.xml"};
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    make(entries, 3, 0, "", "");
    save_by("Shift_JIS", BOOK_SETTLE);
    scratch_read(&scratch, BOOK, &file);
    for (size_t i = 0; i < 2; i++) { /* in the local header and in the directory */
        const char *first = memmem(file.data, file.len, entries[i], strlen(entries[i]));
        assert_non_null(first);
        size_t rest = file.len - (size_t)(first + 1 - file.data);
        assert_non_null(memmem(first + 1, rest, entries[i], strlen(entries[i])));
    }
    assert_true(scratch_zip_ok(&scratch, BOOK));
}

static void junk_goes_through_the_copy(void **state)
{
    static const char *const entries[] = {"1.jpg", "ComicInfo.xml"};
    (void)state;
    make(entries, 2, 0, "junk behind the end", "");
    save_by("junk after", BOOK_COPY);
    save_by("again", BOOK_NONE);
    make(entries, 2, 0, "", "junk before the first entry");
    save_by("junk before", BOOK_COPY);
    assert_names("1.jpg\nComicInfo.xml");
}

/* Whatever Python can make: the argument is the script. */
static void make_by_python(const char *script)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    (void)unlinkat(scratch.fd, BOOK, 0);
    scratch_python(&scratch, script, BOOK, XML, &out);
}

static void tags_packed_with_lzma_are_read_and_settled(void **state)
{
    (void)state;
    make_by_python("import sys, zipfile\n"
                   "with zipfile.ZipFile(sys.argv[1], 'w') as z:\n"
                   "    z.writestr('1.jpg', b'page')\n"
                   "    z.writestr('ComicInfo.xml', sys.argv[2], zipfile.ZIP_LZMA)\n");
    struct book *b LB_CLEANUP(book_close) = open_book();
    assert_string_equal(book_tag(b, "Writer"), "Somebody");
    book_close(b);
    b = NULL;
    save_by("LZMA", BOOK_SETTLE);
    b = open_book();
    assert_string_equal(book_tag(b, "Writer"), "Somebody");
    assert_names("1.jpg\nComicInfo.xml");
}

static void seventy_thousand_entries_are_settled(void **state)
{
    struct stat before, after;
    (void)state;
    make_by_python("import sys, zipfile\n"
                   "with zipfile.ZipFile(sys.argv[1], 'w') as z:\n"
                   "    for i in range(70000):\n"
                   "        z.writestr('%06d.jpg' % i, b'x')\n"
                   "    z.writestr('ComicInfo.xml', sys.argv[2])\n");
    assert_int_equal(fstatat(scratch.fd, BOOK, &before, 0), 0);
    save_by("70,001 entries", BOOK_SETTLE);
    assert_int_equal(fstatat(scratch.fd, BOOK, &after, 0), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_true(scratch_zip_ok(&scratch, BOOK));
}

/* One page of zeros, not on the disk, so that the tags begin at argv[2] bytes or so. */
static const char sparse[] =
    "import struct, sys\n"
    "at, xml, path = int(sys.argv[2]), b'<ComicInfo/>', sys.argv[1]\n"
    "import zlib\n"
    "wide = struct.pack('<HHQQ', 1, 16, at, at)\n"
    "big = 0xffffffff\n"
    "with open(path, 'wb') as f:\n"
    "    f.write(struct.pack('<IHHHIIIIHH', 0x4034b50, 45, 0, 0, 0x58210000, 0, big, big, 5, 20) + "
    "b'1.jpg' + wide)\n"
    "    f.seek(at, 1)\n"
    "    tags = f.tell()\n"
    "    crc = zlib.crc32(xml)\n"
    "    f.write(struct.pack('<IHHHIIIIHH', 0x4034b50, 20, 0, 0, 0x58210000, crc, len(xml), "
    "len(xml), 13, 0) + b'ComicInfo.xml' + xml)\n"
    "    dir_at = f.tell()\n"
    "    f.write(struct.pack('<IHHHHIIIIHHHHHII', 0x2014b50, 45, 45, 0, 0, 0x58210000, 0, big, "
    "big, 5, 20, 0, 0, 0, 0, 0) + b'1.jpg' + wide)\n"
    "    far = tags >= big\n"
    "    extra = struct.pack('<HHQ', 1, 8, tags) if far else b''\n"
    "    f.write(struct.pack('<IHHHHIIIIHHHHHII', 0x2014b50, 45, 45, 0, 0, 0x58210000, crc, "
    "len(xml), len(xml), 13, len(extra), 0, 0, 0, 0, big if far else tags) + b'ComicInfo.xml' + "
    "extra)\n"
    "    end = f.tell()\n"
    "    f.write(struct.pack('<IQHHIIQQQQ', 0x6064b50, 44, 45, 45, 0, 0, 2, 2, end - dir_at, "
    "dir_at))\n"
    "    f.write(struct.pack('<IIQI', 0x7064b50, 0, end, 1))\n"
    "    f.write(struct.pack('<IHHHHIIH', 0x6054b50, 0, 0, 2, 2, end - dir_at, big, 0))\n";

static void large_archive_is_settled(void **state)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    struct stat st;
    (void)state;
    scratch_python(&scratch, sparse, BOOK, "4600000000", &out);
    save_by("4.6 GB", BOOK_SETTLE);
    assert_int_equal(fstatat(scratch.fd, BOOK, &st, 0), 0);
    assert_true(st.st_size > 4600000000 && st.st_blocks < 1000); /* nothing was copied */
    scratch_python(&scratch,
                   "import sys, zipfile\n"
                   "z = zipfile.ZipFile(sys.argv[1])\n"
                   "assert z.namelist() == ['1.jpg', 'ComicInfo.xml']\n"
                   "assert b'New' in z.read('ComicInfo.xml')\n",
                   BOOK, "", &out);
}

/* Just below 4 GiB the tail has another form at its place than where it is appended: recovery could not make one from
 * the other. */
static void archive_that_grows_over_4_gib_is_not_settled(void **state)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    struct book_change change = {"Title", "New"};
    struct err err = {0};
    enum book_method method;
    int64_t bytes;
    (void)state;
    scratch_python(&scratch, sparse, BOOK, "4294967000", &out);
    struct book *b LB_CLEANUP(book_close) = open_book();
    assert_int_equal(book_save_preview(b, &change, 1, &method, &bytes, &err), 0);
    assert_int_equal(method, BOOK_COPY);
    assert_int_equal(unlinkat(scratch.fd, BOOK, 0), 0);
}

static void split_and_encrypted_archives_are_refused(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct book *b = NULL;
    struct err err = {0};
    (void)state;
    zipmaker_adds(&m, "1.jpg", "page", ZM_ENCRYPTED);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, BOOK, m.out.data, m.out.len);
    assert_int_equal(book_open(scratch.fd, BOOK, &b, &err), -1);
    assert_non_null(strstr(err.msg, "encrypted"));
    zipmaker_clear(&m);
    zipmaker_adds(&m, "1.jpg", "page", 0);
    zipmaker_end(&m, "", 0);
    m.out.data[m.out.len - 22 + 4] = 1; /* this is disk 1 */
    m.out.data[m.out.len - 22 + 6] = 1;
    scratch_write(&scratch, BOOK, m.out.data, m.out.len);
    assert_int_equal(book_open(scratch.fd, BOOK, &b, &err), -1);
    assert_non_null(strstr(err.msg, "split"));
}

/* ---- whose file it is ---- */

static int save_as(void *ctx)
{
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct book_change change = {"Title", "New"};
    struct err err = {0};
    bool written;
    must(setegid(65534) == 0 && seteuid(65534) == 0);
    must(book_open(scratch.fd, BOOK, &b, &err) == 0);
    if (*(bool *)ctx)
        book_set_journal(b, &journal.book);
    if (book_save(b, &change, 1, NULL, NULL, &written, &err) == 0)
        return 0;
    must(strstr(err.msg, "owner"));
    return 1;
}

/* A copy could not be given to that group; what is written in place stays what it is. */
static void book_whose_group_cannot_be_kept_is_settled(void **state)
{
    static const char *const entries[] = {"1.jpg", "ComicInfo.xml"};
    struct stat st;
    (void)state;
    if (geteuid() != 0)
        skip();
    for (int journaled = 0; journaled <= 1; journaled++) {
        bool ctx = journaled;
        make(entries, 2, 0, "", "");
        assert_int_equal(fchownat(scratch.fd, BOOK, 65534, 54321, 0), 0);
        assert_int_equal(chmod(scratch.dir, 0777), 0);
        int status = scratch_child(save_as, &ctx);
        assert_int_equal(chmod(scratch.dir, 0700), 0);
        assert_int_equal(status, journaled ? 0 : 1 << 8);
        assert_int_equal(fstatat(scratch.fd, BOOK, &st, 0), 0);
        assert_true(st.st_uid == 65534 && st.st_gid == 54321);
        struct book *b LB_CLEANUP(book_close) = open_book();
        assert_string_equal(book_tag(b, "Title"), journaled ? "New" : "Old");
    }
    (void)unlinkat(scratch.fd, BOOK, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(place_and_name_of_the_tags),
        cmocka_unit_test(empty_archive_is_settled),
        cmocka_unit_test(names_that_are_not_utf8_stay_as_they_are),
        cmocka_unit_test(junk_goes_through_the_copy),
        cmocka_unit_test(tags_packed_with_lzma_are_read_and_settled),
        cmocka_unit_test(seventy_thousand_entries_are_settled),
        cmocka_unit_test(large_archive_is_settled),
        cmocka_unit_test(archive_that_grows_over_4_gib_is_not_settled),
        cmocka_unit_test(split_and_encrypted_archives_are_refused),
        cmocka_unit_test(book_whose_group_cannot_be_kept_is_settled),
    };
    return cmocka_run_group_tests_name("book, odd archives", tests, setup, teardown);
}
