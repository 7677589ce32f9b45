/* zip_lzma.c - an entry packed with LZMA (APPNOTE 5.8), at hand as a whole. Some packers use it for small texts. */
#include "zip.h"

#include <lzma.h>
#include <stdlib.h>

#include "zip_io.h"

#define HEAD_BYTES 4 /* version of the SDK, length of the properties */

static int damaged(const char *what, struct err *err)
{
    return err_set(err, ERR_BOOK, "%s is damaged and cannot be unpacked", what);
}

/* A decoder by the properties in front of the data; its memory is bounded by what may come out. */
static int start(lzma_stream *s, const unsigned char *props, size_t len, size_t max_bytes,
                 const char *what, struct err *err)
{
    lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA1}, {.id = LZMA_VLI_UNKNOWN}};
    if (lzma_properties_decode(&filters[0], NULL, props, len) != LZMA_OK)
        return damaged(what, err);
    lzma_options_lzma *options = filters[0].options;
    if (options->dict_size > max_bytes)
        options->dict_size = (uint32_t)max_bytes; /* nothing can reach back further */
    lzma_ret rc = lzma_raw_decoder(s, filters);
    free(options);
    return rc == LZMA_OK ? 0 : damaged(what, err);
}

int zip_unlzma(const unsigned char *in, size_t len, const struct zip_entry *e, const char *what,
               size_t max_bytes, struct strbuf *out, struct err *err)
{
    lzma_stream s = LZMA_STREAM_INIT;
    size_t props = len >= HEAD_BYTES ? zip_get16(in + 2) : 0;
    if (len < HEAD_BYTES || len - HEAD_BYTES < props || e->size > max_bytes)
        return damaged(what, err);
    if (start(&s, in + HEAD_BYTES, props, max_bytes, what, err) < 0)
        return -1;
    s.next_in = in + HEAD_BYTES + props;
    s.avail_in = len - HEAD_BYTES - props;
    s.next_out = (uint8_t *)strbuf_reserve(out, (size_t)e->size);
    s.avail_out = (size_t)e->size;
    lzma_ret rc = LZMA_OK;
    while (rc == LZMA_OK && s.avail_out > 0) /* the end mark, if there is one, does not matter */
        rc = lzma_code(&s, LZMA_RUN);
    out->len += (size_t)s.total_out;
    lzma_end(&s);
    return out->len == e->size ? 0 : damaged(what, err);
}
