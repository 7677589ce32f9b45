/*
 * image_head.h - what kind of picture some bytes begin, and how large it is: the header, never the picture.
 *
 * The bytes are hostile. Nothing is allocated, every step is bounded by `len`. Pure; any thread.
 */
#ifndef LB_IMAGE_HEAD_H
#define LB_IMAGE_HEAD_H

#include <stdbool.h>

#include "base.h"

enum image_kind {
    IMAGE_NONE, /* not a picture that we know */
    IMAGE_JPEG,
    IMAGE_PNG,
    IMAGE_GIF,
    IMAGE_WEBP,
    IMAGE_AVIF,
    IMAGE_OTHER, /* BMP, TIFF, JPEG XL, JPEG 2000, HEIF: known by their first bytes only */
};

struct image_head {
    enum image_kind kind;
    uint32_t width, height; /* 0 = not known */
};

/*
 * image_head_read(bytes, len, whole, ret)
 * NULL when the header is right as far as it can be seen; else what is wrong, as the end of a sentence ("has no
 * size"). whole: there is nothing behind these bytes; else a header that goes on behind them is taken for right.
 * ret->kind is filled either way.
 */
const char *image_head_read(const unsigned char *bytes, size_t len, bool whole,
                            struct image_head *ret);

/* The kind that a file name's extension says; IMAGE_NONE when it is no picture's. */
enum image_kind image_kind_of_name(const char *name, size_t len);
const char *image_kind_name(enum image_kind kind);

#endif
