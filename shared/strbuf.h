/*
 * strbuf.h - bytes that grow. Always NUL-terminated; may hold NULs inside. {0} is an empty one.
 *
 * Growth beyond what memory gives ends the process: whatever is sized by input is bounded before it is appended.
 */
#ifndef LB_STRBUF_H
#define LB_STRBUF_H

#include "base.h"

struct strbuf {
    char *data; /* NULL while empty; use strbuf_str for a string */
    size_t len;
    size_t cap;
};

void strbuf_add(struct strbuf *b, const void *bytes, size_t len);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) LB_PRINTF(2, 3);
/* Room for len more bytes behind the end; the caller writes them and adds to ->len. */
char *strbuf_reserve(struct strbuf *b, size_t len);
void strbuf_reset(struct strbuf *b); /* length 0, memory kept */
const char *strbuf_str(const struct strbuf *b);
/* Hands the bytes over (free with free()); never NULL; b is empty then. */
char *strbuf_take(struct strbuf *b);
void strbuf_clear(struct strbuf *b);
LB_DEFINE_CLEANUP(struct strbuf, strbuf_clear)

#endif
