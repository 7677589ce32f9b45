/*
 * raw_http.h - for tests of the HTTP layer: a loop on its own thread with a listening Unix socket
 * in a folder of its own, and a client that writes bytes and reads answers.
 */
#ifndef RAW_HTTP_H
#define RAW_HTTP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"

#define RAW_TIMEOUT_MS 20000

struct raw_server {
    char dir[64], path[96];
    int fd;
    struct loop *loop;
    pthread_t thread;
};

static inline void *raw_server_main(void *server)
{
    loop_run(((struct raw_server *)server)->loop);
    return NULL;
}

/* Makes the socket and the loop; the thread starts with raw_server_run, after the test has set up
 * what listens. */
static inline void raw_server_new(struct raw_server *s)
{
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/longbox-test-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    (void)snprintf(s->path, sizeof(s->path), "%s/http.sock", s->dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, s->path, strlen(s->path) + 1);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s->fd, 4096), 0);
    s->loop = loop_new();
}

static inline void raw_server_run(struct raw_server *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, raw_server_main, s), 0);
}

/* Ends the thread; the loop is still there, for the test to free what hangs on it. */
static inline void raw_server_stop(struct raw_server *s)
{
    loop_stop(s->loop);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
}

static inline void raw_server_free(struct raw_server *s)
{
    loop_free(s->loop);
    fd_close(s->fd);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(rmdir(s->dir), 0);
}

struct raw_task {
    void (*fn)(void *ctx);
    void *ctx;
    sem_t done;
};

static inline void raw_task_run(void *task)
{
    struct raw_task *t = task;
    t->fn(t->ctx);
    assert_int_equal(sem_post(&t->done), 0);
}

/* Runs fn(ctx) on the loop's thread and waits for it. */
static inline void raw_on_loop(struct raw_server *s, void (*fn)(void *ctx), void *ctx)
{
    struct raw_task t = {.fn = fn, .ctx = ctx};
    assert_int_equal(sem_init(&t.done, 0, 0), 0);
    loop_post(s->loop, raw_task_run, &t);
    assert_int_equal(sem_wait(&t.done), 0);
    assert_int_equal(sem_destroy(&t.done), 0);
}

/* Asks `probe` every ms until it says yes; fails after RAW_TIMEOUT_MS. */
static inline void raw_until(bool (*probe)(void *ctx), void *ctx, const char *what)
{
    for (int i = 0; i < RAW_TIMEOUT_MS; i++) {
        if (probe(ctx))
            return;
        (void)usleep(1000);
    }
    fail_msg("not in time: %s", what);
}

/* ---- the client ---- */

struct raw_client {
    int fd;
    char buf[65536]; /* read and not yet consumed */
    size_t len;
};

struct raw_answer {
    int status; /* 0: the connection was closed before one */
    char head[8192];
    char body[65536];
    size_t len;
};

static inline void raw_connect(struct raw_client *c, const struct raw_server *s)
{
    c->len = 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, s->path, strlen(s->path) + 1);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    struct timeval tv = {.tv_sec = RAW_TIMEOUT_MS / 1000};
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
}

static inline void raw_close(struct raw_client *c)
{
    fd_close(c->fd);
    c->fd = -1;
}

/* Sends all; a peer that closes meanwhile is fine. */
static inline void raw_send_n(struct raw_client *c, const char *bytes, size_t len)
{
    for (size_t n = 0; n < len;) {
        ssize_t m = send(c->fd, bytes + n, len - n, MSG_NOSIGNAL);
        if (m <= 0)
            return;
        n += (size_t)m;
    }
}

static inline void raw_send(struct raw_client *c, const char *text)
{
    raw_send_n(c, text, strlen(text));
}

/* Reads more within the time. False at the end of the connection. */
static inline bool raw_more(struct raw_client *c)
{
    assert_true(c->len < sizeof(c->buf));
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    if (poll(&p, 1, RAW_TIMEOUT_MS) != 1)
        fail_msg("no answer in %d ms; until now: %.*s", RAW_TIMEOUT_MS, (int)c->len, c->buf);
    ssize_t n = read(c->fd, c->buf + c->len, sizeof(c->buf) - c->len);
    if (n <= 0)
        return false;
    c->len += (size_t)n;
    return true;
}

static inline void raw_consume(struct raw_client *c, size_t n)
{
    memmove(c->buf, c->buf + n, c->len - n);
    c->len -= n;
}

/* A header of the answer, NULL when it is absent; twice fails the test. In a buffer that the next
 * call overwrites. */
static inline const char *raw_header(const struct raw_answer *a, const char *name)
{
    static char value[1024];
    bool found = false;
    size_t n = strlen(name);
    for (const char *p = strstr(a->head, "\r\n"); p && p[2]; p = strstr(p, "\r\n")) {
        p += 2;
        if (strncasecmp(p, name, n) != 0 || p[n] != ':')
            continue;
        assert_false(found);
        found = true;
        (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(p + n + 2, "\r"), p + n + 2);
    }
    return found ? value : NULL;
}

/* Reads one head: status 0 when the connection ends first. */
static inline void raw_read_head(struct raw_client *c, struct raw_answer *a)
{
    a->status = 0;
    a->len = 0;
    a->head[0] = a->body[0] = '\0';
    char *end;
    while ((end = memmem(c->buf, c->len, "\r\n\r\n", 4)) == NULL)
        if (!raw_more(c))
            return;
    size_t n = (size_t)(end - c->buf) + 4;
    assert_true(n < sizeof(a->head));
    memcpy(a->head, c->buf, n - 2); /* one line end is left, as the last header's */
    a->head[n - 2] = '\0';
    raw_consume(c, n);
    assert_int_equal(sscanf(a->head, "HTTP/1.%*d %d", &a->status), 1);
}

/* Reads one answer with Content-Length, or without a body. `head_only`: it answers HEAD. */
static inline void raw_read(struct raw_client *c, struct raw_answer *a, bool head_only)
{
    raw_read_head(c, a);
    const char *length = raw_header(a, "Content-Length");
    if (!length || head_only)
        return;
    a->len = strtoul(length, NULL, 10);
    assert_true(a->len < sizeof(a->body));
    while (c->len < a->len)
        assert_true(raw_more(c));
    memcpy(a->body, c->buf, a->len);
    a->body[a->len] = '\0';
    raw_consume(c, a->len);
}

/* Reads one chunk into a->body; length 0 is the last one. */
static inline void raw_read_chunk(struct raw_client *c, struct raw_answer *a)
{
    char *end;
    while ((end = memmem(c->buf, c->len, "\r\n", 2)) == NULL)
        assert_true(raw_more(c));
    a->len = strtoul(c->buf, NULL, 16);
    raw_consume(c, (size_t)(end - c->buf) + 2);
    while (c->len < a->len + 2)
        assert_true(raw_more(c));
    memcpy(a->body, c->buf, a->len);
    a->body[a->len] = '\0';
    raw_consume(c, a->len + 2);
}

/* Is the connection closed by the server, with nothing more on it? Waits. */
static inline bool raw_at_end(struct raw_client *c)
{
    return c->len == 0 && !raw_more(c);
}

/* One request on a connection of its own. */
static inline void raw_ask(const struct raw_server *s, const char *request, struct raw_answer *a)
{
    struct raw_client c;
    raw_connect(&c, s);
    raw_send(&c, request);
    raw_read(&c, a, strncmp(request, "HEAD ", 5) == 0);
    raw_close(&c);
}

#endif
