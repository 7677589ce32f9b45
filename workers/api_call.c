#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_request.h"
#include "log.h"

const char *const api_header_names[API_HEADER_COUNT] = {
    [API_HEADER_HOST] = "Host",
    [API_HEADER_IF_NONE_MATCH] = "If-None-Match",
    [API_HEADER_IDEMPOTENCY_KEY] = "Idempotency-Key",
    [API_HEADER_LAST_EVENT_ID] = "Last-Event-ID",
    [API_HEADER_X_FORWARDED_FOR] = "X-Forwarded-For",
    [API_HEADER_USER_AGENT] = "User-Agent",
    [API_HEADER_X_LONGBOX_CLIENT] = "X-Longbox-Client",
};

int api_call_read_body(struct api_request *r, struct err *err)
{
    if (r->body_len == 0)
        return 0;
    json_error_t why;
    r->call.body = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &why);
    if (r->call.body)
        return 0;
    const char *what = json_error_code(&why) == json_error_null_character
                           ? "a string must not hold the character NUL"
                           : why.text;
    return err_set(err, ERR_BAD_JSON, "body is not a JSON object or array: line %d, column %d: %s",
                   why.line, why.column, what);
}

void api_call_clear(struct api_call *call)
{
    for (size_t i = 0; i < API_PARAM_MAX; i++)
        free((char *)call->path_params[i]); /* made by api_target_match */
    json_decref(call->body);
    json_decref(call->reply);
    strbuf_clear(&call->text);
    strbuf_clear(&call->headers);
    *call = (struct api_call){0};
}

const char *api_query(const struct api_call *call, const char *name)
{
    const struct api_target *t = &call->request->target;
    for (size_t i = 0; i < t->n_query; i++)
        if (strcmp(t->query[i].name, name) == 0)
            return t->query[i].value;
    return NULL;
}

int api_query_int(const struct api_call *call, const char *name, int64_t def, int64_t min,
                  int64_t max, int64_t *ret, struct err *err)
{
    const char *text = api_query(call, name);
    if (!text) {
        *ret = def;
        return 0;
    }
    size_t digits = strspn(text + (*text == '-'), "0123456789");
    if (digits == 0 || text[(*text == '-') + digits])
        return err_field(err, ERR_BAD_FIELD, name, "%s must be a whole number, not %s", name,
                         LOG_QUOTE(text));
    errno = 0;
    int64_t n = strtoll(text, NULL, 10);
    if (errno == ERANGE || n < min || n > max)
        return err_field(err, ERR_RANGE, name, "%s must be %lld to %lld, not %s", name,
                         (long long)min, (long long)max, LOG_QUOTE(text));
    *ret = n;
    return 0;
}

int64_t api_query_lenient(const struct api_call *call, const char *name, int64_t def)
{
    const char *text = api_query(call, name);
    if (!text || !*text)
        return def;
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0 ? (int64_t)n : def;
}

int64_t api_query_within(const struct api_call *call, const char *name, int64_t def, int64_t min,
                         int64_t max)
{
    int64_t n = api_query_lenient(call, name, def);
    return n >= min && n <= max ? n : def;
}

const char *api_header(const struct api_call *call, const char *name)
{
    for (size_t i = 0; i < API_HEADER_COUNT; i++)
        if (strcasecmp(api_header_names[i], name) == 0)
            return call->request->headers[i];
    must(!"a header that api.h does not name");
    return NULL;
}

void api_add_header(struct api_call *call, const char *name, const char *value)
{
    strbuf_adds(&call->headers, name);
    strbuf_adds(&call->headers, ": ");
    for (const char *p = value; *p; p++)
        strbuf_addc(&call->headers, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
    strbuf_addc(&call->headers, '\n');
}

int api_reply(struct api_call *call, int status, json_t *reply)
{
    call->status = status;
    json_decref(call->reply);
    call->reply = reply;
    return 0;
}

int api_body_str(const struct api_call *call, const char *name, const char **ret, struct err *err)
{
    *ret = NULL;
    if (call->body && !json_is_object(call->body))
        return err_set(err, ERR_BAD_FIELD, "the body must be an object");
    const json_t *v = json_object_get(call->body, name);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v))
        return err_field(err, ERR_BAD_FIELD, name, "%s must be a string", name);
    *ret = json_string_value(v);
    return 0;
}
