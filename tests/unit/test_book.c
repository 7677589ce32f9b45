#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../lib/scratch.h"
#include "../lib/zipmaker.h"
#include "book.h"

#define XML_HEAD                                                                                   \
    "<?xml version=\"1.0\"?>\r\n<ComicInfo xmlns:my=\"urn:x\">\r\n  <!-- by hand -->\r\n"
#define XML_TAIL "  <my:Shelf><![CDATA[a < b]]></my:Shelf>\r\n</ComicInfo>\r\n"
#define XML      XML_HEAD "  <Title>Old</Title>\r\n" XML_TAIL
#define XML_NEW  XML_HEAD "  <Title>New</Title>\r\n" XML_TAIL

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

static struct book *open_book(const char *name)
{
    struct book *b = NULL;
    struct err err = {0};
    if (book_open(scratch.fd, name, &b, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
    return b;
}

/* Sets the title to "New"; what book_tag says before, right after and when opened again must fit.
 */
static void save_title(const char *name, const char *old_title)
{
    struct book *b LB_CLEANUP(book_close) = open_book(name);
    struct err err = {0};
    struct book_change change = {"Title", "New"};
    bool written = false;
    if (old_title)
        assert_string_equal(book_tag(b, "Title"), old_title);
    else
        assert_null(book_tag(b, "Title"));
    if (book_save(b, &change, 1, NULL, NULL, &written, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
    assert_true(written);
    assert_string_equal(book_tag(b, "Title"), "New");
    struct book *again LB_CLEANUP(book_close) = open_book(name);
    assert_string_equal(book_tag(again, "Title"), "New");
    assert_int_equal(book_save(again, &change, 1, NULL, NULL, &written, &err), 0);
    assert_false(written);
    assert_int_equal(scratch_count(&scratch, ".longbox-"), 0);
}

static const char *find(const struct strbuf *file, size_t from, const void *bytes, size_t len)
{
    return memmem(file->data + from, file->len - from, bytes, len);
}

/*
 * The new file begins with the entries that stay, each byte as it was, in their old order; then
 * come the tags; the records of the directory are the old ones but for their offsets, and the
 * comment ends the file.
 */
static void assert_rest_is_untouched(const char *name, const struct zipmaker *old, unsigned dropped,
                                     const char *comment)
{
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    size_t at = 0;
    scratch_read(&scratch, name, &file);
    for (size_t i = 0; i < old->n; i++) {
        size_t len = old->entries[i].end - old->entries[i].at;
        if (dropped & 1u << i)
            continue;
        assert_true(at + len < file.len);
        assert_memory_equal(file.data + at, old->out.data + old->entries[i].at, len);
        at += len;
    }
    assert_memory_equal(file.data + at, "PK\3\4", 4);
    for (size_t i = 0; i < old->n; i++) {
        const struct strbuf *rec = &old->entries[i].record;
        if (dropped & 1u << i)
            continue;
        const char *p = find(&file, at, rec->data, 42);
        assert_non_null(p);
        if (memcmp(rec->data + 42, "\xff\xff\xff\xff", 4) != 0)
            assert_memory_equal(p + 46, rec->data + 46, rec->len - 46);
        else /* the offset is the last value of the extra field, before the comment "note" */
            assert_memory_equal(p + 42, rec->data + 42, rec->len - 42 - 12);
        at = (size_t)(p - file.data) + rec->len;
    }
    size_t n = strlen(comment);
    assert_memory_equal(file.data + file.len - n, comment, n);
    assert_true(scratch_zip_ok(&scratch, name));
}

/* The unpacked tags of a saved book, found without our own zip code. */
static void assert_tags_are(const char *name, const char *member, const char *xml)
{
    static const char script[] = "import sys, zipfile\n"
                                 "z = zipfile.ZipFile(sys.argv[1])\n"
                                 "assert z.namelist()[-1] == sys.argv[2], z.namelist()\n"
                                 "assert z.namelist().count(sys.argv[2]) == 1\n"
                                 "sys.stdout.buffer.write(z.read(sys.argv[2]))\n";
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    scratch_python(&scratch, script, name, member, &got);
    assert_string_equal(strbuf_str(&got), xml);
}

struct layout {
    const char *name;
    int tags_at; /* among three pages */
    unsigned tags_flags, page_flags, end_flags;
    const char *comment;
    const char *member;
};

static void tags_are_replaced_wherever_they_are(void **state)
{
    static const struct layout layouts[] = {
        {"last", 3, ZM_DEFLATE, 0, 0, "", "ComicInfo.xml"},
        {"first, stored", 0, 0, 0, 0, "", "ComicInfo.xml"},
        {"middle", 1, ZM_DEFLATE, ZM_DEFLATE, 0, "", "ComicInfo.xml"},
        {"lower case", 0, ZM_DEFLATE, 0, 0, "", "comicinfo.xml"},
        {"folder", 2, ZM_DEFLATE, 0, 0, "", "Some Book 1/ComicInfo.xml"},
        {"data descriptors", 1, ZM_DEFLATE | ZM_DESCRIPTOR, ZM_DESCRIPTOR, 0, "", "ComicInfo.xml"},
        {"comment", 0, 0, 0, 0, "scanned in 2011", "ComicInfo.xml"},
        {"zip64 extra fields", 1, ZM_WIDE, ZM_WIDE, 0, "", "ComicInfo.xml"},
        {"zip64 end", 0, ZM_DEFLATE, 0, ZM_END64, "c", "ComicInfo.xml"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        const struct layout *l = &layouts[i];
        struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
        static const char *const pages[] = {"a\\001.jpg", "\x83\x4b\x83\x89\x83\x58.png",
                                            "b/003.JPG"};
        for (int k = 0; k <= 3; k++) {
            if (k == l->tags_at)
                zipmaker_adds(&m, l->member, XML, l->tags_flags);
            if (k < 3)
                zipmaker_adds(&m, pages[k], "page page page page", l->page_flags);
        }
        zipmaker_end(&m, l->comment, l->end_flags);
        scratch_write(&scratch, l->name, m.out.data, m.out.len);
        save_title(l->name, "Old");
        assert_rest_is_untouched(l->name, &m, 1u << l->tags_at, l->comment);
        assert_tags_are(l->name, l->member, XML_NEW);
    }
}

static void tags_are_made_when_absent(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "001.jpg", "page", 0);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "absent.cbz", m.out.data, m.out.len);
    save_title("absent.cbz", NULL);
    assert_rest_is_untouched("absent.cbz", &m, 0, "");
    assert_tags_are(
        "absent.cbz", "ComicInfo.xml",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
        "<ComicInfo xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
        " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\n  <Title>New</Title>\n</ComicInfo>\n");
}

static void empty_archive_gets_tags(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "empty.cbz", m.out.data, m.out.len);
    save_title("empty.cbz", NULL);
    assert_true(scratch_zip_ok(&scratch, "empty.cbz"));
}

static void of_two_tags_the_last_counts_and_stays(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Title>First</Title></ComicInfo>", 0);
    zipmaker_adds(&m, "001.jpg", "page", 0);
    zipmaker_adds(&m, "comicinfo.XML", XML, 0);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "twice.cbz", m.out.data, m.out.len);
    save_title("twice.cbz", "Old");
    assert_rest_is_untouched("twice.cbz", &m, 5, "");
    assert_tags_are("twice.cbz", "comicinfo.XML", XML_NEW);
}

static void tags_of_a_folder_stay_when_the_root_has_its_own(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "ComicInfo.xml", XML, 0);
    zipmaker_adds(&m, "part 1/001.jpg", "page", 0);
    zipmaker_adds(&m, "part 1/ComicInfo.xml", "<ComicInfo><Title>Part</Title></ComicInfo>", 0);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "parts.cbz", m.out.data, m.out.len);
    save_title("parts.cbz", "Old");
    assert_rest_is_untouched("parts.cbz", &m, 1, "");
    assert_tags_are("parts.cbz", "ComicInfo.xml", XML_NEW);
}

static void byte_order_mark_stays_and_utf16_becomes_utf8(void **state)
{
    static const char utf16[] =
        "\xff\xfe<\0C\0o\0m\0i\0c\0I\0n\0f\0o\0>\0<\0/\0C\0o\0m\0i\0c\0I\0n\0f\0o\0>";
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct zipmaker w LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "ComicInfo.xml", "\xef\xbb\xbf" XML, ZM_DEFLATE);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "bom.cbz", m.out.data, m.out.len);
    save_title("bom.cbz", "Old");
    assert_tags_are("bom.cbz", "ComicInfo.xml", "\xef\xbb\xbf" XML_NEW);
    zipmaker_add(&w, "ComicInfo.xml", utf16, sizeof(utf16),
                 0); /* the NUL at the end is the last byte */
    zipmaker_end(&w, "", 0);
    scratch_write(&scratch, "utf16.cbz", w.out.data, w.out.len);
    save_title("utf16.cbz", NULL);
    assert_tags_are("utf16.cbz", "ComicInfo.xml", "<ComicInfo><Title>New</Title></ComicInfo>");
}

static void junk_around_goes_when_all_pages_are_sound(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "001.jpg", "page", 0);
    zipmaker_adds(&m, "002.jpg", "page page page", ZM_DEFLATE | ZM_WIDE);
    zipmaker_end(&m, "c", 0);
    strbuf_adds(&file, "HTTP/1.1 200 OK\r\n\r\n");
    strbuf_add(&file, m.out.data, m.out.len);
    strbuf_adds(&file, "<html>");
    scratch_write(&scratch, "junk.cbz", file.data, file.len);
    save_title("junk.cbz", NULL);
    assert_rest_is_untouched("junk.cbz", &m, 0, "c");
}

static void pages_are_counted_by_their_names(void **state)
{
    static const char *const names[] = {"1.jpg",        "b/2.PNG",     "3.webp",           "b/",
                                        "notes.txt",    ".hidden.jpg", "__MACOSX/._1.jpg", "jpg",
                                        "ComicInfo.xml"};
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        zipmaker_adds(&m, names[i], "<ComicInfo/>", 0);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "pages.cbz", m.out.data, m.out.len);
    struct book *b LB_CLEANUP(book_close) = open_book("pages.cbz");
    assert_int_equal(book_pages(b), 3);
}

static void owner_mode_and_attributes_are_kept(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct stat before;
    struct stat after;
    char value[8] = "";
    (void)state;
    zipmaker_adds(&m, "ComicInfo.xml", XML, 0);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "mode.cbz", m.out.data, m.out.len);
    int fd = openat(scratch.fd, "mode.cbz", O_RDWR | O_CLOEXEC);
    if (geteuid() == 0)
        assert_int_equal(fchown(fd, 12345, 23456), 0);
    assert_int_equal(fchmod(fd, 0640), 0);
    bool attributes =
        fsetxattr(fd, "user.note", "mine", 4, 0) == 0; /* not every file system has them */
    assert_int_equal(fstat(fd, &before), 0);
    fd_close(fd);
    save_title("mode.cbz", "Old");
    fd = openat(scratch.fd, "mode.cbz", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_int_equal(after.st_gid, before.st_gid);
    if (attributes)
        assert_int_equal(fgetxattr(fd, "user.note", value, sizeof(value)), 4);
    fd_close(fd);
}

static void other_hard_link_keeps_the_old_book(void **state)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    zipmaker_adds(&m, "001.jpg", "page", 0);
    zipmaker_adds(&m, "ComicInfo.xml", XML, ZM_DEFLATE);
    zipmaker_end(&m, "", 0);
    scratch_write(&scratch, "seeded.cbz", m.out.data, m.out.len);
    assert_int_equal(linkat(scratch.fd, "seeded.cbz", scratch.fd, "library.cbz", 0), 0);
    save_title("library.cbz", "Old");
    scratch_read(&scratch, "seeded.cbz", &file);
    assert_int_equal(file.len, m.out.len);
    assert_memory_equal(file.data, m.out.data, file.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_replaced_wherever_they_are),
        cmocka_unit_test(tags_are_made_when_absent),
        cmocka_unit_test(empty_archive_gets_tags),
        cmocka_unit_test(of_two_tags_the_last_counts_and_stays),
        cmocka_unit_test(tags_of_a_folder_stay_when_the_root_has_its_own),
        cmocka_unit_test(byte_order_mark_stays_and_utf16_becomes_utf8),
        cmocka_unit_test(junk_around_goes_when_all_pages_are_sound),
        cmocka_unit_test(pages_are_counted_by_their_names),
        cmocka_unit_test(owner_mode_and_attributes_are_kept),
        cmocka_unit_test(other_hard_link_keeps_the_old_book),
    };
    return cmocka_run_group_tests_name("book", tests, setup, teardown);
}
