/*
 * item_result.h - what the runner adds to the result of an item before the writer gets it.
 */
#ifndef LB_ITEM_RESULT_H
#define LB_ITEM_RESULT_H

#include "base.h"
#include "op.h"
#include "writer.h"

/* {"original": absolute path, "final": absolute path, ...}: what old clients expect in `details`. malloc'd. */
char *item_details(struct worker *w, const struct item *it, const struct op *op,
                   const struct op_result *result);
/* The file as it is after the item, for the list of the library; not when it left the library. */
void item_stat_after(struct worker *w, struct item_done *done);

#endif
