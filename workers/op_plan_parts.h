/* op_plan_parts.h - between op_plan_make.c and op_plan_better.c. */
#ifndef LB_OP_PLAN_PARTS_H
#define LB_OP_PLAN_PARTS_H

#include "op_plan.h"

/*
 * op_plan_better(o, folder, what, p, filled, err)
 * Reads the name of p->from with the parser "better", keeps what it found in p->parsed, and fills in what `filled` (a
 * copy of p->before) lacks. ERR_RANGE: something would be written that it is not sure of.
 */
int op_plan_better(const struct op_book_options *o, const char *folder, unsigned what,
                   struct op_plan *p, struct op_tags *filled, struct err *err) LB_MUST_CHECK;

#endif
