/*
 * op_convert.h - the operation convert: CBR, CB7 and CBT become CBZ, by their content, whatever they are called.
 *
 * The files come from a confined child (unpack.h) and are stored, not packed. The new book is written beside the old
 * one, read again and compared, and only then the old one moves to the trash (trash.h). A file whose new name is taken
 * is a duplicate: it is marked and moves to duplicate_dir as it is (op_duplicate.h), or stays. A zip archive under
 * another extension is only renamed.
 */
#ifndef LB_OP_CONVERT_H
#define LB_OP_CONVERT_H

#include "op.h"

int op_convert_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                   struct err *err);

#endif
