/*
 * reason.h - why an item failed, without what is only about this item: so that a thousand failures of one kind are one
 * line and not a thousand.
 */
#ifndef LB_REASON_H
#define LB_REASON_H

#include "base.h"

#define REASON_SIZE 200

/*
 * The sentence with an ellipsis for the name of the item's file, for what stands in double quotes and for paths, and
 * with # for numbers; an exit status stays. Always UTF-8, of one line, cut at a character's border. The same sentence
 * about another file gives the same bytes.
 */
void reason_of(const char *message, const char *path, char ret[REASON_SIZE]);

#endif
