/*
 * comicinfo_encoding.h - which encoding a document names, and a UTF-16 document as UTF-8.
 */
#ifndef LB_COMICINFO_ENCODING_H
#define LB_COMICINFO_ENCODING_H

#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "strbuf.h"

/* Finds the encoding that an XML declaration names: *ret_len bytes at *ret_at, without its quotes. */
bool comicinfo_declared_encoding(const struct strbuf *text, size_t *ret_at, size_t *ret_len);

/* Does it begin with a UTF-16 byte order mark? */
bool comicinfo_is_utf16(const char *bytes, size_t len);
/* Appends the text without its mark; the XML declaration then says utf-8. ERR_BOOK: not sound UTF-16. */
int comicinfo_from_utf16(const char *bytes, size_t len, struct strbuf *out,
                         struct err *err) LB_MUST_CHECK;

#endif
