/* worker_run.h - the whole life of a worker process; only main.c calls it. */
#ifndef LB_WORKER_RUN_H
#define LB_WORKER_RUN_H

#include "base.h"
#include "config.h"
#include "err.h"

struct board;

/* Starts everything, says ready, serves until it is told to stop. The descriptors of enum board_fd are in place. */
int worker_run(const struct config *config, int slot, struct board *board,
               struct err *err) LB_MUST_CHECK;

#endif
