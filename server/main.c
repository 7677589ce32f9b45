/* longboxd: the command line of the master. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "master.h"

#define MAX_SETS 64

static const char usage[] = "usage: longboxd [--config FILE] [--set KEY=VALUE]...\n"
                            "\n"
                            "Runs the server in the foreground and logs to standard error. "
                            "`longbox serve` has shorter flags.\n"
                            "\n"
                            "  --config FILE     settings; default ./longbox.yaml, else "
                            "/etc/longbox/longbox.yaml, when there\n"
                            "  --set KEY=VALUE   one setting; wins over environment and file "
                            "(`longbox config --dump` lists them)\n"
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

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    static struct config config;
    const char *file = NULL, *sets[MAX_SETS];
    size_t n_sets = 0;
    struct err err = {0};
    int option;
    tidy_descriptors();
    log_setup("master", LOG_LVL_INFO);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'c') {
            file = optarg;
        } else if (option == 's' && n_sets < MAX_SETS) {
            sets[n_sets++] = optarg;
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
    if (config_load(&config, file ? file : config_default_file(), sets, n_sets, &err) < 0 ||
        config_check(&config, &err) < 0) {
        (void)fprintf(stderr, "longboxd: %s\n", err.msg);
        return MASTER_EXIT_CONFIG;
    }
    log_setup("master", (enum log_level)log_level_parse(config.log_level));
    if (config.log_file[0] && log_open_file(config.log_file, &err) < 0) {
        (void)fprintf(stderr, "longboxd: %s\n", err.msg);
        return MASTER_EXIT_CONFIG;
    }
    const struct master_source source = {
        .file = file ? file : config_default_file(), .sets = sets, .n_sets = n_sets};
    return master_run(&config, &source);
}
