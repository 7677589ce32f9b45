/*
 * tail_write.h - what must be known of a file whose end is written in place, to make it whole again after a crash.
 *
 * The new tail is first appended, at append_at, then written to its place, at tail_at; then the file is cut. The old
 * tail is whole until the appended one is on the disk. Made and used by workers/book_settle.c; jobs.db keeps it
 * (store_tail_write.c) and knows nothing of files.
 */
#ifndef LB_TAIL_WRITE_H
#define LB_TAIL_WRITE_H

#include <stdint.h>

struct tail_write {
    int64_t device, inode;
    int64_t old_size, old_mtime_ns;
    int64_t tail_at;   /* the old tail reaches from here to old_size; the new one begins here */
    int64_t append_at; /* not before old_size, nor before the end of the new tail in its place */
    int64_t tail_len;  /* bytes of the new tail, the same at both places */
    /* Checksums: the old tail, the new one as it is at append_at, and as it is at tail_at (offsets inside differ). */
    int64_t old_sum, append_sum, place_sum;
};

#endif
