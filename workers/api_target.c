#include "api_target.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"
#include "strbuf.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes s[0..len). NULL when an escape is broken, or when a NUL or (`strict`) a control byte
 * comes out. */
static char *decode(const char *s, size_t len, bool plus_is_space, bool strict)
{
    char *out = mem_new(len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '%') {
            int hi = len - i > 2 ? hex(s[i + 1]) : -1;
            int lo = len - i > 2 ? hex(s[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                free(out);
                return NULL;
            }
            c = (char)(hi << 4 | lo);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0' || (strict && ((unsigned char)c < 0x20 || c == 0x7f))) {
            free(out);
            return NULL;
        }
        out[n++] = c;
    }
    return out;
}

static int parse_segments(const char *path, struct api_target *ret)
{
    size_t n = 0;
    for (const char *p = path; *p; p++)
        n += *p == '/';
    ret->segments = mem_new(n * sizeof(ret->segments[0]));
    for (const char *p = path; *p;) {
        p++; /* the slash */
        size_t len = strcspn(p, "/");
        char *segment = decode(p, len, false, true);
        if (!segment)
            return -1;
        ret->segments[ret->n_segments++] = segment;
        p += len;
    }
    return 0;
}

static int parse_query(const char *query, struct api_target *ret, struct err *err)
{
    ret->query = mem_new(API_QUERY_MAX * sizeof(ret->query[0]));
    for (const char *p = query; *p;) {
        size_t len = strcspn(p, "&");
        const char *equals = memchr(p, '=', len);
        size_t name_len = equals ? (size_t)(equals - p) : len;
        if (len > 0) {
            if (ret->n_query == API_QUERY_MAX)
                return err_set(err, ERR_BAD_REQUEST, "the query has more than %d parameters",
                               API_QUERY_MAX);
            struct api_param *q = &ret->query[ret->n_query++];
            q->name = decode(p, name_len, true, false);
            q->value =
                equals ? decode(equals + 1, len - name_len - 1, true, false) : mem_strdup("");
            if (!q->name || !q->value)
                return err_set(err, ERR_BAD_REQUEST,
                               "the query has a broken percent escape, or NUL: %s",
                               LOG_QUOTE(query));
        }
        p += len;
        p += *p == '&';
    }
    return 0;
}

/* Takes the base path off when the path begins with it. Whole segments only: /comics is no base of
 * /comicsx. */
static void strip_base(struct api_target *t, const char *base_path)
{
    size_t n = 0;
    const char *raw = t->path;
    for (const char *p = base_path; *p; n++) {
        p++;
        size_t len = strcspn(p, "/");
        if (len == 0)
            break; /* a slash at the end of the setting */
        if (n >= t->n_segments || strlen(t->segments[n]) != len ||
            memcmp(t->segments[n], p, len) != 0)
            return;
        raw += 1 + strcspn(raw + 1, "/");
        p += len;
    }
    for (size_t i = 0; i < n; i++)
        free(t->segments[i]);
    memmove(t->segments, t->segments + n, (t->n_segments - n) * sizeof(t->segments[0]));
    t->n_segments -= n;
    memmove(t->path, raw, strlen(raw) + 1);
    if (n > 0 && t->n_segments == 0) { /* the base path alone is its root */
        t->segments[t->n_segments++] = mem_strdup("");
        memcpy(t->path, "/", 2);
    }
}

/* Where the path of an absolute target begins; the target itself when it is none. */
static const char *path_of(const char *target)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    return scheme ? target + scheme + strcspn(target + scheme, "/?") : target;
}

static int parse(const char *target, const char *base_path, struct api_target *ret, struct err *err)
{
    for (const char *p = target; *p; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '#')
            return err_set(err, ERR_BAD_REQUEST, "the target has a byte that must be encoded: %s",
                           LOG_QUOTE(target));
    const char *from = path_of(target);
    size_t len = strcspn(from, "?");
    ret->path = len == 0 && from != target ? mem_strdup("/") : mem_strndup(from, len);
    if (ret->path[0] != '/')
        return err_set(err, ERR_BAD_REQUEST, "the target is not a path: %s", LOG_QUOTE(target));
    if (parse_segments(ret->path, ret) < 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "the path has a broken percent escape or a control character: %s",
                       LOG_QUOTE(ret->path));
    strip_base(ret, base_path);
    return from[len] == '?' ? parse_query(from + len + 1, ret, err) : 0;
}

int api_target_parse(const char *target, const char *base_path, struct api_target *ret,
                     struct err *err)
{
    *ret = (struct api_target){0};
    if (parse(target, base_path, ret, err) == 0)
        return 0;
    api_target_clear(ret);
    return -1;
}

void api_target_clear(struct api_target *t)
{
    for (size_t i = 0; i < t->n_segments; i++)
        free(t->segments[i]);
    for (size_t i = 0; i < t->n_query; i++) {
        free(t->query[i].name);
        free(t->query[i].value);
    }
    free(t->segments);
    free(t->query);
    free(t->path);
    *t = (struct api_target){0};
}

static bool segment_is_odd(const char *s)
{
    return !*s || strcmp(s, ".") == 0 || strcmp(s, "..") == 0 || strchr(s, '/') != NULL;
}

bool api_target_is_odd(const struct api_target *t)
{
    for (size_t i = 0; i < t->n_segments; i++)
        if (segment_is_odd(t->segments[i]) && (*t->segments[i] || i + 1 < t->n_segments))
            return true;
    return false;
}

/* The segments that a {path...} has to leave for what comes behind it in the pattern. */
static size_t segments_in(const char *pattern)
{
    size_t n = 0;
    for (; *pattern; pattern++)
        n += *pattern == '/';
    return n;
}

static char *join(char **segments, size_t n)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    for (size_t i = 0; i < n; i++) {
        if (i)
            strbuf_addc(&b, '/');
        strbuf_adds(&b, segments[i]);
    }
    return strbuf_take(&b);
}

static enum api_match match(const struct api_target *t, const char *pattern,
                            char *params[API_PARAM_MAX], size_t *n_params)
{
    size_t at = 0;
    bool odd = false;
    for (const char *p = pattern; *p;) {
        p++; /* the slash */
        size_t len = strcspn(p, "/");
        size_t left = t->n_segments - at;
        if (left == 0)
            return API_NO_MATCH;
        size_t take = 1;
        if (*p == '{') {
            bool rest = len > 4 && memcmp(p + len - 4, "...}", 4) == 0;
            size_t behind = segments_in(p + len);
            if (rest && left <= behind)
                return API_NO_MATCH;
            take = rest ? left - behind : 1;
            odd |= !rest && segment_is_odd(t->segments[at]);
            must(*n_params < API_PARAM_MAX);
            params[(*n_params)++] = join(t->segments + at, take);
        } else if (strlen(t->segments[at]) != len || memcmp(t->segments[at], p, len) != 0) {
            return API_NO_MATCH;
        }
        at += take;
        p += len;
    }
    if (at != t->n_segments)
        return API_NO_MATCH;
    return odd ? API_MATCH_BAD : API_MATCH;
}

enum api_match api_target_match(const struct api_target *t, const char *pattern,
                                char *path_params[API_PARAM_MAX])
{
    char *found[API_PARAM_MAX] = {NULL};
    size_t n = 0;
    enum api_match m = match(t, pattern, found, &n);
    for (size_t i = 0; i < n; i++)
        if (m == API_MATCH)
            path_params[i] = found[i];
        else
            free(found[i]);
    return m;
}
