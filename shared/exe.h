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

#endif
