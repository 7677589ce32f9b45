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

/* Where a master comes from. */
struct master_source {
    /* The settings, now and at SIGHUP: the arguments of config_load. */
    const char *file;
    const char *const *sets;
    size_t n_sets;
    /* What SIGUSR2 starts: an absolute path that may name another version then, and our own arguments. */
    const char *program;
    char *const *argv;
    /* Not NULL: we take the place of another master in this process, which left this text. */
    const char *handover;
};

/* The environment variable with that text. */
#define HANDOVER_ENV "LONGBOX_HANDOVER"

/*
 * Runs until it is told to stop by SIGTERM, SIGINT or SIGQUIT. `c` was loaded from `source` and has passed
 * config_check; it is copied. Prints "ready URL" on standard output when every worker and the front end answer.
 * Returns the exit code; what went wrong was logged.
 */
int master_run(const struct config *c, const struct master_source *source);

/*
 * For --check: could it run? With a handover: could it take the place of that master? Changes nothing but the front
 * end's h2o.conf.
 */
int master_check(const struct config *c, const struct master_source *source,
                 struct err *err) LB_MUST_CHECK;

#endif
