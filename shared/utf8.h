/*
 * utf8.h - is it UTF-8, and what to show when it is not. RFC 3629: no surrogates, no overlong forms, at most 10FFFF.
 */
#ifndef LB_UTF8_H
#define LB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* The length (1 to 4) of the character that starts at p, of which `left` bytes may be read; 0 when there is none. */
size_t utf8_len(const unsigned char *p, size_t left);
/* The character that starts at p; *ret_len (1 to 4) says how long. 0xFFFD with length 1 for a bad byte. */
unsigned utf8_decode(const unsigned char *p, size_t left, size_t *ret_len);
bool utf8_valid(const char *s, size_t len);
/* Appends s with every bad byte replaced by U+FFFD. */
void utf8_append_lossy(struct strbuf *out, const char *s, size_t len);
/* Appends one character. cp must be a scalar value. */
void utf8_append(struct strbuf *out, unsigned cp);

#endif
