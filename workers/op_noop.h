/* op_noop.h - an operation that does nothing, for load tests. An entry of the table in op.c. */
#ifndef LB_OP_NOOP_H
#define LB_OP_NOOP_H

#include "op.h"

#define OP_NOOP_MS_MAX 600000

/*
 * Options: "ms" (0 to 600000), how long an item takes; cancelling ends it within 10 ms.
 * "fail_every" (1 or more): items whose number is a multiple of it fail with "item failed as
 * asked".
 */
int op_noop_check_options(const json_t *options, struct err *err);
int op_noop_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                struct err *err);

#endif
