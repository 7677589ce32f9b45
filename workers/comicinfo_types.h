/*
 * comicinfo_types.h - what a value of each element of ComicInfo 2.1 may be. Only for values that somebody sets: what
 * is in a book already is never judged.
 *
 * Where the schemas differ, what either of them allows is allowed: a rating of two digits behind the point is of 2.0,
 * of one of draft 2.1. Where a schema says only "a number", a month is 1 to 12, a day 1 to 31, and a count of pages
 * not below 0; -1 is the schema's word for "not known".
 */
#ifndef LB_COMICINFO_TYPES_H
#define LB_COMICINFO_TYPES_H

#include <jansson.h>

#include "base.h"
#include "err.h"
#include "strbuf.h"

/* All values of one change together. */
#define COMICINFO_VALUES_MAX_BYTES 65536

/*
 * The text that `value` (a string, a number, or null) becomes in the document; "" takes the element out. ERR_BAD_FIELD:
 * no such element, or not of its type; ERR_RANGE: of its type, but outside its limits. The sentence names the element
 * and what is allowed. ret is empty before.
 */
int comicinfo_value(const char *element, const json_t *value, struct strbuf *ret,
                    struct err *err) LB_MUST_CHECK;

/* JSON Schema of {"tags": {element: value}}: the same rules for machines. */
extern const char comicinfo_schema[];

#endif
