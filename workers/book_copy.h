/*
 * book_copy.h - a changed book by way of a full copy, or of a clone; for book*.c only.
 *
 * The copy is made in a temporary file in the book's folder, named after the book's inode, and locked (flock) while it
 * is written: two savers of one book never work together, and what a crash left behind is taken away by the next save.
 */
#ifndef LB_BOOK_COPY_H
#define LB_BOOK_COPY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base.h"
#include "err.h"
#include "zip.h"

struct book_copy {
    int dirfd;        /* the folder; O_PATH is enough */
    const char *base; /* the book's name in it */
    int fd;           /* the book, as it was read: */
    const struct stat *st;
    const struct zip *zip;
    const bool *drop;                /* by index of entry: goes */
    const struct zip_member *member; /* comes, as the last entry; NULL: none does */
    const char *text;                /* the same, unpacked, to compare with */
    size_t text_len;
    bool clone; /* the pages by FICLONE when it works; for a plan that is in_place */
    bool (*cancelled)(void *ctx); /* or NULL */
    void *ctx;
};

/*
 * Makes the copy and puts it in the book's place. *ret_fd, *ret_zip and *ret_st are the new book. On -1 the book is
 * the old one and no temporary file is left, with one exception: an ERR_IO "folder" after the rename, when the new
 * book is in place but may not survive a power cut.
 */
int book_copy_run(const struct book_copy *c, int *ret_fd, struct zip *ret_zip, struct stat *ret_st,
                  struct err *err) LB_MUST_CHECK;

/* Errors of book_copy_run that can be known before; else how many bytes it would write. */
int book_copy_preview(const struct book_copy *c, int64_t *ret_bytes, struct err *err) LB_MUST_CHECK;

/* Is the file still the one that was read, under its name, and may we write it? */
int book_copy_check(const struct book_copy *c, struct err *err) LB_MUST_CHECK;

/*
 * Removes a copy that a dead process left in the folder, when `name` is that of one and nobody works on it. True: it
 * was one, and is gone.
 */
bool book_copy_remove_leftover(int dirfd, const char *name);

/* Can another file get this one's owner and group? */
bool book_copy_owner_ok(const struct stat *st);
/* Owner, mode, attributes and access lists of one open file for another. */
int book_copy_attributes(int from, const struct stat *st, int to, struct err *err) LB_MUST_CHECK;

#endif
