#include "exe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

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

int exe_in_path(const char *name, const char *path, char ret[PATH_MAX], struct err *err)
{
    if (strchr(name, '/')) {
        (void)snprintf(ret, PATH_MAX, "%s", name);
        return 0; /* exec will say what is wrong with it */
    }
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, ":");
        struct stat st;
        int n = snprintf(ret, PATH_MAX, "%.*s/%s", (int)len, p, name);
        if (p[0] == '/' && n < PATH_MAX && access(ret, X_OK) == 0 && stat(ret, &st) == 0 &&
            S_ISREG(st.st_mode))
            return 0;
        p += len + (p[len] == ':');
    }
    return err_set(err, ERR_CONFIG, "program %s is not found in PATH", LOG_QUOTE(name));
}
