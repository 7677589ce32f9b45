#include "op_move.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "log.h"

static void sync_folder(int dir)
{
    int fd LB_CLEANUP(fd_close) = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd); /* some file systems cannot; the rename itself is done either way */
}

/* Is `name`, byte for byte, listed in the folder? 1, 0, or -1 with errno. */
static int is_listed(int dir, const char *name)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    DIR *d = fdopendir(fd);
    if (!d) {
        (void)close(fd);
        return -1;
    }
    int found = 0;
    struct dirent *e;
    errno = 0;
    while (!found && (e = readdir(d)) != NULL) /* NOLINT(concurrency-mt-unsafe): our own DIR */
        found = strcmp(e->d_name, name) == 0;
    if (!found && errno != 0)
        found = -1;
    (void)closedir(d);
    return found;
}

/*
 * Two names, one file: 1 when they are two entries (hard links), 0 when one entry answers to both,
 * because the file system ignores case or Unicode forms.
 */
static int are_two_entries(const struct stat *st, int to_dir, const char *to_name)
{
    return st->st_nlink > 1 ? is_listed(to_dir, to_name) : 0;
}

int op_move_taken(int dir, const char *name, const char *to_name, struct stat *ret)
{
    struct stat st, other;
    if (fstatat(dir, to_name, &other, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    *ret = other;
    if (st.st_dev == other.st_dev && st.st_ino == other.st_ino)
        return are_two_entries(&st, dir, to_name);
    return 1;
}

/* rename without replacing; -1 with errno. */
static int rename_noreplace(int dir, const char *name, int to_dir, const char *to_name)
{
    if (renameat2(dir, name, to_dir, to_name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* NFS and some FUSE file systems: a link never overwrites either. */
    if (linkat(dir, name, to_dir, to_name, 0) < 0)
        return -1;
    return unlinkat(dir, name, 0);
}

/* The name is taken: by our own file in another spelling, by our own unfinished link, or by another
 * file? */
static int settle_taken(int dir, const char *name, int to_dir, const char *to_name, bool was_free,
                        enum move_outcome *ret)
{
    struct stat st, other;
    *ret = MOVE_TAKEN;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (fstatat(to_dir, to_name, &other, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1; /* gone again: it was taken a moment ago */
    if (st.st_dev != other.st_dev || st.st_ino != other.st_ino)
        return 0;
    int two = are_two_entries(&st, to_dir, to_name);
    if (two < 0 || (two && !was_free))
        return two < 0 ? -1 : 0;
    *ret = MOVE_DONE;
    return two ? unlinkat(dir, name, 0) : renameat(dir, name, to_dir, to_name);
}

int op_move(int dir, const char *name, int to_dir, const char *to_name, bool was_free,
            enum move_outcome *ret, struct err *err)
{
    *ret = MOVE_DONE;
    int rc = rename_noreplace(dir, name, to_dir, to_name);
    if (rc < 0 && errno == EEXIST)
        rc = settle_taken(dir, name, to_dir, to_name, was_free, ret);
    if (rc < 0 && errno == EXDEV) {
        *ret = MOVE_CROSS_DEVICE;
        return 0;
    }
    if (rc < 0)
        return err_sys(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "rename to %s",
                       LOG_QUOTE(to_name));
    if (*ret == MOVE_DONE) {
        fault_hit("move_renamed");
        sync_folder(to_dir);
        if (to_dir != dir)
            sync_folder(dir);
    }
    return 0;
}
