/* book_cover.h - the first page of a book, as it is in the archive. */
#ifndef LB_BOOK_COVER_H
#define LB_BOOK_COVER_H

#include "base.h"
#include "err.h"
#include "image_head.h"
#include "strbuf.h"

#define BOOK_COVER_MAX_BYTES (16u << 20)

/*
 * Unpacks the first page, in the order of entry_name.h, of the archive in `fd`; `path` only helps to name what is no
 * zip archive. What it is, its bytes say, never its name: ret_kind is a picture that browsers show and that holds no
 * script (JPEG, PNG, GIF, WebP, AVIF). ERR_NOT_FOUND: the book has no page. ERR_BOOK: another archive, a damaged or
 * encrypted one, another picture, or more than BOOK_COVER_MAX_BYTES; the message says which. At most twice that much
 * memory is used. Any thread.
 */
int book_cover_read(int fd, uint64_t file_size, const char *path, struct strbuf *ret,
                    enum image_kind *ret_kind, struct err *err) LB_MUST_CHECK;

#endif
