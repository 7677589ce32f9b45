/* GET /api/logs: the newest lines of the kept log (log_kept.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "handlers.h"
#include "log.h"
#include "log_kept.h"
#include "worker.h"

#define LINES_DEFAULT 500
#define LINES_MOST    10000

/* Appends a file to `out`; one that is not there is empty. It may grow meanwhile. */
static int read_into(const char *path, struct strbuf *out, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, ERR_IO, "read the log %s", LOG_QUOTE(path));
    for (off_t left = st.st_size; left > 0;) {
        char *to = strbuf_reserve(out, (size_t)left);
        ssize_t n = read(fd, to, (size_t)left);
        if (n < 0)
            return err_sys(err, ERR_IO, "read the log %s", LOG_QUOTE(path));
        if (n == 0)
            break;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        left -= n;
    }
    return 0;
}

/* "2026-11-22T04:31:07.123Z debug worker=1 ...": the second word. */
static bool is_debug(const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    return space && (size_t)(line + len - space) > 7 && strncmp(space, " debug ", 7) == 0;
}

/* Takes out the lines that are not wanted, in place, and a last one that is still being written. Returns how many. */
static int64_t keep_wanted(struct strbuf *text, bool with_debug)
{
    int64_t n = 0;
    size_t to = 0;
    for (size_t from = 0; from < text->len;) {
        const char *line = text->data + from;
        const char *end = memchr(line, '\n', text->len - from);
        if (!end)
            break;
        size_t len = (size_t)(end - line) + 1;
        if (with_debug || !is_debug(line, len)) {
            memmove(text->data + to, line, len);
            to += len;
            n++;
        }
        from += len;
    }
    text->len = to;
    return n;
}

/* Where the last n lines begin. */
static size_t last_lines(const struct strbuf *text, int64_t n)
{
    size_t at = text->len;
    while (at > 0) {
        const char *before = memrchr(text->data, '\n', at - 1);
        if (n-- == 0)
            return at;
        at = before ? (size_t)(before - text->data) + 1 : 0;
    }
    return 0;
}

int api_logs_get(struct api_call *call, struct err *err)
{
    char path[PATH_MAX];
    int64_t wanted;
    const char *state_dir = worker_config(call->worker)->state_dir;
    const char *type = api_query(call, "type");
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    if (type && strcmp(type, "basic") != 0 && strcmp(type, "debug") != 0)
        return err_field(err, ERR_BAD_FIELD, "type", "type must be basic or debug, not %s",
                         LOG_QUOTE(type));
    if (api_query_int(call, "lines", LINES_DEFAULT, 0, LINES_MOST, &wanted, err) < 0 ||
        read_into(log_kept_path(state_dir, true, path), &text, err) < 0 ||
        read_into(log_kept_path(state_dir, false, path), &text, err) < 0)
        return -1;
    if (wanted == 0)
        wanted = LINES_MOST;
    int64_t total = keep_wanted(&text, type && strcmp(type, "debug") == 0);
    int64_t returned = total < wanted ? total : wanted;
    size_t from = last_lines(&text, returned);
    char *tail LB_CLEANUP(mem_free) =
        mem_strndup(text.len ? text.data + from : "", text.len - from);
    return api_reply(call, 200,
                     json_pack("{s:o, s:I, s:I, s:s}", "logs", json_text(tail), "total_lines",
                               (json_int_t)total, "returned_lines", (json_int_t)returned,
                               "log_type", type ? type : "basic"));
}
