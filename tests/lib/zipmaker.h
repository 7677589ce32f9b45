/*
 * zipmaker.h - small zip archives for tests, sound or broken on purpose. Written apart from workers/zip*.c, so that a
 * mistake there is not made here too.
 */
#ifndef LB_ZIPMAKER_H
#define LB_ZIPMAKER_H

#include "base.h"
#include "strbuf.h"

#define ZIPMAKER_MAX 32

enum zipmaker_flags {
    ZM_DEFLATE = 1,
    ZM_DESCRIPTOR = 2, /* sizes and checksum behind the data, zeros in the local header */
    ZM_WIDE = 4,       /* zip64 extra fields with sizes and offset */
    ZM_ENCRYPTED = 8,  /* only says so */
    ZM_LIE = 16,       /* declares 4 GiB - 2 unpacked */
    ZM_END64 = 32,     /* for zipmaker_end: zip64 end record, the plain one saturated */
};

struct zipmaker {
    struct strbuf out; /* the archive */
    struct {
        size_t at, end; /* local header to the end of the data or descriptor */
        struct strbuf
            record; /* in the directory; its offset field counts as zeros in comparisons */
    } entries[ZIPMAKER_MAX];
    size_t n;
};

void zipmaker_add(struct zipmaker *m, const char *name, const void *data, size_t len,
                  unsigned flags);
void zipmaker_adds(struct zipmaker *m, const char *name, const char *text, unsigned flags);
void zipmaker_end(struct zipmaker *m, const char *comment, unsigned flags);
void zipmaker_clear(struct zipmaker *m);
LB_DEFINE_CLEANUP(struct zipmaker, zipmaker_clear)

#endif
