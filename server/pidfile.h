/*
 * pidfile.h - the file with the master's process id. A lock on it (flock) says that its master lives, so one that a
 * killed master left is taken over, and two masters never share one.
 */
#ifndef LB_PIDFILE_H
#define LB_PIDFILE_H

#include "base.h"
#include "err.h"

struct pidfile {
    int fd;
    char path[4097];
};

/* Writes our pid. ERR_CONFLICT, with its pid, when another process holds it. An empty path: nothing to do. */
int pidfile_open(const char *path, struct pidfile *ret, struct err *err) LB_MUST_CHECK;
/* Removes it. */
void pidfile_close(struct pidfile *p);

#endif
