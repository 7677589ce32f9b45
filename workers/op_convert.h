/*
 * op_convert.h - the operation convert: CBR, CB7 and CBT become CBZ, by their content, whatever they are called.
 *
 * The files come from a confined child (unpack.h) and are stored, not packed. The new book is written beside the old
 * one, read again and compared, and only then the old one moves to the trash (trash.h). A name that is taken leaves
 * everything as it is and marks the file as a duplicate. A zip archive under another extension is only renamed.
 */
#ifndef LB_OP_CONVERT_H
#define LB_OP_CONVERT_H

#include "op.h"

int op_convert_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                   struct err *err);

#endif
