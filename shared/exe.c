#include "exe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int exe_beside(const char *const *relative, size_t n, char ret[PATH_MAX], struct err *err)
{
    char folder[PATH_MAX], path[PATH_MAX * 2];
    ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    if (len < 0)
        return err_sys(err, ERR_IO, "read /proc/self/exe");
    folder[len] = '\0';
    *strrchr(folder, '/') = '\0'; /* the kernel gives an absolute path */
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, relative[i]);
        if (realpath(path, ret) != NULL)
            return 0;
    }
    return err_set(err, ERR_NOT_FOUND, "%s is not there, seen from %s", relative[0], folder);
}
