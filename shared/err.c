#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int http;
    bool retry;
} table[ERR__COUNT] = {
#define ERR(code, name, http, retry) [code] = {name, http, retry},
#include "err.def"
#undef ERR
};

static void fill(struct err *e, enum err_code code, int sys, const char *fmt, va_list ap)
{
    e->code = code;
    e->sys = sys;
    e->field[0] = '\0';
    (void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap); /* a cut message is still a message */
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, 0, fmt, ap);
    va_end(ap);
    return -1;
}

int err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, 0, fmt, ap);
    va_end(ap);
    (void)snprintf(e->field, sizeof(e->field), "%s", field);
    return -1;
}

int err_sys(struct err *e, enum err_code code, const char *fmt, ...)
{
    int sys = errno;
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, sys, fmt, ap);
    va_end(ap);
    if (code == ERR_IO && (sys == ENOSPC || sys == EDQUOT))
        e->code = ERR_NO_SPACE;
    size_t n = strlen(e->msg);
    char buf[128];
    (void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerror_r(sys, buf, sizeof(buf)));
    errno = sys;
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[sizeof(e->msg)];
    memcpy(inner, e->msg, sizeof(inner));
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    size_t n = strlen(e->msg);
    (void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", inner);
    return -1;
}

const char *err_name(enum err_code code)
{
    must(code >= 0 && code < ERR__COUNT);
    return table[code].name;
}

enum err_code err_parse(const char *name)
{
    for (int i = 0; i < ERR__COUNT; i++)
        if (strcmp(table[i].name, name) == 0)
            return (enum err_code)i;
    return ERR_INTERNAL;
}

int err_http_status(enum err_code code)
{
    must(code >= 0 && code < ERR__COUNT);
    return table[code].http;
}

bool err_is_retryable(enum err_code code)
{
    must(code >= 0 && code < ERR__COUNT);
    return table[code].retry;
}
