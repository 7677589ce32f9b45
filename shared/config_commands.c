/* The section `commands` of longbox.yaml. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "strbuf.h"

enum key { NAME, ARGV, TITLE, TEXT, ACCEPTS, CHANGES_FILES, TIMEOUT_S, KILL_AFTER_S, ENV, KEYS };

static const struct {
    const char *key, *def, *allowed, *text;
} keys[KEYS] = {
    [NAME] = {"name", "", "a-z, 0-9 and -, a letter first, at most 31, not a built-in operation",
              "the operation's name; required"},
    [ARGV] = {"argv", "", "a list of 1 to 64 texts",
              "program and arguments, run without a shell; required. {path} {relative_path} {name} "
              "{folder} {job_id} {seq} are put in"},
    [TITLE] = {"title", "the name", "text of at most 64 bytes", "what buttons say"},
    [TEXT] = {"text", "", "text of at most 256 bytes", "one sentence for people"},
    [ACCEPTS] = {"accepts", "books", "books or strings", "what its items are"},
    [CHANGES_FILES] = {"changes_files", "false", "true or false",
                       "it may change the files it is given; the history then says so"},
    [TIMEOUT_S] = {"timeout_s", "600", "a whole number from 1 to 86400 (s)",
                   "an item that takes longer is ended and is an error"},
    [KILL_AFTER_S] = {"kill_after_s", "5", "a whole number from 0 to 300 (s)",
                      "from SIGTERM to SIGKILL, at the time limit or a cancel"},
    [ENV] = {"env", "", "at most 32 lines NAME: value",
             "its environment, beside PATH, HOME, LANG, LONGBOX_JOB_ID and LONGBOX_PATH"},
};

/* The operations of the program, those to come included: a configuration shall not break by an upgrade. */
static const char *const reserved[] = {"process", "rename", "normalize", "noop", "tag",   "convert",
                                       "verify",  "exec",   "undo",      "scan", "repair"};

bool config_command_is_reserved(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return false;
}

static struct config_command *last(struct config *c)
{
    must(c->n_commands > 0);
    return &c->commands[c->n_commands - 1];
}

static int bad(const char *source, const char *name, const char *why, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s: key 'commands': %s %s", source, name, why);
}

static int add_bytes(struct config *c, const char *text, const char *source, struct err *err)
{
    size_t size = strlen(text) + 1;
    if (size > sizeof(c->command_bytes) - c->command_bytes_used)
        return err_set(err, ERR_CONFIG,
                       "%s: key 'commands': arguments and variables of all commands are more than "
                       "%zu bytes",
                       source, sizeof(c->command_bytes));
    memcpy(c->command_bytes + c->command_bytes_used, text, size);
    c->command_bytes_used += size;
    return 0;
}

int config_command_begin(struct config *c, const char *source, struct err *err)
{
    if (c->n_commands == CONFIG_COMMANDS_MAX)
        return err_set(err, ERR_CONFIG, "%s: key 'commands': more than %d of them", source,
                       CONFIG_COMMANDS_MAX);
    c->commands[c->n_commands++] = (struct config_command){.timeout_s = 600, .kill_after_s = 5};
    return 0;
}

static int set_name(struct config *c, const char *value, const char *source, struct err *err)
{
    struct config_command *cmd = last(c);
    size_t len = strlen(value);
    bool right = len >= 1 && len <= CONFIG_COMMAND_NAME_MAX && value[0] >= 'a' && value[0] <= 'z';
    for (size_t i = 0; right && i < len; i++)
        right = (value[i] >= 'a' && value[i] <= 'z') || (value[i] >= '0' && value[i] <= '9') ||
                value[i] == '-';
    if (!right)
        return err_set(err, ERR_CONFIG, "%s: key 'commands': name %s is not %s", source,
                       LOG_QUOTE(value), keys[NAME].allowed);
    if (config_command_is_reserved(value))
        return err_set(err, ERR_CONFIG,
                       "%s: key 'commands': name '%s' is that of a built-in operation", source,
                       value);
    for (size_t i = 0; i + 1 < c->n_commands; i++)
        if (strcmp(c->commands[i].name, value) == 0)
            return err_set(err, ERR_CONFIG, "%s: key 'commands': name '%s' stands twice", source,
                           value);
    memcpy(cmd->name, value, len + 1);
    return 0;
}

static int set_text(char *field, size_t size, enum key key, const char *value, const char *source,
                    struct err *err)
{
    bool right = strlen(value) < size;
    for (const char *p = value; *p; p++)
        right = right && (unsigned char)*p >= 0x20 && *p != 0x7f;
    if (!right)
        return err_set(err, ERR_CONFIG,
                       "%s: key 'commands': %s %s is not %s without control characters", source,
                       keys[key].key, LOG_QUOTE(value), keys[key].allowed);
    memcpy(field, value, strlen(value) + 1);
    return 0;
}

static int set_seconds(int64_t *field, enum key key, int64_t min, int64_t max, const char *value,
                       const char *source, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end || errno || n < min || n > max)
        return err_set(err, ERR_CONFIG, "%s: key 'commands': %s %s is not %s", source,
                       keys[key].key, LOG_QUOTE(value), keys[key].allowed);
    *field = n;
    return 0;
}

/* One of two words; *ret says whether it is the second. */
static int set_word(bool *ret, const char *first, const char *second, enum key key,
                    const char *value, const char *source, struct err *err)
{
    *ret = strcmp(value, second) == 0;
    if (*ret || strcmp(value, first) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, "%s: key 'commands': %s %s is not %s", source, keys[key].key,
                   LOG_QUOTE(value), keys[key].allowed);
}

int config_command_set(struct config *c, const char *key, const char *value, const char *source,
                       struct err *err)
{
    struct config_command *cmd = last(c);
    enum key k = NAME;
    while (k < KEYS && strcmp(keys[k].key, key) != 0)
        k++;
    if (k == KEYS)
        return err_set(err, ERR_CONFIG, "%s: key 'commands': %s is not a key of a command", source,
                       LOG_QUOTE(key));
    if (cmd->seen & 1U << k)
        return bad(source, keys[k].key, "stands here a second time in one command", err);
    cmd->seen |= 1U << k;
    switch (k) {
    case NAME:
        return set_name(c, value, source, err);
    case TITLE:
        return set_text(cmd->title, sizeof(cmd->title), k, value, source, err);
    case TEXT:
        return set_text(cmd->text, sizeof(cmd->text), k, value, source, err);
    case ACCEPTS:
        return set_word(&cmd->accepts_strings, "books", "strings", k, value, source, err);
    case CHANGES_FILES:
        return set_word(&cmd->changes_files, "false", "true", k, value, source, err);
    case TIMEOUT_S:
        return set_seconds(&cmd->timeout_s, k, 1, 86400, value, source, err);
    case KILL_AFTER_S:
        return set_seconds(&cmd->kill_after_s, k, 0, 300, value, source, err);
    case ARGV:
        cmd->args_at = c->command_bytes_used;
        return 0;
    case ENV:
    default:
        cmd->env_at = c->command_bytes_used;
        return 0;
    }
}

int config_command_arg(struct config *c, const char *value, const char *source, struct err *err)
{
    struct config_command *cmd = last(c);
    if (cmd->n_args == CONFIG_COMMAND_ARGS_MAX)
        return bad(source, "argv", "has more than 64 parts", err);
    if (cmd->n_args == 0 && (value[0] == '\0' || strchr(value, '{')))
        return bad(source, "argv", "has to begin with a program; it cannot be a placeholder", err);
    cmd->n_args++;
    return add_bytes(c, value, source, err);
}

int config_command_env(struct config *c, const char *name, const char *value, const char *source,
                       struct err *err)
{
    struct config_command *cmd = last(c);
    bool right = name[0] && !isdigit((unsigned char)name[0]) && strlen(name) <= 128;
    for (const char *p = name; *p; p++)
        right = right && (isalnum((unsigned char)*p) || *p == '_');
    if (!right)
        return err_set(err, ERR_CONFIG,
                       "%s: key 'commands': env: %s is not a name of letters, digits and _", source,
                       LOG_QUOTE(name));
    if (strncmp(name, "LONGBOX_", 8) == 0)
        return bad(source, "env:", "names that begin with LONGBOX_ are ours", err);
    if (cmd->n_env == CONFIG_COMMAND_ENV_MAX)
        return bad(source, "env", "has more than 32 names", err);
    const char *s = c->command_bytes + cmd->env_at;
    for (int i = 0; i < cmd->n_env; i++, s = config_command_next(s))
        if (strncmp(s, name, strlen(name)) == 0 && s[strlen(name)] == '=')
            return err_set(err, ERR_CONFIG, "%s: key 'commands': env: '%s' stands twice", source,
                           name);
    struct strbuf pair LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&pair, "%s=%s", name, value);
    cmd->n_env++;
    return add_bytes(c, strbuf_str(&pair), source, err);
}

const char *config_command_next(const char *s)
{
    return s + strlen(s) + 1;
}

/*
 * The text behind `sh -c` is a program. A file name put into it would be read as one too: $(x) in a name would run. So
 * it has to come as an argument of its own.
 */
static bool shell_reads_names(const struct config *c, const struct config_command *cmd)
{
    static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"};
    const char *s = c->command_bytes + cmd->args_at;
    const char *base = strrchr(s, '/') ? strrchr(s, '/') + 1 : s;
    bool is_shell = false;
    for (size_t i = 0; i < ARRAY_LEN(shells); i++)
        is_shell = is_shell || strcmp(base, shells[i]) == 0;
    for (int i = 1; is_shell && i < cmd->n_args; i++) {
        s = config_command_next(s);
        size_t len = strlen(s);
        bool is_c = len >= 2 && s[0] == '-' && s[1] != '-' && strchr(s, 'c');
        if (is_c && i + 1 < cmd->n_args)
            return strchr(config_command_next(s), '{') &&
                   (strstr(config_command_next(s), "{path}") ||
                    strstr(config_command_next(s), "{relative_path}") ||
                    strstr(config_command_next(s), "{name}") ||
                    strstr(config_command_next(s), "{folder}"));
    }
    return false;
}

int config_command_end(struct config *c, const char *source, struct err *err)
{
    struct config_command *cmd = last(c);
    if (cmd->name[0] == '\0')
        return bad(source, "name", "is missing", err);
    if (cmd->n_args == 0)
        return bad(source, cmd->name, "has no argv", err);
    if (shell_reads_names(c, cmd))
        return bad(source, cmd->name,
                   "puts a file name into the text of a shell; put it behind the text as an "
                   "argument and use \"$1\": [sh, -c, 'wc -c \"$1\"', sh, '{path}']",
                   err);
    if (cmd->title[0] == '\0')
        memcpy(cmd->title, cmd->name, sizeof(cmd->name));
    return 0;
}

/* ---- dump, manual, and the way to a child ---- */

void config_commands_markdown(struct strbuf *out)
{
    for (int k = 0; k < KEYS; k++)
        strbuf_addf(out, "| `commands.%s` | %s | %s | %s |\n", keys[k].key, keys[k].def,
                    keys[k].allowed, keys[k].text);
}

static void add_quoted(struct strbuf *out, const char *text)
{
    strbuf_addc(out, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f)
            strbuf_addf(out, "\\x%02x", *p);
        else if (*p == '"' || *p == '\\')
            strbuf_addf(out, "\\%c", *p);
        else
            strbuf_addc(out, (char)*p);
    }
    strbuf_addc(out, '"');
}

static void dump_one(const struct config *c, const struct config_command *cmd, struct strbuf *out)
{
    strbuf_addf(out, "  - name: %s\n    argv: [", cmd->name);
    const char *s = c->command_bytes + cmd->args_at;
    for (int i = 0; i < cmd->n_args; i++, s = config_command_next(s)) {
        strbuf_adds(out, i ? ", " : "");
        add_quoted(out, s);
    }
    strbuf_adds(out, "]\n    title: ");
    add_quoted(out, cmd->title);
    strbuf_adds(out, "\n    text: ");
    add_quoted(out, cmd->text);
    strbuf_addf(out,
                "\n    accepts: %s\n    changes_files: %s\n    timeout_s: %" PRId64
                "\n    kill_after_s: %" PRId64 "\n",
                cmd->accepts_strings ? "strings" : "books", cmd->changes_files ? "true" : "false",
                cmd->timeout_s, cmd->kill_after_s);
    s = c->command_bytes + cmd->env_at;
    for (int i = 0; i < cmd->n_env; i++, s = config_command_next(s)) {
        const char *equals = strchr(s, '=');
        strbuf_addf(out, "%s      %.*s: ", i ? "" : "    env:\n", (int)(equals - s), s);
        add_quoted(out, equals + 1);
        strbuf_addc(out, '\n');
    }
}

void config_commands_dump(const struct config *c, struct strbuf *out)
{
    strbuf_adds(out, "\n# commands: operations of your own; each runs a program for each item, "
                     "never through a shell\n"
                     "# a list; keys of a command:\n");
    for (int k = 0; k < KEYS; k++)
        strbuf_addf(out, "#   %s: %s (%s%s%s)\n", keys[k].key, keys[k].text, keys[k].allowed,
                    keys[k].def[0] ? "; default " : "", keys[k].def);
    strbuf_adds(out, c->n_commands ? "commands:\n" : "commands: []\n");
    for (size_t i = 0; i < c->n_commands; i++)
        dump_one(c, &c->commands[i], out);
}

static void export_pair(struct strbuf *out, const char *key, const char *value)
{
    strbuf_addf(out, "commands.%s=", key);
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if (*p == '%' || *p < 0x20 || *p == 0x7f)
            strbuf_addf(out, "%%%02x", *p);
        else
            strbuf_addc(out, (char)*p);
    }
    strbuf_addc(out, '\n');
}

void config_commands_export(const struct config *c, struct strbuf *out)
{
    for (size_t i = 0; i < c->n_commands; i++) {
        const struct config_command *cmd = &c->commands[i];
        export_pair(out, "begin", "");
        export_pair(out, "name", cmd->name);
        export_pair(out, "title", cmd->title);
        export_pair(out, "text", cmd->text);
        export_pair(out, "accepts", cmd->accepts_strings ? "strings" : "books");
        export_pair(out, "changes_files", cmd->changes_files ? "true" : "false");
        strbuf_addf(out, "commands.timeout_s=%" PRId64 "\ncommands.kill_after_s=%" PRId64 "\n",
                    cmd->timeout_s, cmd->kill_after_s);
        export_pair(out, "argv", "");
        const char *s = c->command_bytes + cmd->args_at;
        for (int k = 0; k < cmd->n_args; k++, s = config_command_next(s))
            export_pair(out, "argv.next", s);
        export_pair(out, "env", "");
        s = c->command_bytes + cmd->env_at;
        for (int k = 0; k < cmd->n_env; k++, s = config_command_next(s))
            export_pair(out, "env.next", s);
        export_pair(out, "end", "");
    }
}

int config_commands_import(struct config *c, const char *key, const char *value, const char *source,
                           struct err *err)
{
    if (strcmp(key, "begin") == 0)
        return config_command_begin(c, source, err);
    if (c->n_commands == 0)
        return bad(source, key, "stands before the first command", err);
    if (strcmp(key, "end") == 0)
        return config_command_end(c, source, err);
    if (strcmp(key, "argv.next") == 0)
        return config_command_arg(c, value, source, err);
    if (strcmp(key, "env.next") != 0)
        return config_command_set(c, key, value, source, err);
    const char *equals = strchr(value, '=');
    if (equals == NULL)
        return bad(source, "env", "has no =", err);
    char *name LB_CLEANUP(mem_free) = mem_strndup(value, (size_t)(equals - value));
    return config_command_env(c, name, equals + 1, source, err);
}
