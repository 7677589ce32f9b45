/* longbox serve: turns flags into the arguments of longboxd and becomes it. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "exe.h"

#define MAX_ARGS 140

static const char usage[] =
    "usage: longbox serve [flags]\n"
    "\n"
    "Starts the server in the foreground; Ctrl-C stops it. Flags win over environment, environment "
    "over file.\n"
    "\n"
    "  --config FILE       settings; default ./longbox.yaml, else /etc/longbox/longbox.yaml, when "
    "there\n"
    "  --library DIR       folder with the files to work on\n"
    "  --state DIR         folder for the databases\n"
    "  --listen ADDR:PORT  where the front end listens; default 127.0.0.1:8080\n"
    "  --workers N         worker processes\n"
    "  --threads N         pool threads in each worker\n"
    "  --base-path P       path prefix under an outer proxy, as /comics\n"
    "  --set KEY=VALUE     any setting (`longbox config --dump` lists them)\n"
    "  --help\n";

/* --flag VALUE is --set key=VALUE */
static const struct {
    const char *flag, *key;
} short_forms[] = {
    {"library", "library"}, {"state", "state_dir"}, {"listen", "listen"},
    {"workers", "workers"}, {"threads", "threads"}, {"base-path", "base_path"},
};

struct args {
    char *v[MAX_ARGS];
    int n;
};

static void add(struct args *a, const char *flag, char *value)
{
    if (a->n + 3 > MAX_ARGS) {
        (void)fprintf(stderr, "longbox serve: too many flags\n");
        exit(CLI_USAGE);
    }
    a->v[a->n++] = mem_strdup(flag);
    a->v[a->n++] = value;
}

static char *join(const char *key, const char *value)
{
    size_t size = strlen(key) + strlen(value) + 2;
    char *s = mem_new(size);
    (void)snprintf(s, size, "%s=%s", key, value);
    return s;
}

/* longboxd beside us, by the path that we were called by: a link in it may lead to another version at SIGUSR2. */
static char *master_path(const char *found)
{
    const char *called = program_invocation_name;
    char folder[PATH_MAX] = "", path[2 * PATH_MAX];
    const char *slash = strrchr(called, '/');
    if (!slash || (called[0] != '/' && !getcwd(folder, sizeof(folder))))
        return mem_strdup(found);
    (void)snprintf(path, sizeof(path), "%s%s%.*s/longboxd", folder, folder[0] ? "/" : "",
                   (int)(slash - called), called);
    return mem_strdup(access(path, X_OK) == 0 ? path : found);
}

/* Returns -1 to go on, or the exit code. What is allocated lives until exec. */
static int read_flags(int argc, char **argv, struct args *a)
{
    struct option options[ARRAY_LEN(short_forms) + 4] = {0};
    int n = 0, option, index = 0;
    for (; n < (int)ARRAY_LEN(short_forms); n++)
        options[n] = (struct option){short_forms[n].flag, required_argument, NULL, 'k'};
    options[n++] = (struct option){"config", required_argument, NULL, 'c'};
    options[n++] = (struct option){"set", required_argument, NULL, 's'};
    options[n++] = (struct option){"help", no_argument, NULL, 'h'};
    argv[0] = (char *)"longbox serve"; /* getopt puts it before its messages */
    while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (option == 'k') {
            add(a, "--set", join(short_forms[index].key, optarg));
        } else if (option == 'c') {
            add(a, "--config", mem_strdup(optarg));
        } else if (option == 's') {
            add(a, "--set", mem_strdup(optarg));
        } else if (option == 'h') {
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
        } else {
            (void)fputs(usage, stderr);
            return CLI_USAGE;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "longbox serve: unexpected '%s'\n%s", argv[optind], usage);
        return CLI_USAGE;
    }
    return -1;
}

int cli_serve(int argc, char **argv)
{
    static const char *const master[] = {"longboxd"};
    static struct args a;
    char program[PATH_MAX];
    struct err err = {0};
    a.n = 1; /* the first is the program */
    int code = read_flags(argc, argv, &a);
    if (code >= 0)
        return code;
    if (exe_beside(master, 1, program, &err) < 0) {
        (void)fprintf(stderr, "longbox serve: %s\n", err.msg);
        return CLI_FAILED;
    }
    a.v[0] = master_path(program);
    (void)execv(a.v[0], a.v);
    (void)fprintf(stderr, "longbox serve: %s: %s\n", program, strerrordesc_np(errno));
    return CLI_FAILED;
}
