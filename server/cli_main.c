/* longbox: one program with commands. */
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} commands[] = {
    {"serve", cli_serve, "start the server in the foreground"},
    {"submit", cli_submit, "start a job"},
    {"jobs", cli_jobs, "list jobs"},
    {"show", cli_show, "show a job and its errors"},
    {"watch", cli_watch, "follow a job to its end"},
    {"cancel", cli_cancel, "cancel a job"},
    {"config", cli_config, "check, show or explain the settings"},
    {"parse-name", cli_parse_name,
     "read file names on standard input, print what they say as JSON"},
    {"format-name", cli_format_name, "make file names from tags with a template"},
};

static void usage(FILE *to)
{
    (void)fputs("usage: longbox COMMAND [--help | flags]\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        (void)fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].text);
    (void)fputs("\n  --version\n  --help\n", to);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) {
        (void)puts("longbox " LB_VERSION);
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    if (strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    (void)fprintf(stderr, "longbox: '%s' is not a command\n\n", argv[1]);
    usage(stderr);
    return CLI_USAGE;
}
