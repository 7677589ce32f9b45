/*
 * op_undo.h - undo: puts back what one row of the processing history changed: the bytes of ComicInfo.xml, the name, the
 * place and the marks; all of it, or nothing with the reason. Entries of the table in op.c; see op.h for what a run may
 * do.
 *
 * Options: {"history": id}, or {"job": id} for the newest row of that job for the file. A row from before its bytes
 * were kept is put back by its fields. What must hold: the tags are as the change left them, so is the name, the old
 * name is free. Other changes since then stay: tags of another row do not stand in the way of a name.
 */
#ifndef LB_OP_UNDO_H
#define LB_OP_UNDO_H

#include "op.h"

extern const char op_undo_schema[];
int op_undo_check_options(const json_t *options, struct err *err);

int op_undo_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                struct err *err);

#endif
