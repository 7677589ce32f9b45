/*
 * store_repair.h - database files that cannot be used as they are: found at the start, set aside, made anew.
 *
 * Only shared/store_*.c include this. All of it runs behind the file's gate, before any connection to it is open.
 */
#ifndef LB_STORE_REPAIR_H
#define LB_STORE_REPAIR_H

#include "store.h"

/*
 * Looks at the file before it is opened for good: can it be read and written, is it of a version this program knows,
 * is it whole? It is read through when the last stop was not in order (its log is not empty), when an error at run time
 * left a mark (store_repair_mark), or when it is small. A damaged one is set aside as "<name>.db.damaged-<Unix time>",
 * with its log; what can be saved of jobs.db is in the new jobs.db. *ret says what was done. A file that is not there
 * is fine. On -1 nothing was changed.
 */
int store_repair(const char *state_dir, enum gate_file file, struct store_repair *ret,
                 struct err *err) LB_MUST_CHECK;
/* The next start shall read all of the file. A state folder that cannot be written keeps no mark. */
void store_repair_mark(const char *db_path);

/* Copies jobs and items from the damaged file at `from` into a new one at `to`, with the newest schema, synced. */
int store_salvage(const char *from, const char *to, double now, int64_t *ret_jobs,
                  int64_t *ret_items, struct err *err) LB_MUST_CHECK;

#endif
