/*
 * path.h - names that come from outside, and opening them without leaving the library.
 *
 * A path is bytes, relative to the library root, without "." or ".." or empty parts, at most 4095 bytes, each part at
 * most 255. It need not be UTF-8. Symbolic links are followed only while they stay beneath the root.
 */
#ifndef LB_PATH_H
#define LB_PATH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base.h"
#include "err.h"

#define PATH_MAX_BYTES 4096

/*
 * path_from_client(root, text, len, ret, err)
 * What a client sent, relative or absolute inside `root` (absolute, no slash at the end), made a relative path.
 * Refuses, with a sentence that quotes the path (cut, escaped): control bytes and NUL (ERR_PATH_INVALID), too long
 * (ERR_PATH_INVALID), "..", absolute elsewhere (ERR_PATH_OUTSIDE), empty (ERR_PATH_INVALID).
 */
int path_from_client(const char *root, const char *text, size_t len, char ret[PATH_MAX_BYTES],
                     struct err *err) LB_MUST_CHECK;

/*
 * Opens beneath root_fd with openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS); O_CLOEXEC is added. ERR_NOT_FOUND,
 * ERR_PATH_OUTSIDE (a link leaves the root), ERR_IO. The caller closes *ret_fd.
 */
int path_open(int root_fd, const char *path, int flags, int *ret_fd, struct err *err) LB_MUST_CHECK;
/* The folder of `path`, opened O_PATH|O_DIRECTORY beneath root_fd; *ret_base points into `path` at the last part. */
int path_open_parent(int root_fd, const char *path, int *ret_dirfd, const char **ret_base,
                     struct err *err) LB_MUST_CHECK;

/* The last part of a path; the whole when there is no slash. Points into path. */
const char *path_base(const char *path);
/* Where the extension with its dot begins ("" at the end when there is none). Points into path. */
const char *path_extension(const char *path);
/* Does the name end in .cbz, .cbr, .cb7 or .cbt, in any case, with something before the dot, and no dot first? */
bool path_is_book(const char *path);

#endif
