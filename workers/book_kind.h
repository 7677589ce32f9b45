/*
 * book_kind.h - what a book is by its first bytes, whatever it is called.
 */
#ifndef LB_BOOK_KIND_H
#define LB_BOOK_KIND_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base.h"
#include "err.h"

enum book_kind {
    BOOK_OTHER, /* no archive that we know */
    BOOK_ZIP,
    BOOK_RAR,
    BOOK_7Z,
    BOOK_TAR,
};

/* `path` only helps where the bytes say little: a packed stream that is called .cbt is taken for a packed tar. */
enum book_kind book_kind_of(int fd, const char *path);
const char *book_kind_name(enum book_kind k);      /* "a RAR archive" */
const char *book_kind_extension(enum book_kind k); /* ".cbr" */
/* Does the name end in the kind's extension, in any case? */
bool book_kind_fits(enum book_kind k, const char *path);

/*
 * Opens the file at `path` for reading, beneath root_fd (path.h), and looks at it. ERR_BOOK: it is no regular file;
 * ERR_BUSY: another one is just changing it; path_open's errors. The caller closes *ret_fd, after errors too.
 */
int book_kind_open(int root_fd, const char *path, int *ret_fd, struct stat *ret_st,
                   struct err *err) LB_MUST_CHECK;

#endif
