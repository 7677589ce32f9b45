/*
 * op_book.h - process, normalize and rename: tags and names of books by the rules of docs/API.md
 * ("Rules for file names and chapters"). Entries of the table in op.c; see op.h for what a run may
 * do.
 */
#ifndef LB_OP_BOOK_H
#define LB_OP_BOOK_H

#include "op.h"

int op_process_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                   struct err *err);
int op_normalize_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                     struct err *err);
int op_rename_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err);

#endif
