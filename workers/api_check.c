#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_request.h"
#include "http.h"
#include "log.h"
#include "uuid.h"

#define STREAM_PATH "/api/events/stream"

static bool is_get(const char *method)
{
    return strcmp(method, "GET") == 0;
}

static bool changes_state(const char *method)
{
    return !is_get(method) && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0;
}

void api_check_id(struct api_request *r)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    _Static_assert(UUID_SIZE <= sizeof(r->call.request_id), "a UUID fits");
    const char *id = http_request_header(r->http, "X-Request-Id");
    size_t len = id ? strlen(id) : 0;
    if (len >= 1 && len <= 36 && strspn(id, allowed) == len)
        memcpy(r->call.request_id, id, len + 1);
    else
        uuid_new(r->call.request_id);
}

/* ---- routes ---- */

static void add_allowed(struct strbuf *allow, const char *method)
{
    if (strstr(strbuf_str(allow), method))
        return;
    strbuf_addf(allow, "%s%s", allow->len ? ", " : "", method);
    if (is_get(method))
        strbuf_adds(allow, ", HEAD");
}

static int refuse_method(struct api_request *r, const char *allow, struct err *err)
{
    api_add_header(&r->call, "Allow", allow);
    return err_set(err, ERR_METHOD, "%s does not go with %s; allowed: %s", r->method,
                   LOG_QUOTE(r->target.path), allow);
}

static bool method_fits(const char *route, const char *method)
{
    return strcmp(route, method) == 0 || (is_get(route) && strcmp(method, "HEAD") == 0);
}

static int find_route(struct api_request *r, const struct api_route *routes, struct err *err)
{
    struct strbuf allow LB_CLEANUP(strbuf_clear) = {0};
    bool bad = api_target_is_odd(&r->target);
    for (const struct api_route *route = routes; route->method; route++) {
        char *params[API_PARAM_MAX] = {NULL};
        enum api_match m = api_target_match(&r->target, route->pattern, params);
        bool fits = m == API_MATCH && method_fits(route->method, r->method);
        for (size_t i = 0; i < API_PARAM_MAX; i++) {
            if (fits && params[i]) {
                r->call.path_params[i] = params[i];
                r->call.path_param_len[i] = strlen(params[i]);
            } else {
                free(params[i]);
            }
        }
        if (fits) {
            r->route = route;
            return 0;
        }
        if (m == API_MATCH)
            add_allowed(&allow, route->method);
    }
    if (allow.len)
        return refuse_method(r, allow.data, err);
    if (bad)
        return err_set(err, ERR_BAD_REQUEST, "the path has an empty, dot or slash segment: %s",
                       LOG_QUOTE(r->target.path));
    return err_set(err, ERR_NO_ROUTE, "there is nothing at %s", LOG_QUOTE(r->target.path));
}

/* ---- the body ---- */

static bool is_json_type(const char *type)
{
    static const char json[] = "application/json";
    type += strspn(type, " \t");
    if (strncasecmp(type, json, sizeof(json) - 1) != 0)
        return false;
    type += sizeof(json) - 1;
    type += strspn(type, " \t");
    return !*type || *type == ';';
}

static int check_body(struct api_request *r, int64_t default_max, struct err *err)
{
    int64_t max = r->route->body_max_bytes < 0 ? default_max : r->route->body_max_bytes;
    if (max == 0)
        return 0;
    r->body = http_request_body(r->http, &r->body_len);
    if (r->body_len == 0)
        return 0;
    if ((int64_t)r->body_len > max)
        return err_set(err, ERR_LIMIT, "the body has %zu bytes; %lld are allowed", r->body_len,
                       (long long)max);
    const char *type = http_request_header(r->http, "Content-Type");
    if (type && !is_json_type(type))
        return err_set(err, ERR_MEDIA_TYPE, "the body must be application/json, not %s",
                       LOG_QUOTE(type));
    return 0;
}

/* ---- all of it ---- */

static int check_defect(const struct api_request *r, int64_t body_max_bytes, struct err *err)
{
    switch (http_request_defect(r->http)) {
    case ERR_NONE:
        return 0;
    case ERR_LIMIT:
        return err_set(err, ERR_LIMIT,
                       "the body is longer than %lld bytes, or not chunked as it says",
                       (long long)body_max_bytes);
    default:
        return err_set(err, ERR_BAD_REQUEST, "this is not a request of HTTP/1.1");
    }
}

static int check(struct api_request *r, const struct api_rules *rules, struct err *err)
{
    if (check_defect(r, rules->body_max_bytes, err) < 0)
        return -1;
    for (size_t i = 0; i < API_HEADER_COUNT; i++)
        r->headers[i] = http_request_header(r->http, api_header_names[i]);
    const char *host = r->headers[API_HEADER_HOST];
    if (api_guard_host(rules->guard, host, err) < 0)
        return -1;
    if (changes_state(r->method) &&
        api_guard_origin(rules->guard, host, http_request_header(r->http, "Origin"),
                         http_request_header(r->http, "Sec-Fetch-Site"), err) < 0)
        return -1;
    return api_target_parse(http_request_target(r->http), rules->base_path, &r->target, err);
}

enum api_checked api_check(struct api_request *r, const struct api_rules *rules, struct err *err)
{
    r->method = http_request_method(r->http);
    r->path = http_request_target(r->http);
    if (check(r, rules, err) < 0)
        return API_REFUSED;
    char *params[API_PARAM_MAX] = {NULL};
    if (api_target_match(&r->target, STREAM_PATH, params) == API_MATCH) {
        if (is_get(r->method))
            return API_STREAM;
        (void)refuse_method(r, "GET", err);
        return API_REFUSED;
    }
    if (find_route(r, rules->routes, err) < 0 || check_body(r, rules->body_max_bytes, err) < 0)
        return API_REFUSED;
    return API_ROUTED;
}
