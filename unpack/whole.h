/*
 * whole.h - is an archive there to its end? libarchive takes one that was cut between two files for a shorter one.
 */
#ifndef LB_WHOLE_H
#define LB_WHOLE_H

#include <stdbool.h>
#include <stdint.h>

/* A RAR archive (either kind) of `size` bytes in fd: do its blocks go on to the one that ends it? */
bool whole_rar(int fd, uint64_t size);
/* The same, and it is no part of a split archive: it begins with its main header, which says so. */
bool whole_single_rar(int fd, uint64_t size);
/* A 7-Zip archive: does its directory, which is its end, lie in the file? */
bool whole_7z(int fd, uint64_t size);
/* A tar archive that is not packed: does it end with a record of zeros? */
bool whole_tar(int fd, uint64_t size);

#endif
