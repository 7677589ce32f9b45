#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_count.h"
#include "api_request.h"
#include "clock.h"
#include "http.h"
#include "log.h"
#include "worker.h"

#define HEADERS_MAX 32

void api_reply_finish(struct api_request *r)
{
    struct api_call *call = &r->call;
    if (call->text.len > 0) {
        r->out_len = call->text.len;
        r->out = strbuf_take(&call->text);
    } else if (call->reply) {
        r->out = json_dumps(call->reply, JSON_ENCODE_ANY | JSON_TEXT_FLAGS);
        if (!r->out) {
            struct err err = {0};
            (void)err_set(&err, ERR_INTERNAL, "the answer cannot be written as JSON");
            api_reply_error(r, &err);
            return;
        }
        r->out_len = strlen(r->out);
    }
}

void api_reply_error(struct api_request *r, const struct err *err)
{
    struct api_call *call = &r->call;
    r->failed = err->code ? err->code : ERR_INTERNAL;
    (void)snprintf(r->message, sizeof(r->message), "%s",
                   err->msg[0] ? err->msg : "the handler failed and did not say why");
    call->status = err_http_status(r->failed);
    call->content_type = NULL;
    if (r->failed == ERR_BUSY || r->failed == ERR_STOPPING || r->failed == ERR_NO_SPACE)
        api_add_header(call, "Retry-After", "1");
    json_t *body = json_object();
    must(json_object_set_new(body, "error", json_text(r->message)) == 0);
    must(json_object_set_new(body, "code", json_string(err_name(r->failed))) == 0);
    if (err->field[0])
        must(json_object_set_new(body, "field", json_text(err->field)) == 0);
    free(r->out);
    r->out = json_dumps(body, JSON_COMPACT);
    must(r->out != NULL);
    r->out_len = strlen(r->out);
    json_decref(body);
}

static void log_answer(const struct api_request *r)
{
    char path[300];
    const char *id = r->call.request_id, *method = r->method[0] ? r->method : "?";
    (void)log_quote(r->path, path, sizeof(path));
    if (r->call.status >= 500 && r->failed && err_is_retryable(r->failed) && r->call.status != 500)
        log_warn("request refused", "request=%s method=%s path=%s status=%d code=%s message=%s", id,
                 method, path, r->call.status, err_name(r->failed), LOG_QUOTE(r->message));
    else if (r->call.status >= 500 && r->failed)
        log_error("request failed", "request=%s method=%s path=%s status=%d code=%s message=%s", id,
                  method, path, r->call.status, err_name(r->failed), LOG_QUOTE(r->message));
    log_debug("request", "request=%s method=%s path=%s status=%d duration_ms=%.3f", id, method,
              path, r->call.status, (double)(clock_mono_us() - r->started_us) / 1000);
}

/* "Name: value\n" lines, cut apart in place. */
static size_t split_headers(char *lines, struct http_header *ret, size_t max)
{
    size_t n = 0;
    for (char *line = lines; line && *line && n < max;) {
        char *end = line + strcspn(line, "\n");
        char *next = *end ? end + 1 : end;
        *end = '\0';
        char *colon = strchr(line, ':');
        if (colon) {
            *colon = '\0';
            colon += 1 + strspn(colon + 1, " ");
            ret[n++] = (struct http_header){line, colon};
        }
        line = next;
    }
    return n;
}

static bool has_header(const struct http_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(headers[i].name, name) == 0)
            return true;
    return false;
}

static void send_download(struct api_request *r, const struct http_header *h, size_t n)
{
    worker_download_open(r->call.worker, r->http, &r->call.download, h, n);
    r->http = NULL;
}

/* The request becomes a stream, which is closed by its end or by the worker's. */
static void send_stream(struct api_request *r, struct http_header *h, size_t n)
{
    h[n++] = (struct http_header){"Content-Type", "text/event-stream"};
    h[n++] = (struct http_header){"Cache-Control", "no-cache"};
    h[n++] = (struct http_header){"X-Accel-Buffering", "no"};
    h[n++] = (struct http_header){"X-Compress-Hint", "off"}; /* as in events.c */
    worker_old_stream_open(r->call.worker, r->http, &r->call.stream, h, n);
    r->http = NULL;
}

void api_reply_send(struct api_request *r, int slot, bool draining)
{
    log_answer(r);
    api_count(r->route, r->call.status, clock_mono_us() - r->started_us);
    struct http_header h[HEADERS_MAX + 8];
    size_t n = split_headers(r->call.headers.data, h, HEADERS_MAX);
    char worker[16];
    (void)snprintf(worker, sizeof(worker), "%d", slot);
    h[n++] = (struct http_header){"X-Longbox-Worker", worker};
    h[n++] = (struct http_header){"X-Request-Id", r->call.request_id};
    h[n++] = (struct http_header){"X-Content-Type-Options", "nosniff"};
    if (r->call.stream.job_id[0] && !r->failed) {
        send_stream(r, h, n);
        return;
    }
    if (r->out_len > 0)
        h[n++] = (struct http_header){"Content-Type", r->call.content_type ? r->call.content_type
                                                                           : "application/json"};
    if (!has_header(h, n, "Cache-Control"))
        h[n++] = (struct http_header){"Cache-Control", "no-store"};
    if (r->call.download.job_id[0] && !r->failed) {
        send_download(r, h, n);
        return;
    }
    if (draining)
        h[n++] = (struct http_header){"Connection", "close"};
    http_respond(r->http, r->call.status, h, n, r->out ? r->out : "", r->out_len);
    r->http = NULL;
}
