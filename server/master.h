/*
 * master.h - longboxd: binds the sockets, starts the workers and the front end, watches them, stops them in order.
 *
 * One thread, one poll loop. It opens no database and reads no request.
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

/*
 * Runs until it is told to stop by SIGTERM, SIGINT or SIGHUP. `c` has passed config_check. Prints "ready URL" on
 * standard output when every worker and the front end answer. Returns the exit code; what went wrong was logged.
 */
int master_run(const struct config *c);

#endif
