/*
 * scan_walk.h - what scan.c does without a worker: reads a folder tree, and says how it differs
 * from what was known.
 *
 * Paths are bytes relative to the root. Symbolic links are not followed, names that begin with a
 * dot are not seen, folders are read SCAN_DEPTH_MAX deep. A book is a regular file for which
 * path_is_book holds.
 */
#ifndef LB_SCAN_WALK_H
#define LB_SCAN_WALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base.h"
#include "err.h"
#include "store_library.h"
#include "strbuf.h"

#define SCAN_DEPTH_MAX 64
#define SCAN_FILES_MAX 5000000
#define SCAN_SKIPS_MAX 3

/* ---- a list of paths ---- */

struct scan_entry {
    size_t at; /* of the path in names */
    struct library_stat stat;
    bool gone;      /* known, but not on the disk at the last scan */
    bool processed; /* known, and marked so */
};
struct scan_list {
    struct scan_entry *entries;
    size_t n, cap;
    struct strbuf names; /* the paths, each with its NUL */
};
void scan_list_add(struct scan_list *l, const char *path, const struct library_stat *stat,
                   bool gone);
/* By the bytes of the path. */
void scan_list_sort(struct scan_list *l);
const char *scan_list_path(const struct scan_list *l, size_t i);
/* Is one of the folders that `path` lies in on this sorted list? "" on the list is the root. */
bool scan_list_has_folder_of(const struct scan_list *l, const char *path);
void scan_list_clear(struct scan_list *l);

/* ---- the walk ---- */

/*
 * Opens the library for reading. ERR_IO when it is gone, cannot be read, or when `root` is not the
 * folder any more that root_fd was opened as: the operations would work on another one than people
 * see.
 */
int scan_root_open(int root_fd, const char *root, int *ret_fd, struct err *err) LB_MUST_CHECK;

struct scan_folder_id {
    dev_t dev;
    ino_t ino;
};

struct scan_walk {
    struct scan_folder_id
        skips[SCAN_SKIPS_MAX]; /* folders that are not the library's, wherever they lie */
    size_t n_skips;
    const atomic_bool *stop;     /* ERR_STOPPING when it becomes true; NULL = never */
    /* Each folder before it is read, the root as ""; NULL = nobody wants to know. */
    void (*on_folder)(void *ctx, int fd, const char *path);
    void *ctx;
    struct scan_list found;      /* sorted */
    struct scan_list unreadable; /* folders whose content is not (wholly) known; sorted */
    struct scan_list excluded;   /* folders and links that were left out by rule; sorted */
};
/* Adds a folder (absolute) to the skips. One that is not there is fine, as are NULL and "". */
void scan_walk_skip(struct scan_walk *w, const char *folder);
/* Reads the tree. ERR_IO: the root could not be read to its end; ERR_LIMIT: too many files. */
int scan_walk(int root_fd, struct scan_walk *w, struct err *err) LB_MUST_CHECK;
void scan_walk_clear(struct scan_walk *w);
LB_DEFINE_CLEANUP(struct scan_walk, scan_walk_clear)

/* ---- the difference ---- */

struct scan_diff {
    size_t *present; /* in `found`: not known, gone until now, or changed */
    size_t n_present;
    size_t *missing; /* in `known`: not found, though the folder was read */
    size_t n_missing;
    size_t added, changed; /* how many of `present` */
};
/* All lists are sorted. */
void scan_diff(const struct scan_list *known, const struct scan_walk *walk, struct scan_diff *ret);
void scan_diff_clear(struct scan_diff *d);
LB_DEFINE_CLEANUP(struct scan_diff, scan_diff_clear)

/*
 * The marked books among the known, to tell a new book from one that somebody moved: that one has the file number, size
 * and time of a marked book.
 */
struct scan_marked {
    struct library_stat *list; /* by inode */
    size_t n;
};
void scan_marked_make(const struct scan_list *known, struct scan_marked *ret);
bool scan_marked_has(const struct scan_marked *m, const struct library_stat *stat);
void scan_marked_clear(struct scan_marked *m);

/*
 * A second look, just before the database is changed, because jobs go on while the tree is read: a
 * rename over a file can hide it from a walk. Fills `ret` and returns true when the i-th found file
 * is still there.
 */
bool scan_still_found(int root_fd, const struct scan_walk *w, size_t i, struct library_found *ret);
/* True when a known path is not there, or is left out by rule. */
bool scan_still_missing(int root_fd, const struct scan_walk *w, const char *path);

#endif
