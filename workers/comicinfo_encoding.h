/*
 * comicinfo_encoding.h - in which encoding a document is, and what it says in UTF-8.
 *
 * UTF-8, ASCII and Latin-1 stay as they are; the parser reads them. UTF-16, with or without a byte order mark, and the
 * encodings of Windows and of East Asia that books come with become UTF-8, and their declaration then says so. Where
 * mark and bytes contradict the declaration they are right: programs write "utf-16" into files that are UTF-8.
 */
#ifndef LB_COMICINFO_ENCODING_H
#define LB_COMICINFO_ENCODING_H

#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "strbuf.h"

/*
 * Appends the document, as it is or in UTF-8. *ret_utf8: it is UTF-8, whatever it declares. ERR_BOOK: not sound in its
 * encoding, an encoding that we do not know, or over COMICINFO_MAX_BYTES.
 */
int comicinfo_decode(const char *bytes, size_t len, struct strbuf *out, bool *ret_utf8,
                     struct err *err) LB_MUST_CHECK;

#endif
