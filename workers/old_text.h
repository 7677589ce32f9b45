/*
 * old_text.h - JSON as the old application wrote it in its streams: a space behind ':' and ',', everything that is not
 * printable ASCII as \uXXXX in lower case. Its clients compare and cut texts, so the bytes are kept.
 *
 * Names and messages are bytes; what is not UTF-8 becomes U+FFFD. Pure functions; any thread.
 */
#ifndef LB_OLD_TEXT_H
#define LB_OLD_TEXT_H

#include <stdbool.h>

#include "strbuf.h"

/* One string with its quotes. */
void old_text_string(struct strbuf *out, const char *s);
/*
 * The event of one item, "data: " and the empty line included. `error` counts only when it failed; NULL is written as
 * an empty text then, because old clients take it for a string.
 */
void old_text_item(struct strbuf *out, int64_t current, int64_t total, const char *file,
                   bool success, const char *error);
/* The same item as an element of `results`. */
void old_text_result(struct strbuf *out, const char *file, bool success, const char *error);

#endif
