#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log_kept.h"
#include "utf8.h"

static char process_name[32] = "longbox";
static enum log_level max_level = LOG_LVL_INFO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_setup(const char *who, enum log_level level)
{
    (void)snprintf(process_name, sizeof(process_name), "%s", who);
    max_level = level;
}

int log_open_file(const char *path, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        return err_sys(err, ERR_IO, "open the log %s", LOG_QUOTE(path));
    return 0;
}

int log_level_parse(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcmp(name, level_names[i]) == 0)
            return (int)i;
    return -1;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
    if (level > max_level)
        return;
    char line[2048];
    int64_t ms = clock_wall_ms();
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    (void)gmtime_r(&s, &tm); /* cannot fail for a 64-bit time of this era */
    size_t n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03dZ %s %s event=\"%s\" ",
                          (int)(ms % 1000), level_names[level], process_name, event);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
    va_end(ap);
    if (m > 0)
        n += (size_t)m < sizeof(line) - n - 1 ? (size_t)m : sizeof(line) - n - 2;
    while (n > 0 && line[n - 1] == ' ')
        n--;
    line[n++] = '\n';
    ssize_t w = write(STDERR_FILENO, line, n);
    (void)w; /* a log that cannot be written must not stop the work */
    log_kept_write(line, n);
}

const char *log_quote(const char *text, char *buf, size_t size)
{
    size_t n = 0;
    buf[n++] = '"';
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        char piece[8];
        size_t len = utf8_len(p, strlen((const char *)p));
        if (*p == '"' || *p == '\\') {
            piece[0] = '\\';
            piece[1] = (char)*p;
            piece[2] = '\0';
        } else if (*p < 0x20 || *p == 0x7f || len == 0) {
            (void)snprintf(piece, sizeof(piece), "\\x%02x", *p);
            len = 1;
        } else {
            memcpy(piece, p, len);
            piece[len] = '\0';
        }
        size_t m = strlen(piece);
        if (n + m + 5 > size) { /* room for ..." and NUL */
            memcpy(buf + n, "...", 3);
            n += 3;
            break;
        }
        memcpy(buf + n, piece, m);
        n += m;
        p += *p == '"' || *p == '\\' ? 1 : len;
    }
    buf[n++] = '"';
    buf[n] = '\0';
    return buf;
}
