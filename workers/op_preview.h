/*
 * op_preview.h - what a preview (env->dry_run) says of one item: `details.preview` of docs/API.md.
 */
#ifndef LB_OP_PREVIEW_H
#define LB_OP_PREVIEW_H

#include "book.h"
#include "op.h"

/*
 * Puts `preview` into ret->details: the tags that `changes` would change, with their values before and after, the
 * method, and the bytes to write. n = 0: none would.
 */
int op_preview_tags(struct book *b, const struct book_change *changes, size_t n,
                    struct op_result *ret, struct err *err) LB_MUST_CHECK;
/* The same for changes that are known already: {element: [before, after]}, or NULL. */
void op_preview_pairs(const json_t *tags, enum book_method method, int64_t bytes,
                      struct op_result *ret);
/* Adds to it the name before and after, both paths; `to` may be absolute. */
void op_preview_name(const char *from, const char *to, struct op_result *ret);

#endif
