/*
 * api_target.h - the target of a request: path and query taken apart, and what a pattern makes of
 * the path.
 *
 * Pure functions; any thread. Percent-encoding is that of RFC 3986; in the query `+` is a space, in
 * the path it is not.
 */
#ifndef LB_API_TARGET_H
#define LB_API_TARGET_H

#include <stdbool.h>

#include "api.h"
#include "base.h"
#include "err.h"

#define API_QUERY_MAX 64 /* parameters */

struct api_param {
    char *name, *value;
};

struct api_target {
    char *path;      /* as sent, without the base path: for messages */
    char **segments; /* decoded; "/api/jobs" has "api" and "jobs"; a slash at the end gives an empty
                        last one */
    size_t n_segments;
    struct api_param *query; /* decoded, in order */
    size_t n_query;
};

/*
 * Takes `target` apart. Absolute form ("http://host/path") counts as its path. The base path ("" or
 * "/comics") is stripped when it is there. ERR_BAD_REQUEST: not a path, control bytes or spaces
 * (also encoded, in the path), NUL, broken percent escapes, too many parameters. On -1 `ret` is
 * cleared.
 */
int api_target_parse(const char *target, const char *base_path, struct api_target *ret,
                     struct err *err) LB_MUST_CHECK;
void api_target_clear(struct api_target *t);

enum api_match {
    API_NO_MATCH,
    API_MATCH,
    API_MATCH_BAD, /* it would match, but a segment outside {path...} holds a slash, or is "", "."
                      or ".." */
};
/*
 * Does the path fit the pattern? With API_MATCH the parameters are set: path_params[i] is malloc'd,
 * the caller's; those beyond the pattern's are left alone.
 */
enum api_match api_target_match(const struct api_target *t, const char *pattern,
                                char *path_params[API_PARAM_MAX]);
/* Is there a segment that no honest client sends: "." or "..", with a slash inside, or empty (but
 * the last)? */
bool api_target_is_odd(const struct api_target *t);

#endif
