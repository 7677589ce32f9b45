/*
 * zip_write.h - a new zip archive: every file stored as it is, none packed; zip64 where it has to be.
 *
 * Written from the start of an empty file, whose place is not used (pwrite). An archive is whole only after
 * zip_writer_end. One thread.
 */
#ifndef LB_ZIP_WRITE_H
#define LB_ZIP_WRITE_H

#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "strbuf.h"

#define ZIP_WRITE_MAX_ENTRIES 65534

struct zip_writer {
    int fd;
    uint64_t at;       /* where the next byte goes */
    struct strbuf dir; /* records of the entries that are whole */
    size_t n;          /* how many */
    uint64_t entry_at, entry_size;
    uint32_t entry_crc;
    struct strbuf name; /* of the entry that is open */
    int64_t mtime;
};
void zip_writer_init(struct zip_writer *w, int fd);
void zip_writer_clear(struct zip_writer *w);
LB_DEFINE_CLEANUP(struct zip_writer, zip_writer_clear)

/* mtime: Unix seconds. ERR_LIMIT: too many entries, too long a name, or (in data) more than 4 GiB in one. ERR_IO. */
int zip_writer_begin(struct zip_writer *w, const char *name, size_t name_len, int64_t mtime,
                     struct err *err) LB_MUST_CHECK;
int zip_writer_data(struct zip_writer *w, const void *bytes, size_t len,
                    struct err *err) LB_MUST_CHECK;
int zip_writer_close(struct zip_writer *w, struct err *err) LB_MUST_CHECK;
/* Forgets the entry that is open; the next one is written over it. */
void zip_writer_abandon(struct zip_writer *w);
/* Writes directory and end; the file is cut behind them. */
int zip_writer_end(struct zip_writer *w, struct err *err) LB_MUST_CHECK;

#endif
