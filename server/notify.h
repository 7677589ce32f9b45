/*
 * notify.h - what a service manager (systemd) is told, and the socket that it may hand over.
 *
 * The protocol is one datagram of NAME=VALUE lines (sd_notify(3)), so there is no library behind it. Without a service
 * manager all of it does nothing.
 */
#ifndef LB_NOTIFY_H
#define LB_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base.h"
#include "err.h"

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_ms; /* it wants to hear WATCHDOG=1 within this time; 0 = never */
};

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, so that no child speaks
 * for us.
 */
void notify_init(struct notify *ret);
void notify_clear(struct notify *n);
/* Puts back into the environment what notify_init took out of it, for a program that we become; and takes it out. */
void notify_export(const struct notify *n);
void notify_forget(void);
/* "READY=1", ... A manager that is gone is nobody's trouble. */
void notify_send(const struct notify *n, const char *text);
/* RELOADING=1 with the time that systemd 253 and later want beside it. */
void notify_reloading(const struct notify *n);

/*
 * LISTEN_FDS, LISTEN_PID (sd_listen_fds(3)): returns 1 with the one socket that was handed over, 0 when there is none;
 * ERR_CONFIG for more than one. Takes the variables out of the environment.
 */
int notify_listen_fd(int *ret_fd, struct err *err) LB_MUST_CHECK;

#endif
