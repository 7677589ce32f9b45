/*
 * trash.h - where books go that a user deleted or converted.
 *
 * The trash is the folder `trash_dir`, or, when that is empty, ".longbox-trash" in the library (a scan does not see
 * names that begin with a dot). A book keeps its folders there, so that it can be put back: Batman/Batman 001.cbr
 * becomes <trash>/Batman/Batman 001.cbr, or "Batman 001 (2).cbr" when that name is taken. Nothing in the trash is ever
 * overwritten, and nothing is taken out of it by us. On another file system the book is copied, synced and compared
 * before the old one goes.
 */
#ifndef LB_TRASH_H
#define LB_TRASH_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

#define TRASH_FOLDER ".longbox-trash"

struct trash {
    int library_fd;
    const char *library_root; /* absolute, without a slash at the end */
    const char *dir;          /* trash_dir: absolute; NULL or "" = TRASH_FOLDER in the library */
};

/*
 * trash_put(t, path, ret, err)
 * Moves the file at `path`, relative to the library, into the trash. *ret is its absolute path there; free with
 * free(). ERR_NOT_FOUND; ERR_BOOK when it is no regular file; ERR_IO.
 */
int trash_put(const struct trash *t, const char *path, char **ret, struct err *err) LB_MUST_CHECK;

/*
 * The same in two steps, for one who declares the place before anything is moved. trash_plan: *ret := a name that is
 * free in the trash, relative to it. trash_move: puts the book exactly there; *ret_taken: that name was taken
 * meanwhile and nothing was moved (a copy of the book itself, left by a crash, does not count). A book that is gone
 * while its place in the trash is filled was moved by an earlier call: that is success.
 */
int trash_plan(const struct trash *t, const char *path, char **ret, struct err *err) LB_MUST_CHECK;
int trash_move(const struct trash *t, const char *path, const char *place, bool *ret_taken,
               struct err *err) LB_MUST_CHECK;
/*
 * Puts the book into the trash and leaves it where it is, too: for one who then replaces it by rename. trash_move with
 * the same place ends it otherwise.
 */
int trash_keep(const struct trash *t, const char *path, const char *place, bool *ret_taken,
               struct err *err) LB_MUST_CHECK;
/* The absolute path of a place. Free with free(). */
char *trash_absolute(const struct trash *t, const char *place);

#endif
