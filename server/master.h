/*
 * master.h - longboxd: binds the sockets, starts the workers and the front end, watches them, stops them in order.
 *
 * One thread, one poll loop. It opens no database and reads no request. What its signals mean: docs/longboxd.8.
 */
#ifndef LB_MASTER_H
#define LB_MASTER_H

#include "base.h"
#include "config.h"
#include "err.h"

#define MASTER_EXIT_OK     0
#define MASTER_EXIT_FAILED 1
#define MASTER_EXIT_CONFIG 2
#define MASTER_EXIT_START  3 /* the workers or the front end never came up */

/* Where the settings come from, now and at SIGHUP: the arguments of config_load. */
struct master_source {
    const char *file;
    const char *const *sets;
    size_t n_sets;
};

/*
 * Runs until it is told to stop by SIGTERM, SIGINT or SIGQUIT. `c` was loaded from `source` and has passed
 * config_check; it is copied. Prints "ready URL" on standard output when every worker and the front end answer.
 * Returns the exit code; what went wrong was logged.
 */
int master_run(const struct config *c, const struct master_source *source);

#endif
