/*
 * store_undo.h - the processing history, as far as it is needed to put a change back (library.db).
 *
 * Rules of store_library.h. A row is undone when a newer one put it back, and that one was not undone itself.
 */
#ifndef LB_STORE_UNDO_H
#define LB_STORE_UNDO_H

#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "store_library.h"

struct db;

/* Notes what undo needs of the row of history that was just written. Called by store_library_item_done. */
int store_undo_add(struct db *db, int64_t history_id, const struct library_change *c,
                   const struct library_file *was, struct err *err) LB_MUST_CHECK;

struct undo_row {
    int64_t id;
    char *operation;
    char *before_path, *after_path; /* relative */
    struct undo_tags {
        char *title, *series, *issue, *publisher, *year, *volume;
    } before, after; /* NULL = not set; long values are cut */
    bool kept;       /* there is what the members below say; not of old rows */
    int was_processed, was_duplicate; /* -1: the change left this mark alone */
    char *data;        /* JSON text, as it was given */
    int64_t undone_by; /* 0 = it is not undone */
};
void undo_row_clear(struct undo_row *r);
LB_DEFINE_CLEANUP(struct undo_row, undo_row_clear)

/* One row of the history. 1 = found, 0 = there is none. */
int store_undo_get(struct db *db, int64_t history_id, struct undo_row *ret,
                   struct err *err) LB_MUST_CHECK;
/* The newest row that a job made of the file that is at `path` now, and that is not undone: its id, or 0. */
int store_undo_of_job(struct db *db, const char *job_id, const char *path, int64_t *ret,
                      struct err *err) LB_MUST_CHECK;
/* Where the file of a row is now, as far as is known. 1, or 0 = no such row. *ret belongs to the caller. */
int store_undo_path(struct db *db, int64_t history_id, char **ret, struct err *err) LB_MUST_CHECK;
/* The same of every row that a job made and that is not undone, the newest first. fn's -1 ends it. */
int store_undo_paths(struct db *db, const char *job_id,
                     int (*fn)(void *ctx, const char *path, struct err *err), void *ctx,
                     struct err *err) LB_MUST_CHECK;
/* Did a file of the job get a name that another one of it had left? 1, 0 or -1. */
int store_undo_is_chained(struct db *db, const char *job_id, struct err *err) LB_MUST_CHECK;

#endif
