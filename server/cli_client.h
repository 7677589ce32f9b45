/*
 * cli_client.h - the client behind longbox submit, jobs, show, watch and cancel: one server, over the workers' Unix
 * socket in the state folder or over HTTP. Only cli_client.c knows libcurl.
 */
#ifndef LB_CLI_CLIENT_H
#define LB_CLI_CLIENT_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

#include "base.h"
#include "strbuf.h"

/* More exit codes than cli.h has; the same for all these commands. */
#define CLI_ITEM_ERRORS 1 /* the job completed, some items with errors */
#define CLI_BAD_END     3 /* the job was cancelled or failed, or the server refused the call */
#define CLI_NO_SERVER   4

#define CLIENT_ID_SIZE 37

/* The flags that all have in common, for a table of getopt_long and for --help. */
#define CLIENT_OPTIONS                                                                             \
    {"state", required_argument, NULL, 'S'}, {"url", required_argument, NULL, 'U'},                \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }
#define CLIENT_HELP                                                                                \
    "  --state DIR      the server's state folder; default as for `longbox serve`\n"               \
    "  --url URL        a server elsewhere, as http://host:8080 or https://host/comics\n"          \
    "  --help\n"
#define CLIENT_EXITS                                                                               \
    "\nExit status: 0 well, 2 wrong usage, 3 refused by the server, 4 the server is not "          \
    "reachable.\n"

struct client {
    const char *command; /* "longbox jobs": in front of messages */
    const char *usage;
    const char *state, *url; /* flags; NULL = not given */
    struct strbuf base;      /* URL before "/api" */
    char *socket;            /* NULL: over TCP */
    void *curl;
};

/*
 * A common flag that getopt_long has found. Returns -1 to go on, else the exit code (--help, or a flag that is not
 * known).
 */
int client_flag(struct client *c, int option, const char *value);
int client_usage(const struct client *c, const char *problem);
/* After the flags. Returns 0 or an exit code. */
int client_open(struct client *c);
void client_close(struct client *c);
LB_DEFINE_CLEANUP(struct client, client_close)

/* One call. Returns 0 with *ret (may be NULL for no JSON), or an exit code after a message. *ret_status may be NULL. */
int client_call(struct client *c, const char *method, const char *path, const json_t *body,
                json_t **ret);
/* The same without a message: CLI_NO_SERVER when nothing answered. *ret_status is 0 then. */
int client_try(struct client *c, const char *method, const char *path, const json_t *body,
               json_t **ret, long *ret_status);
/*
 * Reads a stream, line by line, until its end or until on_line returns false. last_id may be "". Returns 0 or
 * CLI_NO_SERVER, without a message.
 */
int client_stream(struct client *c, const char *path, const char *last_id,
                  bool (*on_line)(void *ctx, const char *line), void *ctx);
/* A whole id, or the beginning of one (8 characters or more). Returns 0 or an exit code after a message. */
int client_job_id(struct client *c, const char *text, char ret[CLIENT_ID_SIZE]);

/* Output: text from the server without anything that a terminal would obey. */
void client_text(FILE *to, const char *text);
int client_print_json(const struct client *c, const json_t *json);
int client_flush(const struct client *c, int code);

/* Numbers and texts of a job object; 0 or "" when they are not there. */
long long job_number(const json_t *job, const char *name);
const char *job_text(const json_t *job, const char *name);
bool job_is_over(const json_t *job);
/* The exit code that an ended job means. */
int job_exit_code(const json_t *job);
/* Follows a job to its end (cli_watch.c). Returns the exit code. */
int client_watch(struct client *c, const char *job_id);
/* The items with errors, at most `max`, on standard error. */
void client_print_errors(struct client *c, const json_t *job, FILE *to, int max);

#endif
