/*
 * err.h - one error type for everything, on the caller's stack, never allocating.
 *
 * A function that can fail returns -1 with `err` filled; an `err` that was not filled has code ERR_NONE. Functions in
 * shared/ return errors and log nothing; the edges (a handler, the runner, a main loop) log once.
 */
#ifndef LB_ERR_H
#define LB_ERR_H

#include <stdbool.h>

#include "base.h"

enum err_code {
#define ERR(code, name, http, retry) code,
#include "err.def"
#undef ERR
    ERR__COUNT
};

struct err {
    enum err_code code;
    int sys;        /* errno, or 0 */
    char field[32]; /* the JSON field that is wrong, or "" */
    char msg
        [320]; /* a sentence that names the thing; grows outward: "job 3f2a: claim: database is locked" */
};

/* We found it. Returns -1. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) LB_PRINTF(3, 4);
/* The same for one field of a request. Returns -1. */
int err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
    LB_PRINTF(4, 5);
/* errno found it; its text is put behind. ENOSPC and EDQUOT turn ERR_IO into ERR_NO_SPACE. Returns -1. */
int err_sys(struct err *e, enum err_code code, const char *fmt, ...) LB_PRINTF(3, 4);
/* Puts "context: " in front. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) LB_PRINTF(2, 3);

const char *err_name(enum err_code code);
/* ERR_INTERNAL for a name that is none. */
enum err_code err_parse(const char *name);
int err_http_status(enum err_code code);
bool err_is_retryable(enum err_code code);

#endif
