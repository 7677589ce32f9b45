/* book_clone.c - file systems on which a copy shares its blocks with the old file (btrfs, XFS, ...). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "book_parts.h"

#define KNOWN_MAX 16

/* Those that cannot. A leaf lock, held for a few instructions. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dev_t known[KNOWN_MAX];
static size_t n_known;

static bool is_known(dev_t dev)
{
    bool found = false;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_known && !found; i++)
        found = known[i] == dev;
    (void)pthread_mutex_unlock(&lock);
    return found;
}

static void remember(dev_t dev)
{
    (void)pthread_mutex_lock(&lock);
    if (n_known < KNOWN_MAX)
        known[n_known++] = dev; /* another thread may do the same: harmless */
    (void)pthread_mutex_unlock(&lock);
}

bool book_clone_works(int dirfd, int fd, const struct stat *st)
{
    if (is_known(st->st_dev))
        return false;
    int copy LB_CLEANUP(fd_close) = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (copy >= 0 && ioctl(copy, FICLONE, fd) == 0)
        return true;
    /* Other errors are of this file, this folder or this moment. */
    if (copy >= 0 && (errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS))
        remember(st->st_dev);
    return false;
}
