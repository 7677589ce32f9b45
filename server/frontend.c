#include "frontend.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "exe.h"
#include "log.h"

#define TEMPLATE_MAX (256 * 1024)
#define LISTEN_FD    3 /* in h2o */

static const char error_502[] =
    "{\"error\": \"the server is busy or restarting; try again\", \"code\": \"busy\"}\n";
static const char error_413[] = "{\"error\": \"the request is too large: its body is longer than "
                                "this call takes, or it names too many "
                                "files\", \"code\": \"too_large\"}\n";

/* ---- the template ---- */

static const struct frontend_var *find_var(const struct frontend_var *vars, size_t n,
                                           const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(vars[i].name) == len && memcmp(vars[i].name, name, len) == 0)
            return &vars[i];
    return NULL;
}

/* Inside double quotes of YAML. Values hold no control characters: config_set refuses them. */
static void add_escaped(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
}

/* One line without its end; @NAME@ is replaced when NAME is of capitals and underscores. */
static int render_line(const char *p, const char *end, const struct frontend_var *vars, size_t n,
                       struct strbuf *out, struct err *err)
{
    while (p < end) {
        size_t len = *p == '@' ? strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") : 0;
        if (len == 0 || p[1 + len] != '@') {
            strbuf_addc(out, *p++);
            continue;
        }
        const struct frontend_var *v = find_var(vars, n, p + 1, len);
        if (v == NULL || v->value == NULL)
            return err_set(err, ERR_CONFIG, "@%.*s@ is not known", (int)len, p + 1);
        add_escaped(out, v->value);
        p += len + 2;
    }
    strbuf_addc(out, '\n');
    return 0;
}

int frontend_render(const char *template, const struct frontend_var *vars, size_t n_vars,
                    struct strbuf *out, struct err *err)
{
    int line = 0, if_line = 0;
    bool keep = true;
    for (const char *p = template; *p;) {
        size_t len = strcspn(p, "\n");
        line++;
        if (strncmp(p, "#if ", 4) == 0) {
            const struct frontend_var *v = find_var(vars, n_vars, p + 4, len - 4);
            if (v == NULL)
                return err_set(err, ERR_CONFIG, "line %d: '%.*s' is not known", line, (int)len, p);
            if (if_line)
                return err_set(err, ERR_CONFIG, "line %d: #if inside the #if of line %d", line,
                               if_line);
            keep = v->value != NULL;
            if_line = line;
        } else if (len == 4 && strncmp(p, "#end", 4) == 0) {
            if (!if_line)
                return err_set(err, ERR_CONFIG, "line %d: #end without #if", line);
            keep = true;
            if_line = 0;
        } else if (keep && render_line(p, p + len, vars, n_vars, out, err) < 0) {
            return err_wrap(err, "line %d", line);
        }
        p += len + (p[len] == '\n');
    }
    if (if_line)
        return err_set(err, ERR_CONFIG, "line %d: #if without #end", if_line);
    return 0;
}

/* ---- preparing ---- */

static int read_file(const char *path, struct strbuf *out, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, ERR_IO, "open %s", path);
    for (;;) {
        ssize_t n = read(fd, strbuf_reserve(out, 4096), 4096);
        if (n < 0)
            return err_sys(err, ERR_IO, "read %s", path);
        if (n == 0)
            break;
        out->len += (size_t)n;
        if (out->len > TEMPLATE_MAX)
            return err_set(err, ERR_LIMIT, "%s is over %d bytes", path, TEMPLATE_MAX);
    }
    strbuf_add(out, "", 0);
    return 0;
}

static int write_file(const char *path, const char *text, struct err *err)
{
    int fd LB_CLEANUP(fd_close) =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t len = strlen(text);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len)
        return err_sys(err, ERR_IO, "write %s", path);
    return 0;
}

/* A body that the front end answers with by itself. */
static int write_error(const char *run_dir, const char *name, const char *text, struct err *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/errors/%s", run_dir, name);
    return write_file(path, text, err);
}

/* Runs `h2o -t`. What it says is in the message when it is not content. */
static int check_conf(const struct frontend *f, const char *path, struct err *err)
{
    int pipe_fd[2], out_fd = -1;
    if (pipe2(pipe_fd, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "check %s", path);
    int in_fd LB_CLEANUP(fd_close) = pipe_fd[0];
    if (child_fd_high(pipe_fd[1], &out_fd, err) < 0)
        return -1;
    char *const argv[] = {(char *)f->program, (char *)"-t", (char *)"-c", (char *)path, NULL};
    const struct child_fd fds[] = {{out_fd, STDOUT_FILENO}, {out_fd, STDERR_FILENO}};
    const struct child c = {
        .program = f->program, .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds)};
    pid_t pid = 0;
    int rc = child_spawn(&c, &pid, err);
    fd_close(out_fd);
    if (rc < 0)
        return -1;
    struct strbuf said LB_CLEANUP(strbuf_clear) = {0};
    ssize_t n;
    while ((n = read(in_fd, strbuf_reserve(&said, 1024), 1024)) > 0)
        if (said.len + (size_t)n < 8192) /* the rest is read and dropped, so that h2o can end */
            said.len += (size_t)n;
    strbuf_add(&said, "", 0);
    int status = 0;
    char how[64];
    if (waitpid(pid, &status, 0) != pid)
        return err_sys(err, ERR_IO, "wait for %s -t", f->program);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, "the front end does not accept %s (%s): %.200s", path,
                   child_how(status, how, sizeof(how)), strbuf_str(&said));
}

/* The place that the settings name, else the first that is there beside the program. */
static int find(const char *named, const char *const places[2], char ret[PATH_MAX], struct err *err)
{
    if (named[0] == '\0')
        return exe_beside(places, 2, ret, err);
    if (realpath(named, ret) == NULL)
        return err_sys(err, ERR_CONFIG, "%s", LOG_QUOTE(named));
    return 0;
}

static int render_conf(const struct config *c, const char *run_dir, const char *workers_socket,
                       const struct address *listen, struct strbuf *out, struct err *err)
{
    static const char *const templates[] = {"../share/longbox/h2o.conf.in",
                                            "../../../etc/h2o.conf.in"};
    static const char *const pages[] = {"../share/longbox/htdocs", "../../htdocs"};
    char template_path[PATH_MAX], htdocs[PATH_MAX], host[ADDRESS_SIZE], port[16], body[32],
        conns[32];
    struct strbuf template LB_CLEANUP(strbuf_clear) = {0};
    if (find(c->front_template, templates, template_path, err) < 0 ||
        find(c->htdocs, pages, htdocs, err) < 0 || read_file(template_path, &template, err) < 0)
        return -1;
    (void)snprintf(port, sizeof(port), "%u", address_port(listen));
    (void)snprintf(body, sizeof(body), "%" PRId64, c->body_max_bytes);
    (void)snprintf(conns, sizeof(conns), "%" PRId64, c->front_connections);
    const struct frontend_var vars[] = {
        {"root",
         geteuid() == 0 ? "" : NULL}, /* else h2o becomes `nobody` and cannot reach the socket */
        {"tls", c->tls_cert[0] ? "" : NULL},
        {"base_path", c->base_path[0] ? "" : NULL},
        {"access_log", c->front_access_log[0] ? "" : NULL},
        {"compress", c->compress ? "" : NULL},
        {"FRONT_CONNECTIONS", conns},
        {"BODY_LIMIT", body},
        {"RUN_DIR", run_dir},
        {"ACCESS_LOG", c->front_access_log},
        {"LISTEN_HOST", address_host(listen, host)},
        {"LISTEN_PORT", port},
        {"TLS_CERT", c->tls_cert},
        {"TLS_KEY", c->tls_key},
        {"HTDOCS", htdocs},
        {"WORKERS_SOCKET", workers_socket},
        {"BASE_PATH", c->base_path},
    };
    if (frontend_render(strbuf_str(&template), vars, ARRAY_LEN(vars), out, err) < 0)
        return err_wrap(err, "%s", template_path);
    return 0;
}

/* Under another name until h2o has read it, so that one that is no good never takes the place of one that is. */
static int put_conf(const struct frontend *f, struct err *err)
{
    char path[PATH_MAX + 8];
    (void)snprintf(path, sizeof(path), "%s.new", f->conf_path);
    if (write_file(path, strbuf_str(&f->conf), err) < 0)
        return -1;
    if (check_conf(f, path, err) < 0) {
        (void)unlink(path); /* its words are in the message */
        return -1;
    }
    return rename(path, f->conf_path) < 0 ? err_sys(err, ERR_IO, "rename %s", path) : 0;
}

int frontend_prepare(const struct config *c, const char *run_dir, const char *workers_socket,
                     const struct address *listen, struct frontend *ret, struct err *err)
{
    char errors[PATH_MAX + 32], text[ADDRESS_SIZE], host[ADDRESS_SIZE];
    *ret = (struct frontend){.log_fd = -1, .probe_fd = -1, .tls = c->tls_cert[0] != '\0'};
    if (strlen(run_dir) + 32 > PATH_MAX)
        return err_set(err, ERR_CONFIG, "key 'state_dir': the whole path is too long");
    ret->program = c->h2o;
    (void)snprintf(ret->conf_path, sizeof(ret->conf_path), "%.4060s/h2o.conf", run_dir);
    (void)snprintf(ret->port_spec, sizeof(ret->port_spec), "%s=%d", address_format(listen, text),
                   LISTEN_FD);
    ret->probe_address = *listen;
    if (address_is_any(listen)) {
        bool is_6 = strchr(address_host(listen, host), ':') != NULL;
        (void)snprintf(text, sizeof(text), "%s:%u", is_6 ? "[::1]" : "127.0.0.1",
                       address_port(listen));
        if (address_parse(text, &ret->probe_address, err) < 0)
            return -1;
    }
    if (render_conf(c, run_dir, workers_socket, listen, &ret->conf, err) < 0)
        return -1;
    (void)snprintf(errors, sizeof(errors), "%s/errors", run_dir);
    if (mkdir(errors, 0700) < 0 && errno != EEXIST)
        return err_sys(err, ERR_IO, "make %s", errors);
    if (write_error(run_dir, "502.json", error_502, err) < 0 ||
        write_error(run_dir, "413.json", error_413, err) < 0)
        return -1;
    return put_conf(ret, err);
}

void frontend_clear(struct frontend *f)
{
    frontend_probe_end(f);
    fd_close(f->log_fd);
    f->log_fd = -1;
    strbuf_clear(&f->line);
    strbuf_clear(&f->conf);
}

int frontend_restore(const struct frontend *f, struct err *err)
{
    return put_conf(f, err);
}

/* ---- running ---- */

int frontend_start(struct frontend *f, int listen_fd, pid_t *ret_pid, struct err *err)
{
    int pipe_fd[2], err_fd = -1;
    if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_sys(err, ERR_IO, "start %s", f->program);
    int log_fd LB_CLEANUP(fd_close) = pipe_fd[0];
    if (child_fd_high(pipe_fd[1], &err_fd, err) < 0)
        return -1;
    char *const argv[] = {(char *)f->program, (char *)"-c", f->conf_path, NULL};
    const struct child_fd fds[] = {
        {listen_fd, LISTEN_FD}, {err_fd, STDOUT_FILENO}, {err_fd, STDERR_FILENO}};
    const struct child c = {.program = f->program,
                            .argv = argv,
                            .fds = fds,
                            .n_fds = ARRAY_LEN(fds),
                            .env_name = "SERVER_STARTER_PORT",
                            .env_value = f->port_spec,
                            .death_signal = SIGKILL};
    int rc = child_spawn(&c, ret_pid, err);
    fd_close(err_fd);
    if (rc < 0)
        return -1;
    frontend_read_log(f); /* the last words of the one before */
    fd_close(f->log_fd);
    f->log_fd = log_fd;
    log_fd = -1;
    f->said_ready = false;
    strbuf_reset(&f->line);
    return 0;
}

void frontend_probe_end(struct frontend *f)
{
    fd_close(f->probe_fd);
    f->probe_fd = -1;
    f->probe_sent = false;
}

bool frontend_probe(struct frontend *f)
{
    static const char request[] = "HEAD / HTTP/1.0\r\nHost: localhost\r\n\r\n";
    if (f->probe_fd < 0) {
        f->probe_fd =
            socket(f->probe_address.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (f->probe_fd < 0)
            return false;
        if (connect(f->probe_fd, (struct sockaddr *)&f->probe_address.sa, f->probe_address.len) <
                0 &&
            errno != EINPROGRESS) {
            frontend_probe_end(f); /* try again at the next call */
            return false;
        }
    }
    if (!f->probe_sent) {
        struct pollfd p = {.fd = f->probe_fd, .events = POLLOUT};
        if (poll(&p, 1, 0) <= 0)
            return false;
        if (send(f->probe_fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
            frontend_probe_end(f);
            return false;
        }
        f->probe_sent = true;
    }
    char answer[16];
    ssize_t n = recv(f->probe_fd, answer, sizeof(answer), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    bool yes = n > 0 || f->tls;
    frontend_probe_end(f);
    return yes;
}

static void take_line(struct frontend *f)
{
    const char *line = strbuf_str(&f->line);
    if (strstr(line, "is ready to serve requests"))
        f->said_ready = true;
    bool usual = strncmp(line, "[INFO]", 6) == 0 || strstr(line, "is ready to serve requests") ||
                 strstr(line, "received SIGTERM");
    log_event(usual ? LOG_LVL_DEBUG : LOG_LVL_WARN, "h2o", "line=%s", LOG_QUOTE(line));
}

void frontend_read_log(struct frontend *f)
{
    char buf[4096];
    while (f->log_fd >= 0) {
        ssize_t n = read(f->log_fd, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0 || errno != EAGAIN) {
                fd_close(f->log_fd);
                f->log_fd = -1;
            }
            return;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != '\n' && f->line.len < 1024) {
                strbuf_addc(&f->line, buf[i]);
                continue;
            }
            if (f->line.len)
                take_line(f);
            strbuf_reset(&f->line);
        }
    }
}
