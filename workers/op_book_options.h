/*
 * op_book_options.h - the options of process, normalize and rename (docs/API.md, "Options of process, normalize and
 * rename").
 */
#ifndef LB_OP_BOOK_OPTIONS_H
#define LB_OP_BOOK_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "bookname.h"
#include "err.h"
#include "op.h"

struct op_book_options {
    bool better;           /* the parser */
    double min_confidence; /* of the parser "better" */
    const char *format;    /* the template; lives as long as the JSON and env */
    int padding;
    enum bookname_policy policy;
};
/* Of options that were checked; what they do not say is a setting of `env`, as far as there is one. */
struct op_book_options op_book_options_of(const json_t *options, const struct op_env *env);

/* For struct op: process and rename know all of them, normalize those of the parser. */
int op_book_check_options(const json_t *options, struct err *err);
int op_normalize_check_options(const json_t *options, struct err *err);
extern const char op_book_option_schema[], op_normalize_option_schema[];

#endif
