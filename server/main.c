/* longboxd: the command line of the master. */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "master.h"

#define MAX_SETS 64

static const char usage[] =
    "usage: longboxd [--config FILE] [--set KEY=VALUE]... [--check]\n"
    "\n"
    "Runs the server in the foreground and logs to standard error. "
    "`longbox serve` has shorter flags.\n"
    "\n"
    "  --config FILE     settings; default ./longbox.yaml, else "
    "/etc/longbox/longbox.yaml, when there\n"
    "  --set KEY=VALUE   one setting; wins over environment and file "
    "(`longbox config --dump` lists them)\n"
    "  --check           checks the settings, says what is wrong, and ends\n"
    "  --version\n"
    "  --help\n";

static void flush_or_fail(void)
{
    if (fflush(stdout) != 0)
        exit(MASTER_EXIT_FAILED);
}

/* Descriptors 0 to 2 exist, and none that we inherited reaches a child. */
static void tidy_descriptors(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
        ;
    fd_close(fd);
    (void)close_range(STDERR_FILENO + 1, ~0U,
                      CLOSE_RANGE_CLOEXEC); /* an old kernel: they stay open */
}

/*
 * Where SIGUSR2 finds the program: the path that we were called by, so that a link in it may lead to another version
 * by then. The text lives on.
 */
static const char *program_path(const char *called)
{
    static char path[2 * PATH_MAX];
    char folder[PATH_MAX] = "";
    if (called[0] == '/')
        (void)snprintf(path, sizeof(path), "%s", called);
    else if (strchr(called, '/') && getcwd(folder, sizeof(folder)))
        (void)snprintf(path, sizeof(path), "%s/%s", folder, called);
    else if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
        path[0] = '\0';
    return path;
}

struct command_line {
    struct master_source source;
    const char *sets[MAX_SETS];
    bool check;
};

/* Returns -1 to go on, or the exit code. */
static int read_flags(int argc, char **argv, struct command_line *ret)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'k'},        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct master_source *source = &ret->source;
    int option;
    source->sets = ret->sets;
    source->file = config_default_file();
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'c') {
            source->file = optarg;
        } else if (option == 's' && source->n_sets < MAX_SETS) {
            ret->sets[source->n_sets++] = optarg;
        } else if (option == 'k') {
            ret->check = true;
        } else if (option == 'v' || option == 'h') {
            (void)fputs(option == 'v' ? "longboxd " LB_VERSION "\n" : usage, stdout);
            flush_or_fail();
            return MASTER_EXIT_OK;
        } else {
            if (option == 's')
                (void)fprintf(stderr, "longboxd: more than %d times --set\n", MAX_SETS);
            (void)fputs(usage, stderr);
            return MASTER_EXIT_CONFIG;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "longboxd: unexpected '%s'\n%s", argv[optind], usage);
        return MASTER_EXIT_CONFIG;
    }
    return -1;
}

/* Takes it out of the environment, so that no child sees it. One thread runs. The text lives on. */
static const char *take_handover(void)
{
    const char *text = getenv(HANDOVER_ENV); /* NOLINT(concurrency-mt-unsafe) */
    const char *copy = text ? mem_strdup(text) : NULL;
    (void)unsetenv(HANDOVER_ENV); /* NOLINT(concurrency-mt-unsafe) */
    return copy;
}

static int wrong(const struct err *err)
{
    (void)fprintf(stderr, "longboxd: %s\n", err->msg);
    return MASTER_EXIT_CONFIG;
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct command_line line;
    struct master_source *source = &line.source;
    struct err err = {0};
    tidy_descriptors();
    log_setup("master", LOG_LVL_INFO);
    int code = read_flags(argc, argv, &line);
    if (code >= 0)
        return code;
    source->program = program_path(argv[0]);
    source->argv = argv;
    source->handover = take_handover();
    if (config_load(&config, source->file, source->sets, source->n_sets, &err) < 0 ||
        config_check(&config, &err) < 0)
        return wrong(&err);
    if (line.check)
        return master_check(&config, source, &err) < 0 ? wrong(&err) : MASTER_EXIT_OK;
    log_setup("master", (enum log_level)log_level_parse(config.log_level));
    if (config.log_file[0] && log_open_file(config.log_file, &err) < 0)
        return wrong(&err);
    return master_run(&config, source);
}
