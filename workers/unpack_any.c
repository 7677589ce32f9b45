#include "unpack_any.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "unar.h"

/* Both failed: *err is the library's reason, *why unar's. */
static int both(struct unpack_report *ret, const struct err *why, struct err *err)
{
    size_t len = strlen(err->msg);
    if (why->code != ERR_BOOK) {
        *err = *why;
        return -1;
    }
    ret->not_understood = false;
    (void)snprintf(err->msg + len, sizeof(err->msg) - len, "; nor by unar: %s", why->msg);
    return -1;
}

static uint32_t time_left(const struct unpack_limits *limits, int64_t begun)
{
    uint64_t gone = (uint64_t)(clock_mono_ms() - begun) / 1000;
    return gone < limits->wall_s ? limits->wall_s - (uint32_t)gone : 1;
}

int unpack_any(int fd, const struct unpack_limits *limits, const struct unpack_target *target,
               struct unpack_report *ret, struct err *err)
{
    struct unpack_limits left = *limits;
    struct entry_sink sink;
    struct unar *u LB_CLEANUP(unar_free) = NULL;
    struct unpack_report by_unar;
    struct err why = {0};
    int64_t begun = clock_mono_ms();
    *ret = (struct unpack_report){0};
    if (target->begin(target->ctx, &sink, err) < 0)
        return -1;
    if (unpack_walk(fd, limits, &sink, ret, err) == 0)
        return 0;
    if (err->code != ERR_BOOK || !ret->unread || !unar_is_there())
        return -1;
    left.wall_s = time_left(limits, begun);
    if (unar_list(fd, &left, &sink, &u, &why) < 0)
        return both(ret, &why, err);
    left.wall_s = time_left(limits, begun);
    if (target->begin(target->ctx, &sink, &why) < 0 ||
        unar_walk(u, fd, &left, &sink, &by_unar, &why) < 0)
        return both(ret, &why, err);
    *err = (struct err){0};
    *ret = by_unar;
    return 0;
}

void unpack_remedy(const struct unpack_report *r, struct err *err)
{
    size_t len = strlen(err->msg);
    const char *text = r->unread ? "install unar, which is used then"
                                 : "unpack it with unar or unrar and zip the pages";
    if (r->not_understood)
        (void)snprintf(err->msg + len, sizeof(err->msg) - len, "; if it is sound, %s", text);
}
