/*
 * op_verify.h - the operation verify: reads every byte of a book and says what is wrong with it.
 *
 * Nothing is changed. An item whose book is broken (readers cannot show all of it) is an error that names the first
 * such problem; lesser findings leave it a success. All of them are in `details` and in library.db either way.
 */
#ifndef LB_OP_VERIFY_H
#define LB_OP_VERIFY_H

#include "op.h"

int op_verify_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err);

#endif
