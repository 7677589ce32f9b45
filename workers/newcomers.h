/*
 * newcomers.h - makes jobs of the books that have arrived (store_library.h), when they are whole (arrivals.h).
 *
 * What has arrived is kept in library.db, so that nothing is missed when a worker dies; what was seen of a book's
 * growth is only in memory, and is seen anew by the next worker. One thread.
 */
#ifndef LB_NEWCOMERS_H
#define LB_NEWCOMERS_H

#include <stdbool.h>

#include "base.h"

struct newcomers;
struct worker;

struct newcomers *newcomers_new(struct worker *w);
void newcomers_free(struct newcomers *n); /* NULL is fine */

/* A book is being written, or was closed after it. */
void newcomers_note_write(struct newcomers *n, const char *path, bool going_on);
/* Looks at what has arrived, and makes a job when it is time. Returns in how many ms to look again. */
int64_t newcomers_look(struct newcomers *n);

#endif
