#include "strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *strbuf_reserve(struct strbuf *b, size_t len)
{
    if (b->cap - b->len < len + 1 || b->cap == 0) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap - b->len < len + 1)
            cap *= 2;
        char *p = realloc(b->data, cap);
        must(p != NULL);
        b->data = p;
        b->cap = cap;
    }
    return b->data + b->len;
}

void strbuf_add(struct strbuf *b, const void *bytes, size_t len)
{
    char *p = strbuf_reserve(b, len);
    if (len)
        memcpy(p, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    must(n >= 0);
    char *p = strbuf_reserve(b, (size_t)n);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void strbuf_reset(struct strbuf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

const char *strbuf_str(const struct strbuf *b)
{
    return b->data ? b->data : "";
}

char *strbuf_take(struct strbuf *b)
{
    char *p = b->data ? b->data : mem_strdup("");
    *b = (struct strbuf){0};
    return p;
}

void strbuf_clear(struct strbuf *b)
{
    free(b->data);
    *b = (struct strbuf){0};
}
