/* test_book_cover.c - which page is the cover, and what is never given out as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "book_cover.h"
#include "zipmaker.h"

#define JPEG "\xff\xd8\xff\xe0 a picture"
#define PNG  "\x89PNG\r\n\x1a\n a picture"
#define GIF  "GIF89a a picture"
#define WEBP "RIFF\x20\x20\x20\x20WEBPVP8 a picture"
#define AVIF                                                                                       \
    "\x20\x20\x20\x20"                                                                             \
    "ftypavif a picture"

struct cover {
    int rc;
    struct err err;
    struct strbuf bytes;
    enum image_kind kind;
};

static void cover_clear(struct cover *c)
{
    strbuf_clear(&c->bytes);
}
LB_DEFINE_CLEANUP(struct cover, cover_clear)

static struct cover cover_of_bytes(const void *data, size_t len)
{
    struct cover c = {0};
    int fd = memfd_create("book", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    c.rc = book_cover_read(fd, len, "x.cbz", &c.bytes, &c.kind, &c.err);
    (void)close(fd);
    return c;
}

/* Ends the archive. */
static struct cover cover_of(struct zipmaker *m)
{
    zipmaker_end(m, "", 0);
    return cover_of_bytes(m->out.data, m->out.len);
}

static void assert_cover(struct zipmaker *m, const char *want, enum image_kind kind)
{
    struct cover c LB_CLEANUP(cover_clear) = cover_of(m);
    if (c.rc < 0)
        fail_msg("%s", c.err.msg);
    assert_int_equal(c.bytes.len, strlen(want));
    assert_memory_equal(c.bytes.data, want, c.bytes.len);
    assert_int_equal(c.kind, kind);
}

static void assert_refused(struct zipmaker *m, enum err_code code, const char *words)
{
    struct cover c LB_CLEANUP(cover_clear) = cover_of(m);
    assert_int_equal(c.rc, -1);
    assert_int_equal(c.err.code, code);
    if (!strstr(c.err.msg, words))
        fail_msg("\"%s\" does not say \"%s\"", c.err.msg, words);
    assert_int_equal(c.bytes.len, 0);
}

static void the_cover_is_the_first_page_in_reading_order(void **state)
{
    (void)state;
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    zipmaker_adds(&m, "page 10.jpg", JPEG "ten", 0);
    zipmaker_adds(&m, "ComicInfo.xml", "<ComicInfo><Broken", ZM_DEFLATE);
    zipmaker_adds(&m, "__MACOSX/a.jpg", JPEG "resource", 0);
    zipmaker_adds(&m, ".a.jpg", JPEG "hidden", 0);
    zipmaker_adds(&m, "page 2.jpg", JPEG "two", ZM_DEFLATE | ZM_DESCRIPTOR);
    zipmaker_adds(&m, "readme.txt", "text", 0);
    assert_cover(&m, JPEG "two", IMAGE_JPEG);
}

static void the_type_is_what_the_bytes_say(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum image_kind kind;
    } cases[] = {{JPEG, IMAGE_JPEG},
                 {PNG, IMAGE_PNG},
                 {GIF, IMAGE_GIF},
                 {WEBP, IMAGE_WEBP},
                 {AVIF, IMAGE_AVIF}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
        zipmaker_adds(&m, i % 2 ? "1.jpg" : "1.png", cases[i].bytes, i % 2 ? ZM_DEFLATE : 0);
        assert_cover(&m, cases[i].bytes, cases[i].kind);
    }
}

static void what_could_hold_a_script_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
        "<!doctype html><script>alert(1)</script>",
        "<?xml version=\"1.0\"?><svg/>",
        "\xef\xbb\xbf<html>",
        "%PDF-1.4",
        "BM and a bitmap",
        "II*\x01 and a tiff",
        "GIF",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
        zipmaker_adds(&m, "1.jpg", texts[i], i % 2 ? ZM_DEFLATE : 0);
        assert_refused(&m, ERR_BOOK, "not a picture that can be shown");
    }
}

static void a_book_without_pages_has_none(void **state)
{
    (void)state;
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    zipmaker_adds(&m, "cover.svg", "<svg/>", 0);
    zipmaker_adds(&m, "page.jpg/", "", 0);
    assert_refused(&m, ERR_NOT_FOUND, "no page");
}

static void hostile_archives_are_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        const char *words;
    } cases[] = {
        {ZM_LIE, "too large"}, {ZM_DEFLATE | ZM_LIE, "too large"}, {ZM_ENCRYPTED, "encrypted"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
        zipmaker_adds(&m, "1.jpg", JPEG, cases[i].flags);
        assert_refused(&m, ERR_BOOK, cases[i].words);
    }
    struct cover text LB_CLEANUP(cover_clear) = cover_of_bytes(JPEG, strlen(JPEG));
    assert_int_equal(text.err.code, ERR_BOOK);
    struct cover rar LB_CLEANUP(cover_clear) = cover_of_bytes("Rar!\x1a\x07\x01\x00 and more", 17);
    assert_int_equal(rar.err.code, ERR_BOOK);
    assert_non_null(strstr(rar.err.msg, "a RAR archive: only a CBZ shows its cover"));
}

static void more_than_the_limit_is_never_unpacked(void **state)
{
    (void)state;
    static const size_t sizes[] = {BOOK_COVER_MAX_BYTES, BOOK_COVER_MAX_BYTES + 1};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
        char *page LB_CLEANUP(mem_free) = mem_new(sizes[i]);
        memcpy(page, JPEG, strlen(JPEG));
        zipmaker_add(&m, "1.jpg", page, sizes[i], ZM_DEFLATE); /* a few KB of it in the file */
        struct cover c LB_CLEANUP(cover_clear) = cover_of(&m);
        assert_int_equal(c.rc, i == 0 ? 0 : -1);
        assert_int_equal(c.bytes.len, i == 0 ? sizes[i] : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cover_is_the_first_page_in_reading_order),
        cmocka_unit_test(the_type_is_what_the_bytes_say),
        cmocka_unit_test(what_could_hold_a_script_is_refused),
        cmocka_unit_test(a_book_without_pages_has_none),
        cmocka_unit_test(hostile_archives_are_refused),
        cmocka_unit_test(more_than_the_limit_is_never_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
