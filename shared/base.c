#include "base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

void must_failed(const char *cond, const char *file, int line)
{
    log_error("must", "cond=\"%s\" at=%s:%d", cond, file, line);
    abort();
}

void *mem_new(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    must(p != NULL);
    return p;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t len)
{
    char *p = mem_new(len + 1);
    memcpy(p, s, len);
    return p;
}

void mem_free(void *p)
{
    free(p);
}

void fd_close(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* nothing can be done about a failing close of a descriptor we drop */
}
