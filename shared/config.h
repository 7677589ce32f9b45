/*
 * config.h - settings from longbox.yaml, the environment and the command line. The table is config.def.
 *
 * Order: built-in default, file, environment, flags; later ones win. A struct config is filled once, before the first
 * thread, and only read after that. Strings are inside the struct; nothing to free.
 */
#ifndef LB_CONFIG_H
#define LB_CONFIG_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

struct strbuf;

#define CONFIG_COMMANDS_MAX      32
#define CONFIG_COMMAND_NAME_MAX  31
#define CONFIG_COMMAND_TITLE_MAX 64
#define CONFIG_COMMAND_TEXT_MAX  256
#define CONFIG_COMMAND_ARGS_MAX  64
#define CONFIG_COMMAND_ENV_MAX   32
#define CONFIG_COMMAND_BYTES     32768 /* arguments and environment of all commands */

/* One entry of `commands`: an operation that runs a program. Walk the strings with config_command_next. */
struct config_command {
    char name[CONFIG_COMMAND_NAME_MAX + 1];
    char title[CONFIG_COMMAND_TITLE_MAX + 1];
    char text[CONFIG_COMMAND_TEXT_MAX + 1];
    bool accepts_strings; /* else books */
    bool changes_files;
    int64_t timeout_s, kill_after_s;
    int n_args, n_env;
    size_t args_at, env_at; /* in command_bytes: n strings, each with its NUL; env as NAME=value */
    unsigned seen;          /* keys that stood in the file */
};

struct config {
#define CFG_INT(field, key, def, min, max, unit, text) int64_t field;
#define CFG_STR(field, key, def, max, text)            char field[(max) + 1];
#define CFG_BOOL(field, key, def, text)                bool field;
#include "config.def"
#undef CFG_INT
#undef CFG_STR
#undef CFG_BOOL
    struct config_command commands[CONFIG_COMMANDS_MAX];
    size_t n_commands;
    char command_bytes[CONFIG_COMMAND_BYTES];
    size_t command_bytes_used;
};

/* A row of the table, for those who list the settings. Texts are static. */
enum config_kind { CONFIG_INT, CONFIG_STR, CONFIG_BOOL };
struct config_key {
    const char *key;
    enum config_kind kind;
    size_t offset; /* of the field in struct config */
    int64_t def, min,
        max; /* CONFIG_INT; max is the longest string in bytes for CONFIG_STR; def is 0 or 1 for a bool */
    const char *def_text; /* CONFIG_STR */
    const char *unit;     /* CONFIG_INT */
    const char *text;
};
/* The i-th key, NULL past the end. */
const struct config_key *config_key_at(size_t i);
/* What k is set to; of kind CONFIG_STR. */
const char *config_key_text(const struct config *c, const struct config_key *k);
/* The i-th of the keys that need a restart, all of kind CONFIG_STR; NULL past the end. SIGHUP is enough for others. */
#define CONFIG_RESTART_KEYS 5
const struct config_key *config_restart_key_at(size_t i);
/* "a whole number from 1 to 32 (processes)": what a value has to be. Returns buf. */
const char *config_key_range(const struct config_key *k, char *buf, size_t size);

void config_defaults(struct config *c);
/* The file to read when none is named: ./longbox.yaml, else /etc/longbox/longbox.yaml, else NULL. */
const char *config_default_file(void);
/*
 * Everything in its order: defaults, the file (NULL: none), environment, then n_sets times "key=value" from flags.
 * Does not call config_check.
 */
int config_load(struct config *c, const char *file, const char *const *sets, size_t n_sets,
                struct err *err) LB_MUST_CHECK;
/*
 * Reads a YAML file (config_yaml.c). An unknown key, a key twice, a value of the wrong kind or out of range, or a
 * line that is not YAML: ERR_CONFIG with "FILE:LINE: key 'x': ..." that names the range.
 */
int config_load_file(struct config *c, const char *path, struct err *err) LB_MUST_CHECK;
/*
 * The names of the old container: WATCHED_DIR DUPLICATE_DIR CONFIG_DIR WEB_PORT GUNICORN_WORKERS MAX_WORKERS
 * BASE_PATH SSL_CERTFILE SSL_KEYFILE; and LONGBOX_<KEY> in capitals for every key, which win. Errors name the variable.
 * An old name that is set to nothing counts as not set. WEB_PORT changes the port of `listen` and leaves its address.
 * A LONGBOX_ name that is nearly a key's is an error; others belong to somebody else.
 */
int config_load_env(struct config *c, struct err *err) LB_MUST_CHECK;
/* One key, from a flag ("--workers") or elsewhere; `source` goes into the message. */
int config_set(struct config *c, const char *key, const char *value, const char *source,
               struct err *err) LB_MUST_CHECK;
/*
 * What no single key can tell: library there and a folder, listen address parses, base path starts with /, ...
 * Makes folders absolute and fills in the default state_dir (which need not exist yet).
 */
int config_check(struct config *c, struct err *err) LB_MUST_CHECK;
/* The default of state_dir filled in, and made absolute: for a client, which has no library to check. */
int config_check_state_dir(struct config *c, struct err *err) LB_MUST_CHECK;
/* The whole as YAML, each key with its text, unit, range and default as comments. */
void config_dump(const struct config *c, struct strbuf *out);

/*
 * Hands the finished settings to a child: one environment variable LONGBOX_CONFIG with key=value lines, percent-
 * encoded. config_import reads it back.
 */
void config_export(const struct config *c, struct strbuf *out);
int config_import(struct config *c, const char *text, struct err *err) LB_MUST_CHECK;

/*
 * The commands (config_commands.c). A command is begun, its keys are set in any order, arguments and variables one by
 * one, and it is ended; every step refuses what is wrong with "SOURCE: key 'commands': ...". Keys: name title text
 * accepts changes_files timeout_s kill_after_s; `argv` and `env` are marked by config_command_set with value NULL
 * before their parts come.
 */
int config_command_begin(struct config *c, const char *source, struct err *err) LB_MUST_CHECK;
int config_command_set(struct config *c, const char *key, const char *value, const char *source,
                       struct err *err) LB_MUST_CHECK;
int config_command_arg(struct config *c, const char *value, const char *source,
                       struct err *err) LB_MUST_CHECK;
int config_command_env(struct config *c, const char *name, const char *value, const char *source,
                       struct err *err) LB_MUST_CHECK;
int config_command_end(struct config *c, const char *source, struct err *err) LB_MUST_CHECK;
/* The first of a command's strings is at command_bytes + args_at (env_at); this is the one behind `s`. */
const char *config_command_next(const char *s);
/* Is it a name of an operation that comes with the program? */
bool config_command_is_reserved(const char *name);
/* The keys of a command, as a table for the manual. */
void config_commands_markdown(struct strbuf *out);
/* Parts of config_dump, config_export and config_import. */
void config_commands_dump(const struct config *c, struct strbuf *out);
void config_commands_export(const struct config *c, struct strbuf *out);
int config_commands_import(struct config *c, const char *key, const char *value, const char *source,
                           struct err *err) LB_MUST_CHECK;

#endif
