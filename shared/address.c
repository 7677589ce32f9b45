#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sockaddr_in *in4(const struct address *a)
{
    return (struct sockaddr_in *)&a->sa;
}

static struct sockaddr_in6 *in6(const struct address *a)
{
    return (struct sockaddr_in6 *)&a->sa;
}

static bool is_6(const struct address *a)
{
    return a->sa.ss_family == AF_INET6;
}

static int bad(const char *text, const char *why, struct err *err)
{
    return err_set(err, ERR_CONFIG, "'%.80s' %s; write 127.0.0.1:8080 or [::1]:8080", text, why);
}

int address_parse(const char *text, struct address *ret, struct err *err)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return bad(text, "has no port", err);
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits < 1 || digits > 5 || colon[1 + digits] != '\0')
        return bad(text, "does not end in a port", err);
    long port = strtol(colon + 1, NULL, 10);
    if (port > 65535)
        return bad(text, "has a port above 65535", err);

    bool brackets = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    const char *from = brackets ? text + 1 : text;
    size_t len = (size_t)(colon - from) - (brackets ? 1 : 0);
    char host[INET6_ADDRSTRLEN];
    if (len >= sizeof(host))
        return bad(text, "is no numeric address", err);
    memcpy(host, from, len);
    host[len] = '\0';

    struct address a = {0};
    if (brackets) {
        a.sa.ss_family = AF_INET6;
        a.len = sizeof(struct sockaddr_in6);
        if (inet_pton(AF_INET6, host, &in6(&a)->sin6_addr) != 1)
            return bad(text, "is no IPv6 address", err);
    } else {
        a.sa.ss_family = AF_INET;
        a.len = sizeof(struct sockaddr_in);
        const char *number = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
        if (inet_pton(AF_INET, number, &in4(&a)->sin_addr) != 1)
            return bad(text, "is no numeric address", err);
    }
    address_set_port(&a, (uint16_t)port);
    *ret = a;
    return 0;
}

const char *address_host(const struct address *a, char ret[ADDRESS_SIZE])
{
    const void *ip = is_6(a) ? (const void *)&in6(a)->sin6_addr : (const void *)&in4(a)->sin_addr;
    must(inet_ntop(a->sa.ss_family, ip, ret, ADDRESS_SIZE) != NULL);
    return ret;
}

const char *address_format(const struct address *a, char ret[ADDRESS_SIZE])
{
    char host[ADDRESS_SIZE];
    (void)snprintf(ret, ADDRESS_SIZE, is_6(a) ? "[%.46s]:%u" : "%.46s:%u", address_host(a, host),
                   address_port(a));
    return ret;
}

uint16_t address_port(const struct address *a)
{
    return ntohs(is_6(a) ? in6(a)->sin6_port : in4(a)->sin_port);
}

void address_set_port(struct address *a, uint16_t port)
{
    if (is_6(a))
        in6(a)->sin6_port = htons(port);
    else
        in4(a)->sin_port = htons(port);
}

bool address_is_loopback(const struct address *a)
{
    if (is_6(a))
        return IN6_IS_ADDR_LOOPBACK(&in6(a)->sin6_addr);
    return ntohl(in4(a)->sin_addr.s_addr) >> 24 == 127;
}

bool address_is_any(const struct address *a)
{
    if (is_6(a))
        return IN6_IS_ADDR_UNSPECIFIED(&in6(a)->sin6_addr);
    return in4(a)->sin_addr.s_addr == htonl(INADDR_ANY);
}
