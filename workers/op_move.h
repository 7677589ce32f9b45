/*
 * op_move.h - giving a file another name, or another folder, without ever overwriting one.
 */
#ifndef LB_OP_MOVE_H
#define LB_OP_MOVE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base.h"
#include "err.h"

enum move_outcome {
    MOVE_DONE,
    MOVE_TAKEN,        /* another file has the name; nothing was changed */
    MOVE_CROSS_DEVICE, /* another file system; nothing was changed */
};

/*
 * op_move(dir, name, to_dir, to_name, was_free, ret, err)
 * Renames dir/name to to_dir/to_name with renameat2(RENAME_NOREPLACE), or by link and unlink where
 * the file system does not know that, and syncs the folders. A name that differs only for us
 * (letter case on a file system that ignores it) is not taken. was_free: the name was free when
 * this was first tried, so a hard link to the same file is our own, left by a crash between link
 * and unlink. Descriptors may be O_PATH. ERR_IO, ERR_NOT_FOUND.
 */
int op_move(int dir, const char *name, int to_dir, const char *to_name, bool was_free,
            enum move_outcome *ret, struct err *err) LB_MUST_CHECK;

/*
 * Does another file than dir/name have the name dir/to_name? Then 1 and *ret is that file; 0 when
 * not; -1 with errno.
 */
int op_move_taken(int dir, const char *name, const char *to_name, struct stat *ret) LB_MUST_CHECK;

#endif
