/*
 * api_guard.h - who may ask: the Host, Origin and Sec-Fetch-Site headers of a request.
 *
 * Host keeps pages of other sites from reaching us under a name of theirs that points to our
 * address (DNS rebinding); Origin keeps them from changing anything with the browser of somebody
 * who may (cross-site request forgery). A guard is only read after it was made; any thread.
 */
#ifndef LB_API_GUARD_H
#define LB_API_GUARD_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

struct api_guard;

/* `hosts`: names that are allowed besides, separated by spaces, each with :port or without.
 * `own_name`: gethostname. */
struct api_guard *api_guard_new(const char *hosts, const char *own_name);
void api_guard_free(struct api_guard *g);

/*
 * Passes an address, localhost, *.localhost, the own name (also with .local, or without it or its
 * domain) and the configured names; a configured name without a port goes with any. ERR_HOST:
 * another name. ERR_BAD_REQUEST: none, or no host at all.
 */
int api_guard_host(const struct api_guard *g, const char *host, struct err *err) LB_MUST_CHECK;

/*
 * For requests that change something. Passes when there is no Origin (no browser), or when it is
 * http(s) and names the request's Host or a configured name. Ports count: none, 80 and 443 are one,
 * because a proxy that ends TLS may stand in front; any other must be the same. ERR_ORIGIN: another
 * origin, or Sec-Fetch-Site says cross-site.
 */
int api_guard_origin(const struct api_guard *g, const char *host, const char *origin,
                     const char *sec_fetch_site, struct err *err) LB_MUST_CHECK;

#endif
