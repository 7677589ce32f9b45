/*
 * zip_salvage.h - the files of a zip archive whose directory is lost, found by their local headers.
 *
 * The archive is searched from its start for local headers; one is believed only when its data unpacks and gives the
 * checksum in the header or in the descriptor behind the data. After a file that is whole the search goes on behind
 * it, after any other 4 bytes further. Work and memory are bounded whatever the file holds. Any thread.
 */
#ifndef LB_ZIP_SALVAGE_H
#define LB_ZIP_SALVAGE_H

#include "entry_sink.h"

#define ZIP_SALVAGE_ENTRIES   20000
#define ZIP_SALVAGE_NAMES     (16u << 20) /* bytes of all names */
#define ZIP_SALVAGE_ENTRY_MAX (512ull << 20)

struct zip_salvage {
    struct zip_salvaged *found; /* those that are whole; of one name the last */
    size_t n;
    size_t
        n_lost; /* headers whose data is damaged, cut off, encrypted, or packed in a way we cannot read */
};
void zip_salvage_clear(struct zip_salvage *s);
LB_DEFINE_CLEANUP(struct zip_salvage, zip_salvage_clear)

/* Searches; every byte of data is unpacked once. ERR_LIMIT: too many, or too much work; ERR_CANCELLED; ERR_IO. */
int zip_salvage_find(int fd, uint64_t size, bool (*cancelled)(void *ctx), void *ctx,
                     struct zip_salvage *ret, struct err *err) LB_MUST_CHECK;
/* Tells the sink of what was found, in the order of their places. Folders are not told. */
int zip_salvage_walk(int fd, uint64_t size, const struct zip_salvage *s,
                     const struct entry_sink *sink, struct err *err) LB_MUST_CHECK;

#endif
