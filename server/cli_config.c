/* longbox config: checks, shows and explains the settings. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "strbuf.h"

#define MAX_SETS 64

static const char usage[] =
    "usage: longbox config [--config FILE] [--set KEY=VALUE]... [--check | --dump | --markdown]\n"
    "\n"
    "  --check          read file and environment as `longbox serve` would, and say what is wrong "
    "(default)\n"
    "  --dump           print every setting as YAML, with text, range and default\n"
    "  --markdown       print the table of settings for the manual\n"
    "  --config FILE    default ./longbox.yaml, else /etc/longbox/longbox.yaml, when there\n"
    "  --set KEY=VALUE  one setting; wins over environment and file\n"
    "  --help\n";

static const char markdown_head[] =
    "# Configuration\n"
    "\n"
    "This file is made by `longbox config --markdown` from `shared/config.def`.\n"
    "\n"
    "Settings come from, later ones winning: the built-in defaults; a YAML file (`--config FILE`, "
    "else `./longbox.yaml`,\n"
    "else `/etc/longbox/longbox.yaml`, when there); the environment; flags. `etc/longbox.yaml` "
    "shows every key with its\n"
    "default. A key that is not known, stands twice, or has a value out of range stops the start, "
    "and the message names\n"
    "file, line, key and range. `longbox config` checks without starting; `longbox config --dump` "
    "shows what is in force.\n"
    "\n"
    "An address that is not loopback is refused unless `auth: none` says that everybody who can "
    "reach it may use it.\n"
    "\n"
    "| key | default | allowed | what it does |\n"
    "|---|---|---|---|\n";

static const char markdown_commands[] =
    "\n"
    "## Commands\n"
    "\n"
    "`commands` is a list of operations of your own, at most 32. Each runs a program for each item "
    "of a job, on the pools of all\n"
    "workers, never through a shell. It stands in the file only; the environment and flags cannot "
    "set it.\n"
    "\n"
    "```yaml\n"
    "commands:\n"
    "  - name: checksum\n"
    "    title: Checksum\n"
    "    argv: [sha256sum, --, \"{path}\"]\n"
    "  - name: shrink\n"
    "    argv: [/usr/local/bin/shrink, --quality, \"80\", \"{path}\"]\n"
    "    changes_files: true\n"
    "    timeout_s: 1800\n"
    "    env:\n"
    "      LC_ALL: C.UTF-8\n"
    "```\n"
    "\n"
    "| key | default | allowed | what it does |\n"
    "|---|---|---|---|\n";

static const char markdown_rules[] =
    "\n"
    "In any argument but the first, `{path}` becomes the absolute path of the file, "
    "`{relative_path}` its path in the library,\n"
    "`{name}` its last part, `{folder}` the absolute path of its folder, `{job_id}` the job, and "
    "`{seq}` the item's number, from 1.\n"
    "What was put in is not read again, and is one argument whatever it holds. A name or relative "
    "path can begin with `-`: put\n"
    "`--` before it, or use `{path}`. With `accepts: strings`, `{path}`, `{relative_path}` and "
    "`{name}` are the string itself and\n"
    "`{folder}` is empty. A text for a shell (`sh -c`) must not hold the name of a file; give it "
    "as an argument: `[sh, -c, 'wc -c \"$1\"', sh, '{path}']`.\n"
    "\n"
    "The program runs in the library folder, in a session and process group of its own, with no "
    "input. Exit status 0 is success, and the\n"
    "last line of its output is kept as `details.output`. Another status, or a signal, is an error "
    "of the item with the last line\n"
    "of stderr; the last 2 KB are in `details.stderr`. At the time limit or a cancel the group "
    "gets SIGTERM and, `kill_after_s` later, SIGKILL.\n"
    "What a program leaves running in its group when it ends is killed. When a worker dies its "
    "programs die with it and the item\n"
    "runs again, so a program must bear being run twice on one file; never twice at the same time.\n";

static const char markdown_tail[] =
    "\n"
    "## Environment\n"
    "\n"
    "Every key can be given as `LONGBOX_<KEY>` in capitals, as `LONGBOX_WORKERS=4`. The names of "
    "the old container are\n"
    "understood too; an empty one counts as not set, and `LONGBOX_` names win over them.\n"
    "\n"
    "| variable | key |\n"
    "|---|---|\n"
    "| `WATCHED_DIR` | `library` |\n"
    "| `DUPLICATE_DIR` | `duplicate_dir` |\n"
    "| `CONFIG_DIR` | `state_dir` |\n"
    "| `WEB_PORT` | the port of `listen`; its address stays, so set `listen` (and `auth`) to be "
    "reached from outside |\n"
    "| `GUNICORN_WORKERS` | `workers` |\n"
    "| `MAX_WORKERS` | `threads` |\n"
    "| `BASE_PATH` | `base_path` |\n"
    "| `SSL_CERTFILE`, `SSL_KEYFILE` | `tls_cert`, `tls_key` |\n";

static void add_markdown_text(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
}

static void markdown(struct strbuf *out)
{
    const struct config_key *k;
    strbuf_adds(out, markdown_head);
    for (size_t i = 0; (k = config_key_at(i)) != NULL; i++) {
        char range[96];
        strbuf_addf(out, "| `%s` | ", k->key);
        if (k->kind == CONFIG_INT)
            strbuf_addf(out, "%" PRId64, k->def);
        else if (k->kind == CONFIG_BOOL)
            strbuf_adds(out, k->def ? "true" : "false");
        else if (k->def_text[0])
            strbuf_addf(out, "`%s`", k->def_text);
        strbuf_addf(out, " | %s | ", config_key_range(k, range, sizeof(range)));
        add_markdown_text(out, k->text);
        strbuf_adds(out, " |\n");
    }
    strbuf_adds(out, markdown_commands);
    config_commands_markdown(out);
    strbuf_adds(out, markdown_rules);
    strbuf_adds(out, markdown_tail);
}

static int print(const struct strbuf *out)
{
    (void)fputs(strbuf_str(out), stdout);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_OK;
    (void)fputs("longbox config: standard output cannot be written\n", stderr);
    return CLI_FAILED;
}

int cli_config(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'f'},
                                            {"set", required_argument, NULL, 's'},
                                            {"check", no_argument, NULL, 'c'},
                                            {"dump", no_argument, NULL, 'd'},
                                            {"markdown", no_argument, NULL, 'm'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    static struct config c;
    const char *file = NULL, *sets[MAX_SETS];
    size_t n_sets = 0;
    int option, what = 0;
    argv[0] = (char *)"longbox config"; /* getopt puts it before its messages */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'f') {
            file = optarg;
        } else if (option == 's' && n_sets < MAX_SETS) {
            sets[n_sets++] = optarg;
        } else if (option == 'h') {
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
        } else if (option == '?' || option == 's' || (what && what != option)) {
            if (option == 's')
                (void)fprintf(stderr, "longbox config: more than %d times --set\n", MAX_SETS);
            else if (option != '?')
                (void)fputs("longbox config: one of --check, --dump and --markdown\n", stderr);
            (void)fputs(usage, stderr);
            return CLI_USAGE;
        } else {
            what = option;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "longbox config: unexpected '%s'\n%s", argv[optind], usage);
        return CLI_USAGE;
    }
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    if (what == 'm') {
        markdown(&out);
        return print(&out);
    }
    struct err err = {0};
    if (file == NULL)
        file = config_default_file();
    if (config_load(&c, file, sets, n_sets, &err) < 0 ||
        (what != 'd' && config_check(&c, &err) < 0)) {
        (void)fprintf(stderr, "longbox config: %s\n", err.msg);
        return CLI_USAGE;
    }
    if (what == 'd')
        config_dump(&c, &out);
    else
        strbuf_addf(&out, "%s: the settings are fine\n", file ? file : "no file");
    return print(&out);
}
