/*
 * frontend.h - h2o as a child: its configuration from etc/h2o.conf.in, its start, its log, and whether it answers.
 */
#ifndef LB_FRONTEND_H
#define LB_FRONTEND_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "address.h"
#include "base.h"
#include "config.h"
#include "err.h"
#include "strbuf.h"

struct frontend {
    const char *program; /* inside the config */
    char conf_path[PATH_MAX];
    struct strbuf conf; /* what is in it */
    char port_spec[ADDRESS_SIZE + 8]; /* SERVER_STARTER_PORT: "127.0.0.1:8080=3" */
    struct address probe_address;
    bool tls;
    /* The running one; -1 = none. Both are polled by the master. */
    int log_fd;
    int probe_fd;
    bool probe_sent;
    bool said_ready;    /* on its log; frontend_probe may be answered by another on the same socket */
    struct strbuf line; /* of its log, as far as it has come */
};

/*
 * Writes h2o.conf and errors/502.json into run_dir and lets `h2o -t` read it. The template and the page are found
 * beside the program (exe.h), unless the keys `front_template` and `htdocs` name them. ERR_CONFIG holds h2o's own
 * words, and the h2o.conf that was there is left.
 */
int frontend_prepare(const struct config *c, const char *run_dir, const char *workers_socket,
                     const struct address *listen, struct frontend *ret,
                     struct err *err) LB_MUST_CHECK;
void frontend_clear(struct frontend *f);
/* Writes its h2o.conf again, after one was prepared that does not come up. */
int frontend_restore(const struct frontend *f, struct err *err) LB_MUST_CHECK;

/* One value or switch of the template. */
struct frontend_var {
    const char *name;
    const char *value; /* NULL: a switch that is off */
};
/* Fills the template in. ERR_CONFIG names an unknown name or an "#if" without end, with its line. */
int frontend_render(const char *template, const struct frontend_var *vars, size_t n_vars,
                    struct strbuf *out, struct err *err) LB_MUST_CHECK;

/* Starts h2o on the listening socket. It dies with the master. */
int frontend_start(struct frontend *f, int listen_fd, pid_t *ret_pid,
                   struct err *err) LB_MUST_CHECK;

/*
 * Does it answer? Called when probe_fd is ready, and every 50 ms or so: asks for the page over the public address
 * and returns true when an answer has come. With TLS any reaction to a request in plain text is one.
 */
bool frontend_probe(struct frontend *f);
void frontend_probe_end(struct frontend *f);

/* Puts what h2o wrote on standard error into our log, a line each. Call when log_fd is readable. */
void frontend_read_log(struct frontend *f);

#endif
