/* longbox watch: follows a job by the event stream until its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cli_client.h"
#include "clock.h"

#define LOST_MS    60000 /* so long a server that was there may be away: a restart, an upgrade */
#define PAUSE_MS   200   /* before the first new try; doubled up to */
#define PAUSE_MAX  2000
#define ERRORS_MAX 10
#define LINE_PARTS 10 /* lines of progress where there is no terminal */

static const char usage[] =
    "usage: longbox watch [ID] [flags]\n"
    "\n"
    "Follows a job to its end; without an ID the active one. ID may be the first 8 characters or "
    "more. Ctrl-C stops\n"
    "watching; the job goes on.\n"
    "\n" CLIENT_HELP
    "\nExit status: 0 completed, 1 completed with errors of items, 2 wrong usage, 3 cancelled, "
    "failed or refused,\n"
    "4 the server is not reachable, or not again within a minute.\n";

struct watch {
    bool terminal;
    char last_id[32];
    long long version, shown_part;
    json_t *job; /* the newest state, with the counters of a poll */
};

static void show(struct watch *w)
{
    const json_t *j = w->job;
    long long done = job_number(j, "processed_items"), total = job_number(j, "total_items");
    long long part = total ? done * LINE_PARTS / total : 0;
    if (!w->terminal && part == w->shown_part)
        return;
    w->shown_part = part;
    (void)fputs(w->terminal ? "\r\033[K" : "", stdout);
    client_text(stdout, job_text(j, "title"));
    (void)printf(" %lld of %lld", done, total);
    if (job_number(j, "error_items"))
        (void)printf(", %lld errors", job_number(j, "error_items"));
    if (json_is_true(json_object_get(j, "cancelling")))
        (void)fputs(", cancelling", stdout);
    else if (json_is_true(json_object_get(j, "paused")))
        (void)fputs(", paused", stdout);
    else if (json_is_number(json_object_get(j, "eta_seconds")))
        (void)printf(", %lld s left", job_number(j, "eta_seconds"));
    (void)fputs(w->terminal ? "" : "\n", stdout);
    (void)fflush(stdout);
}

/* Takes a state that is newer than what is known. Returns false when the job is over. */
static bool take(struct watch *w, json_t *job)
{
    long long version = job_number(job, "version");
    if (version > w->version) {
        w->version = version;
        json_decref(w->job);
        w->job = json_incref(job);
        if (!job_is_over(job))
            show(w);
    }
    return !job_is_over(w->job);
}

static bool on_line(void *ctx, const char *line)
{
    struct watch *w = ctx;
    if (strncmp(line, "id: ", 4) == 0)
        (void)snprintf(w->last_id, sizeof(w->last_id), "%s", line + 4);
    if (strncmp(line, "data: ", 6) != 0)
        return true;
    json_t *event = json_loads(line + 6, 0, NULL);
    json_t *job = json_object_get(event, "data");
    bool more = true;
    if (strcmp(job_text(event, "type"), "job_updated") == 0 && json_is_object(job))
        more = take(w, job);
    json_decref(event);
    return more;
}

static int summary(struct client *c, struct watch *w)
{
    const json_t *j = w->job;
    double took = json_number_value(json_object_get(j, "completed_at")) -
                  json_number_value(json_object_get(j, "created_at"));
    (void)fputs(w->terminal ? "\r\033[K" : "", stdout);
    client_text(stdout, job_text(j, "title"));
    (void)printf(" %s: %lld of %lld, %lld errors, %.1f s\n", job_text(j, "status"),
                 job_number(j, "processed_items"), job_number(j, "total_items"),
                 job_number(j, "error_items"), took);
    (void)fflush(stdout);
    if (job_text(j, "error")[0]) {
        client_text(stderr, job_text(j, "error"));
        (void)fputc('\n', stderr);
    }
    client_print_errors(c, j, stderr, ERRORS_MAX);
    return client_flush(c, job_exit_code(j));
}

/* Asks once. Returns 0 to go on, CLI_NO_SERVER, or CLI_BAD_END when there is no such job. */
static int ask(struct client *c, struct watch *w, const char *job_id)
{
    char path[96];
    json_t *job = NULL;
    long status;
    (void)snprintf(path, sizeof(path), "/api/jobs/%s?results=0", job_id);
    if (client_try(c, "GET", path, NULL, &job, &status) != 0 || status >= 500) {
        json_decref(job);
        return CLI_NO_SERVER;
    }
    bool known = status == 200 && json_is_object(job);
    if (known)
        (void)take(w, job);
    else
        (void)fprintf(stderr, "%s: job %s is not known\n", c->command, job_id);
    json_decref(job);
    return known ? 0 : CLI_BAD_END;
}

static int follow(struct client *c, struct watch *w, const char *job_id)
{
    char path[96];
    int64_t seen = clock_mono_ms();
    int pause = PAUSE_MS;
    (void)snprintf(path, sizeof(path), "/api/events/stream?job=%s", job_id);
    for (bool first = true;; first = false) {
        int code = ask(c, w, job_id);
        if (code == CLI_BAD_END || (code && (first || clock_mono_ms() - seen > LOST_MS)))
            return code;
        if (code == 0) {
            if (job_is_over(w->job))
                return 0;
            seen = clock_mono_ms();
            if (client_stream(c, path, w->last_id, on_line, w) == 0)
                pause = PAUSE_MS;
            if (job_is_over(w->job))
                return 0;
        }
        (void)usleep((useconds_t)pause * 1000);
        pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
    }
}

int client_watch(struct client *c, const char *job_id)
{
    struct watch w = {.terminal = isatty(1), .version = -1, .shown_part = -1};
    int code = follow(c, &w, job_id);
    if (code == CLI_NO_SERVER)
        (void)fprintf(stderr, "%s%s: no server answers at %s\n", w.terminal ? "\n" : "", c->command,
                      c->socket ? c->socket : strbuf_str(&c->base));
    if (code == 0)
        code = summary(c, &w);
    json_decref(w.job);
    return code;
}

int cli_watch(int argc, char **argv)
{
    static const struct option options[] = {CLIENT_OPTIONS, {0}};
    struct client c LB_CLEANUP(client_close) = {.command = "longbox watch", .usage = usage};
    char id[CLIENT_ID_SIZE];
    int option, code;
    argv[0] = (char *)"longbox watch"; /* getopt puts it before its messages */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if ((code = client_flag(&c, option, optarg)) >= 0)
            return code;
    if (argc - optind > 1)
        return client_usage(&c, "one ID, or none");
    if ((code = client_open(&c)) != 0)
        return code;
    if (optind < argc) {
        code = client_job_id(&c, argv[optind], id);
        return code ? code : client_watch(&c, id);
    }
    json_t *active = NULL;
    if ((code = client_call(&c, "GET", "/api/active-job", NULL, &active)) != 0)
        return code;
    (void)snprintf(id, sizeof(id), "%s", job_text(active, "job_id"));
    json_decref(active);
    if (id[0])
        return client_watch(&c, id);
    (void)puts("no job is running");
    return client_flush(&c, CLI_OK);
}
