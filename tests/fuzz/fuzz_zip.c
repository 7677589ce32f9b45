/*
 * fuzz_zip.c - any bytes as an archive: the directory, every entry, and the tail that a changed
 * copy would get. What zip_read accepts and zip_check_places confirms must come out of a rewrite as
 * an archive that is accepted again.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zip.h"

#define MAX_UNPACKED 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const void *bytes, size_t len)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && (len == 0 || write(fd, bytes, len) == (ssize_t)len));
    return fd;
}

/* Drops the first entry, moves the rest together, puts a member behind. */
static void rewrite(const uint8_t *data, const struct zip *z)
{
    static const unsigned char empty_deflate[] = {3, 0};
    struct zip_plan plan LB_CLEANUP(zip_plan_clear) = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    bool *drop LB_CLEANUP(mem_free) = mem_new(z->n);
    struct zip_member m = {
        .name = "ComicInfo.xml",
        .name_len = 13,
        .packed = empty_deflate,
        .packed_len = 2,
    };
    if (z->n > 0) {
        drop[0] = true;
        m.old = &z->entries[0];
    }
    zip_plan_make(z, drop, &plan);
    for (size_t k = 0; k < z->n; k++)
        if (!drop[z->order[k]])
            strbuf_add(&out, data + z->entries[z->order[k]].at,
                       zip_span_end(z, k) - z->entries[z->order[k]].at);
    must(out.len == plan.at);
    zip_tail_build(z, &plan, plan.at, &m, &out);

    int fd LB_CLEANUP(fd_close) = file_of(out.data, out.len);
    struct zip again LB_CLEANUP(zip_clear) = {0};
    struct err err = {0};
    must(zip_read(fd, out.len, &again, &err) == 0);
    must(zip_check_places(fd, &again, &err) == 0);
    must(again.n == plan.n_kept + 1 && again.junk_before == 0 && again.junk_after == 0);
    must(again.comment_len == z->comment_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd LB_CLEANUP(fd_close) = file_of(data, size);
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err err = {0};
    if (zip_read(fd, size, &z, &err) < 0) {
        must(err.code == ERR_BOOK && err.msg[0]);
        return 0;
    }
    for (size_t i = 0; i < z.n && i < 16; i++) {
        struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
        if (zip_read_entry(fd, &z, &z.entries[i], "an entry", MAX_UNPACKED, &text, &err) == 0)
            must(text.len <= MAX_UNPACKED && text.len == z.entries[i].size);
    }
    if (zip_check_places(fd, &z, &err) < 0)
        return 0;
    if (zip_check_data(fd, &z, NULL, NULL, &err) < 0)
        must(err.code == ERR_BOOK);
    rewrite(data, &z);
    return 0;
}
