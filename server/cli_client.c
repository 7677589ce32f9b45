#include "cli_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "utf8.h"
#include "uuid.h"

#define ANSWER_MAX   (64 << 20)
#define LINE_MAX_LEN (1 << 20)
#define CONNECT_S    5L
#define ANSWER_S     600L /* "all" reads the library folder before it answers */
#define SILENT_S     45L  /* a stream sends a heartbeat at least every 25 s */
#define ID_SHORTEST  8

int client_usage(const struct client *c, const char *problem)
{
    (void)fprintf(stderr, "%s: %s\n%s", c->command, problem, c->usage);
    return CLI_USAGE;
}

int client_flag(struct client *c, int option, const char *value)
{
    if (option == 'S') {
        c->state = value;
    } else if (option == 'U') {
        c->url = value;
    } else if (option == 'h') {
        (void)fputs(c->usage, stdout);
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    } else { /* getopt has said what is wrong */
        (void)fputs(c->usage, stderr);
        return CLI_USAGE;
    }
    return -1;
}

/* ---- where the server is ---- */

static int find_socket(struct client *c)
{
    static struct config config; /* large */
    struct err err = {0};
    struct strbuf path LB_CLEANUP(strbuf_clear) = {0};
    config_defaults(&config);
    int rc = c->state ? config_set(&config, "state_dir", c->state, "--state", &err)
                      : config_load(&config, config_default_file(), NULL, 0, &err);
    if (rc < 0 || config_check_state_dir(&config, &err) < 0) {
        (void)fprintf(stderr, "%s: %s\n", c->command, err.msg);
        return CLI_USAGE;
    }
    strbuf_addf(&path, "%s/run/workers.sock", config.state_dir);
    c->socket = strbuf_take(&path);
    strbuf_adds(&c->base, "http://localhost");
    return 0;
}

static int take_url(struct client *c)
{
    if (strncmp(c->url, "http://", 7) != 0 && strncmp(c->url, "https://", 8) != 0)
        return client_usage(c, "--url has to begin with http:// or https://");
    size_t len = strlen(c->url);
    while (c->url[len - 1] == '/')
        len--;
    strbuf_add(&c->base, c->url, len);
    return 0;
}

int client_open(struct client *c)
{
    if (c->state && c->url)
        return client_usage(c, "--state or --url, not both");
    int code = c->url ? take_url(c) : find_socket(c);
    if (code)
        return code;
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    c->curl = curl_easy_init();
    must(c->curl != NULL);
    return 0;
}

void client_close(struct client *c)
{
    if (c->curl) {
        curl_easy_cleanup(c->curl);
        curl_global_cleanup();
    }
    strbuf_clear(&c->base);
    free(c->socket);
    c->curl = c->socket = NULL;
}

/* ---- calls ---- */

static void set_place(struct client *c, const char *path, char **ret_url)
{
    struct strbuf url LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&url, "%s%s", strbuf_str(&c->base), path);
    *ret_url = strbuf_take(&url);
    curl_easy_reset(c->curl);
    (void)curl_easy_setopt(c->curl, CURLOPT_URL, *ret_url);
    (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    if (!c->socket)
        return;
    (void)curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
    (void)curl_easy_setopt(c->curl, CURLOPT_PROXY, ""); /* none, whatever the environment says */
}

static size_t take_answer(char *bytes, size_t size, size_t n, void *arg)
{
    struct strbuf *out = arg;
    if (out->len + n > ANSWER_MAX)
        return 0;
    strbuf_add(out, bytes, n);
    return size * n;
}

int client_try(struct client *c, const char *method, const char *path, const json_t *body,
               json_t **ret, long *ret_status)
{
    struct strbuf answer LB_CLEANUP(strbuf_clear) = {0};
    char *url LB_CLEANUP(mem_free) = NULL;
    char *text LB_CLEANUP(mem_free) = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct curl_slist *headers = curl_slist_append(NULL, "X-Longbox-Client: command line");
    if (body)
        headers = curl_slist_append(headers, "Content-Type: application/json");
    set_place(c, path, &url);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, ANSWER_S);
    (void)curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &answer);
    if (text) {
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
    }
    CURLcode code = curl_easy_perform(c->curl);
    *ret_status = 0;
    *ret = NULL;
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return CLI_NO_SERVER;
    *ret = json_loadb(strbuf_str(&answer), answer.len, JSON_DECODE_ANY, NULL);
    return 0;
}

static int not_reachable(const struct client *c)
{
    (void)fprintf(stderr, "%s: no server answers at %s\n", c->command,
                  c->socket ? c->socket : strbuf_str(&c->base));
    return CLI_NO_SERVER;
}

int client_call(struct client *c, const char *method, const char *path, const json_t *body,
                json_t **ret)
{
    long status;
    if (client_try(c, method, path, body, ret, &status) != 0)
        return not_reachable(c);
    if (status >= 200 && status < 300 && *ret)
        return 0;
    const char *why = json_string_value(json_object_get(*ret, "error"));
    (void)fprintf(stderr, "%s: ", c->command);
    client_text(stderr, why ? why : "this is no answer of a Longbox server");
    (void)fprintf(stderr, "%s\n", status == 502 ? " (no worker is running)" : "");
    json_decref(*ret);
    *ret = NULL;
    return status == 502 ? CLI_NO_SERVER : CLI_BAD_END;
}

struct lines {
    struct strbuf line;
    bool (*on_line)(void *ctx, const char *line);
    void *ctx;
    bool stopped;
};

static size_t take_lines(char *bytes, size_t size, size_t n, void *arg)
{
    struct lines *l = arg;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            if (l->line.len < LINE_MAX_LEN)
                strbuf_addc(&l->line, bytes[i]);
            continue;
        }
        if (!l->on_line(l->ctx, strbuf_str(&l->line))) {
            l->stopped = true;
            return 0; /* ends the transfer */
        }
        strbuf_reset(&l->line);
    }
    return size * n;
}

int client_stream(struct client *c, const char *path, const char *last_id,
                  bool (*on_line)(void *ctx, const char *line), void *ctx)
{
    struct lines lines = {.on_line = on_line, .ctx = ctx};
    struct strbuf header LB_CLEANUP(strbuf_clear) = {0};
    char *url LB_CLEANUP(mem_free) = NULL;
    struct curl_slist *headers = NULL;
    strbuf_addf(&header, "Last-Event-ID: %s", last_id);
    if (*last_id)
        headers = curl_slist_append(NULL, strbuf_str(&header));
    set_place(c, path, &url);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_FAILONERROR, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, SILENT_S);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_lines);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &lines);
    CURLcode code = curl_easy_perform(c->curl);
    curl_slist_free_all(headers);
    strbuf_clear(&lines.line);
    return code == CURLE_OK || lines.stopped ? 0 : CLI_NO_SERVER;
}

/* ---- which job ---- */

/* Jobs of one page whose id begins so; adds to *found. Returns the cursor of the next page, NULL at the end. */
static char *look_for(const json_t *page, const char *prefix, char ret[CLIENT_ID_SIZE], int *found)
{
    size_t i;
    json_t *job;
    json_array_foreach(json_object_get(page, "jobs"), i, job)
    {
        const char *id = job_text(job, "job_id");
        if (strncmp(id, prefix, strlen(prefix)) != 0 || strlen(id) != CLIENT_ID_SIZE - 1)
            continue;
        memcpy(ret, id, CLIENT_ID_SIZE);
        ++*found;
    }
    const char *next = json_string_value(json_object_get(page, "next"));
    return next ? mem_strdup(next) : NULL;
}

int client_job_id(struct client *c, const char *text, char ret[CLIENT_ID_SIZE])
{
    char wanted[CLIENT_ID_SIZE];
    size_t len = strlen(text);
    if (len < ID_SHORTEST || len >= CLIENT_ID_SIZE ||
        strspn(text, "0123456789abcdefABCDEF-") != len)
        return client_usage(c, "a job's id is wanted, or the first 8 characters of it or more");
    for (size_t i = 0; i <= len; i++)
        wanted[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
    memcpy(ret, wanted, len + 1);
    if (len == CLIENT_ID_SIZE - 1)
        return 0;
    int found = 0;
    char *next LB_CLEANUP(mem_free) = NULL;
    do {
        char path[128];
        json_t *page = NULL;
        (void)snprintf(path, sizeof(path), "/api/jobs?limit=500%s%.60s", next ? "&before=" : "",
                       next ? next : "");
        int code = client_call(c, "GET", path, NULL, &page);
        if (code)
            return code;
        free(next);
        next = look_for(page, wanted, ret, &found);
        json_decref(page);
    } while (next);
    if (found == 1)
        return 0;
    (void)fprintf(stderr, "%s: %s jobs have an id that begins with %s\n", c->command,
                  found ? "several" : "no", wanted);
    return CLI_BAD_END;
}

/* ---- output ---- */

void client_text(FILE *to, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        size_t n;
        unsigned cp = utf8_decode((const unsigned char *)text + i, len - i, &n);
        bool hidden = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) ||
                      (cp >= 0x2066 && cp <= 0x2069);
        if (hidden)
            (void)fprintf(to, "\\u%04x", cp);
        else
            (void)fwrite(text + i, 1, n, to);
        i += n;
    }
}

int client_flush(const struct client *c, int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    (void)fprintf(stderr, "%s: standard output cannot be written\n", c->command);
    return CLI_BAD_END;
}

int client_print_json(const struct client *c, const json_t *json)
{
    if (json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0)
        (void)fputc('\n', stdout);
    return client_flush(c, CLI_OK);
}

long long job_number(const json_t *job, const char *name)
{
    return (long long)json_number_value(json_object_get(job, name));
}

const char *job_text(const json_t *job, const char *name)
{
    const char *text = json_string_value(json_object_get(job, name));
    return text ? text : "";
}

bool job_is_over(const json_t *job)
{
    return json_is_number(json_object_get(job, "completed_at"));
}

int job_exit_code(const json_t *job)
{
    if (strcmp(job_text(job, "status"), "completed") != 0)
        return CLI_BAD_END;
    return job_number(job, "error_items") ? CLI_ITEM_ERRORS : CLI_OK;
}

void client_print_errors(struct client *c, const json_t *job, FILE *to, int max)
{
    char path[128];
    json_t *answer = NULL;
    long status;
    long long all = job_number(job, "error_items");
    (void)snprintf(path, sizeof(path), "/api/jobs/%.36s/results?outcome=error&limit=%d",
                   job_text(job, "job_id"), max);
    if (all == 0 || client_try(c, "GET", path, NULL, &answer, &status) != 0)
        return;
    size_t i;
    json_t *result;
    json_array_foreach(json_object_get(answer, "results"), i, result)
    {
        (void)fputs("  ", to);
        client_text(to, job_text(result, "item"));
        (void)fputs(": ", to);
        client_text(to, job_text(result, "error"));
        (void)fputc('\n', to);
    }
    if (all > (long long)i)
        (void)fprintf(to, "  and %lld more errors\n", all - (long long)i);
    json_decref(answer);
}
