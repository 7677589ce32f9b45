/*
 * fuzz_image_head.c - whatever the bytes are, a header is right with a believable size, or something is said; and more
 * bytes behind a header that is right do not make it wrong.
 *
 * The first byte says how much of the rest is given at first.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *ask(const uint8_t *data, size_t size, bool whole, struct image_head *ret)
{
    uint8_t *copy = malloc(size ? size : 1); /* reads behind its end are seen */
    must(copy);
    memcpy(copy, data, size);
    const char *why = image_head_read(copy, size, whole, ret);
    free(copy);
    must(!why || strlen(why) > 0);
    must((ret->width == 0) == (ret->height == 0));
    must(ret->width <= 1u << 24 && ret->height <= 1u << 24);
    return why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct image_head part, all;
    size_t cut = (size - 1) * data[0] / 255;
    const char *why_part = ask(data + 1, cut, false, &part);
    const char *why_all = ask(data + 1, size - 1, true, &all);
    if (!why_part && part.width > 0 && part.kind != IMAGE_AVIF)
        must(!why_all && all.width == part.width && all.height == part.height);
    if (!why_all && all.kind != IMAGE_OTHER)
        must(all.width > 0);
    return 0;
}
