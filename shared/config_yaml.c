#include "config.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* The parser, the file behind it, and what was seen. Freed by reader_clear. */
struct reader {
    const char *path;
    FILE *file;
    yaml_parser_t parser;
    bool parser_made;
    yaml_event_t event;
    bool event_held;
    struct {
        const struct config_key *key;
        size_t line;
    } seen[128];
    size_t n_seen;
    size_t commands_line; /* where the key `commands` stood; 0 = not yet */
};

static void reader_clear(struct reader *r)
{
    if (r->event_held)
        yaml_event_delete(&r->event);
    if (r->parser_made)
        yaml_parser_delete(&r->parser);
    if (r->file)
        (void)fclose(r->file); /* read only: nothing to lose */
}
LB_DEFINE_CLEANUP(struct reader, reader_clear)

static int next(struct reader *r, struct err *err)
{
    if (r->event_held)
        yaml_event_delete(&r->event);
    r->event_held = false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        const yaml_parser_t *p = &r->parser;
        if (p->error == YAML_READER_ERROR)
            return err_set(err, ERR_CONFIG, "%s: not YAML: %s at byte %zu", r->path,
                           p->problem ? p->problem : "unreadable", p->problem_offset);
        return err_set(err, ERR_CONFIG, "%s:%zu: not YAML: %s", r->path, p->problem_mark.line + 1,
                       p->problem ? p->problem : "out of memory");
    }
    r->event_held = true;
    return 0;
}

static size_t line_of(const struct reader *r)
{
    return r->event.start_mark.line + 1;
}

/* The text of the scalar at hand; refuses NUL bytes, which would cut it. */
static int scalar_text(struct reader *r, const char **ret, struct err *err)
{
    const char *text = (const char *)r->event.data.scalar.value;
    if (strlen(text) != r->event.data.scalar.length)
        return err_set(err, ERR_CONFIG, "%s:%zu: a NUL byte in the text", r->path, line_of(r));
    *ret = text;
    return 0;
}

static const struct config_key *find(const char *key)
{
    const struct config_key *k = NULL;
    for (size_t i = 0; (k = config_key_at(i)) != NULL && strcmp(k->key, key) != 0; i++)
        ;
    return k;
}

static int check_once(struct reader *r, const struct config_key *k, size_t line, struct err *err)
{
    for (size_t i = 0; i < r->n_seen; i++)
        if (r->seen[i].key == k)
            return err_set(err, ERR_CONFIG,
                           "%s:%zu: key '%s': stands here a second time, first in line %zu",
                           r->path, line, k->key, r->seen[i].line);
    must(r->n_seen < ARRAY_LEN(r->seen)); /* each key once, and there are fewer keys */
    r->seen[r->n_seen].key = k;
    r->seen[r->n_seen++].line = line;
    return 0;
}

/* ---- commands ---- */

static const char *where(const struct reader *r, char buf[256])
{
    (void)snprintf(buf, 256, "%s:%zu", r->path, line_of(r));
    return buf;
}

/* The event at hand has to be a text; `what` names it. */
static int command_text(struct reader *r, const char *what, const char **ret, struct err *err)
{
    char source[256];
    if (r->event.type != YAML_SCALAR_EVENT)
        return err_set(err, ERR_CONFIG, "%s: key 'commands': %s has to be a single text",
                       where(r, source), what);
    return scalar_text(r, ret, err);
}

/* argv: the event at hand is its value. */
static int read_argv(struct reader *r, struct config *c, struct err *err)
{
    char source[256];
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return err_set(err, ERR_CONFIG,
                       "%s: key 'commands': argv has to be a list: the program and its arguments",
                       where(r, source));
    for (;;) {
        const char *text = NULL;
        if (next(r, err) < 0)
            return -1;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        if (command_text(r, "each part of argv", &text, err) < 0 ||
            config_command_arg(c, text, where(r, source), err) < 0)
            return -1;
    }
}

static int read_env(struct reader *r, struct config *c, struct err *err)
{
    char source[256];
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return err_set(err, ERR_CONFIG, "%s: key 'commands': env has to be lines NAME: value",
                       where(r, source));
    for (;;) {
        const char *text = NULL;
        if (next(r, err) < 0)
            return -1;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return 0;
        if (command_text(r, "a name in env", &text, err) < 0)
            return -1;
        char *name LB_CLEANUP(mem_free) = mem_strdup(text);
        if (next(r, err) < 0 || command_text(r, "a value in env", &text, err) < 0 ||
            config_command_env(c, name, text, where(r, source), err) < 0)
            return -1;
    }
}

/* One command; the event at hand begins its mapping. */
static int read_command(struct reader *r, struct config *c, struct err *err)
{
    char source[256];
    const char *text = NULL;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return err_set(err, ERR_CONFIG,
                       "%s: key 'commands': each command has to be lines of the form 'key: value'",
                       where(r, source));
    char begun[256];
    (void)where(r, begun);
    if (config_command_begin(c, begun, err) < 0)
        return -1;
    for (;;) {
        if (next(r, err) < 0)
            return -1;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return config_command_end(c, begun, err);
        if (command_text(r, "a key", &text, err) < 0)
            return -1;
        char *key LB_CLEANUP(mem_free) = mem_strdup(text);
        bool is_argv = strcmp(key, "argv") == 0, is_env = strcmp(key, "env") == 0;
        (void)where(r, source);
        if ((is_argv || is_env) && config_command_set(c, key, NULL, source, err) < 0)
            return -1;
        if (next(r, err) < 0)
            return -1;
        int rc = is_argv  ? read_argv(r, c, err)
                 : is_env ? read_env(r, c, err)
                          : command_text(r, key, &text, err);
        if (rc < 0 || (!is_argv && !is_env && config_command_set(c, key, text, source, err) < 0))
            return -1;
    }
}

/* The list of commands; the event at hand is its key. */
static int read_commands(struct reader *r, struct config *c, struct err *err)
{
    char source[256];
    (void)where(r, source);
    if (r->commands_line)
        return err_set(err, ERR_CONFIG,
                       "%s: key 'commands': stands here a second time, first in line %zu", source,
                       r->commands_line);
    r->commands_line = line_of(r);
    if (next(r, err) < 0)
        return -1;
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return err_set(err, ERR_CONFIG, "%s: key 'commands': a list is wanted", source);
    for (;;) {
        if (next(r, err) < 0)
            return -1;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        if (read_command(r, c, err) < 0)
            return -1;
    }
}

/* One "key: value"; the event at hand is the key. */
static int read_pair(struct reader *r, struct config *c, struct err *err)
{
    size_t line = line_of(r);
    const char *text = NULL;
    if (r->event.type != YAML_SCALAR_EVENT)
        return err_set(err, ERR_CONFIG, "%s:%zu: a key has to be a plain word", r->path, line);
    if (scalar_text(r, &text, err) < 0)
        return -1;
    if (strcmp(text, "commands") == 0)
        return read_commands(r, c, err);
    char source[256];
    (void)snprintf(source, sizeof(source), "%s:%zu", r->path, line);
    const struct config_key *k = find(text);
    if (k == NULL)
        return config_set(c, text, "", source, err); /* says so, and what is near */
    if (check_once(r, k, line, err) < 0 || next(r, err) < 0)
        return -1;
    if (r->event.type != YAML_SCALAR_EVENT)
        return err_set(err, ERR_CONFIG, "%s: key '%s': a single value is wanted, not %s", source,
                       k->key,
                       r->event.type == YAML_ALIAS_EVENT            ? "an alias"
                       : r->event.type == YAML_SEQUENCE_START_EVENT ? "a list"
                                                                    : "a group of keys");
    if (scalar_text(r, &text, err) < 0)
        return -1;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
        text = "";
    return config_set(c, k->key, text, source, err);
}

static int read_document(struct reader *r, struct config *c, struct err *err)
{
    if (next(r, err) < 0 || next(r, err) < 0) /* stream start; document start or stream end */
        return -1;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return 0; /* empty, or comments only */
    if (next(r, err) < 0)
        return -1;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return err_set(err, ERR_CONFIG, "%s:%zu: lines of the form 'key: value' are wanted",
                       r->path, line_of(r));
    for (;;) {
        if (next(r, err) < 0)
            return -1;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        if (read_pair(r, c, err) < 0)
            return -1;
    }
    if (next(r, err) < 0 || next(r, err) < 0) /* document end; stream end */
        return -1;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return err_set(err, ERR_CONFIG, "%s:%zu: a second document begins here; only one is read",
                       r->path, line_of(r));
    return 0;
}

int config_load_file(struct config *c, const char *path, struct err *err)
{
    struct reader r LB_CLEANUP(reader_clear) = {.path = path};
    r.file = fopen(path, "re");
    if (r.file == NULL)
        return err_sys(err, ERR_CONFIG, "%s", path);
    must(yaml_parser_initialize(&r.parser));
    r.parser_made = true;
    yaml_parser_set_input_file(&r.parser, r.file);
    return read_document(&r, c, err);
}
