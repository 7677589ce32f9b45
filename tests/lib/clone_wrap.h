/*
 * clone_wrap.h - FICLONE as the test wants it, on any file system. For programs that are linked with --wrap=ioctl.
 */
#ifndef LB_CLONE_WRAP_H
#define LB_CLONE_WRAP_H

enum clone_wrap {
    CLONE_AS_IT_IS,
    CLONE_NEVER,    /* EOPNOTSUPP, as on ext4 */
    CLONE_BY_BYTES, /* works; the blocks are not shared, of course */
};
extern enum clone_wrap clone_wrap;
extern int clone_wrap_calls; /* FICLONE was asked for so often */

int __wrap_ioctl(int fd, unsigned long request,
                 ...); /* NOLINT(bugprone-reserved-identifier): the linker's name */

#endif
