/*
 * listener.h - the sockets that the master holds, so that a restart of a worker or of the front end loses nothing:
 * requests wait in the backlog meanwhile.
 */
#ifndef LB_LISTENER_H
#define LB_LISTENER_H

#include <sys/un.h>

#include "address.h"
#include "base.h"
#include "err.h"

#define LISTENER_BACKLOG                                                                           \
    4096 /* a full one is an instant 502 on a Unix socket, and the kernel caps it here */

struct listener {
    int fd;                 /* from CHILD_FD_MIN on, close-on-exec; -1 when closed */
    struct address address; /* listener_public: with the real port */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* listener_workers */
};

/*
 * The workers' socket, 0600, `<run_dir>/workers.sock`. When that is longer than an address of a Unix socket may be
 * (107 bytes), or holds bytes that the front end's configuration cannot, it is made in a private folder in /tmp,
 * which the link `<run_dir>/socket-folder` remembers, so that the next start removes it if this one could not.
 * The caller holds the lock of the state folder.
 */
int listener_workers(const char *run_dir, struct listener *ret, struct err *err) LB_MUST_CHECK;
/* The public TCP socket. The message says address and reason. */
int listener_public(const char *listen, struct listener *ret, struct err *err) LB_MUST_CHECK;
/*
 * A TCP socket that listens already and was handed over; `fd` is closed, also on error. Unless anybody may come
 * (`open_to_all`, the key auth), its address has to be loopback.
 */
int listener_inherit(int fd, bool open_to_all, struct listener *ret, struct err *err) LB_MUST_CHECK;

void listener_close(struct listener *l);
/* Removes the workers' socket and its folder in /tmp. */
void listener_remove(struct listener *l, const char *run_dir);

#endif
