/* test_image_head.c - headers of pictures: right ones, wrong ones, and every cut of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image_head.h"

#define BYTES(s) (const unsigned char *)(s), sizeof(s) - 1

/* A copy that ends where the memory ends, so that a sanitizer sees a read behind it. */
static const char *read_head(const unsigned char *bytes, size_t len, bool whole,
                             struct image_head *ret)
{
    unsigned char *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    const char *why = image_head_read(copy, len, whole, ret);
    free(copy);
    return why;
}

static const char jpeg[] = "\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0"
                           "\xff\xff\xc2\x00\x0b\x08\x01\x2c\x00\xc8\x01\x01\x11\x00"
                           "\xff\xda\x00\x02";
static const char gif[] = "GIF89a\x40\x01\xf0\x00\x80\x00\x00";
static const char webp_lossy[] =
    "RIFF\x40\0\0\0WEBPVP8 \x20\0\0\0\x30\x01\0\x9d\x01\x2a\x90\x01\x2c\x01";
static const char webp_lossless[] =
    "RIFF\x40\0\0\0WEBPVP8L\x20\0\0\0\x2f\x8f\xc1\x4a\x00\0\0\0\0\0";
static const char webp_wide[] = "RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x8f\x01\0\x2b\x01\0";
static const char avif[] = "\0\0\0\x18"
                           "ftypmif1\0\0\0\0avifmiaf"
                           "\0\0\0\x4c"
                           "meta\0\0\0\0"
                           "\0\0\0\x40"
                           "iprp"
                           "\0\0\0\x38"
                           "ipco"
                           "\0\0\0\x14"
                           "ispe\0\0\0\0\0\0\0\x20\0\0\0\x20"
                           "\0\0\0\x14"
                           "ispe\0\0\0\0\0\0\1\x90\0\0\1\x2c"
                           "\0\0\0\x08"
                           "free";

static size_t make_png(unsigned char out[33], uint32_t width, uint32_t height, int depth, int color)
{
    unsigned char head[33] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    for (int i = 0; i < 4; i++) {
        head[16 + i] = (unsigned char)(width >> (24 - 8 * i));
        head[20 + i] = (unsigned char)(height >> (24 - 8 * i));
    }
    head[24] = (unsigned char)depth;
    head[25] = (unsigned char)color;
    uint32_t crc = (uint32_t)crc32(0, head + 12, 17);
    for (int i = 0; i < 4; i++)
        head[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    memcpy(out, head, 33);
    return 33;
}

static void assert_right(const unsigned char *p, size_t len, enum image_kind kind, uint32_t width,
                         uint32_t height)
{
    struct image_head head;
    const char *why = read_head(p, len, true, &head);
    if (why)
        fail_msg("%s %s", image_kind_name(kind), why);
    assert_int_equal(head.kind, kind);
    assert_int_equal(head.width, width);
    assert_int_equal(head.height, height);
}

static void headers_of_each_kind_give_the_size(void **state)
{
    (void)state;
    unsigned char png[33];
    assert_right(BYTES(jpeg), IMAGE_JPEG, 200, 300);
    assert_right(BYTES(gif), IMAGE_GIF, 320, 240);
    assert_right(BYTES(webp_lossy), IMAGE_WEBP, 400, 300);
    assert_right(BYTES(webp_lossless), IMAGE_WEBP, 400, 300);
    assert_right(BYTES(webp_wide), IMAGE_WEBP, 400, 300);
    assert_right(BYTES(avif), IMAGE_AVIF, 400, 300);
    assert_right(png, make_png(png, 640, 480, 8, 2), IMAGE_PNG, 640, 480);
}

static void assert_wrong(const unsigned char *p, size_t len, const char *part)
{
    struct image_head head;
    const char *why = read_head(p, len, true, &head);
    if (!why || !strstr(why, part))
        fail_msg("\"%s\" does not say \"%s\"", why ? why : "right", part);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    unsigned char png[33];
    assert_wrong(BYTES(""), "is empty");
    assert_wrong(BYTES("<html>"), "is no picture");
    assert_wrong(BYTES("\xff\xd8\xff\xd9"), "before it is described");
    assert_wrong(BYTES("\xff\xd8\xff\xda\0\2"), "before it is described");
    assert_wrong(BYTES("\xff\xd8xxxxxx"), "no marker");
    assert_wrong(BYTES("\xff\xd8\xff\xe0\0\1xx"), "no length");
    assert_wrong(BYTES("\xff\xd8\xff\xc0\0\x0b\x08\0\0\0\1\1\0\0\0"), "0 pixels");
    assert_wrong(BYTES("\xff\xd8\xff\xc0\0\2\x08\0\1\0\1\1\0\0\0"), "too short");
    assert_wrong(BYTES("GIF80a\1\0\1\0\0\0\0"), "unknown version");
    assert_wrong(BYTES("GIF89a\0\0\1\0\0\0\0"), "0 pixels");
    assert_wrong(BYTES("RIFF\0\0\0\0WEBPVP9 xxxxxxxxxxxxxxxxxx"), "unknown");
    assert_wrong(BYTES("\0\0\0\x14"
                       "ftypavif\0\0\0\0mif1"),
                 "no size");
    assert_wrong(png, make_png(png, 0, 480, 8, 2), "0 pixels");
    assert_wrong(png, make_png(png, 0x7fffffff, 480, 8, 2), "too long");
    assert_wrong(png, make_png(png, 640, 480, 3, 2), "no PNG can be");
    assert_wrong(png, make_png(png, 640, 480, 8, 5), "no PNG can be");
    (void)make_png(png, 640, 480, 8, 2);
    png[20] ^= 1;
    assert_wrong(png, 33, "checksum");
}

/* A header that goes on is no fault; one that ends is. */
static void every_cut_of_a_header(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t len, from; /* from: enough to tell the kind */
    } all[] = {{jpeg, sizeof(jpeg) - 1, 2},
               {gif, sizeof(gif) - 1, 4},
               {webp_lossy, sizeof(webp_lossy) - 1, 12},
               {webp_lossless, sizeof(webp_lossless) - 1, 12},
               {webp_wide, sizeof(webp_wide) - 1, 12},
               {avif, sizeof(avif) - 1, 12}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (size_t len = 0; len < all[i].len; len++) {
            struct image_head head;
            const char *whole = read_head((const unsigned char *)all[i].p, len, true, &head);
            const char *part = read_head((const unsigned char *)all[i].p, len, false, &head);
            assert_true(len >= all[i].from || part);
            if (len >= all[i].from && part)
                fail_msg("%zu bytes of header %zu: %s", len, i, part);
            if (!whole)
                assert_true(head.width > 0 || head.kind == IMAGE_OTHER);
        }
    }
}

static void boxes_that_lie_end_the_search(void **state)
{
    (void)state;
    struct image_head head;
    assert_non_null(read_head(BYTES("\0\0\0\x10"
                                    "ftypavif\0\0\0\0\0\0\0\x07meta"),
                              true, &head));
    assert_non_null(read_head(BYTES("\0\0\0\x10"
                                    "ftypavif\0\0\0\0\0\0\0\1meta\xff\xff\xff\xff\xff\xff\xff\xff"),
                              true, &head));
    assert_non_null(read_head(BYTES("\0\0\0\x10"
                                    "ftypavif\0\0\0\0\0\0\0\0meta"),
                              true, &head));
    /* a box in a box in a box: deeper than any real file */
    unsigned char deep[24 + 8 * 1000] = "\0\0\0\x18"
                                        "ftypavif\0\0\0\0avifmiaf";
    for (size_t at = 24; at + 8 <= sizeof(deep); at += 8)
        memcpy(deep + at, "\0\0\0\0ipco", 8);
    assert_non_null(read_head(deep, sizeof(deep), true, &head));
}

static void names_say_a_kind(void **state)
{
    (void)state;
    assert_int_equal(image_kind_of_name("a.JPG", 5), IMAGE_JPEG);
    assert_int_equal(image_kind_of_name("a.jpeg", 6), IMAGE_JPEG);
    assert_int_equal(image_kind_of_name("a.avif", 6), IMAGE_AVIF);
    assert_int_equal(image_kind_of_name("jpg", 3), IMAGE_NONE);
    assert_int_equal(image_kind_of_name("a.jpgx", 6), IMAGE_NONE);
    assert_int_equal(image_kind_of_name("a.jpgx", 5), IMAGE_JPEG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_of_each_kind_give_the_size),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(every_cut_of_a_header),
        cmocka_unit_test(boxes_that_lie_end_the_search),
        cmocka_unit_test(names_say_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
