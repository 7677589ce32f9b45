/*
 * undo_find.h - which row of the history an undo means (op_env.find_change).
 */
#ifndef LB_UNDO_FIND_H
#define LB_UNDO_FIND_H

#include <jansson.h>

#include "base.h"
#include "err.h"
#include "store.h"
#include "store_undo.h"

/* By the options of op_undo.h and the path of the item. ERR_NOT_FOUND: there is none. */
int undo_find(struct store_reader *reader, const json_t *options, const char *path,
              struct undo_row *ret, struct err *err) LB_MUST_CHECK;

#endif
