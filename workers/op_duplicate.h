/*
 * op_duplicate.h - where a book goes whose new name is taken: into duplicate_dir, below the folder it is in now.
 */
#ifndef LB_OP_DUPLICATE_H
#define LB_OP_DUPLICATE_H

#include <stdint.h>

#include "base.h"
#include "err.h"
#include "op.h"

struct duplicate {
    const struct op_env *env; /* with a duplicate_dir */
    const char *from;         /* relative path of the book */
    int64_t dev;              /* of its file system */
};

/* *place := a free name in duplicate_dir, relative to it; what was there is freed. ERR_IO, ERR_LIMIT. */
int op_duplicate_plan(const struct duplicate *d, char **place, struct err *err) LB_MUST_CHECK;
/*
 * Moves the book, which is dir/base, to *place. When that is NULL or was taken meanwhile, another place is planned and
 * `declare` is called before anything moves.
 */
int op_duplicate_move(const struct duplicate *d, int dir, const char *base, char **place,
                      int (*declare)(void *ctx, struct err *err), void *ctx,
                      struct err *err) LB_MUST_CHECK;
/* Where it is now: ret->final_path when that is in the library, else `final` of the details. */
void op_duplicate_result(const struct op_env *env, const char *place, struct op_result *ret);
int op_duplicate_open_dir(const struct op_env *env, int *ret_fd, struct err *err) LB_MUST_CHECK;

#endif
