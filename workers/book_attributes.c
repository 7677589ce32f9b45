/* book_attributes.c - what the new file takes over from the old one besides its bytes. */
#include "book_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define XATTR_BYTES 65536 /* the kernel's limit for a list of names and for a value: xattr(7) */

/* Those that users and tools set. The rest (security.*, trusted.*, of the file system) is copied if
 * it can be. */
static bool must_keep(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "system.posix_acl_access") == 0;
}

static int copy_xattrs(int from, int to, struct err *err)
{
    char *names LB_CLEANUP(mem_free) = mem_new(XATTR_BYTES);
    char *value LB_CLEANUP(mem_free) = mem_new(XATTR_BYTES);
    ssize_t len = flistxattr(from, names, XATTR_BYTES);
    if (len < 0 && errno != ENOTSUP)
        return err_sys(err, ERR_IO, "read the file's attributes");
    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1) {
        ssize_t n = fgetxattr(from, names + i, value, XATTR_BYTES);
        if ((n < 0 || fsetxattr(to, names + i, value, (size_t)n, 0) < 0) && must_keep(names + i))
            return err_sys(err, ERR_IO, "keep the file's attribute %.60s", names + i);
    }
    return 0;
}

bool book_copy_owner_ok(const struct stat *st)
{
    gid_t groups[256];
    if (geteuid() == 0)
        return true;
    if (st->st_uid != geteuid())
        return false;
    if (st->st_gid == getegid())
        return true;
    int n = getgroups((int)ARRAY_LEN(groups), groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == st->st_gid)
            return true;
    return false;
}

int book_copy_attributes(int from, const struct stat *st, int to, struct err *err)
{
    struct stat now;
    if (fstat(to, &now) < 0)
        return err_sys(err, ERR_IO, "look at the new file");
    if ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) &&
        fchown(to, st->st_uid, st->st_gid) < 0)
        return err_sys(err, ERR_IO, "keep the file's owner (%u:%u)", (unsigned)st->st_uid,
                       (unsigned)st->st_gid);
    if (fchmod(to, st->st_mode & 07777) < 0)
        return err_sys(err, ERR_IO, "keep the file's mode");
    return copy_xattrs(from, to, err);
}
