/*
 * entry_sink.h - who is told of the files in an archive, one after the other, with their bytes.
 *
 * Any of the three may return -1 with `err` to end the walk with that error. Names are bytes to show and to compare,
 * never paths.
 */
#ifndef LB_ENTRY_SINK_H
#define LB_ENTRY_SINK_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

struct entry_info {
    const char *name; /* no NUL behind; valid inside the call */
    size_t name_len;
    size_t index;  /* in the archive's own list of files */
    int64_t mtime; /* Unix seconds; 0 = not known */
};

struct entry_sink {
    int (*begin)(void *ctx, const struct entry_info *e, struct err *err);
    int (*data)(void *ctx, const void *bytes, size_t len, struct err *err);
    /* why: NULL when the entry is whole, by the archive's own checksum where it has one. */
    int (*end)(void *ctx, const struct err *why, struct err *err);
    void *ctx;
    bool (*cancelled)(void *ctx); /* NULL or asked between steps: ERR_CANCELLED */
    void *cancel_ctx;
};

#endif
