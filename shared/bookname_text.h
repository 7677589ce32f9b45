/*
 * bookname_text.h - characters of names, for bookname.c and bookname_format.c alone.
 */
#ifndef LB_BOOKNAME_TEXT_H
#define LB_BOOKNAME_TEXT_H

#include <stdbool.h>

#include "base.h"

/* 0 to 9, or -1 when cp is no decimal digit of any script. */
int bookname_digit(unsigned cp);
/* White space as Unicode has it. */
bool bookname_is_blank(unsigned cp);
/* The character at p; U+FFFD with length 1 for a bad byte. */
unsigned bookname_decode(const char *p, const char *end, size_t *ret_len);
/* The largest length up to `len` that does not cut a character of s. s[len] must be readable. */
size_t bookname_cut(const char *s, size_t len);
/* In any case of letters; an empty tail is no end. */
bool bookname_ends_with(const char *s, size_t len, const char *tail);

#endif
