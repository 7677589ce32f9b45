/*
 * comicinfo.h - ComicInfo.xml as text: values are read, and changed by replacing their bytes only.
 *
 * Unknown elements, attributes, comments, CDATA, namespaces, a byte order mark and line ends stay as they are. UTF-8,
 * ASCII and Latin-1 keep their encoding; UTF-16 and the legacy encodings of comicinfo_encoding.h become UTF-8 when
 * something is changed. Any other encoding, a document type, text that is not well formed, and more than our limits are
 * ERR_BOOK with a reason for users.
 * Elements are those of ComicInfo 2.1, directly below the root. Any thread; one document belongs to one thread.
 */
#ifndef LB_COMICINFO_H
#define LB_COMICINFO_H

#include "base.h"
#include "book.h"
#include "err.h"

#define COMICINFO_MAX_BYTES    (4u << 20)
#define COMICINFO_MAX_DEPTH    64
#define COMICINFO_MAX_ELEMENTS 100000 /* a <Page> for each page of the largest book */

struct comicinfo; /* opaque: comicinfo.c */

int comicinfo_parse(const char *bytes, size_t len, struct comicinfo **ret,
                    struct err *err) LB_MUST_CHECK;
/* A document without any element. */
struct comicinfo *comicinfo_new(void);
void comicinfo_free(struct comicinfo *ci); /* NULL is fine */
LB_DEFINE_CLEANUP_PTR(struct comicinfo, comicinfo_free)

/* The text of an element (the first, when it is there twice); NULL when absent or empty. Lives as long as ci. */
const char *comicinfo_get(const struct comicinfo *ci, const char *element);

/*
 * comicinfo_apply(ci, changes, n, ret, err)
 * Makes the changed document; *ret is NULL when nothing differs. A new element goes where the schema's order wants it,
 * an empty value takes the element out, a second element of the same name goes when the first is changed. ci stays.
 * ERR_BAD_FIELD: no such element, or a value that is not UTF-8 or not allowed in XML. ERR_LIMIT: too large.
 */
int comicinfo_apply(const struct comicinfo *ci, const struct book_change *changes, size_t n,
                    struct comicinfo **ret, struct err *err) LB_MUST_CHECK;

/* The document as it goes into the archive. */
const char *comicinfo_bytes(const struct comicinfo *ci, size_t *ret_len);

#endif
