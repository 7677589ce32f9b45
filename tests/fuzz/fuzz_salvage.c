/*
 * fuzz_salvage.c - any bytes as an archive without a directory: whatever is found is told again with the same bytes, in
 * the order of places, each name once, and nothing takes more than its share of work.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "strbuf.h"
#include "zip_salvage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    struct strbuf names; /* each with its length before it */
    size_t n, damaged;
    uint64_t bytes;
};

static int on_begin(void *ctx, const struct entry_info *e, struct err *err)
{
    struct told *t = ctx;
    (void)err;
    must(e->name_len > 0 && e->name_len <= UINT16_MAX);
    uint32_t len = (uint32_t)e->name_len;
    for (size_t at = 0; at < t->names.len;) {
        uint32_t other;
        memcpy(&other, t->names.data + at, sizeof(other));
        must(other != len || memcmp(t->names.data + at + sizeof(other), e->name, len) != 0);
        at += sizeof(other) + other;
    }
    strbuf_add(&t->names, &len, sizeof(len));
    strbuf_add(&t->names, e->name, len);
    t->n++;
    return 0;
}

static int on_data(void *ctx, const void *bytes, size_t len, struct err *err)
{
    (void)bytes, (void)err;
    ((struct told *)ctx)->bytes += len;
    return 0;
}

static int on_end(void *ctx, const struct err *why, struct err *err)
{
    (void)err;
    ((struct told *)ctx)->damaged += why != NULL;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd LB_CLEANUP(fd_close) = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
    struct zip_salvage s LB_CLEANUP(zip_salvage_clear) = {0};
    struct told t = {0};
    struct err err = {0};
    struct entry_sink sink = {on_begin, on_data, on_end, &t, NULL, NULL};
    if (zip_salvage_find(fd, size, NULL, NULL, &s, &err) == 0) {
        int rc = zip_salvage_walk(fd, size, &s, &sink, &err);
        must(rc == 0 || err.code == ERR_LIMIT);
        must(t.damaged == 0 && t.n <= s.n);
    }
    strbuf_clear(&t.names);
    return 0;
}
