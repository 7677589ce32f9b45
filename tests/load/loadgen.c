/*
 * loadgen.c - asks for one path over and over on n keep-alive connections, over TCP or a Unix socket, and prints one
 * line of JSON: how many answers of which kind, how many a second, and the times of an answer.
 *
 *   loadgen SECONDS CONNECTIONS tcp:HOST:PORT|unix:PATH TARGET [METHOD]
 *
 * One thread, epoll, one request under way on each connection. The same program measures every row of a table, so that
 * the rows can be compared. Reads Content-Length answers; a lost connection is counted and opened again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, HEAD_MAX = 16384, SAMPLES_MAX = 4000000 };

struct connection {
    int fd;
    size_t have;    /* bytes of the answer's head, then of its body */
    long body_left; /* -1: the head is not whole */
    int status;
    int64_t asked_ns;
    char head[HEAD_MAX];
};

static struct connection conns[CONNECTIONS_MAX];
static uint32_t *samples_us;
static long n_samples, n_ok, n_other, n_lost;
static char request[2048];
static struct sockaddr_storage address;
static socklen_t address_len;
static int epoll_fd;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void parse_address(const char *text)
{
    if (strncmp(text, "unix:", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)&address;
        un->sun_family = AF_UNIX;
        if (strlen(text + 5) >= sizeof un->sun_path) {
            fprintf(stderr, "loadgen: path too long\n");
            exit(2);
        }
        memcpy(un->sun_path, text + 5, strlen(text + 5) + 1);
        address_len = sizeof *un;
        return;
    }
    char host[64];
    int port;
    struct sockaddr_in *in = (struct sockaddr_in *)&address;
    if (sscanf(text, "tcp:%63[0-9.]:%d", host, &port) != 2 ||
        inet_pton(AF_INET, host, &in->sin_addr) != 1) {
        fprintf(stderr, "loadgen: not an address: %s\n", text);
        exit(2);
    }
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    address_len = sizeof *in;
}

static void ask(struct connection *c)
{
    c->have = 0;
    c->body_left = -1;
    c->asked_ns = now_ns();
    size_t len = strlen(request);
    if (send(c->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        c->body_left = -2; /* seen as lost when it is read */
}

static void open_connection(struct connection *c)
{
    c->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, address_len) < 0)
        die("loadgen: connect");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
        die("loadgen: epoll");
    ask(c);
}

static void lost(struct connection *c)
{
    n_lost++;
    close(c->fd);
    open_connection(c);
}

static void answered(struct connection *c)
{
    int64_t us = (now_ns() - c->asked_ns) / 1000;
    if (n_samples < SAMPLES_MAX)
        samples_us[n_samples++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    if (c->status == 200)
        n_ok++;
    else
        n_other++;
    ask(c);
}

/* The head is whole: reads status and length. Returns false when it is not an answer of ours. */
static bool parse_head(struct connection *c, const char *end)
{
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    if (sscanf(c->head, "HTTP/1.1 %d", &c->status) != 1 || !length || length > end)
        return false;
    size_t head = (size_t)(end + 4 - c->head);
    c->body_left = strtol(length + 17, NULL, 10) - (long)(c->have - head);
    return c->body_left >= 0;
}

static void readable(struct connection *c)
{
    static char drop[262144];
    bool in_head = c->body_left < 0;
    ssize_t n = in_head ? recv(c->fd, c->head + c->have, HEAD_MAX - 1 - c->have, MSG_DONTWAIT)
                        : recv(c->fd, drop, sizeof drop, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || c->body_left == -2) {
        lost(c);
        return;
    }
    if (!in_head) {
        c->body_left -= n;
    } else {
        c->have += (size_t)n;
        c->head[c->have] = '\0';
        const char *end = strstr(c->head, "\r\n\r\n");
        if (!end && c->have < HEAD_MAX - 1)
            return;
        if (!end || !parse_head(c, end)) {
            lost(c);
            return;
        }
    }
    if (c->body_left < 0)
        lost(c);
    else if (c->body_left == 0)
        answered(c);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double at(double part)
{
    return n_samples ? samples_us[(long)(part * (double)(n_samples - 1))] / 1000.0 : 0;
}

int main(int argc, char **argv)
{
    bool usable = argc == 5 || argc == 6;
    double seconds = usable ? atof(argv[1]) : 0;
    int n = usable ? (int)strtol(argv[2], NULL, 10) : 0;
    const char *method = argc == 6 ? argv[5] : "GET";
    if (seconds <= 0 || n < 1 || n > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: loadgen SECONDS CONNECTIONS tcp:HOST:PORT|unix:PATH TARGET "
                        "[METHOD]\n");
        return 2;
    }
    parse_address(argv[3]);
    const char *host = strncmp(argv[3], "tcp:", 4) == 0 ? argv[3] + 4 : "localhost";
    const char *body = strcmp(method, "GET") == 0 ? "" : "Content-Length: 0\r\n";
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, argv[4], host,
             body);
    samples_us = malloc(SAMPLES_MAX * sizeof *samples_us);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!samples_us || epoll_fd < 0)
        die("loadgen");
    for (int i = 0; i < n; i++)
        open_connection(&conns[i]);
    int64_t begun = now_ns(), ends = begun + (int64_t)(seconds * 1e9);
    while (now_ns() < ends) {
        struct epoll_event events[256];
        int got = epoll_wait(epoll_fd, events, 256, 100);
        for (int i = 0; i < got; i++)
            readable(events[i].data.ptr);
    }
    double spent = (double)(now_ns() - begun) / 1e9;
    qsort(samples_us, (size_t)n_samples, sizeof *samples_us, by_size);
    printf("{\"per_s\": %.0f, \"ok\": %ld, \"other\": %ld, \"lost\": %ld, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           (double)(n_ok + n_other) / spent, n_ok, n_other, n_lost, at(0.5), at(0.99), at(1));
    return 0;
}
