/*
 * address.h - "127.0.0.1:8080" and "[::1]:8080": a numeric address with a port, to and from text.
 */
#ifndef LB_ADDRESS_H
#define LB_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base.h"
#include "err.h"

#define ADDRESS_SIZE 64 /* "[" IPv6 "]:65535" and the NUL */

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
};

/* IPv4:PORT, [IPv6]:PORT or localhost:PORT, which is 127.0.0.1. ERR_CONFIG says what is wrong with the text. */
int address_parse(const char *text, struct address *ret, struct err *err) LB_MUST_CHECK;
/* The same form back. Returns ret. */
const char *address_format(const struct address *a, char ret[ADDRESS_SIZE]);
/* The host alone, without brackets. Returns ret. */
const char *address_host(const struct address *a, char ret[ADDRESS_SIZE]);

uint16_t address_port(const struct address *a);
void address_set_port(struct address *a, uint16_t port);
/* 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct address *a);
/* 0.0.0.0 or ::, which accept on every address. */
bool address_is_any(const struct address *a);

#endif
