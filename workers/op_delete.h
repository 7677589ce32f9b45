/*
 * op_delete.h - takes one book out of the library: into the trash folder, below the folders it was in, or for good when
 * there is none. Only books are deleted, and only the file that was there when the run began.
 */
#ifndef LB_OP_DELETE_H
#define LB_OP_DELETE_H

#include "op.h"

int op_delete_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err);

#endif
