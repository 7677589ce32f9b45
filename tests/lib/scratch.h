/*
 * scratch.h - a folder of its own for a test, files in it, and children with some system calls taken away.
 */
#ifndef LB_SCRATCH_H
#define LB_SCRATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base.h"
#include "strbuf.h"

struct scratch {
    char dir[64];
    int fd; /* O_PATH */
};

void scratch_make(struct scratch *s);
void scratch_remove(struct scratch *s); /* with everything in it */

void scratch_write(const struct scratch *s, const char *name, const void *data, size_t len);
/* Replaces what is in *ret. */
void scratch_read(const struct scratch *s, const char *name, struct strbuf *ret);
/* How many names of the folder begin with `prefix`. */
int scratch_count(const struct scratch *s, const char *prefix);

/* Does Python's zipfile read every entry of the file without complaint? */
bool scratch_zip_ok(const struct scratch *s, const char *name);

/*
 * Runs a Python script with the file's full path and `argument` as its arguments. What it prints goes into *ret; a
 * script that fails ends the test program.
 */
void scratch_python(const struct scratch *s, const char *script, const char *name,
                    const char *argument, struct strbuf *ret);

/* In a child process: from now on the system call `nr` answers ENOSYS. */
void scratch_deny(int nr);
/* Runs fn(ctx) in a child, which ends with its answer; returns the status of waitpid. */
int scratch_child(int (*fn)(void *ctx), void *ctx);

#endif
