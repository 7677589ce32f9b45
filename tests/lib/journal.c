#include "journal.h"

#include <fcntl.h>
#include <unistd.h>

#define NAME "journal.record"

static int begin(void *ctx, const struct tail_write *w, struct err *err)
{
    struct journal *j = ctx;
    if (j->refuse)
        return err_set(err, ERR_BUSY, "the journal cannot be written");
    j->begun++;
    j->had_record = w != NULL;
    if (w)
        scratch_write(j->scratch, NAME, w, sizeof(*w));
    return 0;
}

static void end(void *ctx)
{
    struct journal *j = ctx;
    j->ended++;
    journal_forget(j);
}

void journal_init(struct journal *j, const struct scratch *s)
{
    *j = (struct journal){.scratch = s, .book = {.begin = begin, .end = end, .ctx = j}};
}

bool journal_left(const struct journal *j, struct tail_write *ret)
{
    int fd LB_CLEANUP(fd_close) = openat(j->scratch->fd, NAME, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

void journal_forget(const struct journal *j)
{
    (void)unlinkat(j->scratch->fd, NAME, 0); /* there may be none */
}
