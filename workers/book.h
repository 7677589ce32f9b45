/*
 * book.h - a comic archive (CBZ) as a thing with tags: opened beneath the library, read strictly, changed safely.
 *
 * One `struct book` belongs to one thread. Only book.c and what it calls (zip.h, comicinfo.h) know the formats.
 */
#ifndef LB_BOOK_H
#define LB_BOOK_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

struct book;

struct book_change {
    const char *element; /* "Title", "Series", "Number", ...: an element of ComicInfo 2.1 */
    const char *value;   /* UTF-8; "" or NULL takes the element out */
};

/*
 * book_open(root_fd, path, ret, err)
 * Opens `path` beneath root_fd (path.h), checks that it is a zip archive by its magic bytes and its directory, and
 * reads ComicInfo.xml when there is one. ERR_NOT_FOUND: no such file. ERR_PATH_*: path not acceptable. ERR_BOOK: not
 * a sound CBZ; the message says what it is instead or what is broken, in words for users.
 */
int book_open(int root_fd, const char *path, struct book **ret, struct err *err) LB_MUST_CHECK;
void book_close(struct book *b);
LB_DEFINE_CLEANUP_PTR(struct book, book_close)

/* The text of an element, NULL when it is absent or empty. Valid until the book is closed or saved. */
const char *book_tag(const struct book *b, const char *element);
/* How many entries look like pages (by the extension of their names). */
int64_t book_pages(const struct book *b);

/*
 * book_save(b, changes, n, cancelled, ctx, ret_written, err)
 * Puts the changes into ComicInfo.xml, making one when there is none. Nothing differs: nothing is written, *ret_written
 * is false. Otherwise the book is at every moment, and after a crash at any instruction, either the old or the new one,
 * byte for byte: full copy into a temporary file in the same folder (name begins with ".longbox-"), synced, its entries
 * compared with the old ones, mode, owner and xattrs kept, renamed over the old, folder synced. Other entries, their
 * order, times and comments are copied byte for byte. A book with a second hard link is handled the same way.
 * `cancelled` (may be NULL) is asked between steps: ERR_CANCELLED, nothing changed. ERR_NO_SPACE and ERR_IO leave the
 * old book and no temporary file.
 */
int book_save(struct book *b, const struct book_change *changes, size_t n,
              bool (*cancelled)(void *ctx), void *ctx, bool *ret_written,
              struct err *err) LB_MUST_CHECK;

#endif
