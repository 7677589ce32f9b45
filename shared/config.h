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

struct config {
#define CFG_INT(field, key, def, min, max, unit, text) int64_t field;
#define CFG_STR(field, key, def, max, text)            char field[(max) + 1];
#define CFG_BOOL(field, key, def, text)                bool field;
#include "config.def"
#undef CFG_INT
#undef CFG_STR
#undef CFG_BOOL
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
/* The whole as YAML, each key with its text, unit, range and default as comments. */
void config_dump(const struct config *c, struct strbuf *out);

/*
 * Hands the finished settings to a child: one environment variable LONGBOX_CONFIG with key=value lines, percent-
 * encoded. config_import reads it back.
 */
void config_export(const struct config *c, struct strbuf *out);
int config_import(struct config *c, const char *text, struct err *err) LB_MUST_CHECK;

#endif
