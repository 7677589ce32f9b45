/* api_select.h - the member `select` of POST /api/jobs: all books that match, but for some. */
#ifndef LB_API_SELECT_H
#define LB_API_SELECT_H

#include <jansson.h>

#include "api.h"
#include "job_start.h"
#include "store_library.h"

/* Their names, by library_filter; NULL ends. */
extern const char *const library_filters[];

struct selection {
    struct library_question what; /* its texts are the body's */
    const json_t *except;         /* array of strings, of the body; NULL = nothing is excepted */
};

/* ERR_BAD_FIELD says which member is wrong. Nothing is looked up yet. */
int selection_parse(const json_t *select, struct selection *ret, struct err *err) LB_MUST_CHECK;
/*
 * The paths that match now, in byte order. What is excepted may be a path or a file id; one that nobody has is fine: it
 * does not match either.
 */
int selection_paths(struct api_call *call, const struct selection *s, struct path_list *ret,
                    struct err *err) LB_MUST_CHECK;

#endif
