/*
 * exe.h - files that came with the program, found from the place of the running program itself.
 */
#ifndef LB_EXE_H
#define LB_EXE_H

#include <limits.h>

#include "base.h"
#include "err.h"

/*
 * exe_beside(relative, n, ret, err)
 * The first of n paths, each relative to the folder of /proc/self/exe, that exists. ret is absolute, without links.
 * ERR_NOT_FOUND names the first and the folder.
 */
int exe_beside(const char *const *relative, size_t n, char ret[PATH_MAX],
               struct err *err) LB_MUST_CHECK;

#define EXE_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/*
 * exe_in_path(name, path, ret, err)
 * The program `name` as a path: execvp may not be called between fork and exec. `path` is a value of PATH, of which
 * only absolute folders count. A name with a slash is taken as it is. ERR_CONFIG.
 */
int exe_in_path(const char *name, const char *path, char ret[PATH_MAX],
                struct err *err) LB_MUST_CHECK;

#endif
