#include "api_guard.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"

#define NAMES_MAX 64

struct authority {
    char host[256]; /* lower case; an IPv6 address without brackets; no dot at the end */
    bool is_address;
    int port; /* -1: none */
};

struct api_guard {
    struct authority own;
    struct authority names[NAMES_MAX];
    size_t n_names;
};

static bool parse_port(const char *s, int *ret)
{
    size_t n = strlen(s);
    if (n == 0 || n > 5 || strspn(s, "0123456789") != n)
        return false;
    *ret = (int)strtol(s, NULL, 10);
    return *ret > 0 && *ret <= 65535;
}

/* "host", "host:port", "1.2.3.4", "[::1]:port". False when it is none of these. */
static bool parse_authority(const char *s, struct authority *ret)
{
    *ret = (struct authority){.port = -1};
    bool brackets = *s == '[';
    s += brackets;
    size_t len = brackets ? strcspn(s, "]") : strcspn(s, ":");
    if (len == 0 || len >= sizeof(ret->host))
        return false;
    for (size_t i = 0; i < len; i++)
        ret->host[i] = (char)tolower((unsigned char)s[i]);
    const char *behind = s + len;
    if (brackets && *behind++ != ']')
        return false;
    if (*behind && (*behind != ':' || !parse_port(behind + 1, &ret->port)))
        return false;
    unsigned char address[16];
    ret->is_address = inet_pton(brackets ? AF_INET6 : AF_INET, ret->host, address) == 1;
    if (brackets)
        return ret->is_address;
    if (strspn(ret->host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != len)
        return false;
    if (ret->host[len - 1] == '.')
        ret->host[len - 1] = '\0';
    return ret->host[0] != '\0';
}

struct api_guard *api_guard_new(const char *hosts, const char *own_name)
{
    struct api_guard *g = mem_new(sizeof(*g));
    if (!parse_authority(own_name, &g->own))
        g->own.host[0] = '\0'; /* a machine without a proper name has none to be called by */
    char one[sizeof(g->own.host) + 8];
    for (const char *p = hosts + strspn(hosts, " \t\n"); *p; p += strspn(p, " \t\n")) {
        size_t len = strcspn(p, " \t\n");
        (void)snprintf(one, sizeof(one), "%.*s", (int)len, p);
        if (len < sizeof(one) && g->n_names < NAMES_MAX &&
            parse_authority(one, &g->names[g->n_names]))
            g->n_names++;
        else
            log_warn("host ignored",
                     "name=%s reason=\"no name of a host, or more than %d of them\"",
                     LOG_QUOTE(one), NAMES_MAX);
        p += len;
    }
    return g;
}

void api_guard_free(struct api_guard *g)
{
    free(g);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

/* The name up to its first dot, or the whole. */
static size_t short_len(const char *name)
{
    return strcspn(name, ".");
}

static bool is_own_name(const struct api_guard *g, const char *host)
{
    const char *own = g->own.host;
    size_t n = short_len(own);
    if (n == 0)
        return false;
    if (strcmp(host, own) == 0)
        return true;
    return strncmp(host, own, n) == 0 && (!host[n] || strcmp(host + n, ".local") == 0);
}

int api_guard_host(const struct api_guard *g, const char *host, struct err *err)
{
    if (!host)
        return err_set(err, ERR_BAD_REQUEST, "the request has no Host header");
    struct authority a;
    if (!parse_authority(host, &a))
        return err_set(err, ERR_BAD_REQUEST, "the Host header names no host: %s", LOG_QUOTE(host));
    if (a.is_address || strcmp(a.host, "localhost") == 0 || ends_with(a.host, ".localhost") ||
        is_own_name(g, a.host))
        return 0;
    for (size_t i = 0; i < g->n_names; i++)
        if (strcmp(a.host, g->names[i].host) == 0 &&
            (g->names[i].port < 0 || g->names[i].port == a.port))
            return 0;
    return err_set(
        err, ERR_HOST,
        "requests for the host %s are not answered here; the setting 'hosts' allows more names",
        LOG_QUOTE(a.host));
}

static bool same_port(int a, int b)
{
    bool a_default = a < 0 || a == 80 || a == 443;
    bool b_default = b < 0 || b == 80 || b == 443;
    return a == b || (a_default && b_default);
}

static bool same_authority(const struct authority *a, const struct authority *b)
{
    return strcmp(a->host, b->host) == 0 && same_port(a->port, b->port);
}

int api_guard_origin(const struct api_guard *g, const char *host, const char *origin,
                     const char *sec_fetch_site, struct err *err)
{
    if (sec_fetch_site && strcasecmp(sec_fetch_site, "cross-site") == 0)
        return err_set(err, ERR_ORIGIN, "pages of other sites may not change anything here");
    if (!origin)
        return 0;
    struct authority from, to;
    size_t scheme = strncasecmp(origin, "http://", 7) == 0    ? 7
                    : strncasecmp(origin, "https://", 8) == 0 ? 8
                                                              : 0;
    if (scheme && parse_authority(origin + scheme, &from)) {
        if (parse_authority(host, &to) && same_authority(&from, &to))
            return 0;
        for (size_t i = 0; i < g->n_names; i++)
            if (same_authority(&from, &g->names[i]))
                return 0;
    }
    return err_set(err, ERR_ORIGIN, "pages of %s may not change anything here", LOG_QUOTE(origin));
}
