/*
 * store_history.h - the processing history as it is shown (library.db). What undo needs of it is in store_undo.h, and
 * store_library_item_done writes it.
 */
#ifndef LB_STORE_HISTORY_H
#define LB_STORE_HISTORY_H

#include "base.h"
#include "err.h"
#include "store_library.h"

struct db;

/*
 * Why a row cannot be undone, as far as library.db knows: the book itself, and what somebody did to it outside, are
 * only looked at when it is tried. The numbers are those of HISTORY_HINDRANCE in store_sql_library.def.
 */
enum history_hindrance {
    HISTORY_FREE,      /* it can be undone */
    HISTORY_UNDONE,    /* it is undone already: undone_by */
    HISTORY_NEVER,     /* nothing is kept of it */
    HISTORY_MOVED_OUT, /* the book left the library, as a duplicate */
    HISTORY_NO_FILE,   /* the book is not there any more */
    HISTORY_TOO_LARGE, /* its old tags were too large to be kept */
    HISTORY_RETAGGED,  /* a newer change of the tags is in the way */
    HISTORY_RENAMED,   /* the book has another name by now */
    HISTORY_TAKEN,     /* another file has the old name */
    HISTORY__COUNT
};

struct library_history {
    int64_t id;
    const char *path; /* after the change */
    double at;
    const char *operation;
    const char *before_name, *after_name; /* NULL = unknown, as all texts below */
    struct library_tags before, after;
    const char *job_id;         /* NULL = of none */
    const char *changes;        /* JSON text: {"Writer": [before, after], ...}; NULL = not known */
    int64_t undo_of, undone_by; /* other rows; 0 = none */
    enum history_hindrance hindrance;
};

struct history_query {
    /*
     * NULL = of all files. The rows that go by the id of the file that is there (or was there last), and those without
     * an id that the chain of its names leads to: the newest row that brought a file to a name belongs to the one that
     * is there, and its name before is looked for in what is older. A row without a file by that name is found by its
     * name alone, such as that of a delete.
     */
    const char *file; /* relative path */
    const char *
        search; /* a part of the path, the name before, title or series, in any case; NULL or "" = everything */
    int64_t limit, offset;
};

/* Newest first, from one state of the database. *ret_total is how many there are. fn's -1 ends it. */
int store_history_list(struct db *db, const struct history_query *query,
                       int (*fn)(void *ctx, const struct library_history *h, struct err *err),
                       void *ctx, int64_t *ret_total, struct err *err) LB_MUST_CHECK;

#endif
