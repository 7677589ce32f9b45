/*
 * op_repair.h - the operation repair: what can be read of a damaged CBZ becomes a new book beside it.
 *
 * "x.cbz" stays as it is, byte for byte; the new one is "x (repaired).cbz". The files come from the archive's directory
 * where it can be read, else from their local headers (zip_salvage.h). A name that is taken is an error.
 */
#ifndef LB_OP_REPAIR_H
#define LB_OP_REPAIR_H

#include "op.h"

int op_repair_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err);

#endif
