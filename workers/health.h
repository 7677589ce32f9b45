/*
 * health.h - whether the service can work, and what is in its way; for /health and /api/status.
 */
#ifndef LB_HEALTH_H
#define LB_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct store_reader;
struct worker;

/* Each check is "ok", or what is wrong in a few words. Texts are static but for `workers`. */
struct health {
    bool healthy;
    const char *library, *database, *watcher, *frontend;
    char workers[64]; /* "1 of 2 ready", which alone is not unhealthy */
    int64_t files;    /* in the library */
};

/* Looks at the library folder and reads from each database; what fails is the answer, and is logged. */
void health_look(struct worker *w, struct store_reader *r, struct health *ret);
/* The newest event of jobs.db: can it be read? */
int health_check_jobs(struct store_reader *r, int64_t *ret_newest_event,
                      struct err *err) LB_MUST_CHECK;

#endif
