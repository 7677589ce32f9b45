/*
 * held.h - why jobs do not go on for now: a full disk, a read-only one, a disk that fails.
 *
 * It is kept on the scoreboard, because the database is what may not be writable: every worker tells of it, in
 * /health, in the job objects of polls ("held") and as a `service` event.
 */
#ifndef LB_HELD_H
#define LB_HELD_H

#include <stdbool.h>

#include "board.h"
#include "err.h"

const char *held_name(enum board_held held); /* "disk full" */
/* What this error of the disk or the database means; HELD_NOT when it is another kind of error. */
enum board_held held_from(const struct err *err);
/* Does the error say that the disk has no room or takes no writes? Then it is not the item's fault. */
bool held_is_disk(const struct err *err);

/* "disk full" when some worker cannot commit, else NULL. */
const char *held_database(const struct board *b);
const char *held_library(const struct board *b);
/* For people: "database: disk full", "library: read-only disk". NULL: nothing is held. */
const char *held_reason(const struct board *b);

#endif
