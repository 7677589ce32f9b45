/*
 * store_library.h - library.db: which books are on the disk, their marks, and the processing
 * history.
 *
 * Rules of store.h: functions that write are called between store_begin and store_commit of
 * library.db. Paths are bytes relative to the library. A book that is gone keeps its row, its id
 * and its marks for its return; nothing but store_library_each_known tells of it. Times are Unix
 * seconds.
 */
#ifndef LB_STORE_LIBRARY_H
#define LB_STORE_LIBRARY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base.h"
#include "err.h"

struct db;

/* What a stat says of a file. */
struct library_stat {
    int64_t size;
    double mtime;
    int64_t inode;
};
struct library_stat library_stat_from(const struct stat *st);
/* The same file, and nothing has written it meanwhile. */
bool library_stat_same(const struct library_stat *a, const struct library_stat *b);

struct library_file {
    int64_t file_id;
    const char *path; /* valid inside the callback */
    struct library_stat stat;
    bool processed, duplicate;
    bool gone;            /* not on the disk any more */
    bool arrived;         /* new or changed, and the watcher has still to hand it to a job */
    const char *problems; /* JSON array; NULL: not verified since it changed; as `path` */
};
/* -1 ends the walk and becomes its result. */
typedef int library_file_fn(void *ctx, const struct library_file *f, struct err *err);

/* ---- reads ---- */

struct library_totals {
    int64_t files, processed, duplicates; /* on the disk */
    int64_t history;                      /* rows */
    int64_t problems;                     /* files on the disk with problems */
    bool scanned;                         /* a scan has been through the whole library once */
};
int store_library_totals(struct db *db, struct library_totals *ret, struct err *err) LB_MUST_CHECK;

/* 1 = known and on the disk, 0 = not. ret->path is the caller's `path`. */
int store_library_get(struct db *db, const char *path, struct library_file *ret,
                      struct err *err) LB_MUST_CHECK;
/* The row, also of a file that is gone: 1, or 0 = never seen. As store_library_get. */
int store_library_get_any(struct db *db, const char *path, struct library_file *ret,
                          struct err *err) LB_MUST_CHECK;
/* fn with the whole row of one file that is on the disk, its problems too; not called when there is none. */
int store_library_show(struct db *db, const char *path, library_file_fn *fn, void *ctx,
                       struct err *err) LB_MUST_CHECK;
/* The path that an id stands for now; ids follow renames. 1, or 0 = no such id. *ret belongs to the
 * caller. */
int store_library_path_of(struct db *db, int64_t file_id, char **ret,
                          struct err *err) LB_MUST_CHECK;

enum library_filter {
    LIBRARY_ALL,
    LIBRARY_MARKED,
    LIBRARY_UNMARKED,
    LIBRARY_DUPLICATES,
    LIBRARY_PROBLEMS
};
enum library_sort { LIBRARY_BY_NAME, LIBRARY_BY_DATE, LIBRARY_BY_SIZE };

/* Every row, those that are gone too, in byte order of the path. For the scan. */
int store_library_each_known(struct db *db, library_file_fn *fn, void *ctx,
                             struct err *err) LB_MUST_CHECK;

/* What has arrived, by path. */
int store_library_arrived(struct db *db, int (*fn)(void *ctx, const char *path, struct err *err),
                          void *ctx, struct err *err) LB_MUST_CHECK;

/* Which books are meant. */
struct library_question {
    enum library_filter filter;
    const char *search; /* a part of the path, in any case; NULL or "" = everything */
    const char
        *folder; /* with all below it; a slash at its end is fine; NULL or "" = the library */
};

/*
 * Every path of a question, by name, as one state of the database. Reads row by row; fn should only take the path, as
 * the log of the database is held meanwhile. For the jobs over all, over unmarked, and over whatever matches.
 */
int store_library_paths(struct db *db, const struct library_question *question,
                        int (*fn)(void *ctx, const char *path, struct err *err), void *ctx,
                        struct err *err) LB_MUST_CHECK;

struct library_query {
    struct library_question what;
    enum library_sort sort; /* name: byte order of the path; date and size: then by path */
    bool descending;
    int64_t page;     /* from 1; past the end is the last page */
    int64_t per_page; /* 0 = everything on one page */
    int64_t limit;    /* above 0: so many from `offset` (from 0) on, instead of a page */
    int64_t offset;
};
struct library_counts { /* of search and folder, whatever the filter */
    int64_t files, processed, duplicates, problems;
};
struct library_page {
    int64_t page, total_pages; /* total_pages is 1 for an empty list; both 1 with a limit */
    int64_t total_files;       /* that match the question */
    struct library_counts counts;
    struct library_totals totals;
};
/*
 * One page: *ret is filled, then fn is called for each file, all from one state of the database. What a search found is
 * kept with the connection until the library changes, so that its other pages need no second look at every name.
 */
int store_library_list(struct db *db, const struct library_query *query, library_file_fn *fn,
                       void *ctx, struct library_page *ret, struct err *err) LB_MUST_CHECK;

/*
 * The folders right below `folder` (as in a question) that have books below them, in byte order of their names, without
 * the first `skip`, at most `max`. All from one state of the database. *ret_more: there are others behind the last.
 */
struct library_folder {
    const char
        *path; /* relative to the library; bytes, perhaps not UTF-8; valid inside the callback */
    struct library_counts counts;
};
int store_library_folders(struct db *db, const char *folder, int64_t skip, int64_t max,
                          int (*fn)(void *ctx, const struct library_folder *f, struct err *err),
                          void *ctx, bool *ret_more, struct err *err) LB_MUST_CHECK;

/*
 * Books with the same pages, by what verify read: for each group after `after` ("" = the first), at most `max` of them,
 * fn is called with each file of it, by path. All from one state of the database. *ret_next is the last group's
 * content when there may be more, else NULL; free with free().
 */
struct library_group {
    const char *content; /* valid inside the callback */
    int64_t pages;
};
int store_library_same(struct db *db, const char *after, int64_t max,
                       int (*fn)(void *ctx, const struct library_group *g,
                                 const struct library_file *f, struct err *err),
                       void *ctx, char **ret_next, struct err *err) LB_MUST_CHECK;

/* ---- writes ---- */

struct library_found {
    const char *path;
    struct library_stat stat;
    bool arrived; /* when it is new, or of another size or time than known and not processed */
};
/* Adds or refreshes files that are on the disk; brings back what was gone. Keeps ids and marks. */
int store_library_upsert(struct db *db, const struct library_found *files, size_t n, double now,
                         struct err *err) LB_MUST_CHECK;
/* These are not on the disk any more. A path without a row is fine. */
int store_library_gone(struct db *db, const char *const *paths, size_t n, double now,
                       struct err *err) LB_MUST_CHECK;

/* The watcher has handed these to a job, as they were then. */
int store_library_taken(struct db *db, const struct library_found *files, size_t n,
                        struct err *err) LB_MUST_CHECK;
/* Nothing has arrived: the watcher was switched off. */
int store_library_none_arrived(struct db *db, struct err *err) LB_MUST_CHECK;
/* A scan has been through the whole library. */
int store_library_scanned(struct db *db, struct err *err) LB_MUST_CHECK;

enum library_mark { LIBRARY_MARK_KEEP, LIBRARY_MARK_SET, LIBRARY_MARK_CLEAR };
/* Returns 1, or 0 when there is no such row. */
int store_library_mark(struct db *db, const char *path, enum library_mark processed,
                       enum library_mark duplicate, struct err *err) LB_MUST_CHECK;
/*
 * The book at `from` is now at `to`: the row keeps its id and its marks. A row that a scan has
 * already made for `to` is dropped. Returns 1, or 0 when `from` has no row (it was renamed before,
 * or was never seen).
 */
int store_library_rename(struct db *db, const char *from, const char *to,
                         struct err *err) LB_MUST_CHECK;
/* Forgets a file with its id and marks; its history stays. Returns 1, or 0 when there is no such
 * row. */
int store_library_remove(struct db *db, const char *path, struct err *err) LB_MUST_CHECK;

/* ---- finished items and the history ---- */

struct library_tags { /* NULL = not set */
    const char *title, *series, *issue, *publisher, *year, *volume;
};

struct library_check { /* what verify found in a file that was like `stat` */
    struct library_stat stat;
    const char *problems; /* JSON array */
    int64_t n_problems, pages;
    const char *content; /* NULL = not known */
};

struct library_change {
    const char *job_id;
    int64_t seq;
    const char *operation;
    const char *path;       /* before */
    const char *final_path; /* after; NULL = the same */
    bool mark_processed, mark_duplicate;
    bool unmark_processed, unmark_duplicate;
    const char
        *undo; /* JSON text: what store_undo.h keeps of a change; NULL = it cannot be put back */
    int64_t undo_of; /* the row of history that this puts back; 0 = none */
    bool changed;    /* name, place or bytes differ: goes into the history */
    bool removed;    /* it was deleted: the row and its marks go, the history has no name after */
    struct library_tags before, after;
    const struct library_stat
        *stat; /* of the file afterwards; NULL when it could not be had (the next scan will) */
    const struct library_check *check; /* NULL = not verified */
    double at;
};
/*
 * What came of an item: the row follows the rename, is refreshed and marked, the history is
 * written. A second call with the same change, as after a crash, changes nothing more: the history
 * has one row for each (job_id, seq).
 */
int store_library_item_done(struct db *db, const struct library_change *c,
                            struct err *err) LB_MUST_CHECK;

#endif
