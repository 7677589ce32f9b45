/* longbox submit, jobs, show and cancel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "cli_client.h"
#include "utf8.h"

#define ERRORS_MAX    100
#define LIMIT_DEFAULT "20"

static const char submit_usage[] =
    "usage: longbox submit OPERATION FILES... [flags]\n"
    "       longbox submit OPERATION --all | --unmarked [flags]\n"
    "\n"
    "Starts a job and prints its id. FILES are paths in the library, relative to it or absolute; "
    "other strings for\n"
    "operations that take them. Put -- before names that begin with a dash.\n"
    "\n"
    "  --all            all books of the library\n"
    "  --unmarked       those that are not marked as processed\n"
    "  --title TEXT     what people see\n"
    "  --priority P     low, normal or high\n"
    "  --options JSON   options of the operation, an object\n"
    "  --dry-run        change nothing: the results say what would be done (longbox show ID "
    "--json)\n"
    "  --watch          follow it to its end, and exit as `longbox watch` does\n" CLIENT_HELP
        CLIENT_EXITS;

static const char jobs_usage[] =
    "usage: longbox jobs [flags]\n"
    "\n"
    "Lists jobs, the newest first.\n"
    "\n"
    "  --status S       active (queued or processing), queued, processing, completed, failed or "
    "cancelled\n"
    "  --limit N        how many, 1 to 500 (default " LIMIT_DEFAULT ")\n"
    "  --json           as the server answers\n" CLIENT_HELP CLIENT_EXITS;

static const char show_usage[] =
    "usage: longbox show ID [flags]\n"
    "\n"
    "Shows a job and its errors. ID may be the first 8 characters or "
    "more.\n"
    "\n"
    "  --json           as the server answers, with results\n" CLIENT_HELP CLIENT_EXITS;

static const char cancel_usage[] = "usage: longbox cancel ID [flags]\n"
                                   "\n"
                                   "Cancels a job. What was done stays done. ID may be the first 8 "
                                   "characters or more.\n"
                                   "\n" CLIENT_HELP CLIENT_EXITS;

/* ---- submit ---- */

struct submit {
    const char *title, *priority, *options, *filter;
    bool watch, dry_run;
};

static int add_files(const struct client *c, json_t *body, int n, char **names)
{
    json_t *files = json_array();
    (void)json_object_set_new(body, "files", files);
    for (int i = 0; i < n; i++) {
        if (!utf8_valid(names[i], strlen(names[i]))) {
            (void)fprintf(stderr,
                          "%s: name %d is not UTF-8; use --all, or its file_id as "
                          "GET /api/files shows it\n",
                          c->command, i + 1);
            return CLI_USAGE;
        }
        (void)json_array_append_new(files, json_string(names[i]));
    }
    return 0;
}

static int make_body(const struct client *c, const struct submit *s, int n, char **words,
                     json_t **ret)
{
    if (n == 0)
        return client_usage(c, "an operation is wanted");
    if ((n > 1) == (s->filter != NULL))
        return client_usage(c, "either files, or --all, or --unmarked");
    json_t *body = *ret = json_object();
    if (json_object_set_new(body, "operation", json_string(words[0])) < 0)
        return client_usage(c, "the operation is not UTF-8");
    if (s->title && json_object_set_new(body, "title", json_string(s->title)) < 0)
        return client_usage(c, "--title is not UTF-8");
    if (s->priority && json_object_set_new(body, "priority", json_string(s->priority)) < 0)
        return client_usage(c, "--priority has to be low, normal or high");
    if (s->options) {
        json_t *options = json_loads(s->options, 0, NULL);
        (void)json_object_set_new(body, "options", options);
        if (!json_is_object(options))
            return client_usage(c, "--options is not a JSON object");
    }
    if (s->dry_run)
        (void)json_object_set_new(body, "dry_run", json_true());
    if (!s->filter)
        return add_files(c, body, n - 1, words + 1);
    (void)json_object_set_new(body, "select", json_pack("{s:s}", "filter", s->filter));
    return 0;
}

static int send_job(struct client *c, const json_t *body, bool watch)
{
    char id[CLIENT_ID_SIZE];
    json_t *job = NULL;
    int code = client_open(c);
    if (code == 0)
        code = client_call(c, "POST", "/api/jobs", body, &job);
    if (code)
        return code;
    (void)snprintf(id, sizeof(id), "%s", job_text(job, "job_id"));
    json_decref(job);
    (void)puts(id);
    code = client_flush(c, CLI_OK);
    return watch && code == CLI_OK ? client_watch(c, id) : code;
}

int cli_submit(int argc, char **argv)
{
    static const struct option options[] = {{"title", required_argument, NULL, 't'},
                                            {"priority", required_argument, NULL, 'p'},
                                            {"options", required_argument, NULL, 'o'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"unmarked", no_argument, NULL, 'u'},
                                            {"watch", no_argument, NULL, 'w'},
                                            {"dry-run", no_argument, NULL, 'n'},
                                            CLIENT_OPTIONS,
                                            {0}};
    struct client c LB_CLEANUP(client_close) = {.command = "longbox submit", .usage = submit_usage};
    struct submit s = {0};
    int option, code;
    argv[0] = (char *)"longbox submit"; /* getopt puts it before its messages */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 't')
            s.title = optarg;
        else if (option == 'p')
            s.priority = optarg;
        else if (option == 'o')
            s.options = optarg;
        else if (option == 'w')
            s.watch = true;
        else if (option == 'n')
            s.dry_run = true;
        else if ((option == 'a' || option == 'u') && s.filter)
            return client_usage(&c, "--all or --unmarked, once");
        else if (option == 'a' || option == 'u')
            s.filter = option == 'a' ? "all" : "unmarked";
        else if ((code = client_flag(&c, option, optarg)) >= 0)
            return code;
    }
    json_t *body = NULL;
    code = make_body(&c, &s, argc - optind, argv + optind, &body);
    if (code == 0)
        code = send_job(&c, body, s.watch);
    json_decref(body);
    return code;
}

/* ---- jobs ---- */

static void print_time(const json_t *job, const char *name)
{
    struct tm tm;
    char text[32];
    time_t t = (time_t)job_number(job, name);
    if (t == 0 || !localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
        (void)snprintf(text, sizeof(text), "-");
    (void)printf("%-19s", text);
}

static int print_jobs(const struct client *c, const json_t *answer)
{
    size_t i;
    json_t *job;
    json_array_foreach(json_object_get(answer, "jobs"), i, job)
    {
        char done[48];
        (void)snprintf(done, sizeof(done), "%lld/%lld", job_number(job, "processed_items"),
                       job_number(job, "total_items"));
        (void)printf("%s  %-10s  %13s  %5lld errors  ", job_text(job, "job_id"),
                     job_text(job, "status"), done, job_number(job, "error_items"));
        print_time(job, "created_at");
        (void)fputs("  ", stdout);
        client_text(stdout, job_text(job, "title"));
        (void)fputc('\n', stdout);
    }
    return client_flush(c, CLI_OK);
}

int cli_jobs(int argc, char **argv)
{
    static const struct option options[] = {{"status", required_argument, NULL, 's'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"json", no_argument, NULL, 'j'},
                                            CLIENT_OPTIONS,
                                            {0}};
    struct client c LB_CLEANUP(client_close) = {.command = "longbox jobs", .usage = jobs_usage};
    const char *status = "", *limit = LIMIT_DEFAULT;
    bool json = false;
    int option, code;
    argv[0] = (char *)"longbox jobs"; /* getopt puts it before its messages */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            status = optarg;
        else if (option == 'l')
            limit = optarg;
        else if (option == 'j')
            json = true;
        else if ((code = client_flag(&c, option, optarg)) >= 0)
            return code;
    }
    char *end = NULL;
    long n = strtol(limit, &end, 10);
    if (optind < argc)
        return client_usage(&c, "no further words are wanted");
    if (*end || n < 1 || n > 500)
        return client_usage(&c, "--limit has to be 1 to 500");
    if (strspn(status, "abcdefghijklmnopqrstuvwxyz") != strlen(status) || strlen(status) > 20)
        return client_usage(&c, "--status has to be one of those named below");
    char path[96];
    (void)snprintf(path, sizeof(path), "/api/jobs?limit=%ld%s%s", n, *status ? "&status=" : "",
                   status);
    json_t *answer = NULL;
    if ((code = client_open(&c)) == 0 && (code = client_call(&c, "GET", path, NULL, &answer)) == 0)
        code = json ? client_print_json(&c, answer) : print_jobs(&c, answer);
    json_decref(answer);
    return code;
}

/* ---- show and cancel ---- */

static int print_job(struct client *c, const json_t *job)
{
    static const char *const times[] = {"created_at", "started_at", "completed_at"};
    static const char *const texts[] = {"job_id", "title",    "operation",
                                        "status", "priority", "owner"};
    static const char *const numbers[] = {"total_items", "processed_items", "success_items",
                                          "error_items", "cancelled_items"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        (void)printf("%-16s ", texts[i]);
        client_text(stdout, job_text(job, texts[i]));
        (void)fputc('\n', stdout);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        (void)printf("%-16s %lld\n", numbers[i], job_number(job, numbers[i]));
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        (void)printf("%-16s ", times[i]);
        print_time(job, times[i]);
        (void)fputc('\n', stdout);
    }
    if (job_text(job, "error")[0]) {
        (void)fputs("error            ", stdout);
        client_text(stdout, job_text(job, "error"));
        (void)fputc('\n', stdout);
    }
    if (job_number(job, "error_items"))
        (void)puts("errors:");
    client_print_errors(c, job, stdout, ERRORS_MAX);
    return client_flush(c, CLI_OK);
}

/* The flags of commands over one job, and its id. Returns -1 to go on, or an exit code. */
static int one_job(struct client *c, int argc, char **argv, const struct option *options,
                   bool *ret_json, char id[CLIENT_ID_SIZE])
{
    int option, code;
    argv[0] = (char *)c->command; /* getopt puts it before its messages */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'j')
            *ret_json = true;
        else if ((code = client_flag(c, option, optarg)) >= 0)
            return code;
    }
    if (argc - optind != 1)
        return client_usage(c, "one ID is wanted");
    if ((code = client_open(c)) != 0 || (code = client_job_id(c, argv[optind], id)) != 0)
        return code;
    return -1;
}

int cli_show(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, CLIENT_OPTIONS, {0}};
    struct client c LB_CLEANUP(client_close) = {.command = "longbox show", .usage = show_usage};
    char id[CLIENT_ID_SIZE], path[96];
    bool json = false;
    json_t *job = NULL;
    int code = one_job(&c, argc, argv, options, &json, id);
    if (code >= 0)
        return code;
    (void)snprintf(path, sizeof(path), "/api/jobs/%s%s", id, json ? "" : "?results=0");
    code = client_call(&c, "GET", path, NULL, &job);
    if (code == 0)
        code = json ? client_print_json(&c, job) : print_job(&c, job);
    json_decref(job);
    return code;
}

int cli_cancel(int argc, char **argv)
{
    static const struct option options[] = {CLIENT_OPTIONS, {0}};
    struct client c LB_CLEANUP(client_close) = {.command = "longbox cancel", .usage = cancel_usage};
    char id[CLIENT_ID_SIZE], path[96];
    bool json = false;
    json_t *answer = NULL;
    int code = one_job(&c, argc, argv, options, &json, id);
    if (code >= 0)
        return code;
    (void)snprintf(path, sizeof(path), "/api/jobs/%s/cancel", id);
    code = client_call(&c, "POST", path, NULL, &answer);
    json_decref(answer);
    if (code)
        return code;
    (void)printf("%s is cancelled; items that run now are asked to stop\n", id);
    return client_flush(&c, CLI_OK);
}
