/*
 * bookname_value.h - values as they may stand in a file name, for bookname_format.c alone. All append to `out`.
 */
#ifndef LB_BOOKNAME_VALUE_H
#define LB_BOOKNAME_VALUE_H

#include "bookname.h"
#include "strbuf.h"

/*
 * One character of a value or template. With BOOKNAME_STRICT what Windows and SMB refuse is replaced, so that a library
 * on a share stays readable; ':' becomes '_', as in the folder's name from which a series is taken.
 */
void value_add_safe(struct strbuf *out, unsigned cp, enum bookname_policy policy);
/* One blank for each run of them, none at the ends. Works in place on text that value_add_safe made. */
void value_collapse_blanks(struct strbuf *b);

/*
 * Text. Slashes part it as they would part a path: "." and ".." and empty parts go, the others are joined by a dash, so
 * "../../etc/Harbor" is "etc-Harbor" and "3/4" is "3-4". `out` is empty before.
 */
void value_text(const char *text, enum bookname_policy policy, struct strbuf *out);
/*
 * A number without leading zeros, filled up with them to `padding` places before the point (the sign is one), decimals
 * without trailing zeros. What is no number stays as it is.
 */
void value_number(const char *text, int padding, enum bookname_policy policy, struct strbuf *out);
/* A whole number, of which 0 means that it is not known. Other text stays as it is. `out` is empty before. */
void value_whole(const char *text, int padding, enum bookname_policy policy, struct strbuf *out);

#endif
